/* SPDX-License-Identifier: Apache-2.0
 *
 * table_context.h - what tables that hold changes back ask of the runtime, besides processor.h.
 *
 * Threads    The worker that runs the task.
 */
#ifndef WEIR_STREAMS_TABLE_CONTEXT_H
#define WEIR_STREAMS_TABLE_CONTEXT_H

#include "streams/processor.h"

/* From now on what the cache of store lets go of says from where its record was read. Of no use to
 * a store without a cache. */
void weir_context_keep_places(weir_context *context, const char *store);

/* Calls listener, the processor's only one, before each commit, once the caches have let go: again
 * and again until it answers WEIR_NOT_FOUND, for it writes one entry to a store at a time. */
typedef weir_status (*weir_commit_listener)(weir_processor *processor, weir_error *err);
void weir_context_on_commit(weir_context *context, weir_commit_listener listener);

#endif
