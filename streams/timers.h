/* SPDX-License-Identifier: Apache-2.0
 *
 * timers.h - durable timers of keys (Flink's TimerService; Kafka Streams has punctuations only,
 * which know no keys and are forgotten with the process), and rows of TTL stores that end by
 * themselves.
 *
 *   init:     self->timers = weir_context_timers(context, "timers", WEIR_STREAM_TIME, remind);
 *   process:  weir_timers_set(self->timers,
 *                             &(weir_timer){.key = record->key, .due_ms = time_ms}, err)
 *   remind:   called once, when stream time is time_ms or later
 *
 * Timers lie in a store of kind WEIR_STORE_TIMERS with its changelog: they are set and fire in the
 * transaction of their records, survive a crash and go with their task to another worker. They
 * fire between records, earliest first, after those that moved stream time; those of the wall clock
 * when it is time, overdue ones when the task starts. What is not due costs nothing.
 *
 * Ownership  Keys, names and payloads are copied; what a listener gets is borrowed for the call.
 * Errors     Those of the store. WEIR_BAD_RECORD from a listener, before its first effect, goes to
 *            the processing exception handler; the timer has gone then.
 * Threads    The worker that runs the task.
 */
#ifndef WEIR_STREAMS_TIMERS_H
#define WEIR_STREAMS_TIMERS_H

#include "streams/processor.h"

typedef struct weir_timers weir_timers;

/* A key has one timer of each name; key and name together have at most 64,000 bytes. */
enum { WEIR_TIMER_ID_BYTES_MAX = 64000 };
typedef struct weir_timer {
    weir_bytes key;
    weir_bytes name; /* Null or empty: the timer without a name. */
    int64_t due_ms;  /* >= 0. */
    weir_bytes payload;
} weir_timer;

/* timer is due and set no more; the listener may set it again. The context has no record, and
 * weir_context_forward passes on what the listener makes. */
typedef weir_status (*weir_timer_listener)(weir_processor *processor, const weir_timer *timer,
                                           weir_error *err);

/* In a processor's init: the timers of a store that is connected to it, which fire by clock and
 * call listener of this processor. NULL: it only sets timers, and another one has the listener. */
weir_timers *weir_context_timers(weir_context *context, const char *store,
                                 weir_punctuation_type clock, weir_timer_listener listener);

/* Sets a timer; one of the same key and name is replaced. One that is due already fires soon. */
weir_status weir_timers_set(weir_timers *timers, const weir_timer *timer, weir_error *err);

/* Ends a timer; WEIR_OK whether or not it was set. */
weir_status weir_timers_cancel(weir_timers *timers, weir_bytes key, weir_bytes name,
                               weir_error *err);

/* When a timer is due, and its payload (may be NULL). WEIR_NOT_FOUND: it is not set. */
weir_status weir_timers_get(weir_timers *timers, weir_bytes key, weir_bytes name,
                            int64_t *out_due_ms, weir_buf *out_payload, weir_error *err);

/* The largest key of which a timer is set, by length and then by bytes. WEIR_NOT_FOUND: none is. */
weir_status weir_timers_last_key(weir_timers *timers, weir_buf *out_key, weir_error *err);

/* A row of a TTL store has ended and is removed, in its changelog too. */
typedef weir_status (*weir_expiry_listener)(weir_processor *processor, weir_bytes key,
                                            weir_bytes old_value, int64_t due_ms, weir_error *err);

/* In a processor's init: from now on rows of a TTL store go by themselves when clock has reached
 * their due time, and listener of this processor is told, to forward a tombstone for instance; it
 * may be NULL. */
void weir_context_on_expiry(weir_context *context, const char *store, weir_punctuation_type clock,
                            weir_expiry_listener listener);

#endif
