/* SPDX-License-Identifier: Apache-2.0
 *
 * Terms of changelog records (streams/term.c), and what a restore makes of those that former owners
 * wrote too late (streams/stores.c, streams/restore.c).
 */
#include "streams/base/hash.h"
#include "streams/base/serde.h"
#include "streams/producer.h"
#include "streams/term.h"
#include "tests/harness/check.h"
#include "tests/harness/count_application.h"
#include "tests/harness/count_topology.h"

#define EPOCH(number) ((int64_t)(number) << 32)

static const char changelog[] = "counter-counts-changelog";

TEST(term_grows_with_the_generation_and_past_a_group_that_begins_anew)
{
    CHECK_I64(weir_term_next(0, 1), ==, 1);
    CHECK_I64(weir_term_next(7, 7), ==, 7);
    CHECK_I64(weir_term_next(7, 9), ==, 9);
    CHECK_I64(weir_term_next(7, 1), ==, EPOCH(1) + 1);
    CHECK_I64(weir_term_next(EPOCH(1) + 5, 2), ==, EPOCH(2) + 2);
    CHECK_I64(weir_term_next(EPOCH(1) + 5, 6), ==, EPOCH(1) + 6);
    CHECK_I64(weir_term_next(7, -1), ==, EPOCH(1));
    CHECK(weir_term_is_before(1, 7));
    CHECK(weir_term_is_before(1, EPOCH(3) + 7));
    CHECK(!weir_term_is_before(7, 7));
    CHECK(!weir_term_is_before(-1, 0));
}

static weir_header header_of(int64_t term, uint8_t bytes[WEIR_TERM_BYTES])
{
    weir_put_u64_be(bytes, (uint64_t)term);
    return (weir_header){WEIR_BYTES(WEIR_TERM_HEADER), weir_bytes_of(bytes, WEIR_TERM_BYTES)};
}

TEST(term_is_read_from_its_header_and_from_no_other)
{
    uint8_t bytes[WEIR_TERM_BYTES];
    weir_header headers[] = {{WEIR_BYTES("other"), WEIR_BYTES("12345678")},
                             header_of(EPOCH(1) + 4, bytes)};
    weir_record record = {.headers = headers, .header_count = 2};
    CHECK_I64(weir_term_of(&record), ==, EPOCH(1) + 4);
    record.header_count = 1;
    CHECK_I64(weir_term_of(&record), ==, 0);
    weir_put_u64_be(bytes, UINT64_MAX);
    record.header_count = 2;
    CHECK_I64(weir_term_of(&record), ==, 0);
    headers[1].value = WEIR_BYTES("1234567");
    CHECK_I64(weir_term_of(&record), ==, 0);
}

/* The last record of "a" in the changelog. */
typedef struct last_seen {
    int64_t term;
    int64_t count;
} last_seen;

static void see(void *user, const weir_record *record)
{
    if (weir_bytes_equal(record->key, WEIR_BYTES("a"))) {
        *(last_seen *)user =
            (last_seen){weir_term_of(record), (int64_t)weir_get_u64_be(record->value.data)};
    }
}

static last_seen last_of(count_application *a)
{
    last_seen last = {0};
    count_topology_visit(a->broker, changelog, see, &last);
    return last;
}

static void count_one(count_application *a)
{
    count_topology_feed_one(a->broker, "a", "v");
    count_application_run(a);
}

/* A former owner's record comes into the changelog now; term 0: without the header. */
static void write_late(count_application *a, uint64_t count, int64_t term)
{
    uint8_t term_bytes[WEIR_TERM_BYTES];
    uint8_t count_bytes[sizeof(uint64_t)];
    const weir_header header = header_of(term, term_bytes);
    weir_put_u64_be(count_bytes, count);
    weir_producer *producer = NULL;
    int32_t topic = 0;
    int32_t partition_count = 0;
    CHECK_OK(weir_producer_new(a->broker, &(weir_producer_options){0}, &producer, &a->err),
             &a->err);
    CHECK_OK(weir_producer_topic(producer, changelog, &topic, &partition_count, &a->err), &a->err);
    const weir_record record = {
        .partition = weir_partition_of(WEIR_BYTES("a"), partition_count),
        .timestamp_ms = 1,
        .key = WEIR_BYTES("a"),
        .value = weir_bytes_of(count_bytes, sizeof(count_bytes)),
        .headers = &header,
        .header_count = term == 0 ? 0 : 1,
    };
    CHECK_OK(weir_producer_send(producer, topic, &record, &a->err), &a->err);
    CHECK_OK(weir_producer_flush(producer, 0, &a->err), &a->err);
    weir_producer_free(producer);
}

