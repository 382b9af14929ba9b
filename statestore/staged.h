/* SPDX-License-Identifier: Apache-2.0
 *
 * staged.h - a store whose writes are staged, then committed, then applied to the engine below.
 *
 * The part of task_state.h that concerns one store. Without an engine below it is the store in
 * memory: what is committed there stays.
 *
 * Ownership  A weir_staged owns its engine; the two views belong to it, freeing them does nothing.
 * Threads    One at a time.
 */
#ifndef WEIR_STATESTORE_STAGED_H
#define WEIR_STATESTORE_STAGED_H

#include "statestore/kv_store.h"
#include "statestore/open_iterators.h"
#include "statestore/record_cache.h"
#include "statestore/task_state.h"

typedef struct weir_staged weir_staged;

/* owned_engine is NULL for a store in memory. name is copied. */
weir_staged *weir_staged_new(const char *name, weir_kv *owned_engine);
void weir_staged_free(weir_staged *staged);
WEIR_DEFINE_AUTO_PTR(weir_staged);

/* The view of the task: reads see staged, committed, applied; writes are staged. */
weir_kv *weir_staged_view(weir_staged *staged);

/* The view of queries: reads see committed and applied; a write is a programmer's mistake. */
weir_kv *weir_staged_committed_view(weir_staged *staged);

/* time_of says the time of a key (window_store.h, session_store.h), so that the engine is not asked
 * for windows that are newer than all that it has. Before the first read. */
void weir_staged_use_times(weir_staged *staged, int64_t (*time_of)(weir_bytes key));

/* What the task reads, for queries: a look does not count as a use in the record cache, so it has
 * no part in what is evicted next; a write is a programmer's mistake. */
weir_kv *weir_staged_uncommitted_view(weir_staged *staged);

/* The engine has key, or will soon: it was put there past what is staged. */
void weir_staged_note_below(weir_staged *staged, weir_bytes key);

/* key may be read or written soon: weir_ordered_map_expect of what is staged or committed. */
void weir_staged_expect(weir_staged *staged, weir_bytes key, bool near);
/* How many such keys were found. */
uint64_t weir_staged_expected(const weir_staged *staged);

/* From now on weir_staged_hold holds writes back, of the budget of a worker, which outlives the
 * store. The store is empty still. */
void weir_staged_use_cache(weir_staged *staged, weir_cache_budget *budget);
/* NULL: it holds nothing back. */
const weir_record_cache *weir_staged_cache(const weir_staged *staged);

/* Where a write that is held back came from. */
typedef struct weir_held_origin {
    int64_t timestamp_ms;
    size_t bytes;       /* What it counts for in the budget. */
    void *owned_source; /* One block, handed to the sink; NULL: none. */
} weir_held_origin;

/* Stages value, or a removal where it is null, and holds it back: the sink is told of it with the
 * next flush, and of the last value of each key only. */
void weir_staged_hold(weir_staged *staged, weir_bytes key, weir_bytes value,
                      const weir_held_origin *origin);

/* Whether the last write of key is held back. */
bool weir_staged_holds(const weir_staged *staged, weir_bytes key);

/* A write that is not held back any more. */
typedef struct weir_held_write {
    weir_bytes key;
    weir_bytes value; /* Null: removed. */
    weir_bytes old;   /* What the sink was told last; null: no value, or not looked up. */
    int64_t timestamp_ms;
    void *source; /* Of weir_held_origin; borrowed for the call. */
} weir_held_write;

typedef struct weir_held_sink {
    weir_status (*write)(void *user, const weir_held_write *write, weir_error *err);
    bool (*is_full)(void *user); /* The rest is to wait. */
    void *user;
    bool wants_old;    /* Looks up the old value of each key. */
    bool skips_absent; /* Is not told of the removal of what it was never told of. */
} weir_held_sink;

/* Tells the sink what is held back, in the order of the last writes; the sink may write to the
 * store meanwhile. WEIR_AGAIN: the sink is full. A flush within a flush does nothing. */
weir_status weir_staged_flush(weir_staged *staged, const weir_held_sink *sink, weir_error *err);

/* The same, but what was not used for longest comes first: Kafka Streams' eviction, in which one
 * entry that was written takes all others along. */
weir_status weir_staged_evict(weir_staged *staged, const weir_held_sink *sink, weir_error *err);

/* A store in memory, empty still and without a cache, is to hold no more entries than that: whoever
 * puts one more removes the surplus. A restore does so itself. */
void weir_staged_bound(weir_staged *staged, size_t entries_max);

/* Whether there is one entry more than that; *out_key is the key that was neither read nor written
 * for longest, borrowed until the next commit or abort. */
bool weir_staged_has_surplus(weir_staged *staged, weir_bytes *out_key);

/* Which iterators of its views are open; how they are measured from now on. */
const weir_open_iterators *weir_staged_open_iterators(const weir_staged *staged);
void weir_staged_measure_iterators(weir_staged *staged, const weir_iterator_measures *measures);

/* Neither is called while an iterator of a view is open; commit not while a write is held back. */
void weir_staged_commit(weir_staged *staged);
void weir_staged_abort(weir_staged *staged);

/* Hands each committed write, in the order of keys, to write; a null value is a removal. Nothing
 * where there is no engine. */
typedef void (*weir_staged_writer)(void *user, weir_bytes key, weir_bytes value);
void weir_staged_each_committed(weir_staged *staged, weir_staged_writer write, void *user);

/* The engine has what weir_staged_each_committed gave: forgets it here. */
void weir_staged_applied(weir_staged *staged);

/* What is committed goes behind, where nothing is: it is read as before, and nothing changes it
 * until caught_up, when the engine has it. Meanwhile each_behind, as each_committed, may be called
 * on any thread, by one at a time; how many there are at most, and their memory. */
void weir_staged_go_behind(weir_staged *staged);
bool weir_staged_is_behind(const weir_staged *staged);
size_t weir_staged_behind_count(const weir_staged *staged);
size_t weir_staged_behind_bytes(const weir_staged *staged);
void weir_staged_each_behind(const weir_staged *staged, weir_staged_writer write, void *user);
void weir_staged_caught_up(weir_staged *staged);

/* Puts committed values past staging, one after the other: for restore. Nothing is staged. */
void weir_staged_put_committed(weir_staged *staged, const weir_restore_entry *rows, size_t count);

/* Forgets everything, staged, committed and (without an engine) all that the store holds. Nobody
 * reads what is behind any more. */
void weir_staged_clear(weir_staged *staged);

/* The engine below; NULL for a store in memory. */
weir_kv *weir_staged_engine(const weir_staged *staged);

/* Memory of staged writes, and of committed ones that are not applied. */
size_t weir_staged_staged_bytes(const weir_staged *staged);
size_t weir_staged_committed_bytes(const weir_staged *staged);

#endif
