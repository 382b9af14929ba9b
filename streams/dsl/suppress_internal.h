/* SPDX-License-Identifier: Apache-2.0
 *
 * suppress_internal.h - the buffer of changes that are held back, laid open for the files of
 * suppression: suppress.c (graph, processor) and suppress_buffer.c.
 *
 * Ownership  A buffer is a processor's, its store the task's.
 * Threads    The worker that owns the task.
 */
#ifndef WEIR_STREAMS_DSL_SUPPRESS_INTERNAL_H
#define WEIR_STREAMS_DSL_SUPPRESS_INTERNAL_H

#include "streams/dsl/held_change_internal.h"
#include "streams/dsl/suppress.h"

/* What a suppressed table does; in the builder's arena. */
typedef struct weir_suppress {
    weir_ktable *table;
    bool until_close;
    int64_t wait_ms;    /* After the time of an entry: the limit, or the grace of windows. */
    size_t records_max; /* SIZE_MAX: no limit; as bytes_max. */
    size_t bytes_max;
    weir_buffer_full when_full;
} weir_suppress;

typedef struct weir_suppress_buffer weir_suppress_buffer;

/* The buffer that store holds. Values past the limits stay there where spec says so. */
weir_status weir_suppress_buffer_load(weir_kv *store, const weir_suppress *spec,
                                      weir_suppress_buffer **out_buffer, weir_error *err);
void weir_suppress_buffer_free(weir_suppress_buffer *buffer);
WEIR_DEFINE_AUTO_PTR(weir_suppress_buffer);

/* Holds the change of record back; a key that is held already keeps its place in time. */
weir_status weir_suppress_buffer_put(weir_suppress_buffer *buffer, int64_t time_ms,
                                     const weir_record *record, const weir_change *change,
                                     weir_error *err);

/* What is held of key; WEIR_NOT_FOUND: nothing. */
weir_status weir_suppress_buffer_get(weir_suppress_buffer *buffer, weir_bytes key,
                                     weir_held_change *out_held, weir_error *err);

/* The key that goes first, borrowed until the next save, and its time; false: nothing is held. */
bool weir_suppress_buffer_first(const weir_suppress_buffer *buffer, weir_bytes *out_key,
                                int64_t *out_time_ms);
void weir_suppress_buffer_remove_first(weir_suppress_buffer *buffer);

/* How many keys are held back, spilled ones included. */
size_t weir_suppress_buffer_count(const weir_suppress_buffer *buffer);
/* What they take, as Kafka Streams counts it. */
size_t weir_suppress_buffer_bytes(const weir_suppress_buffer *buffer);

/* Writes one key that has changed since the last commit to the store; WEIR_NOT_FOUND: none is left.
 * The keys come in the order of Java's HashSet, in which Kafka Streams logs them. */
weir_status weir_suppress_buffer_save(weir_suppress_buffer *buffer, weir_error *err);

/* What a reader of a suppressed table sees of key, if it is held back: what was told last. */
weir_status weir_suppress_prior(const weir_ktable *table, weir_context *context, weir_bytes key,
                                bool *out_held, weir_timestamped *out_row, weir_error *err);

#endif