static void start(count_application *a, const char *guarantee, bool on_disk)
{
    const weir_setting settings[] = {{"processing.guarantee", guarantee},
                                     {"commit.interval.ms", "100"}};
    count_application_start(a, on_disk, settings, WEIR_COUNT_OF(settings));
    count_application_run(a);
}

static void restart(count_application *a)
{
    count_application_crash(a);
    count_application_run(a);
}

static int64_t outdated(count_application *a)
{
    return count_application_metric(a, "weir_stream_thread_restore_outdated_records_total");
}

static void late_record_is_skipped(bool on_disk)
{
    WEIR_AUTO(count_application) a = {0};
    start(&a, "at_least_once", on_disk);
    count_one(&a);
    int64_t first_term = last_of(&a).term;
    CHECK_I64(first_term, >, 0);
    restart(&a);
    count_one(&a);
    CHECK_I64(last_of(&a).term, >, first_term);
    write_late(&a, 1, first_term);
    restart(&a);
    CHECK_I64(outdated(&a), ==, 1);
    CHECK_I64(last_of(&a).count, ==, 2); /* Logged again, for compaction keeps the last one. */
    count_one(&a);
    CHECK_I64(count_topology_last(a.broker, "out", "a"), ==, 3);
    restart(&a);
    count_one(&a);
    CHECK_I64(count_topology_last(a.broker, "out", "a"), ==, 4);
}

TEST(record_of_a_former_owner_is_skipped_and_the_right_one_logged_again)
{
    late_record_is_skipped(false);
    late_record_is_skipped(true);
}

/* One of "b", "c", …, whose records are in the partition of those of "a". */
static const char *neighbour_of_a(void)
{
    static char key[] = "b";
    while (weir_partition_of(weir_bytes_of_text(key), COUNT_PARTITIONS) !=
           weir_partition_of(WEIR_BYTES("a"), COUNT_PARTITIONS)) {
        key[0]++;
    }
    return key;
}

/* The second owner of "a" runs when a record of the first one comes; the first one's term. */
static int64_t start_and_write_late(count_application *a, bool on_disk)
{
    start(a, "at_least_once", on_disk);
    count_one(a);
    int64_t first_term = last_of(a).term;
    restart(a);
    count_one(a);
    write_late(a, 1, first_term);
    return first_term;
}

TEST(running_owner_logs_again_what_a_late_record_hides)
{
    for (int on_disk = 0; on_disk < 2; on_disk++) {
        WEIR_AUTO(count_application) a = {0};
        int64_t first_term = start_and_write_late(&a, on_disk == 1);
        a.now_ms += 2000;
        count_topology_feed_one(a.broker, neighbour_of_a(), "v");
        count_application_run(&a);
        CHECK_I64(outdated(&a), ==, 1);
        CHECK_I64(last_of(&a).count, ==, 2);
        CHECK_I64(last_of(&a).term, >, first_term);
        count_one(&a);
        CHECK_I64(count_topology_last(a.broker, "out", "a"), ==, 3);
        a.now_ms += 31 * 1000;
        count_application_steps(&a, 10); /* It is applied: the disk stands behind it. */
        restart(&a);
        count_one(&a);
        CHECK_I64(count_topology_last(a.broker, "out", "a"), ==, 4);
        CHECK_I64(outdated(&a), ==, 1 - on_disk);
    }
}

TEST(record_without_a_term_is_taken)
{
    WEIR_AUTO(count_application) a = {0};
    start(&a, "at_least_once", false);
    count_one(&a);
    write_late(&a, 7, 0);
    restart(&a);
    CHECK_I64(outdated(&a), ==, 0);
    count_one(&a);
    CHECK_I64(count_topology_last(a.broker, "out", "a"), ==, 8);
}

TEST(exactly_once_writes_no_terms)
{
    WEIR_AUTO(count_application) a = {0};
    start(&a, "exactly_once_v2", false);
    count_one(&a);
    CHECK_I64(last_of(&a).term, ==, 0);
    CHECK_I64(last_of(&a).count, ==, 1);
}

