/* SPDX-License-Identifier: Apache-2.0
 *
 * specs_joins.c - joins that need more than two tables or streams side by side, and what the
 * optimiser makes of programs.
 */
#include "tests/conformance/specs_internal.h"

#include "streams/dsl/foreign_join.h"
#include "streams/dsl/global_table.h"
#include "streams/dsl/grouped.h"
#include "streams/dsl/joins.h"
#include "streams/dsl/kstream.h"
#include "streams/dsl/ktable.h"
#include "tests/harness/dsl_functions.h"

static const weir_table_options in_st = {.materialized = {.store_name = "st"}};

#define ST_COUNTS                                                                                  \
    {                                                                                              \
        .name = "st", .value = CONFORMANCE_I64                                                     \
    }
#define ST2_COUNTS                                                                                 \
    {                                                                                              \
        .name = "st2", .value = CONFORMANCE_I64                                                    \
    }

/* One of the keys k0 to k4, of which the last is never one of an input; null for a null. */
weir_status conformance_key_of_value(weir_call *call, const weir_record *record,
                                     weir_bytes *out_key)
{
    *out_key = WEIR_BYTES_NULL;
    if (record->value.data != NULL) {
        int digit = ((const char *)record->value.data)[1] - '0';
        *out_key = weir_call_text(call, "k%d", digit % 5);
    }
    return WEIR_OK;
}

static void make_rekeyed_two_tables(weir_builder *builder, const weir_json_value *params)
{
    (void)params;
    weir_ktable *b = conformance_table(builder, "b", "tb");
    weir_ktable *c = conformance_table(builder, "c", "tc");
    weir_kstream *stream = weir_builder_stream(builder, "a", NULL);
    stream = weir_kstream_select_key(stream, conformance_key_of_value, NULL);
    weir_kstream_to(weir_kstream_join_table(stream, b, dsl_pair_with_bar, NULL), "out", NULL);
    weir_kstream_to(weir_kstream_left_join_table(stream, c, dsl_pair_with_bar, NULL), "left", NULL);
}

static void make_global_inner(weir_builder *builder, const weir_json_value *params)
{
    (void)params;
    weir_global_table *b = weir_builder_global_table(builder, "b", NULL, NULL);
    weir_kstream *a = weir_builder_stream(builder, "a", NULL);
    weir_kstream_to(
        weir_kstream_join_global(a, b, conformance_key_of_value, dsl_pair_with_bar, NULL), "out",
        NULL);
}

static void make_global_left(weir_builder *builder, const weir_json_value *params)
{
    (void)params;
    weir_global_table *b = weir_builder_global_table(builder, "b", NULL, NULL);
    weir_kstream *a = weir_builder_stream(builder, "a", NULL);
    weir_kstream_to(
        weir_kstream_left_join_global(a, b, conformance_key_of_value, dsl_pair_with_bar, NULL),
        "out", NULL);
}

/* The value of a left row names its right one. */
static void make_fk_inner(weir_builder *builder, const weir_json_value *params)
{
    (void)params;
    weir_ktable *a = weir_builder_table(builder, "a", NULL, NULL);
    weir_ktable *b = weir_builder_table(builder, "b", NULL, NULL);
    weir_ktable *joined =
        weir_ktable_join_foreign(a, b, conformance_key_of_value, dsl_pair_with_bar, &in_st);
    weir_kstream_to(weir_ktable_to_stream(joined, NULL), "out", NULL);
}

static void make_fk_left(weir_builder *builder, const weir_json_value *params)
{
    (void)params;
    weir_ktable *a = weir_builder_table(builder, "a", NULL, NULL);
    weir_ktable *b = weir_builder_table(builder, "b", NULL, NULL);
    weir_ktable *joined =
        weir_ktable_left_join_foreign(a, b, conformance_key_of_value, dsl_pair_with_bar, &in_st);
    weir_kstream_to(weir_ktable_to_stream(joined, NULL), "out", NULL);
}

static bool is_one(void *user, const weir_record *record)
{
    (void)user;
    return weir_bytes_equal(record->value, WEIR_BYTES("v1"));
}

static weir_status key_of_small_value(weir_call *call, const weir_record *record,
                                      weir_bytes *out_key)
{
    *out_key = WEIR_BYTES_NULL;
    return ((const char *)record->value.data)[1] > '6'
               ? WEIR_OK
               : conformance_key_of_value(call, record, out_key);
}

static const weir_table_options buys = {.operation = {.name = "buys"}};

static void make_fk_named_inner(weir_builder *builder, const weir_json_value *params)
{
    (void)params;
    weir_ktable *a = weir_builder_table(builder, "a", NULL, NULL);
    a = weir_ktable_filter_not(a, is_one, NULL);
    weir_ktable *b = weir_builder_table(builder, "b", NULL, NULL);
    b = weir_ktable_map_values(b, dsl_exclaim, NULL);
    weir_ktable *joined =
        weir_ktable_join_foreign(a, b, key_of_small_value, dsl_pair_with_bar, &buys);
    weir_kstream_to(weir_ktable_to_stream(joined, NULL), "out", NULL);
}

static void make_fk_named_left(weir_builder *builder, const weir_json_value *params)
{
    (void)params;
    weir_ktable *a = weir_builder_table(builder, "a", NULL, NULL);
    a = weir_ktable_filter_not(a, is_one, NULL);
    weir_ktable *b = weir_builder_table(builder, "b", NULL, NULL);
    b = weir_ktable_map_values(b, dsl_exclaim, NULL);
    weir_ktable *joined =
        weir_ktable_left_join_foreign(a, b, key_of_small_value, dsl_pair_with_bar, &buys);
    weir_kstream_to(weir_ktable_to_stream(joined, NULL), "out", NULL);
}

