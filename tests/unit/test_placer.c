/* SPDX-License-Identifier: Apache-2.0
 *
 * Leases under chance (streams/placer.c): several placers on one log, whose records are lost, late
 * and doubled; generations that each process learns of in its own time; crashes, static restarts,
 * grants and recalls. A process that runs a task commits with the generation that it knows, and a
 * broker refuses all but the newest: so two may run a task, but not in one generation.
 */
#include "streams/placer.h"
#include "tests/harness/check.h"

#include "streams/base/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PROCESSES = 4,
    TASKS = 5,
    LOG_MAX = 20000,
    OUTBOX_MAX = 8,
    STORM_STEPS = 1500,
    CALM_STEPS = 3000,
    FULL_LAG = 40000,
    RUNS = 400,
};

typedef struct entry {
    int writer;
    weir_buf value;
} entry;

typedef struct outgoing {
    weir_buf value;
    bool used;
} outgoing;

typedef struct process {
    char id[8];
    weir_placer *placer; /* NULL: it is down. */
    bool joined;         /* The group counts it as a member. */
    int64_t read_to;
    int64_t start_offset;
    bool started;
    bool owned[TASKS];
    bool runs[TASKS]; /* With the generation of the placer. */
    bool open[TASKS];
    int64_t lag[TASKS];
    outgoing outbox[OUTBOX_MAX]; /* On the way; of former lives too. */
} process;

typedef struct world {
    uint64_t seed;
    weir_random random;
    int64_t now_ms;
    bool is_static;
    bool calm;
    entry log[LOG_MAX];
    int64_t end;
    int32_t generation;
    int owners[TASKS]; /* -1: nobody. */
    process processes[PROCESSES];
    uint64_t grants_seen;
    uint64_t leased_runs;
} world;

static uint64_t below(world *w, uint64_t bound)
{
    return weir_random_below(&w->random, bound);
}

static bool chance(world *w, uint32_t percent)
{
    return !w->calm && below(w, 100) < percent;
}

static void append(world *w, int writer, weir_bytes value)
{
    CHECK(w->end < LOG_MAX);
    entry *next = &w->log[w->end++];
    next->writer = writer;
    weir_buf_set(&next->value, value);
}

/* A new generation; every member that lives may get any task. */
static void rebalance(world *w)
{
    w->generation++;
    int members[PROCESSES];
    size_t count = 0;
    for (int p = 0; p < PROCESSES; p++) {
        if (w->processes[p].joined) {
            members[count++] = p;
        }
    }
    for (size_t t = 0; t < TASKS; t++) {
        bool stays = w->owners[t] >= 0 && w->processes[w->owners[t]].joined && below(w, 3) > 0;
        if (!stays) {
            w->owners[t] = count == 0 ? -1 : members[below(w, count)];
        }
    }
}

/* The process learns of the newest generation: it stops what is not its own, then goes on. */
static void sync_process(world *w, int p)
{
    process *self = &w->processes[p];
    if (!self->joined || weir_placer_generation(self->placer) == w->generation) {
        return;
    }
    for (size_t t = 0; t < TASKS; t++) {
        self->owned[t] = w->owners[t] == p;
        self->runs[t] = self->runs[t] && self->owned[t];
    }
    weir_placer_set_generation(self->placer, w->generation, w->now_ms);
}

static void start_process(world *w, int p)
{
    process *self = &w->processes[p];
    const weir_placer_options options = {
        .process_id = self->id,
        .task_count = TASKS,
        .is_static = w->is_static,
        .settings = {.acceptable_recovery_lag = 100,
                     .max_warmup_replicas = 1 + below(w, 2),
                     .num_standby_replicas = below(w, 2)},
        .wait_ms = 500,
    };
    self->placer = weir_placer_new(&options);
    self->read_to = 0;
    self->started = false;
    self->start_offset = w->end;
    memset(self->runs, 0, sizeof(self->runs));
    memset(self->open, 0, sizeof(self->open));
    memset(self->owned, 0, sizeof(self->owned));
    bool resumes = w->is_static && self->joined;
    self->joined = true;
    if (!resumes) {
        rebalance(w);
    } else {
        sync_process(w, p);
    }
}

static void crash_process(world *w, int p)
{
    process *self = &w->processes[p];
    weir_placer_free(weir_take(&self->placer));
    memset(self->runs, 0, sizeof(self->runs));
    if (!w->is_static) {
        self->joined = false; /* The group learns of it sooner or later: here at once or later. */
        rebalance(w);
    }
}