TEST(group_that_begins_anew_writes_a_later_epoch_where_the_database_stands_at_the_end_too)
{
    for (int on_disk = 0; on_disk < 2; on_disk++) {
        WEIR_AUTO(count_application) a = {0};
        start(&a, "at_least_once", on_disk == 1);
        count_one(&a);
        write_late(&a, 5, 99); /* As if the group had been at generation 99. */
        restart(&a);
        count_one(&a);
        CHECK_I64(last_of(&a).term, >, EPOCH(1));
        CHECK_I64(last_of(&a).count, ==, 6);
        a.now_ms += 31 * 1000; /* All is applied: the next restore reads nothing. */
        count_application_steps(&a, 10);
        restart(&a);
        count_one(&a);
        CHECK_I64(last_of(&a).term, >, EPOCH(1));
        restart(&a);
        count_one(&a);
        CHECK_I64(count_topology_last(a.broker, "out", "a"), ==, 8);
        CHECK_I64(outdated(&a), ==, 0);
    }
}

static void step_worker_alone(count_application *a, int count)
{
    for (int i = 0; i < count; i++) {
        bool busy = false;
        a->now_ms += 100;
        CHECK_OK(weir_application_step_worker(a->application, 0, a->now_ms, &busy, &a->err),
                 &a->err);
    }
}

TEST(zombie_that_restores_does_not_take_its_successor_for_a_group_that_began_anew)
{
    WEIR_AUTO(count_application) a = {0};
    start(&a, "at_least_once", false);
    count_one(&a);
    int64_t term = last_of(&a).term;
    sim_broker_forget_members(a.broker); /* It does not know: its coordinator has no turn. */
    write_late(&a, 5, term + 1);
    sim_cluster_set_faults(a.cluster, &(sim_faults){.poll_refused = 1000000});
    step_worker_alone(&a, 1);
    sim_cluster_set_faults(a.cluster, &(sim_faults){0});
    count_topology_feed_one(a.broker, "a", "v");
    step_worker_alone(&a, 100); /* It restores and is fenced, before it writes. */
    CHECK_I64(last_of(&a).term, ==, term + 1);
    CHECK_I64(last_of(&a).count, ==, 5);
    count_application_steps(&a, 100); /* The group has it back. */
    count_application_run(&a);
    CHECK_I64(last_of(&a).term, >, term);
    CHECK_I64(last_of(&a).term, <, EPOCH(1));
    CHECK_I64(last_of(&a).count, ==, 6);
}

TEST(idle_owner_logs_again_what_a_late_record_hides)
{
    for (int on_disk = 0; on_disk < 2; on_disk++) {
        WEIR_AUTO(count_application) a = {0};
        int64_t first_term = start_and_write_late(&a, on_disk == 1);
        count_application_steps(&a, 200);
        CHECK_I64(last_of(&a).count, ==, 1);
        a.now_ms += 60 * 1000; /* weir.changelog.check.interval.ms */
        count_application_steps(&a, 200);
        CHECK_I64(outdated(&a), ==, 1);
        CHECK_I64(last_of(&a).count, ==, 2);
        CHECK_I64(last_of(&a).term, >, first_term);
        a.now_ms += 60 * 1000;
        count_application_steps(&a, 200);
        CHECK_I64(outdated(&a), ==, 1); /* It is looked at once. */
    }
}

TEST(late_record_is_found_again_after_a_crash_before_it_was_hidden)
{
    WEIR_AUTO(count_application) a = {0};
    start(&a, "at_least_once", true);
    count_one(&a);
    int64_t first_term = last_of(&a).term;
    restart(&a);
    count_one(&a);
    a.now_ms += 31 * 1000;
    count_application_steps(&a, 10); /* The disk knows the later term. */
    write_late(&a, 1, first_term);
    for (int life = 0; life < 3; life++) { /* It restores, and dies before it can log again. */
        count_application_crash(&a);
        for (int i = 0; i < 1000 && outdated(&a) == 0; i++) {
            CHECK_OK(count_application_step(&a), &a.err);
        }
        CHECK_I64(outdated(&a), ==, 1);
        CHECK_I64(last_of(&a).count, ==, 1);
    }
    restart(&a);
    CHECK_I64(last_of(&a).count, ==, 2);
    CHECK_I64(last_of(&a).term, >, first_term);
}
