/* SPDX-License-Identifier: Apache-2.0
 *
 * joins.h - joins of two streams: the pairs of records of one key that lie close in time.
 *
 *   left   ----L--------      L joins each right record in [L - before, L + after]
 *   right  --R----R-----      both sides are buffered as long as a partner may come
 *
 * With a left or outer join a record that met none passes by itself, once its window and grace have
 * closed; its other side is null. Records without a value are skipped, as are those without a key,
 * unless they are of an outer side.
 *
 * Ownership  As in builder.h, like errors.
 * Threads    One.
 */
#ifndef WEIR_STREAMS_DSL_JOINS_H
#define WEIR_STREAMS_DSL_JOINS_H

#include "streams/dsl/builder.h"
#include "streams/dsl/function.h"

/* How far a right record may lie before and after a left one, and how late both may come. */
typedef struct weir_join_windows {
    int64_t before_ms;
    int64_t after_ms;
    int64_t grace_ms;
} weir_join_windows;

/* Names and stores (StreamJoined), and what the joiner gets as call->user. */
typedef struct weir_stream_joined {
    const char *name;       /* Of processors and repartition topics; NULL: generated. */
    const char *store_name; /* What the names of stores begin with; NULL: generated. */
    bool logging_disabled;
    weir_store_engine engine;    /* Of the stores; RocksDB unless said otherwise. */
    weir_topic_config changelog; /* Settings of their changelogs. */
    void *user;
} weir_stream_joined;

/* Joins left with right; both may be one stream. options may be NULL. */
weir_kstream *weir_kstream_join(weir_kstream *left, weir_kstream *right, weir_value_joiner joiner,
                                const weir_join_windows *windows,
                                const weir_stream_joined *options);
weir_kstream *weir_kstream_left_join(weir_kstream *left, weir_kstream *right,
                                     weir_value_joiner joiner, const weir_join_windows *windows,
                                     const weir_stream_joined *options);
weir_kstream *weir_kstream_outer_join(weir_kstream *left, weir_kstream *right,
                                      weir_value_joiner joiner, const weir_join_windows *windows,
                                      const weir_stream_joined *options);

/* How a record is joined with the last one of another stream at or before its own time. */
typedef struct weir_as_of {
    int64_t history_ms;   /* Above 0: so long behind stream time is known what was said when. */
    int64_t grace_ms;     /* How long records wait for what was said before them; 0: not at all. */
    int64_t tolerance_ms; /* What was said longer before is none; 0: it does not get too old. */
    bool keeps_unmatched; /* A record that finds none is joined with null (a left join). */
    const char *store_name; /* Of what right said; NULL: generated. */
} weir_as_of;

/* Joins each left record with what right said last of its key, as of the time of the record (ASOF
 * join): right is kept as a table with a history (weir_materialized.history_ms), in which a null
 * ends what was said. With a grace records wait in a store, as in weir_kstream_join_versioned. */
weir_kstream *weir_kstream_join_as_of(weir_kstream *left, weir_kstream *right,
                                      weir_value_joiner joiner, const weir_as_of *as_of,
                                      const weir_operator_options *options);

#endif
