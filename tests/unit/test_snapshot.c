/* SPDX-License-Identifier: Apache-2.0
 *
 * Snapshots of tasks from one process to another (streams/snapshot*.c, task_snapshot.c,
 * stream_thread_load.c), with a network that is a function call, and spoils what it carries.
 */
#include "connectors/rest_snapshot.h"
#include "connectors/snapshot_http.h"
#include "streams/base/hash.h"
#include "streams/producer.h"
#include "streams/snapshot_host.h"
#include "streams/snapshot_page.h"
#include "streams/term.h"
#include "tests/harness/check.h"
#include "tests/harness/count_topology.h"
#include "tests/harness/worker_process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TASKS = 3, RECORDS = 600, STEP_MS = 10, STEPS_MAX = 3000, START_MS = 1000000 };

/* What the network does to the answers. */
typedef enum harm {
    HARM_NONE,
    HARM_CUTS,       /* The last byte is missing. */
    HARM_FLIPS,      /* A bit is another. */
    HARM_VERSION,    /* It is a page of another version, well made. */
    HARM_REPEATS,    /* The page before comes again. */
    HARM_NO_ANSWER,  /* WEIR_IO. */
    HARM_NOT_THERE,  /* WEIR_NOT_FOUND. */
    HARM_OTHER_TASK, /* The first page is of another task. */
    HARM_COUNT,
} harm;

typedef struct net {
    weir_snapshot_network base;
    weir_snapshot_host *host;
    harm harm;
    uint32_t harmed_page;
    uint32_t slow; /* Answers that come AGAIN before each. */
    uint32_t pages;
    bool refuses;
} net;

typedef struct peer {
    weir_snapshot_peer base;
    net *net;
    char target[WEIR_SNAPSHOT_TARGET_BYTES_MAX];
    weir_buf last;
    uint32_t waits;
} peer;

static weir_status peer_ask(weir_snapshot_peer *base, const char *target, weir_error *err)
{
    (void)err;
    peer *p = (peer *)(void *)base;
    (void)snprintf(p->target, sizeof(p->target), "%s", target);
    p->waits = p->net->slow;
    return WEIR_OK;
}

static weir_status spoil(peer *p, uint32_t number, weir_buf *body)
{
    if (p->net->harm == HARM_NONE || number != p->net->harmed_page) {
        return WEIR_OK;
    }
    switch (p->net->harm) {
    case HARM_CUTS:
        body->size--;
        break;
    case HARM_FLIPS:
        body->data[body->size / 2] ^= 4;
        break;
    case HARM_VERSION:
        body->data[13] = WEIR_SNAPSHOT_VERSION + 1;
        weir_snapshot_page_end(body);
        break;
    case HARM_REPEATS:
        weir_buf_set(body, weir_buf_bytes(&p->last));
        break;
    case HARM_NO_ANSWER:
        return WEIR_IO;
    case HARM_NOT_THERE:
        return WEIR_NOT_FOUND;
    case HARM_NONE:
    case HARM_OTHER_TASK:
    case HARM_COUNT:
        break;
    }
    return WEIR_OK;
}

static weir_status peer_answer(weir_snapshot_peer *base, weir_buf *out_body, weir_error *err)
{
    peer *p = (peer *)(void *)base;
    if (p->waits > 0) {
        p->waits--;
        return WEIR_AGAIN;
    }
    char task[16] = {0};
    unsigned long session = 0;
    unsigned number = 0;
    int end = 0;
    CHECK(sscanf(p->target, "/v1/snapshots/counter/%15[^/]%n", task, &end) == 1);
    const char *rest = p->target + end;
    if (*rest == '/') {
        char *after = NULL;
        session = strtoul(rest + 1, &after, 10);
        number = *after == '/' ? (unsigned)strtoul(after + 1, NULL, 10) : 0;
    }
    const char *asked = p->net->harm == HARM_OTHER_TASK ? "0_2" : task;
    WEIR_TRY(session == 0
                 ? weir_snapshot_host_begin(p->net->host, asked, START_MS, out_body, err)
                 : weir_snapshot_host_page(p->net->host, session, number, START_MS, out_body, err));
    p->net->pages++;
    WEIR_TRY(spoil(p, number, out_body));
    weir_buf_set(&p->last, weir_buf_bytes(out_body));
    return WEIR_OK;
}

static int peer_fd(const weir_snapshot_peer *base)
{
    (void)base;
    return -1;
}

static void peer_free(weir_snapshot_peer *base)
{
    peer *p = (peer *)(void *)base;
    weir_buf_cleanup(&p->last);
    free(p);
}

