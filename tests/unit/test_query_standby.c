/* SPDX-License-Identifier: Apache-2.0
 *
 * Queries that a standby may answer, how old its rows are, and who is named where it may not
 * (streams/query_worker.c, query_ask.c).
 */
#include "streams/base/serde.h"
#include "streams/query.h"
#include "tests/harness/check.h"
#include "tests/harness/count_topology.h"
#include "tests/harness/two_processes.h"

#include <string.h>

enum { KEYS = 20 };

typedef struct outcome {
    weir_status status;
    int64_t count;
    weir_query_answer answer; /* Without its position. */
    weir_error err;
} outcome;

/* Asks the process that does not run the task of key. */
static outcome ask_standby(two_processes *two, const char *key, const weir_query_terms *terms)
{
    outcome found = {0};
    WEIR_AUTO(weir_buf) value = {0};
    WEIR_AUTO(weir_query_answer) answer = {0};
    const weir_query_key query = {
        .store = "counts",
        .key = weir_bytes_of_text(key),
        .terms = terms,
        .answer = &answer,
    };
    size_t standby = 1 - two_processes_owner(two, key);
    found.status = weir_query_row(two->processes[standby].application, &query, &value, &found.err);
    found.answer = answer;
    found.answer.position = (weir_position){0};
    found.count = found.status == WEIR_OK ? (int64_t)weir_get_u64_be(value.data) : -1;
    return found;
}

static void check_names_owner(two_processes *two, const char *key, const outcome *found)
{
    CHECK_STATUS(found->status, WEIR_AGAIN);
    const char *host = two_processes_owner(two, key) == 0 ? "a.example:1" : "b.example:2";
    if (strstr(found->err.message, host) == NULL) {
        CHECK_STR(found->err.message, host); /* Fails, and shows both. */
    }
}

TEST(a_standby_answers_where_it_may_and_else_names_the_owner)
{
    WEIR_AUTO(two_processes) two = {0};
    two_processes_start(&two, &(two_processes_options){0});
    two_processes_feed(&two, 0, KEYS);
    for (int i = 0; i < KEYS; i++) {
        WEIR_AUTO_FREE char *key = weir_format("k%d", i);
        const outcome refused = ask_standby(&two, key, NULL);
        check_names_owner(&two, key, &refused);
        const weir_query_terms terms = {.allows_standby = true,
                                        .lag_records_max = WEIR_QUERY_LAG_NONE,
                                        .lag_ms_max = WEIR_QUERY_LAG_NONE};
        const outcome answered = ask_standby(&two, key, &terms);
        CHECK_OK(answered.status, &answered.err);
        CHECK_I64(answered.count, ==, 1);
        CHECK_I64(answered.answer.role, ==, WEIR_QUERY_STANDBY);
        CHECK_I64(answered.answer.lag_records, ==, 0);
        CHECK_I64(answered.answer.lag_ms, ==, 0);
    }
    const weir_query_terms terms = {.allows_standby = true};
    CHECK_STATUS(ask_standby(&two, "none", &terms).status, WEIR_NOT_FOUND);
}

/* A standby on disk stores what it has read after a second. */
TEST(a_standby_tells_how_old_it_is_and_is_refused_beyond_the_bounds)
{
    WEIR_AUTO(two_processes) two = {0};
    two_processes_start(&two, &(two_processes_options){.on_disk = true, .exactly_once = true});
    two_processes_feed(&two, 0, KEYS);
    count_topology_feed(two.outside, 0, 1);
    two_processes_run(&two, 600);

    const weir_query_terms any = {.allows_standby = true};
    const outcome old = ask_standby(&two, "k0", &any);
    CHECK_OK(old.status, &old.err);
    CHECK_I64(old.count, ==, 1);
    CHECK_I64(old.answer.lag_records, >, 0);
    CHECK_I64(old.answer.lag_ms, >, 0);
    CHECK_I64(old.answer.lag_ms, <=, 600);

    const weir_query_terms refused[] = {
        {.allows_standby = true, .lag_records_max = WEIR_QUERY_LAG_NONE},
        {.allows_standby = true, .lag_ms_max = WEIR_QUERY_LAG_NONE},
        {.allows_standby = true, .lag_ms_max = old.answer.lag_ms - 1},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(refused); i++) {
        const outcome beyond = ask_standby(&two, "k0", &refused[i]);
        check_names_owner(&two, "k0", &beyond);
    }
    const weir_query_terms enough = {.allows_standby = true,
                                     .lag_records_max = old.answer.lag_records,
                                     .lag_ms_max = old.answer.lag_ms};
    CHECK_I64(ask_standby(&two, "k0", &enough).count, ==, 1);

    two_processes_run(&two, 1500);
    const weir_query_terms none = {.allows_standby = true,
                                   .lag_records_max = WEIR_QUERY_LAG_NONE,
                                   .lag_ms_max = WEIR_QUERY_LAG_NONE};
    CHECK_I64(ask_standby(&two, "k0", &none).count, ==, 2);
}

