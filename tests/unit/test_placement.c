/* SPDX-License-Identifier: Apache-2.0
 *
 * The rules of placement one by one (streams/placement.c), through a placer that is told what
 * others say. test_placer.c runs several of them against each other.
 */
#include "streams/placer.h"
#include "tests/harness/check.h"

#include <stdio.h>
#include <stdlib.h>

enum { TASKS = 8, WAIT_MS = 500, START_MS = 1000 };

typedef struct fixture {
    weir_placer *placer;
    weir_placer_task tasks[TASKS];
    weir_process_state other;
    int64_t offset;
    int64_t now_ms;
    unsigned decisions; /* That were made anew. */
} fixture;

static void start(fixture *f, const weir_placement_settings *settings, bool is_static)
{
    const weir_placer_options options = {
        .process_id = "me",
        .rack = "r1",
        .task_count = TASKS,
        .is_static = is_static,
        .settings = *settings,
        .wait_ms = WAIT_MS,
    };
    f->placer = weir_placer_new(&options);
    weir_process_state_init(&f->other, TASKS);
    f->other.incarnation = 1;
    f->now_ms = START_MS;
    for (size_t i = 0; i < TASKS; i++) {
        f->tasks[i] = (weir_placer_task){.stateful = true, .lag = WEIR_TASK_LAG_UNKNOWN};
    }
}

static const weir_placement_settings usual = {
    .acceptable_recovery_lag = 100, .max_warmup_replicas = 2, .num_standby_replicas = 0};

static void fixture_cleanup(fixture *f)
{
    weir_placer_free(f->placer);
    weir_process_state_cleanup(&f->other);
}

/* The other process says what is in f->other. */
static void say_as(fixture *f, const char *process_id)
{
    WEIR_AUTO(weir_buf) value = {0};
    f->other.sequence++;
    weir_process_state_encode(&f->other, &value);
    weir_error err = {0};
    CHECK_OK(weir_placer_take(f->placer, weir_bytes_of_text(process_id), weir_buf_bytes(&value),
                              f->offset++, &err),
             &err);
}

static void say(fixture *f)
{
    say_as(f, "other");
}

static void join(fixture *f, int32_t generation, size_t members)
{
    if (weir_placer_generation(f->placer) < 0) {
        weir_placer_start(f->placer, f->offset);
    }
    weir_placer_set_generation(f->placer, generation, f->now_ms);
    weir_placer_set_member_count(f->placer, members);
}

static weir_placement_role decide(fixture *f, size_t task)
{
    for (size_t i = 0; i < TASKS; i++) {
        weir_placer_set_task(f->placer, i, &f->tasks[i]);
    }
    f->decisions += weir_placer_decide(f->placer, f->now_ms) ? 1 : 0;
    return weir_placer_role(f->placer, task);
}

/* Sends what is due; and reads it back. True where something was due. */
static bool send(fixture *f, bool read_back)
{
    WEIR_AUTO(weir_buf) value = {0};
    if (!weir_placer_record(f->placer, f->now_ms, &value)) {
        return false;
    }
    weir_error err = {0};
    if (read_back) {
        CHECK_OK(weir_placer_take(f->placer, WEIR_BYTES("me"), weir_buf_bytes(&value), f->offset++,
                                  &err),
                 &err);
    }
    return true;
}

static const weir_process_task *own(const fixture *f, size_t task)
{
    return &weir_placer_own(f->placer)->tasks[task];
}

/* The other is live, and warm for task 1, that we own. */
static void lease_task_1(fixture *f)
{
    join(f, 5, 2);
    f->tasks[1].owned = true;
    f->tasks[1].open = true;
    f->tasks[1].lag = 5000;
    f->other.generation = 5;
    f->other.tasks[1].lag = 7;
    say(f);
    CHECK(decide(f, 1) == WEIR_PLACE_STANDBY);
    CHECK_STR(own(f, 1)->granted_to, "other");
    CHECK(!own(f, 1)->claimed);
    CHECK(send(f, true));
}

