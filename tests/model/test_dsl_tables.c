/* SPDX-License-Identifier: Apache-2.0
 *
 * Joins of tables, filtered and summed up by groups, against naive ones: whatever rows change, and
 * wherever the process crashes meanwhile, the rows and the sums are those of the tables as they
 * are in the end. A sum is wrong for good once a change brings the wrong old value with it.
 */
#include "streams/base/random.h"
#include "streams/dsl/kstream.h"
#include "streams/dsl/ktable.h"
#include "tests/harness/check.h"
#include "tests/harness/dsl_fixture.h"
#include "tests/harness/text_bag.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    ROUNDS = 16,
    ROWS = 6,
    GROUPS = 3,
    CHANGES = 120,
    NUMBER_MAX = 50,
    LEFT_TIMES = 101, /* A left number counts so much; odd, so that some pass alone. */
    TEXT_BYTES = 24,
};

typedef enum how { INNER, LEFT, OUTER, HOWS } how;

/* Numbers from 1 on; 0: no row. */
typedef struct tables {
    int64_t left[ROWS];
    int64_t right[ROWS];
} tables;

static int64_t number_of(weir_bytes text)
{
    if (text.data == NULL) {
        return 0;
    }
    WEIR_AUTO_FREE char *copy = weir_bytes_to_text(text);
    return strtoll(copy, NULL, 10);
}

static weir_bytes text_of(weir_call *call, int64_t number)
{
    return weir_call_text(call, "%" PRId64, number);
}

static weir_status add_up(weir_call *call, weir_bytes key, weir_bytes left, weir_bytes right,
                          weir_bytes *out_value)
{
    (void)key;
    *out_value = text_of(call, number_of(left) * LEFT_TIMES + number_of(right));
    return WEIR_OK;
}

static bool is_odd(int64_t number)
{
    return number % 2 != 0;
}

static bool has_odd_value(void *user, const weir_record *record)
{
    (void)user;
    return is_odd(number_of(record->value));
}

static weir_status by_group(weir_call *call, const weir_record *record, weir_bytes *inout_key,
                            weir_bytes *inout_value)
{
    (void)inout_value;
    *inout_key = text_of(call, number_of(record->value) % GROUPS);
    return WEIR_OK;
}

static weir_status zero(weir_call *call, weir_bytes *out_aggregate)
{
    *out_aggregate = text_of(call, 0);
    return WEIR_OK;
}

static weir_status plus(weir_call *call, weir_bytes key, weir_bytes value, weir_bytes aggregate,
                        weir_bytes *out_aggregate)
{
    (void)key;
    *out_aggregate = text_of(call, number_of(aggregate) + number_of(value));
    return WEIR_OK;
}

static weir_status minus(weir_call *call, weir_bytes key, weir_bytes value, weir_bytes aggregate,
                         weir_bytes *out_aggregate)
{
    (void)key;
    *out_aggregate = text_of(call, number_of(aggregate) - number_of(value));
    return WEIR_OK;
}

/* Rows go to "out", sums to "sums"; is_kept: joined rows have a store, else they are computed. */
static weir_builder *make(how kind, bool is_kept)
{
    weir_builder *builder = weir_builder_new();
    weir_ktable *left = weir_builder_table(builder, "left", NULL, NULL);
    weir_ktable *right = weir_builder_table(builder, "right", NULL, NULL);
    const weir_table_options kept = {.materialized.store_name = "kept"};
    const weir_table_options *options = is_kept ? &kept : NULL;
    weir_ktable *joined = kind == INNER  ? weir_ktable_join(left, right, add_up, options)
                          : kind == LEFT ? weir_ktable_left_join(left, right, add_up, options)
                                         : weir_ktable_outer_join(left, right, add_up, options);
    weir_ktable *rows = weir_ktable_filter(joined, has_odd_value, NULL);
    weir_kstream_to(weir_ktable_to_stream(rows, NULL), "out", NULL);
    weir_ktable *sums = weir_kgrouped_table_aggregate(weir_ktable_group_by(rows, by_group, NULL),
                                                      zero, plus, minus, NULL);
    weir_kstream_to(weir_ktable_to_stream(sums, NULL), "sums", NULL);
    return builder;
}

static void change(dsl_fixture *fixture, tables *t, weir_random *random, int64_t now_ms)
{
    bool is_right = weir_random_below(random, 2) == 0;
    size_t row = weir_random_below(random, ROWS);
    int64_t *number = is_right ? &t->right[row] : &t->left[row];
    *number =
        weir_random_below(random, 4) == 0 ? 0 : 1 + (int64_t)weir_random_below(random, NUMBER_MAX);
    char key[TEXT_BYTES];
    char value[TEXT_BYTES];
    (void)snprintf(key, sizeof(key), "%zu", row);
    (void)snprintf(value, sizeof(value), "%" PRId64, *number);
    dsl_send(fixture, is_right ? "right" : "left", key, *number == 0 ? NULL : value, now_ms);
    if (weir_random_below(random, CHANGES / 2) == 0) {
        dsl_fixture_restart(fixture);
    }
}

static char *tell(void *user, const weir_record *record)
{
    (void)user;
    int64_t number = number_of(record->value);
    return number == 0 ? NULL
                       : weir_format("%.*s %" PRId64, (int)record->key.size,
                                     (const char *)record->key.data, number);
}

/* What a row of both tables is joined to; 0: there is none. */
static int64_t joined(const tables *t, how kind, size_t row)
{
    bool is_there = t->left[row] != 0 ? kind != INNER || t->right[row] != 0
                                      : kind == OUTER && t->right[row] != 0;
    return is_there ? t->left[row] * LEFT_TIMES + t->right[row] : 0;
}

static void want(text_bag *rows, text_bag *sums, const tables *t, how kind)
{
    int64_t sum[GROUPS] = {0};
    for (size_t i = 0; i < ROWS; i++) {
        int64_t number = joined(t, kind, i);
        if (is_odd(number)) {
            text_bag_add(rows, weir_format("%zu %" PRId64, i, number));
            sum[number % GROUPS] += number;
        }
    }
    for (int i = 0; i < GROUPS; i++) {
        if (sum[i] != 0) {
            text_bag_add(sums, weir_format("%d %" PRId64, i, sum[i]));
        }
    }
}

static void check_topic(dsl_fixture *fixture, const char *topic, text_bag *wanted)
{
    text_bag got = {0};
    text_bag_add_table(&got, fixture->driver, topic, tell, NULL);
    text_bag_check_same(&got, wanted);
    text_bag_cleanup(&got);
    text_bag_cleanup(wanted);
}

static void check_join(how kind)
{
    uint64_t seed = check_seed(1);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        weir_random random = weir_random_of(seed + i);
        tables t = {0};
        dsl_fixture fixture;
        dsl_fixture_start(&fixture, make(kind, i % 2 == 0), i % 4 < 2 ? "0" : "1000000");
        for (int64_t n = 0; n < CHANGES; n++) {
            change(&fixture, &t, &random, n);
        }
        text_bag rows = {0};
        text_bag sums = {0};
        want(&rows, &sums, &t, kind);
        check_topic(&fixture, "out", &rows);
        check_topic(&fixture, "sums", &sums);
        dsl_fixture_end(&fixture);
    }
}

TEST(inner_join_of_tables_and_its_sums_are_those_of_the_rows_in_the_end)
{
    check_join(INNER);
}

TEST(left_join_of_tables_and_its_sums_are_those_of_the_rows_in_the_end)
{
    check_join(LEFT);
}

TEST(outer_join_of_tables_and_its_sums_are_those_of_the_rows_in_the_end)
{
    check_join(OUTER);
}
