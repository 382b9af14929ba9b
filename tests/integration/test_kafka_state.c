/* SPDX-License-Identifier: Apache-2.0
 *
 * State that nobody asks for any more, on a real cluster: that of tasks which have left, windows
 * that have expired on a standby, records of former owners.
 */
#include "statestore/task_state.h"
#include "statestore/window_store.h"
#include "streams/application_internal.h"
#include "streams/base/hash.h"
#include "streams/base/serde.h"
#include "streams/processor.h"
#include "streams/term.h"
#include "tests/harness/check.h"
#include "tests/harness/kafka_application.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
    KEYS = 20,
    RETENTION_MS = 200,
    PASS_MS = 60 * 1000, /* Between passes of expiry, in event time (statestore/expiry.c). */
    LOOK_MS = 61 * 1000, /* A standby looks at the stream time as often. */
    FIRST_MS = 1000,
    SECOND_MS = 1000,
};

#define EPOCH(number) ((int64_t)(number) << 32)

static void start_both(kafka_application *a, kafka_application *b,
                       const kafka_application_options *options)
{
    kafka_application_options other = *options;
    other.process_id = "1";
    kafka_application_start(a, options);
    kafka_application_start(b, &other);
    a->peer = b;
    b->peer = a;
}

static void end_both(kafka_application *a, kafka_application *b)
{
    kafka_application_close(b);
    kafka_application_close(a);
    kafka_application_cleanup(b);
    kafka_application_cleanup(a);
}

static size_t slots_in(const kafka_application *a, weir_slot_state state)
{
    size_t count = 0;
    for (size_t i = 0; i < a->application->plan->task_count; i++) {
        count += a->application->slots[i].state == state ? 1 : 0;
    }
    return count;
}

/* Clean-up. */

static int tasks_on_disk(kafka_application *a)
{
    int count = 0;
    for (int32_t p = 0; p < KAFKA_PARTITIONS; p++) {
        weir_task_state *state = NULL;
        int64_t position = 0;
        CHECK_OK(weir_task_state_new(a->database, a->name, p, &state, &a->err), &a->err);
        WEIR_AUTO_FREE char *label = weir_format("counts:%s-counts-changelog-%" PRId32, a->name, p);
        count += weir_task_state_position(state, label, &position, NULL) == WEIR_OK ? 1 : 0;
        weir_task_state_free(state);
    }
    return count;
}

static bool less_is_on_disk(kafka_application *a, void *user)
{
    (void)user;
    return tasks_on_disk(a) < KAFKA_PARTITIONS;
}

static bool each_task_runs(kafka_application *a, void *user)
{
    (void)user;
    size_t running = slots_in(a, WEIR_SLOT_RUNNING) + slots_in(a->peer, WEIR_SLOT_RUNNING);
    return running == KAFKA_PARTITIONS;
}

static bool all_are_on_disk(kafka_application *a, void *user)
{
    (void)user;
    return tasks_on_disk(a) == KAFKA_PARTITIONS;
}

TEST(state_of_a_task_that_another_process_runs_is_removed_and_restored_when_it_comes_back)
{
    static const weir_setting settings[] = {{"state.cleanup.delay.ms", "1000"},
                                            {"weir.apply.interval.ms", "100"}};
    const kafka_application_options options = {
        .name = "leaving", .settings = settings, .setting_count = WEIR_COUNT_OF(settings)};
    kafka_application a = {0};
    kafka_application b = {0};
    kafka_application_start(&a, &options);
    kafka_application_feed(&a, 0, KEYS);
    kafka_application_run(&a);
    kafka_application_await(&a, all_are_on_disk, NULL, "both tasks are on disk");
    kafka_application_options other = options;
    other.process_id = "1";
    kafka_application_start(&b, &other);
    a.peer = &b;
    b.peer = &a;
    kafka_application_await(&a, less_is_on_disk, NULL, "the task that has left is removed");
    kafka_application_await(&a, each_task_runs, NULL, "each task runs");
    kafka_application_close(&b);
    kafka_application_feed(&a, 0, KEYS);
    kafka_application_run(&a);
    kafka_application_await(&a, all_are_on_disk, NULL, "both tasks are on disk again");
    WEIR_AUTO_FREE char *output = kafka_application_topic(&a, "out");
    for (int i = 0; i < KEYS; i += KEYS / 4) {
        WEIR_AUTO_FREE char *key = weir_format("k%d", i);
        CHECK_I64(kafka_application_last(&a, output, key).count, ==, 2);
    }
    kafka_application_close(&a);
    kafka_application_cleanup(&b);
    kafka_application_cleanup(&a);
}