static void read_log(world *w, int p)
{
    process *self = &w->processes[p];
    int64_t count = w->calm ? LOG_MAX : (int64_t)below(w, 4);
    for (; count > 0 && self->read_to < w->end; count--) {
        const entry *next = &w->log[self->read_to];
        weir_error err = {0};
        weir_status status =
            weir_placer_take(self->placer, weir_bytes_of_text(w->processes[next->writer].id),
                             weir_buf_bytes(&next->value), self->read_to, &err);
        CHECK(status == WEIR_OK || status == WEIR_NOT_FOUND);
        self->read_to++;
    }
    if (!self->started && self->read_to >= self->start_offset) {
        weir_placer_start(self->placer, self->start_offset);
        self->started = true;
    }
}

static void restore_some(world *w, process *self, size_t t)
{
    int64_t step = (int64_t)below(w, 20000);
    self->lag[t] = self->lag[t] > step ? self->lag[t] - step : 0;
}

static void follow_role(world *w, process *self, size_t t)
{
    weir_placement_role role = weir_placer_role(self->placer, t);
    if (role == WEIR_PLACE_RUN && !self->runs[t] && !chance(w, 30)) {
        self->runs[t] = true;
        self->lag[t] = self->open[t] ? self->lag[t] : FULL_LAG;
        self->open[t] = true;
        w->leased_runs += self->owned[t] ? 0 : 1;
    } else if (role != WEIR_PLACE_RUN && self->runs[t] && !chance(w, 50)) {
        self->runs[t] = false;
    } else if (role == WEIR_PLACE_STANDBY && !self->open[t]) {
        self->open[t] = true;
        self->lag[t] = chance(w, 50) ? 50 : FULL_LAG;
    } else if (role == WEIR_PLACE_NONE && !self->runs[t]) {
        self->open[t] = false;
    }
    if (self->open[t]) {
        restore_some(w, self, t);
    }
}

static void tell_tasks(process *self)
{
    for (size_t t = 0; t < TASKS; t++) {
        const weir_placer_task task = {
            .owned = self->owned[t],
            .stateful = t > 0,
            .open = self->open[t],
            .active = self->runs[t],
            .running = self->runs[t] && self->lag[t] == 0,
            .lag = self->lag[t],
        };
        weir_placer_set_task(self->placer, t, &task);
    }
}

static outgoing *free_place(process *self)
{
    for (size_t i = 0; i < OUTBOX_MAX; i++) {
        if (!self->outbox[i].used) {
            return &self->outbox[i];
        }
    }
    return NULL;
}

static void send_record(world *w, int p, weir_bytes value)
{
    process *self = &w->processes[p];
    outgoing *place = free_place(self);
    if (chance(w, 10)) {
        weir_placer_record_failed(self->placer);
        return;
    }
    if (place == NULL || !chance(w, 20)) {
        append(w, p, value);
        return;
    }
    weir_buf_set(&place->value, value); /* It arrives later, and is said to have failed. */
    place->used = true;
    weir_placer_record_failed(self->placer);
}

static void deliver_late(world *w, int p)
{
    process *self = &w->processes[p];
    for (size_t i = 0; i < OUTBOX_MAX; i++) {
        if (self->outbox[i].used && (w->calm || below(w, 20) == 0)) {
            append(w, p, weir_buf_bytes(&self->outbox[i].value));
            self->outbox[i].used = false;
        }
    }
}

static void turn(world *w, int p)
{
    process *self = &w->processes[p];
    deliver_late(w, p);
    if (self->placer == NULL) {
        return;
    }
    read_log(w, p);
    if (!chance(w, 80)) {
        sync_process(w, p);
    }
    if (chance(w, 50) || w->calm) {
        size_t count = 0;
        for (int i = 0; i < PROCESSES; i++) {
            count += w->processes[i].joined ? 1 : 0;
        }
        weir_placer_set_member_count(self->placer, count);
    }
    tell_tasks(self);
    weir_placer_decide(self->placer, w->now_ms);
    for (size_t t = 0; t < TASKS; t++) {
        follow_role(w, self, t);
    }
    WEIR_AUTO(weir_buf) value = {0};
    if (weir_placer_record(self->placer, w->now_ms, &value)) {
        send_record(w, p, weir_buf_bytes(&value));
    }
}

