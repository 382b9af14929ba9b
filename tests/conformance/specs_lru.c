/* SPDX-License-Identifier: Apache-2.0
 *
 * specs_lru.c - stores of at most so many entries: one that a processor uses in every way, and
 * tables that forget rows.
 */
#include "streams/dsl/grouped.h"
#include "streams/dsl/joins.h"
#include "tests/conformance/specs_internal.h"
#include "tests/harness/dsl_functions.h"

#include <stdlib.h>

typedef struct using_processor {
    weir_processor base;
    weir_kv *store;
    weir_buf value;
    weir_buf text;
} using_processor;

static weir_status init(weir_processor *processor, weir_error *err)
{
    (void)err;
    ((using_processor *)(void *)processor)->store = weir_context_store(processor->context, "st");
    return WEIR_OK;
}

static weir_status tell(using_processor *self, const weir_record *record, weir_error *err)
{
    weir_record told = *record;
    told.value = weir_buf_bytes(&self->text);
    return weir_context_forward(self->base.context, &told, err);
}

/* The text is word, and behind it the value of key, "null" where there is none. */
static weir_status look(using_processor *self, const char *word, weir_bytes key, weir_error *err)
{
    weir_buf_clear(&self->text);
    weir_status status = weir_kv_get(self->store, key, &self->value, err);
    weir_buf_append_text(&self->text, word);
    if (status == WEIR_NOT_FOUND) {
        weir_buf_append_text(&self->text, "null");
        return WEIR_OK;
    }
    weir_buf_append(&self->text, self->value.data, self->value.size);
    return status;
}

static weir_status remove_told(using_processor *self, const weir_record *record, weir_error *err)
{
    WEIR_TRY(look(self, "deleted:", record->key, err));
    WEIR_TRY(weir_kv_remove(self->store, record->key, err));
    return tell(self, record, err);
}

static weir_status put_if_absent(using_processor *self, const weir_record *record, weir_error *err)
{
    WEIR_TRY(look(self, "absent:", record->key, err));
    if (weir_bytes_equal(weir_buf_bytes(&self->text), WEIR_BYTES("absent:null"))) {
        WEIR_TRY(weir_kv_put(self->store, record->key, WEIR_BYTES("new"), err));
    }
    return tell(self, record, err);
}

static weir_status tell_rows(using_processor *self, const weir_record *record, weir_error *err)
{
    WEIR_AUTO_PTR(weir_kv_iterator) iterator = NULL;
    weir_bytes key = {0};
    weir_bytes value = {0};
    weir_buf_clear(&self->text);
    weir_buf_append_format(&self->text, "%d:", (int)weir_kv_approximate_count(self->store));
    WEIR_TRY(weir_kv_range(self->store, WEIR_BYTES_NULL, WEIR_BYTES_NULL, false, &iterator, err));
    weir_status status = WEIR_OK;
    while ((status = weir_kv_iterator_next(iterator, &key, &value, err)) == WEIR_OK) {
        weir_buf_append_format(&self->text, "%.*s=%.*s ", (int)key.size, (const char *)key.data,
                               (int)value.size, (const char *)value.data);
    }
    return status == WEIR_NOT_FOUND ? tell(self, record, err) : status;
}

static weir_status put_beside(using_processor *self, const weir_record *record, weir_error *err)
{
    weir_buf_set(&self->text, record->key);
    weir_buf_append_text(&self->text, "+");
    return weir_kv_put(self->store, weir_buf_bytes(&self->text), record->value, err);
}

static weir_status process(weir_processor *processor, const weir_record *record, weir_error *err)
{
    using_processor *self = (using_processor *)(void *)processor;
    if (record->value.data == NULL) {
        return remove_told(self, record, err);
    }
    switch (((const char *)record->value.data)[1]) {
    case '0':
    case '1':
        WEIR_TRY(look(self, "got:", record->key, err));
        return tell(self, record, err);
    case '2':
        return put_if_absent(self, record, err);
    case '3':
        return tell_rows(self, record, err);
    case '4':
        return weir_kv_remove(self->store, record->key, err);
    case '5':
    case '6':
        return put_beside(self, record, err);
    default:
        return weir_kv_put(self->store, record->key, record->value, err);
    }
}

static void free_processor(weir_processor *processor)
{
    using_processor *self = (using_processor *)(void *)processor;
    weir_buf_cleanup(&self->value);
    weir_buf_cleanup(&self->text);
    free(self);
}

static weir_processor *new_processor(void *user)
{
    (void)user;
    static const weir_processor_ops ops = {init, process, free_processor};
    using_processor *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    return &self->base;
}

static int32_t entries_max(const weir_json_value *params)
{
    return (int32_t)conformance_parameter(params, "entries_max");
}

static void make_store(weir_builder *builder, const weir_json_value *params)
{
    static const char *const stores[] = {"st", NULL};
    const weir_store_options store = {.name = "st", .entries_max = entries_max(params)};
    weir_builder_add_store(builder, &store);
    weir_kstream *stream = weir_builder_stream(builder, "a", &(weir_consumed){.name = "src"});
    stream = weir_kstream_process(stream, &(weir_processor_options){.supplier = new_processor},
                                  &(weir_operator_options){.name = "proc"}, stores);
    weir_kstream_to(stream, "out", &(weir_produced){.name = "snk"});
}

static void make_count(weir_builder *builder, const weir_json_value *params)
{
    const weir_materialized st = {.store_name = "st", .entries_max = entries_max(params)};
    weir_ktable *counts = weir_kgrouped_stream_count(conformance_grouped(builder, "a"), &st, NULL);
    conformance_counts_to(weir_ktable_to_stream(counts, NULL), "out");
}

static bool is_big(void *user, const weir_record *record)
{
    (void)user;
    return weir_bytes_compare(record->value, WEIR_BYTES("v4")) > 0;
}

static void make_table(weir_builder *builder, const weir_json_value *params)
{
    const weir_materialized st = {.store_name = "st", .entries_max = entries_max(params)};
    const weir_table_options big = {.materialized = {.store_name = "big", .entries_max = 1}};
    weir_ktable *table = weir_builder_table(builder, "b", NULL, &st);
    weir_kstream *a = weir_builder_stream(builder, "a", NULL);
    weir_kstream_to(weir_kstream_left_join_table(a, table, dsl_pair_with_bar, NULL), "out", NULL);
    weir_ktable *filtered = weir_ktable_filter(table, is_big, &big);
    weir_kstream_to(weir_ktable_to_stream(filtered, NULL), "changes", NULL);
}

const conformance_spec conformance_specs_lru[] = {
    {"lru", make_store, {"a"}, {"out"}, {{.name = "st", .is_plain = true}}},
    {"lru_count", make_count, {"a"}, {"out"}, {{.name = "st", .value = CONFORMANCE_I64}}},
    {"lru_table", make_table, {"a", "b"}, {"out", "changes"}, {{.name = "st"}, {.name = "big"}}},
    {.name = NULL},
};
