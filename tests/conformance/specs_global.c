/* SPDX-License-Identifier: Apache-2.0
 *
 * specs_global.c - stores that a topic fills through a processor of one's own: a global one, and a
 * read-only one of each task.
 */
#include "statestore/timestamped.h"
#include "streams/dsl/global_table.h"
#include "streams/topology_stores.h"
#include "tests/conformance/specs_internal.h"

#include "streams/dsl/graph_internal.h"

#include <stdlib.h>

/* Writes, or looks up, the rows of a store. */
typedef struct row_processor {
    weir_processor base;
    weir_kv *rows;
    weir_buf value;
} row_processor;

static void free_rows(weir_processor *processor)
{
    weir_buf_cleanup(&((row_processor *)(void *)processor)->value);
    free(processor);
}

static weir_processor *new_rows(const weir_processor_ops *ops)
{
    row_processor *self = weir_alloc(sizeof(*self));
    self->base.ops = ops;
    return &self->base;
}

static weir_status init_filler(weir_processor *processor, weir_error *err)
{
    (void)err;
    ((row_processor *)(void *)processor)->rows = weir_context_store(processor->context, "st");
    return WEIR_OK;
}

/* Rows grow by what comes; a tombstone ends one. */
static weir_status grow(weir_processor *processor, const weir_record *record, weir_error *err)
{
    row_processor *self = (row_processor *)(void *)processor;
    if (record->value.data == NULL) {
        return weir_kv_remove(self->rows, record->key, err);
    }
    weir_status status = weir_kv_get(self->rows, record->key, &self->value, err);
    if (status == WEIR_NOT_FOUND) {
        weir_buf_clear(&self->value);
        status = WEIR_OK;
    }
    WEIR_TRY(status);
    weir_buf_append(&self->value, record->value.data, record->value.size);
    return weir_kv_put(self->rows, record->key, weir_buf_bytes(&self->value), err);
}

static weir_processor *new_growing(void *user)
{
    (void)user;
    static const weir_processor_ops ops = {init_filler, grow, free_rows};
    return new_rows(&ops);
}

static weir_status keep(weir_processor *processor, const weir_record *record, weir_error *err)
{
    weir_kv *rows = ((row_processor *)(void *)processor)->rows;
    return record->value.data == NULL ? weir_kv_remove(rows, record->key, err)
                                      : weir_kv_put(rows, record->key, record->value, err);
}

static weir_processor *new_keeping(void *user)
{
    (void)user;
    static const weir_processor_ops ops = {init_filler, keep, free_rows};
    return new_rows(&ops);
}

static weir_status init_global(weir_processor *processor, weir_error *err)
{
    (void)err;
    row_processor *self = (row_processor *)(void *)processor;
    self->rows = weir_context_global_store(processor->context, "st");
    return WEIR_OK;
}

static weir_status look(weir_processor *processor, const weir_record *record, weir_error *err)
{
    row_processor *self = (row_processor *)(void *)processor;
    weir_record out = *record;
    weir_status status = weir_kv_get(self->rows, record->key, &self->value, err);
    if (status != WEIR_OK && status != WEIR_NOT_FOUND) {
        return status;
    }
    out.value = status == WEIR_OK ? weir_buf_bytes(&self->value) : WEIR_BYTES("-");
    return weir_context_forward(processor->context, &out, err);
}

static weir_processor *new_global_look(void *user)
{
    (void)user;
    static const weir_processor_ops ops = {init_global, look, free_rows};
    return new_rows(&ops);
}

static weir_processor *new_look(void *user)
{
    (void)user;
    static const weir_processor_ops ops = {init_filler, look, free_rows};
    return new_rows(&ops);
}

static void make_global(weir_builder *builder, const weir_json_value *params)
{
    (void)params;
    weir_builder_add_global_store(builder, "st", "b", NULL,
                                  &(weir_processor_options){.supplier = new_growing});
    weir_kstream *stream =
        weir_kstream_process(weir_builder_stream(builder, "a", NULL),
                             &(weir_processor_options){.supplier = new_global_look}, NULL, NULL);
    weir_kstream_to(stream, "out", NULL);
}

/* KIP-813 is for topologies without the DSL alone. */
static void make_read_only(weir_builder *builder, const weir_json_value *params)
{
    (void)params;
    weir_topology *topology = builder->topology;
    const weir_read_only_store_options store = {
        .store = {.name = "st"},
        .topic = "b",
        .source = "rows",
        .processor = "keep",
        .filler = {.supplier = new_keeping},
    };
    weir_topology_add_read_only_store(topology, &store);
    weir_topology_add_source(topology, "src", &(weir_source_options){.topic = "a"});
    weir_topology_add_processor(topology, "look", &(weir_processor_options){.supplier = new_look},
                                "src", NULL);
    weir_topology_connect_store(topology, "look", "st");
    weir_topology_add_sink(topology, "snk", &(weir_sink_options){.topic = "out"}, "look", NULL);
}

const conformance_spec conformance_specs_global[] = {
    {"global_processor", make_global, {"a", "b"}, {"out"}, {{.name = NULL}}},
    {"read_only_store", make_read_only, {"a", "b"}, {"out"}, {{.name = "st", .is_plain = true}}},
    {.name = NULL},
};
