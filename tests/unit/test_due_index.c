/* SPDX-License-Identifier: Apache-2.0
 *
 * The index of due times against a plain list, with random sets, removals and walks; and what a
 * walk does when the one that it tells changes the index.
 */
#include "statestore/due_index.h"
#include "statestore/mem_store.h"
#include "tests/harness/check.h"

#include "streams/base/random.h"

#include <stdio.h>
#include <string.h>

enum { IDS = 40, STEPS = 4000 };

typedef struct fixture {
    weir_due_index *index;
    weir_error err;
    char told[4096]; /* "id@due=payload " of each. */
} fixture;

static weir_status tell(void *user, const weir_due *due, weir_error *err)
{
    (void)err;
    fixture *f = user;
    size_t used = strlen(f->told);
    (void)snprintf(f->told + used, sizeof(f->told) - used, "%.*s@%lld=%.*s ", (int)due->id.size,
                   (const char *)due->id.data, (long long)due->due_ms, (int)due->payload.size,
                   (const char *)due->payload.data);
    return WEIR_OK;
}

static void set(fixture *f, const char *id, int64_t due_ms, const char *payload)
{
    const weir_due due = {weir_bytes_of_text(id), due_ms, weir_bytes_of_text(payload)};
    CHECK_OK(weir_due_index_set(f->index, &due, &f->err), &f->err);
}

static size_t take(fixture *f, int64_t now_ms, size_t slice_max, weir_due_tell told)
{
    size_t count = 0;
    const weir_due_request request = {now_ms, slice_max, told, f};
    f->told[0] = '\0';
    CHECK_OK(weir_due_index_take(f->index, &request, &count, &f->err), &f->err);
    return count;
}

static void begin(fixture *f)
{
    *f = (fixture){.index = weir_due_index_new(weir_mem_store_new("due"))};
}

TEST(what_is_due_comes_by_time_then_by_id_and_once)
{
    fixture f;
    begin(&f);
    set(&f, "b", 20, "x");
    set(&f, "a", 20, "");
    set(&f, "c", 10, "y");
    set(&f, "d", 21, "z");
    set(&f, "e", 5, "w");
    CHECK_OK(weir_due_index_remove(f.index, WEIR_BYTES("e"), &f.err), &f.err);
    CHECK_I64((int64_t)take(&f, 20, 2, tell), ==, 2);
    CHECK_STR(f.told, "c@10=y a@20= ");
    CHECK_I64((int64_t)take(&f, 20, 2, tell), ==, 1);
    CHECK_STR(f.told, "b@20=x ");
    CHECK_I64((int64_t)take(&f, 20, 2, tell), ==, 0);
    CHECK_I64(weir_due_index_not_before_ms(f.index), ==, 21);
    weir_due_index_free(f.index);
}

static weir_status tell_and_change(void *user, const weir_due *due, weir_error *err)
{
    fixture *f = user;
    WEIR_TRY(tell(user, due, err));
    if (due->due_ms == 10) {
        set(f, "again", 15, ""); /* Before what comes next. */
        WEIR_TRY(weir_due_index_remove(f->index, WEIR_BYTES("b"), err)); /* Which was to come. */
        set(f, "c", 90, "");
    }
    return WEIR_OK;
}

TEST(what_is_told_may_change_what_comes)
{
    fixture f;
    begin(&f);
    set(&f, "a", 10, "");
    set(&f, "b", 20, "");
    set(&f, "c", 30, "");
    set(&f, "d", 40, "");
    CHECK_I64((int64_t)take(&f, 50, 100, tell_and_change), ==, 3);
    CHECK_STR(f.told, "a@10= again@15= d@40= ");
    CHECK_I64(weir_due_index_not_before_ms(f.index), ==, 90);
    weir_due_index_free(f.index);
}

TEST(ids_that_are_too_long_are_refused)
{
    fixture f;
    begin(&f);
    WEIR_AUTO(weir_buf) id = {0};
    weir_buf_reserve(&id, WEIR_DUE_ID_BYTES_MAX + 1);
    memset(id.data, 'x', WEIR_DUE_ID_BYTES_MAX + 1);
    id.size = WEIR_DUE_ID_BYTES_MAX + 1;
    const weir_due due = {.id = weir_buf_bytes(&id)};
    CHECK_STATUS(weir_due_index_set(f.index, &due, &f.err), WEIR_BAD_RECORD);
    weir_due_index_free(f.index);
}

/* When each of the ids is due; -1: it is not set. */
typedef struct model {
    int64_t due_ms[IDS];
} model;

static void expect_due(const model *expected, int64_t now_ms, char *out, size_t size)
{
    out[0] = '\0';
    for (int64_t time_ms = 0; time_ms <= now_ms; time_ms++) {
        for (size_t id = 0; id < IDS; id++) {
            if (expected->due_ms[id] == time_ms) {
                size_t used = strlen(out);
                (void)snprintf(out + used, size - used, "%02zu@%lld= ", id, (long long)time_ms);
            }
        }
    }
}

TEST(it_is_a_list_sorted_by_time)
{
    weir_random random = weir_random_of(check_seed(1));
    fixture f;
    begin(&f);
    model expected;
    memset(expected.due_ms, -1, sizeof(expected.due_ms));
    for (int64_t now_ms = 0; now_ms < STEPS; now_ms++) {
        size_t id = weir_random_below(&random, IDS);
        char name[8];
        (void)snprintf(name, sizeof(name), "%02zu", id);
        switch (weir_random_below(&random, 8)) {
        case 0:
            CHECK_OK(weir_due_index_remove(f.index, weir_bytes_of_text(name), &f.err), &f.err);
            expected.due_ms[id] = -1;
            break;
        case 1: {
            char due[sizeof(f.told)];
            expect_due(&expected, now_ms, due, sizeof(due));
            (void)take(&f, now_ms, 1000, tell);
            CHECK_STR(f.told, due);
            for (size_t i = 0; i < IDS; i++) {
                expected.due_ms[i] = expected.due_ms[i] <= now_ms ? -1 : expected.due_ms[i];
            }
            break;
        }
        default:
            expected.due_ms[id] = (int64_t)weir_random_below(&random, 200) + now_ms / 2;
            set(&f, name, expected.due_ms[id], "");
            break;
        }
    }
    weir_due_index_free(f.index);
}
