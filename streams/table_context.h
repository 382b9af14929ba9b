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

/* What a processor may forward: one of process_values its record's key only, but in a punctuation;
 * a transformer of values, while it has the context, nothing. Else it is WEIR_INVALID. */
typedef enum weir_forwards {
    WEIR_FORWARDS_ALL,
    WEIR_FORWARDS_ITS_KEY,
    WEIR_FORWARDS_NOTHING,
} weir_forwards;

/* Sets it, and answers what it was. */
weir_forwards weir_context_set_forwards(weir_context *context, weir_forwards forwards);

/* Counts the record that is processed as dropped, in the task's metric; WEIR_OK. */
weir_status weir_context_drop(weir_context *context);

/* Rows of a store that is ordered by time: those whose window began, or whose session ended, from
 * from_ms to to_ms. tell gets the store's own key and value, borrowed for the call. */
typedef struct weir_release {
    int64_t from_ms;
    int64_t to_ms; /* Not below 0. */
    weir_status (*tell)(weir_processor *processor, weir_bytes key, weir_bytes value,
                        weir_error *err);
    weir_processor *processor;
} weir_release;

/* Tells of each of these rows, by time and then by key; each only once, unless it is put again.
 * Those before from_ms are not told of any more. */
weir_status weir_context_release_rows(weir_context *context, const char *store,
                                      const weir_release *what, weir_error *err);

/* In init: where a processor keeps the largest time of a record that it has seen, as of the last
 * commit; -1: it has seen none. The processor sets it, and it goes with the committed offsets. */
int64_t *weir_context_observed_time(weir_context *context);

/* Calls listener, the processor's only one, each time that stream time goes on without a record
 * (weir.stream.idle.ms): it lets go of what is due where weir_observed_time_go_on says so. */
void weir_context_on_idle(weir_context *context, weir_punctuate listener);

/* Sets the time that a processor has seen to that of its task; false: it has seen as much, or no
 * record at all. */
bool weir_observed_time_go_on(int64_t *observed_ms, int64_t stream_time_ms);

/* A time that goes with the committed offsets of the task, by name; false: there is none. */
bool weir_context_kept_time(const weir_context *context, const char *name, int64_t *out_ms);
void weir_context_keep_time(weir_context *context, const char *name, int64_t ms);

#endif