static void check_pair(const world *w, const process *a, const process *b)
{
    if (a->placer == NULL || b->placer == NULL ||
        weir_placer_generation(a->placer) != weir_placer_generation(b->placer)) {
        return;
    }
    for (size_t t = 0; t < TASKS; t++) {
        if (a->runs[t] && b->runs[t]) {
            check_fail(__FILE__, __LINE__,
                       "seed %" PRIu64 ": %s and %s run task %zu in generation %d", w->seed, a->id,
                       b->id, t, (int)w->generation);
        }
    }
}

/* The one rule: in a generation one process at most runs a task. */
static void check_exclusive(const world *w)
{
    for (int p = 0; p < PROCESSES; p++) {
        for (int q = p + 1; q < PROCESSES; q++) {
            check_pair(w, &w->processes[p], &w->processes[q]);
        }
    }
}

static void do_harm(world *w)
{
    int p = (int)below(w, PROCESSES);
    process *self = &w->processes[p];
    if (self->placer == NULL) {
        start_process(w, p);
    } else if (below(w, 3) == 0) {
        crash_process(w, p);
    } else if (below(w, 3) == 0) {
        rebalance(w);
    } else { /* A store is lost, or its changelog grows. */
        self->lag[below(w, TASKS)] = FULL_LAG;
    }
}

static bool all_run_at_their_owners(world *w)
{
    for (size_t t = 0; t < TASKS; t++) {
        const process *owner = &w->processes[w->owners[t]];
        if (!owner->runs[t] || weir_placer_generation(owner->placer) != w->generation) {
            return false;
        }
    }
    return true;
}

static void storm(world *w)
{
    for (int i = 0; i < STORM_STEPS; i++) {
        w->now_ms += (int64_t)below(w, 40);
        if (below(w, 40) == 0) {
            do_harm(w);
        }
        turn(w, (int)below(w, PROCESSES));
        check_exclusive(w);
    }
}

static void calm(world *w)
{
    w->calm = true;
    for (int p = 0; p < PROCESSES; p++) {
        if (w->processes[p].placer == NULL) {
            start_process(w, p);
        }
    }
    for (int i = 0; i < CALM_STEPS && !all_run_at_their_owners(w); i++) {
        w->now_ms += 20;
        turn(w, i % PROCESSES);
        check_exclusive(w);
    }
    if (!all_run_at_their_owners(w)) {
        check_fail(__FILE__, __LINE__, "seed %" PRIu64 ": a task is not run where it belongs",
                   w->seed);
    }
}

static uint64_t run(uint64_t seed, bool is_static)
{
    world *w = weir_alloc(sizeof(*w));
    w->seed = seed;
    w->random = weir_random_of(seed);
    w->now_ms = 1000;
    w->is_static = is_static;
    for (int p = 0; p < PROCESSES; p++) {
        (void)snprintf(w->processes[p].id, sizeof(w->processes[p].id), "p%d", p);
    }
    for (size_t t = 0; t < TASKS; t++) {
        w->owners[t] = -1;
    }
    start_process(w, 0);
    storm(w);
    calm(w);
    uint64_t leased = w->leased_runs;
    for (int64_t i = 0; i < w->end; i++) {
        weir_buf_cleanup(&w->log[i].value);
    }
    for (int p = 0; p < PROCESSES; p++) {
        weir_placer_free(w->processes[p].placer);
        for (size_t i = 0; i < OUTBOX_MAX; i++) {
            weir_buf_cleanup(&w->processes[p].outbox[i].value);
        }
    }
    free(w);
    return leased;
}

static void run_many(bool is_static)
{
    uint64_t first = check_seed(1);
    uint64_t leased = 0;
    bool alone = check_number("WEIR_TEST_SEED", 0) != 0;
    for (uint64_t seed = first; seed < first + (alone ? 1 : RUNS); seed++) {
        leased += run(seed, is_static);
    }
    printf("  tasks were run %" PRIu64 " times by others than their owners\n", leased);
    CHECK(alone || leased > RUNS);
}

TEST(no_two_processes_run_a_task_in_one_generation_and_all_come_home)
{
    run_many(false);
}

TEST(static_members_that_come_back_in_the_same_generation_keep_to_it)
{
    run_many(true);
}
