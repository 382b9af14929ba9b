/* SPDX-License-Identifier: Apache-2.0
 *
 * ktable_join.c - joins of two tables, and of a stream with a table.
 *
 *   left changes  ─▶ join with the right row ─┐
 *                                             ├─▶ merge [store] ─▶ changes
 *   right changes ─▶ join with the left row ──┘
 *
 * Each side looks the other one up as it is now, so the last change of a pair has the last word.
 */
#include "streams/dsl/ktable_internal.h"

#include "streams/dsl/kstream_internal.h"
#include "streams/dsl/null_handle_internal.h"

#include <stdlib.h>

/* One side of a join: its changes meet the rows of the other one. */
typedef struct join_side {
    const weir_ktable *joined;
    bool is_left;
} join_side;

typedef struct side_processor {
    weir_processor base;
    const join_side *side;
    weir_view_reader other;
} side_processor;

static weir_status init_side(weir_processor *processor, weir_error *err)
{
    side_processor *self = (side_processor *)(void *)processor;
    const weir_ktable *joined = self->side->joined;
    const weir_ktable *other = self->side->is_left ? joined->right : joined->left;
    return weir_view_reader_open(&self->other, processor->context, other, err);
}

/* Whether a change of this side says nothing: what is joined was not there and is not now. */
static bool is_silent(const join_side *side, const weir_change *change, weir_bytes other)
{
    if (other.data != NULL) {
        return false;
    }
    bool needs_other = side->joined->kind == WEIR_TABLE_INNER_JOIN ||
                       (side->joined->kind == WEIR_TABLE_LEFT_JOIN && !side->is_left);
    return needs_other || (change->new_value.data == NULL && change->old_value.data == NULL);
}

static weir_status join_values(side_processor *self, weir_bytes key, weir_bytes own,
                               weir_bytes other, weir_bytes *out_value, weir_error *err)
{
    const weir_ktable *joined = self->side->joined;
    weir_bytes left = self->side->is_left ? own : other;
    weir_bytes right = self->side->is_left ? other : own;
    *out_value = WEIR_BYTES_NULL;
    if (!weir_ktable_joins(joined, left, right)) {
        return WEIR_OK;
    }
    weir_call call = {joined->user, weir_context_arena(self->base.context), err, false};
    return weir_call_check(&call, joined->joiner(&call, key, left, right, out_value));
}

static weir_status join_side_process(weir_processor *processor, const weir_record *record,
                                     weir_error *err)
{
    side_processor *self = (side_processor *)(void *)processor;
    const weir_change *own = record->object;
    if (record->key.data == NULL || own->is_outdated) {
        return weir_context_drop(processor->context);
    }
    weir_timestamped other = {0};
    WEIR_TRY(weir_view_reader_get(&self->other, record->key, &other, err));
    if (is_silent(self->side, own, other.value)) {
        return WEIR_OK;
    }
    weir_change change = {0};
    WEIR_TRY(join_values(self, record->key, own->new_value, other.value, &change.new_value, err));
    if (self->side->joined->sends_old_values) {
        WEIR_TRY(
            join_values(self, record->key, own->old_value, other.value, &change.old_value, err));
    }
    int64_t timestamp_ms =
        record->timestamp_ms > other.timestamp_ms ? record->timestamp_ms : other.timestamp_ms;
    return weir_forward_change(processor->context, record, &change, timestamp_ms, err);
}

static void free_side(weir_processor *processor)
{
    weir_view_reader_cleanup(&((side_processor *)(void *)processor)->other);
    free(processor);
}

static weir_processor *new_side(void *user)
{
    static const weir_processor_ops ops = {init_side, join_side_process, free_side};
    side_processor *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    self->side = user;
    return &self->base;
}

/* Where both sides meet. */
typedef struct merge_processor {
    weir_processor base;
    const weir_ktable *joined;
    weir_row_store rows;
} merge_processor;

static weir_status init_merge(weir_processor *processor, weir_error *err)
{
    (void)err;
    merge_processor *self = (merge_processor *)(void *)processor;
    if (self->joined->is_kept) {
        weir_row_store_open(&self->rows, processor, self->joined);
    }
    return WEIR_OK;
}