TEST(nothing_is_decided_before_the_topic_is_read_and_the_group_joined)
{
    fixture f = {0};
    start(&f, &usual, false);
    f.tasks[1].owned = true;
    CHECK(decide(&f, 1) == WEIR_PLACE_KEEP);
    CHECK(!send(&f, true));
    weir_placer_set_generation(f.placer, 3, f.now_ms);
    CHECK(decide(&f, 1) == WEIR_PLACE_KEEP);
    weir_placer_start(f.placer, 0);
    weir_placer_set_member_count(f.placer, 1);
    CHECK(decide(&f, 1) == WEIR_PLACE_RUN);
    fixture_cleanup(&f);
}

TEST(steps_without_news_decide_nothing)
{
    enum { STEPS = 100 };
    fixture f = {0};
    start(&f, &usual, false);
    lease_task_1(&f);
    CHECK(decide(&f, 1) == WEIR_PLACE_STANDBY); /* After what was sent has been read back. */
    CHECK(decide(&f, 1) == WEIR_PLACE_STANDBY);
    unsigned before = f.decisions;
    for (int i = 0; i < STEPS; i++) {
        CHECK(decide(&f, 1) == WEIR_PLACE_STANDBY);
    }
    CHECK(f.decisions == before);
    f.tasks[1].lag = 4000; /* Each change costs two: what it led to, and whether that holds. */
    for (int i = 0; i < STEPS; i++) {
        CHECK(decide(&f, 1) == WEIR_PLACE_STANDBY);
    }
    CHECK(f.decisions == before + 2);
    f.other.tasks[1].lag = 0;
    say(&f);
    for (int i = 0; i < STEPS; i++) {
        CHECK(decide(&f, 1) == WEIR_PLACE_STANDBY);
    }
    CHECK(f.decisions == before + 4);
    fixture_cleanup(&f);
}

TEST(the_end_of_the_wait_is_news)
{
    fixture f = {0};
    start(&f, &usual, false);
    join(&f, 5, 3); /* Of whom one never speaks. */
    f.tasks[1].owned = true;
    f.tasks[1].open = true;
    f.tasks[1].lag = 5000;
    CHECK(decide(&f, 1) == WEIR_PLACE_STANDBY);
    CHECK(decide(&f, 1) == WEIR_PLACE_STANDBY);
    unsigned before = f.decisions;
    CHECK(decide(&f, 1) == WEIR_PLACE_STANDBY);
    CHECK(f.decisions == before);
    f.now_ms += WAIT_MS;
    CHECK(decide(&f, 1) == WEIR_PLACE_RUN);
    CHECK(f.decisions == before + 1);
    fixture_cleanup(&f);
}

TEST(stateless_warm_and_orphaned_tasks_run_at_once)
{
    fixture f = {0};
    start(&f, &usual, false);
    join(&f, 5, 3);
    f.tasks[0] = (weir_placer_task){.owned = true};
    f.tasks[1] = (weir_placer_task){.owned = true, .stateful = true, .open = true, .lag = 100};
    f.tasks[2] = (weir_placer_task){.owned = true, .stateful = true, .open = true, .lag = 101};
    CHECK(decide(&f, 0) == WEIR_PLACE_RUN);
    CHECK(decide(&f, 1) == WEIR_PLACE_RUN);
    CHECK(decide(&f, 2) == WEIR_PLACE_STANDBY); /* Somebody warmer may still say so. */
    f.now_ms += WAIT_MS;
    CHECK(decide(&f, 2) == WEIR_PLACE_RUN);
    fixture_cleanup(&f);
}

TEST(a_cold_task_is_granted_to_the_warmest_and_warmed_up)
{
    fixture f = {0};
    start(&f, &usual, false);
    lease_task_1(&f);
    f.other.tasks[1].lag = 3;
    say_as(&f, "warmer");
    CHECK(decide(&f, 1) == WEIR_PLACE_STANDBY);
    CHECK_STR(own(&f, 1)->granted_to, "other"); /* A grant stays where it is. */
    fixture_cleanup(&f);
}

