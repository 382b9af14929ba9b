/* SPDX-License-Identifier: Apache-2.0
 *
 * Stores whose entries have times, and tables that are restored from their source topic
 * (statestore/timestamped.c; what streams/stores.c, task_commit.c and restore.c do for them).
 */
#include "streams/weir.h"
#include "tests/harness/check.h"
#include "tests/harness/sim_broker.h"

#include <stdlib.h>
#include <string.h>

/* Keeps the latest value of a key with the largest time seen, and forwards what was there. */
typedef struct keeper {
    weir_processor base;
    weir_kv *rows;
    weir_buf old;
    weir_buf stored;
} keeper;

static weir_status init_keeper(weir_processor *processor, weir_error *err)
{
    (void)err;
    ((keeper *)(void *)processor)->rows = weir_context_store(processor->context, "rows");
    return WEIR_OK;
}

static weir_status keep(weir_processor *processor, const weir_record *record, weir_error *err)
{
    keeper *self = (keeper *)(void *)processor;
    weir_timestamped old = {-1, WEIR_BYTES("none")};
    weir_status status = weir_kv_get(self->rows, record->key, &self->old, err);
    if (status == WEIR_OK) {
        WEIR_TRY(weir_timestamped_decode(weir_buf_bytes(&self->old), &old, err));
    } else if (status != WEIR_NOT_FOUND) {
        return status;
    }
    if (record->value.data == NULL) {
        WEIR_TRY(weir_kv_remove(self->rows, record->key, err));
    } else {
        int64_t time_ms =
            old.timestamp_ms > record->timestamp_ms ? old.timestamp_ms : record->timestamp_ms;
        weir_timestamped_encode((weir_timestamped){time_ms, record->value}, &self->stored);
        WEIR_TRY(weir_kv_put(self->rows, record->key, weir_buf_bytes(&self->stored), err));
    }
    weir_record out = *record;
    out.timestamp_ms = old.timestamp_ms < 0 ? 0 : old.timestamp_ms;
    out.value = old.value;
    return weir_context_forward(processor->context, &out, err);
}

static void free_keeper(weir_processor *processor)
{
    keeper *self = (keeper *)(void *)processor;
    weir_buf_cleanup(&self->old);
    weir_buf_cleanup(&self->stored);
    free(self);
}

static weir_processor *new_keeper(void *user)
{
    (void)user;
    static const weir_processor_ops ops = {init_keeper, keep, free_keeper};
    keeper *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    return &self->base;
}

static weir_status build(const weir_store_options *rows, weir_topology **out_topology,
                         weir_error *err)
{
    WEIR_AUTO_PTR(weir_topology) topology = weir_topology_new();
    weir_topology_add_source(topology, "source", &(weir_source_options){.topic = "in"});
    weir_topology_add_processor(topology, "keep", &(weir_processor_options){.supplier = new_keeper},
                                "source", NULL);
    weir_topology_add_store(topology, rows, "keep", NULL);
    weir_topology_add_sink(topology, "sink", &(weir_sink_options){.topic = "olds"}, "keep", NULL);
    WEIR_TRY(weir_topology_build(topology, err));
    *out_topology = weir_take(&topology);
    return WEIR_OK;
}

/* A topology with its store, its broker, and the driver's present life. */
typedef struct fixture {
    weir_topology *topology;
    weir_broker *broker;
    weir_test_driver *driver;
    const char *commit_interval_ms;
} fixture;

static void live(fixture *f)
{
    weir_error err = {0};
    const weir_setting settings[] = {{"commit.interval.ms", f->commit_interval_ms}};
    const weir_test_driver_options options = {
        .topology = f->topology,
        .broker = f->broker,
        .settings = settings,
        .setting_count = 1,
    };
    CHECK_OK(weir_test_driver_new(&options, &f->driver, &err), &err);
}

static void start(fixture *f, bool from_source, const char *commit_interval_ms)
{
    weir_error err = {0};
    const weir_store_options rows = {
        .name = "rows",
        .timestamped = true,
        .changelog_topic = from_source ? "in" : NULL,
        .changelog_is_source = from_source,
    };
    CHECK_OK(build(&rows, &f->topology, &err), &err);
    f->broker = sim_broker_new(1);
    f->commit_interval_ms = commit_interval_ms;
    live(f);
}

static void crash(fixture *f)
{
    weir_test_driver_free(f->driver);
    sim_broker_forget_members(f->broker);
    live(f);
}

static void fixture_cleanup(fixture *f)
{
    weir_test_driver_free(f->driver);
    weir_broker_free(f->broker);
    weir_topology_free(f->topology);
}

