/* SPDX-License-Identifier: Apache-2.0
 *
 * Stores with a record cache in a running topology (streams/store_cache.c): what is logged and
 * forwarded, when, in what order, with which time and headers; and what a crash leaves of it.
 */
#include "streams/base/serde.h"
#include "streams/query.h"
#include "streams/test_driver.h"
#include "tests/harness/check.h"
#include "tests/harness/count_topology.h"
#include "tests/harness/sim_broker.h"

#include <stdlib.h>
#include <string.h>

enum { COMMIT_MS = 1000 };

/* Puts each value under its key and forwards "<old>><new>" when it is let go of. */
typedef struct keeper {
    weir_processor base;
    weir_kv *rows;
    weir_window_store *windows;
} keeper;

static bool kept_in_windows; /* What new_keeper makes: of one test at a time. */
static bool sends_old_values = true;

static weir_status forward_change(weir_processor *processor, const weir_flushed *flushed,
                                  weir_error *err)
{
    if (weir_bytes_equal(flushed->value, WEIR_BYTES("refused"))) {
        return weir_error_set(err, WEIR_BAD_RECORD, "the listener refuses this one");
    }
    CHECK(weir_context_record(processor->context) == NULL);
    weir_bytes old = flushed->old_value;
    weir_bytes value = flushed->value;
    WEIR_AUTO_FREE char *text = weir_format(
        "%.*s>%.*s@%lld", (int)old.size, old.data == NULL ? "" : (char *)old.data, (int)value.size,
        value.data == NULL ? "" : (char *)value.data, (long long)flushed->window_start_ms);
    const weir_record out = {
        .timestamp_ms = flushed->timestamp_ms,
        .key = flushed->key,
        .value = weir_arena_copy(weir_context_arena(processor->context), weir_bytes_of_text(text)),
        .headers = flushed->headers,
        .header_count = flushed->header_count,
    };
    return weir_context_forward(processor->context, &out, err);
}

static weir_status init_keeper(weir_processor *processor, weir_error *err)
{
    (void)err;
    keeper *self = (keeper *)(void *)processor;
    if (kept_in_windows) {
        self->windows = weir_context_window_store(processor->context, "rows");
    } else {
        self->rows = weir_context_store(processor->context, "rows");
    }
    CHECK(weir_context_on_flush(processor->context, "rows", forward_change, sends_old_values));
    return WEIR_OK;
}

static weir_status keep(weir_processor *processor, const weir_record *record, weir_error *err)
{
    keeper *self = (keeper *)(void *)processor;
    if (kept_in_windows) {
        return weir_window_store_put(self->windows, record->key, record->timestamp_ms / 10 * 10,
                                     record->value, err);
    }
    if (record->value.data == NULL) {
        return weir_kv_remove(self->rows, record->key, err);
    }
    if (weir_bytes_equal(record->value, WEIR_BYTES("read"))) {
        WEIR_AUTO(weir_buf) value = {0};
        return weir_kv_get(self->rows, record->key, &value, err);
    }
    return weir_kv_put(self->rows, record->key, record->value, err);
}

static void free_keeper(weir_processor *processor)
{
    free(processor);
}

static weir_processor *new_keeper(void *user)
{
    (void)user;
    static const weir_processor_ops ops = {init_keeper, keep, free_keeper};
    keeper *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    return &self->base;
}

typedef struct fixture {
    weir_topology *topology;
    weir_broker *broker;
    weir_test_driver *driver;
    const char *cache_bytes;
    size_t out_at; /* Records of the topics that were checked. */
    size_t logged_at;
    weir_error err;
} fixture;

static void add_rows(weir_topology *topology)
{
    weir_store_options rows = {
        .name = "rows",
        .kind = kept_in_windows ? WEIR_STORE_WINDOW : WEIR_STORE_KEY_VALUE,
        .retention_ms = kept_in_windows ? 100 : 0,
        .caching_enabled = true,
    };
    weir_topology_add_store(topology, &rows, "keep", NULL);
}

static void open_life(fixture *f)
{
    const weir_setting settings[] = {{"commit.interval.ms", "1000"},
                                     {"statestore.cache.max.bytes", f->cache_bytes},
                                     {"processing.exception.handler", "continue"}};
    const weir_test_driver_options options = {
        .topology = f->topology,
        .broker = f->broker,
        .settings = settings,
        .setting_count = WEIR_COUNT_OF(settings),
        .now_ms = 1000000,
    };
    CHECK_OK(weir_test_driver_new(&options, &f->driver, &f->err), &f->err);
}

