/* SPDX-License-Identifier: Apache-2.0
 *
 * kstream.h - streams of records, and the operators without state (KStream).
 *
 * An operator that may change keys makes what groups or joins after it go through a repartition
 * topic; prefer those that keep them (map_values, process_values).
 *
 * Ownership  As in builder.h, like errors.
 * Threads    One.
 */
#ifndef WEIR_STREAMS_DSL_KSTREAM_H
#define WEIR_STREAMS_DSL_KSTREAM_H

#include "streams/dsl/builder.h"
#include "streams/dsl/function.h"

/* The records for which predicate says true, or false. */
weir_kstream *weir_kstream_filter(weir_kstream *stream, weir_predicate predicate,
                                  const weir_operator_options *options);
weir_kstream *weir_kstream_filter_not(weir_kstream *stream, weir_predicate predicate,
                                      const weir_operator_options *options);

/* Each record with another value; another key; both. */
weir_kstream *weir_kstream_map_values(weir_kstream *stream, weir_value_mapper mapper,
                                      const weir_operator_options *options);
weir_kstream *weir_kstream_select_key(weir_kstream *stream, weir_key_selector selector,
                                      const weir_operator_options *options);
weir_kstream *weir_kstream_map(weir_kstream *stream, weir_key_value_mapper mapper,
                               const weir_operator_options *options);

/* Any number of records in the place of each; the second keeps the key whatever is emitted. */
weir_kstream *weir_kstream_flat_map(weir_kstream *stream, weir_flat_mapper mapper,
                                    const weir_operator_options *options);
weir_kstream *weir_kstream_flat_map_values(weir_kstream *stream, weir_flat_mapper mapper,
                                           const weir_operator_options *options);

/* Calls action for each record and passes it on; or ends with it. */
weir_kstream *weir_kstream_peek(weir_kstream *stream, weir_foreach_action action,
                                const weir_operator_options *options);
void weir_kstream_foreach(weir_kstream *stream, weir_foreach_action action,
                          const weir_operator_options *options);

/* The records of both, in no order but that of each. */
weir_kstream *weir_kstream_merge(weir_kstream *stream, weir_kstream *other,
                                 const weir_operator_options *options);

/* Each record goes to the first branch whose predicate says true, else to the default branch, else
 * nowhere. The names of branches follow that of the split: "<split><branch>"; NULL: their number,
 * which is 0 for the default. */
typedef struct weir_branched_kstream weir_branched_kstream;
weir_branched_kstream *weir_kstream_split(weir_kstream *stream,
                                          const weir_operator_options *options);
weir_kstream *weir_branched_kstream_branch(weir_branched_kstream *split, weir_predicate predicate,
                                           const weir_operator_options *options);
weir_kstream *weir_branched_kstream_default(weir_branched_kstream *split,
                                            const weir_operator_options *options);

/* A processor of one's own (processor.h), with the stores it uses, which weir_builder_add_store
 * declared; names end with a NULL. process may change keys, process_values must not:
 * it stops with WEIR_INVALID. */
weir_kstream *weir_kstream_process(weir_kstream *stream, const weir_processor_options *processor,
                                   const weir_operator_options *options,
                                   const char *const *store_names);
weir_kstream *weir_kstream_process_values(weir_kstream *stream,
                                          const weir_processor_options *processor,
                                          const weir_operator_options *options,
                                          const char *const *store_names);

/* Through a topic of the application's own, so that records with one key meet in one task
 * (Repartitioned). */
typedef struct weir_repartitioned {
    const char *name;        /* Of the topic; NULL: generated. */
    int32_t partition_count; /* 0: as many as what feeds it, or is joined with it. */
    weir_partitioner partitioner;
    void *partitioner_user;
} weir_repartitioned;
weir_kstream *weir_kstream_repartition(weir_kstream *stream, const weir_repartitioned *options);

/* Writes to a topic (Produced). */
typedef struct weir_produced {
    const char *name;             /* Of the sink; NULL: generated. */
    weir_partitioner partitioner; /* NULL: murmur2 of the key. */
    weir_multicast multicast;     /* In its place: to several partitions, or to none. */
    void *partitioner_user;
    void *topic_user; /* For the function of weir_kstream_to_topic_of. */
} weir_produced;
void weir_kstream_to(weir_kstream *stream, const char *topic, const weir_produced *options);
/* The same, each record to the topic that extractor names for it; the topics exist. */
void weir_kstream_to_topic_of(weir_kstream *stream, weir_topic_extractor extractor,
                              const weir_produced *options);

/* Groups by the key as it is, or by another one; grouped.h goes on from there. name is that of the
 * repartition topic, if one is needed; NULL: generated. */
weir_kgrouped_stream *weir_kstream_group_by_key(weir_kstream *stream,
                                                const weir_operator_options *options);
weir_kgrouped_stream *weir_kstream_group_by(weir_kstream *stream, weir_key_selector selector,
                                            const weir_operator_options *options);

#endif
