/* SPDX-License-Identifier: Apache-2.0
 *
 * What processes tell each other, as JSON and back (streams/process_state.c), and which record of
 * several counts (streams/members.c).
 */
#include "streams/members.h"
#include "tests/harness/check.h"

#include "streams/base/random.h"

#include <stdlib.h>
#include <string.h>

enum { TASKS = 12 };

static void check_decodes(const char *text, weir_status wanted)
{
    WEIR_AUTO(weir_process_state) state = {0};
    weir_process_state_init(&state, TASKS);
    weir_error err = {0};
    CHECK_STATUS(weir_process_state_decode(&state, weir_bytes_of_text(text), &err), wanted);
}

TEST(a_state_is_written_as_it_is_documented)
{
    WEIR_AUTO(weir_process_state) state = {0};
    weir_process_state_init(&state, TASKS);
    state.incarnation = 3;
    state.sequence = 17;
    state.generation = 5;
    state.host = weir_strdup("10.0.0.7:8080");
    for (size_t i = 0; i < 4; i++) {
        state.tasks[i].owned = true;
        state.tasks[i].claimed = i < 3;
    }
    state.tasks[7].owned = true;
    state.tasks[0].running = true;
    weir_process_task_grant(&state.tasks[3], "pod-2");
    weir_process_task_grant(&state.tasks[7], "pod-2");
    state.tasks[3].lag = 0;
    state.tasks[7].lag = 81200;
    WEIR_AUTO(weir_buf) text = {0};
    weir_process_state_encode(&state, &text);
    CHECK_STR(weir_buf_text(&text),
              "{\"v\":1,\"incarnation\":3,\"sequence\":17,\"generation\":5,"
              "\"host\":\"10.0.0.7:8080\",\"rack\":null,\"owned\":\"0-3,7\",\"claimed\":\"0-2\","
              "\"running\":\"0\",\"granted\":{\"pod-2\":\"3,7\"},\"lags\":{\"3\":0,\"7\":81200}}");
}

TEST(why_all_shall_end_is_written_and_read)
{
    WEIR_AUTO(weir_process_state) state = {0};
    WEIR_AUTO(weir_process_state) back = {0};
    weir_process_state_init(&state, TASKS);
    weir_process_state_init(&back, TASKS);
    state.shutdown = weir_strdup("task 0_1: \"thrown\"");
    WEIR_AUTO(weir_buf) text = {0};
    weir_process_state_encode(&state, &text);
    weir_error err = {0};
    CHECK_OK(weir_process_state_decode(&back, weir_buf_bytes(&text), &err), &err);
    CHECK_STR(back.shutdown, state.shutdown);
}

static void randomise(weir_process_state *state, weir_random *random)
{
    static const char *const names[] = {NULL, NULL, "a", "b"};
    state->generation = (int32_t)weir_random_below(random, 9) - 1;
    state->sequence = weir_random_below(random, 1000);
    for (size_t i = 0; i < TASKS; i++) {
        weir_process_task *task = &state->tasks[i];
        task->owned = weir_random_below(random, 2) == 0;
        task->claimed = weir_random_below(random, 2) == 0;
        task->running = weir_random_below(random, 2) == 0;
        task->lag = weir_random_below(random, 2) == 0 ? (int64_t)weir_random_below(random, 1 << 30)
                                                      : WEIR_TASK_LAG_UNKNOWN;
        weir_process_task_grant(task, names[weir_random_below(random, WEIR_COUNT_OF(names))]);
    }
}

TEST(every_state_comes_back_as_it_was)
{
    weir_random random = weir_random_of(check_seed(7));
    for (int run = 0; run < 500; run++) {
        WEIR_AUTO(weir_process_state) state = {0};
        WEIR_AUTO(weir_process_state) back = {0};
        weir_process_state_init(&state, TASKS);
        weir_process_state_init(&back, TASKS);
        randomise(&state, &random);
        WEIR_AUTO(weir_buf) text = {0};
        weir_process_state_encode(&state, &text);
        weir_error err = {0};
        CHECK_OK(weir_process_state_decode(&back, weir_buf_bytes(&text), &err), &err);
        CHECK(weir_process_state_says_the_same(&state, &back));
        CHECK(weir_process_state_has_same_lags(&state, &back));
        CHECK_I64(back.sequence, ==, state.sequence);
        back.tasks[3].owned = !back.tasks[3].owned;
        CHECK(!weir_process_state_says_the_same(&state, &back));
    }
}

#define VALID_HEAD "{\"v\":1,\"incarnation\":1,\"sequence\":1,\"generation\":1,"
#define VALID_SETS "\"owned\":\"\",\"claimed\":\"\",\"running\":\"\""

