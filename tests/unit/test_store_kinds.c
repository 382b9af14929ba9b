/* SPDX-License-Identifier: Apache-2.0
 *
 * Window, TTL and bitmap stores as a processor meets them, before and after a crash, in memory and
 * on RocksDB (streams/store_kinds.c).
 */
#include "streams/base/serde.h"
#include "streams/test_driver.h"
#include "tests/harness/check.h"
#include "tests/harness/count_topology.h"
#include "tests/harness/sim_broker.h"

#include <stdlib.h>
#include <string.h>

enum { RETENTION_MS = 100, WINDOW_MS = 10, TTL_MS = 50, KEY_BYTES = 1 };

/* Keeps each record in all three stores and forwards what they say then, a byte each: how many
 * windows of the key there are, whether its row is still there, how many ids its set has. */
typedef struct keeper {
    weir_processor base;
    weir_window_store *windows;
    weir_ttl_store *rows;
    weir_bitmap_store *sets;
} keeper;

static weir_status init_keeper(weir_processor *processor, weir_error *err)
{
    (void)err;
    keeper *self = (keeper *)(void *)processor;
    self->windows = weir_context_window_store(processor->context, "windows");
    self->rows = weir_context_ttl_store(processor->context, "rows");
    self->sets = weir_context_bitmap_store(processor->context, "sets");
    return WEIR_OK;
}