static weir_status connect_peer(void *user, const char *address, weir_snapshot_peer **out_peer,
                                weir_error *err)
{
    static const weir_snapshot_peer_ops ops = {peer_ask, peer_answer, peer_fd, peer_free};
    net *n = user;
    CHECK(strcmp(address, "other:1") == 0);
    if (n->refuses) {
        return weir_error_set(err, WEIR_IO, "nobody listens");
    }
    peer *p = weir_alloc(sizeof(*p));
    p->base.ops = &ops;
    p->net = n;
    *out_peer = &p->base;
    return WEIR_OK;
}

typedef struct pair {
    sim_cluster *cluster;
    weir_broker *outside;
    weir_topology *topology;
    weir_config config;
    net net;
    const weir_snapshot_network *network; /* Of b; NULL: net. */
    char *source;
    bool at_least_once;
    worker_process a;
    worker_process b;
    char *directories[2];
    int64_t now_ms;
    weir_error err;
} pair;

static weir_status take_of_a(void *user, size_t task_index, weir_task_snapshot *out_snapshot,
                             weir_error *err)
{
    pair *p = user;
    weir_task *task = weir_stream_thread_task(p->a.thread, task_index);
    return task == NULL ? WEIR_NOT_FOUND : weir_task_snapshot_take(task, out_snapshot, err);
}

static void open_process(pair *p, worker_process *process, const char *id, char *directory)
{
    const worker_process_options options = {
        .cluster = p->cluster,
        .topology = p->topology,
        .config = &p->config,
        .process_id = id,
        .directory = directory,
        .ingest_entries_min = 20,
        .snapshots = p->network != NULL ? p->network : &p->net.base,
        .source = p->source != NULL ? p->source : "other:1",
    };
    CHECK_OK(worker_process_open(process, &options), &process->err);
}

static void start(pair *p)
{
    const weir_setting settings[] = {
        {"application.id", "counter"},
        {"commit.interval.ms", "100"},
        {"weir.snapshot.lag.min", "50"},
        {"session.timeout.ms", "1800000"},
        {"processing.guarantee", p->at_least_once ? "at_least_once" : "exactly_once_v2"},
    };
    CHECK_OK(weir_config_init(&p->config, settings, WEIR_COUNT_OF(settings), &p->err), &p->err);
    p->now_ms = START_MS;
    p->cluster = sim_cluster_new(1);
    p->outside = sim_broker_connect(p->cluster);
    p->topology = count_topology_new(&(count_topology_options){0});
    count_topology_topics(p->outside, TASKS);
    p->directories[0] = check_directory();
    p->directories[1] = check_directory();
    p->net.base = (weir_snapshot_network){.connect = connect_peer, .user = &p->net};
    p->net.refuses = true; /* Nobody has anything yet. */
    open_process(p, &p->a, "a", p->directories[0]);
    p->net.host = weir_snapshot_host_new(
        &(weir_snapshot_host_options){.plan = p->a.plan, .take = take_of_a, .user = p});
}

static void pair_cleanup(pair *p)
{
    weir_snapshot_host_free(p->net.host);
    worker_process_cleanup(&p->a);
    worker_process_cleanup(&p->b);
    weir_topology_free(p->topology);
    weir_config_cleanup(&p->config);
    weir_broker_free(p->outside);
    sim_cluster_free(p->cluster);
    free(p->directories[0]);
    free(p->directories[1]);
    free(p->source);
}

static void step(pair *p)
{
    CHECK_OK(worker_process_step(&p->a, p->now_ms), &p->a.err);
    if (p->b.thread != NULL) {
        CHECK_OK(worker_process_step(&p->b, p->now_ms), &p->b.err);
    }
    p->now_ms += STEP_MS;
}

static void run(pair *p)
{
    for (int i = 0; i < STEPS_MAX; i++) {
        step(p);
        if (weir_stream_thread_is_idle(p->a.thread) &&
            (p->b.thread == NULL || weir_stream_thread_is_idle(p->b.thread))) {
            return;
        }
    }
    check_fail(__FILE__, __LINE__, "the workers never become idle");
}

static void run_until(pair *p, const worker_process *process, weir_task_report report)
{
    for (int i = 0; i < STEPS_MAX; i++) {
        step(p);
        if (worker_process_has_reported(process, report)) {
            return;
        }
    }
    check_fail(__FILE__, __LINE__, "the workers never report %d", (int)report);
}

