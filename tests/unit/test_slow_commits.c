/* SPDX-License-Identifier: Apache-2.0
 *
 * A cluster that needs longer for a commit than the interval between two: most of the time is the
 * commits', but what is processed between them is not a record each (streams/stream_thread_work.c).
 */
#include "tests/harness/check.h"
#include "tests/harness/count_application.h"
#include "tests/harness/count_topology.h"

#include <inttypes.h>

enum { RECORDS = 6000, COMMITS_MAX = RECORDS / 50, PASS_MS = 2, COMMIT_TAKES_MS = 150 };

static const char commits[] = "weir_stream_thread_commit_total";

/* Runs until nothing is left, on a clock that each commit moves on by ms. */
static int64_t run(count_application *a, int64_t ms)
{
    int64_t count = count_application_metric(a, commits);
    int64_t before = count;
    while (!weir_application_is_idle(a->application)) {
        bool busy = false;
        CHECK_OK(weir_application_step(a->application, a->now_ms, &busy, &a->err), &a->err);
        int64_t now = count_application_metric(a, commits);
        a->now_ms += PASS_MS + (now > count ? ms : 0);
        count = now;
        CHECK_I64(count - before, <, COMMITS_MAX);
    }
    return count - before;
}

TEST(commits_that_take_longer_than_their_interval_leave_time_for_records)
{
    count_application a = {0};
    count_application_start(&a, false, NULL, 0);
    count_application_run(&a);
    count_topology_feed(a.broker, 0, RECORDS);
    CHECK_I64(run(&a, COMMIT_TAKES_MS), >, 0);
    CHECK_I64(count_application_committed(&a), ==, RECORDS);
    count_application_cleanup(&a);
}