/* Windows of a standby. */

typedef struct noter {
    weir_processor base; /* Must be first. */
    weir_window_store *windows;
} noter;

static weir_status init_noter(weir_processor *processor, weir_error *err)
{
    (void)err;
    ((noter *)(void *)processor)->windows =
        weir_context_window_store(processor->context, "windows");
    return WEIR_OK;
}

static weir_status note(weir_processor *processor, const weir_record *record, weir_error *err)
{
    weir_status status = weir_window_store_put(((noter *)(void *)processor)->windows, record->key,
                                               record->timestamp_ms, record->value, err);
    return status == WEIR_NOT_FOUND ? WEIR_OK : status; /* It is too late. */
}

static void free_noter(weir_processor *processor)
{
    free(processor);
}

static weir_processor *new_noter(void *user)
{
    (void)user;
    static const weir_processor_ops ops = {init_noter, note, free_noter};
    noter *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    return &self->base;
}

static weir_topology *noting_topology(const char *name)
{
    weir_error err = {0};
    WEIR_AUTO_FREE char *input = weir_format("%s-in", name);
    weir_topology *topology = weir_topology_new();
    weir_topology_add_source(topology, "source", &(weir_source_options){.topic = input});
    weir_topology_add_processor(topology, "note", &(weir_processor_options){new_noter, NULL},
                                "source", NULL);
    const weir_store_options windows = {.name = "windows",
                                        .kind = WEIR_STORE_WINDOW,
                                        .engine = WEIR_ENGINE_ROCKSDB,
                                        .retention_ms = RETENTION_MS};
    weir_topology_add_store(topology, &windows, "note", NULL);
    CHECK_OK(weir_topology_build(topology, &err), &err);
    return topology;
}

static void send_windows(kafka_application *a, int64_t timestamp_ms)
{
    WEIR_AUTO_FREE char *input = kafka_application_topic(a, "in");
    for (int32_t p = 0; p < KAFKA_PARTITIONS; p++) {
        const weir_record record = {.partition = p,
                                    .timestamp_ms = timestamp_ms,
                                    .key = WEIR_BYTES("k"),
                                    .value = WEIR_BYTES("v")};
        (void)kafka_application_send(a, input, &record);
    }
}

typedef struct window_rows {
    size_t standbys; /* That have the rows. */
    size_t before;   /* Rows of windows that start before FIRST_MS + PASS_MS. */
    size_t after;
} window_rows;

static void add_rows(kafka_application *a, weir_task *task, window_rows *rows)
{
    WEIR_AUTO_PTR(weir_kv_iterator) it = NULL;
    CHECK_OK(weir_kv_range(weir_task_committed_view(task, "windows"), WEIR_BYTES_NULL,
                           WEIR_BYTES_NULL, false, &it, &a->err),
             &a->err);
    weir_bytes key;
    weir_bytes value;
    while (weir_kv_iterator_next(it, &key, &value, &a->err) == WEIR_OK) {
        bool is_before = weir_window_key_time(key) < FIRST_MS + PASS_MS;
        rows->before += is_before ? 1 : 0;
        rows->after += is_before ? 0 : 1;
    }
}

