/* SPDX-License-Identifier: Apache-2.0
 *
 * Windows and sessions are read by key and by time (streams/query_windows.c): those that a plain
 * look at all of them would find, and no other.
 */
#include "streams/base/serde.h"
#include "streams/dsl/dsl.h"
#include "streams/query_windows.h"
#include "tests/harness/check.h"
#include "tests/harness/dsl_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE_MS = 10, KEPT_MS = 100 * 1000, TEXT_BYTES = 1 << 16 };

/* What a query has visited, as text: "key@start-end=count;". */
typedef struct seen {
    char text[TEXT_BYTES];
    size_t count;
    weir_buf place; /* Of the last one. */
} seen;

static void seen_cleanup(seen *self)
{
    weir_buf_cleanup(&self->place);
}

static weir_status note(void *user, const weir_query_window *window, weir_error *err)
{
    (void)err;
    seen *self = user;
    size_t at = strlen(self->text);
    int64_t count = window->object != NULL ? *(const int64_t *)window->object
                                           : (int64_t)weir_get_u64_be(window->value.data);
    int bytes = snprintf(self->text + at, sizeof(self->text) - at, "%.*s@%d-%d=%d;",
                         (int)window->key.size, (const char *)window->key.data,
                         (int)window->start_ms, (int)window->end_ms, (int)count);
    CHECK_I64((size_t)bytes, <, sizeof(self->text) - at);
    bool has_time = window->end_ms - window->start_ms == SIZE_MS; /* The others keep none. */
    CHECK(has_time ? window->timestamp_ms >= window->start_ms : window->timestamp_ms == -1);
    weir_buf_set(&self->place, window->place);
    self->count++;
    return WEIR_OK;
}

/* Counts a key by tumbling windows, and by sessions. */
static weir_builder *counts(void)
{
    weir_builder *builder = weir_builder_new();
    weir_kgrouped_stream *grouped =
        weir_kstream_group_by_key(weir_builder_stream(builder, "in", NULL), NULL);
    (void)weir_time_windowed_count(
        weir_kgrouped_stream_windowed_by(grouped, &(weir_time_windows){.size_ms = SIZE_MS}),
        &(weir_materialized){.store_name = "windows", .retention_ms = KEPT_MS}, NULL);
    (void)weir_session_windowed_count(
        weir_kgrouped_stream_windowed_by_session(
            grouped, &(weir_session_windows){.inactivity_gap_ms = SIZE_MS}),
        &(weir_materialized){.store_name = "sessions", .retention_ms = KEPT_MS}, NULL);
    return builder;
}

static void start(dsl_fixture *self)
{
    static const weir_topic_config topics[] = {{.name = "in", .partition_count = 3}};
    const dsl_fixture_options options = {
        .cache_bytes_max = "0", .topics = topics, .topic_count = WEIR_COUNT_OF(topics)};
    dsl_fixture_start_with(self, counts(), &options);
}

static weir_status ask(dsl_fixture *self, const weir_query_windows *query, seen *out,
                       bool *out_more, weir_error *err)
{
    return weir_query_windows_visit(weir_test_driver_application(self->driver), query, note, out,
                                    out_more, err);
}

static void check_answer(dsl_fixture *self, const weir_query_windows *query, const char *expected)
{
    WEIR_AUTO(seen) got = {0};
    weir_error err = {0};
    bool more = true;
    CHECK_OK(ask(self, query, &got, &more, &err), &err);
    CHECK_STR(got.text, expected);
    CHECK(!more);
}

static void send_some(dsl_fixture *self)
{
    dsl_send(self, "in", "a", "1", 5);
    dsl_send(self, "in", "a", "2", 9);
    dsl_send(self, "in", "ab", "3", 12);
    dsl_send(self, "in", "a", "4", 25);
    dsl_send(self, "in", "b", "5", 31);
    dsl_send(self, "in", "a", "6", 31);
}

TEST(windows_of_a_key_are_those_that_start_in_the_time)
{
    dsl_fixture self;
    start(&self);
    send_some(&self);
    weir_query_windows query = {
        .store = "windows", .key = WEIR_BYTES("a"), .to_ms = INT64_MAX, .limit = 10};
    check_answer(&self, &query, "a@0-10=2;a@20-30=1;a@30-40=1;");
    query.backwards = true;
    check_answer(&self, &query, "a@30-40=1;a@20-30=1;a@0-10=2;");
    query.to_ms = 29;
    query.from_ms = 1;
    check_answer(&self, &query, "a@20-30=1;");
    query.from_ms = 20;
    query.to_ms = 20;
    check_answer(&self, &query, "a@20-30=1;");
    query.key = WEIR_BYTES("nobody");
    check_answer(&self, &query, "");
    dsl_fixture_end(&self);
}

