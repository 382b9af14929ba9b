/* SPDX-License-Identifier: Apache-2.0
 *
 * builder.h - the DSL of Kafka Streams in C: a builder, from which streams and tables grow, and
 * which makes a topology of them.
 *
 *   WEIR_AUTO_PTR(weir_builder) builder = weir_builder_new();
 *   weir_kstream *lines = weir_builder_stream(builder, "lines", NULL);
 *   weir_kstream *words = weir_kstream_flat_map_values(lines, split_words, NULL);
 *   weir_kgrouped_stream *grouped = weir_kstream_group_by(words, value_as_key, NULL);
 *   weir_ktable *counts =
 *       weir_kgrouped_stream_count(grouped, &(weir_materialized){.store_name = "counts"}, NULL);
 *   weir_kstream_to(weir_ktable_to_stream(counts, NULL), "word-counts", NULL);
 *   weir_builder_build(builder, &topology, &err)
 *
 * Operators are named, numbered and written to the topology as Kafka Streams 4.1 does it, so that
 * stores, internal topics and task ids are those of the same program in Java.
 *
 * Ownership  Everything that grows from a builder, the topology included, lives as long as it.
 *            Strings are copied, user pointers borrowed. Options may be NULL: all defaults.
 * Errors     The first mistake is kept and told by weir_builder_build; no call fails before. One
 *            with NULL for a builder, a stream or a table answers NULL.
 * Threads    One.
 */
#ifndef WEIR_STREAMS_DSL_BUILDER_H
#define WEIR_STREAMS_DSL_BUILDER_H

#include "streams/config.h"
#include "streams/processor_wrapper.h"

typedef struct weir_builder weir_builder;
typedef struct weir_kstream weir_kstream;
typedef struct weir_ktable weir_ktable;
typedef struct weir_kgrouped_stream weir_kgrouped_stream;

/* How a topic is read (Consumed). */
typedef struct weir_consumed {
    const char *name;                   /* Of the source; NULL: generated. */
    weir_serde serde;                   /* Checks or decodes values as they are read. */
    weir_timestamp_extractor timestamp; /* NULL: the record's own timestamp. */
    weir_auto_offset_reset reset;       /* Where it begins if nothing is committed. */
} weir_consumed;

/* How a table or an aggregate is kept (Materialized). */
typedef struct weir_materialized {
    const char *store_name;   /* Also makes it queryable; NULL: generated. */
    weir_store_engine engine; /* RocksDB unless said otherwise. */
    bool logging_disabled;
    int64_t retention_ms;  /* Of windows; 0: as long as records may come for them. */
    bool caching_disabled; /* Each change is logged and passed on by itself. */
    /* Of the table of a topic or a stream, > 0: versions of its rows are kept so long, and a record
     * is joined with what was true at its time. A row that comes later than that is dropped. */
    int64_t history_ms;
    /* > 0: no more rows than that (Stores.lruMap, weir_store_options). Each change is passed on. */
    int32_t entries_max;
    weir_topic_config changelog; /* Settings of its changelog, as those of weir_store_options. */
} weir_materialized;

/* Most operators: a name, and what their function gets as call->user. */
typedef struct weir_operator_options {
    const char *name; /* NULL: generated. */
    void *user;
} weir_operator_options;

/* What is given most, in short: the name of a store; the name of an operator. */
#define WEIR_STORED_AS(name_) (&(weir_materialized){.store_name = (name_)})
#define WEIR_NAMED(name_) (&(weir_operator_options){.name = (name_)})

weir_builder *weir_builder_new(void);
void weir_builder_free(weir_builder *builder);
WEIR_DEFINE_AUTO_PTR(weir_builder);

/* The records of a topic. Two streams of one topic share one source. */
weir_kstream *weir_builder_stream(weir_builder *builder, const char *topic,
                                  const weir_consumed *consumed);

/* The records of several topics, whose names end with a NULL, in one stream. Another stream of some
 * of these topics is a mistake; one of all of them shares the source. */
weir_kstream *weir_builder_stream_of_topics(weir_builder *builder, const char *const *topics,
                                            const weir_consumed *consumed);

/* The records of all topics whose names match pattern (topic_pattern.h), in one stream. Those that
 * come later are read once weir.topics.check.interval.ms is over, if they fit the tasks. */
weir_kstream *weir_builder_stream_of_pattern(weir_builder *builder, const char *pattern,
                                             const weir_consumed *consumed);

/* A store for weir_kstream_process, which names it. */
void weir_builder_add_store(weir_builder *builder, const weir_store_options *options);

/* Something that each worker has one of, for weir_context_resource: a client, a codec. */
void weir_builder_add_resource(weir_builder *builder, const char *name,
                               const weir_resource_options *options);

/* Saves topics and stores as topology.optimization=all does: a table's source topic is its
 * changelog, streams with new keys share one repartition topic, a stream joined with itself has one
 * buffer. State and topics are others then: a running application is reset to change over. */
void weir_builder_optimise(weir_builder *builder);

/* The same as config says it, by topology.optimization: none, all, or a list, with commas, of
 * reuse.ktable.source.topics, merge.repartition.topics and single.store.self.join. And whether
 * generated names of stores and internal topics, which change with the program, are a mistake:
 * ensure.explicit.internal.resource.naming. Before build. WEIR_INVALID: it is none of these. */
weir_status weir_builder_configure(weir_builder *builder, const weir_config *config,
                                   weir_error *err);

/* What is around each processor (processor_wrapper.h); best at first. */
void weir_builder_set_wrapper(weir_builder *builder, const weir_processor_wrapper *wrapper);

/* Once, when everything has grown: checks it and makes the topology, which stays the builder's.
 * WEIR_INVALID: the first mistake, with the name of its operator. */
weir_status weir_builder_build(weir_builder *builder, const weir_topology **out_topology,
                               weir_error *err);

#endif