static void pipe(fixture *f, const char *key, const char *value, int64_t timestamp_ms)
{
    weir_error err = {0};
    const weir_record record = {
        .topic = "in",
        .timestamp_ms = timestamp_ms,
        .key = weir_bytes_of_text(key),
        .value = value == NULL ? WEIR_BYTES_NULL : weir_bytes_of_text(value),
    };
    CHECK_OK(weir_test_driver_pipe(f->driver, &record, &err), &err);
}

static void check_next(fixture *f, const char *topic, const char *value, int64_t timestamp_ms)
{
    weir_error err = {0};
    const weir_record *record = NULL;
    CHECK_OK(weir_test_driver_read(f->driver, topic, &record, &err), &err);
    CHECK_BYTES(record->value, weir_bytes_of_text(value));
    CHECK_I64(record->timestamp_ms, ==, timestamp_ms);
}

static int64_t end_of(fixture *f, const char *topic)
{
    weir_error err = {0};
    int64_t end = 0;
    CHECK_OK(weir_broker_offset(f->broker, (weir_topic_partition){topic, 0}, WEIR_OFFSET_LATEST, 0,
                                &end, &err),
             &err);
    return end;
}

TEST(changelog_of_a_timestamped_store_has_plain_values_and_their_times)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, false, "0");
    pipe(&f, "k", "first", 700);
    pipe(&f, "k", "second", 500);
    check_next(&f, "test-rows-changelog", "first", 700);
    check_next(&f, "test-rows-changelog", "second", 700);
}

TEST(timestamped_store_has_its_times_again_after_a_restore)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, false, "0");
    pipe(&f, "k", "first", 700);
    pipe(&f, "gone", "x", 800);
    pipe(&f, "gone", NULL, 900);
    crash(&f);
    pipe(&f, "k", "second", 500);
    pipe(&f, "gone", "y", 500);
    check_next(&f, "olds", "none", 0);
    check_next(&f, "olds", "none", 0);
    check_next(&f, "olds", "x", 800);
    check_next(&f, "olds", "first", 700);
    check_next(&f, "olds", "none", 0);
}

TEST(table_of_a_source_topic_logs_nothing_and_is_restored_from_it)
{
    weir_error err = {0};
    WEIR_AUTO(fixture) f = {0};
    start(&f, true, "0");
    pipe(&f, "k", "first", 700);
    crash(&f);
    pipe(&f, "k", "second", 800);
    check_next(&f, "olds", "none", 0);
    check_next(&f, "olds", "first", 700);
    CHECK_I64(end_of(&f, "in"), ==, 2);
    weir_topic_config config = {0};
    CHECK_STATUS(weir_broker_describe_topic(f.broker, "test-rows-changelog", &config, &err),
                 WEIR_NOT_FOUND);
}

TEST(table_of_a_source_topic_is_restored_up_to_what_is_committed)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, true, "60000");
    pipe(&f, "k", "first", 700);
    crash(&f); /* Nothing is committed: the record is still to come. */
    weir_error err = {0};
    CHECK_OK(weir_test_driver_advance(f.driver, 60000, &err), &err);
    check_next(&f, "olds", "none", 0);
    pipe(&f, "k", "second", 800);
    crash(&f);
    CHECK_OK(weir_test_driver_advance(f.driver, 60000, &err), &err);
    check_next(&f, "olds", "none", 0);
    check_next(&f, "olds", "first", 700);
}

static void check_refused(const weir_store_options *rows, const char *why)
{
    weir_error err = {0};
    weir_topology *topology = NULL;
    CHECK_STATUS(build(rows, &topology, &err), WEIR_INVALID);
    CHECK(strstr(err.message, why) != NULL);
}

TEST(source_changelogs_and_timestamps_where_they_make_no_sense_are_refused)
{
    check_refused(&(weir_store_options){.name = "rows", .changelog_is_source = true},
                  "its changelog '' is no source");
    check_refused(&(weir_store_options){.name = "rows",
                                        .changelog_topic = "olds",
                                        .changelog_is_source = true},
                  "its changelog 'olds' is no source");
    check_refused(
        &(weir_store_options){.name = "rows", .kind = WEIR_STORE_BITMAP, .timestamped = true},
        "can be timestamped");
}

TEST(entry_without_a_timestamp_is_corrupt)
{
    weir_error err = {0};
    weir_timestamped entry = {0};
    CHECK_STATUS(weir_timestamped_decode(WEIR_BYTES("seven.."), &entry, &err), WEIR_CORRUPT);
    CHECK_OK(weir_timestamped_decode(WEIR_BYTES("\0\0\0\0\0\0\1\2"), &entry, &err), &err);
    CHECK_I64(entry.timestamp_ms, ==, 258);
    CHECK_I64(entry.value.size, ==, 0);
}
