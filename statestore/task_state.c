/* SPDX-License-Identifier: Apache-2.0
 *
 * task_state.c - the stores of one task and its positions, committed and applied together.
 *
 *   store "urls"  ─ staged.c ─┐
 *   store "hosts" ─ staged.c ─┼─ apply(): one write batch ─▶ RocksDB
 *   positions (label, offset) ┘
 *
 * What is much goes before the batch, each store's as a file of the database.
 *
 * A position has the same three versions as a value: staged, committed, applied. The applied ones
 * are read once, when the state is made. A position is on disk in the family "weir/positions" under
 * partition | application_id | 0 | label.
 *
 * A store in memory has nothing applied, so neither has a position whose label begins with its
 * name: after a restart it must be restored from the beginning.
 */
#include "statestore/task_state.h"

#include "statestore/restore_order.h"
#include "statestore/rocksdb_store.h"
#include "statestore/staged.h"
#include "streams/base/map.h"
#include "streams/base/serde.h"

#include <stdlib.h>
#include <string.h>

enum { STORES_MAX = 256, OFFSET_BYTES = 8, NO_OFFSET = -1 };

typedef struct store {
    char *name;
    weir_staged *staged;
    weir_store_engine engine;
} store;

/* Offsets, or NO_OFFSET. */
typedef struct position {
    int64_t applied;
    int64_t behind; /* Waits for the files of its apply. */
    int64_t committed;
    int64_t staged;
} position;

struct weir_task_state {
    weir_database *database;
    char *application_id;
    int32_t partition;
    store stores[STORES_MAX];
    size_t store_count;
    weir_map *positions;       /* Label to position. */
    weir_kv *position_store;   /* NULL without a database. */
    weir_buf position_key;     /* application_id | 0, and behind it the label of the call. */
    size_t position_key_start; /* How long that beginning is. */
    bool is_restored;          /* What is committed came from restores that wait. */
    bool is_behind;            /* Files of an apply are under way, and its positions wait. */
};

/* Positions. */

static position *position_of(weir_task_state *state, weir_bytes label)
{
    position *p = weir_map_get(state->positions, label);
    if (p == NULL) {
        p = weir_alloc(sizeof *p);
        *p = (position){NO_OFFSET, NO_OFFSET, NO_OFFSET, NO_OFFSET};
        (void)weir_map_put(state->positions, label, p);
    }
    return p;
}

static void forget_positions(weir_task_state *state)
{
    size_t index = 0;
    void *p;
    while (weir_map_next(state->positions, &index, NULL, &p)) {
        free(p);
    }
    weir_map_free(state->positions);
    state->positions = weir_map_new();
}

static weir_bytes position_prefix(weir_task_state *state)
{
    state->position_key.size = state->position_key_start;
    return weir_buf_bytes(&state->position_key);
}

static weir_bytes position_key(weir_task_state *state, weir_bytes label)
{
    state->position_key.size = state->position_key_start;
    weir_buf_append(&state->position_key, label.data, label.size);
    return weir_buf_bytes(&state->position_key);
}

