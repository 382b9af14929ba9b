/* SPDX-License-Identifier: Apache-2.0
 *
 * Windows, sessions and versions that expire where nobody runs their task (streams/store_kinds.c):
 * two workers take turns to run it, the other one follows, against a model of what shows.
 */
#include "statestore/session_store.h"
#include "statestore/versioned_store.h"
#include "statestore/window_store.h"
#include "streams/base/random.h"
#include "streams/base/serde.h"
#include "streams/broker_ops.h"
#include "streams/processor.h"
#include "streams/producer.h"
#include "tests/harness/check.h"
#include "tests/harness/count_topology.h"
#include "tests/harness/worker_process.h"

#include <stdlib.h>
#include <string.h>

enum {
    RETENTION_MS = 200,
    TICK_MS = 10, /* All event times are multiples of it. */
    TICKS_MAX = 12000,
    KEYS = 3,
    ROUNDS = 60,
    STEP_MS = 10,
    STEPS_MAX = 5000,
    START_MS = 1000000,
    LOOK_MS = 61 * 1000,
    PASS_INTERVAL_MS = 60000, /* As expiry.c has it. */
};

/* Counts records by key and event time, in windows, in sessions of one record time and in versions
 * from that time on. */
typedef struct counter {
    weir_processor base; /* Must be first. */
    weir_window_store *windows;
    weir_session_store *sessions;
    weir_versioned_store *versions;
} counter;

static weir_status init_counter(weir_processor *processor, weir_error *err)
{
    (void)err;
    counter *self = (counter *)(void *)processor;
    self->windows = weir_context_window_store(processor->context, "windows");
    self->sessions = weir_context_session_store(processor->context, "sessions");
    self->versions = weir_context_versioned_store(processor->context, "versions");
    return WEIR_OK;
}

static weir_status count(weir_processor *processor, const weir_record *record, weir_error *err)
{
    counter *self = (counter *)(void *)processor;
    WEIR_AUTO(weir_buf) value = {0};
    int64_t time_ms = record->timestamp_ms;
    weir_status status = weir_window_store_get(self->windows, record->key, time_ms, &value, err);
    if (status != WEIR_OK && status != WEIR_NOT_FOUND) {
        return status;
    }
    uint64_t counted = status == WEIR_OK ? weir_get_u64_be(value.data) + 1 : 1;
    weir_buf_clear(&value);
    weir_buf_append_i64_be(&value, (int64_t)counted);
    status =
        weir_window_store_put(self->windows, record->key, time_ms, weir_buf_bytes(&value), err);
    if (status == WEIR_NOT_FOUND) {
        return WEIR_OK; /* It is too late. */
    }
    WEIR_TRY(status);
    const weir_session session = {record->key, time_ms, time_ms};
    WEIR_TRY(weir_session_store_put(self->sessions, &session, weir_buf_bytes(&value), err));
    int64_t unused = 0;
    return weir_versioned_store_put(self->versions, record->key, weir_buf_bytes(&value), time_ms,
                                    &unused, err);
}

static void free_counter(weir_processor *processor)
{
    free(processor);
}

static weir_processor *new_counter(void *user)
{
    (void)user;
    static const weir_processor_ops ops = {init_counter, count, free_counter};
    counter *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    return &self->base;
}

static weir_topology *counting_topology(void)
{
    weir_topology *topology = weir_topology_new();
    weir_topology_add_source(topology, "source", &(weir_source_options){.topic = "in"});
    weir_topology_add_processor(topology, "count", &(weir_processor_options){new_counter, NULL},
                                "source", NULL);
    const weir_store_options windows = {
        .name = "windows", .kind = WEIR_STORE_WINDOW, .retention_ms = RETENTION_MS};
    weir_topology_add_store(topology, &windows, "count", NULL);
    const weir_store_options sessions = {
        .name = "sessions", .kind = WEIR_STORE_SESSION, .retention_ms = RETENTION_MS};
    weir_topology_add_store(topology, &sessions, "count", NULL);
    const weir_store_options versions = {
        .name = "versions", .kind = WEIR_STORE_VERSIONED, .retention_ms = RETENTION_MS};
    weir_topology_add_store(topology, &versions, "count", NULL);
    weir_error err = {0};
    CHECK_OK(weir_topology_build(topology, &err), &err);
    return topology;
}

