/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_instance.c - the life of a simulated process: start, turns, and the three ways to end.
 */
#include "tests/sim/sim_instance.h"

#include "streams/application_internal.h"
#include "tests/harness/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SETTING_BYTES = 24, SETTINGS_MAX = 24 };

void sim_instance_init(sim_instance *instance, sim_cluster *cluster, const sim_variant *variant,
                       int32_t number, uint64_t seed)
{
    *instance = (sim_instance){.variant = variant, .cluster = cluster};
    instance->name = weir_format("disk-%" PRId32, number);
    instance->disk = sim_disk_new(instance->name, seed);
}

void sim_instance_cleanup(sim_instance *instance)
{
    sim_disk_free(instance->disk);
    free(instance->name);
}

/* Settings, and the text of those that are numbers. */
typedef struct settings {
    weir_setting items[SETTINGS_MAX];
    char texts[SETTINGS_MAX][SETTING_BYTES];
    size_t count;
} settings;

static void set(settings *to, const char *name, const char *value)
{
    WEIR_ASSERT(to->count < SETTINGS_MAX);
    to->items[to->count++] = (weir_setting){name, value};
}

static void set_number(settings *to, const char *name, int32_t value)
{
    WEIR_ASSERT(to->count < SETTINGS_MAX);
    (void)snprintf(to->texts[to->count], SETTING_BYTES, "%" PRId32, value);
    set(to, name, to->texts[to->count]);
}

static weir_status configure(sim_instance *instance, weir_error *err)
{
    const sim_variant *variant = instance->variant;
    settings all = {.count = 0};
    set(&all, "application.id", SIM_APP_ID);
    set(&all, "processing.guarantee", variant->exactly_once ? "exactly_once_v2" : "at_least_once");
    if (variant->static_members) {
        set(&all, "group.instance.id", instance->name);
    }
    set_number(&all, "num.stream.threads", variant->worker_count);
    set_number(&all, "commit.interval.ms", variant->commit_interval_ms);
    set_number(&all, "weir.apply.interval.ms", variant->apply_interval_ms);
    set_number(&all, "weir.apply.records.max", variant->apply_records_max);
    set_number(&all, "weir.flush.interval.ms", variant->flush_interval_ms);
    set_number(&all, "weir.changelog.check.interval.ms", variant->look_interval_ms);
    set_number(&all, "repartition.purge.interval.ms", variant->purge_interval_ms);
    set_number(&all, "session.timeout.ms", variant->session_timeout_ms);
    set_number(&all, "weir.restore.records.max", variant->restore_records_max);
    set_number(&all, "statestore.cache.max.bytes", variant->cache_bytes_max);
    set_number(&all, "num.standby.replicas", variant->standby_count);
    set_number(&all, "acceptable.recovery.lag", variant->acceptable_lag);
    set_number(&all, "max.warmup.replicas", 1 + variant->standby_count);
    set_number(&all, "weir.placement.wait.ms", variant->placement_wait_ms);
    set_number(&all, "max.async.records", 8);
    set_number(&all, "buffered.records.per.partition", 20);
    return weir_config_init(&instance->config, all.items, all.count, err);
}

static weir_thread_exception_response replace(void *user, const weir_error *exception)
{
    CHECK_STR(strrchr(exception->message, ' ') + 1, "thrown");
    ((sim_instance *)user)->replaced++;
    return WEIR_REPLACE_THREAD;
}

void sim_instance_set_throws(sim_instance *instance, bool throws)
{
    instance->app.throws = throws ? instance->variant->throws : 0;
}

static weir_status try_to_start(sim_instance *instance, weir_error *err)
{
    char process_id[SETTING_BYTES + SETTING_BYTES];
    /* Half of the restarts come back with the same transactional ids. */
    (void)snprintf(process_id, sizeof(process_id), "%s-%" PRIu64, instance->name,
                   instance->starts / 2);
    const weir_database_options database = {
        .directory = instance->name,
        .ingest_entries_min = (size_t)instance->variant->ingest_entries_min,
    };
    WEIR_TRY(configure(instance, err));
    WEIR_TRY(weir_database_open(&database, &instance->database, err));
    const weir_application_options options = {
        .topology = instance->topology,
        .config = &instance->config,
        .broker = instance->broker,
        .database = instance->database,
        .process_id = process_id,
        .never_waits = true,
        .uncaught_exception_handler = replace,
        .uncaught_exception_user = instance,
    };
    return weir_application_new(&options, &instance->application, err);
}

