/* SPDX-License-Identifier: Apache-2.0
 *
 * Which input the rows of an answer reflect, and queries that demand some (streams/query_worker.c,
 * store_position.c): read your own writes, from the task that runs and from its standby.
 */
#include "streams/base/hash.h"
#include "streams/base/random.h"
#include "streams/base/serde.h"
#include "streams/query.h"
#include "tests/harness/check.h"
#include "tests/harness/count_topology.h"
#include "tests/harness/two_processes.h"

#include <string.h>

#define KEY "k0" /* All records have it, so that its count follows from an offset. */

enum { COUNTED_MS = 2000, ROUNDS = 150 };

typedef struct outcome {
    weir_status status;
    int64_t count;
    int64_t offset; /* Of its position; -1: none. */
    weir_query_role role;
    weir_error err;
} outcome;

static int32_t partition_of_key(void)
{
    return weir_partition_of(WEIR_BYTES(KEY), TWO_PROCESSES_PARTITIONS);
}

static outcome ask(two_processes *two, size_t process, const weir_query_terms *terms)
{
    outcome found = {0};
    WEIR_AUTO(weir_buf) value = {0};
    WEIR_AUTO(weir_query_answer) answer = {0};
    const weir_query_key query = {
        .store = "counts", .key = WEIR_BYTES(KEY), .terms = terms, .answer = &answer};
    found.status = weir_query_row(two->processes[process].application, &query, &value, &found.err);
    found.count = found.status == WEIR_OK ? (int64_t)weir_get_u64_be(value.data) : 0;
    found.offset = weir_position_offset(&answer.position, "in", partition_of_key());
    found.role = answer.role;
    return found;
}

static outcome ask_at_least(two_processes *two, size_t process, int64_t offset)
{
    WEIR_AUTO(weir_position) at_least = {0};
    weir_position_add(&at_least, "in", partition_of_key(), offset);
    const weir_query_terms terms = {.allows_standby = true, .at_least = &at_least};
    return ask(two, process, &terms);
}

/* Sends a record and answers its offset. */
static int64_t write_one(two_processes *two)
{
    count_topology_feed_one(two->outside, KEY, "v");
    int64_t end = 0;
    CHECK_OK(weir_broker_offset(two->outside, (weir_topic_partition){"in", partition_of_key()},
                                WEIR_OFFSET_LATEST, 0, &end, &two->err),
             &two->err);
    return end - 1;
}

TEST(who_writes_reads_it_or_is_told_what_is_missing)
{
    WEIR_AUTO(two_processes) two = {0};
    two_processes_start(&two, &(two_processes_options){0});
    size_t owner = two_processes_owner(&two, KEY);
    CHECK_I64(ask(&two, owner, NULL).offset, ==, -1);
    for (int64_t written = 1; written <= 3; written++) {
        int64_t offset = write_one(&two);
        const outcome refused = ask_at_least(&two, owner, offset);
        CHECK_STATUS(refused.status, WEIR_AGAIN);
        WEIR_AUTO_FREE char *missing =
            weir_format("of in[%d], %d is asked for", (int)partition_of_key(), (int)offset);
        CHECK(strstr(refused.err.message, missing) != NULL);
        two_processes_run(&two, COUNTED_MS);
        const outcome answered = ask_at_least(&two, owner, offset);
        CHECK_OK(answered.status, &answered.err);
        CHECK_I64(answered.count, ==, written);
        CHECK_I64(answered.offset, ==, offset);
    }
}

TEST(a_standby_reflects_what_it_says_and_is_refused_until_it_does)
{
    WEIR_AUTO(two_processes) two = {0};
    two_processes_start(&two, &(two_processes_options){.on_disk = true, .exactly_once = true});
    size_t standby = 1 - two_processes_owner(&two, KEY);
    (void)write_one(&two);
    two_processes_run(&two, COUNTED_MS);
    int64_t offset = write_one(&two);
    two_processes_run(&two, 500); /* It has read the record, and stores it after a second. */
    CHECK_STATUS(ask_at_least(&two, standby, offset).status, WEIR_AGAIN);
    two_processes_run(&two, COUNTED_MS);
    CHECK_OK(ask_at_least(&two, standby, offset).status, &two.err);
    const outcome answered = ask_at_least(&two, standby, offset);
    CHECK_I64(answered.role, ==, WEIR_QUERY_STANDBY);
    CHECK_I64(answered.count, ==, 2);
    CHECK_I64(answered.offset, ==, offset);
}

