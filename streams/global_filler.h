/* SPDX-License-Identifier: Apache-2.0
 *
 * global_filler.h - a processor of the user's that fills a worker's copy of a global store.
 *
 * Ownership  Environment, store and topology are borrowed and outlive the filler.
 * Errors     As the processor's; WEIR_INVALID where a record is refused and the handlers say fail.
 * Threads    The worker's.
 */
#ifndef WEIR_STREAMS_GLOBAL_FILLER_H
#define WEIR_STREAMS_GLOBAL_FILLER_H

#include "streams/task.h"
#include "streams/topology_internal.h"

typedef struct weir_global_filler weir_global_filler;

/* Makes the processor and runs its init. */
weir_status weir_global_filler_new(weir_task_environment *environment,
                                   const weir_topology_global *global, weir_kv *rows,
                                   weir_global_filler **out_filler, weir_error *err);
void weir_global_filler_free(weir_global_filler *filler); /* NULL is fine. */

/* Has it process one record of the topic. */
weir_status weir_global_filler_take(weir_global_filler *filler, const weir_record *record,
                                    weir_error *err);

#endif
