/* SPDX-License-Identifier: Apache-2.0
 *
 * count_application.c - life and steps of the application under test.
 */
#include "tests/harness/count_application.h"

#include "tests/harness/check.h"
#include "tests/harness/count_topology.h"

#include <stdlib.h>
#include <string.h>

enum { START_MS = 1000000, STEP_MS = 10, STEPS_MAX = 20000, SETTINGS_MAX = 16, OWN_SETTINGS = 2 };

static void open_life(count_application *a)
{
    if (a->directory != NULL) {
        const weir_database_options database = {.directory = a->directory};
        CHECK_OK(weir_database_open(&database, &a->database, &a->err), &a->err);
    }
    a->metrics = weir_metrics_new();
    const weir_application_options options = {
        .topology = a->topology,
        .config = &a->config,
        .broker = a->broker,
        .database = a->database,
        .metrics = a->metrics,
        .never_waits = true,
    };
    CHECK_OK(weir_application_new(&options, &a->application, &a->err), &a->err);
}

static void close_life(count_application *a)
{
    weir_application_free(weir_take(&a->application));
    weir_database_free(weir_take(&a->database));
    weir_metrics_free(weir_take(&a->metrics));
}

void count_application_start(count_application *a, bool on_disk, const weir_setting *settings,
                             size_t setting_count)
{
    CHECK_I64(setting_count, <=, SETTINGS_MAX - OWN_SETTINGS);
    weir_setting all[SETTINGS_MAX] = {{"application.id", "counter"}, {"commit.interval.ms", "100"}};
    if (setting_count > 0) {
        memcpy(all + OWN_SETTINGS, settings, setting_count * sizeof(*settings));
    }
    CHECK_OK(weir_config_init(&a->config, all, OWN_SETTINGS + setting_count, &a->err), &a->err);
    a->now_ms = START_MS;
    a->cluster = sim_cluster_new(1);
    a->broker = sim_broker_connect(a->cluster);
    a->directory = on_disk ? check_directory() : NULL;
    a->topology = count_topology_new(&(count_topology_options){0});
    count_topology_topics(a->broker, COUNT_PARTITIONS);
    const weir_topic_config dead = {.name = "dead", .partition_count = COUNT_PARTITIONS};
    CHECK_OK(weir_broker_create_topic(a->broker, &dead, &a->err), &a->err);
    open_life(a);
}

void count_application_cleanup(count_application *a)
{
    close_life(a);
    weir_topology_free(a->topology);
    weir_config_cleanup(&a->config);
    weir_broker_free(a->broker);
    sim_cluster_free(a->cluster);
    free(a->directory);
}

weir_status count_application_step(count_application *a)
{
    bool busy = false;
    weir_status status = weir_application_step(a->application, a->now_ms, &busy, &a->err);
    a->now_ms += STEP_MS;
    return status;
}

void count_application_steps(count_application *a, int count)
{
    for (int i = 0; i < count; i++) {
        CHECK_OK(count_application_step(a), &a->err);
    }
}

void count_application_run(count_application *a)
{
    for (int i = 0; i < STEPS_MAX; i++) {
        count_application_steps(a, 1);
        if (weir_application_is_idle(a->application)) {
            return;
        }
    }
    check_fail(__FILE__, __LINE__, "the application never becomes idle");
}

void count_application_crash(count_application *a)
{
    close_life(a);
    sim_broker_forget_members(a->broker);
    open_life(a);
}

int64_t count_application_committed(count_application *a)
{
    int64_t sum = 0;
    for (int32_t p = 0; p < COUNT_PARTITIONS; p++) {
        int64_t offset = sim_cluster_committed(a->cluster, "counter", "in", p, NULL);
        sum += offset > 0 ? offset : 0;
    }
    return sum;
}

int64_t count_application_metric(count_application *a, const char *name)
{
    return weir_metrics_sum(a->metrics, name, NULL);
}
