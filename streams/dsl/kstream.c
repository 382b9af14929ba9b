/* SPDX-License-Identifier: Apache-2.0
 *
 * kstream.c - the operators of a stream as nodes of the graph: names, numbers, and what they say
 * about keys (kstream.h).
 */
#include "streams/dsl/kstream_internal.h"

#include "streams/dsl/null_handle_internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const weir_operator_options no_options;

weir_kstream *weir_kstream_of(weir_builder *builder, weir_graph_node *node,
                              bool repartition_required)
{
    weir_kstream *stream = weir_builder_alloc(builder, sizeof(*stream));
    *stream = (weir_kstream){
        .builder = builder,
        .name = node->name,
        .node = node,
        .repartition_required = repartition_required,
    };
    return stream;
}

static weir_graph_node *add_source(weir_builder *builder, const weir_consumed *consumed)
{
    static const weir_consumed no_consumed;
    consumed = consumed == NULL ? &no_consumed : consumed;
    const char *name = weir_builder_name_or_new(builder, consumed->name, "KSTREAM-SOURCE-");
    weir_graph_node *node = weir_graph_add(builder, builder->root, WEIR_GRAPH_SOURCE, name);
    node->consumed = *consumed;
    return node;
}

weir_kstream *weir_builder_stream(weir_builder *builder, const char *topic,
                                  const weir_consumed *consumed)
{
    WEIR_REFUSE_NULL(builder);
    weir_graph_node *node = add_source(builder, consumed);
    node->topics = weir_graph_topic(builder, weir_builder_topic(builder, topic, node->name));
    return weir_kstream_of(builder, node, false);
}

weir_kstream *weir_builder_stream_of_topics(weir_builder *builder, const char *const *topics,
                                            const weir_consumed *consumed)
{
    WEIR_REFUSE_NULL(builder, topics);
    weir_graph_node *node = add_source(builder, consumed);
    size_t count = 0;
    while (topics[count] != NULL) {
        count++;
    }
    const char **copies = weir_builder_alloc(builder, (count + 1) * sizeof(*copies));
    for (size_t i = 0; i < count; i++) {
        copies[i] = weir_builder_topic(builder, topics[i], node->name);
    }
    node->topics = copies;
    return weir_kstream_of(builder, node, false);
}

weir_kstream *weir_builder_stream_of_pattern(weir_builder *builder, const char *pattern,
                                             const weir_consumed *consumed)
{
    WEIR_REFUSE_NULL(builder, pattern);
    weir_graph_node *node = add_source(builder, consumed);
    node->pattern = weir_builder_join_names(builder, pattern, "");
    return weir_kstream_of(builder, node, false);
}

/* A stateless operator below stream. */
static weir_graph_node *add_stateless(weir_kstream *stream, const char *name, weir_stateless spec)
{
    weir_stateless *kept = weir_builder_alloc(stream->builder, sizeof(*kept));
    *kept = spec;
    weir_graph_node *node =
        weir_graph_add(stream->builder, stream->node, WEIR_GRAPH_PROCESSOR, name);
    node->processor = (weir_processor_options){weir_stateless_new, kept};
    node->has_fixed_key = spec.predicate != NULL || spec.map_value != NULL ||
                          (spec.flat_map != NULL && spec.keeps_keys) ||
                          (spec.action != NULL && !spec.ends);
    return node;
}

typedef enum operator_effect { NOTHING, CHANGES_VALUES, CHANGES_KEYS } operator_effect;

static weir_kstream *add(weir_kstream *stream, const weir_operator_options *options,
                         const char *prefix, weir_stateless spec, operator_effect effect)
{
    options = options == NULL ? &no_options : options;
    spec.user = options->user;
    const char *name = weir_builder_name_or_new(stream->builder, options->name, prefix);
    weir_graph_node *node = add_stateless(stream, name, spec);
    node->key_changing = effect == CHANGES_KEYS;
    node->value_changing = effect == CHANGES_VALUES;
    return weir_kstream_of(stream->builder, node,
                           stream->repartition_required || effect == CHANGES_KEYS);
}

