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

typedef struct weir_staged weir_staged;

/* owned_engine is NULL for a store in memory. name is copied. */
weir_staged *weir_staged_new(const char *name, weir_kv *owned_engine);
void weir_staged_free(weir_staged *staged);
WEIR_DEFINE_AUTO_PTR(weir_staged);

/* The view of the task: reads see staged, committed, applied; writes are staged. */
weir_kv *weir_staged_view(weir_staged *staged);

/* The view of queries: reads see committed and applied; a write is a programmer's mistake. */
weir_kv *weir_staged_committed_view(weir_staged *staged);

/* Neither is called while an iterator of a view is open. */
void weir_staged_commit(weir_staged *staged);
void weir_staged_abort(weir_staged *staged);

/* Hands each committed write, in the order of keys, to write; a null value is a removal. Nothing
 * where there is no engine. */
typedef void (*weir_staged_writer)(void *user, weir_kv *engine, weir_bytes key, weir_bytes value);
void weir_staged_each_committed(weir_staged *staged, weir_staged_writer write, void *user);

/* The engine has what weir_staged_each_committed gave: forgets it here. */
void weir_staged_applied(weir_staged *staged);

/* Puts a committed value past staging, or a removal where value is null: for restore. */
void weir_staged_put_committed(weir_staged *staged, weir_bytes key, weir_bytes value);

/* Forgets everything, staged, committed and (without an engine) all that the store holds. */
void weir_staged_clear(weir_staged *staged);

/* The engine below; NULL for a store in memory. */
weir_kv *weir_staged_engine(const weir_staged *staged);

/* Memory of staged writes, and of committed ones that are not applied. */
size_t weir_staged_staged_bytes(const weir_staged *staged);
size_t weir_staged_committed_bytes(const weir_staged *staged);

#endif
