/* SPDX-License-Identifier: Apache-2.0
 *
 * aggregate_internal.h - what aggregates of streams share: how one is made with a record, and how
 * its table comes into the graph.
 *
 * Ownership  Specs live in the builder's arena.
 * Threads    Builder: one. Processors: the worker that owns the task.
 */
#ifndef WEIR_STREAMS_DSL_AGGREGATE_INTERNAL_H
#define WEIR_STREAMS_DSL_AGGREGATE_INTERNAL_H

#include "streams/dsl/grouped.h"
#include "streams/dsl/kstream_internal.h"
#include "streams/dsl/ktable_internal.h"

/* What an aggregate is made with: reducer, or aggregator and maybe initializer. */
typedef struct weir_aggregate_spec {
    weir_ktable *table;
    weir_initializer initializer;
    weir_aggregator aggregator;
    weir_reducer reducer;
    void *user;
    const void *windows; /* Of a windowed one: its weir_windows_spec. */
} weir_aggregate_spec;

/* The aggregate of old (null: there is none yet, and it becomes what the initializer says) and the
 * value of record. */
weir_status weir_aggregate_advance(const weir_aggregate_spec *spec, weir_call *call,
                                   const weir_record *record, weir_bytes *inout_old,
                                   weir_bytes *out_new);

/* A copy of spec for a processor of table, in the builder's arena. */
weir_aggregate_spec *weir_aggregate_spec_keep(weir_ktable *table, const weir_aggregate_spec *spec,
                                              void *user);

/* The supplier of aggregates in a key-value store; user is the spec. */
weir_processor *weir_aggregate_new(void *user);

/* Where an aggregate comes into the graph. */
typedef struct weir_aggregate_place {
    const char *prefix; /* Of its name, if it was given none. */
    const weir_operator_options *options;
    weir_graph_store *store;
    weir_processor_supplier supplier; /* Gets a copy of the spec. */
} weir_aggregate_place;

/* A table of aggregates below grouped. */
weir_ktable *weir_aggregate_add(weir_kgrouped_stream *grouped, const weir_aggregate_place *place,
                                const weir_aggregate_spec *spec);

/* Kafka Streams draws a name for a count that has options and no store name, and forgets it. */
void weir_count_use_up_name(weir_builder *builder, const weir_materialized *materialized);

/* Where every count begins, and what each record adds to it. */
weir_status weir_count_zero(weir_call *call, weir_bytes *out_aggregate);
weir_status weir_count_one(weir_call *call, weir_bytes key, weir_bytes value, weir_bytes aggregate,
                           weir_bytes *out_aggregate);

#endif
