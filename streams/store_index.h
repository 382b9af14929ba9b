/* SPDX-License-Identifier: Apache-2.0
 *
 * store_index.h - a second order of a store's rows, by time: those that a window has to pass on
 * when it closes are found there.
 *
 * Ownership  The store's.
 * Threads    The worker's.
 */
#ifndef WEIR_STREAMS_STORE_INDEX_H
#define WEIR_STREAMS_STORE_INDEX_H

#include "streams/task_store_internal.h"

/* Opens the order by time of a store that has one; frees what it took. */
weir_status weir_task_store_open_index(weir_task_store *store, weir_store_engine engine,
                                       weir_error *err);
void weir_task_store_close_index(weir_task_store *store);
/* A row was put or removed. */
weir_status weir_task_store_index(weir_task_store *store, weir_bytes key, bool is_there,
                                  weir_error *err);
/* Whether a row does not wait to be passed on. */
bool weir_task_store_is_released(weir_task_store *store, weir_bytes key);
/* By which time rows expire where observed_ms is the largest seen: where they wait to be passed on,
 * one up to which any owner has done so. */
int64_t weir_task_store_released_ms(const weir_task_store *store, int64_t observed_ms);
/* Rows are restored: called before they are. */
weir_status weir_task_store_restore_index(weir_task_store *store, const weir_restore_entry *rows,
                                          size_t count, bool may_wait, weir_error *err);
/* Stages the mark that the index is complete; whether the database has rows without it. */
void weir_task_store_mark_index(weir_task_store *store);
bool weir_task_store_lacks_index(const weir_task_store *store);

#endif
