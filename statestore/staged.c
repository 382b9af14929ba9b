/* SPDX-License-Identifier: Apache-2.0
 *
 * staged.c - staged over committed over engine, in one ordered map with two values a key.
 *
 *   map:    key ─┬─ staged     (absent, removed or bytes)   ◀─ put, remove
 *                └─ committed  (absent, removed or bytes)   ◀─ commit()
 *   engine: key ──── applied                                ◀─ apply(), a batch in order of keys
 *
 * One search finds both versions; a commit moves pointers along the list of staged entries and
 * copies nothing. A key that many commits overwrite goes down once: apply() sees the last value.
 *
 * In a store with a record cache a write may be held back: it is staged, and readers see it, but
 * changelog and listeners are told of it with the next flush. What they were told before stands
 * beside it as the forwarded version, unless it is committed:
 *
 *   map:    key ─┬─ staged      what the task reads
 *                ├─ forwarded   staged and told, until staged is told too
 *                └─ committed
 *
 * An apply may write behind the task's back. The map is then behind, for whoever writes it to look
 * at, and what is staged goes on in a new one; reads find between the two and the engine:
 *
 *   map ─▶ behind (committed alone) ─▶ engine
 */
#include "statestore/staged_internal.h"

#include <stdlib.h>

/* What a version of an entry costs in memory, near enough. */
static size_t cost_of(const weir_ordered_entry *entry, weir_version version)
{
    if (!weir_ordered_has(entry, version)) {
        return 0;
    }
    return sizeof *entry + entry->key_size + weir_ordered_value(entry, version).size;
}

/* What the engine may have. */

void weir_staged_use_times(weir_staged *staged, int64_t (*time_of)(weir_bytes key))
{
    staged->time_of = time_of;
}

static int64_t time_of(const weir_staged *staged, weir_bytes key)
{
    return staged->time_of == NULL ? 0 : staged->time_of(key);
}

/* An engine that has anything may have all. */
static int64_t look_for_newest(weir_kv *engine)
{
    WEIR_AUTO_PTR(weir_kv_iterator) walk = NULL;
    weir_bytes key;
    weir_bytes value;
    weir_status status =
        weir_kv_range(engine, WEIR_BYTES_NULL, WEIR_BYTES_NULL, false, &walk, NULL);
    status = status == WEIR_OK ? weir_kv_iterator_next(walk, &key, &value, NULL) : status;
    return status == WEIR_NOT_FOUND ? WEIR_STAGED_NOTHING : INT64_MAX;
}

int64_t weir_staged_newest_below(weir_staged *staged)
{
    if (staged->newest_below_ms == WEIR_STAGED_NOT_KNOWN) {
        staged->newest_below_ms = look_for_newest(staged->engine);
    }
    return staged->newest_below_ms;
}

/* False: the engine need not be asked for key. */
static bool may_be_below(weir_staged *staged, weir_bytes key)
{
    return staged->engine != NULL && time_of(staged, key) <= weir_staged_newest_below(staged);
}

static void note_time_below(weir_staged *staged, int64_t time_ms)
{
    int64_t newest_ms = weir_staged_newest_below(staged);
    staged->newest_below_ms = newest_ms < time_ms ? time_ms : newest_ms;
}

void weir_staged_note_below(weir_staged *staged, weir_bytes key)
{
    note_time_below(staged, time_of(staged, key));
}

static void note_committed(weir_staged *staged, const weir_ordered_entry *entry)
{
    int64_t time_ms = time_of(staged, weir_ordered_key(entry));
    if (time_ms > staged->newest_committed_ms) {
        staged->newest_committed_ms = time_ms;
    }
}

/* What is committed goes to the engine. */
static void note_committed_below(weir_staged *staged)
{
    if (staged->newest_committed_ms != WEIR_STAGED_NOTHING) {
        note_time_below(staged, staged->newest_committed_ms);
        staged->newest_committed_ms = WEIR_STAGED_NOTHING;
    }
}