TEST(where_nobody_is_warm_half_the_way_is_worth_a_grant)
{
    fixture f = {0};
    start(&f, &usual, false);
    join(&f, 5, 2);
    for (size_t i = 0; i < 2; i++) {
        f.tasks[i] = (weir_placer_task){.owned = true, .stateful = true, .open = true, .lag = 5000};
    }
    f.other.generation = 5;
    f.other.tasks[0].lag = 2400;
    f.other.tasks[1].lag = 2600;
    say(&f);
    CHECK(decide(&f, 0) == WEIR_PLACE_STANDBY);
    CHECK_STR(own(&f, 0)->granted_to, "other");
    CHECK(decide(&f, 1) == WEIR_PLACE_RUN);
    fixture_cleanup(&f);
}

TEST(our_own_lag_is_waited_for_where_another_might_be_warmer)
{
    fixture f = {0};
    start(&f, &usual, false);
    join(&f, 5, 2);
    f.tasks[1].owned = true;
    f.other.generation = 5;
    f.other.tasks[1].lag = 7;
    say(&f);
    CHECK(decide(&f, 1) == WEIR_PLACE_STANDBY);
    CHECK(own(&f, 1)->granted_to == NULL);
    f.now_ms += WAIT_MS;
    CHECK(decide(&f, 1) == WEIR_PLACE_STANDBY);
    CHECK_STR(own(&f, 1)->granted_to, "other");
    fixture_cleanup(&f);
}

TEST(a_lease_is_taken_back_when_we_have_caught_up_and_the_other_has_stopped)
{
    fixture f = {0};
    start(&f, &usual, false);
    lease_task_1(&f);
    f.other.tasks[1].claimed = true;
    say(&f);
    f.tasks[1].lag = 100;
    CHECK(decide(&f, 1) == WEIR_PLACE_STANDBY);
    CHECK(own(&f, 1)->claimed);
    CHECK(own(&f, 1)->granted_to == NULL);
    CHECK(send(&f, true));
    CHECK(decide(&f, 1) == WEIR_PLACE_STANDBY);
    f.other.tasks[1].claimed = false;
    say(&f);
    CHECK(decide(&f, 1) == WEIR_PLACE_RUN);
    fixture_cleanup(&f);
}

TEST(a_claim_counts_only_when_it_has_been_read_back)
{
    fixture f = {0};
    start(&f, &usual, false);
    lease_task_1(&f);
    f.tasks[1].lag = 0;
    CHECK(decide(&f, 1) == WEIR_PLACE_STANDBY);
    CHECK(send(&f, false));
    CHECK(decide(&f, 1) == WEIR_PLACE_STANDBY); /* The other may claim it in between. */
    f.now_ms += 1000;
    CHECK(send(&f, true)); /* It was lost, and is sent again. */
    CHECK(decide(&f, 1) == WEIR_PLACE_RUN);
    fixture_cleanup(&f);
}

TEST(a_new_generation_ends_every_word_of_the_last_one)
{
    fixture f = {0};
    start(&f, &usual, false);
    lease_task_1(&f);
    f.other.tasks[1].claimed = true;
    say(&f);
    join(&f, 6, 0);
    CHECK(decide(&f, 1) == WEIR_PLACE_STANDBY);
    CHECK_STR(own(&f, 1)->granted_to, "other"); /* It goes on where it was. */
    f.now_ms += WAIT_MS;
    CHECK(decide(&f, 1) == WEIR_PLACE_RUN); /* It is not there any more. */
    fixture_cleanup(&f);
}

