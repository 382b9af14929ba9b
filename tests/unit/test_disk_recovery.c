/* SPDX-License-Identifier: Apache-2.0
 *
 * What an application does while the disk of its state fails (tests/faults/fault_disk.h): it waits,
 * says why, and goes on by itself, exactly, when the disk works again.
 */
#include "tests/faults/fault_disk.h"
#include "tests/harness/check.h"
#include "tests/harness/count_application.h"
#include "tests/harness/count_topology.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

enum { KEYS = 40, FAILING_STEPS = 500, RETRY_WAIT_MS = 50, RETRIES_MAX = 400 };

static const weir_setting settings[] = {
    {"weir.apply.interval.ms", "100"},
    {"weir.flush.interval.ms", "100"},
    {"num.stream.threads", "2"},
};

static void start(count_application *a)
{
    count_application_start(a, true, settings, WEIR_COUNT_OF(settings));
    count_topology_feed(a->broker, 0, KEYS);
    count_application_run(a);
    count_application_steps(a, FAILING_STEPS); /* Applied, and on disk. */
}

/* Until it is idle; between tries the clock of the system goes on, for RocksDB looks at that. */
static void run_on(count_application *a)
{
    for (int i = 0; i < RETRIES_MAX; i++) {
        count_application_steps(a, FAILING_STEPS);
        if (weir_application_is_idle(a->application)) {
            return;
        }
        (void)poll(NULL, 0, RETRY_WAIT_MS);
    }
    check_fail(__FILE__, __LINE__, "the application does not go on");
}

static void check_counts(count_application *a, int64_t count)
{
    for (int key = 0; key < KEYS; key++) {
        char name[16];
        (void)snprintf(name, sizeof name, "k%d", key);
        CHECK_I64(count_topology_last(a->broker, "out", name), ==, count);
    }
    CHECK_I64((int64_t)count_topology_records(a->broker, "out"), ==, KEYS * count);
}

static void fail_and_go_on(int error)
{
    count_application a = {0};
    start(&a);
    fault_disk_set(error);
    count_topology_feed(a.broker, 0, KEYS);
    count_application_steps(&a, FAILING_STEPS);
    CHECK(!weir_application_is_idle(a.application));
    count_topology_feed(a.broker, 0, KEYS);
    count_application_steps(&a, FAILING_STEPS);
    fault_disk_set(0);
    run_on(&a);
    check_counts(&a, 3);
    count_application_crash(&a); /* What is on disk goes with the changelog. */
    count_topology_feed(a.broker, 0, KEYS);
    count_application_run(&a);
    check_counts(&a, 4);
    count_application_cleanup(&a);
}

TEST(an_application_waits_for_space_and_goes_on)
{
    fail_and_go_on(ENOSPC);
}

TEST(an_application_opens_its_database_again_when_the_disk_can_be_written)
{
    fail_and_go_on(EROFS);
}

TEST(an_application_goes_on_after_an_error_of_the_disk)
{
    fail_and_go_on(EIO);
}

TEST(a_failing_disk_does_not_keep_an_application_from_its_end)
{
    count_application a = {0};
    start(&a);
    fault_disk_set(EIO);
    count_topology_feed(a.broker, 0, KEYS);
    count_application_steps(&a, FAILING_STEPS);
    weir_application_request_close(a.application);
    for (int i = 0; i < RETRIES_MAX; i++) {
        count_application_steps(&a, 1);
    }
    CHECK_I64(weir_application_state_now(a.application), ==, WEIR_APPLICATION_NOT_RUNNING);
    fault_disk_set(0);
    count_application_crash(&a);
    count_application_run(&a);
    check_counts(&a, 2);
    count_application_cleanup(&a);
}

TEST(a_task_that_cannot_be_opened_is_tried_again_with_pauses)
{
    count_application a = {0};
    count_application_start(&a, true, settings, WEIR_COUNT_OF(settings));
    fault_disk_set(EROFS);
    count_topology_feed(a.broker, 0, KEYS);
    count_application_steps(&a, FAILING_STEPS);
    int64_t failures = count_application_metric(&a, "weir_stream_thread_rollback_total");
    CHECK_I64(failures, >, 2);
    CHECK_I64(failures, <, 20); /* Two workers, five seconds, pauses of 100 ms and twice that, … */
    fault_disk_set(0);
    run_on(&a);
    check_counts(&a, 1);
    count_application_cleanup(&a);
}
