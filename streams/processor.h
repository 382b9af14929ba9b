/* SPDX-License-Identifier: Apache-2.0
 *
 * processor.h - what a node of a topology is and what it may do while it runs (Kafka Streams'
 * Processor and ProcessorContext).
 *
 * A processor validates a record before its first effect: after it has forwarded or put something
 * it returns only statuses that abandon the task (WEIR_IO and worse), never WEIR_BAD_RECORD, for
 * skipping the record would leave half of it behind.
 *
 * Ownership  Records are borrowed for the call. What processing one record allocates comes from
 *            weir_context_arena and is gone when the record is done.
 * Threads    The worker that runs the task; nothing here may be called from another.
 */
#ifndef WEIR_STREAMS_PROCESSOR_H
#define WEIR_STREAMS_PROCESSOR_H

#include "statestore/bitmap_store.h"
#include "statestore/session_store.h"
#include "statestore/ttl_store.h"
#include "statestore/versioned_store.h"
#include "statestore/window_store.h"
#include "streams/base/arena.h"
#include "streams/record.h"

typedef struct weir_processor weir_processor;
typedef struct weir_context weir_context;

typedef struct weir_processor_ops {
    /* Once, when the task starts to run, its stores restored; may be NULL. */
    weir_status (*init)(weir_processor *processor, weir_error *err);
    weir_status (*process)(weir_processor *processor, const weir_record *record, weir_error *err);
    void (*free)(weir_processor *processor);
} weir_processor_ops;

/* The first member of a processor's own struct. The supplier sets ops, the runtime sets context. */
struct weir_processor {
    const weir_processor_ops *ops; /* Static storage. */
    weir_context *context;
};

/* Makes one processor for one task; user is what the topology was given. */
typedef weir_processor *(*weir_processor_supplier)(void *user);

/* Passes record to every child, or to the one called child. Topic, partition and offset of record
 * are not read; its timestamp, key, value and headers are. */
weir_status weir_context_forward(weir_context *context, const weir_record *record, weir_error *err);
weir_status weir_context_forward_to(weir_context *context, const char *child,
                                    const weir_record *record, weir_error *err);

/* A store that is connected to this processor; anything else is a failed assertion. */
weir_kv *weir_context_store(weir_context *context, const char *name);

/* The same for stores of other kinds (topology.h). A put that finds its window expired
 * answers WEIR_NOT_FOUND. The runtime removes expired windows; rows of a TTL store go with
 * weir_ttl_store_expire, which the processor calls, best in a punctuation. */
weir_window_store *weir_context_window_store(weir_context *context, const char *name);
weir_session_store *weir_context_session_store(weir_context *context, const char *name);
weir_ttl_store *weir_context_ttl_store(weir_context *context, const char *name);
weir_bitmap_store *weir_context_bitmap_store(weir_context *context, const char *name);
weir_versioned_store *weir_context_versioned_store(weir_context *context, const char *name);

/* The copy of a global store that this worker has, to read: each value is a weir_timestamped. NULL:
 * there is no such store. */
weir_kv *weir_context_global_store(weir_context *context, const char *name);

/* What a store with a cache has let go of: the last of the writes of a key that it held back. */
typedef struct weir_flushed {
    weir_bytes key;
    int64_t window_start_ms; /* Of a window store, whose key is without it; else -1. */
    weir_bytes value;        /* Null: removed. */
    weir_bytes old_value;    /* As the listener was told last; null: none, or not asked for. */
    int64_t timestamp_ms;    /* Of the record that made the last write, as are the headers. */
    const weir_header *headers;
    size_t header_count;
    const char *topic; /* Of that record, where table_context.h asked for it; else NULL. */
    int32_t partition;
    int64_t offset;
} weir_flushed;

/* Forwards what follows from it, as process() does; the changelog has it already. It is called at
 * each commit and, where the cache is full, within any put or get; what it answers is treated as
 * that of a punctuation. */
typedef weir_status (*weir_flush_listener)(weir_processor *processor, const weir_flushed *flushed,
                                           weir_error *err);

/* Calls listener, the store's only one, from now on; send_old_values: its old_value is looked up.
 * In a processor's init. False: the store has no cache, so the processor forwards at each put. */
bool weir_context_on_flush(weir_context *context, const char *store, weir_flush_listener listener,
                           bool send_old_values);

/* Memory that the processors of a task with the same owner pointer share, zeroed at first; it is
 * gone when they are. */
void *weir_context_shared(weir_context *context, const void *owner, size_t bytes);

/* What the topology added under this name, one for each worker (topology.h); NULL if none. */
void *weir_context_resource(weir_context *context, const char *name);

typedef enum weir_punctuation_type {
    WEIR_STREAM_TIME,     /* Event time, moved on by records. */
    WEIR_WALL_CLOCK_TIME, /* The clock, while the worker runs. */
} weir_punctuation_type;

typedef struct weir_punctuator weir_punctuator;
typedef weir_status (*weir_punctuate)(weir_processor *processor, int64_t timestamp_ms,
                                      weir_error *err);

/* Calls punctuate each interval_ms (> 0) until it is cancelled or the task closes. Stream time is
 * first due with the first record, wall-clock time after one interval; missed ticks are skipped. */
weir_punctuator *weir_context_schedule(weir_context *context, int64_t interval_ms,
                                       weir_punctuation_type type, weir_punctuate punctuate);
void weir_punctuator_cancel(weir_punctuator *punctuator);

/* Asks for a commit soon. */
void weir_context_request_commit(weir_context *context);

/* The record that is processed now, as it was read from its topic (key, value, headers, place);
 * NULL in a punctuation. */
const weir_record *weir_context_record(const weir_context *context);

int64_t weir_context_now_ms(const weir_context *context); /* Wall clock of this pass. */
/* How often windows that have closed are looked for; 0: with each record. */
int64_t weir_context_emit_interval_ms(const weir_context *context);
int64_t weir_context_stream_time_ms(const weir_context *context); /* -1 before the first record. */
weir_arena *weir_context_arena(weir_context *context);
const char *weir_context_application_id(const weir_context *context);
const char *weir_context_task_id(const weir_context *context); /* "<sub-topology>_<partition>". */
int32_t weir_context_partition(const weir_context *context);

/* Asynchronous operators. */

/* A record whose processing goes on after process() has returned. Its offset is committed only
 * when it ends; after a crash exactly the unfinished ones are processed again. How many there may
 * be at a time is the task's `max.async.records`: past it the task takes in nothing. */
typedef struct weir_async weir_async;

/* Called once in process(), which then returns WEIR_OK. The runtime keeps a copy of the record. */
weir_async *weir_context_defer(weir_context *context);

/* The copy of the record, until weir_async_end. */
const weir_record *weir_async_record(const weir_async *async);

/* Ends the operation: runs complete(processor, record, result) with the context set as it was in
 * process(), so that it may use stores and forward; then the record is done. complete may be NULL.
 * WEIR_BAD_RECORD from complete goes to the processing exception handler. The worker's thread. */
typedef weir_status (*weir_async_complete)(weir_processor *processor, const weir_record *record,
                                           void *result, weir_error *err);
void weir_async_end(weir_async *async, weir_async_complete complete, void *result);

#endif
