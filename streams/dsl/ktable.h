/* SPDX-License-Identifier: Apache-2.0
 *
 * ktable.h - tables: of each key the last value, and a stream of its changes (KTable).
 *
 * A table is kept in a store if it is given a name (weir_materialized), or if something downstream
 * must read it; otherwise it is computed from what it comes from.
 *
 * Ownership  As in builder.h, like errors.
 * Threads    One.
 */
#ifndef WEIR_STREAMS_DSL_KTABLE_H
#define WEIR_STREAMS_DSL_KTABLE_H

#include "streams/dsl/builder.h"
#include "streams/dsl/function.h"

/* The rows that a topic's records make: a null value removes a row, a null key is skipped. */
weir_ktable *weir_builder_table(weir_builder *builder, const char *topic,
                                const weir_consumed *consumed,
                                const weir_materialized *materialized);

/* The rows that the records of a stream make: a null value removes a row, a null key is skipped. */
weir_ktable *weir_kstream_to_table(weir_kstream *stream, const weir_materialized *materialized,
                                   const weir_operator_options *options);

/* A function over a table. */
typedef struct weir_table_options {
    weir_operator_options operation;
    weir_materialized materialized;
    /* Of a join by a foreign key, where a table is not partitioned by murmur2 of its key
     * (TableJoined): of the left one and of the right one. The record has no value. */
    weir_partitioner partitioner;
    weir_partitioner other_partitioner;
    void *partitioner_user;
} weir_table_options;

/* The rows for which predicate says true, or false; a row that does no longer fit is removed. */
weir_ktable *weir_ktable_filter(weir_ktable *table, weir_predicate predicate,
                                const weir_table_options *options);
weir_ktable *weir_ktable_filter_not(weir_ktable *table, weir_predicate predicate,
                                    const weir_table_options *options);

/* Each row with another value; rows that are removed do not reach mapper. */
weir_ktable *weir_ktable_map_values(weir_ktable *table, weir_value_mapper mapper,
                                    const weir_table_options *options);

/* The rows of one key in both tables; with a left or outer join also those of one table alone,
 * whose other side joiner gets as null. */
weir_ktable *weir_ktable_join(weir_ktable *left, weir_ktable *right, weir_value_joiner joiner,
                              const weir_table_options *options);
weir_ktable *weir_ktable_left_join(weir_ktable *left, weir_ktable *right, weir_value_joiner joiner,
                                   const weir_table_options *options);
weir_ktable *weir_ktable_outer_join(weir_ktable *left, weir_ktable *right, weir_value_joiner joiner,
                                    const weir_table_options *options);

/* The changes of the table as records: the new value, or null where the row went. */
weir_kstream *weir_ktable_to_stream(weir_ktable *table, const weir_operator_options *options);

/* The rows under other keys and values, for aggregates over them: each change takes the old row out
 * of its group and puts the new one into its own. */
typedef struct weir_kgrouped_table weir_kgrouped_table;
weir_kgrouped_table *weir_ktable_group_by(weir_ktable *table, weir_key_value_mapper selector,
                                          const weir_operator_options *options);

/* How many rows a group has, as 8 bytes (weir_bytes_i64). */
weir_ktable *weir_kgrouped_table_count(weir_kgrouped_table *grouped,
                                       const weir_table_options *options);

/* adder puts the value of a row in, subtractor takes it out. */
weir_ktable *weir_kgrouped_table_aggregate(weir_kgrouped_table *grouped,
                                           weir_initializer initializer, weir_aggregator adder,
                                           weir_aggregator subtractor,
                                           const weir_table_options *options);
weir_ktable *weir_kgrouped_table_reduce(weir_kgrouped_table *grouped, weir_reducer adder,
                                        weir_reducer subtractor, const weir_table_options *options);

/* Each record of a stream with the row of its key as it is now; with a left join also those whose
 * key has no row. Records without a value are skipped. */
weir_kstream *weir_kstream_join_table(weir_kstream *stream, weir_ktable *table,
                                      weir_value_joiner joiner,
                                      const weir_operator_options *options);
weir_kstream *weir_kstream_left_join_table(weir_kstream *stream, weir_ktable *table,
                                           weir_value_joiner joiner,
                                           const weir_operator_options *options);

/* The same with a table that has a history (weir_materialized), as it was at the time of the
 * record; which waits until stream time is grace_ms past it, for the table's rows of that time.
 * (The joins above ask such a table at once.) A record later than the grace does not wait. */
weir_kstream *weir_kstream_join_versioned(weir_kstream *stream, weir_ktable *table,
                                          weir_value_joiner joiner, int64_t grace_ms,
                                          const weir_operator_options *options);
weir_kstream *weir_kstream_left_join_versioned(weir_kstream *stream, weir_ktable *table,
                                               weir_value_joiner joiner, int64_t grace_ms,
                                               const weir_operator_options *options);

#endif