/* An operator that must have its function. */
static weir_kstream *add_function(weir_kstream *stream, const weir_operator_options *options,
                                  const char *prefix, weir_stateless spec, operator_effect effect)
{
    weir_kstream *added = add(stream, options, prefix, spec, effect);
    bool given = spec.predicate != NULL || spec.map_value != NULL || spec.select_key != NULL ||
                 spec.map != NULL || spec.flat_map != NULL || spec.action != NULL;
    weir_builder_require(stream->builder, given, added->name, "a function");
    return added;
}

weir_kstream *weir_kstream_filter(weir_kstream *stream, weir_predicate predicate,
                                  const weir_operator_options *options)
{
    WEIR_REFUSE_NULL(stream);
    return add_function(stream, options, "KSTREAM-FILTER-",
                        (weir_stateless){.predicate = predicate}, NOTHING);
}

weir_kstream *weir_kstream_filter_not(weir_kstream *stream, weir_predicate predicate,
                                      const weir_operator_options *options)
{
    WEIR_REFUSE_NULL(stream);
    return add_function(stream, options, "KSTREAM-FILTER-",
                        (weir_stateless){.predicate = predicate, .negated = true}, NOTHING);
}

weir_kstream *weir_kstream_map_values(weir_kstream *stream, weir_value_mapper mapper,
                                      const weir_operator_options *options)
{
    WEIR_REFUSE_NULL(stream);
    return add_function(stream, options, "KSTREAM-MAPVALUES-",
                        (weir_stateless){.map_value = mapper}, CHANGES_VALUES);
}

weir_kstream *weir_kstream_select_key(weir_kstream *stream, weir_key_selector selector,
                                      const weir_operator_options *options)
{
    WEIR_REFUSE_NULL(stream);
    return add_function(stream, options, "KSTREAM-KEY-SELECT-",
                        (weir_stateless){.select_key = selector}, CHANGES_KEYS);
}

weir_kstream *weir_kstream_map(weir_kstream *stream, weir_key_value_mapper mapper,
                               const weir_operator_options *options)
{
    WEIR_REFUSE_NULL(stream);
    return add_function(stream, options, "KSTREAM-MAP-", (weir_stateless){.map = mapper},
                        CHANGES_KEYS);
}

weir_kstream *weir_kstream_flat_map(weir_kstream *stream, weir_flat_mapper mapper,
                                    const weir_operator_options *options)
{
    WEIR_REFUSE_NULL(stream);
    return add_function(stream, options, "KSTREAM-FLATMAP-", (weir_stateless){.flat_map = mapper},
                        CHANGES_KEYS);
}

weir_kstream *weir_kstream_flat_map_values(weir_kstream *stream, weir_flat_mapper mapper,
                                           const weir_operator_options *options)
{
    WEIR_REFUSE_NULL(stream);
    return add_function(stream, options, "KSTREAM-FLATMAPVALUES-",
                        (weir_stateless){.flat_map = mapper, .keeps_keys = true}, CHANGES_VALUES);
}

weir_kstream *weir_kstream_peek(weir_kstream *stream, weir_foreach_action action,
                                const weir_operator_options *options)
{
    WEIR_REFUSE_NULL(stream);
    return add_function(stream, options, "KSTREAM-PEEK-", (weir_stateless){.action = action},
                        NOTHING);
}

void weir_kstream_foreach(weir_kstream *stream, weir_foreach_action action,
                          const weir_operator_options *options)
{
    if (WEIR_ANY_IS_NULL(stream)) {
        return;
    }
    (void)add_function(stream, options, "KSTREAM-FOREACH-",
                       (weir_stateless){.action = action, .ends = true}, NOTHING);
}