/* What an apply that is behind has of key, null where it removes it; false: nothing. */
static bool find_behind(const weir_staged *staged, weir_bytes key, weir_bytes *out_value)
{
    const weir_ordered_entry *entry =
        staged->behind == NULL ? NULL : weir_ordered_map_find(staged->behind, key);
    if (entry == NULL || !weir_ordered_has(entry, WEIR_COMMITTED)) {
        return false;
    }
    *out_value = weir_ordered_value(entry, WEIR_COMMITTED);
    return true;
}

/* The value of key below the map. */
static weir_status get_below(weir_staged *staged, weir_bytes key, weir_buf *out_value,
                             weir_error *err)
{
    weir_bytes value;
    if (!find_behind(staged, key, &value)) {
        return may_be_below(staged, key) ? weir_kv_get(staged->engine, key, out_value, err)
                                         : WEIR_NOT_FOUND;
    }
    if (value.data == NULL) {
        return WEIR_NOT_FOUND;
    }
    weir_buf_set(out_value, value);
    return WEIR_OK;
}

/* Point reads and writes. */

static weir_status staged_get(weir_kv *kv, weir_bytes key, weir_buf *out_value, weir_error *err)
{
    const weir_staged_side *v = (const weir_staged_side *)kv;
    weir_ordered_entry *entry = weir_ordered_map_find(v->staged->map, key);
    if (entry != NULL && v->staged->cache.budget != NULL && !v->only_looks) {
        weir_record_cache_read(&v->staged->cache, entry);
    }
    if (entry != NULL && weir_ordered_has(entry, weir_staged_visible(v, entry))) {
        weir_bytes value = weir_ordered_value(entry, weir_staged_visible(v, entry));
        if (value.data == NULL) {
            return WEIR_NOT_FOUND;
        }
        if (v->staged->entries_max > 0 && !v->only_looks) {
            weir_use_order_use(&v->staged->uses, entry);
        }
        weir_buf_set(out_value, value);
        return WEIR_OK;
    }
    return get_below(v->staged, key, out_value, err);
}

void weir_staged_expect(weir_staged *staged, weir_bytes key, bool near)
{
    bool is_here = weir_ordered_map_expect(staged->map, key, near);
    if (staged->behind != NULL && !is_here) {
        is_here = weir_ordered_map_expect(staged->behind, key, near);
    }
    staged->expected += is_here ? 1 : 0;
    bool may_be_lower = staged->engine != NULL && staged->newest_below_ms != WEIR_STAGED_NOTHING;
    if (near && !is_here && may_be_lower) {
        weir_kv_expect(staged->engine, key);
    }
}

uint64_t weir_staged_expected(const weir_staged *staged)
{
    return staged->expected;
}

/* Stages value, or a removal where it is null. What is held back of entry keeps what was forwarded
 * before it. */
static void stage(weir_staged *staged, weir_ordered_entry *entry, weir_bytes value)
{
    if (!weir_ordered_has(entry, WEIR_STAGED)) {
        staged->dirty = weir_grow(staged->dirty, staged->dirty_count, &staged->dirty_capacity,
                                  sizeof(weir_ordered_entry *));
        staged->dirty[staged->dirty_count++] = entry;
    }
    staged->staged_bytes -= cost_of(entry, WEIR_STAGED);
    weir_ordered_set(staged->map, entry, WEIR_STAGED, value);
    staged->staged_bytes += cost_of(entry, WEIR_STAGED);
}

static weir_status staged_put(weir_kv *kv, weir_bytes key, weir_bytes value, weir_error *err)
{
    (void)err;
    WEIR_ASSERT(!((weir_staged_side *)kv)->only_looks);

    weir_staged *staged = ((weir_staged_side *)kv)->staged;
    weir_ordered_entry *entry = weir_ordered_map_insert(staged->map, key, value.size);
    stage(staged, entry, value);
    if (staged->entries_max > 0) {
        weir_use_order_use(&staged->uses, entry);
    }
    return WEIR_OK;
}