static void begin(fixture *f, const char *cache_bytes, bool in_windows)
{
    kept_in_windows = in_windows;
    f->cache_bytes = cache_bytes;
    f->topology = weir_topology_new();
    weir_topology_add_source(f->topology, "source", &(weir_source_options){.topic = "in"});
    weir_topology_add_processor(f->topology, "keep", &(weir_processor_options){new_keeper, NULL},
                                "source", NULL);
    add_rows(f->topology);
    weir_topology_add_sink(f->topology, "sink", &(weir_sink_options){.topic = "out"}, "keep", NULL);
    CHECK_OK(weir_topology_build(f->topology, &f->err), &f->err);
    f->broker = sim_broker_new(1);
    open_life(f);
}

static void crash(fixture *f)
{
    weir_test_driver_free(weir_take(&f->driver));
    sim_broker_forget_members(f->broker);
    open_life(f);
}

static void fixture_cleanup(fixture *f)
{
    weir_test_driver_free(f->driver);
    weir_broker_free(f->broker);
    weir_topology_free(f->topology);
}

static void pipe_at(fixture *f, const char *key, const char *value, int64_t timestamp_ms)
{
    const weir_header header = {WEIR_BYTES("h"), weir_bytes_of_text(key)};
    const weir_record record = {
        .topic = "in",
        .timestamp_ms = timestamp_ms,
        .key = weir_bytes_of_text(key),
        .value = value == NULL ? WEIR_BYTES_NULL : weir_bytes_of_text(value),
        .headers = &header,
        .header_count = 1,
    };
    CHECK_OK(weir_test_driver_pipe(f->driver, &record, &f->err), &f->err);
}

static void commit(fixture *f)
{
    CHECK_OK(weir_test_driver_advance(f->driver, COMMIT_MS, &f->err), &f->err);
}

/* What is wanted of the records of a topic, "key=value@time" each, '-' for no value. */
typedef struct seen {
    weir_buf text;
    size_t skipped;
    size_t count;
} seen;

static void see(void *user, const weir_record *record)
{
    seen *s = user;
    if (s->count++ < s->skipped) {
        return;
    }
    weir_buf_append_format(&s->text, "%.*s=%.*s ", (int)record->key.size, (char *)record->key.data,
                           record->value.data == NULL ? 1 : (int)record->value.size,
                           record->value.data == NULL ? "-" : (char *)record->value.data);
}

static void check_topic(fixture *f, const char *topic, size_t *at, const char *expected)
{
    seen s = {.skipped = *at};
    weir_buf_append_text(&s.text, "");
    count_topology_visit(f->broker, topic, see, &s);
    CHECK_BYTES(weir_buf_bytes(&s.text), weir_bytes_of_text(expected));
    weir_buf_cleanup(&s.text);
    *at = s.count;
}

static void check_out(fixture *f, const char *expected)
{
    check_topic(f, "out", &f->out_at, expected);
}

static void check_logged(fixture *f, const char *expected)
{
    check_topic(f, "test-rows-changelog", &f->logged_at, expected);
}

TEST(writes_are_logged_and_forwarded_at_the_commit_the_last_of_each_key)
{
    WEIR_AUTO(fixture) f = {0};
    begin(&f, "1000000", false);
    pipe_at(&f, "a", "1", 5);
    pipe_at(&f, "b", "2", 6);
    pipe_at(&f, "a", "3", 7);
    check_out(&f, "");
    check_logged(&f, "");
    commit(&f);
    check_logged(&f, "b=2 a=3 ");
    check_out(&f, "b=>2@-1 a=>3@-1 ");
    pipe_at(&f, "a", "4", 8);
    pipe_at(&f, "b", NULL, 9);
    commit(&f);
    check_logged(&f, "a=4 b=- ");
    check_out(&f, "a=3>4@-1 b=2>@-1 ");
}

TEST(what_came_and_went_between_commits_is_neither_logged_nor_forwarded)
{
    WEIR_AUTO(fixture) f = {0};
    begin(&f, "1000000", false);
    pipe_at(&f, "a", "1", 5);
    pipe_at(&f, "a", NULL, 6);
    commit(&f);
    check_logged(&f, "");
    check_out(&f, "");
}

static void see_origin(void *user, const weir_record *record)
{
    ++*(size_t *)user;
    CHECK_I64(record->timestamp_ms, ==, weir_bytes_equal(record->key, WEIR_BYTES("a")) ? 5 : 99);
    CHECK_I64(record->header_count, ==, 1);
    CHECK_BYTES(record->headers[0].value, record->key);
}

TEST(full_cache_lets_go_in_the_middle_of_a_record_with_the_origin_of_each_write)
{
    WEIR_AUTO(fixture) f = {0};
    begin(&f, "58", false);
    pipe_at(&f, "a", "1", 5);
    pipe_at(&f, "b", "2", 99);
    commit(&f);
    size_t count = 0;
    count_topology_visit(f.broker, "out", see_origin, &count);
    CHECK_I64(count, ==, 2);
}