TEST(what_is_granted_to_us_runs_when_the_claim_is_back)
{
    fixture f = {0};
    start(&f, &usual, false);
    join(&f, 5, 2);
    f.other.generation = 5;
    f.other.tasks[1].owned = true;
    weir_process_task_grant(&f.other.tasks[1], "me");
    say(&f);
    f.tasks[1].open = true;
    f.tasks[1].lag = 0;
    CHECK(decide(&f, 1) == WEIR_PLACE_STANDBY);
    CHECK(send(&f, true));
    CHECK(decide(&f, 1) == WEIR_PLACE_RUN);
    f.tasks[1].active = true;
    weir_process_task_grant(&f.other.tasks[1], NULL);
    f.other.tasks[1].claimed = true;
    say(&f);
    CHECK(decide(&f, 1) == WEIR_PLACE_STANDBY);
    CHECK(own(&f, 1)->claimed); /* Until the worker has stopped. */
    f.tasks[1].active = false;
    CHECK(decide(&f, 1) == WEIR_PLACE_STANDBY); /* Kept until its owner runs it. */
    CHECK(!own(&f, 1)->claimed);
    f.other.tasks[1].running = true;
    say(&f);
    CHECK(decide(&f, 1) == WEIR_PLACE_NONE);
    fixture_cleanup(&f);
}

TEST(so_many_are_warmed_up_at_a_time_open_ones_first)
{
    fixture f = {0};
    start(&f, &usual, false);
    join(&f, 5, 2);
    f.other.generation = 5;
    for (size_t i = 0; i < 5; i++) {
        f.tasks[i] =
            (weir_placer_task){.owned = true, .stateful = true, .open = i == 4, .lag = 5000};
        f.other.tasks[i].lag = 0;
    }
    say(&f);
    f.now_ms += WAIT_MS;
    CHECK(decide(&f, 4) == WEIR_PLACE_STANDBY);
    CHECK(decide(&f, 0) == WEIR_PLACE_STANDBY);
    CHECK(decide(&f, 1) == WEIR_PLACE_NONE);
    CHECK(decide(&f, 3) == WEIR_PLACE_NONE);
    CHECK_STR(own(&f, 3)->granted_to, "other");
    fixture_cleanup(&f);
}

TEST(a_static_member_that_recalled_a_task_and_crashed_still_waits_for_the_other)
{
    fixture f = {0};
    start(&f, &usual, true);
    f.other.generation = 5;
    f.other.tasks[1].owned = true; /* Our former life: it took task 1 back, then crashed. */
    f.other.tasks[1].claimed = true;
    f.other.tasks[2].owned = true; /* And task 2 is out. */
    weir_process_task_grant(&f.other.tasks[2], "other");
    say_as(&f, "me");
    f.other.tasks[1].owned = false;
    f.other.tasks[2].owned = false;
    weir_process_task_grant(&f.other.tasks[2], NULL);
    say(&f); /* The other runs task 1 still. */
    join(&f, 5, 2);
    for (size_t i = 1; i < 3; i++) {
        f.tasks[i] = (weir_placer_task){.owned = true, .stateful = true, .open = true, .lag = 900};
    }
    f.tasks[1].lag = 0;
    CHECK(decide(&f, 1) == WEIR_PLACE_STANDBY);
    CHECK_STR(own(&f, 2)->granted_to, "other");
    CHECK(send(&f, true));
    CHECK(decide(&f, 1) == WEIR_PLACE_STANDBY);
    f.other.tasks[1].claimed = false;
    say(&f);
    CHECK(decide(&f, 1) == WEIR_PLACE_RUN);
    fixture_cleanup(&f);
}

TEST(a_later_life_of_the_process_is_not_talked_over)
{
    fixture f = {0};
    start(&f, &usual, false);
    join(&f, 5, 1);
    CHECK(send(&f, true));
    f.other.incarnation = 2;
    say_as(&f, "me");
    f.now_ms += 10000;
    (void)decide(&f, 0);
    CHECK(!send(&f, true));
    fixture_cleanup(&f);
}

static uint64_t incarnation_of_a_start_at(int64_t end_offset)
{
    fixture f = {.offset = end_offset};
    start(&f, &usual, false);
    join(&f, 5, 1);
    uint64_t incarnation = weir_placer_own(f.placer)->incarnation;
    fixture_cleanup(&f);
    return incarnation;
}