static weir_status staged_remove(weir_kv *kv, weir_bytes key, weir_error *err)
{
    (void)err;
    WEIR_ASSERT(!((weir_staged_side *)kv)->only_looks);

    weir_staged *staged = ((weir_staged_side *)kv)->staged;
    weir_ordered_entry *entry = weir_ordered_map_insert(staged->map, key, 0);
    stage(staged, entry, WEIR_BYTES_NULL);
    if (staged->entries_max > 0) {
        weir_use_order_drop(&staged->uses, entry);
    }
    return WEIR_OK;
}

/* A bound. */

void weir_staged_bound(weir_staged *staged, size_t entries_max)
{
    WEIR_ASSERT(entries_max > 0 && staged->engine == NULL && staged->cache.budget == NULL);
    WEIR_ASSERT(weir_ordered_map_count(staged->map) == 0);

    weir_ordered_map_free(staged->map);
    staged->map = weir_ordered_map_new_holding();
    staged->entries_max = entries_max;
}

bool weir_staged_has_surplus(weir_staged *staged, weir_bytes *out_key)
{
    if (staged->entries_max == 0 || staged->uses.count <= staged->entries_max) {
        return false;
    }
    *out_key = weir_ordered_key(weir_use_order_eldest(&staged->uses));
    return true;
}

/* Writes that are held back. */

void weir_staged_use_cache(weir_staged *staged, weir_cache_budget *budget)
{
    WEIR_ASSERT(budget != NULL && staged->entries_max == 0);
    WEIR_ASSERT(weir_ordered_map_count(staged->map) == 0);

    weir_ordered_map_free(staged->map);
    staged->map = weir_ordered_map_new_holding();
    staged->cache.budget = budget;
}

const weir_record_cache *weir_staged_cache(const weir_staged *staged)
{
    return staged->cache.budget == NULL ? NULL : &staged->cache;
}

void weir_staged_hold(weir_staged *staged, weir_bytes key, weir_bytes value,
                      const weir_held_origin *origin)
{
    WEIR_ASSERT(staged->cache.budget != NULL);

    weir_ordered_entry *entry = weir_ordered_map_insert(staged->map, key, value.size);
    weir_hold *hold = weir_ordered_hold(entry);
    bool was_staged = weir_ordered_has(entry, WEIR_STAGED);
    if (was_staged && !weir_record_cache_holds(entry)) {
        staged->staged_bytes -= cost_of(entry, WEIR_STAGED);
        weir_ordered_forward(entry);
        weir_ordered_set(staged->map, entry, WEIR_STAGED, value);
        staged->staged_bytes += cost_of(entry, WEIR_STAGED);
    } else {
        stage(staged, entry, value);
    }
    free(hold->owned_source);
    hold->owned_source = origin->owned_source;
    hold->timestamp_ms = origin->timestamp_ms;
    weir_record_cache_wrote(&staged->cache, entry, origin->bytes);
}

bool weir_staged_holds(const weir_staged *staged, weir_bytes key)
{
    WEIR_ASSERT(staged->cache.budget != NULL);

    const weir_ordered_entry *entry = weir_ordered_map_find(staged->map, key);
    return entry != NULL && weir_record_cache_holds(entry);
}

/* What the sink was told last of an entry that is held back, in told_old. */
static weir_status look_up_old(weir_staged *staged, const weir_ordered_entry *entry,
                               weir_bytes *out_old, weir_error *err)
{
    bool forwarded = weir_ordered_has(entry, WEIR_FORWARDED);
    *out_old = WEIR_BYTES_NULL;
    if (forwarded || weir_ordered_has(entry, WEIR_COMMITTED)) {
        weir_bytes old = weir_ordered_value(entry, forwarded ? WEIR_FORWARDED : WEIR_COMMITTED);
        if (old.data == NULL) {
            return WEIR_OK;
        }
        weir_buf_set(&staged->told_old, old);
    } else {
        weir_status status = get_below(staged, weir_ordered_key(entry), &staged->told_old, err);
        if (status != WEIR_OK) {
            return status == WEIR_NOT_FOUND ? WEIR_OK : status;
        }
    }
    *out_old = weir_buf_bytes(&staged->told_old);
    return WEIR_OK;
}