TEST(windows_of_a_time_are_those_of_all_keys_or_a_range_of_them)
{
    dsl_fixture self;
    start(&self);
    send_some(&self);
    weir_query_windows query = {.store = "windows", .from_ms = 10, .to_ms = 30, .limit = 10};
    check_answer(&self, &query, "a@20-30=1;a@30-40=1;ab@10-20=1;b@30-40=1;");
    query.from_key = WEIR_BYTES("ab");
    check_answer(&self, &query, "ab@10-20=1;b@30-40=1;");
    query.to_key = WEIR_BYTES("b");
    check_answer(&self, &query, "ab@10-20=1;");
    query.from_key = WEIR_BYTES_NULL;
    check_answer(&self, &query, "a@20-30=1;a@30-40=1;ab@10-20=1;");
    query.to_key = weir_bytes_of("a", sizeof("a")); /* The rows of "a" lie behind it. */
    check_answer(&self, &query, "a@20-30=1;a@30-40=1;");
    dsl_fixture_end(&self);
}

TEST(sessions_are_those_that_had_something_in_the_time)
{
    dsl_fixture self;
    start(&self);
    send_some(&self);
    weir_query_windows query = {
        .store = "sessions", .key = WEIR_BYTES("a"), .to_ms = INT64_MAX, .limit = 10};
    check_answer(&self, &query, "a@5-9=2;a@25-31=2;");
    query.from_ms = 9;
    query.to_ms = 24;
    check_answer(&self, &query, "a@5-9=2;");
    query.from_ms = 31;
    query.to_ms = 31;
    check_answer(&self, &query, "a@25-31=2;");
    query.key = WEIR_BYTES_NULL;
    query.from_ms = 12;
    check_answer(&self, &query, "a@25-31=2;ab@12-12=1;b@31-31=1;");
    dsl_fixture_end(&self);
}

static weir_status decode_count(void *user, const weir_record *record, weir_arena *arena,
                                void **out_object, weir_error *err)
{
    (void)user;
    if (weir_bytes_equal(record->key, WEIR_BYTES("b"))) {
        return weir_error_set(err, WEIR_BAD_RECORD, "this is no count");
    }
    int64_t *count = weir_arena_alloc(arena, sizeof(*count));
    *count = 1000 + (int64_t)weir_get_u64_be(record->value.data);
    *out_object = count;
    return WEIR_OK;
}

TEST(values_are_objects_where_a_serde_decodes_them)
{
    dsl_fixture self;
    start(&self);
    send_some(&self);
    const weir_serde serde = {decode_count, NULL};
    weir_query_windows query = {
        .store = "windows", .key = WEIR_BYTES("a"), .to_ms = 20, .limit = 10, .serde = &serde};
    check_answer(&self, &query, "a@0-10=1002;a@20-30=1001;");
    query.key = WEIR_BYTES("b");
    query.to_ms = INT64_MAX;
    WEIR_AUTO(seen) got = {0};
    bool more = false;
    weir_error err = {0};
    CHECK_I64(ask(&self, &query, &got, &more, &err), ==, WEIR_BAD_RECORD);
    CHECK_STR(err.message, "this is no count");
    dsl_fixture_end(&self);
}

/* All pages of a query, of so many windows each, are the one page that has them all. */
static void check_pages(dsl_fixture *self, weir_query_windows query, size_t limit)
{
    WEIR_AUTO(seen) all = {0};
    WEIR_AUTO(seen) paged = {0};
    weir_error err = {0};
    bool more = true;
    query.limit = WEIR_QUERY_ROWS_MAX;
    CHECK_OK(ask(self, &query, &all, &more, &err), &err);
    CHECK(!more);
    query.limit = limit;
    for (more = true; more;) {
        size_t before = paged.count;
        WEIR_AUTO(weir_buf) after = {0};
        weir_buf_set(&after, weir_buf_bytes(&paged.place));
        query.after = before == 0 ? WEIR_BYTES_NULL : weir_buf_bytes(&after);
        CHECK_OK(ask(self, &query, &paged, &more, &err), &err);
        CHECK(!more || paged.count - before == limit);
    }
    CHECK_I64(paged.count, ==, all.count);
    CHECK_STR(paged.text, all.text);
}