/* a counts each key once, and then holds still with its stores open. */
static void count_on_a(pair *p)
{
    start(p);
    worker_process_tell_all(&p->a, WEIR_COMMAND_OPEN);
    count_topology_feed(p->outside, 0, RECORDS);
    run(p);
    worker_process_tell_all(&p->a, WEIR_COMMAND_HOLD);
    step(p);
    p->net.refuses = false;
}

static int64_t changelog_records(const worker_process *process)
{
    return worker_process_metric(process, "weir_stream_thread_restore_records_total") +
           worker_process_metric(process, "weir_stream_thread_standby_update_records_total");
}

static void check_counts(pair *p, int64_t expected)
{
    for (int i = 0; i < RECORDS; i++) {
        WEIR_AUTO_FREE char *key = weir_format("k%d", i);
        CHECK_I64(count_topology_last(p->outside, "out", key), ==, expected);
    }
}

/* b runs the tasks, whatever came of its loads. */
static void go_on_with_b(pair *p)
{
    open_process(p, &p->b, "b", p->directories[1]);
    worker_process_tell_all(&p->b, WEIR_COMMAND_OPEN);
    run_until(p, &p->b, WEIR_REPORT_RUNNING);
    count_topology_feed(p->outside, 0, RECORDS);
    run(p);
    check_counts(p, 2);
}

TEST(task_comes_as_a_snapshot_and_restores_nothing)
{
    WEIR_AUTO(pair) p = {0};
    count_on_a(&p);
    go_on_with_b(&p);
    CHECK_I64(changelog_records(&p.b), ==, 0);
    CHECK_I64(p.net.pages, ==, 3 * TASKS); /* Head, rows, end. */
}

TEST(standby_begins_with_a_snapshot_of_a_running_task_and_follows_the_rest)
{
    WEIR_AUTO(pair) p = {0};
    count_on_a(&p);
    worker_process_tell_all(&p.a, WEIR_COMMAND_OPEN);
    run_until(&p, &p.a, WEIR_REPORT_RUNNING);
    open_process(&p, &p.b, "b", p.directories[1]);
    p.net.slow = 5;
    worker_process_tell_all(&p.b, WEIR_COMMAND_STANDBY);
    step(&p);
    count_topology_feed(p.outside, 0, RECORDS); /* While the snapshot is on its way. */
    run_until(&p, &p.b, WEIR_REPORT_STANDBY);
    run(&p);
    CHECK_I64(changelog_records(&p.b), <=, RECORDS);
    worker_process_tell_all(&p.a, WEIR_COMMAND_CLOSE);
    run_until(&p, &p.a, WEIR_REPORT_CLOSED);
    worker_process_tell_all(&p.b, WEIR_COMMAND_OPEN);
    run_until(&p, &p.b, WEIR_REPORT_RUNNING);
    count_topology_feed(p.outside, 0, RECORDS);
    run(&p);
    check_counts(&p, 3);
}

TEST(task_that_lacks_little_asks_nobody)
{
    WEIR_AUTO(pair) p = {0};
    count_on_a(&p);
    go_on_with_b(&p);
    worker_process_tell_all(&p.b, WEIR_COMMAND_CLOSE);
    run_until(&p, &p.b, WEIR_REPORT_CLOSED);
    worker_process_cleanup(&p.b);
    p.net.pages = 0;
    p.net.harm = HARM_NO_ANSWER;
    open_process(&p, &p.b, "b", p.directories[1]);
    worker_process_tell_all(&p.b, WEIR_COMMAND_OPEN);
    run_until(&p, &p.b, WEIR_REPORT_RUNNING);
    CHECK_I64(p.net.pages, ==, 0);
}

TEST(disk_stays_as_it_is_where_there_is_no_snapshot)
{
    WEIR_AUTO(pair) p = {0};
    count_on_a(&p);
    open_process(&p, &p.b, "b", p.directories[1]);
    worker_process_tell_all(&p.b, WEIR_COMMAND_OPEN);
    run_until(&p, &p.b, WEIR_REPORT_RUNNING);
    worker_process_tell_all(&p.b, WEIR_COMMAND_CLOSE);
    run_until(&p, &p.b, WEIR_REPORT_CLOSED);
    worker_process_cleanup(&p.b);
    worker_process_tell_all(&p.a, WEIR_COMMAND_OPEN);
    count_topology_feed(p.outside, 0, RECORDS);
    run(&p);
    worker_process_tell_all(&p.a, WEIR_COMMAND_CLOSE);
    run_until(&p, &p.a, WEIR_REPORT_CLOSED);
    open_process(&p, &p.b, "b", p.directories[1]); /* a has no stores any more. */
    worker_process_tell_all(&p.b, WEIR_COMMAND_OPEN);
    run_until(&p, &p.b, WEIR_REPORT_RUNNING);
    CHECK_I64(changelog_records(&p.b), ==, RECORDS);
    count_topology_feed(p.outside, 0, RECORDS);
    run(&p);
    check_counts(&p, 3);
}