/* Nothing is held back of entry any more; its source is the caller's. */
static void *let_go(weir_staged *staged, weir_ordered_entry *entry)
{
    void *source = weir_ordered_hold(entry)->owned_source;
    weir_ordered_hold(entry)->owned_source = NULL;
    weir_record_cache_release(&staged->cache, entry);
    weir_ordered_drop(staged->map, entry, WEIR_FORWARDED);
    return source;
}

static weir_status tell(weir_staged *staged, weir_ordered_entry *entry, const weir_held_sink *sink,
                        weir_error *err)
{
    weir_bytes value = weir_ordered_value(entry, WEIR_STAGED);
    weir_held_write write = {
        .key = weir_ordered_key(entry), /* A staged entry stays until the commit. */
        .timestamp_ms = weir_ordered_hold(entry)->timestamp_ms,
    };
    if (sink->wants_old || (sink->skips_absent && value.data == NULL)) {
        WEIR_TRY(look_up_old(staged, entry, &write.old, err));
    }
    if (value.data != NULL) {
        weir_buf_set(&staged->told_value, value);
        write.value = weir_buf_bytes(&staged->told_value);
    }
    bool is_skipped = sink->skips_absent && value.data == NULL && write.old.data == NULL;
    WEIR_AUTO_FREE void *source = let_go(staged, entry);
    write.source = source;
    return is_skipped ? WEIR_OK : sink->write(sink->user, &write, err);
}

/* Tells all that was written before it began. */
static weir_status tell_all(weir_staged *staged, const weir_held_sink *sink, weir_error *err)
{
    size_t end = staged->cache.log_count;
    weir_ordered_entry *entry = weir_record_cache_next(&staged->cache, end);
    while (entry != NULL) {
        if (sink->is_full(sink->user)) {
            return WEIR_AGAIN;
        }
        WEIR_TRY(tell(staged, entry, sink, err));
        entry = weir_record_cache_next(&staged->cache, end);
    }
    return WEIR_OK;
}

weir_status weir_staged_flush(weir_staged *staged, const weir_held_sink *sink, weir_error *err)
{
    WEIR_ASSERT(staged->cache.budget != NULL);

    if (staged->cache.is_walked || staged->cache.held == 0) {
        return WEIR_OK;
    }
    weir_record_cache_begin_walk(&staged->cache);
    weir_status status = tell_all(staged, sink, err);
    weir_record_cache_end_walk(&staged->cache);
    return status;
}

weir_status weir_staged_evict(weir_staged *staged, const weir_held_sink *sink, weir_error *err)
{
    WEIR_ASSERT(staged->cache.budget != NULL);

    if (staged->cache.is_walked || staged->cache.held == 0) {
        return WEIR_OK;
    }
    if (sink->is_full(sink->user)) {
        return WEIR_AGAIN;
    }
    weir_record_cache_begin_walk(&staged->cache);
    weir_status status = tell(staged, weir_record_cache_eldest(&staged->cache), sink, err);
    if (status == WEIR_OK) {
        status = tell_all(staged, sink, err);
    }
    weir_record_cache_end_walk(&staged->cache);
    return status;
}

/* Lets go of all that is held back, untold. */
static void drop_held(weir_staged *staged)
{
    WEIR_ASSERT(!staged->cache.is_walked);

    weir_ordered_entry *entry = weir_record_cache_next(&staged->cache, staged->cache.log_count);
    while (entry != NULL) {
        free(let_go(staged, entry));
        entry = weir_record_cache_next(&staged->cache, staged->cache.log_count);
    }
}

/* The store. */

