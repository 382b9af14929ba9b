/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_app.c - the processors of the simulated application.
 *
 * "later" is a resource of the worker: deferred records wait in it for a time that chance gives
 * them, so they end out of order, and in other transactions than they began in. Held records wait
 * in a store, so they survive their process.
 */
#include "tests/sim/sim_app.h"

#include "streams/base/hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LATER_MS_MAX = 400, TICK_WALL_MS = 40, TICK_STREAM_MS = 100, TICK_ROWS_MAX = 8 };

typedef struct sim_processor {
    weir_processor base; /* Must be first. */
    sim_app_state *state;
} sim_processor;

static sim_app_state *state_of(weir_processor *processor)
{
    return ((sim_processor *)processor)->state;
}

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

int64_t sim_app_parse_row(weir_bytes row, sim_app_set *out_set)
{
    WEIR_AUTO_FREE char *text = weir_bytes_to_text(row);
    char *at = NULL;
    int64_t count = strtoll(text, &at, 10);
    WEIR_ASSERT(*at == ' ' && strlen(at + 1) == 2 * sizeof(out_set->bytes));
    for (size_t i = 0; i < sizeof(out_set->bytes); i++) {
        int high = weir_hex_digit((uint8_t)at[1 + 2 * i]);
        int low = weir_hex_digit((uint8_t)at[2 + 2 * i]);
        out_set->bytes[i] = (uint8_t)(high * 16 + low);
    }
    return count;
}

bool sim_app_has(const sim_app_set *set, int64_t number)
{
    return ((unsigned)set->bytes[number / 8] >> (number % 8) & 1U) != 0;
}

/* Adds the input of a number to the row under key, "<count> <set>": the set tells which inputs are
 * in it, where the count might have one twice in place of another. Answers the count. */
static weir_status add_one(weir_kv *kv, weir_bytes key, int64_t number, int64_t *out_count,
                           weir_error *err)
{
    sim_app_set set = {0};
    WEIR_AUTO(weir_buf) value = {0};
    weir_status status = weir_kv_get(kv, key, &value, err);
    if (status != WEIR_OK && status != WEIR_NOT_FOUND) {
        return status;
    }
    *out_count = 1 + (status == WEIR_OK ? sim_app_parse_row(weir_buf_bytes(&value), &set) : 0);
    WEIR_ASSERT(number >= 0 && number < SIM_APP_RECORDS_MAX);
    set.bytes[number / 8] |= (uint8_t)(1U << (number % 8));
    char hex[2 * sizeof(set.bytes) + 1];
    weir_hex(set.bytes, sizeof(set.bytes), hex);
    weir_buf_clear(&value);
    weir_buf_append_format(&value, "%" PRId64 " %s", *out_count, hex);
    return weir_kv_put(kv, key, weir_buf_bytes(&value), err);
}

/* The number of an input is the last word of what it led to. */
static int64_t number_of(weir_bytes value)
{
    WEIR_AUTO_FREE char *text = weir_bytes_to_text(value);
    const char *number = text;
    for (const char *at = text; *at != '\0'; at++) {
        number = *at == ' ' ? at + 1 : number;
    }
    return strtoll(number, NULL, 10);
}

/* What nobody expects: in the middle of an effect, so that all of it has to be undone. */
static weir_status may_throw(const weir_processor *processor, weir_error *err)
{
    sim_app_state *state = ((const sim_processor *)processor)->state;
    return state->throws > 0 && weir_random_chance(&state->random, state->throws)
               ? weir_error_set(err, WEIR_FATAL, "thrown")
               : WEIR_OK;
}

static void note(bool *numbers, int64_t number)
{
    WEIR_ASSERT(number >= 0 && number < SIM_APP_RECORDS_MAX);
    numbers[number] = true;
}

/* Forwards "<count> <number>" under key. */
static weir_status forward_count(weir_processor *processor, weir_bytes key, int64_t count,
                                 int64_t number, weir_error *err)
{
    const weir_record *now = weir_context_record(processor->context);
    WEIR_AUTO(weir_buf) value = {0};
    weir_buf_append_format(&value, "%" PRId64 " %" PRId64, count, number);
    weir_record forwarded = {
        .timestamp_ms = now == NULL ? weir_context_now_ms(processor->context) : now->timestamp_ms,
        .key = key,
        .value = weir_buf_bytes(&value),
    };
    return weir_context_forward(processor->context, &forwarded, err);
}

