/* SPDX-License-Identifier: Apache-2.0
 *
 * late.c - the stream of late records is one more child of the processors that find them.
 *
 *   aggregate ─┬─▶ what follows from its changes
 *              └─▶ late records ─▶ …
 *
 * It so gets what they pass on to all their children, too, and lets through only what comes while
 * weir_late_forward says so.
 */
#include "streams/dsl/late_internal.h"

#include "streams/added_headers.h"
#include "streams/dsl/ktable_internal.h"
#include "streams/dsl/null_handle_internal.h"
#include "streams/dsl/stream_join_internal.h"

#include <stdlib.h>

/* What the processors that find late records and the one that passes them on share in a task. */
typedef struct late_gate {
    bool is_open;
} late_gate;

static late_gate *gate_of(weir_context *context, const weir_late *late)
{
    return weir_context_shared(context, late, sizeof(late_gate));
}

/* Passes record on with the place of the one that was read. A record that is full of headers goes
 * without the last of them. */
static weir_status forward_with_place(weir_context *context, const weir_late *late,
                                      const weir_record *record, weir_error *err)
{
    const weir_record *read = weir_context_record(context);
    if (read == NULL) { /* What a punctuation has made comes from nowhere. */
        return weir_context_forward_to(context, late->name, record, err);
    }
    weir_record out = *record;
    out.topic = read->topic;
    out.partition = read->partition;
    out.offset = read->offset;
    weir_added_headers headers;
    weir_added_headers_start(&headers, record, WEIR_PLACE_HEADERS);
    weir_added_headers_place(&headers, read);
    weir_added_headers_give(&headers, &out);
    return weir_context_forward_to(context, late->name, &out, err);
}

weir_status weir_late_forward(weir_context *context, const weir_late *late,
                              const weir_record *record, weir_error *err)
{
    if (late->name == NULL) {
        return WEIR_OK;
    }
    late_gate *gate = gate_of(context, late);
    gate->is_open = true;
    weir_status status = forward_with_place(context, late, record, err);
    gate->is_open = false;
    return status;
}

weir_status weir_late_drop(weir_context *context, const weir_late *late, const weir_record *record,
                           weir_error *err)
{
    (void)weir_context_drop(context);
    return weir_late_forward(context, late, record, err);
}

typedef struct late_processor {
    weir_processor base;
    const weir_late *late;
    late_gate *gate;
} late_processor;

static weir_status init(weir_processor *processor, weir_error *err)
{
    (void)err;
    late_processor *self = (late_processor *)(void *)processor;
    self->gate = gate_of(processor->context, self->late);
    return WEIR_OK;
}

static weir_status pass_late(weir_processor *processor, const weir_record *record, weir_error *err)
{
    const late_processor *self = (late_processor *)(void *)processor;
    return self->gate->is_open ? weir_context_forward(processor->context, record, err) : WEIR_OK;
}

static void free_processor(weir_processor *processor)
{
    free(processor);
}

static weir_processor *new_late(void *user)
{
    static const weir_processor_ops ops = {init, pass_late, free_processor};
    late_processor *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    self->late = user;
    return &self->base;
}

/* Graph. */

static weir_kstream *add(weir_builder *builder, weir_late *late, weir_graph_node *finder,
                         const weir_operator_options *options)
{
    if (late->name != NULL) {
        weir_builder_mistake(builder,
                             "'%s' has a stream of late records already, '%s': use it twice",
                             finder->name, late->name);
    }
    late->name =
        weir_builder_name_or_new(builder, options == NULL ? NULL : options->name, "KSTREAM-LATE-");
    weir_graph_node *node = weir_graph_add(builder, finder, WEIR_GRAPH_PROCESSOR, late->name);
    node->processor = (weir_processor_options){new_late, late};
    node->takes_null_keys = true;
    return weir_kstream_of(builder, node, false);
}

static void add_finder(weir_kstream *late, weir_graph_node *finder)
{
    weir_graph_connect(late->builder, finder, late->node);
    late->node->priority = ++late->builder->last_priority; /* One for each parent. */
}

weir_kstream *weir_ktable_late_records(weir_ktable *table, const weir_operator_options *options)
{
    WEIR_REFUSE_NULL(table);
    weir_builder *builder = table->builder;
    if (table->kind != WEIR_TABLE_AGGREGATE || !table->windows.are_there) {
        weir_builder_mistake(builder,
                             "late records of '%s': only what a windowed aggregate answers has "
                             "them, ask there",
                             table->node->name);
    }
    bool is_cogrouped = table->node->stores == NULL; /* Its node is behind those that aggregate. */
    const weir_graph_nodes *finders = &table->node->parents;
    if (!is_cogrouped) {
        return add(builder, &table->late, table->node, options);
    }
    weir_kstream *late = add(builder, &table->late, finders->items[0], options);
    for (size_t i = 1; i < finders->count; i++) {
        add_finder(late, finders->items[i]);
    }
    return late;
}

weir_kstream *weir_kstream_late_records(weir_kstream *joined, const weir_operator_options *options)
{
    WEIR_REFUSE_NULL(joined);
    weir_graph_node *node = joined->node;
    if (node->other_window == NULL) {
        weir_builder_mistake(joined->builder,
                             "late records of '%s': only what a join of two streams answers has "
                             "them, ask there",
                             node->name);
        return joined;
    }
    weir_stream_join *join = node->self_join.user;
    weir_kstream *late = add(joined->builder, &join->late, join->left_window, options);
    add_finder(late, node->other_window);
    return late;
}