static uint64_t staged_approximate_count(weir_kv *kv)
{
    const weir_staged *staged = ((weir_staged_side *)kv)->staged;
    uint64_t below = staged->engine == NULL ? 0 : weir_kv_approximate_count(staged->engine);
    uint64_t here = weir_ordered_map_count(staged->map) +
                    (staged->behind == NULL ? 0 : weir_ordered_map_count(staged->behind));
    return below > here ? below : here;
}

static void view_free(weir_kv *kv)
{
    (void)kv; /* It belongs to the weir_staged. */
}

static const weir_kv_ops view_ops = {
    .get = staged_get,
    .put = staged_put,
    .remove = staged_remove,
    .range = weir_staged_range,
    .approximate_count = staged_approximate_count,
    .free = view_free,
    .scan_slice = weir_staged_scan_slice,
};

weir_staged *weir_staged_new(const char *name, weir_kv *owned_engine)
{
    WEIR_ASSERT(name != NULL);

    weir_staged *staged = weir_alloc(sizeof *staged);
    staged->name = weir_strdup(name);
    staged->engine = owned_engine;
    staged->newest_below_ms = WEIR_STAGED_NOT_KNOWN;
    staged->newest_committed_ms = WEIR_STAGED_NOTHING;
    staged->map = weir_ordered_map_new();
    staged->view = (weir_staged_side){{&view_ops, staged->name}, staged, false, false};
    staged->committed_view = (weir_staged_side){{&view_ops, staged->name}, staged, true, true};
    staged->uncommitted_view = (weir_staged_side){{&view_ops, staged->name}, staged, false, true};
    return staged;
}

void weir_staged_free(weir_staged *staged)
{
    if (staged == NULL) {
        return;
    }
    WEIR_ASSERT(staged->open_iterators.count == 0);
    drop_held(staged);
    weir_record_cache_cleanup(&staged->cache);
    weir_use_order_cleanup(&staged->uses);
    weir_buf_cleanup(&staged->told_value);
    weir_buf_cleanup(&staged->told_old);
    weir_staged_free_spare(staged);
    weir_kv_free(staged->engine); /* First: it may be reading what is behind. */
    weir_ordered_map_free(staged->behind);
    weir_ordered_map_free(staged->map);
    free(staged->dirty);
    free(staged->name);
    free(staged);
}

weir_kv *weir_staged_view(weir_staged *staged)
{
    return &staged->view.kv;
}

weir_kv *weir_staged_committed_view(weir_staged *staged)
{
    return &staged->committed_view.kv;
}

weir_kv *weir_staged_uncommitted_view(weir_staged *staged)
{
    return &staged->uncommitted_view.kv;
}

weir_kv *weir_staged_engine(const weir_staged *staged)
{
    return staged->engine;
}

/* Committed is the last version there is: a removal of what is not below leaves nothing to
 * remember. Whether the entry is gone. */
static bool forget_if_empty(weir_staged *staged, weir_ordered_entry *entry)
{
    if (weir_ordered_value(entry, WEIR_COMMITTED).data != NULL ||
        weir_ordered_has(entry, WEIR_STAGED)) {
        return false;
    }
    bool hides =
        weir_ordered_has(entry, WEIR_COMMITTED) && may_be_below(staged, weir_ordered_key(entry));
    if (hides) {
        return false;
    }
    staged->committed_bytes -= cost_of(entry, WEIR_COMMITTED);
    if (staged->entries_max > 0) {
        weir_use_order_forget(&staged->uses, entry);
    }
    weir_ordered_map_remove(staged->map, entry);
    return true;
}

void weir_staged_commit(weir_staged *staged)
{
    WEIR_ASSERT(staged->open_iterators.count == 0);
    WEIR_ASSERT(staged->cache.held == 0);

    weir_use_order_commit(&staged->uses);
    for (size_t i = 0; i < staged->dirty_count; i++) {
        enum { AHEAD = 8 };
        if (i + AHEAD < staged->dirty_count) {
            __builtin_prefetch(staged->dirty[i + AHEAD]);
        }
        weir_ordered_entry *entry = staged->dirty[i];
        staged->committed_bytes -= cost_of(entry, WEIR_COMMITTED);
        weir_ordered_commit(staged->map, entry);
        staged->committed_bytes += cost_of(entry, WEIR_COMMITTED);
        if (!forget_if_empty(staged, entry)) {
            note_committed(staged, entry);
        }
    }
    staged->dirty_count = 0;
    staged->staged_bytes = 0;
}

