/* SPDX-License-Identifier: Apache-2.0
 *
 * branch.c - a stream that is split: the first predicate that says true decides.
 *
 *   split ─┬─▶ first branch
 *          ├─▶ second branch
 *          └─▶ default branch
 *
 * Branches are added after the split, so its processors read their list from the graph when a task
 * starts; it does not change any more then.
 */
#include "streams/dsl/kstream_internal.h"

#include "streams/dsl/null_handle_internal.h"

#include <stdlib.h>

typedef struct branch {
    const char *name;
    weir_predicate predicate; /* NULL: the default, which takes what is left. */
    void *user;
    struct branch *next;
} branch;

struct weir_branched_kstream {
    weir_kstream *stream;
    weir_graph_node *node;
    branch *first;
    branch **end;
    int32_t count;
    branch *otherwise;
};

typedef struct split_processor {
    weir_processor base;
    const weir_branched_kstream *split;
} split_processor;

static weir_status send_to_branch(weir_processor *processor, const weir_record *record,
                                  weir_error *err)
{
    const weir_branched_kstream *split = ((split_processor *)(void *)processor)->split;
    const branch *found = split->first;
    while (found != NULL && !found->predicate(found->user, record)) {
        found = found->next;
    }
    found = found == NULL ? split->otherwise : found;
    return found == NULL ? WEIR_OK
                         : weir_context_forward_to(processor->context, found->name, record, err);
}

static void free_split(weir_processor *processor)
{
    free(processor);
}

static weir_processor *new_split(void *user)
{
    static const weir_processor_ops ops = {.process = send_to_branch, .free = free_split};
    split_processor *processor = weir_alloc(sizeof(*processor));
    processor->base.ops = &ops;
    processor->split = user;
    return &processor->base;
}

weir_branched_kstream *weir_kstream_split(weir_kstream *stream,
                                          const weir_operator_options *options)
{
    WEIR_REFUSE_NULL(stream);
    weir_builder *builder = stream->builder;
    weir_branched_kstream *split = weir_builder_alloc(builder, sizeof(*split));
    const char *name = weir_builder_name_or_new(builder, options == NULL ? NULL : options->name,
                                                "KSTREAM-BRANCH-");
    split->stream = stream;
    split->end = &split->first;
    split->node = weir_graph_add(builder, stream->node, WEIR_GRAPH_PROCESSOR, name);
    split->node->processor = (weir_processor_options){new_split, split};
    return split;
}

static branch *add_branch(weir_branched_kstream *split, int32_t number,
                          const weir_operator_options *options, weir_kstream **out_stream)
{
    weir_builder *builder = split->stream->builder;
    branch *added = weir_builder_alloc(builder, sizeof(*added));
    WEIR_AUTO_FREE char *suffix = options == NULL || options->name == NULL
                                      ? weir_format("%d", number)
                                      : weir_strdup(options->name);
    added->name = weir_builder_join_names(builder, split->node->name, suffix);
    added->user = options == NULL ? NULL : options->user;
    builder->next_number++; /* Kafka Streams uses one up here, and it shows in later names. */
    weir_stateless *pass = weir_builder_alloc(builder, sizeof(*pass));
    weir_graph_node *node = weir_graph_add(builder, split->node, WEIR_GRAPH_PROCESSOR, added->name);
    node->processor = (weir_processor_options){weir_stateless_new, pass};
    *out_stream = weir_kstream_of(builder, node, split->stream->repartition_required);
    return added;
}

weir_kstream *weir_branched_kstream_branch(weir_branched_kstream *split, weir_predicate predicate,
                                           const weir_operator_options *options)
{
    WEIR_REFUSE_NULL(split);
    weir_kstream *stream = NULL;
    branch *added = add_branch(split, ++split->count, options, &stream);
    weir_builder_require(stream->builder, predicate != NULL, added->name, "a predicate");
    added->predicate = predicate;
    *split->end = added;
    split->end = &added->next;
    return stream;
}

weir_kstream *weir_branched_kstream_default(weir_branched_kstream *split,
                                            const weir_operator_options *options)
{
    WEIR_REFUSE_NULL(split);
    if (split->otherwise != NULL) {
        weir_builder_mistake(split->stream->builder, "split '%s' has a default branch already",
                             split->node->name);
    }
    weir_kstream *stream = NULL;
    split->otherwise = add_branch(split, 0, options, &stream);
    return stream;
}