static weir_status count_row(void *user, weir_bytes key, weir_bytes value, weir_error *err)
{
    (void)key;
    (void)value;
    (void)err;
    ++*(size_t *)user;
    return WEIR_OK;
}

TEST(rows_of_all_partitions_come_from_tasks_and_standbys_of_one_process)
{
    WEIR_AUTO(two_processes) two = {0};
    two_processes_start(&two, &(two_processes_options){0});
    two_processes_feed(&two, 0, KEYS);
    const weir_query_terms terms = {.allows_standby = true};
    for (size_t p = 0; p < 2; p++) {
        WEIR_AUTO(weir_query_answer) answer = {0};
        weir_query_scan scan = {
            .store = "counts", .limit = 2 * KEYS, .terms = &terms, .answer = &answer};
        size_t rows = 0;
        bool more = false;
        CHECK_OK(
            weir_query_rows(two.processes[p].application, &scan, count_row, &rows, &more, &two.err),
            &two.err);
        CHECK_I64(rows, ==, KEYS);
        CHECK_I64(answer.role, ==, WEIR_QUERY_STANDBY);
        scan.terms = NULL;
        CHECK_STATUS(
            weir_query_rows(two.processes[p].application, &scan, count_row, &rows, &more, &two.err),
            WEIR_AGAIN);
    }
}

/* The keys of pages, joined. */
static weir_status note_key(void *user, weir_bytes key, weir_bytes value, weir_error *err)
{
    (void)value;
    (void)err;
    weir_buf_append_format(user, "%.*s ", (int)key.size, (const char *)key.data);
    return WEIR_OK;
}

/* All pages of a scan. */
static void read_all(two_processes *two, weir_query_scan scan, weir_buf *to_keys)
{
    const weir_query_terms terms = {.allows_standby = true};
    scan.store = "counts";
    scan.terms = &terms;
    WEIR_AUTO(weir_buf) last = {0};
    bool more = true;
    while (more) {
        CHECK_OK(weir_query_rows(two->processes[0].application, &scan, note_key, to_keys, &more,
                                 &two->err),
                 &two->err);
        const char *keys = weir_buf_text(to_keys);
        size_t end = to_keys->size == 0 ? 0 : to_keys->size - 1;
        size_t from = end;
        while (from > 0 && keys[from - 1] != ' ') {
            from--;
        }
        weir_buf_set(&last, weir_bytes_of(keys + from, end - from));
        scan.after = weir_buf_bytes(&last);
    }
}

TEST(rows_come_backwards_and_of_one_partition)
{
    WEIR_AUTO(two_processes) two = {0};
    two_processes_start(&two, &(two_processes_options){0});
    two_processes_feed(&two, 0, 12);
    WEIR_AUTO(weir_buf) all = {0};
    read_all(&two, (weir_query_scan){.limit = 5, .backwards = true}, &all);
    CHECK_STR(weir_buf_text(&all), "k9 k8 k7 k6 k5 k4 k3 k2 k11 k10 k1 k0 ");
    WEIR_AUTO(weir_buf) some = {0};
    read_all(
        &two,
        (weir_query_scan){
            .limit = 1, .backwards = true, .prefix = WEIR_BYTES("k1"), .to = WEIR_BYTES("k11")},
        &some);
    CHECK_STR(weir_buf_text(&some), "k10 k1 ");
    size_t bytes = 0;
    weir_query_scan scan = {.limit = 5, .has_partition = true};
    for (; scan.partition < TWO_PROCESSES_PARTITIONS; scan.partition++) {
        WEIR_AUTO(weir_buf) part = {0};
        read_all(&two, scan, &part);
        bytes += part.size;
    }
    CHECK_I64(bytes, ==, all.size);
    scan.store = "counts";
    bool more = false;
    CHECK_STATUS(
        weir_query_rows(two.processes[0].application, &scan, note_key, &all, &more, &two.err),
        WEIR_INVALID);
}

TEST(a_store_that_is_restored_answers_with_its_role)
{
    WEIR_AUTO(two_processes) two = {0};
    two_processes_start(&two, &(two_processes_options){.on_disk = true});
    two_processes_feed(&two, 0, KEYS);
    size_t owner = two_processes_owner(&two, "k0");
    sim_broker_kill(two.processes[owner].broker);
    const weir_query_terms terms = {.allows_standby = true};
    weir_query_key query = {.store = "counts", .key = WEIR_BYTES("k0"), .terms = &terms};
    for (int i = 0; i < 1000; i++) { /* Through the whole take-over there is an answer. */
        two_processes_run_one(&two, 1 - owner, 1);
        WEIR_AUTO(weir_buf) value = {0};
        CHECK_OK(weir_query_row(two.processes[1 - owner].application, &query, &value, &two.err),
                 &two.err);
        CHECK_I64(weir_get_u64_be(value.data), ==, 1);
    }
    query.terms = NULL;
    WEIR_AUTO(weir_buf) value = {0};
    CHECK_OK(weir_query_row(two.processes[1 - owner].application, &query, &value, &two.err),
             &two.err);
}