weir_kstream *weir_kstream_merge(weir_kstream *stream, weir_kstream *other,
                                 const weir_operator_options *options)
{
    WEIR_REFUSE_NULL(stream, other);
    WEIR_ASSERT(stream->builder == other->builder);
    weir_kstream *merged = add(stream, options, "KSTREAM-MERGE-", (weir_stateless){0}, NOTHING);
    weir_graph_connect(stream->builder, other->node, merged->node);
    merged->node->merges = true;
    merged->node->priority = ++stream->builder->last_priority; /* One for each parent. */
    merged->repartition_required = stream->repartition_required || other->repartition_required;
    return merged;
}

void weir_builder_add_store(weir_builder *builder, const weir_store_options *options)
{
    if (WEIR_ANY_IS_NULL(builder)) {
        return;
    }
    bool given = options != NULL && options->name != NULL;
    weir_builder_require(builder, given, "store", "options with a name");
    if (!given) {
        return;
    }
    const char *name = weir_builder_join_names(builder, options->name, "");
    weir_graph_node *node = weir_graph_add(builder, builder->root, WEIR_GRAPH_STORE, name);
    node->stores = weir_builder_alloc(builder, sizeof(*node->stores));
    node->stores->options = *options;
    node->stores->options.name = name;
    if (options->changelog_topic != NULL) {
        node->stores->options.changelog_topic =
            weir_builder_join_names(builder, options->changelog_topic, "");
    }
}

static weir_graph_node *add_process(weir_kstream *stream, const weir_processor_options *processor,
                                    const char *name, const char *const *store_names)
{
    weir_graph_node *node =
        weir_graph_add(stream->builder, stream->node, WEIR_GRAPH_PROCESSOR, name);
    bool given = processor != NULL && processor->supplier != NULL;
    weir_builder_require(stream->builder, given, name, "a supplier");
    node->processor = given ? *processor : (weir_processor_options){0};
    node->store_names = weir_builder_copy_names(stream->builder, store_names);
    return node;
}

weir_kstream *weir_kstream_process(weir_kstream *stream, const weir_processor_options *processor,
                                   const weir_operator_options *options,
                                   const char *const *store_names)
{
    WEIR_REFUSE_NULL(stream);
    options = options == NULL ? &no_options : options;
    const char *name =
        weir_builder_given_or_new(stream->builder, options->name, "", "KSTREAM-PROCESSOR-");
    weir_graph_node *node = add_process(stream, processor, name, store_names);
    return weir_kstream_of(stream->builder, node, true);
}

weir_kstream *weir_kstream_process_values(weir_kstream *stream,
                                          const weir_processor_options *processor,
                                          const weir_operator_options *options,
                                          const char *const *store_names)
{
    WEIR_REFUSE_NULL(stream);
    options = options == NULL ? &no_options : options;
    const char *name =
        weir_builder_given_or_new(stream->builder, options->name, "", "KSTREAM-PROCESSVALUES-");
    weir_graph_node *node = add_process(stream, processor, name, store_names);
    node->value_changing = true;
    node->keeps_keys = true;
    return weir_kstream_of(stream->builder, node, stream->repartition_required);
}

/* Repartition. */

/* Names of nodes were generated where they look like it: "KSTREAM…-0000000012". */
static bool is_generated(const char *name)
{
    size_t length = strlen(name);
    if (length < 11 || strncmp(name, "KSTREAM", 7) != 0 || name[length - 11] != '-') {
        return false;
    }
    for (size_t i = length - 10; i < length; i++) {
        if (!isdigit((unsigned char)name[i])) {
            return false;
        }
    }
    return true;
}

weir_graph_node *weir_repartition_node_new(weir_builder *builder, const char *name)
{
    weir_graph_node *node = weir_builder_alloc(builder, sizeof(*node));
    node->kind = WEIR_GRAPH_REPARTITION;
    node->is_optimisable = true;
    node->topic = name;
    const char *sink = weir_builder_new_name(builder, "KSTREAM-SINK-");
    const char *filter = weir_builder_new_name(builder, "KSTREAM-FILTER-");
    const char *source = weir_builder_new_name(builder, "KSTREAM-SOURCE-");
    bool generated = is_generated(name);
    node->sink_name =
        generated ? sink : weir_builder_join_names(builder, name, "-repartition-sink");
    node->filter_name =
        generated ? filter : weir_builder_join_names(builder, name, "-repartition-filter");
    node->name = generated ? source : weir_builder_join_names(builder, name, "-repartition-source");
    return node;
}

