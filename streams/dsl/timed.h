/* SPDX-License-Identifier: Apache-2.0
 *
 * timed.h - operators that remember something until a time: records that go on later, duplicates,
 * records that end. Kafka Streams has none of them; the words are those of its KIP-655 and of
 * Flink's timers, which they rest on (streams/timers.h).
 *
 *   orders = weir_kstream_deduplicate(orders, &(weir_deduplication){.interval_ms = 3600000}, NULL);
 *
 * The clock is stream time, which records move, or the wall clock. What is remembered is in a store
 * with a changelog: it outlives a crash and goes with its task.
 *
 * Ownership  As in builder.h, like errors.
 * Threads    One.
 */
#ifndef WEIR_STREAMS_DSL_TIMED_H
#define WEIR_STREAMS_DSL_TIMED_H

#include "streams/dsl/builder.h"
#include "streams/dsl/function.h"

/* A time of a record, or how long something of it lasts, in ms; user is that of the options. */
typedef int64_t (*weir_record_time)(void *user, const weir_record *record);

/* When records go on: delay_ms after their own time, or after they came, by the wall clock; or at
 * the time that due_time says. */
typedef struct weir_delay {
    int64_t delay_ms;
    weir_record_time due_time; /* NULL: delay_ms. */
    bool by_wall_clock;
    const char *store_name; /* NULL: that of the operator. */
} weir_delay;

/* The same records, unchanged, once the clock has reached their time; in the order in which they
 * are due, and came. What is due already goes on at once. */
weir_kstream *weir_kstream_delay(weir_kstream *stream, const weir_delay *delay,
                                 const weir_operator_options *options);

/* What makes a record a duplicate: another one with its id was passed on less than interval_ms of
 * stream time ago, which is above 0. */
typedef struct weir_deduplication {
    int64_t interval_ms;
    weir_key_selector id;   /* NULL: the key. Records of one id are of one partition. */
    const char *store_name; /* NULL: that of the operator. */
} weir_deduplication;

/* The first record of each id; its duplicates are dropped until stream time is interval_ms past it.
 * A record that is that late itself, or has no id, is dropped and counted. */
weir_kstream *weir_kstream_deduplicate(weir_kstream *stream,
                                       const weir_deduplication *deduplication,
                                       const weir_operator_options *options);

/* How long records live: ttl_ms from their own time on; by the wall clock, from when they came. */
typedef struct weir_time_to_live {
    int64_t ttl_ms;
    weir_record_time ttl; /* NULL: ttl_ms. It answers 0 or less for a record that does not end. */
    bool by_wall_clock;
    const char *store_name; /* NULL: that of the operator. */
} weir_time_to_live;

/* The same records, and after each, unless another one of its key came in between, a tombstone of
 * the time at which it has ended. weir_kstream_to_table makes a table of them whose rows end: its
 * changelog and all that is computed from it get the tombstones. Records have keys, or are dropped
 * and counted. */
weir_kstream *weir_kstream_end_after(weir_kstream *stream, const weir_time_to_live *time_to_live,
                                     const weir_operator_options *options);

#endif