static weir_status count_effect(weir_processor *processor, const weir_record *record, void *result,
                                weir_error *err)
{
    (void)result;
    int64_t count = 0;
    weir_kv *counts = weir_context_store(processor->context, "counts");
    WEIR_TRY(add_one(counts, record->key, number_of(record->value), &count, err));
    WEIR_TRY(may_throw(processor, err));
    WEIR_AUTO_FREE char *key = weir_bytes_to_text(record->key);
    char group[16];
    (void)snprintf(group, sizeof(group), "g%" PRId32,
                   sim_app_group_of((int32_t)strtol(key + 1, NULL, 10)));
    note(state_of(processor)->counted, number_of(record->value));
    return forward_count(processor, weir_bytes_of_text(group), count, number_of(record->value),
                         err);
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

static weir_status add_to_total(weir_processor *processor, weir_bytes group, int64_t number,
                                weir_error *err)
{
    int64_t count = 0;
    weir_kv *totals = weir_context_store(processor->context, "totals");
    WEIR_TRY(add_one(totals, group, number, &count, err));
    WEIR_TRY(forward_count(processor, group, count, number, err));
    return may_throw(processor, err);
}

static weir_status total(weir_processor *processor, const weir_record *record, weir_error *err)
{
    int64_t number = number_of(record->value);
    note(state_of(processor)->totalled, number);
    return add_to_total(processor, record->key, number, err);
}

/* Under its number, in order to be totalled with a tick. */
static weir_status hold(weir_processor *processor, const weir_record *record, weir_error *err)
{
    char key[24];
    int64_t number = number_of(record->value);
    note(state_of(processor)->totalled, number);
    (void)snprintf(key, sizeof(key), "%" PRId64, number);
    weir_kv *held = weir_context_store(processor->context, "held");
    return weir_kv_put(held, weir_bytes_of_text(key), record->key, err);
}

/* The first rows that are held, as text; the caller frees them. */
static weir_status take_held(weir_kv *held, char **keys, char **groups, size_t *count,
                             weir_error *err)
{
    WEIR_AUTO_PTR(weir_kv_iterator) it = NULL;
    WEIR_TRY(weir_kv_range(held, WEIR_BYTES_NULL, WEIR_BYTES_NULL, false, &it, err));
    weir_bytes key = {0};
    weir_bytes group = {0};
    weir_status status = WEIR_OK;
    while (*count < TICK_ROWS_MAX &&
           (status = weir_kv_iterator_next(it, &key, &group, err)) == WEIR_OK) {
        keys[*count] = weir_bytes_to_text(key);
        groups[*count] = weir_bytes_to_text(group);
        ++*count;
    }
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

static weir_status tick(weir_processor *processor, int64_t timestamp_ms, weir_error *err)
{
    (void)timestamp_ms;
    weir_kv *held = weir_context_store(processor->context, "held");
    char *keys[TICK_ROWS_MAX] = {0};
    char *groups[TICK_ROWS_MAX] = {0};
    size_t count = 0;
    weir_status status = take_held(held, keys, groups, &count, err);
    for (size_t i = 0; i < count; i++) {
        if (status == WEIR_OK) {
            status = add_to_total(processor, weir_bytes_of_text(groups[i]),
                                  strtoll(keys[i], NULL, 10), err);
        }
        if (status == WEIR_OK) {
            status = weir_kv_remove(held, weir_bytes_of_text(keys[i]), err);
        }
        free(keys[i]);
        free(groups[i]);
    }
    return status;
}

static weir_status schedule_ticks(weir_processor *processor, weir_error *err)
{
    (void)err;
    (void)weir_context_schedule(processor->context, TICK_WALL_MS, WEIR_WALL_CLOCK_TIME, tick);
    (void)weir_context_schedule(processor->context, TICK_STREAM_MS, WEIR_STREAM_TIME, tick);
    return WEIR_OK;
}

static void free_processor(weir_processor *processor)
{
    free(processor);
}

static weir_processor *new_processor(const weir_processor_ops *ops, void *state)
{
    sim_processor *processor = weir_alloc(sizeof(*processor));
    processor->base.ops = ops;
    processor->state = state;
    return &processor->base;
}

static weir_processor *new_count(void *user)
{
    static const weir_processor_ops ops = {NULL, count_at_once, free_processor};
    return new_processor(&ops, user);
}

static weir_processor *new_count_later(void *user)
{
    static const weir_processor_ops ops = {NULL, count_later, free_processor};
    return new_processor(&ops, user);
}

static weir_processor *new_total(void *user)
{
    static const weir_processor_ops ops = {NULL, total, free_processor};
    return new_processor(&ops, user);
}

static weir_processor *new_hold(void *user)
{
    static const weir_processor_ops ops = {schedule_ticks, hold, free_processor};
    return new_processor(&ops, user);
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

static void add_count(weir_topology *topology, sim_app_state *state, bool async,
                      const char *by_group)
{
    weir_topology_add_source(topology, "in", &(weir_source_options){.topic = SIM_APP_IN});
    weir_topology_add_processor(
        topology, "count", &(weir_processor_options){async ? new_count_later : new_count, state},
        "in", NULL);
    weir_topology_add_store(
        topology, &(weir_store_options){.name = "counts", .caching_enabled = true}, "count", NULL);
    weir_topology_add_sink(topology, "to-group", &(weir_sink_options){.topic = by_group}, "count",
                           NULL);
}

static void add_total(weir_topology *topology, sim_app_state *state, bool holds,
                      const char *by_group)
{
    weir_topology_add_source(topology, "by-group", &(weir_source_options){.topic = by_group});
    weir_topology_add_processor(topology, "total",
                                &(weir_processor_options){holds ? new_hold : new_total, state},
                                "by-group", NULL);
    weir_topology_add_store(
        topology, &(weir_store_options){.name = "totals", .caching_enabled = true}, "total", NULL);
    if (holds) {
        weir_topology_add_store(topology,
                                &(weir_store_options){.name = "held", .engine = WEIR_ENGINE_MEMORY},
                                "total", NULL);
    }
    weir_topology_add_sink(topology, "out", &(weir_sink_options){.topic = SIM_APP_OUT}, "total",
                           NULL);
}

weir_topology *sim_app_topology(sim_app_state *state, const sim_app_options *options)
{
    weir_topology *topology = weir_topology_new();
    const char *by_group =
        weir_topology_repartition(topology, "by-group", SIM_APP_GROUP_PARTITIONS);
    add_count(topology, state, options->async, by_group);
    add_total(topology, state, options->holds, by_group);
    weir_topology_add_resource(
        topology, "later",
        &(weir_resource_options){
            .open = later_open, .close = later_close, .poll = later_poll, .user = state});
    weir_error err = {0};
    weir_status status = weir_topology_build(topology, &err);
    WEIR_ASSERT(status == WEIR_OK);
    return topology;
}
