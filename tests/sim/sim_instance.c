/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_instance.c - the life of a simulated process.
 *
 * The coordinator is the smallest one that keeps member.h's rules: revoked tasks are closed before
 * they are released, lost ones dropped before the next poll, and a task that a worker dropped by
 * itself is opened again as long as the group says that it is ours.
 */
#include "tests/sim/sim_instance.h"

#include "tests/harness/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { SETTING_BYTES = 24 };

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

static weir_status count_partitions(void *user, const char *topic, int32_t *out_count,
                                    weir_error *err)
{
    weir_topic_config config = {0};
    WEIR_TRY(weir_broker_describe_topic(user, topic, &config, err));
    *out_count = config.partition_count;
    return WEIR_OK;
}

static void report(void *user, size_t task_index, weir_task_report told)
{
    sim_instance *instance = user;
    if (told != WEIR_REPORT_RUNNING) {
        instance->tasks[task_index].open = false;
        instance->tasks[task_index].closing = false;
    }
}

static weir_status create_topics(sim_instance *instance, weir_error *err)
{
    const weir_plan *plan = instance->plan;
    for (size_t i = 0; i < plan->topic_count; i++) {
        const weir_planned_topic *planned = &plan->topics[i];
        weir_topic_config config = {.name = planned->name,
                                    .partition_count = planned->partition_count,
                                    .cleanup_policy = planned->kind == WEIR_TOPIC_CHANGELOG
                                                          ? WEIR_CLEANUP_COMPACT
                                                          : WEIR_CLEANUP_DELETE,
                                    .retention_ms = -1};
        WEIR_TRY(weir_broker_create_topic(instance->broker, &config, err));
    }
    weir_topic_config tasks = {.name = plan->task_topic,
                               .partition_count = (int32_t)plan->task_count};
    return weir_broker_create_topic(instance->broker, &tasks, err);
}

static weir_status configure(sim_instance *instance, weir_error *err)
{
    const sim_variant *variant = instance->variant;
    char commit[SETTING_BYTES];
    char apply[SETTING_BYTES];
    char purge[SETTING_BYTES];
    (void)snprintf(commit, sizeof(commit), "%" PRId32, variant->commit_interval_ms);
    (void)snprintf(apply, sizeof(apply), "%" PRId32, variant->apply_interval_ms);
    (void)snprintf(purge, sizeof(purge), "%" PRId32, variant->purge_interval_ms);
    const weir_setting settings[] = {
        {"application.id", SIM_APP_ID},
        {"processing.guarantee", variant->exactly_once ? "exactly_once_v2" : "at_least_once"},
        {"commit.interval.ms", commit},
        {"weir.apply.interval.ms", apply},
        {"repartition.purge.interval.ms", purge},
        {"max.async.records", "8"},
        {"buffered.records.per.partition", "20"},
    };
    return weir_config_init(&instance->config, settings, WEIR_COUNT_OF(settings), err);
}

static weir_status start_workers(sim_instance *instance, weir_error *err)
{
    char process_id[SETTING_BYTES + SETTING_BYTES];
    /* Half of the restarts come back with the same transactional ids. */
    (void)snprintf(process_id, sizeof(process_id), "%s-%" PRIu64, instance->name,
                   instance->starts / 2);
    for (int32_t i = 0; i < instance->variant->worker_count; i++) {
        const weir_stream_thread_options options = {
            .plan = instance->plan,
            .config = &instance->config,
            .broker = instance->broker,
            .database = instance->database,
            .membership = instance->membership,
            .process_id = process_id,
            .index = i,
            .never_waits = true,
            .report = report,
            .user = instance,
        };
        WEIR_TRY(weir_stream_thread_new(&options, &instance->workers[i], err));
    }
    return WEIR_OK;
}

static weir_status try_to_start(sim_instance *instance, weir_error *err)
{
    const weir_plan_options plan_options = {SIM_APP_ID, count_partitions, instance->broker};
    WEIR_TRY(configure(instance, err));
    WEIR_TRY(weir_plan_new(instance->topology, &plan_options, &instance->plan, err));
    WEIR_TRY(create_topics(instance, err));
    instance->tasks = weir_alloc_array(instance->plan->task_count, sizeof(*instance->tasks));
    WEIR_TRY(weir_database_open(&(weir_database_options){.directory = instance->name},
                                &instance->database, err));
    instance->membership = weir_membership_new();
    WEIR_TRY(weir_membership_join(
        instance->membership, instance->broker,
        &(weir_member_options){.group_id = SIM_APP_ID, .topic = instance->plan->task_topic}, err));
    return start_workers(instance, err);
}

