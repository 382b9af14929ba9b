/* SPDX-License-Identifier: Apache-2.0
 *
 * What a restart restores: all, the tail, or one task that does not fit its changelog any more
 * (streams/restore.c, stream_thread_failure.c).
 */
#include "tests/harness/check.h"
#include "tests/harness/count_application.h"
#include "tests/harness/count_topology.h"

enum { RECORDS = 60 };

static void count_all(count_application *a)
{
    count_topology_feed(a->broker, 0, RECORDS);
    count_application_run(a);
}

static int64_t restored(count_application *a)
{
    return count_application_metric(a, "weir_stream_thread_restore_records_total");
}

static void let_it_be_applied(count_application *a)
{
    a->now_ms += 31 * 1000; /* weir.apply.interval.ms */
    count_application_steps(a, 10);
}

/* Counts once, and all of it is on disk. */
static void count_on_disk(count_application *a)
{
    count_application_start(a, true, NULL, 0);
    count_all(a);
    let_it_be_applied(a);
}

/* Half as many again come, and are in the changelog alone. */
static void crash_behind_a_tail(count_application *a)
{
    count_topology_feed(a->broker, 0, RECORDS / 2);
    count_application_run(a);
    count_application_crash(a);
}

static void crash_with_a_tail(count_application *a)
{
    count_on_disk(a);
    crash_behind_a_tail(a);
}

TEST(store_in_memory_is_restored_from_the_beginning)
{
    WEIR_AUTO(count_application) a = {0};
    count_application_start(&a, false, NULL, 0);
    count_all(&a);
    count_application_crash(&a);
    count_application_run(&a);
    CHECK_I64(restored(&a), ==, RECORDS);
    count_all(&a);
    CHECK_I64(count_topology_last(a.broker, "out", "k7"), ==, 2);
}

TEST(store_on_disk_is_restored_from_where_it_stands)
{
    WEIR_AUTO(count_application) a = {0};
    crash_with_a_tail(&a);
    count_application_run(&a);
    CHECK_I64(restored(&a), ==, RECORDS / 2);
    count_all(&a);
    CHECK_I64(count_topology_last(a.broker, "out", "k7"), ==, 3);
    CHECK_I64(count_topology_last(a.broker, "out", "k57"), ==, 2);
}

TEST(what_is_applied_is_not_restored)
{
    WEIR_AUTO(count_application) a = {0};
    count_on_disk(&a);
    count_application_crash(&a);
    count_application_run(&a);
    CHECK_I64(restored(&a), ==, 0);
}

/* The process was away for so long after its crash. */
static int64_t restored_after(int64_t away_ms)
{
    WEIR_AUTO(count_application) a = {0};
    crash_with_a_tail(&a);
    a.now_ms += away_ms;
    count_application_run(&a);
    count_all(&a);
    CHECK_I64(count_topology_last(a.broker, "out", "k57"), ==, 2);
    return restored(&a);
}

TEST(store_that_was_away_for_longer_than_tombstones_stay_is_restored_from_the_beginning)
{
    enum { DAY_MS = 24 * 3600 * 1000 };
    CHECK_I64(restored_after(DAY_MS - 60 * 1000), ==, RECORDS / 2);
    CHECK_I64(restored_after(DAY_MS + 60 * 1000), ==, RECORDS + RECORDS / 2);
}

TEST(restore_that_came_to_the_end_makes_a_store_young_again)
{
    enum { SHORTER_MS = 20 * 3600 * 1000 };
    WEIR_AUTO(count_application) a = {0};
    count_on_disk(&a);
    for (int i = 0; i < 2; i++) {
        crash_behind_a_tail(&a);
        a.now_ms += SHORTER_MS;
        count_application_run(&a);
        CHECK_I64(restored(&a), ==, RECORDS / 2);
        let_it_be_applied(&a);
    }
}

TEST(store_that_lacks_nothing_stays_however_long_it_was_away)
{
    WEIR_AUTO(count_application) a = {0};
    count_on_disk(&a);
    count_application_crash(&a);
    a.now_ms += INT64_C(10) * 365 * 24 * 3600 * 1000;
    count_application_run(&a);
    CHECK_I64(restored(&a), ==, 0);
}

/* Forgets the whole changelog of one partition. */
static int64_t forget_changelog(count_application *a, int32_t partition)
{
    const weir_topic_partition changelog = {"counter-counts-changelog", partition};
    int64_t end = 0;
    CHECK_OK(weir_broker_offset(a->broker, changelog, WEIR_OFFSET_LATEST, 0, &end, &a->err),
             &a->err);
    CHECK_OK(weir_broker_delete_records(a->broker, changelog, end, &a->err), &a->err);
    return end;
}

static int64_t sum_of_counts(count_application *a)
{
    int64_t sum = 0;
    for (int i = 0; i < RECORDS; i++) {
        WEIR_AUTO_FREE char *key = weir_format("k%d", i);
        sum += count_topology_last(a->broker, "out", key);
    }
    return sum;
}

TEST(task_that_does_not_fit_its_changelog_is_wiped_and_restored_and_no_other)
{
    WEIR_AUTO(count_application) a = {0};
    count_on_disk(&a);
    count_all(&a); /* Committed and not applied: the disk stands before the end. */
    int64_t keys_of_one = 0;
    const weir_topic_partition in = {"in", 1};
    CHECK_OK(weir_broker_offset(a.broker, in, WEIR_OFFSET_LATEST, 0, &keys_of_one, &a.err), &a.err);
    keys_of_one /= 2;
    CHECK_I64(keys_of_one, >, 0);
    (void)forget_changelog(&a, 1);
    count_application_crash(&a);
    count_all(&a);
    /* The third count of each key, but in the partition that was forgotten it is the first. */
    CHECK_I64(sum_of_counts(&a), ==, 3 * RECORDS - 2 * keys_of_one);
    CHECK_I64(count_application_metric(&a, "weir_stream_thread_rollback_total"), ==, 1);
}