static void add_standbys(kafka_application *a, window_rows *rows)
{
    const weir_application *application = a->application;
    for (size_t t = 0; t < application->plan->task_count; t++) {
        const weir_slot *slot = &application->slots[t];
        weir_task *task =
            slot->state != WEIR_SLOT_STANDBY
                ? NULL
                : weir_stream_thread_task(application->workers[slot->worker].thread, t);
        if (task != NULL) {
            rows->standbys++;
            add_rows(a, task, rows);
        }
    }
}

/* Wherever they are: who runs a task and who follows it is not for the test to say. */
static bool standbys_have(kafka_application *a, void *user)
{
    const window_rows *wanted = user;
    window_rows rows = {0};
    add_standbys(a, &rows);
    add_standbys(a->peer, &rows);
    return rows.standbys == KAFKA_PARTITIONS && rows.after == wanted->after &&
           (wanted->before == SIZE_MAX || rows.before == wanted->before);
}

TEST(standby_forgets_windows_that_have_expired)
{
    static const weir_setting settings[] = {{"num.standby.replicas", "1"},
                                            {"processing.guarantee", "exactly_once_v2"}};
    const kafka_application_options options = {.name = "expiring",
                                               .topology = noting_topology,
                                               .settings = settings,
                                               .setting_count = WEIR_COUNT_OF(settings)};
    kafka_application a = {0};
    kafka_application b = {0};
    start_both(&a, &b, &options);
    kafka_application_await(&a, standbys_have, &(window_rows){0}, "each task has a standby");
    send_windows(&a, FIRST_MS);
    send_windows(&a, FIRST_MS + 1);
    kafka_application_await(&a, standbys_have, &(window_rows){.before = 2 * KAFKA_PARTITIONS},
                            "the standbys have both windows");
    send_windows(&a, FIRST_MS + 2 * PASS_MS);
    kafka_application_await(&a, standbys_have,
                            &(window_rows){.before = SIZE_MAX, .after = KAFKA_PARTITIONS},
                            "the standbys have the last window");
    a.ahead_ms += LOOK_MS; /* They look at the stream time again, which is committed. */
    b.ahead_ms += LOOK_MS;
    kafka_application_await(&a, standbys_have, &(window_rows){.after = KAFKA_PARTITIONS},
                            "what has expired is gone");
    end_both(&a, &b);
}

/* Terms. */

static void start_least(kafka_application *a, const char *name)
{
    static const weir_setting settings[] = {{"processing.guarantee", "at_least_once"},
                                            {"weir.changelog.check.interval.ms", "100"}};
    kafka_application_start(
        a, &(kafka_application_options){.name = name, .settings = settings, .setting_count = 2});
    kafka_application_feed(a, 0, 1);
    kafka_application_run(a);
}

/* An owner with that term writes a count of "k0". */
static void write_count(kafka_application *a, const char *changelog, uint64_t count, int64_t term)
{
    uint8_t term_bytes[WEIR_TERM_BYTES];
    uint8_t count_bytes[sizeof(uint64_t)];
    weir_put_u64_be(term_bytes, (uint64_t)term);
    weir_put_u64_be(count_bytes, count);
    const weir_header header = {WEIR_BYTES(WEIR_TERM_HEADER),
                                weir_bytes_of(term_bytes, sizeof(term_bytes))};
    const weir_record record = {
        .partition = weir_partition_of(WEIR_BYTES("k0"), KAFKA_PARTITIONS),
        .timestamp_ms = 1,
        .key = WEIR_BYTES("k0"),
        .value = weir_bytes_of(count_bytes, sizeof(count_bytes)),
        .headers = &header,
        .header_count = 1,
    };
    (void)kafka_application_send(a, changelog, &record);
}

TEST(owner_of_a_generation_before_the_last_asks_the_group_and_begins_an_epoch)
{
    kafka_application a = {0};
    start_least(&a, "epochs");
    WEIR_AUTO_FREE char *changelog = kafka_application_topic(&a, "counts-changelog");
    kafka_application_close(&a);
    write_count(&a, changelog, 5, 99); /* As if the group had been at generation 99. */
    kafka_application_open(&a);
    kafka_application_feed(&a, 0, 1);
    kafka_application_run(&a);
    kafka_last last = kafka_application_last(&a, changelog, "k0");
    CHECK_I64(last.count, ==, 6);
    CHECK_I64(last.term, >, EPOCH(1));
    kafka_application_close(&a);
    kafka_application_cleanup(&a);
}