static void end(sim_instance *instance)
{
    for (int32_t i = 0; i < SIM_INSTANCE_WORKERS_MAX; i++) {
        weir_stream_thread_free(weir_take(&instance->workers[i]));
    }
    weir_membership_free(weir_take(&instance->membership));
    weir_database_free(weir_take(&instance->database));
    weir_plan_free(weir_take(&instance->plan));
    weir_topology_free(weir_take(&instance->topology));
    weir_config_cleanup(&instance->config);
    weir_broker_free(weir_take(&instance->broker));
    free(weir_take(&instance->tasks));
    instance->running = false;
    instance->releasing = false;
    instance->lost = false;
}

void sim_instance_start(sim_instance *instance, uint64_t seed, int64_t now_ms)
{
    WEIR_ASSERT(!instance->running);

    instance->starts++;
    instance->app = (sim_app_state){.random = weir_random_of(seed), .now_ms = now_ms};
    instance->broker = sim_broker_connect(instance->cluster);
    instance->topology = sim_app_topology(&instance->app, instance->variant->async);
    instance->running = true;
    weir_error err = {0};
    weir_status status = try_to_start(instance, &err);
    if (status != WEIR_OK) {
        CHECK(status == WEIR_IO || status == WEIR_CORRUPT);
        end(instance);
    }
}

void sim_instance_crash(sim_instance *instance)
{
    WEIR_ASSERT(instance->running);

    sim_broker_kill(instance->broker);
    sim_disk_crash(instance->disk);
    end(instance);
}

void sim_instance_stop(sim_instance *instance)
{
    WEIR_ASSERT(instance->running);

    end(instance);
}

/* The coordinator. */

static weir_stream_thread *worker_of(sim_instance *instance, size_t task)
{
    return instance->workers[task % (size_t)instance->variant->worker_count];
}

static void post(sim_instance *instance, size_t task, weir_task_command command)
{
    weir_error err = {0};
    CHECK_OK(weir_stream_thread_post(worker_of(instance, task), command, task, &err), &err);
    if (command == WEIR_COMMAND_OPEN) {
        instance->tasks[task].open = true;
    } else {
        instance->tasks[task].closing = true;
    }
}

static void take_event(sim_instance *instance, const weir_member_event *event)
{
    for (size_t i = 0; i < event->count; i++) {
        sim_task *task = &instance->tasks[event->partitions[i]];
        task->owned = event->kind == WEIR_MEMBER_ASSIGNED;
        if (task->open && !task->owned) {
            post(instance, (size_t)event->partitions[i],
                 event->kind == WEIR_MEMBER_LOST ? WEIR_COMMAND_DROP : WEIR_COMMAND_CLOSE);
        }
    }
    instance->releasing = instance->releasing || event->kind == WEIR_MEMBER_REVOKED;
    if (event->kind == WEIR_MEMBER_LOST) {
        instance->lost = true;
        instance->releasing = false;
    }
}

static bool any_closing(const sim_instance *instance)
{
    for (size_t i = 0; i < instance->plan->task_count; i++) {
        if (instance->tasks[i].closing) {
            return true;
        }
    }
    return false;
}

static void open_owned(sim_instance *instance)
{
    for (size_t i = 0; i < instance->plan->task_count; i++) {
        const sim_task *task = &instance->tasks[i];
        if (task->owned && !task->open) {
            post(instance, i, WEIR_COMMAND_OPEN);
        }
    }
}

void sim_instance_coordinate(sim_instance *instance, int64_t now_ms)
{
    weir_error err = {0};
    if (instance->lost && any_closing(instance)) {
        return;
    }
    instance->lost = false;
    if (instance->releasing && !any_closing(instance)) {
        weir_status released = weir_membership_release(instance->membership, &err);
        CHECK(released == WEIR_OK || released == WEIR_IO);
        instance->releasing = released != WEIR_OK;
    }
    weir_member_event event = {0};
    weir_status status = weir_membership_poll(instance->membership, now_ms, &event, &err);
    if (status == WEIR_OK) {
        take_event(instance, &event);
    }
    open_owned(instance);
}

void sim_instance_work(sim_instance *instance, int32_t worker, int64_t now_ms)
{
    instance->app.now_ms = now_ms;
    bool busy = false;
    weir_error err = {0};
    CHECK_OK(weir_stream_thread_step(instance->workers[worker], now_ms, &busy, &err), &err);
}

bool sim_instance_is_idle(sim_instance *instance)
{
    for (size_t i = 0; i < instance->plan->task_count; i++) {
        const sim_task *task = &instance->tasks[i];
        if (task->owned != task->open || task->closing) {
            return false;
        }
    }
    for (int32_t i = 0; i < instance->variant->worker_count; i++) {
        if (!weir_stream_thread_is_idle(instance->workers[i])) {
            return false;
        }
    }
    return !instance->releasing && !instance->lost;
}

size_t sim_instance_owned_count(const sim_instance *instance)
{
    size_t count = 0;
    for (size_t i = 0; i < instance->plan->task_count; i++) {
        count += instance->tasks[i].owned ? 1 : 0;
    }
    return count;
}