static weir_status count_windows(keeper *self, weir_bytes key, uint8_t *out_count, weir_error *err)
{
    const weir_window_range all = {.key = key, .from_ms = 0, .to_ms = INT64_MAX};
    WEIR_AUTO_PTR(weir_window_iterator) it = NULL;
    WEIR_TRY(weir_window_store_fetch(self->windows, &all, &it, err));
    weir_window_entry entry = {0};
    weir_status status = weir_window_iterator_next(it, &entry, err);
    for (*out_count = 0; status == WEIR_OK; ++*out_count) {
        status = weir_window_iterator_next(it, &entry, err);
    }
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

static weir_status has_row(keeper *self, const weir_record *record, uint8_t *out_has,
                           weir_error *err)
{
    WEIR_AUTO(weir_buf) value = {0};
    weir_status status =
        weir_ttl_store_get(self->rows, record->key, record->timestamp_ms, &value, err);
    *out_has = status == WEIR_OK ? 1 : 0;
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

static weir_status keep(weir_processor *processor, const weir_record *record, weir_error *err)
{
    keeper *self = (keeper *)(void *)processor;
    uint8_t said[3] = {0};
    WEIR_TRY(has_row(self, record, &said[1], err));
    int64_t start_ms = record->timestamp_ms / WINDOW_MS * WINDOW_MS;
    weir_status status =
        weir_window_store_put(self->windows, record->key, start_ms, record->value, err);
    if (status == WEIR_NOT_FOUND) {
        return weir_error_set(err, WEIR_BAD_RECORD, "its window has expired");
    }
    WEIR_TRY(status);
    WEIR_TRY(weir_ttl_store_put(self->rows, record->key, record->value,
                                record->timestamp_ms + TTL_MS, err));
    WEIR_TRY(weir_bitmap_store_add(self->sets, record->key, (uint64_t)record->timestamp_ms, err));
    WEIR_TRY(count_windows(self, record->key, &said[0], err));
    WEIR_AUTO_PTR(weir_bitmap) ids = NULL;
    WEIR_TRY(weir_bitmap_store_load(self->sets, record->key, &ids, err));
    said[2] = (uint8_t)weir_bitmap_cardinality(ids);
    weir_record out = *record;
    out.value = weir_bytes_of(said, sizeof(said));
    return weir_context_forward(processor->context, &out, err);
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
    char *directory; /* NULL: stores are in memory. */
    weir_database *database;
    weir_test_driver *driver;
    weir_error err;
} fixture;

static weir_topology *keeping_topology(void)
{
    weir_topology *topology = weir_topology_new();
    weir_topology_add_source(topology, "source", &(weir_source_options){.topic = "in"});
    weir_topology_add_processor(topology, "keep", &(weir_processor_options){new_keeper, NULL},
                                "source", NULL);
    const weir_store_options windows = {
        .name = "windows", .kind = WEIR_STORE_WINDOW, .retention_ms = RETENTION_MS};
    weir_topology_add_store(topology, &windows, "keep", NULL);
    const weir_store_options rows = {.name = "rows", .kind = WEIR_STORE_TTL};
    weir_topology_add_store(topology, &rows, "keep", NULL);
    const weir_store_options sets = {.name = "sets", .kind = WEIR_STORE_BITMAP};
    weir_topology_add_store(topology, &sets, "keep", NULL);
    weir_topology_add_sink(topology, "sink", &(weir_sink_options){.topic = "out"}, "keep", NULL);
    weir_error err = {0};
    CHECK_OK(weir_topology_build(topology, &err), &err);
    return topology;
}

static void open_life(fixture *f)
{
    if (f->directory != NULL) {
        const weir_database_options database = {.directory = f->directory};
        CHECK_OK(weir_database_open(&database, &f->database, &f->err), &f->err);
    }
    static const weir_setting settings[] = {{"processing.exception.handler", "continue"}};
    const weir_test_driver_options options = {
        .topology = f->topology,
        .broker = f->broker,
        .database = f->database,
        .settings = settings,
        .setting_count = WEIR_COUNT_OF(settings),
        .now_ms = 1000000,
    };
    CHECK_OK(weir_test_driver_new(&options, &f->driver, &f->err), &f->err);
}

static void begin(fixture *f, bool on_disk)
{
    f->topology = keeping_topology();
    f->broker = sim_broker_new(1);
    f->directory = on_disk ? check_directory() : NULL;
    open_life(f);
}

static void close_life(fixture *f)
{
    weir_test_driver_free(weir_take(&f->driver));
    weir_database_free(weir_take(&f->database));
}

static void crash(fixture *f)
{
    close_life(f);
    sim_broker_forget_members(f->broker);
    open_life(f);
}

static void fixture_cleanup(fixture *f)
{
    close_life(f);
    weir_broker_free(f->broker);
    weir_topology_free(f->topology);
    free(f->directory);
}

static void pipe_at(fixture *f, int64_t timestamp_ms)
{
    const weir_record record = {
        .topic = "in",
        .timestamp_ms = timestamp_ms,
        .key = WEIR_BYTES("k"),
        .value = WEIR_BYTES("v"),
    };
    CHECK_OK(weir_test_driver_pipe(f->driver, &record, &f->err), &f->err);
}

typedef struct answer {
    uint8_t bytes[3];
    size_t count;
} answer;

static void see_last(void *user, const weir_record *record)
{
    answer *seen = user;
    CHECK_I64(record->value.size, ==, sizeof(seen->bytes));
    memcpy(seen->bytes, record->value.data, sizeof(seen->bytes));
    seen->count++;
}

static void check_answer(fixture *f, uint8_t windows, uint8_t row, uint8_t ids)
{
    answer seen = {0};
    count_topology_visit(f->broker, "out", see_last, &seen);
    CHECK_I64(seen.bytes[0], ==, windows);
    CHECK_I64(seen.bytes[1], ==, row);
    CHECK_I64(seen.bytes[2], ==, ids);
}

static void stores_of_all_kinds_survive_a_crash(bool on_disk)
{
    WEIR_AUTO(fixture) f = {0};
    begin(&f, on_disk);
    pipe_at(&f, 1000);
    check_answer(&f, 1, 0, 1);
    pipe_at(&f, 1010);
    check_answer(&f, 2, 1, 2);
    crash(&f);
    pipe_at(&f, 1020);
    check_answer(&f, 3, 1, 3);
    crash(&f);
    pipe_at(&f, 1080); /* 60 ms after the row was put. */
    check_answer(&f, 4, 0, 4);
}

TEST(stores_of_all_kinds_survive_a_crash_in_memory)
{
    stores_of_all_kinds_survive_a_crash(false);
}

TEST(stores_of_all_kinds_survive_a_crash_on_rocksdb)
{
    stores_of_all_kinds_survive_a_crash(true);
}

TEST(late_window_is_refused_after_a_crash_as_before)
{
    WEIR_AUTO(fixture) f = {0};
    begin(&f, false);
    pipe_at(&f, 1000);
    pipe_at(&f, 1200);
    check_answer(&f, 1, 0, 2); /* The first window has expired. */
    pipe_at(&f, 1050);
    crash(&f);
    pipe_at(&f, 1060); /* Stream time is in the commit, so it is late still. */
    CHECK_I64(count_topology_records(f.broker, "out"), ==, 2);
}

static void see_key(void *user, const weir_record *record)
{
    answer *seen = user;
    CHECK_I64(record->key.size, ==, KEY_BYTES + WEIR_WINDOW_SUFFIX_BYTES);
    const uint8_t *key = record->key.data;
    CHECK_I64(key[0], ==, 'k');
    CHECK_I64(weir_get_u64_be(key + KEY_BYTES), ==, seen->count == 1 ? 1200 : 1000);
    CHECK_I64(weir_get_u32_be(key + KEY_BYTES + sizeof(uint64_t)), ==, 0);
    CHECK(record->value.data != NULL);
    seen->count++;
}

TEST(window_changelog_has_kafka_streams_keys_and_no_removal_of_expired_windows)
{
    WEIR_AUTO(fixture) f = {0};
    begin(&f, false);
    pipe_at(&f, 1000);
    pipe_at(&f, 1200);
    answer seen = {0};
    count_topology_visit(f.broker, "test-windows-changelog", see_key, &seen);
    CHECK_I64(seen.count, ==, 2);
}

TEST(window_changelog_forgets_with_time_and_others_do_not)
{
    WEIR_AUTO(fixture) f = {0};
    begin(&f, false);
    weir_topic_config topic = {0};
    CHECK_OK(weir_broker_describe_topic(f.broker, "test-windows-changelog", &topic, &f.err),
             &f.err);
    CHECK_I64(topic.cleanup_policy, ==, WEIR_CLEANUP_COMPACT | WEIR_CLEANUP_DELETE);
    CHECK_I64(topic.retention_ms, ==, RETENTION_MS + INT64_C(86400000));
    CHECK_OK(weir_broker_describe_topic(f.broker, "test-rows-changelog", &topic, &f.err), &f.err);
    CHECK_I64(topic.cleanup_policy, ==, WEIR_CLEANUP_COMPACT);
}

TEST(window_store_without_a_retention_is_told)
{
    WEIR_AUTO_PTR(weir_topology) topology = weir_topology_new();
    weir_topology_add_source(topology, "source", &(weir_source_options){.topic = "in"});
    weir_topology_add_processor(topology, "keep", &(weir_processor_options){new_keeper, NULL},
                                "source", NULL);
    const weir_store_options windows = {.name = "windows", .kind = WEIR_STORE_WINDOW};
    weir_topology_add_store(topology, &windows, "keep", NULL);
    weir_error err = {0};
    CHECK_STATUS(weir_topology_build(topology, &err), WEIR_INVALID);
    CHECK_STR(err.message, "window store 'windows': give it retention_ms");
}