static weir_status load_positions(weir_task_state *state, weir_error *err)
{
    WEIR_AUTO_PTR(weir_kv_iterator) it = NULL;
    WEIR_TRY(weir_kv_prefix(state->position_store, position_prefix(state), &it, err));
    weir_bytes key;
    weir_bytes value;
    weir_status status = weir_kv_iterator_next(it, &key, &value, err);
    for (; status == WEIR_OK; status = weir_kv_iterator_next(it, &key, &value, err)) {
        if (value.size != OFFSET_BYTES) {
            return weir_error_set(err, WEIR_CORRUPT, "%s: a position of %zu bytes, expected %d",
                                  state->application_id, value.size, OFFSET_BYTES);
        }
        size_t start = state->position_key_start;
        weir_bytes label = weir_bytes_of((const char *)key.data + start, key.size - start);
        position_of(state, label)->applied = (int64_t)weir_get_u64_be(value.data);
    }
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

/* Whether label is the position of a store in memory. */
static bool is_in_memory(const weir_task_state *state, weir_bytes label)
{
    for (size_t i = 0; i < state->store_count; i++) {
        const store *s = &state->stores[i];
        size_t size = strlen(s->name);
        if (s->engine == WEIR_ENGINE_MEMORY && label.size > size &&
            memcmp(label.data, s->name, size) == 0 && ((const char *)label.data)[size] == ':') {
            return true;
        }
    }
    return false;
}

weir_status weir_task_state_position(weir_task_state *state, const char *label, int64_t *out_offset,
                                     weir_error *err)
{
    (void)err;
    const position *p = weir_map_get(state->positions, weir_bytes_of_text(label));
    if (p == NULL || p->applied == NO_OFFSET) {
        return WEIR_NOT_FOUND;
    }
    *out_offset = p->applied;
    return WEIR_OK;
}

void weir_task_state_set_position(weir_task_state *state, const char *label, int64_t offset)
{
    WEIR_ASSERT(offset >= 0);

    position_of(state, weir_bytes_of_text(label))->staged = offset;
}

/* Life. */

weir_status weir_task_state_new(weir_database *database, const char *application_id,
                                int32_t partition, weir_task_state **out_state, weir_error *err)
{
    WEIR_ASSERT(application_id != NULL && application_id[0] != '\0');
    WEIR_ASSERT(partition >= 0);

    WEIR_AUTO_PTR(weir_task_state) state = weir_alloc(sizeof *state);
    state->database = database;
    state->application_id = weir_strdup(application_id);
    state->partition = partition;
    state->positions = weir_map_new();
    weir_buf_append(&state->position_key, application_id, strlen(application_id) + 1);
    state->position_key_start = state->position_key.size;
    if (database != NULL) {
        WEIR_TRY(weir_rocksdb_store_new(database, "weir/positions", "positions", partition,
                                        &state->position_store, err));
        WEIR_TRY(load_positions(state, err));
    }
    *out_state = weir_take(&state);
    return WEIR_OK;
}

void weir_task_state_free(weir_task_state *state)
{
    if (state == NULL) {
        return;
    }
    for (size_t i = 0; i < state->store_count; i++) {
        weir_staged_free(state->stores[i].staged);
        free(state->stores[i].name);
    }
    forget_positions(state);
    weir_map_free(state->positions);
    weir_kv_free(state->position_store);
    weir_buf_cleanup(&state->position_key);
    free(state->application_id);
    free(state);
}

static store *store_named(weir_task_state *state, const char *name)
{
    for (size_t i = 0; i < state->store_count; i++) {
        if (strcmp(state->stores[i].name, name) == 0) {
            return &state->stores[i];
        }
    }
    return NULL;
}

weir_status weir_task_state_add_store(weir_task_state *state, const char *name,
                                      weir_store_engine engine, weir_kv **out_kv, weir_error *err)
{
    WEIR_ASSERT(name != NULL && name[0] != '\0');
    WEIR_ASSERT(store_named(state, name) == NULL);

    if (state->store_count == STORES_MAX) {
        return weir_error_set(err, WEIR_INVALID, "%s: more than %d stores in a task", name,
                              STORES_MAX);
    }
    if (engine == WEIR_ENGINE_ROCKSDB && state->database == NULL) {
        return weir_error_set(err, WEIR_INVALID,
                              "%s: a RocksDB store needs a database: set state.dir", name);
    }
    store *s = &state->stores[state->store_count];
    WEIR_AUTO_FREE char *owned_name = weir_strdup(name);
    weir_kv *kv = NULL;
    if (engine == WEIR_ENGINE_ROCKSDB) {
        WEIR_AUTO_FREE char *family = weir_format("%s/%s", state->application_id, name);
        WEIR_TRY(weir_rocksdb_store_new(state->database, family, owned_name, state->partition, &kv,
                                        err));
    }
    s->staged = weir_staged_new(name, kv);
    s->name = weir_take(&owned_name);
    s->engine = engine;
    state->store_count++;
    *out_kv = weir_staged_view(s->staged);
    return WEIR_OK;
}

weir_staged *weir_task_state_use_cache(weir_task_state *state, const char *name,
                                       weir_cache_budget *budget)
{
    store *s = store_named(state, name);
    WEIR_ASSERT(s != NULL);

    weir_staged_use_cache(s->staged, budget);
    return s->staged;
}

weir_staged *weir_task_state_staged(weir_task_state *state, const char *name)
{
    store *s = store_named(state, name);
    WEIR_ASSERT(s != NULL);

    return s->staged;
}

weir_kv *weir_task_state_committed_view(weir_task_state *state, const char *name)
{
    store *s = store_named(state, name);
    return s == NULL ? NULL : weir_staged_committed_view(s->staged);
}

/* Commit, abort, apply. */

void weir_task_state_commit(weir_task_state *state)
{
    for (size_t i = 0; i < state->store_count; i++) {
        weir_staged_commit(state->stores[i].staged);
    }
    size_t index = 0;
    void *value;
    while (weir_map_next(state->positions, &index, NULL, &value)) {
        position *p = value;
        if (p->staged != NO_OFFSET) {
            p->committed = p->staged;
            p->staged = NO_OFFSET;
        }
    }
}

void weir_task_state_abort(weir_task_state *state)
{
    for (size_t i = 0; i < state->store_count; i++) {
        weir_staged_abort(state->stores[i].staged);
    }
    size_t index = 0;
    void *value;
    while (weir_map_next(state->positions, &index, NULL, &value)) {
        ((position *)value)->staged = NO_OFFSET;
    }
}

/* A batch, and the store whose writes go into it. */
typedef struct batch_part {
    weir_write_batch *batch;
    weir_kv *engine;
} batch_part;

static void add_to_batch(void *user, weir_bytes key, weir_bytes value)
{
    const batch_part *part = user;
    weir_write_batch_put(part->batch, part->engine, key, value);
}

/* Adds the committed positions that have a place on disk, or those that waited. */
static void add_positions(weir_task_state *state, bool behind, weir_write_batch *batch)
{
    size_t index = 0;
    weir_bytes label;
    void *value;
    while (weir_map_next(state->positions, &index, &label, &value)) {
        const position *p = value;
        int64_t to = behind ? p->behind : p->committed;
        if (to != NO_OFFSET && !is_in_memory(state, label)) {
            uint8_t offset[OFFSET_BYTES];
            weir_put_u64_be(offset, (uint64_t)to);
            weir_write_batch_put(batch, state->position_store, position_key(state, label),
                                 weir_bytes_of(offset, sizeof offset));
        }
    }
}

static void positions_applied(weir_task_state *state, bool behind)
{
    size_t index = 0;
    weir_bytes label;
    void *value;
    while (weir_map_next(state->positions, &index, &label, &value)) {
        position *p = value;
        int64_t *from = behind ? &p->behind : &p->committed;
        if (*from != NO_OFFSET && !is_in_memory(state, label)) {
            p->applied = *from;
        }
        *from = NO_OFFSET;
    }
}

static void positions_wait(weir_task_state *state)
{
    size_t index = 0;
    void *value;
    while (weir_map_next(state->positions, &index, NULL, &value)) {
        position *p = value;
        p->behind = p->committed;
        p->committed = NO_OFFSET;
    }
}

/* What is committed in a store, in the order of keys. */
typedef struct gathering {
    weir_restore_entry *entries;
    size_t count;
    size_t capacity;
} gathering;

static void gathering_cleanup(gathering *gathered)
{
    free(gathered->entries);
}

static void gather(void *user, weir_bytes key, weir_bytes value)
{
    gathering *to = user;
    to->entries = weir_grow(to->entries, to->count, &to->capacity, sizeof *to->entries);
    to->entries[to->count++] = (weir_restore_entry){key, value};
}

/* Writes in the order of keys: as a file of the database, if there are many. An ingested file may
 * be on disk before its position is: a crash in between restores it again, and the same entries
 * give the same rows. They are committed, so none is ever ahead of the commit. */
static weir_status write_sorted(const weir_task_state *state, const store *s,
                                const weir_restore_entry *const *sorted, size_t count,
                                weir_write_batch *batch, weir_error *err)
{
    weir_kv *engine = weir_staged_engine(s->staged);
    if (count >= weir_rocksdb_ingest_entries_min(state->database)) {
        return weir_rocksdb_store_ingest(engine, sorted, count, err);
    }
    for (size_t i = 0; i < count; i++) {
        weir_write_batch_put(batch, engine, sorted[i]->key, sorted[i]->value);
    }
    return WEIR_OK;
}

/* What is committed in a store, gathered and in order. */
static weir_status write_gathered(const weir_task_state *state, const store *s,
                                  weir_write_batch *batch, weir_error *err)
{
    weir_kv *engine = weir_staged_engine(s->staged);
    WEIR_AUTO(gathering) gathered = {0};
    weir_staged_each_committed(s->staged, gather, &gathered);
    const weir_restore_entry **sorted = weir_alloc_array(gathered.count, sizeof *sorted);
    WEIR_AUTO_FREE const void *owner = sorted;
    for (size_t i = 0; i < gathered.count; i++) {
        sorted[i] = &gathered.entries[i];
    }
    return state->is_restored
               ? write_sorted(state, s, sorted, gathered.count, batch, err)
               : weir_rocksdb_store_ingest_applied(engine, sorted, gathered.count, err);
}

static void each_behind(const void *keeper, weir_row_taker take, void *user)
{
    weir_staged_each_behind(keeper, take, user);
}

/* What the store has behind is in the engine, and forgotten here. */
static weir_status settle(const store *s, bool may_wait, weir_error *err)
{
    WEIR_TRY(weir_rocksdb_store_settle(weir_staged_engine(s->staged), may_wait, err));
    weir_staged_caught_up(s->staged);
    return WEIR_OK;
}

/* The same, but a thread of the database does it, and the store keeps the rows meanwhile. */
static weir_status write_behind(const store *s, weir_error *err)
{
    weir_staged_go_behind(s->staged);
    const weir_kept_rows rows = {
        .each = each_behind,
        .keeper = s->staged,
        .count = weir_staged_behind_count(s->staged),
        .bytes = weir_staged_behind_bytes(s->staged),
    };
    WEIR_TRY(weir_rocksdb_store_ingest_behind(weir_staged_engine(s->staged), &rows, err));
    weir_status status = settle(s, false, err); /* What had no room is there, and goes. */
    return status == WEIR_AGAIN ? WEIR_OK : status;
}

/* Through a memtable a row costs more than in a file (docs/decisions/0115). */
static bool is_worth_file(const weir_task_state *state, const store *s)
{
    return weir_staged_committed_bytes(s->staged) >=
           weir_rocksdb_apply_file_bytes_min(state->database);
}

/* Files first, whose rows may be on disk before their position is (write_sorted). Where they are
 * behind, so may the rows of the batch, for positions wait for the files. */
static weir_status write_committed(weir_task_state *state, bool behind, weir_error *err)
{
    WEIR_AUTO_PTR(weir_write_batch) batch = weir_write_batch_new(state->database);
    for (size_t i = 0; i < state->store_count; i++) {
        const store *s = &state->stores[i];
        if (s->engine != WEIR_ENGINE_ROCKSDB) {
            continue;
        }
        WEIR_TRY(settle(s, true, err)); /* An apply that failed may have begun. */
        if (behind && is_worth_file(state, s)) {
            WEIR_TRY(write_behind(s, err));
        } else if (state->is_restored || is_worth_file(state, s)) {
            WEIR_TRY(write_gathered(state, s, batch, err));
        } else {
            batch_part part = {batch, weir_staged_engine(s->staged)};
            weir_staged_each_committed(s->staged, add_to_batch, &part);
        }
    }
    if (!behind) {
        add_positions(state, false, batch);
    }
    return weir_write_batch_write(batch, err);
}

/* Ends an apply whose files are behind: they are on disk, and so go its positions. */
static weir_status catch_up(weir_task_state *state, bool may_wait, weir_error *err)
{
    for (size_t i = 0; i < state->store_count; i++) {
        const store *s = &state->stores[i];
        if (s->engine == WEIR_ENGINE_ROCKSDB) {
            WEIR_TRY(settle(s, may_wait, err));
        }
    }
    if (!state->is_behind) {
        return WEIR_OK;
    }
    WEIR_AUTO_PTR(weir_write_batch) batch = weir_write_batch_new(state->database);
    add_positions(state, true, batch);
    WEIR_TRY(weir_write_batch_write(batch, err));
    positions_applied(state, true);
    state->is_behind = false;
    return WEIR_OK;
}

static bool has_files(const weir_task_state *state)
{
    for (size_t i = 0; i < state->store_count; i++) {
        const store *s = &state->stores[i];
        if (s->engine == WEIR_ENGINE_ROCKSDB && is_worth_file(state, s)) {
            return true;
        }
    }
    return false;
}

/* Applies what is committed; its files may be behind then. */
static weir_status apply(weir_task_state *state, bool behind, weir_error *err)
{
    WEIR_TRY(catch_up(state, true, err));
    WEIR_TRY(write_committed(state, behind, err));
    for (size_t i = 0; i < state->store_count; i++) {
        if (!weir_staged_is_behind(state->stores[i].staged)) {
            weir_staged_applied(state->stores[i].staged);
        }
    }
    if (behind) {
        positions_wait(state);
        state->is_behind = true;
        return catch_up(state, false, err);
    }
    state->is_restored = false;
    positions_applied(state, false);
    return WEIR_OK;
}

static weir_status wrap_apply(const weir_task_state *state, weir_status status, weir_error *err)
{
    return status == WEIR_OK || status == WEIR_AGAIN
               ? status
               : weir_error_wrap(err, status, "%s[%d]: apply", state->application_id,
                                 (int)state->partition);
}

weir_status weir_task_state_apply(weir_task_state *state, weir_error *err)
{
    return state->database == NULL ? WEIR_OK : wrap_apply(state, apply(state, false, err), err);
}

weir_status weir_task_state_apply_behind(weir_task_state *state, weir_error *err)
{
    if (state->is_behind) {
        return wrap_apply(state, catch_up(state, false, err), err);
    }
    return state->is_restored || !has_files(state)
               ? weir_task_state_apply(state, err)
               : wrap_apply(state, apply(state, true, err), err);
}

bool weir_task_state_is_behind(const weir_task_state *state)
{
    return state->is_behind;
}

size_t weir_task_state_staged_bytes(const weir_task_state *state)
{
    size_t bytes = 0;
    for (size_t i = 0; i < state->store_count; i++) {
        bytes += weir_staged_staged_bytes(state->stores[i].staged);
    }
    return bytes;
}

size_t weir_task_state_committed_bytes(const weir_task_state *state)
{
    size_t bytes = 0;
    for (size_t i = 0; i < state->store_count; i++) {
        bytes += weir_staged_committed_bytes(state->stores[i].staged);
    }
    return bytes;
}

/* Restore, wipe. */

static weir_status check_restore_entry(const char *name, const weir_restore_entry *entry,
                                       weir_error *err)
{
    if (entry->key.data == NULL || entry->key.size > WEIR_KV_KEY_BYTES_MAX ||
        entry->value.size > WEIR_KV_VALUE_BYTES_MAX) {
        return weir_error_set(err, WEIR_BAD_RECORD,
                              "%s: changelog entry with a key of %zu and a value of %zu bytes",
                              name, entry->key.size, entry->value.size);
    }
    return WEIR_OK;
}

/* Writes the last entry of each key past the staged views, then the position. */
static weir_status restore_to_disk(weir_task_state *state, const store *s,
                                   const weir_restore_batch *batch, weir_error *err)
{
    const weir_restore_entry **last = weir_alloc_array(batch->count, sizeof *last);
    WEIR_AUTO_FREE const void *owner = last;
    size_t count = weir_restore_order(batch->entries, batch->count, last);
    for (size_t i = 0; i < count; i++) {
        weir_staged_note_below(s->staged, last[i]->key);
    }
    WEIR_AUTO_PTR(weir_write_batch) writes = weir_write_batch_new(state->database);
    WEIR_TRY(write_sorted(state, s, last, count, writes, err));
    add_positions(state, false, writes);
    WEIR_TRY(weir_write_batch_write(writes, err));
    positions_applied(state, false);
    return WEIR_OK;
}

/* A position that a restore has moved on. */
typedef struct changed_position {
    position *position; /* NULL: none. */
    int64_t committed_before;
} changed_position;

static changed_position change_position(weir_task_state *state, const char *label, int64_t offset)
{
    if (label == NULL) {
        return (changed_position){0};
    }
    WEIR_ASSERT(offset >= 0);
    position *to = position_of(state, weir_bytes_of_text(label));
    changed_position changed = {to, to->committed};
    to->committed = offset;
    return changed;
}

static void change_back(const changed_position *changed)
{
    if (changed->position != NULL) {
        changed->position->committed = changed->committed_before;
    }
}

weir_status weir_task_state_restore(weir_task_state *state, const weir_restore_batch *batch,
                                    weir_error *err)
{
    WEIR_ASSERT(weir_task_state_staged_bytes(state) == 0);
    WEIR_ASSERT(batch->may_wait || weir_task_state_committed_bytes(state) == 0);
    store *s = store_named(state, batch->store);
    WEIR_ASSERT(s != NULL);

    for (size_t i = 0; i < batch->count; i++) {
        WEIR_TRY(check_restore_entry(s->name, &batch->entries[i], err));
    }
    WEIR_TRY(catch_up(state, true, err));
    changed_position changed[1 + WEIR_RESTORE_MARKS_MAX];
    size_t changed_count = 0;
    changed[changed_count++] = change_position(state, batch->label, batch->offset);
    for (size_t i = 0; i < batch->mark_count; i++) {
        const weir_restore_mark *mark = &batch->marks[i];
        changed[changed_count++] = change_position(state, mark->label, mark->mark);
    }
    if (s->engine == WEIR_ENGINE_ROCKSDB && !batch->may_wait) {
        weir_status status = restore_to_disk(state, s, batch, err);
        for (size_t i = 0; i < changed_count && status != WEIR_OK; i++) {
            change_back(&changed[i]); /* Or the next write takes it along without data. */
        }
        return status;
    }
    state->is_restored |= s->engine == WEIR_ENGINE_ROCKSDB;
    weir_staged_put_committed(s->staged, batch->entries, batch->count);
    return WEIR_OK;
}

weir_status weir_task_state_snapshot(weir_task_state *state, const char *name,
                                     weir_kv_iterator **out_iterator, weir_error *err)
{
    const store *s = store_named(state, name);
    WEIR_ASSERT(s != NULL);

    return s->engine == WEIR_ENGINE_ROCKSDB
               ? weir_rocksdb_store_snapshot(weir_staged_engine(s->staged), out_iterator, err)
               : WEIR_NOT_FOUND;
}

/* Removes the positions of a store from disk: those whose label begins with its name. Tasks of
 * other sub-topologies have the same partition and positions of their own, which stay. */
static weir_status remove_positions_of(weir_task_state *state, const char *store_name,
                                       weir_error *err)
{
    WEIR_AUTO_FREE char *prefix = weir_format("%s:", store_name);
    return weir_rocksdb_store_remove_prefix(state->position_store,
                                            position_key(state, weir_bytes_of_text(prefix)), err);
}

weir_status weir_task_state_wipe(weir_task_state *state, weir_error *err)
{
    /* Positions first: a crash in between leaves data that says nothing of itself, and a restore
     * from the beginning. */
    for (size_t i = 0; state->position_store != NULL && i < state->store_count; i++) {
        WEIR_TRY(remove_positions_of(state, state->stores[i].name, err));
    }
    forget_positions(state);
    state->is_behind = false;
    for (size_t i = 0; i < state->store_count; i++) {
        const store *s = &state->stores[i];
        weir_status status = s->engine == WEIR_ENGINE_ROCKSDB
                                 ? weir_rocksdb_store_clear(weir_staged_engine(s->staged), err)
                                 : WEIR_OK; /* It reads nothing of the store any more. */
        weir_staged_clear(s->staged);
        WEIR_TRY(status);
    }
    return WEIR_OK;
}
