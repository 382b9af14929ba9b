/* SPDX-License-Identifier: Apache-2.0
 *
 * The order of a commit, and what happens when a part of it fails (streams/commit.c).
 */
#include "tests/harness/check.h"
#include "tests/harness/count_application.h"
#include "tests/harness/count_topology.h"

enum { ALWAYS = 1000000, RECORDS = 30 };

static void set_faults(count_application *a, sim_faults faults)
{
    sim_cluster_set_faults(a->cluster, &faults);
}

/* Records come in before the broker goes wrong. */
static void feed_then_fail(count_application *a, sim_faults faults)
{
    count_topology_feed(a->broker, 0, RECORDS);
    set_faults(a, faults);
}

static void start_running(count_application *a, const weir_setting *settings, size_t count)
{
    count_application_start(a, false, settings, count);
    count_application_run(a);
}

TEST(input_is_not_committed_before_its_changelog_is_acknowledged)
{
    WEIR_AUTO(count_application) a = {0};
    start_running(&a, NULL, 0);
    feed_then_fail(&a, (sim_faults){.late_ack = ALWAYS});
    count_application_steps(&a, 100);
    CHECK_I64(count_application_metric(&a, "weir_stream_thread_process_records_total"), >, 0);
    CHECK_I64(count_application_committed(&a), ==, 0);
    CHECK_I64(count_topology_records(a.broker, "counter-counts-changelog"), ==, 0);
    set_faults(&a, (sim_faults){0});
    count_application_run(&a);
    CHECK_I64(count_application_committed(&a), ==, RECORDS);
    CHECK_I64(count_topology_records(a.broker, "counter-counts-changelog"), ==, RECORDS);
}

TEST(nothing_is_processed_while_a_commit_waits)
{
    WEIR_AUTO(count_application) a = {0};
    start_running(&a, NULL, 0);
    feed_then_fail(&a, (sim_faults){.late_ack = ALWAYS});
    count_application_steps(&a, 50);
    set_faults(&a, (sim_faults){0});
    feed_then_fail(&a, (sim_faults){.late_ack = ALWAYS});
    int64_t processed = count_application_metric(&a, "weir_stream_thread_process_records_total");
    count_application_steps(&a, 50);
    CHECK_I64(count_application_metric(&a, "weir_stream_thread_process_records_total"), ==,
              processed);
}

/* With an interval that never ends. */
TEST(a_full_transaction_is_committed_before_it_is_due)
{
    WEIR_AUTO(count_application) a = {0};
    const weir_setting settings[] = {{"commit.interval.ms", "86400000"},
                                     {"weir.commit.idle.ms", "86400000"}};
    count_application_start(&a, false, settings, WEIR_COUNT_OF(settings));
    feed_then_fail(&a, (sim_faults){.full_transaction = ALWAYS});
    count_application_run(&a);
    CHECK_I64(count_application_committed(&a), ==, RECORDS);
    CHECK_I64(count_application_metric(&a, "weir_stream_thread_commit_total"), ==, RECORDS);
}

static void a_failed_commit_counts_each_record_once(sim_faults faults)
{
    WEIR_AUTO(count_application) a = {0};
    start_running(&a, NULL, 0);
    feed_then_fail(&a, faults);
    count_application_steps(&a, 200);
    CHECK_I64(count_application_metric(&a, "weir_stream_thread_rollback_total"), >, 0);
    set_faults(&a, (sim_faults){0});
    count_application_run(&a);
    CHECK_I64(count_application_committed(&a), >=, RECORDS); /* Markers take offsets. */
    CHECK_I64(count_topology_records(a.broker, "out"), ==, RECORDS);
    CHECK_I64(count_topology_last(a.broker, "counter-counts-changelog", "k7"), ==, 1);
}

TEST(commit_that_failed_is_taken_back_and_done_again)
{
    a_failed_commit_counts_each_record_once((sim_faults){.commit_fails = ALWAYS});
}

TEST(commit_whose_outcome_is_unknown_is_settled)
{
    a_failed_commit_counts_each_record_once((sim_faults){.commit_unknown = ALWAYS});
}

TEST(offsets_that_cannot_be_sent_roll_the_records_back)
{
    a_failed_commit_counts_each_record_once((sim_faults){.offsets_fail = ALWAYS});
}

TEST(commit_that_meets_a_rebalance_waits_and_loses_nothing)
{
    WEIR_AUTO(count_application) a = {0};
    static const weir_setting settings[] = {{"processing.guarantee", "at_least_once"}};
    start_running(&a, settings, 1);
    feed_then_fail(&a, (sim_faults){.rebalance_refused = ALWAYS});
    count_application_steps(&a, 100);
    CHECK_I64(count_application_committed(&a), ==, 0);
    CHECK_I64(count_application_metric(&a, "weir_stream_thread_rollback_total"), ==, 0);
    set_faults(&a, (sim_faults){0});
    count_application_run(&a);
    CHECK_I64(count_topology_records(a.broker, "out"), ==, RECORDS);
}

static int64_t committed_when_idle(const char *guarantee, const char *idle_ms)
{
    const weir_setting settings[] = {
        {"commit.interval.ms", "3600000"},
        {"weir.commit.idle.ms", idle_ms},
        {"processing.guarantee", guarantee},
    };
    WEIR_AUTO(count_application) a = {0};
    start_running(&a, settings, WEIR_COUNT_OF(settings));
    count_topology_feed(a.broker, 0, RECORDS);
    count_application_steps(&a, 200);
    return count_application_committed(&a);
}

TEST(transaction_is_committed_early_where_there_is_nothing_else_to_do)
{
    CHECK_I64(committed_when_idle("exactly_once_v2", "10"), >=, RECORDS);
    CHECK_I64(committed_when_idle("at_least_once", "10"), ==, 0);
}

TEST(transaction_of_an_idle_worker_waits_as_long_as_is_asked)
{
    CHECK_I64(committed_when_idle("exactly_once_v2", "3600000"), ==, 0);
}

TEST(staged_bytes_past_their_limit_are_committed_before_the_interval)
{
    static const weir_setting settings[] = {
        {"commit.interval.ms", "3600000"},
        {"weir.staged.bytes.max", "1"},
    };
    WEIR_AUTO(count_application) a = {0};
    start_running(&a, settings, WEIR_COUNT_OF(settings));
    count_topology_feed(a.broker, 0, RECORDS);
    count_application_steps(&a, 20);
    CHECK_I64(count_application_committed(&a), ==, RECORDS);
}

/* In steps that keep the session of the group alive. */
static void let_minutes_pass(count_application *a, int minutes)
{
    for (int i = 0; i < 6 * minutes; i++) {
        a->now_ms += 10 * 1000;
        count_application_steps(a, 1);
    }
    count_application_run(a);
}

TEST(offsets_of_idle_inputs_are_committed_again_each_hour)
{
    WEIR_AUTO(count_application) a = {0};
    start_running(&a, NULL, 0);
    count_topology_feed(a.broker, 0, RECORDS);
    count_application_run(&a);
    int64_t commits = count_application_metric(&a, "weir_stream_thread_commit_total");
    let_minutes_pass(&a, 55);
    CHECK_I64(count_application_metric(&a, "weir_stream_thread_commit_total"), ==, commits);
    let_minutes_pass(&a, 6);
    CHECK_I64(count_application_metric(&a, "weir_stream_thread_commit_total"), ==, commits + 1);
    let_minutes_pass(&a, 55);
    CHECK_I64(count_application_metric(&a, "weir_stream_thread_commit_total"), ==, commits + 1);
    CHECK_I64(count_application_committed(&a), ==, RECORDS);
}
