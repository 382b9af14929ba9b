/* SPDX-License-Identifier: Apache-2.0
 *
 * cogrouped.h - one aggregate over the records of several streams (CogroupedKStream): each stream
 * has an aggregator of its own, all of them work on one row.
 *
 *   weir_cogrouped_kstream *both = weir_kgrouped_stream_cogroup(orders, add_order);
 *   weir_cogrouped_kstream_cogroup(both, payments, add_payment);
 *   weir_ktable *accounts = weir_cogrouped_kstream_aggregate(both, no_account, &stored, NULL);
 *
 * Records are skipped as in grouped.h, windowed.h and sessions.h. The initializer and all
 * aggregators get the user pointer of the options.
 *
 * Ownership  As in builder.h, like errors.
 * Threads    One.
 */
#ifndef WEIR_STREAMS_DSL_COGROUPED_H
#define WEIR_STREAMS_DSL_COGROUPED_H

#include "streams/dsl/sessions.h"
#include "streams/dsl/windowed.h"

typedef struct weir_cogrouped_kstream weir_cogrouped_kstream;

/* A group of streams that begins with this one; aggregator takes its records. */
weir_cogrouped_kstream *weir_kgrouped_stream_cogroup(weir_kgrouped_stream *grouped,
                                                     weir_aggregator aggregator);

/* One more stream, of the same builder; returns cogrouped. A stream that is added a second time
 * keeps its place and gets the new aggregator. */
weir_cogrouped_kstream *weir_cogrouped_kstream_cogroup(weir_cogrouped_kstream *cogrouped,
                                                       weir_kgrouped_stream *grouped,
                                                       weir_aggregator aggregator);

/* A row for each key. initializer NULL: null bytes. */
weir_ktable *weir_cogrouped_kstream_aggregate(weir_cogrouped_kstream *cogrouped,
                                              weir_initializer initializer,
                                              const weir_materialized *materialized,
                                              const weir_operator_options *options);

/* A row for each key and window; each stream has its own stream time. */
typedef struct weir_time_windowed_cogrouped_kstream weir_time_windowed_cogrouped_kstream;
weir_time_windowed_cogrouped_kstream *
weir_cogrouped_kstream_windowed_by(weir_cogrouped_kstream *cogrouped,
                                   const weir_time_windows *windows);
weir_time_windowed_cogrouped_kstream *
weir_cogrouped_kstream_windowed_by_sliding(weir_cogrouped_kstream *cogrouped,
                                           const weir_sliding_windows *windows);
weir_time_windowed_cogrouped_kstream *
weir_cogrouped_kstream_windowed_by_own(weir_cogrouped_kstream *cogrouped,
                                       const weir_windows *windows);
weir_ktable *weir_time_windowed_cogrouped_aggregate(weir_time_windowed_cogrouped_kstream *windowed,
                                                    weir_initializer initializer,
                                                    const weir_materialized *materialized,
                                                    const weir_operator_options *options);

/* A row for each key and session; merger, which must be given, makes one aggregate of two. */
typedef struct weir_session_windowed_cogrouped_kstream weir_session_windowed_cogrouped_kstream;
weir_session_windowed_cogrouped_kstream *
weir_cogrouped_kstream_windowed_by_session(weir_cogrouped_kstream *cogrouped,
                                           const weir_session_windows *windows);
weir_ktable *
weir_session_windowed_cogrouped_aggregate(weir_session_windowed_cogrouped_kstream *windowed,
                                          weir_initializer initializer, weir_merger merger,
                                          const weir_materialized *materialized,
                                          const weir_operator_options *options);

#endif
