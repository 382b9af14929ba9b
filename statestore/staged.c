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

void weir_staged_note_below(weir_staged *staged, weir_bytes key)
{
    int64_t newest_ms = weir_staged_newest_below(staged);
    int64_t time_ms = time_of(staged, key);
    staged->newest_below_ms = newest_ms < time_ms ? time_ms : newest_ms;
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
    return may_be_below(v->staged, key) ? weir_kv_get(v->staged->engine, key, out_value, err)
                                        : WEIR_NOT_FOUND;
}

void weir_staged_expect(weir_staged *staged, weir_bytes key, bool near)
{
    bool is_here = weir_ordered_map_expect(staged->map, key, near);
    staged->expected += is_here ? 1 : 0;
    if (near && !is_here && staged->engine != NULL) {
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
    } else if (!may_be_below(staged, weir_ordered_key(entry))) {
        return WEIR_OK;
    } else {
        weir_status status =
            weir_kv_get(staged->engine, weir_ordered_key(entry), &staged->told_old, err);
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
    uint64_t here = weir_ordered_map_count(staged->map);
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
    weir_kv_free(staged->engine);
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
 * remember. */
static void forget_if_empty(weir_staged *staged, weir_ordered_entry *entry)
{
    if (weir_ordered_value(entry, WEIR_COMMITTED).data != NULL ||
        weir_ordered_has(entry, WEIR_STAGED)) {
        return;
    }
    bool hides =
        weir_ordered_has(entry, WEIR_COMMITTED) && may_be_below(staged, weir_ordered_key(entry));
    if (hides) {
        return;
    }
    staged->committed_bytes -= cost_of(entry, WEIR_COMMITTED);
    if (staged->entries_max > 0) {
        weir_use_order_forget(&staged->uses, entry);
    }
    weir_ordered_map_remove(staged->map, entry);
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
        forget_if_empty(staged, entry);
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
        forget_if_empty(staged, entry);
    }
    staged->dirty_count = 0;
    staged->staged_bytes = 0;
}

void weir_staged_each_committed(weir_staged *staged, weir_staged_writer write, void *user)
{
    if (staged->engine == NULL) {
        return;
    }
    WEIR_AUTO_FREE weir_ordered_entry **sorted = weir_ordered_map_sorted(staged->map);
    size_t count = weir_ordered_map_count(staged->map);
    for (size_t i = 0; i < count; i++) {
        enum { AHEAD = 16, LINE_BYTES = 64 };
        if (i + AHEAD < count) {
            __builtin_prefetch(sorted[i + AHEAD]);
            __builtin_prefetch((const char *)sorted[i + AHEAD] + LINE_BYTES);
        }
        const weir_ordered_entry *entry = sorted[i];
        if (weir_ordered_has(entry, WEIR_COMMITTED)) {
            weir_staged_note_below(staged, weir_ordered_key(entry));
            write(user, staged->engine, weir_ordered_key(entry),
                  weir_ordered_value(entry, WEIR_COMMITTED));
        }
    }
}

/* Drops committed versions one by one. */
static void drop_committed(weir_staged *staged)
{
    size_t count = weir_ordered_map_count(staged->map);
    WEIR_AUTO_FREE weir_ordered_entry **entries = weir_alloc_array(count, sizeof *entries);
    weir_ordered_place place = {0};
    for (size_t i = 0; i < count; i++) {
        entries[i] = weir_ordered_map_next(staged->map, &place);
    }
    for (size_t i = 0; i < count; i++) {
        weir_ordered_drop(staged->map, entries[i], WEIR_COMMITTED);
        forget_if_empty(staged, entries[i]);
    }
}

/* A write that waits beside the map; its key and value lie one after the other. */
typedef struct set_aside {
    size_t key_size;
    size_t value_size;
    bool is_removal;
} set_aside;

static void put_back(weir_staged *staged, const set_aside *writes, size_t count, weir_bytes bytes)
{
    const char *at = bytes.data;
    for (size_t i = 0; i < count; i++) {
        const set_aside *write = &writes[i];
        weir_bytes value = weir_bytes_of(at + write->key_size, write->value_size);
        stage(staged,
              weir_ordered_map_insert(staged->map, weir_bytes_of(at, write->key_size), value.size),
              write->is_removal ? WEIR_BYTES_NULL : value);
        at += write->key_size + write->value_size;
    }
}

/* The same where few writes are staged: these are set aside while the map is emptied, which costs
 * nothing an entry and leaves whole chunks, not pieces all over memory, for the next ones. */
static void clear_but_staged(weir_staged *staged)
{
    WEIR_AUTO(weir_buf) bytes = {0};
    size_t count = staged->dirty_count;
    WEIR_AUTO_FREE set_aside *writes = weir_alloc_array(count, sizeof *writes);
    weir_buf_reserve(&bytes, 1); /* An empty key is no null. */
    for (size_t i = 0; i < count; i++) {
        weir_bytes key = weir_ordered_key(staged->dirty[i]);
        weir_bytes value = weir_ordered_value(staged->dirty[i], WEIR_STAGED);
        writes[i] = (set_aside){key.size, value.size, value.data == NULL};
        weir_buf_append(&bytes, key.data, key.size);
        if (value.size > 0) {
            weir_buf_append(&bytes, value.data, value.size);
        }
    }
    weir_ordered_map_clear(staged->map);
    staged->dirty_count = 0;
    staged->staged_bytes = 0;
    put_back(staged, writes, count, weir_buf_bytes(&bytes));
}

void weir_staged_applied(weir_staged *staged)
{
    WEIR_ASSERT(staged->open_iterators.count == 0);

    if (staged->engine == NULL) {
        return;
    }
    enum { FEW_PART = 4 };
    if (staged->dirty_count == 0) {
        weir_ordered_map_clear(staged->map);
    } else if (staged->cache.budget == NULL &&
               staged->dirty_count < weir_ordered_map_count(staged->map) / FEW_PART) {
        clear_but_staged(staged);
    } else {
        drop_committed(staged); /* What is held back stays where its log says. */
    }
    staged->committed_bytes = 0;
}

/* One more was restored: the eldest goes, and nobody is told, as in Kafka Streams. */
static void drop_surplus(weir_staged *staged)
{
    if (staged->uses.count > staged->entries_max) {
        weir_ordered_entry *eldest = weir_use_order_eldest(&staged->uses);
        staged->committed_bytes -= cost_of(eldest, WEIR_COMMITTED);
        weir_ordered_drop(staged->map, eldest, WEIR_COMMITTED);
        forget_if_empty(staged, eldest);
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
    forget_if_empty(staged, entry);
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
    weir_use_order_cleanup(&staged->uses);
    staged->dirty_count = 0;
    staged->staged_bytes = 0;
    staged->committed_bytes = 0;
    staged->newest_below_ms = WEIR_STAGED_NOT_KNOWN;
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