void weir_staged_abort(weir_staged *staged)
{
    WEIR_ASSERT(staged->open_iterators.count == 0);
    drop_held(staged);
    weir_use_order_abort(&staged->uses);

    for (size_t i = 0; i < staged->dirty_count; i++) {
        weir_ordered_entry *entry = staged->dirty[i];
        if (staged->entries_max > 0) {
            weir_use_order_restore(&staged->uses, entry);
        }
        weir_ordered_drop(staged->map, entry, WEIR_STAGED);
        (void)forget_if_empty(staged, entry);
    }
    staged->dirty_count = 0;
    staged->staged_bytes = 0;
}

static void each_committed(const weir_ordered_map *map, weir_staged_writer write, void *user)
{
    WEIR_AUTO_FREE weir_ordered_entry **sorted = weir_ordered_map_sorted(map);
    size_t count = weir_ordered_map_count(map);
    for (size_t i = 0; i < count; i++) {
        enum { AHEAD = 16, LINE_BYTES = 64 };
        if (i + AHEAD < count) {
            __builtin_prefetch(sorted[i + AHEAD]);
            __builtin_prefetch((const char *)sorted[i + AHEAD] + LINE_BYTES);
        }
        const weir_ordered_entry *entry = sorted[i];
        if (weir_ordered_has(entry, WEIR_COMMITTED)) {
            write(user, weir_ordered_key(entry), weir_ordered_value(entry, WEIR_COMMITTED));
        }
    }
}

void weir_staged_each_committed(weir_staged *staged, weir_staged_writer write, void *user)
{
    if (staged->engine != NULL) {
        note_committed_below(staged);
        each_committed(staged->map, write, user);
    }
}

/* Moves what is staged, or held back, to the new map. */
static weir_ordered_entry *move_staged(weir_staged *staged, weir_ordered_entry *from)
{
    weir_bytes value = weir_ordered_value(from, WEIR_STAGED);
    weir_ordered_entry *to =
        weir_ordered_map_insert(staged->map, weir_ordered_key(from), value.size);
    if (staged->cache.budget != NULL && weir_record_cache_holds(from)) {
        if (weir_ordered_has(from, WEIR_FORWARDED)) {
            weir_ordered_set(staged->map, to, WEIR_STAGED,
                             weir_ordered_value(from, WEIR_FORWARDED));
            weir_ordered_forward(to);
        }
        weir_record_cache_move(&staged->cache, from, to);
    }
    weir_ordered_set(staged->map, to, WEIR_STAGED, value);
    return to;
}

/* What is staged gets a map of its own; the old one, where what is committed stays, is the
 * caller's. That costs nothing a committed entry, and the new one has whole chunks, not pieces all
 * over memory. */
static weir_ordered_map *part_committed(weir_staged *staged)
{
    weir_ordered_map *old = staged->map;
    staged->map =
        staged->cache.budget == NULL ? weir_ordered_map_new() : weir_ordered_map_new_holding();
    weir_record_cache_begin_move(&staged->cache);
    for (size_t i = 0; i < staged->dirty_count; i++) {
        enum { AHEAD = 8 };
        if (i + AHEAD < staged->dirty_count) {
            __builtin_prefetch(staged->dirty[i + AHEAD]);
        }
        staged->dirty[i] = move_staged(staged, staged->dirty[i]);
    }
    staged->committed_bytes = 0;
    return old;
}

void weir_staged_applied(weir_staged *staged)
{
    WEIR_ASSERT(staged->open_iterators.count == 0);

    if (staged->engine == NULL) {
        return;
    }
    if (staged->dirty_count > 0) {
        weir_ordered_map_free(part_committed(staged));
    } else {
        weir_ordered_map_clear(staged->map);
    }
    staged->committed_bytes = 0;
}

