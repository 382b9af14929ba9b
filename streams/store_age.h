/* SPDX-License-Identifier: Apache-2.0
 *
 * store_age.h - how long ago a store on disk stood at the end of its changelog. Compaction keeps a
 * tombstone for delete.retention.ms: a store that was away for longer may have missed one, and
 * would show again what was deleted. It is restored from the beginning (KIP-1259).
 *
 * Threads    The worker's.
 */
#ifndef WEIR_STREAMS_STORE_AGE_H
#define WEIR_STREAMS_STORE_AGE_H

#include "streams/task_internal.h"

/* Stages that the store stood at the end of its changelog at level_ms, wall clock. */
void weir_task_store_mark_level(weir_task_store *store, int64_t level_ms);

/* WEIR_CORRUPT where what is on disk, which lacks so many offsets of its changelog, was away for
 * longer than state.cleanup.dir.max.age.ms. */
weir_status weir_task_store_check_age(const weir_task_store *store, int64_t missing,
                                      weir_error *err);

#endif
