/* SPDX-License-Identifier: Apache-2.0
 *
 * two_processes.c - processes are stepped in turn, 50 ms apart.
 */
#include "tests/harness/two_processes.h"

#include "streams/metadata.h"
#include "tests/harness/check.h"
#include "tests/harness/count_topology.h"

#include <stdlib.h>

enum { START_MS = 1000000, STEP_MS = 50, SETTLE_MS = 20000, COUNTED_MS = 5000 };

static void open_process(two_processes *two, size_t i, const two_processes_options *options)
{
    two_processes_one *to = &two->processes[i];
    const weir_setting settings[] = {
        {"application.id", "counter"},
        {"num.standby.replicas", "1"},
        {"commit.interval.ms",
         options->commit_interval_ms == NULL ? "100" : options->commit_interval_ms},
        {"processing.guarantee", options->exactly_once ? "exactly_once_v2" : "at_least_once"},
        {"application.server", i == 0 ? "a.example:1" : "b.example:2"},
    };
    CHECK_OK(weir_config_init(&to->config, settings, WEIR_COUNT_OF(settings), &two->err),
             &two->err);
    to->broker = sim_broker_connect(two->cluster);
    to->metrics = weir_metrics_new();
    if (options->on_disk) {
        to->directory = check_directory();
        const weir_database_options database = {.directory = to->directory};
        CHECK_OK(weir_database_open(&database, &to->database, &two->err), &two->err);
    }
    const weir_application_options application = {
        .topology = two->topology,
        .config = &to->config,
        .broker = to->broker,
        .database = to->database,
        .metrics = to->metrics,
        .process_id = i == 0 ? "a" : "b",
        .never_waits = true,
    };
    CHECK_OK(weir_application_new(&application, &to->application, &two->err), &two->err);
}

static void step(two_processes *two, size_t process)
{
    bool busy = false;
    CHECK_OK(
        weir_application_step(two->processes[process].application, two->now_ms, &busy, &two->err),
        &two->err);
}

static void pass_time(two_processes *two)
{
    two->now_ms += STEP_MS;
    sim_cluster_set_now(two->cluster, two->now_ms);
}

void two_processes_run(two_processes *two, int64_t ms)
{
    for (int64_t until_ms = two->now_ms + ms; two->now_ms < until_ms; pass_time(two)) {
        step(two, 0);
        step(two, 1);
    }
}

void two_processes_run_one(two_processes *two, size_t process, int64_t ms)
{
    for (int64_t until_ms = two->now_ms + ms; two->now_ms < until_ms; pass_time(two)) {
        step(two, process);
    }
}

void two_processes_start(two_processes *two, const two_processes_options *options)
{
    two->cluster = sim_cluster_new(1);
    two->now_ms = START_MS;
    sim_cluster_set_now(two->cluster, two->now_ms);
    two->outside = sim_broker_connect(two->cluster);
    count_topology_topics(two->outside, TWO_PROCESSES_PARTITIONS);
    const count_topology_options topology = {
        .engine = options->on_disk ? WEIR_ENGINE_ROCKSDB : WEIR_ENGINE_MEMORY,
        .caching_enabled = options->caching_enabled,
    };
    two->topology = count_topology_new(&topology);
    open_process(two, 0, options);
    open_process(two, 1, options);
    two_processes_run(two, SETTLE_MS);
}

void two_processes_cleanup(two_processes *two)
{
    for (size_t i = 0; i < 2; i++) {
        two_processes_one *process = &two->processes[i];
        weir_application_free(process->application);
        weir_database_free(process->database);
        weir_broker_free(process->broker);
        weir_config_cleanup(&process->config);
        weir_metrics_free(process->metrics);
        free(process->directory);
    }
    weir_topology_free(two->topology);
    weir_broker_free(two->outside);
    sim_cluster_free(two->cluster);
}

void two_processes_feed(two_processes *two, size_t first, size_t count)
{
    count_topology_feed(two->outside, first, count);
    two_processes_run(two, COUNTED_MS);
}

size_t two_processes_owner(two_processes *two, const char *key)
{
    weir_key_metadata metadata = {0};
    CHECK_OK(weir_application_metadata_for_key(two->processes[0].application, "counts",
                                               weir_bytes_of_text(key), WEIR_BYTES_NULL, &metadata,
                                               &two->err),
             &two->err);
    CHECK(metadata.active.process_id != NULL);
    size_t owner = metadata.active.is_here ? 0 : 1;
    weir_key_metadata_cleanup(&metadata);
    return owner;
}
