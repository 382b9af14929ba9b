/* SPDX-License-Identifier: Apache-2.0
 *
 * global_table.h - tables that every process has whole, and joins with them (GlobalKTable).
 *
 * Any row can be looked up, by any key: the stream needs no repartition, and its topic may have
 * other partitions than the table's. The table is complete, as of the start of the process, before
 * the first record is joined; then it is followed, in no order with the stream.
 *
 * Ownership  As in builder.h, like errors.
 * Threads    One.
 */
#ifndef WEIR_STREAMS_DSL_GLOBAL_TABLE_H
#define WEIR_STREAMS_DSL_GLOBAL_TABLE_H

#include "streams/dsl/builder.h"
#include "streams/dsl/function.h"

typedef struct weir_global_table weir_global_table;

/* The rows of topic, which is best compacted: each start reads it all, once for each worker. It is
 * kept in memory; of materialized the store's name is read. */
weir_global_table *weir_builder_global_table(weir_builder *builder, const char *topic,
                                             const weir_consumed *consumed,
                                             const weir_materialized *materialized);

/* A global store that a processor of one's own fills from topic (streams/topology_stores.h says
 * what it may do); of consumed the name and the serde are read. */
void weir_builder_add_global_store(weir_builder *builder, const char *store, const char *topic,
                                   const weir_consumed *consumed,
                                   const weir_processor_options *filler);

/* Each record with the row whose key selector tells; options->user is what both functions get.
 * Records without a value are skipped, as are those for which selector tells null; with a left join
 * those that meet no row pass with a null, as do those without a key. */
weir_kstream *weir_kstream_join_global(weir_kstream *stream, weir_global_table *table,
                                       weir_key_selector selector, weir_value_joiner joiner,
                                       const weir_operator_options *options);
weir_kstream *weir_kstream_left_join_global(weir_kstream *stream, weir_global_table *table,
                                            weir_key_selector selector, weir_value_joiner joiner,
                                            const weir_operator_options *options);

#endif