/* Others have read them, and would take the new life for one before them. */
TEST(a_life_whose_former_records_are_compacted_away_is_a_later_one_still)
{
    CHECK(incarnation_of_a_start_at(40) > incarnation_of_a_start_at(39));
}

TEST(lags_are_told_every_two_seconds_and_the_rest_at_once)
{
    fixture f = {0};
    start(&f, &usual, false);
    join(&f, 5, 1);
    f.tasks[1].open = true;
    f.tasks[1].lag = 700;
    (void)decide(&f, 0);
    CHECK(send(&f, true));
    CHECK(!send(&f, true));
    f.tasks[1].lag = 600;
    f.now_ms += 1999;
    (void)decide(&f, 0);
    CHECK(!send(&f, true));
    f.now_ms += 1;
    CHECK(send(&f, true));
    f.tasks[2].open = true;
    f.tasks[2].lag = 5;
    (void)decide(&f, 0);
    CHECK(send(&f, true));
    fixture_cleanup(&f);
}

/* Standbys. */

static weir_members *processes_in_racks(const char *const *racks, size_t count)
{
    weir_members *members = weir_members_new(TASKS);
    for (size_t i = 0; i < count; i++) {
        WEIR_AUTO(weir_process_state) state = {0};
        weir_process_state_init(&state, TASKS);
        state.generation = 5;
        state.rack = weir_strdup(racks[i]);
        WEIR_AUTO(weir_buf) value = {0};
        weir_process_state_encode(&state, &value);
        char id[24];
        (void)snprintf(id, sizeof(id), "p%zu", i);
        weir_error err = {0};
        CHECK_OK(weir_members_take(members, weir_bytes_of_text(id), weir_buf_bytes(&value),
                                   (int64_t)i, &err),
                 &err);
    }
    return members;
}

static bool is_standby(const weir_members *members, size_t process, size_t task, size_t standbys)
{
    char id[24];
    (void)snprintf(id, sizeof(id), "p%zu", process);
    const weir_standby_question question = {5, task, "p0", standbys};
    return weir_placement_is_standby(members, id, &question);
}

TEST(each_task_has_as_many_standbys_as_are_asked_for_and_none_is_its_runner)
{
    static const char *const racks[6] = {0};
    WEIR_AUTO_PTR(weir_members) members = processes_in_racks(racks, 6);
    for (size_t standbys = 0; standbys < 8; standbys++) {
        for (size_t task = 0; task < TASKS; task++) {
            size_t count = 0;
            for (size_t p = 0; p < 6; p++) {
                count += is_standby(members, p, task, standbys) ? 1 : 0;
            }
            CHECK_I64(count, ==, standbys < 5 ? standbys : 5);
            CHECK(!is_standby(members, 0, task, standbys));
        }
    }
}

TEST(standbys_are_in_other_racks_where_there_are_some)
{
    static const char *const racks[6] = {"a", "a", "a", "b", "b", "c"};
    WEIR_AUTO_PTR(weir_members) members = processes_in_racks(racks, 6);
    for (size_t task = 0; task < TASKS; task++) {
        CHECK(!is_standby(members, 1, task, 2));
        CHECK(!is_standby(members, 2, task, 2));
        CHECK(is_standby(members, 5, task, 2));
        CHECK(is_standby(members, 3, task, 2) != is_standby(members, 4, task, 2));
    }
}

TEST(a_process_more_takes_over_no_more_standbys_than_its_share)
{
    static const char *const racks[6] = {0};
    WEIR_AUTO_PTR(weir_members) before = processes_in_racks(racks, 5);
    WEIR_AUTO_PTR(weir_members) after = processes_in_racks(racks, 6);
    for (size_t task = 0; task < TASKS; task++) {
        for (size_t p = 1; p < 5; p++) {
            bool was = is_standby(before, p, task, 1);
            bool stays = is_standby(after, p, task, 1) || is_standby(after, 5, task, 1);
            CHECK(!was || stays);
        }
    }
}
