/* SPDX-License-Identifier: Apache-2.0
 *
 * specs_versioned.c - what becomes of rows that come after later ones, below tables that keep
 * versions (KIP-914).
 */
#include "streams/dsl/foreign_join.h"
#include "tests/conformance/specs_internal.h"
#include "tests/harness/dsl_functions.h"

static weir_ktable *versioned(weir_builder *builder, const weir_json_value *params,
                              const char *topic, const char *store)
{
    const weir_materialized kept = {.store_name = store,
                                    .history_ms = conformance_parameter(params, "history")};
    return weir_builder_table(builder, topic, NULL, &kept);
}

static bool is_not_three(void *user, const weir_record *record)
{
    (void)user;
    return !weir_bytes_equal(record->value, WEIR_BYTES("v3"));
}

static weir_ktable *changed(weir_ktable *table)
{
    return weir_ktable_map_values(weir_ktable_filter(table, is_not_three, NULL), dsl_exclaim, NULL);
}

static weir_status swap(weir_call *call, const weir_record *record, weir_bytes *inout_key,
                        weir_bytes *inout_value)
{
    (void)call;
    *inout_key = record->value;
    *inout_value = record->key;
    return WEIR_OK;
}

static void make_group(weir_builder *builder, const weir_json_value *params)
{
    weir_ktable *rows = changed(versioned(builder, params, "a", "ta"));
    weir_kstream_to(weir_ktable_to_stream(rows, NULL), "rows", NULL);
    const weir_table_options cs = {.materialized = {.store_name = "cs"}};
    weir_ktable *counts = weir_kgrouped_table_count(weir_ktable_group_by(rows, swap, NULL), &cs);
    conformance_counts_to(weir_ktable_to_stream(counts, NULL), "out");
}

static void make_join(weir_builder *builder, const weir_json_value *params)
{
    const weir_table_options st = {.materialized = {.store_name = "st"}};
    weir_ktable *a = changed(versioned(builder, params, "a", "ta"));
    weir_ktable *b = versioned(builder, params, "b", "tb");
    weir_ktable *joined = weir_ktable_left_join(a, b, dsl_pair_with_bar, &st);
    weir_kstream_to(weir_ktable_to_stream(joined, NULL), "out", NULL);
}

static void make_foreign_key(weir_builder *builder, const weir_json_value *params)
{
    weir_ktable *a = versioned(builder, params, "a", "ta");
    weir_ktable *b = changed(versioned(builder, params, "b", "tb"));
    weir_ktable *joined =
        weir_ktable_join_foreign(a, b, conformance_key_of_value, dsl_pair_with_bar, NULL);
    weir_kstream_to(weir_ktable_to_stream(joined, NULL), "out", NULL);
}

const conformance_spec conformance_specs_versioned[] = {
    {"versioned_group",
     make_group,
     {"a"},
     {"out", "rows"},
     {{.name = "cs", .value = CONFORMANCE_I64}}},
    {"versioned_join", make_join, {"a", "b"}, {"out"}, {{.name = "st"}}},
    {"versioned_fk", make_foreign_key, {"a", "b"}, {"out"}, {{.name = NULL}}},
    {.name = NULL},
};
