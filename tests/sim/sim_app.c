/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_app.c - the processors of the simulated application.
 *
 * "later" is a resource of the worker: deferred records wait in it for a time that chance gives
 * them, so they end out of order, and in other transactions than they began in.
 */
#include "tests/sim/sim_app.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { LATER_MS_MAX = 400 };

typedef struct later_list {
    sim_app_state *state;
    weir_async **waiting;
    int64_t *due_ms;
    size_t count;
    size_t capacity;
    size_t due_capacity;
} later_list;

int32_t sim_app_group_of(int32_t key)
{
    return key % SIM_APP_GROUPS;
}

/* Adds one to the number under key and answers it. */
static weir_status add_one(weir_kv *kv, weir_bytes key, int64_t *out_count, weir_error *err)
{
    WEIR_AUTO(weir_buf) value = {0};
    weir_status status = weir_kv_get(kv, key, &value, err);
    if (status != WEIR_OK && status != WEIR_NOT_FOUND) {
        return status;
    }
    *out_count = status == WEIR_OK ? strtoll(weir_buf_text(&value), NULL, 10) + 1 : 1;
    weir_buf_clear(&value);
    weir_buf_append_format(&value, "%" PRId64, *out_count);
    return weir_kv_put(kv, key, weir_buf_bytes(&value), err);
}

/* Forwards "<count> <number>" under key; the number is the last word of the record's value. */
static weir_status forward_count(weir_processor *processor, const weir_record *record,
                                 weir_bytes key, int64_t count, weir_error *err)
{
    WEIR_AUTO_FREE char *text = weir_bytes_to_text(record->value);
    const char *number = text;
    for (const char *at = text; *at != '\0'; at++) {
        number = *at == ' ' ? at + 1 : number;
    }
    WEIR_AUTO(weir_buf) value = {0};
    weir_buf_append_format(&value, "%" PRId64 " %s", count, number);
    weir_record forwarded = {
        .timestamp_ms = record->timestamp_ms, .key = key, .value = weir_buf_bytes(&value)};
    return weir_context_forward(processor->context, &forwarded, err);
}

static weir_status count_effect(weir_processor *processor, const weir_record *record, void *result,
                                weir_error *err)
{
    (void)result;
    int64_t count = 0;
    weir_kv *counts = weir_context_store(processor->context, "counts");
    WEIR_TRY(add_one(counts, record->key, &count, err));
    WEIR_AUTO_FREE char *key = weir_bytes_to_text(record->key);
    char group[16];
    (void)snprintf(group, sizeof(group), "g%" PRId32,
                   sim_app_group_of((int32_t)strtol(key + 1, NULL, 10)));
    return forward_count(processor, record, weir_bytes_of_text(group), count, err);
}

static weir_status count_at_once(weir_processor *processor, const weir_record *record,
                                 weir_error *err)
{
    return count_effect(processor, record, NULL, err);
}

static weir_status count_later(weir_processor *processor, const weir_record *record,
                               weir_error *err)
{
    (void)err;
    (void)record;
    later_list *later = weir_context_resource(processor->context, "later");
    size_t index = later->count;
    later->waiting =
        weir_grow(later->waiting, later->count, &later->capacity, sizeof(weir_async *));
    later->due_ms = weir_grow(later->due_ms, later->count, &later->due_capacity, sizeof(int64_t));
    later->waiting[index] = weir_context_defer(processor->context);
    later->due_ms[index] = weir_context_now_ms(processor->context) +
                           (int64_t)weir_random_below(&later->state->random, LATER_MS_MAX);
    later->count++;
    return WEIR_OK;
}

static weir_status total(weir_processor *processor, const weir_record *record, weir_error *err)
{
    int64_t count = 0;
    weir_kv *totals = weir_context_store(processor->context, "totals");
    WEIR_TRY(add_one(totals, record->key, &count, err));
    return forward_count(processor, record, record->key, count, err);
}

static void free_processor(weir_processor *processor)
{
    free(processor);
}

static weir_processor *new_processor(const weir_processor_ops *ops)
{
    weir_processor *processor = weir_alloc(sizeof(*processor));
    processor->ops = ops;
    return processor;
}

static weir_processor *new_count(void *user)
{
    static const weir_processor_ops ops = {NULL, count_at_once, free_processor};
    (void)user;
    return new_processor(&ops);
}

static weir_processor *new_count_later(void *user)
{
    static const weir_processor_ops ops = {NULL, count_later, free_processor};
    (void)user;
    return new_processor(&ops);
}

static weir_processor *new_total(void *user)
{
    static const weir_processor_ops ops = {NULL, total, free_processor};
    (void)user;
    return new_processor(&ops);
}

static weir_status later_open(void *user, void **out_resource, weir_error *err)
{
    (void)err;
    later_list *later = weir_alloc(sizeof(*later));
    later->state = user;
    *out_resource = later;
    return WEIR_OK;
}

static void end_at(later_list *later, size_t index, weir_async_complete complete)
{
    weir_async *async = later->waiting[index];
    later->count--;
    later->waiting[index] = later->waiting[later->count];
    later->due_ms[index] = later->due_ms[later->count];
    weir_async_end(async, complete, NULL);
}

static weir_status later_poll(void *resource, int64_t now_ms, weir_error *err)
{
    (void)err;
    later_list *later = resource;
    for (size_t i = later->count; i-- > 0;) {
        if (i < later->count && later->due_ms[i] <= now_ms) {
            end_at(later, i, count_effect);
        }
    }
    return WEIR_OK;
}

static void later_close(void *resource)
{
    later_list *later = resource;
    while (later->count > 0) {
        end_at(later, 0, NULL);
    }
    free(later->waiting);
    free(later->due_ms);
    free(later);
}

weir_topology *sim_app_topology(sim_app_state *state, bool async)
{
    weir_topology *topology = weir_topology_new();
    const char *by_group =
        weir_topology_repartition(topology, "by-group", SIM_APP_GROUP_PARTITIONS);
    weir_topology_add_source(topology, "in", &(weir_source_options){.topic = SIM_APP_IN});
    weir_topology_add_processor(
        topology, "count", &(weir_processor_options){async ? new_count_later : new_count, NULL},
        "in", NULL);
    weir_topology_add_store(topology, &(weir_store_options){.name = "counts"}, "count", NULL);
    weir_topology_add_sink(topology, "to-group", &(weir_sink_options){.topic = by_group}, "count",
                           NULL);
    weir_topology_add_source(topology, "by-group", &(weir_source_options){.topic = by_group});
    weir_topology_add_processor(topology, "total", &(weir_processor_options){new_total, NULL},
                                "by-group", NULL);
    weir_topology_add_store(topology, &(weir_store_options){.name = "totals"}, "total", NULL);
    weir_topology_add_sink(topology, "out", &(weir_sink_options){.topic = SIM_APP_OUT}, "total",
                           NULL);
    weir_topology_add_resource(
        topology, "later",
        &(weir_resource_options){
            .open = later_open, .close = later_close, .poll = later_poll, .user = state});
    weir_error err = {0};
    weir_status status = weir_topology_build(topology, &err);
    WEIR_ASSERT(status == WEIR_OK);
    return topology;
}
