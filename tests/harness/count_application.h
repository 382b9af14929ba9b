/* SPDX-License-Identifier: Apache-2.0
 *
 * count_application.h - the counting topology (count_topology.h) as a stepped application on a
 * simulated cluster, for tests of what the runtime does when things fail.
 *
 * Ownership  count_application_cleanup frees everything.
 * Threads    One.
 */
#ifndef WEIR_TESTS_HARNESS_COUNT_APPLICATION_H
#define WEIR_TESTS_HARNESS_COUNT_APPLICATION_H

#include "streams/application.h"
#include "tests/harness/sim_broker.h"

enum { COUNT_PARTITIONS = 3 };

typedef struct count_application {
    sim_cluster *cluster;
    weir_broker *broker;
    weir_topology *topology;
    weir_metrics *metrics;
    char *directory; /* NULL: stores are in memory. */
    weir_database *database;
    weir_config config;
    weir_application *application;
    int64_t now_ms;
    weir_error err;
} count_application;

/* application.id "counter", exactly once, a commit each 100 ms, unless settings say otherwise; the
 * topics "in", "out" and "dead" with COUNT_PARTITIONS partitions. */
void count_application_start(count_application *a, bool on_disk, const weir_setting *settings,
                             size_t setting_count);
void count_application_cleanup(count_application *a);

/* A pass; what stopped the application, if something did. The clock moves on by 10 ms. */
weir_status count_application_step(count_application *a);
void count_application_steps(count_application *a, int count);
/* Steps until nothing is left to do; fails the test where that is never. */
void count_application_run(count_application *a);

/* Ends it without a commit and starts it again on the same cluster and directory. */
void count_application_crash(count_application *a);

/* Sum of the committed offsets of "in"; and of the counts of the runtime called name. */
int64_t count_application_committed(count_application *a);
int64_t count_application_metric(count_application *a, const char *name);

#endif
