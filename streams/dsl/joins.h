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

/* Names (StreamJoined), and what the joiner gets as call->user. */
typedef struct weir_stream_joined {
    const char *name;       /* Of processors and repartition topics; NULL: generated. */
    const char *store_name; /* What the names of stores begin with; NULL: generated. */
    bool logging_disabled;
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

#endif
