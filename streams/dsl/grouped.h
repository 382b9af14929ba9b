/* SPDX-License-Identifier: Apache-2.0
 *
 * grouped.h - aggregates over the records of one key (KGroupedStream): tables that change with each
 * record, later than it if they are cached.
 *
 * Records without key or value are skipped. The time of a row is the largest of the records that
 * made it.
 *
 * Ownership  As in builder.h, like errors.
 * Threads    One.
 */
#ifndef WEIR_STREAMS_DSL_GROUPED_H
#define WEIR_STREAMS_DSL_GROUPED_H

#include "streams/dsl/builder.h"
#include "streams/dsl/function.h"

/* How many records there were, as 8 bytes (weir_bytes_i64). */
weir_ktable *weir_kgrouped_stream_count(weir_kgrouped_stream *grouped,
                                        const weir_materialized *materialized,
                                        const weir_operator_options *options);

/* The first value, then what reducer makes of it and each later one. */
weir_ktable *weir_kgrouped_stream_reduce(weir_kgrouped_stream *grouped, weir_reducer reducer,
                                         const weir_materialized *materialized,
                                         const weir_operator_options *options);

/* What aggregator makes of the value of initializer (NULL: null bytes) and each record. */
weir_ktable *weir_kgrouped_stream_aggregate(weir_kgrouped_stream *grouped,
                                            weir_initializer initializer,
                                            weir_aggregator aggregator,
                                            const weir_materialized *materialized,
                                            const weir_operator_options *options);

#endif