static void answers_reflect_their_positions(const two_processes_options *options)
{
    weir_random random = weir_random_of(check_seed(1));
    WEIR_AUTO(two_processes) two = {0};
    two_processes_start(&two, options);
    size_t owner = two_processes_owner(&two, KEY);
    const weir_query_terms terms = {.allows_standby = true};
    size_t known = 0;
    for (int round = 0; round < ROUNDS; round++) {
        for (uint64_t n = weir_random_below(&random, 4); n > 0; n--) {
            (void)write_one(&two);
        }
        two_processes_run_one(&two, owner, (int64_t)weir_random_below(&random, 300));
        two_processes_run(&two, (int64_t)weir_random_below(&random, 400));
        const outcome active = ask(&two, owner, &terms);
        CHECK_I64(active.role, ==, WEIR_QUERY_ACTIVE);
        CHECK_I64(active.count, ==, active.offset + 1);
        const outcome standby = ask(&two, 1 - owner, &terms);
        CHECK_I64(standby.role, ==, WEIR_QUERY_STANDBY);
        CHECK_I64(standby.count, >=, standby.offset + 1);
        CHECK_I64(standby.count, <=, active.count);
        known += standby.offset >= 0 ? 1 : 0;
    }
    CHECK_I64(known, >, ROUNDS / 2);
}

TEST(answers_reflect_their_positions_at_any_moment)
{
    answers_reflect_their_positions(&(two_processes_options){.exactly_once = true});
    answers_reflect_their_positions(&(two_processes_options){.on_disk = true});
    answers_reflect_their_positions(
        &(two_processes_options){.on_disk = true, .exactly_once = true, .caching_enabled = true});
}

TEST(a_topic_that_the_store_is_not_made_from_is_refused)
{
    WEIR_AUTO(two_processes) two = {0};
    two_processes_start(&two, &(two_processes_options){0});
    WEIR_AUTO(weir_position) at_least = {0};
    weir_position_add(&at_least, "out", partition_of_key(), 0);
    const weir_query_terms terms = {.at_least = &at_least};
    const outcome refused = ask(&two, two_processes_owner(&two, KEY), &terms);
    CHECK_STATUS(refused.status, WEIR_INVALID);
    CHECK(strstr(refused.err.message, "is not made from out[") != NULL);
}

static weir_status pass_row(void *user, weir_bytes key, weir_bytes value, weir_error *err)
{
    (void)user;
    (void)key;
    (void)value;
    (void)err;
    return WEIR_OK;
}

TEST(the_position_of_a_scan_has_all_partitions)
{
    WEIR_AUTO(two_processes) two = {0};
    two_processes_start(&two, &(two_processes_options){0});
    two_processes_feed(&two, 0, 40);
    WEIR_AUTO(weir_query_answer) answer = {0};
    const weir_query_terms terms = {.allows_standby = true};
    const weir_query_scan scan = {
        .store = "counts", .limit = 10, .terms = &terms, .answer = &answer};
    for (int i = 0; i < 2; i++) { /* What a standby reflects may be known at the second look. */
        bool more = false;
        CHECK_OK(
            weir_query_rows(two.processes[0].application, &scan, pass_row, NULL, &more, &two.err),
            &two.err);
        two_processes_run(&two, COUNTED_MS);
    }
    int64_t records = 0;
    for (int32_t p = 0; p < TWO_PROCESSES_PARTITIONS; p++) {
        records += weir_position_offset(&answer.position, "in", p) + 1;
    }
    CHECK_I64(records, ==, 40);
}

TEST(uncommitted_rows_show_where_that_is_asked_for)
{
    WEIR_AUTO(two_processes) two = {0};
    two_processes_start(
        &two, &(two_processes_options){.commit_interval_ms = "3000", .caching_enabled = true});
    size_t owner = two_processes_owner(&two, KEY);
    const weir_query_terms uncommitted = {.uncommitted = true};
    size_t ahead = 0;
    for (int64_t written = 1; written <= 40; written++) {
        int64_t offset = write_one(&two);
        two_processes_run(&two, 200);
        const outcome now = ask(&two, owner, &uncommitted);
        CHECK_I64(now.count, ==, written);
        CHECK_I64(now.offset, ==, offset);
        const outcome committed = ask(&two, owner, NULL);
        CHECK_I64(committed.count, ==, committed.offset + 1);
        ahead += committed.count < written ? 1 : 0;
    }
    CHECK_I64(ahead, >, 20);
}