weir_kstream *weir_kstream_repartition_for_join(weir_kstream *stream, const char *given,
                                                const char *suffix)
{
    if (!stream->repartition_required) {
        return stream;
    }
    weir_builder *builder = stream->builder;
    const char *name =
        given != NULL ? weir_builder_join_names(builder, given, suffix) : stream->name;
    weir_graph_node *node = weir_repartition_node_new(builder, name);
    if (stream->repartition_node == NULL || strcmp(stream->name, name) != 0) {
        stream->repartition_node = node;
        weir_graph_attach(builder, stream->node, node);
    }
    return weir_kstream_of(builder, stream->repartition_node, false);
}

weir_kstream *weir_kstream_repartition(weir_kstream *stream, const weir_repartitioned *options)
{
    WEIR_REFUSE_NULL(stream);
    static const weir_repartitioned no_repartitioned;
    options = options == NULL ? &no_repartitioned : options;
    const char *name =
        weir_builder_given_or_new(stream->builder, options->name, "", "KSTREAM-REPARTITION-");
    weir_graph_node *node = weir_repartition_node_new(stream->builder, name);
    node->is_optimisable = false; /* The user wants it where it is. */
    node->partition_count = options->partition_count;
    node->sink = (weir_sink_options){.partitioner = options->partitioner,
                                     .partitioner_user = options->partitioner_user};
    weir_graph_attach(stream->builder, stream->node, node);
    return weir_kstream_of(stream->builder, node, false);
}

static weir_graph_node *add_sink(weir_kstream *stream, const weir_produced *options)
{
    static const weir_produced no_produced;
    options = options == NULL ? &no_produced : options;
    const char *name = weir_builder_name_or_new(stream->builder, options->name, "KSTREAM-SINK-");
    weir_graph_node *node = weir_graph_add(stream->builder, stream->node, WEIR_GRAPH_SINK, name);
    node->sink = (weir_sink_options){
        .topic_user = options->topic_user,
        .partitioner = options->partitioner,
        .multicast = options->multicast,
        .partitioner_user = options->partitioner_user,
    };
    return node;
}

void weir_kstream_to(weir_kstream *stream, const char *topic, const weir_produced *options)
{
    if (WEIR_ANY_IS_NULL(stream)) {
        return;
    }
    weir_graph_node *node = add_sink(stream, options);
    node->sink.topic = weir_builder_topic(stream->builder, topic, node->name);
}

void weir_kstream_to_topic_of(weir_kstream *stream, weir_topic_extractor extractor,
                              const weir_produced *options)
{
    if (WEIR_ANY_IS_NULL(stream)) {
        return;
    }
    weir_graph_node *node = add_sink(stream, options);
    weir_builder_require(stream->builder, extractor != NULL, node->name, "a topic extractor");
    node->sink.topic_of = extractor;
}

/* Groups. */

static weir_kgrouped_stream *group(const weir_kstream *stream, const char *name)
{
    weir_kgrouped_stream *grouped = weir_builder_alloc(stream->builder, sizeof(*grouped));
    grouped->stream = *stream;
    if (name != NULL) {
        grouped->repartition_name = weir_builder_join_names(stream->builder, name, "");
    }
    return grouped;
}

weir_kgrouped_stream *weir_kstream_group_by_key(weir_kstream *stream,
                                                const weir_operator_options *options)
{
    WEIR_REFUSE_NULL(stream);
    return group(stream, options == NULL ? NULL : options->name);
}

weir_kgrouped_stream *weir_kstream_group_by(weir_kstream *stream, weir_key_selector selector,
                                            const weir_operator_options *options)
{
    WEIR_REFUSE_NULL(stream);
    return group(weir_kstream_select_key(stream, selector, options),
                 options == NULL ? NULL : options->name);
}
