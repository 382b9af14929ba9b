/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_shares.c - divides the budget.
 *
 *   budget ── a tenth for what has no limit of its own ── limits that are set ──▶ rest
 *   rest ──▶ the other parts, as their weights are to each other, over the workers
 */
#include "streams/memory_shares.h"

#include <inttypes.h>
#include <string.h>

enum { BUDGET_WEIGHT = 100, UNLIMITED_WEIGHT = 10, SUBSCRIPTION_WEIGHT = 2 };

#define KIB INT64_C(1024)
#define MIB (INT64_C(1) << 20)

typedef struct memory_part {
    const char *setting;
    size_t member; /* Offset in weir_config, of an int64_t. */
    int64_t weight;
    int64_t min; /* Of a worker, or of all where it is not per worker. */
    bool per_worker;
} memory_part;

static const memory_part parts[] = {
    {"weir.database.bytes.max", offsetof(weir_config, database_bytes_max), 60, 4 * MIB, false},
    {"weir.apply.bytes.max", offsetof(weir_config, apply_bytes_max), 10, 256 * KIB, true},
    {"weir.staged.bytes.max", offsetof(weir_config, staged_bytes_max), 7, 256 * KIB, true},
    {"statestore.cache.max.bytes", offsetof(weir_config, cache_bytes_max), 3, 0, false},
    {"weir.fetch.bytes.max", offsetof(weir_config, fetch_bytes_max), 5, 256 * KIB, true},
    {"weir.produce.bytes.max", offsetof(weir_config, produce_bytes_max), 5, 256 * KIB, true},
};

static int64_t *limit_of(weir_config *config, const memory_part *part)
{
    return (int64_t *)(void *)((char *)config + part->member);
}

static int64_t bytes_of(const weir_config *config, const memory_part *part)
{
    int64_t bytes = *(const int64_t *)(const void *)((const char *)config + part->member);
    return part->per_worker ? bytes * config->stream_threads_max : bytes;
}

static bool is_set(const char *name, const weir_setting *settings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(settings[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Names what takes the budget. */
static weir_status refuse(const weir_config *config, const weir_setting *settings, size_t count,
                          weir_error *err)
{
    WEIR_AUTO(weir_buf) taken = {0};
    for (size_t i = 0; i < WEIR_COUNT_OF(parts); i++) {
        if (is_set(parts[i].setting, settings, count)) {
            weir_buf_append_format(&taken, " %s %" PRId64, parts[i].setting,
                                   bytes_of(config, &parts[i]));
        }
    }
    weir_buf_append_byte(&taken, '\0');
    return weir_error_set(
        err, WEIR_INVALID,
        "weir.memory.max.bytes = %" PRId64 " is too little for %" PRId64
        " workers and the limits that are set%s%.120s: raise it, or leave limits out",
        config->memory_bytes_max, config->stream_threads_max, taken.size > 1 ? ":" : "",
        (const char *)taken.data);
}

weir_status weir_memory_shares_set(weir_config *config, const weir_setting *settings, size_t count,
                                   weir_error *err)
{
    if (config->memory_bytes_max == 0) {
        return WEIR_OK;
    }
    int64_t left = config->memory_bytes_max / BUDGET_WEIGHT * (BUDGET_WEIGHT - UNLIMITED_WEIGHT);
    int64_t weights = 0;
    for (size_t i = 0; i < WEIR_COUNT_OF(parts); i++) {
        bool set = is_set(parts[i].setting, settings, count);
        left -= set ? bytes_of(config, &parts[i]) : 0;
        weights += set ? 0 : parts[i].weight;
    }
    for (size_t i = 0; i < WEIR_COUNT_OF(parts); i++) {
        if (is_set(parts[i].setting, settings, count)) {
            continue;
        }
        int64_t workers = parts[i].per_worker ? config->stream_threads_max : 1;
        int64_t limit = left / weights * parts[i].weight / workers;
        if (limit < parts[i].min) {
            return refuse(config, settings, count, err);
        }
        *limit_of(config, &parts[i]) = limit;
    }
    if (!is_set("weir.subscription.bytes.max", settings, count)) {
        config->subscription_bytes_max =
            config->memory_bytes_max / BUDGET_WEIGHT * SUBSCRIPTION_WEIGHT;
    }
    return left < 0 ? refuse(config, settings, count, err) : WEIR_OK;
}

const char *weir_memory_share(const weir_config *config, size_t index, int64_t *out_bytes)
{
    if (index >= WEIR_COUNT_OF(parts)) {
        return NULL;
    }
    *out_bytes = bytes_of(config, &parts[index]);
    return parts[index].setting;
}