void weir_staged_go_behind(weir_staged *staged)
{
    WEIR_ASSERT(staged->open_iterators.count == 0);
    WEIR_ASSERT(staged->engine != NULL && staged->behind == NULL);

    note_committed_below(staged);
    staged->behind = part_committed(staged);
}

bool weir_staged_is_behind(const weir_staged *staged)
{
    return staged->behind != NULL;
}

size_t weir_staged_behind_count(const weir_staged *staged)
{
    return weir_ordered_map_count(staged->behind);
}

size_t weir_staged_behind_bytes(const weir_staged *staged)
{
    return weir_ordered_map_held_bytes(staged->behind);
}

void weir_staged_each_behind(const weir_staged *staged, weir_staged_writer write, void *user)
{
    each_committed(staged->behind, write, user);
}

void weir_staged_caught_up(weir_staged *staged)
{
    weir_ordered_map_free(weir_take(&staged->behind));
}

/* One more was restored: the eldest goes, and nobody is told, as in Kafka Streams. */
static void drop_surplus(weir_staged *staged)
{
    if (staged->uses.count > staged->entries_max) {
        weir_ordered_entry *eldest = weir_use_order_eldest(&staged->uses);
        staged->committed_bytes -= cost_of(eldest, WEIR_COMMITTED);
        weir_ordered_drop(staged->map, eldest, WEIR_COMMITTED);
        (void)forget_if_empty(staged, eldest);
    }
}

static void put_committed(weir_staged *staged, const weir_restore_entry *row)
{
    weir_ordered_entry *entry = weir_ordered_map_insert(staged->map, row->key, row->value.size);
    staged->committed_bytes -= cost_of(entry, WEIR_COMMITTED);
    weir_ordered_set(staged->map, entry, WEIR_COMMITTED, row->value);
    staged->committed_bytes += cost_of(entry, WEIR_COMMITTED);
    if (staged->entries_max > 0 && row->value.data != NULL) {
        weir_use_order_use(&staged->uses, entry);
        drop_surplus(staged);
    }
    if (!forget_if_empty(staged, entry)) {
        note_committed(staged, entry);
    }
}

void weir_staged_put_committed(weir_staged *staged, const weir_restore_entry *rows, size_t count)
{
    enum { FAR = 16, NEAR = 8 };
    WEIR_ASSERT(staged->dirty_count == 0);

    for (size_t i = 0; i < count; i++) {
        if (i + FAR < count) {
            (void)weir_ordered_map_expect(staged->map, rows[i + FAR].key, false);
        }
        if (i + NEAR < count) {
            (void)weir_ordered_map_expect(staged->map, rows[i + NEAR].key, true);
        }
        put_committed(staged, &rows[i]);
    }
    weir_use_order_commit(&staged->uses);
}

void weir_staged_clear(weir_staged *staged)
{
    WEIR_ASSERT(staged->open_iterators.count == 0);

    drop_held(staged);
    weir_ordered_map_clear(staged->map);
    weir_staged_caught_up(staged);
    weir_use_order_cleanup(&staged->uses);
    staged->dirty_count = 0;
    staged->staged_bytes = 0;
    staged->committed_bytes = 0;
    staged->newest_below_ms = WEIR_STAGED_NOT_KNOWN;
    staged->newest_committed_ms = WEIR_STAGED_NOTHING;
}

const weir_open_iterators *weir_staged_open_iterators(const weir_staged *staged)
{
    return &staged->open_iterators;
}

void weir_staged_measure_iterators(weir_staged *staged, const weir_iterator_measures *measures)
{
    staged->open_iterators.measures = *measures;
}

size_t weir_staged_staged_bytes(const weir_staged *staged)
{
    return staged->staged_bytes;
}

size_t weir_staged_committed_bytes(const weir_staged *staged)
{
    return staged->engine == NULL ? 0 : staged->committed_bytes;
}