static bool one_was_late(kafka_application *a, void *user)
{
    const char *changelog = user;
    return kafka_application_metric(a, "weir_stream_thread_restore_outdated_records_total") == 1 &&
           kafka_application_last(a, changelog, "k0").count == 2;
}

TEST(owner_that_is_idle_logs_again_what_a_record_of_a_former_owner_hides)
{
    kafka_application a = {0};
    start_least(&a, "hidden");
    WEIR_AUTO_FREE char *changelog = kafka_application_topic(&a, "counts-changelog");
    int64_t first_term = kafka_application_last(&a, changelog, "k0").term;
    kafka_application_close(&a);
    kafka_application_open(&a);
    kafka_application_feed(&a, 0, 1);
    kafka_application_run(&a);
    write_count(&a, changelog, 1, first_term);
    kafka_application_await(&a, one_was_late, changelog, "the right count is logged again");
    CHECK_I64(kafka_application_last(&a, changelog, "k0").term, >, first_term);
    kafka_application_close(&a);
    kafka_application_cleanup(&a);
}

/* Stream time without records: each second of it is told. */

static weir_status tell_time(weir_processor *processor, int64_t timestamp_ms, weir_error *err)
{
    const weir_record record = {
        .timestamp_ms = timestamp_ms, .key = WEIR_BYTES("time"), .value = WEIR_BYTES("v")};
    return weir_context_forward(processor->context, &record, err);
}

static weir_status init_clock(weir_processor *processor, weir_error *err)
{
    (void)err;
    (void)weir_context_schedule(processor->context, SECOND_MS, WEIR_STREAM_TIME, tell_time);
    return WEIR_OK;
}

static weir_status ignore(weir_processor *processor, const weir_record *record, weir_error *err)
{
    (void)processor;
    (void)record;
    (void)err;
    return WEIR_OK;
}

static void free_clock(weir_processor *processor)
{
    free(processor);
}

static weir_processor *new_clock(void *user)
{
    static const weir_processor_ops ops = {init_clock, ignore, free_clock};
    weir_processor *clock = weir_alloc(sizeof(*clock));
    (void)user;
    clock->ops = &ops;
    return clock;
}

static weir_topology *telling_time(const char *name)
{
    weir_error err = {0};
    (void)name;
    weir_topology *topology = weir_topology_new();
    weir_topology_add_source(topology, "source", &(weir_source_options){.topic = "idle-in"});
    weir_topology_add_processor(topology, "clock", &(weir_processor_options){new_clock, NULL},
                                "source", NULL);
    weir_topology_add_sink(topology, "sink", &(weir_sink_options){.topic = "idle-out"}, "clock",
                           NULL);
    CHECK_OK(weir_topology_build(topology, &err), &err);
    return topology;
}

static bool has_told(kafka_application *a, void *user)
{
    a->ahead_ms += SECOND_MS / 2;
    return kafka_application_records(a, "idle-out") >= *(const int64_t *)user;
}

TEST(stream_time_goes_on_with_the_clock_where_a_topic_has_no_records_any_more)
{
    const weir_setting settings[] = {{"weir.stream.idle.ms", "1000"},
                                     {"processing.guarantee", "exactly_once_v2"}};
    const kafka_application_options options = {.name = "idle",
                                               .topology = telling_time,
                                               .settings = settings,
                                               .setting_count = WEIR_COUNT_OF(settings)};
    kafka_application a = {0};
    kafka_application_start(&a, &options);
    kafka_application_feed(&a, 0, 1);
    int64_t first = 1;
    kafka_application_await(&a, has_told, &first, "the time of the record");
    int64_t later = 4;
    kafka_application_await(&a, has_told, &later, "times without a record");
    kafka_application_cleanup(&a);
}