typedef struct world {
    weir_random random;
    sim_cluster *cluster;
    weir_broker *outside;
    weir_producer *producer;
    weir_topology *topology;
    weir_config config;
    worker_process processes[2];
    char *directories[2];
    int32_t partitions;
    size_t active; /* Which of them runs the task. */
    int64_t now_ms;
    int64_t stream_time_ms;
    uint64_t model[KEYS][TICKS_MAX]; /* Counts, expired ones too. */
    weir_error err;
} world;

static void open_process(world *w, size_t i)
{
    const worker_process_options options = {
        .cluster = w->cluster,
        .topology = w->topology,
        .config = &w->config,
        .process_id = i == 0 ? "a" : "b",
        .directory = w->directories[i],
    };
    CHECK_OK(worker_process_open(&w->processes[i], &options), &w->processes[i].err);
}

static void step(world *w)
{
    for (size_t i = 0; i < 2; i++) {
        CHECK_OK(worker_process_step(&w->processes[i], w->now_ms), &w->processes[i].err);
    }
    w->now_ms += STEP_MS;
    sim_cluster_set_now(w->cluster, w->now_ms);
}

static void run(world *w)
{
    int at_rest = 0;
    for (int i = 0; i < STEPS_MAX && at_rest < 20; i++) {
        step(w);
        bool idle = weir_stream_thread_is_idle(w->processes[0].thread) &&
                    weir_stream_thread_is_idle(w->processes[1].thread);
        at_rest = idle ? at_rest + 1 : 0;
    }
    CHECK_I64(at_rest, ==, 20);
}

static void start(world *w, const char *guarantee, int32_t partitions, bool on_disk)
{
    const weir_setting settings[] = {
        {"application.id", "app"},         {"processing.guarantee", guarantee},
        {"commit.interval.ms", "50"},      {"weir.expire.entries.max", "7"},
        {"session.timeout.ms", "1800000"},
    };
    CHECK_OK(weir_config_init(&w->config, settings, WEIR_COUNT_OF(settings), &w->err), &w->err);
    w->random = weir_random_of(check_seed(1));
    w->partitions = partitions;
    w->now_ms = START_MS;
    w->cluster = sim_cluster_new(1);
    w->outside = sim_broker_connect(w->cluster);
    w->topology = counting_topology();
    count_topology_topics(w->outside, w->partitions);
    CHECK_OK(weir_producer_new(w->outside, &(weir_producer_options){0}, &w->producer, &w->err),
             &w->err);
    for (size_t i = 0; i < 2; i++) {
        w->directories[i] = on_disk ? check_directory() : NULL;
        open_process(w, i);
        for (int32_t task = 0; task < partitions; task++) {
            worker_process_tell(&w->processes[i], i == 0 ? WEIR_COMMAND_OPEN : WEIR_COMMAND_STANDBY,
                                (size_t)task);
        }
    }
    run(w);
}

static void world_cleanup(world *w)
{
    for (size_t i = 0; i < 2; i++) {
        worker_process_cleanup(&w->processes[i]);
        free(w->directories[i]);
    }
    weir_producer_free(w->producer);
    weir_topology_free(w->topology);
    weir_config_cleanup(&w->config);
    weir_broker_free(w->outside);
    sim_cluster_free(w->cluster);
}

static bool shows(const world *w, int64_t time_ms)
{
    return time_ms > w->stream_time_ms - RETENTION_MS;
}