TEST(what_is_no_state_is_refused)
{
    check_decodes(VALID_HEAD VALID_SETS "}", WEIR_OK);
    check_decodes("", WEIR_BAD_RECORD);
    check_decodes("[]", WEIR_BAD_RECORD);
    check_decodes("{\"v\":1}", WEIR_BAD_RECORD);
    check_decodes("{\"v\":2,\"incarnation\":1,\"sequence\":1,\"generation\":1," VALID_SETS "}",
                  WEIR_BAD_RECORD);
    check_decodes("{\"v\":1,\"incarnation\":-1,\"sequence\":1,\"generation\":1," VALID_SETS "}",
                  WEIR_BAD_RECORD);
    static const char *const bad_sets[] = {
        "12", "0-12", "3-1", "-", "a", "1,", ",1", "1--2", "1 2", "0-", "9999999999999999999999"};
    for (size_t i = 0; i < WEIR_COUNT_OF(bad_sets); i++) {
        WEIR_AUTO(weir_buf) text = {0};
        weir_buf_append_format(&text,
                               VALID_HEAD "\"owned\":\"%s\",\"claimed\":\"\",\"running\":"
                                          "\"\"}",
                               bad_sets[i]);
        bool comma = strcmp(bad_sets[i], "1,") == 0; /* An empty rest is an empty set. */
        check_decodes(weir_buf_text(&text), comma ? WEIR_OK : WEIR_BAD_RECORD);
    }
    check_decodes(VALID_HEAD VALID_SETS ",\"lags\":{\"12\":1}}", WEIR_BAD_RECORD);
    check_decodes(VALID_HEAD VALID_SETS ",\"lags\":{\"1\":-1}}", WEIR_BAD_RECORD);
    check_decodes(VALID_HEAD VALID_SETS ",\"granted\":{\"p\":\"x\"}}", WEIR_BAD_RECORD);
}

static weir_status take(weir_members *members, const char *process_id, uint64_t incarnation,
                        uint64_t sequence, int32_t generation)
{
    static int64_t offset;
    WEIR_AUTO(weir_process_state) state = {0};
    weir_process_state_init(&state, TASKS);
    state.incarnation = incarnation;
    state.sequence = sequence;
    state.generation = generation;
    state.tasks[1].owned = true;
    WEIR_AUTO(weir_buf) value = {0};
    weir_process_state_encode(&state, &value);
    weir_error err = {0};
    return weir_members_take(members, weir_bytes_of_text(process_id), weir_buf_bytes(&value),
                             offset++, &err);
}

TEST(a_late_record_or_one_of_a_former_life_does_not_count)
{
    WEIR_AUTO_PTR(weir_members) members = weir_members_new(TASKS);
    CHECK_STATUS(take(members, "a", 1, 5, 3), WEIR_OK);
    CHECK_STATUS(take(members, "a", 1, 5, 3), WEIR_NOT_FOUND);
    CHECK_STATUS(take(members, "a", 1, 4, 9), WEIR_NOT_FOUND);
    CHECK_STATUS(take(members, "a", 2, 1, 4), WEIR_OK);
    CHECK_STATUS(take(members, "a", 1, 6, 3), WEIR_NOT_FOUND);
    CHECK_I64(weir_members_find(members, "a")->state.generation, ==, 4);
}

TEST(processes_are_found_by_id_until_their_tombstone)
{
    WEIR_AUTO_PTR(weir_members) members = weir_members_new(TASKS);
    CHECK_STATUS(take(members, "b", 1, 1, 3), WEIR_OK);
    CHECK_STATUS(take(members, "c", 1, 1, 2), WEIR_OK);
    CHECK_STATUS(take(members, "a", 1, 1, 3), WEIR_OK);
    CHECK_STR(weir_members_at(members, 0)->process_id, "a");
    CHECK_STR(weir_members_at(members, 2)->process_id, "c");
    CHECK_I64(weir_members_live_count(members, 3), ==, 2);
    weir_error err = {0};
    CHECK_OK(weir_members_take(members, WEIR_BYTES("a"), WEIR_BYTES_NULL, 9, &err), &err);
    CHECK(weir_members_find(members, "a") == NULL);
    CHECK_I64(weir_members_count(members), ==, 2);
    CHECK_STATUS(weir_members_take(members, WEIR_BYTES(""), WEIR_BYTES_NULL, 10, &err),
                 WEIR_BAD_RECORD);
}

TEST(the_later_of_two_owners_counts_and_names_the_runner)
{
    WEIR_AUTO_PTR(weir_members) members = weir_members_new(TASKS);
    CHECK(weir_members_runner(members, 3, 1) == NULL);
    CHECK_STATUS(take(members, "b", 1, 1, 3), WEIR_OK);
    CHECK_STATUS(take(members, "a", 1, 1, 3), WEIR_OK);
    CHECK_STATUS(take(members, "c", 1, 1, 4), WEIR_OK);
    CHECK_STR(weir_members_runner(members, 3, 1), "a");
    CHECK(weir_members_runner(members, 3, 2) == NULL);
    CHECK(weir_members_runner(members, 5, 1) == NULL);
}

TEST(records_of_a_group_that_was_deleted_are_forgotten)
{
    WEIR_AUTO_PTR(weir_members) members = weir_members_new(TASKS);
    CHECK_STATUS(take(members, "old", 1, 1, 7), WEIR_OK);
    CHECK_STATUS(take(members, "lower", 1, 1, 2), WEIR_OK);
    CHECK_STATUS(take(members, "now", 1, 1, 7), WEIR_OK);
    weir_members_forget(members, weir_members_find(members, "now")->offset, 3);
    CHECK(weir_members_find(members, "old") == NULL);
    CHECK(weir_members_find(members, "lower") != NULL);
    CHECK(weir_members_find(members, "now") != NULL);
}
