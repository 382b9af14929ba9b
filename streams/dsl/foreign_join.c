/* SPDX-License-Identifier: Apache-2.0
 *
 * foreign_join.c - a foreign-key join in the graph: names, numbers, topics and stores
 * (foreign_join.h); foreign_join_process.c draws what happens in it.
 */
#include "streams/dsl/foreign_join_internal.h"

#include "streams/dsl/null_handle_internal.h"

#define REGISTRATION "KTABLE-FK-JOIN-SUBSCRIPTION-REGISTRATION-"
#define SUBSCRIPTION "KTABLE-FK-JOIN-SUBSCRIPTION-PROCESSOR-"
#define OUTPUT "KTABLE-FK-JOIN-OUTPUT-"

/* A join that grows into the graph. */
typedef struct growing {
    weir_builder *builder;
    weir_foreign_join *join;
    const char *given; /* The name that begins all; may be NULL. */
} growing;

static const char *name_of(const growing *grow, const char *suffix, const char *prefix)
{
    return weir_builder_suffixed_or_new(grow->builder, grow->given, suffix, prefix);
}

static const char *topic_of(const growing *grow, const char *suffix, const char *prefix)
{
    const char *name =
        weir_builder_join_names(grow->builder, name_of(grow, suffix, prefix), "-topic");
    return weir_topology_internal_topic(grow->builder->topology, name);
}

static weir_graph_node *add_processor(const growing *grow, weir_graph_node *parent,
                                      weir_processor_supplier supplier, const char *name)
{
    weir_graph_node *node = weir_graph_add(grow->builder, parent, WEIR_GRAPH_PROCESSOR, name);
    node->processor = (weir_processor_options){supplier, grow->join};
    return node;
}

static weir_graph_node *add_sink(const growing *grow, weir_graph_node *parent, const char *topic,
                                 const char *suffix)
{
    weir_graph_node *sink = weir_graph_add(grow->builder, parent, WEIR_GRAPH_SINK,
                                           name_of(grow, suffix, "KTABLE-SINK-"));
    sink->sink.topic = topic;
    return sink;
}

/* Below the sink, so that it is written after it. */
static weir_graph_node *add_source(const growing *grow, weir_graph_node *sink, const char *suffix)
{
    weir_graph_node *source = weir_graph_add(grow->builder, sink, WEIR_GRAPH_SOURCE,
                                             name_of(grow, suffix, "KTABLE-SOURCE-"));
    source->topics = weir_graph_topic(grow->builder, sink->sink.topic);
    return source;
}

/* By the keys of a table, of which the topics between the two bear no values. */
static int32_t by_key(const weir_foreign_join *join, weir_partitioner partitioner,
                      const weir_record *record, int32_t partition_count)
{
    weir_record row = *record;
    row.value = WEIR_BYTES_NULL;
    row.object = NULL;
    return partitioner(join->partitioner_user, &row, partition_count);
}

static int32_t partition_of_right(void *user, const weir_record *record, int32_t partition_count)
{
    const weir_foreign_join *join = user;
    return by_key(join, join->other_partitioner, record, partition_count);
}

static int32_t partition_of_left(void *user, const weir_record *record, int32_t partition_count)
{
    const weir_foreign_join *join = user;
    return by_key(join, join->partitioner, record, partition_count);
}

/* The left side's questions; returns the node behind which they arrive. */
static weir_graph_node *add_questions(const growing *grow, const weir_ktable *left)
{
    const char *topic = topic_of(grow, "-subscription-registration", REGISTRATION);
    weir_graph_node *asks =
        add_processor(grow, left->node, weir_foreign_ask_new,
                      name_of(grow, "-subscription-registration-processor", REGISTRATION));
    weir_graph_node *sink = add_sink(grow, asks, topic, "-subscription-registration-sink");
    sink->sink.partitioner = grow->join->other_partitioner == NULL ? NULL : partition_of_right;
    sink->sink.partitioner_user = grow->join;
    return add_source(grow, sink, "-subscription-registration-source");
}

static const char *const *add_subscriptions(const growing *grow)
{
    weir_builder *builder = grow->builder;
    const char *name =
        name_of(grow, "-subscription-store", "KTABLE-FK-JOIN-SUBSCRIPTION-STATE-STORE-");
    grow->join->subscriptions = name;
    weir_builder_add_store(builder, &(weir_store_options){.name = name, .timestamped = true});
    return weir_builder_copy_names(builder, (const char *const[]){name, NULL});
}