static void end(sim_instance *instance)
{
    weir_application_free(weir_take(&instance->application));
    weir_database_free(weir_take(&instance->database));
    weir_topology_free(weir_take(&instance->topology));
    weir_config_cleanup(&instance->config);
    weir_broker_free(weir_take(&instance->broker));
    instance->running = false;
    instance->closing = false;
}

void sim_instance_start(sim_instance *instance, uint64_t seed, int64_t now_ms)
{
    WEIR_ASSERT(!instance->running);

    instance->starts++;
    instance->app = (sim_app_state){.random = weir_random_of(seed), .now_ms = now_ms};
    instance->broker = sim_broker_connect(instance->cluster);
    instance->topology = sim_app_topology(&instance->app, &instance->variant->app);
    instance->running = true;
    weir_error err = {0};
    weir_status status = try_to_start(instance, &err);
    if (status != WEIR_OK) {
        CHECK(status == WEIR_IO || status == WEIR_CORRUPT);
        end(instance);
    }
}

void sim_instance_trade(sim_instance *instance, size_t task_index, size_t worker)
{
    WEIR_ASSERT(instance->running);

    weir_application_move_task(instance->application, task_index, worker);
}

bool sim_instance_resize(sim_instance *instance, bool more)
{
    WEIR_ASSERT(instance->running);

    size_t worker = 0;
    weir_error err = {0};
    weir_status status =
        more ? weir_application_add_stream_thread(instance->application, &worker, &err)
             : weir_application_remove_stream_thread(instance->application, 0, &worker, &err);
    CHECK(status == WEIR_OK || status == WEIR_AGAIN || status == WEIR_INVALID || status == WEIR_IO);
    return status == WEIR_OK || status == WEIR_AGAIN;
}

void sim_instance_crash(sim_instance *instance)
{
    WEIR_ASSERT(instance->running);

    sim_broker_kill(instance->broker);
    sim_disk_crash(instance->disk);
    end(instance);
}

void sim_instance_abandon(sim_instance *instance)
{
    WEIR_ASSERT(instance->running);

    end(instance);
}

void sim_instance_request_close(sim_instance *instance)
{
    WEIR_ASSERT(instance->running);

    weir_application_request_close(instance->application);
    instance->closing = true;
}

void sim_instance_coordinate(sim_instance *instance, int64_t now_ms)
{
    bool busy = false;
    weir_error err = {0};
    CHECK_OK(weir_application_step_coordinator(instance->application, now_ms, &busy, &err), &err);
    weir_application_state state = weir_application_state_now(instance->application);
    CHECK(instance->closing || state != WEIR_APPLICATION_PENDING_SHUTDOWN);
    if (state == WEIR_APPLICATION_NOT_RUNNING) {
        CHECK(instance->closing);
        end(instance);
    }
}

void sim_instance_set_lag(sim_instance *instance, size_t task_index, int64_t lag)
{
    const weir_slot *slot = &instance->application->slots[task_index];
    if (slot->state == WEIR_SLOT_STANDBY && !slot->active) {
        const weir_task_figures *figures =
            weir_stream_thread_figures(instance->application->workers[slot->worker].thread);
        weir_task_figures_set_changelog((weir_task_figures *)(uintptr_t)figures, task_index, lag,
                                        WEIR_FIGURE_UNKNOWN);
    }
}

void sim_instance_work(sim_instance *instance, int32_t worker, int64_t now_ms)
{
    instance->app.now_ms = now_ms;
    bool busy = false;
    weir_error err = {0};
    CHECK_OK(
        weir_application_step_worker(instance->application, (size_t)worker, now_ms, &busy, &err),
        &err);
}

bool sim_instance_is_idle(sim_instance *instance)
{
    return weir_application_is_idle(instance->application);
}

size_t sim_instance_owned_count(const sim_instance *instance)
{
    size_t count = 0;
    for (size_t i = 0; i < instance->application->plan->task_count; i++) {
        count += instance->application->slots[i].owned ? 1 : 0;
    }
    return count;
}

size_t sim_instance_leased_count(const sim_instance *instance)
{
    size_t count = 0;
    for (size_t i = 0; i < instance->application->plan->task_count; i++) {
        const weir_slot *slot = &instance->application->slots[i];
        count += slot->granted || (slot->active && !slot->owned) ? 1 : 0;
    }
    return count;
}

size_t sim_instance_held_count(const sim_instance *instance)
{
    size_t count = 0;
    for (size_t i = 0; i < instance->application->plan->task_count; i++) {
        count += instance->application->slots[i].state == WEIR_SLOT_HELD ? 1 : 0;
    }
    return count;
}