static void feed(world *w, uint64_t number, int64_t time_ms)
{
    const char key[] = {(char)('a' + (int)number), '\0'};
    const weir_record record = {
        .timestamp_ms = time_ms,
        .key = weir_bytes_of_text(key),
        .value = WEIR_BYTES("v"),
    };
    int32_t topic = 0;
    int32_t partitions = 0;
    CHECK_OK(weir_producer_topic(w->producer, "in", &topic, &partitions, &w->err), &w->err);
    CHECK_OK(weir_producer_send(w->producer, topic, &record, &w->err), &w->err);
    CHECK_OK(weir_producer_flush(w->producer, 0, &w->err), &w->err);
    w->stream_time_ms = time_ms > w->stream_time_ms ? time_ms : w->stream_time_ms;
    CHECK_I64(time_ms / TICK_MS, <, TICKS_MAX);
    w->model[number][time_ms / TICK_MS] += shows(w, time_ms) ? 1 : 0;
}

/* A record now, or a late one, perhaps of a window that has expired. */
static void feed_some(world *w)
{
    int64_t late_ms = (int64_t)weir_random_below(&w->random, 2 * RETENTION_MS / TICK_MS) * TICK_MS;
    int64_t ahead_ms = (int64_t)weir_random_below(&w->random, 3) * TICK_MS;
    int64_t time_ms = weir_random_below(&w->random, 2) == 0 ? w->stream_time_ms + ahead_ms
                                                            : w->stream_time_ms - late_ms;
    feed(w, weir_random_below(&w->random, KEYS), time_ms < 0 ? 0 : time_ms);
}

static size_t live_in_model(const world *w)
{
    size_t live = 0;
    for (size_t k = 0; k < KEYS; k++) {
        for (int64_t t = 0; t < TICKS_MAX; t++) {
            live += w->model[k][t] > 0 && shows(w, t * TICK_MS) ? 1 : 0;
        }
    }
    return live;
}

/* A row of one of the stores: whose, when, and how many. */
typedef struct counted_row {
    size_t key;
    int64_t time_ms;
    uint64_t count;
} counted_row;

static counted_row row_of(weir_bytes key, weir_bytes value, int64_t (*time_of)(weir_bytes key))
{
    weir_versioned_value version = {0};
    int64_t time_ms = time_of == NULL ? -1 : time_of(key);
    if (time_of == NULL) {
        CHECK(weir_versioned_of_row(key, value, &key, &version));
        time_ms = version.from_ms;
        value = version.value;
    }
    return (counted_row){
        .key = (size_t)(*(const char *)key.data - 'a'),
        .time_ms = time_ms,
        .count = weir_get_u64_be(value.data),
    };
}

/* What shows is what the model has; how many rows there are that do not show. time_of is NULL for
 * versions. */
static size_t check_store(world *w, size_t process, const char *store,
                          int64_t (*time_of)(weir_bytes key))
{
    weir_task *task = weir_stream_thread_task(w->processes[process].thread, 0);
    weir_kv *view = weir_task_committed_view(task, store);
    WEIR_AUTO_PTR(weir_kv_iterator) it = NULL;
    CHECK_OK(weir_kv_range(view, WEIR_BYTES_NULL, WEIR_BYTES_NULL, false, &it, &w->err), &w->err);
    size_t live = 0;
    size_t expired = 0;
    weir_bytes key;
    weir_bytes value;
    while (weir_kv_iterator_next(it, &key, &value, &w->err) == WEIR_OK) {
        counted_row row = row_of(key, value, time_of);
        if (!shows(w, row.time_ms)) {
            expired++;
            continue;
        }
        live++;
        CHECK_I64((int64_t)row.count, ==, (int64_t)w->model[row.key][row.time_ms / TICK_MS]);
    }
    CHECK_I64((int64_t)live, ==, (int64_t)live_in_model(w));
    return expired;
}

/* How many rows have expired. */
static size_t check_process(world *w, size_t process)
{
    return check_store(w, process, "windows", weir_window_key_time) +
           check_store(w, process, "sessions", weir_session_key_time) +
           check_store(w, process, "versions", NULL);
}