TEST(pages_make_up_the_whole_in_both_orders)
{
    dsl_fixture self;
    start(&self);
    for (int i = 0; i < 60; i++) {
        char key[8];
        (void)snprintf(key, sizeof(key), "k%d", i * 7 % 13);
        dsl_send(&self, "in", key, "v", i * 3);
    }
    for (size_t limit = 1; limit < 12; limit += 5) {
        for (int backwards = 0; backwards < 2; backwards++) {
            weir_query_windows query = {
                .store = "windows", .from_ms = 20, .to_ms = 130, .backwards = backwards == 1};
            check_pages(&self, query, limit);
            query.store = "sessions";
            check_pages(&self, query, limit);
        }
    }
    dsl_fixture_end(&self);
}

/* Puts windows of more keys than a worker looks at, before and behind two of another time. */
static weir_status fill(weir_processor *processor, const weir_record *record, weir_error *err)
{
    (void)record;
    weir_bytes one = weir_bytes_of("\0\0\0\0\0\0\0\1", 8);
    weir_window_store *windows = weir_context_window_store(processor->context, "windows");
    for (int i = 0; i < WEIR_QUERY_ROWS_MAX + 10; i++) {
        char key[8];
        int size = snprintf(key, sizeof(key), "k%05d", i);
        weir_bytes bytes = weir_bytes_of(key, (size_t)size);
        WEIR_TRY(weir_window_store_put(windows, bytes, 1, one, err));
    }
    WEIR_TRY(weir_window_store_put(windows, WEIR_BYTES("a"), 50, one, err));
    return weir_window_store_put(windows, WEIR_BYTES("z"), 50, one, err);
}

static void free_filler(weir_processor *processor)
{
    free(processor);
}

static weir_processor *new_filler(void *user)
{
    (void)user;
    static const weir_processor_ops ops = {.process = fill, .free = free_filler};
    weir_processor *processor = weir_alloc(sizeof(*processor));
    processor->ops = &ops;
    return processor;
}

static weir_builder *filler(void)
{
    static const weir_store_options windows = {.name = "windows",
                                               .engine = WEIR_ENGINE_MEMORY,
                                               .kind = WEIR_STORE_WINDOW,
                                               .retention_ms = KEPT_MS};
    weir_builder *builder = weir_builder_new();
    weir_builder_add_store(builder, &windows);
    (void)weir_kstream_process(weir_builder_stream(builder, "in", NULL),
                               &(weir_processor_options){new_filler, NULL}, NULL,
                               (const char *const[]){"windows", NULL});
    return builder;
}

TEST(window_behind_more_rows_than_a_worker_looks_at_is_found)
{
    dsl_fixture self;
    dsl_fixture_start(&self, filler(), "0");
    dsl_send(&self, "in", "a", "1", 60);
    weir_query_windows query = {.store = "windows", .from_ms = 50, .to_ms = 50, .limit = 10};
    check_answer(&self, &query, "a@50--1=1;z@50--1=1;");
    query.backwards = true;
    check_answer(&self, &query, "z@50--1=1;a@50--1=1;");
    dsl_fixture_end(&self);
}

TEST(what_is_past_the_retention_does_not_show)
{
    dsl_fixture self;
    start(&self);
    send_some(&self);
    dsl_send(&self, "in", "a", "late", KEPT_MS + 20);
    weir_query_windows query = {
        .store = "windows", .key = WEIR_BYTES("a"), .to_ms = INT64_MAX, .limit = 10};
    check_answer(&self, &query, "a@30-40=1;a@100020-100030=1;");
    query.store = "sessions";
    check_answer(&self, &query, "a@25-31=2;a@100020-100020=1;");
    dsl_fixture_end(&self);
}

static void check_refused(dsl_fixture *self, const weir_query_windows *query, const char *part)
{
    WEIR_AUTO(seen) got = {0};
    bool more = false;
    weir_error err = {0};
    CHECK_I64(ask(self, query, &got, &more, &err), ==, WEIR_INVALID);
    if (strstr(err.message, part) == NULL) {
        CHECK_STR(err.message, part);
    }
}

TEST(question_that_makes_no_sense_is_refused)
{
    dsl_fixture self;
    start(&self);
    weir_query_windows query = {.store = "nowhere", .limit = 1};
    check_refused(&self, &query, "has no store 'nowhere'");
    query = (weir_query_windows){.store = "windows"};
    check_refused(&self, &query, "limit is 0");
    query = (weir_query_windows){.store = "windows", .from_ms = 2, .to_ms = 1, .limit = 1};
    check_refused(&self, &query, "no window is from 2 to 1");
    query =
        (weir_query_windows){.store = "windows", .has_partition = true, .partition = 3, .limit = 1};
    check_refused(&self, &query, "has no partition 3");
    query = (weir_query_windows){
        .store = "windows", .key = WEIR_BYTES("a"), .to_key = WEIR_BYTES("b"), .limit = 1};
    check_refused(&self, &query, "not both");
    dsl_fixture_end(&self);
}
