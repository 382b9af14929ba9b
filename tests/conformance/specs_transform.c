/* SPDX-License-Identifier: Apache-2.0
 *
 * specs_transform.c - tables whose values a transformer makes: one that counts in a store, one
 * whose rows are computed anew by those who look them up.
 */
#include "streams/dsl/joins.h"
#include "streams/dsl/transform_values.h"
#include "tests/conformance/specs_internal.h"
#include "tests/harness/dsl_functions.h"

#include <stdlib.h>

typedef struct counting {
    weir_value_transformer base;
    weir_kv *seen;
    weir_buf count;
} counting;

static weir_status init_counting(weir_value_transformer *transformer, weir_error *err)
{
    (void)err;
    ((counting *)(void *)transformer)->seen = weir_context_store(transformer->context, "seen");
    return WEIR_OK;
}

/* How often a key has changed is written behind its value. */
static weir_status count_change(weir_value_transformer *transformer, weir_call *call,
                                const weir_record *row, weir_bytes *out_value)
{
    counting *self = (counting *)(void *)transformer;
    weir_status status = weir_kv_get(self->seen, row->key, &self->count, call->err);
    if (status == WEIR_NOT_FOUND) {
        weir_buf_clear(&self->count);
        status = WEIR_OK;
    }
    WEIR_TRY(status);
    weir_buf_append(&self->count, ".", 1);
    WEIR_TRY(weir_kv_put(self->seen, row->key, weir_buf_bytes(&self->count), call->err));
    if (row->value.data != NULL || self->count.size % 2 != 0) {
        weir_bytes value = row->value.data == NULL ? WEIR_BYTES("null") : row->value;
        *out_value = weir_call_concat(call, value, weir_buf_bytes(&self->count));
    }
    return WEIR_OK;
}

static void free_counting(weir_value_transformer *transformer)
{
    weir_buf_cleanup(&((counting *)(void *)transformer)->count);
    free(transformer);
}

static weir_value_transformer *new_counting(void *user)
{
    (void)user;
    static const weir_value_transformer_ops ops = {init_counting, count_change, free_counting};
    counting *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    return &self->base;
}

static weir_status ask(weir_value_transformer *transformer, weir_call *call, const weir_record *row,
                       weir_bytes *out_value)
{
    (void)transformer;
    if (row->value.data == NULL) {
        *out_value =
            weir_bytes_equal(row->key, WEIR_BYTES("k1")) ? WEIR_BYTES("none") : WEIR_BYTES_NULL;
    } else if (!weir_bytes_equal(row->value, WEIR_BYTES("v3"))) {
        *out_value = weir_call_concat(call, row->value, WEIR_BYTES("?"));
    }
    return WEIR_OK;
}

static void free_asking(weir_value_transformer *transformer)
{
    free(transformer);
}

static weir_value_transformer *new_asking(void *user)
{
    (void)user;
    static const weir_value_transformer_ops ops = {.transform = ask, .free = free_asking};
    weir_value_transformer *self = weir_alloc(sizeof(*self));
    self->ops = &ops;
    return self;
}

static weir_status swap(weir_call *call, const weir_record *record, weir_bytes *inout_key,
                        weir_bytes *inout_value)
{
    (void)call;
    *inout_key = record->value;
    *inout_value = record->key;
    return WEIR_OK;
}

static void make_kept(weir_builder *builder, const weir_json_value *params)
{
    (void)params;
    static const char *const stores[] = {"seen", NULL};
    weir_builder_add_store(builder, &(weir_store_options){.name = "seen"});
    weir_ktable *table = weir_ktable_transform_values(
        weir_builder_table(builder, "a", NULL, NULL), new_counting,
        &(weir_table_options){.materialized = {.store_name = "tv"}}, stores);
    weir_kstream_to(weir_ktable_to_stream(table, NULL), "out", NULL);
}

static void make_computed(weir_builder *builder, const weir_json_value *params)
{
    (void)params;
    weir_ktable *table = weir_ktable_transform_values(weir_builder_table(builder, "a", NULL, NULL),
                                                      new_asking, NULL, NULL);
    weir_ktable *joined = weir_ktable_left_join(weir_builder_table(builder, "b", NULL, NULL), table,
                                                dsl_pair_with_bar, NULL);
    weir_kstream_to(weir_ktable_to_stream(joined, NULL), "out", NULL);
    const weir_table_options cs = {.materialized = {.store_name = "cs"}};
    weir_ktable *counts = weir_kgrouped_table_count(weir_ktable_group_by(table, swap, NULL), &cs);
    conformance_counts_to(weir_ktable_to_stream(counts, NULL), "counts");
}

const conformance_spec conformance_specs_transform[] = {
    {"transform_kept",
     make_kept,
     {"a"},
     {"out"},
     {{.name = "seen", .is_plain = true}, {.name = "tv"}}},
    {"transform_computed",
     make_computed,
     {"a", "b"},
     {"out", "counts"},
     {{.name = "cs", .value = CONFORMANCE_I64}}},
    {.name = NULL},
};