/* The right side's answers; returns the node behind which they arrive. */
static weir_graph_node *add_answers(const growing *grow, weir_graph_node *questions,
                                    const weir_ktable *right)
{
    const char *const *stores = add_subscriptions(grow);
    weir_graph_node *keeps = add_processor(grow, questions, weir_foreign_keep_new,
                                           name_of(grow, "-subscription-receive", SUBSCRIPTION));
    keeps->store_names = stores;
    weir_graph_node *answers =
        add_processor(grow, keeps, weir_foreign_answer_new,
                      name_of(grow, "-subscription-join-foreign", SUBSCRIPTION));
    answers->reads = right;
    weir_graph_node *changes =
        add_processor(grow, right->node, weir_foreign_change_new,
                      name_of(grow, "-foreign-join-subscription", SUBSCRIPTION));
    changes->store_names = stores;
    const char *topic =
        topic_of(grow, "-subscription-response", "KTABLE-FK-JOIN-SUBSCRIPTION-RESPONSE-");
    weir_graph_node *sink = add_sink(grow, answers, topic, "-subscription-response-sink");
    sink->sink.partitioner =
        grow->join->partitioner == NULL ? weir_foreign_partition : partition_of_left;
    sink->sink.partitioner_user = grow->join;
    weir_graph_connect(grow->builder, changes, sink);
    sink->priority = ++grow->builder->last_priority; /* One for each parent. */
    return add_source(grow, sink, "-subscription-response-source");
}

static weir_ktable *add_result(const growing *grow, weir_graph_node *answers,
                               const weir_materialized *materialized)
{
    weir_builder *builder = grow->builder;
    weir_graph_node *resolves =
        add_processor(grow, answers, weir_foreign_resolve_new,
                      name_of(grow, "-subscription-response-resolver",
                              "KTABLE-FK-JOIN-SUBSCRIPTION-RESPONSE-RESOLVER-PROCESSOR-"));
    resolves->reads = grow->join->left;
    const char *name = name_of(grow, "-result", OUTPUT);
    weir_ktable *result = weir_ktable_new(builder, WEIR_TABLE_SOURCE, NULL);
    result->store = weir_row_store_declare(builder, materialized, OUTPUT);
    result->is_kept = materialized->store_name != NULL;
    result->node = weir_graph_add(builder, resolves, WEIR_GRAPH_PROCESSOR, name);
    result->node->processor = (weir_processor_options){weir_table_source_new, result};
    result->node->table = result;
    return result;
}

static weir_ktable *join(weir_ktable *left, weir_ktable *right, weir_foreign_join spec,
                         const weir_table_options *options)
{
    static const weir_table_options no_options;
    options = options == NULL ? &no_options : options;
    weir_builder *builder = left->builder;
    WEIR_ASSERT(right->builder == builder);
    (void)weir_ktable_send_old_values(right, true);
    (void)weir_ktable_send_old_values(left, true);
    weir_foreign_join *kept = weir_builder_alloc(builder, sizeof(*kept));
    *kept = spec;
    kept->left = left;
    kept->right = right;
    kept->user = options->operation.user;
    kept->partitioner = options->partitioner;
    kept->other_partitioner = options->other_partitioner;
    kept->partitioner_user = options->partitioner_user;
    const growing grow = {builder, kept, options->operation.name};
    weir_graph_node *questions = add_questions(&grow, left);
    weir_ktable_require_rows(right);
    weir_graph_node *answers = add_answers(&grow, questions, right);
    weir_ktable_require_rows(left);
    weir_ktable *result = add_result(&grow, answers, &options->materialized);
    weir_builder_require(builder, spec.selector != NULL, result->node->name, "a key selector");
    weir_builder_require(builder, spec.joiner != NULL, result->node->name, "a joiner");
    return result;
}

weir_ktable *weir_ktable_join_foreign(weir_ktable *left, weir_ktable *right,
                                      weir_key_selector selector, weir_value_joiner joiner,
                                      const weir_table_options *options)
{
    WEIR_REFUSE_NULL(left, right);
    return join(left, right, (weir_foreign_join){.selector = selector, .joiner = joiner}, options);
}

weir_ktable *weir_ktable_left_join_foreign(weir_ktable *left, weir_ktable *right,
                                           weir_key_selector selector, weir_value_joiner joiner,
                                           const weir_table_options *options)
{
    WEIR_REFUSE_NULL(left, right);
    const weir_foreign_join spec = {.selector = selector, .joiner = joiner, .is_left_join = true};
    return join(left, right, spec, options);
}