/* An entry counts 1 + 1 + 24 + 1 + 20 + 2 for the topic's name + 2 for its header. */
TEST(cache_is_full_at_kafka_streams_count_of_bytes)
{
    WEIR_AUTO(fixture) f = {0};
    begin(&f, "153", false);
    pipe_at(&f, "a", "1", 1);
    pipe_at(&f, "b", "1", 2);
    pipe_at(&f, "c", "1", 3); /* 153 bytes. */
    pipe_at(&f, "a", "read", 4);
    pipe_at(&f, "c", "2", 5);
    pipe_at(&f, "d", "1", 6); /* One too many: b was not used for longest. */
    pipe_at(&f, "e", "1", 7);
    commit(&f);
    check_out(&f, "b=>1@-1 a=>1@-1 c=>2@-1 d=>1@-1 e=>1@-1 ");
    pipe_at(&f, "a", "2", 8);
    pipe_at(&f, "b", "2", 9);
    pipe_at(&f, "c", "3", 10);
    pipe_at(&f, "e", "read", 11); /* 47 bytes that Kafka Streams would keep. */
    pipe_at(&f, "c", "4", 12);
    commit(&f);
    check_out(&f, "a=1>2@-1 b=1>2@-1 c=2>3@-1 c=3>4@-1 ");
}

TEST(cache_of_one_byte_forwards_each_write)
{
    WEIR_AUTO(fixture) f = {0};
    begin(&f, "1", false);
    pipe_at(&f, "a", "1", 1);
    pipe_at(&f, "a", "2", 2);
    commit(&f);
    check_out(&f, "a=>1@-1 a=1>2@-1 ");
    check_logged(&f, "a=1 a=2 ");
}

static weir_status take_row_count(void *user, const weir_query_store *store, weir_error *err)
{
    (void)err;
    *(uint64_t *)user = store->row_count;
    return WEIR_OK;
}

TEST(window_is_let_go_of_with_its_start_and_expires_later_if_it_is_held_back)
{
    WEIR_AUTO(fixture) f = {0};
    begin(&f, "1000000", true);
    pipe_at(&f, "a", "1", 11);
    pipe_at(&f, "a", "2", 12);
    pipe_at(&f, "a", "3", 25);
    pipe_at(&f, "b", "4", 500); /* The windows of a have expired, and are held back. */
    commit(&f);
    check_out(&f, "a=>2@10 a=>3@20 b=>4@500 ");
    pipe_at(&f, "b", "5", 60500); /* A minute later, another walk finds them. */
    commit(&f);
    commit(&f);
    check_out(&f, "b=>5@60500 ");
    uint64_t left = 0;
    CHECK_OK(
        weir_query_stores(weir_test_driver_application(f.driver), take_row_count, &left, &f.err),
        &f.err);
    CHECK_I64(left, ==, 1);
}

TEST(crash_loses_what_was_held_back_and_the_input_brings_it_again)
{
    WEIR_AUTO(fixture) f = {0};
    begin(&f, "1000000", false);
    pipe_at(&f, "a", "1", 1);
    commit(&f);
    pipe_at(&f, "a", "2", 2);
    crash(&f);
    commit(&f);
    check_out(&f, "a=>1@-1 a=1>2@-1 ");
    check_logged(&f, "a=1 a=2 ");
}

TEST(entry_that_a_listener_refuses_is_skipped_and_stays_in_the_store)
{
    WEIR_AUTO(fixture) f = {0};
    begin(&f, "1000000", false);
    pipe_at(&f, "a", "refused", 1);
    pipe_at(&f, "b", "1", 2);
    commit(&f);
    check_logged(&f, "a=refused b=1 ");
    check_out(&f, "b=>1@-1 ");
    pipe_at(&f, "a", "2", 3);
    commit(&f);
    check_out(&f, "a=refused>2@-1 ");
}

TEST(store_of_ids_has_no_cache)
{
    WEIR_AUTO_PTR(weir_topology) topology = weir_topology_new();
    weir_error err = {0};
    weir_topology_add_source(topology, "source", &(weir_source_options){.topic = "in"});
    weir_topology_add_processor(topology, "keep", &(weir_processor_options){new_keeper, NULL},
                                "source", NULL);
    const weir_store_options ids = {
        .name = "ids", .kind = WEIR_STORE_BITMAP, .caching_enabled = true};
    weir_topology_add_store(topology, &ids, "keep", NULL);
    CHECK_STATUS(weir_topology_build(topology, &err), WEIR_INVALID);
    CHECK(strstr(err.message, "caching_enabled") != NULL);
}