static void make_self_join(weir_builder *builder, const weir_json_value *params)
{
    const weir_join_windows windows = {
        .before_ms = conformance_parameter(params, "before"),
        .after_ms = conformance_parameter(params, "after"),
        .grace_ms = conformance_parameter(params, "grace"),
    };
    weir_kstream *stream = weir_builder_stream(builder, "a", NULL);
    weir_kstream_to(weir_kstream_join(stream, stream, dsl_pair_with_bar, &windows, NULL), "out",
                    NULL);
}

static void make_self_join_optimised(weir_builder *builder, const weir_json_value *params)
{
    weir_builder_optimise(builder);
    make_self_join(builder, params);
}

static bool is_three(void *user, const weir_record *record)
{
    (void)user;
    return weir_bytes_equal(record->value, WEIR_BYTES("v3"));
}

static void count_to(weir_kstream *stream, const char *store, const char *topic)
{
    weir_ktable *counts = weir_kgrouped_stream_count(
        weir_kstream_group_by_key(stream, NULL), &(weir_materialized){.store_name = store}, NULL);
    weir_kstream *changes = weir_ktable_to_stream(counts, NULL);
    weir_kstream_to(weir_kstream_map_values(changes, dsl_count_as_text, NULL), topic, NULL);
}

static void make_two_counts(weir_builder *builder, const weir_json_value *params)
{
    (void)params;
    weir_kstream *stream = weir_builder_stream(builder, "a", NULL);
    stream = weir_kstream_select_key(stream, dsl_value_as_key, NULL);
    count_to(stream, "st", "out");
    count_to(weir_kstream_filter_not(stream, is_three, NULL), "st2", "late");
}

static void make_two_counts_optimised(weir_builder *builder, const weir_json_value *params)
{
    weir_builder_optimise(builder);
    make_two_counts(builder, params);
}

static void make_merged_counts_optimised(weir_builder *builder, const weir_json_value *params)
{
    (void)params;
    weir_builder_optimise(builder);
    weir_kstream *a = weir_builder_stream(builder, "a", NULL);
    a = weir_kstream_select_key(a, dsl_value_as_key, NULL);
    weir_kstream *b = weir_builder_stream(builder, "b", NULL);
    b = weir_kstream_select_key(b, dsl_value_as_key, NULL);
    weir_kstream *merged = weir_kstream_merge(a, b, NULL);
    count_to(merged, "st", "out");
    count_to(weir_kstream_filter_not(merged, is_three, NULL), "st2", "late");
}

static void make_table_optimised(weir_builder *builder, const weir_json_value *params)
{
    (void)params;
    weir_builder_optimise(builder);
    weir_kstream *a = weir_builder_stream(builder, "a", NULL);
    weir_kstream *joined = weir_kstream_left_join_table(a, conformance_table(builder, "b", "tb"),
                                                        dsl_pair_with_bar, NULL);
    weir_kstream_to(joined, "out", NULL);
}

static weir_ktable *versioned_table(weir_builder *builder, const weir_json_value *params)
{
    const weir_materialized kept = {.store_name = "tb",
                                    .history_ms = conformance_parameter(params, "history")};
    return weir_builder_table(builder, "b", NULL, &kept);
}

static void make_stream_versioned_table(weir_builder *builder, const weir_json_value *params)
{
    weir_ktable *b = versioned_table(builder, params);
    weir_kstream *a = weir_builder_stream(builder, "a", NULL);
    weir_kstream_to(weir_kstream_join_versioned(a, b, dsl_pair_with_bar,
                                                conformance_parameter(params, "grace"), NULL),
                    "out", NULL);
}

const conformance_spec conformance_specs_joins[] = {
    {"stream_versioned_table",
     make_stream_versioned_table,
     {"a", "b"},
     {"out"},
     {{.name = "tb", .history = "history"}}},
    {"rekeyed_two_tables",
     make_rekeyed_two_tables,
     {"a", "b", "c"},
     {"out", "left"},
     {{.name = "tb"}, {.name = "tc"}}},
    {"global_inner", make_global_inner, {"a", "b"}, {"out"}, {{.name = NULL}}},
    {"global_left", make_global_left, {"a", "b"}, {"out"}, {{.name = NULL}}},
    {"fk_inner", make_fk_inner, {"a", "b"}, {"out"}, {{.name = "st"}}},
    {"fk_left", make_fk_left, {"a", "b"}, {"out"}, {{.name = "st"}}},
    {"fk_named_inner", make_fk_named_inner, {"a", "b"}, {"out"}, {{.name = NULL}}},
    {"fk_named_left", make_fk_named_left, {"a", "b"}, {"out"}, {{.name = NULL}}},
    {"self_join", make_self_join, {"a"}, {"out"}, {{.name = NULL}}},
    {"self_join_optimised", make_self_join_optimised, {"a"}, {"out"}, {{.name = NULL}}},
    {"two_counts", make_two_counts, {"a"}, {"out", "late"}, {ST_COUNTS, ST2_COUNTS}},
    {"two_counts_optimised",
     make_two_counts_optimised,
     {"a"},
     {"out", "late"},
     {ST_COUNTS, ST2_COUNTS}},
    {"merged_counts_optimised",
     make_merged_counts_optimised,
     {"a", "b"},
     {"out", "late"},
     {ST_COUNTS, ST2_COUNTS}},
    {"table_optimised", make_table_optimised, {"a", "b"}, {"out"}, {{.name = "tb"}}},
    {.name = NULL},
};
