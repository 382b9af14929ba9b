/* SPDX-License-Identifier: Apache-2.0
 *
 * function.h - what the operators of the DSL call: the functions that its user writes.
 *
 * Keys and values are bytes, from topic to topic: an operator passes on what it got, and decodes
 * nothing that nobody asks for. A function reads what it needs (weir_bytes_i64, a codec, a JSON
 * reader) and answers with bytes that live in call->arena, in its argument, or in static storage.
 * Null bytes are Kafka Streams' null: no key, or a tombstone.
 *
 * Ownership  Arguments are borrowed for the call. What call->arena hands out lives until the record
 *            that entered the task is done.
 * Errors     A function that answers WEIR_BAD_RECORD skips or dead-letters the record, as the
 *            processing exception handler decides; other statuses as in base/status.h.
 * Threads    Functions run on the worker that owns the task; two tasks may run one function at the
 *            same time, with the same user pointer.
 */
#ifndef WEIR_STREAMS_DSL_FUNCTION_H
#define WEIR_STREAMS_DSL_FUNCTION_H

#include "streams/base/arena.h"
#include "streams/base/status.h"
#include "streams/record.h"

/* What every function is called with first. */
typedef struct weir_call {
    void *user; /* As the operator's options gave it. */
    weir_arena *arena;
    weir_error *err;
    bool overfull; /* The arena refused; the operator then answers WEIR_BAD_RECORD by itself. */
} weir_call;

/* Passes records on, in the order of the calls; for functions that answer any number of them. */
typedef struct weir_emitter weir_emitter;
weir_status weir_emit(weir_emitter *emitter, weir_bytes key, weir_bytes value);

typedef bool (*weir_predicate)(void *user, const weir_record *record);
typedef void (*weir_foreach_action)(void *user, const weir_record *record);

/* The new value of a record. */
typedef weir_status (*weir_value_mapper)(weir_call *call, const weir_record *record,
                                         weir_bytes *out_value);

/* A key for a record: the new one (selectKey, groupBy), the foreign one, that of a global table. */
typedef weir_status (*weir_key_selector)(weir_call *call, const weir_record *record,
                                         weir_bytes *out_key);

/* The new key and value of a record; both begin as what they were. */
typedef weir_status (*weir_key_value_mapper)(weir_call *call, const weir_record *record,
                                             weir_bytes *inout_key, weir_bytes *inout_value);

/* Any number of records in the place of one. */
typedef weir_status (*weir_flat_mapper)(weir_call *call, const weir_record *record,
                                        weir_emitter *emitter);

/* What an aggregate begins as. */
typedef weir_status (*weir_initializer)(weir_call *call, weir_bytes *out_aggregate);

/* The aggregate of key after value, which is never null. Null ends the aggregate: its row goes. */
typedef weir_status (*weir_aggregator)(weir_call *call, weir_bytes key, weir_bytes value,
                                       weir_bytes aggregate, weir_bytes *out_aggregate);

/* One value out of two of the same key. */
typedef weir_status (*weir_reducer)(weir_call *call, weir_bytes aggregate, weir_bytes value,
                                    weir_bytes *out_aggregate);

/* The value of a joined record; the side that is missing is null. */
typedef weir_status (*weir_value_joiner)(weir_call *call, weir_bytes key, weir_bytes left,
                                         weir_bytes right, weir_bytes *out_value);

/* Typed values, in the bytes of Kafka's own serdes (Integer, Long and Double, big-endian). The
 * readers answer false where the size is wrong; the writers allocate in call->arena, and answer
 * null bytes where it is full. */
bool weir_bytes_i32(weir_bytes bytes, int32_t *out_number);
bool weir_bytes_i64(weir_bytes bytes, int64_t *out_number);
bool weir_bytes_f64(weir_bytes bytes, double *out_number);
weir_bytes weir_call_i32(weir_call *call, int32_t number);
weir_bytes weir_call_i64(weir_call *call, int64_t number);
weir_bytes weir_call_f64(weir_call *call, double number);

/* Text as printf makes it, without its NUL. */
weir_bytes weir_call_text(weir_call *call, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* a and b in one piece; a null one counts as empty. */
weir_bytes weir_call_concat(weir_call *call, weir_bytes a, weir_bytes b);

/* For those who write operators: the status of a function that was called with call. */
weir_status weir_call_check(const weir_call *call, weir_status status);

#endif