static weir_status merge(weir_processor *processor, const weir_record *record, weir_error *err)
{
    merge_processor *self = (merge_processor *)(void *)processor;
    weir_change change = *(const weir_change *)record->object;
    if (!self->joined->is_kept) {
        return weir_forward_change(processor->context, record, &change, record->timestamp_ms, err);
    }
    weir_timestamped old = {0};
    if (self->joined->sends_old_values) {
        WEIR_TRY(weir_row_store_get(&self->rows, record->key, &old, err));
    }
    change.old_value = old.value;
    return weir_row_store_change(&self->rows, processor->context, record, &change,
                                 record->timestamp_ms, err);
}

static void free_merge(weir_processor *processor)
{
    weir_row_store_cleanup(&((merge_processor *)(void *)processor)->rows);
    free(processor);
}

static weir_processor *new_merge(void *user)
{
    static const weir_processor_ops ops = {init_merge, merge, free_merge};
    merge_processor *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    self->joined = user;
    return &self->base;
}

/* A side of the join under the graph node of both; its reader opens the other side's stores. */
static weir_graph_part *add_side(weir_ktable *joined, bool is_left, const char *name)
{
    weir_builder *builder = joined->builder;
    join_side *side = weir_builder_alloc(builder, sizeof(*side));
    *side = (join_side){.joined = joined, .is_left = is_left};
    weir_graph_part *part = weir_builder_alloc(builder, sizeof(*part));
    *part = (weir_graph_part){
        .name = name,
        .parent = is_left ? joined->left->node : joined->right->node,
        .processor = {new_side, side},
        .reads = is_left ? joined->right : joined->left,
    };
    return part;
}

static weir_ktable *join(weir_ktable *left, weir_ktable *right, weir_table_kind kind,
                         weir_value_joiner joiner, const weir_table_options *options)
{
    static const weir_table_options no_options;
    options = options == NULL ? &no_options : options;
    weir_builder *builder = left->builder;
    WEIR_ASSERT(right->builder == builder);
    weir_ktable *joined = weir_ktable_new(builder, kind, left);
    joined->right = right;
    joined->joiner = joiner;
    joined->user = options->operation.user;
    const char *given = options->operation.name;
    const char *name = weir_builder_name_or_new(builder, given, "KTABLE-MERGE-");
    if (kind != WEIR_TABLE_INNER_JOIN) {
        (void)weir_ktable_send_old_values(left, true);
    }
    if (kind == WEIR_TABLE_OUTER_JOIN) {
        (void)weir_ktable_send_old_values(right, true);
    }
    weir_ktable_require_rows(left);
    weir_ktable_require_rows(right);
    const char *left_name =
        weir_builder_suffixed_or_new(builder, given, "-join-this", "KTABLE-JOINTHIS-");
    const char *right_name =
        weir_builder_suffixed_or_new(builder, given, "-join-other", "KTABLE-JOINOTHER-");
    weir_ktable_keep_if_named(joined, &options->materialized);
    weir_builder_require(builder, joiner != NULL, name, "a joiner");
    joined->node = weir_graph_add(builder, left->node, WEIR_GRAPH_JOIN, name);
    joined->node->processor = (weir_processor_options){new_merge, joined};
    joined->node->stores = joined->store;
    weir_graph_connect(builder, right->node, joined->node);
    joined->node->priority = ++builder->last_priority; /* One for each parent. */
    joined->node->parts = add_side(joined, true, left_name);
    joined->node->parts->next = add_side(joined, false, right_name);
    return joined;
}

weir_ktable *weir_ktable_join(weir_ktable *left, weir_ktable *right, weir_value_joiner joiner,
                              const weir_table_options *options)
{
    WEIR_REFUSE_NULL(left, right);
    return join(left, right, WEIR_TABLE_INNER_JOIN, joiner, options);
}

weir_ktable *weir_ktable_left_join(weir_ktable *left, weir_ktable *right, weir_value_joiner joiner,
                                   const weir_table_options *options)
{
    WEIR_REFUSE_NULL(left, right);
    return join(left, right, WEIR_TABLE_LEFT_JOIN, joiner, options);
}

weir_ktable *weir_ktable_outer_join(weir_ktable *left, weir_ktable *right, weir_value_joiner joiner,
                                    const weir_table_options *options)
{
    WEIR_REFUSE_NULL(left, right);
    return join(left, right, WEIR_TABLE_OUTER_JOIN, joiner, options);
}