/* A former owner's count of k0, behind all that a has written. */
static void write_late(pair *p)
{
    uint8_t term[WEIR_TERM_BYTES] = {[WEIR_TERM_BYTES - 1] = 1};
    uint8_t count[8] = {[7] = 77};
    const weir_header header = {WEIR_BYTES(WEIR_TERM_HEADER), weir_bytes_of(term, sizeof(term))};
    weir_record record = {.key = WEIR_BYTES("k0"),
                          .value = weir_bytes_of(count, sizeof(count)),
                          .timestamp_ms = p->now_ms,
                          .headers = &header,
                          .header_count = 1};
    WEIR_AUTO_PTR(weir_producer) producer = NULL;
    int32_t topic = 0;
    int32_t partitions = 0;
    CHECK_OK(weir_producer_new(p->outside, &(weir_producer_options){.client_id = "late"}, &producer,
                               &p->err),
             &p->err);
    CHECK_OK(
        weir_producer_topic(producer, "counter-counts-changelog", &topic, &partitions, &p->err),
        &p->err);
    record.partition = weir_partition_of(record.key, partitions);
    CHECK_OK(weir_producer_send(producer, topic, &record, &p->err), &p->err);
    CHECK_OK(weir_producer_flush(producer, 0, &p->err), &p->err);
}

TEST(snapshot_knows_whose_late_writes_do_not_count)
{
    WEIR_AUTO(pair) p = {.at_least_once = true};
    start(&p);
    for (int i = 0; i < 3; i++) { /* The group's generation grows. */
        open_process(&p, &p.b, "b", p.directories[1]);
        run(&p);
        worker_process_cleanup(&p.b);
        run(&p);
    }
    worker_process_tell_all(&p.a, WEIR_COMMAND_OPEN);
    count_topology_feed(p.outside, 0, RECORDS);
    run(&p);
    worker_process_tell_all(&p.a, WEIR_COMMAND_HOLD);
    step(&p);
    p.net.refuses = false;
    write_late(&p);
    go_on_with_b(&p);
    CHECK_I64(worker_process_metric(&p.b, "weir_stream_thread_restore_outdated_records_total"), ==,
              1);
}

TEST(whatever_goes_wrong_the_changelogs_restore_all)
{
    for (int h = HARM_CUTS; h < HARM_COUNT; h++) {
        for (uint32_t page = 0; page < 3; page++) {
            if (h > HARM_FLIPS && page != (uint32_t)h % 3) {
                continue; /* One of the three will do. */
            }
            WEIR_AUTO(pair) p = {0};
            count_on_a(&p);
            p.net.harm = (harm)h;
            p.net.harmed_page = page;
            go_on_with_b(&p);
            CHECK_I64(changelog_records(&p.b), >=, h == HARM_OTHER_TASK ? RECORDS / 2 : RECORDS);
        }
    }
}

TEST(nobody_to_connect_to_is_no_obstacle)
{
    WEIR_AUTO(pair) p = {0};
    count_on_a(&p);
    p.net.refuses = true;
    go_on_with_b(&p);
    CHECK_I64(changelog_records(&p.b), ==, RECORDS);
}

TEST(load_that_a_crash_cut_is_wiped_in_the_next_life)
{
    WEIR_AUTO(pair) p = {0};
    count_on_a(&p);
    open_process(&p, &p.b, "b", p.directories[1]);
    p.net.slow = 3;
    worker_process_tell_all(&p.b, WEIR_COMMAND_OPEN);
    while (p.net.pages < TASKS * 2) { /* Rows are in, the ends are not. */
        step(&p);
    }
    step(&p);
    worker_process_cleanup(&p.b);
    p.net.refuses = true;
    go_on_with_b(&p);
    CHECK_I64(changelog_records(&p.b), ==, RECORDS);
}

