/* SPDX-License-Identifier: Apache-2.0
 *
 * count_topology.c - two processors and a store. It checks nothing, so that benchmarks link it too;
 * count_records.c has what tests need besides.
 */
#include "tests/harness/count_topology.h"

#include "streams/base/serde.h"

#include <stdlib.h>

typedef struct counter {
    weir_processor base;
    weir_kv *counts;
    bool forwards_later;
    weir_buf value;
} counter;

static bool value_is(const weir_record *record, const char *text)
{
    return weir_bytes_equal(record->value, weir_bytes_of_text(text));
}

static weir_status pass(weir_processor *processor, const weir_record *record, weir_error *err)
{
    if (value_is(record, "bad")) {
        return weir_error_set(err, WEIR_BAD_RECORD, "this is a bad record");
    }
    return weir_context_forward(processor->context, record, err);
}

static void free_pass(weir_processor *processor)
{
    free(processor);
}

static weir_status forward_count(weir_processor *processor, const weir_flushed *flushed,
                                 weir_error *err)
{
    const weir_record out = {
        .timestamp_ms = flushed->timestamp_ms,
        .key = flushed->key,
        .value = flushed->value,
        .headers = flushed->headers,
        .header_count = flushed->header_count,
    };
    return weir_context_forward(processor->context, &out, err);
}

static weir_status init_count(weir_processor *processor, weir_error *err)
{
    (void)err;
    counter *self = (counter *)(void *)processor;
    self->counts = weir_context_store(processor->context, "counts");
    self->forwards_later =
        weir_context_on_flush(processor->context, "counts", forward_count, false);
    return WEIR_OK;
}

static weir_status count(weir_processor *processor, const weir_record *record, weir_error *err)
{
    counter *self = (counter *)(void *)processor;
    uint64_t number = 0;
    weir_status status = weir_kv_get(self->counts, record->key, &self->value, err);
    if (status == WEIR_OK && self->value.size != sizeof(uint64_t)) {
        return weir_error_set(err, WEIR_CORRUPT, "a count of %zu bytes", self->value.size);
    }
    if (status == WEIR_OK) {
        number = weir_get_u64_be(self->value.data);
    } else if (status != WEIR_NOT_FOUND) {
        return status;
    }
    uint8_t bytes[sizeof(uint64_t)];
    weir_put_u64_be(bytes, number + 1);
    WEIR_TRY(weir_kv_put(self->counts, record->key, weir_bytes_of(bytes, sizeof(bytes)), err));
    if (value_is(record, "late")) {
        return weir_error_set(err, WEIR_BAD_RECORD, "refused after its first effect");
    }
    if (self->forwards_later) {
        return WEIR_OK;
    }
    weir_record out = *record;
    out.value = weir_bytes_of(bytes, sizeof(bytes));
    return weir_context_forward(processor->context, &out, err);
}

static void free_count(weir_processor *processor)
{
    weir_buf_cleanup(&((counter *)(void *)processor)->value);
    free(processor);
}

static weir_processor *new_pass(void *user)
{
    (void)user;
    static const weir_processor_ops ops = {.process = pass, .free = free_pass};
    weir_processor *processor = weir_alloc(sizeof(*processor));
    processor->ops = &ops;
    return processor;
}

static weir_processor *new_count(void *user)
{
    (void)user;
    static const weir_processor_ops ops = {init_count, count, free_count};
    counter *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    return &self->base;
}

weir_topology *count_topology_new(const count_topology_options *options)
{
    weir_topology *topology = weir_topology_new();
    const char *input = options->input == NULL ? "in" : options->input;
    const weir_source_options source = {.topic = options->pattern == NULL ? input : NULL,
                                        .pattern = options->pattern};
    weir_topology_add_source(topology, "source", &source);
    weir_topology_add_processor(topology, "pass", &(weir_processor_options){new_pass, NULL},
                                "source", NULL);
    weir_topology_add_processor(topology, "count", &(weir_processor_options){new_count, NULL},
                                "pass", NULL);
    weir_topology_add_store(topology,
                            &(weir_store_options){.name = "counts",
                                                  .engine = options->engine,
                                                  .caching_enabled = options->caching_enabled},
                            "count", NULL);
    if (!options->without_sink) {
        const char *output = options->output == NULL ? "out" : options->output;
        weir_topology_add_sink(topology, "sink", &(weir_sink_options){.topic = output}, "count",
                               NULL);
    }
    weir_error err = {0};
    weir_status status = weir_topology_build(topology, &err);
    WEIR_ASSERT(status == WEIR_OK);
    return topology;
}