static void await_report(world *w, size_t process, weir_task_report report)
{
    for (int i = 0; i < STEPS_MAX && w->processes[process].last_report[0] != (int)report; i++) {
        step(w);
    }
    CHECK_I64(w->processes[process].last_report[0], ==, report);
}

/* The task changes places, or its owner dies amid its work and the standby takes over. */
static void change_places(world *w)
{
    size_t before = w->active;
    w->active = 1 - before;
    if (weir_random_below(&w->random, 2) == 0) {
        worker_process_tell(&w->processes[before], WEIR_COMMAND_STANDBY, 0);
        await_report(w, before, WEIR_REPORT_STANDBY);
    } else {
        sim_broker_kill(w->processes[before].broker);
        worker_process_cleanup(&w->processes[before]);
        w->now_ms += SIM_TRANSACTION_TIMEOUT_MS; /* What it left open holds readers back. */
        sim_cluster_set_now(w->cluster, w->now_ms);
        open_process(w, before);
        worker_process_tell(&w->processes[before], WEIR_COMMAND_STANDBY, 0);
    }
    worker_process_tell(&w->processes[w->active], WEIR_COMMAND_OPEN, 0);
}

static void standbys_forget(const char *guarantee, bool on_disk)
{
    world *w = weir_alloc(sizeof(*w));
    start(w, guarantee, 1, on_disk);
    for (int round = 0; round < ROUNDS; round++) {
        for (uint64_t i = weir_random_below(&w->random, 20); i > 0; i--) {
            feed_some(w);
            if (weir_random_below(&w->random, 3) == 0) {
                step(w);
            }
        }
        if (weir_random_below(&w->random, 4) == 0) {
            change_places(w);
        }
        if (weir_random_below(&w->random, 2) == 0) {
            w->now_ms += LOOK_MS;
        }
        run(w);
        (void)check_process(w, 0);
        (void)check_process(w, 1);
    }
    /* A minute later a pass begins, and leaves nothing that had expired by then. */
    feed(w, 0, w->stream_time_ms + PASS_INTERVAL_MS + 3 * RETENTION_MS);
    w->now_ms += LOOK_MS;
    run(w);
    w->now_ms += LOOK_MS;
    run(w);
    /* The version of a key that was valid when the history begins stays. */
    CHECK_I64((int64_t)check_process(w, 1 - w->active), <=, KEYS);
    world_cleanup(w);
    free(w);
}

static const weir_broker_ops *counted; /* What count_questions stands before. */
static size_t questions;
static size_t questioned_partitions;

static weir_status count_questions(weir_broker *broker, const char *group,
                                   weir_committed_query *queries, size_t query_count,
                                   weir_error *err)
{
    questions++;
    questioned_partitions += query_count;
    return counted->group_offsets(broker, group, queries, query_count, err);
}

TEST(all_standbys_ask_for_their_time_in_one_question_a_minute)
{
    enum { TASKS = 4 };
    world *w = weir_alloc(sizeof(*w));
    start(w, "at_least_once", TASKS, false);
    counted = w->processes[1].broker->ops;
    weir_broker_ops counting = *counted;
    counting.group_offsets = count_questions;
    w->processes[1].broker->ops = &counting;
    w->now_ms += LOOK_MS;
    run(w);
    CHECK_I64((int64_t)questions, ==, 1);
    CHECK_I64((int64_t)questioned_partitions, ==, TASKS);
    run(w);
    CHECK_I64((int64_t)questions, ==, 1);
    w->processes[1].broker->ops = counted;
    world_cleanup(w);
    free(w);
}

TEST(standby_forgets_what_its_owner_to_be_would_not_show_and_nothing_else)
{
    standbys_forget("exactly_once_v2", true);
    standbys_forget("exactly_once_v2", false);
}

TEST(standby_at_least_once_forgets_by_what_is_committed)
{
    standbys_forget("at_least_once", true);
    standbys_forget("at_least_once", false);
}