TEST(sessions_are_few_and_end_when_nobody_reads_them)
{
    WEIR_AUTO(pair) p = {0};
    count_on_a(&p);
    WEIR_AUTO(weir_buf) page = {0};
    for (int i = 0; i < WEIR_SNAPSHOT_SESSIONS_MAX; i++) {
        CHECK_OK(weir_snapshot_host_begin(p.net.host, "0_0", START_MS, &page, &p.err), &p.err);
    }
    CHECK_STATUS(weir_snapshot_host_begin(p.net.host, "0_0", START_MS, &page, &p.err), WEIR_AGAIN);
    CHECK_STATUS(weir_snapshot_host_page(p.net.host, 1, 2, START_MS, &page, &p.err),
                 WEIR_NOT_FOUND); /* 1 is next; whoever asks for another has lost one. */
    CHECK_OK(weir_snapshot_host_page(p.net.host, 2, 1, START_MS, &page, &p.err), &p.err);
    int64_t later_ms = START_MS + WEIR_SNAPSHOT_IDLE_MS + 1;
    CHECK_STATUS(weir_snapshot_host_page(p.net.host, 2, 2, later_ms, &page, &p.err),
                 WEIR_NOT_FOUND);
    CHECK_STATUS(weir_snapshot_host_begin(p.net.host, "9_9", later_ms, &page, &p.err),
                 WEIR_NOT_FOUND);
    CHECK_OK(weir_snapshot_host_begin(p.net.host, "0_1", later_ms, &page, &p.err), &p.err);
}

typedef struct question {
    size_t task_index;
    weir_task_snapshot *out_snapshot;
} question;

static weir_status answer(void *consumer, void *argument, weir_error *err)
{
    const question *asked = argument;
    weir_task *task = weir_stream_thread_task(consumer, asked->task_index);
    return task == NULL ? WEIR_NOT_FOUND : weir_task_snapshot_take(task, asked->out_snapshot, err);
}

/* On a thread of the server, while this one makes the passes of a. */
static weir_status ask_a(void *user, size_t task_index, weir_task_snapshot *out_snapshot,
                         weir_error *err)
{
    pair *p = user;
    question asked = {task_index, out_snapshot};
    return weir_mailbox_call(weir_stream_thread_mailbox(p->a.thread), answer, &asked, 30000, err);
}

TEST(snapshot_goes_through_http)
{
    WEIR_AUTO(pair) p = {0};
    count_on_a(&p);
    weir_rest_snapshots *given = weir_rest_snapshots_new();
    const weir_snapshot_host_options options = {.plan = p.a.plan, .take = ask_a, .user = &p};
    weir_rest_snapshots_add(given, "counter", weir_snapshot_host_new(&options));
    weir_rest *rest = NULL;
    CHECK_OK(weir_rest_new(&(weir_rest_options){0}, &rest, &p.err), &p.err);
    weir_rest_snapshots_serve(given, rest);
    CHECK_OK(weir_rest_start(rest, &p.err), &p.err);
    p.network = &weir_snapshot_http;
    p.source = weir_format("127.0.0.1:%u", weir_rest_port(rest));
    open_process(&p, &p.b, "b", p.directories[1]);
    worker_process_tell_all(&p.b, WEIR_COMMAND_OPEN);
    for (size_t t = 0; t < TASKS;) {
        step(&p);
        weir_stream_thread_wait(p.b.thread, p.now_ms);
        t += p.b.last_report[t] == (int)WEIR_REPORT_RUNNING ? 1 : 0;
    }
    count_topology_feed(p.outside, 0, RECORDS);
    run(&p);
    check_counts(&p, 2);
    CHECK_I64(changelog_records(&p.b), ==, 0);
    weir_rest_free(rest);
    weir_rest_snapshots_free(given);
}

TEST(process_that_does_not_answer_is_given_up)
{
    WEIR_AUTO(pair) p = {0};
    count_on_a(&p);
    weir_rest *rest = NULL; /* It has no such routes. */
    CHECK_OK(weir_rest_new(&(weir_rest_options){0}, &rest, &p.err), &p.err);
    CHECK_OK(weir_rest_start(rest, &p.err), &p.err);
    p.network = &weir_snapshot_http;
    p.source = weir_format("127.0.0.1:%u", weir_rest_port(rest));
    open_process(&p, &p.b, "b", p.directories[1]);
    worker_process_tell_all(&p.b, WEIR_COMMAND_OPEN);
    for (size_t t = 0; t < TASKS;) {
        step(&p);
        weir_stream_thread_wait(p.b.thread, p.now_ms);
        t += p.b.last_report[t] == (int)WEIR_REPORT_RUNNING ? 1 : 0;
    }
    CHECK_I64(changelog_records(&p.b), ==, RECORDS);
    weir_rest_free(rest);
}
