/* SPDX-License-Identifier: Apache-2.0
 *
 * specs_sources.c - where records come from: sources of several topics, by a list or by a pattern.
 */
#include "tests/conformance/specs_internal.h"

#include "streams/dsl/grouped.h"
#include "streams/dsl/joins.h"
#include "tests/harness/dsl_functions.h"

static void counts_to_out(weir_kgrouped_stream *grouped)
{
    weir_ktable *counts = weir_kgrouped_stream_count(grouped, WEIR_STORED_AS("st"), NULL);
    conformance_counts_to(weir_ktable_to_stream(counts, NULL), "out");
}

static bool is_three(void *user, const weir_record *record)
{
    (void)user;
    return weir_bytes_equal(record->value, WEIR_BYTES("v3"));
}

static void make_listed(weir_builder *builder, const weir_json_value *params)
{
    (void)params;
    const char *const topics[] = {"pears", "apples", NULL};
    const char *const turned[] = {"apples", "pears", NULL};
    counts_to_out(
        weir_kstream_group_by_key(weir_builder_stream_of_topics(builder, topics, NULL), NULL));
    weir_kstream *again = weir_builder_stream_of_topics(builder, turned, NULL);
    again = weir_kstream_filter_not(again, is_three, NULL);
    again = weir_kstream_merge(again, weir_builder_stream(builder, "b", NULL), NULL);
    weir_kstream_to(again, "even", NULL);
}

static void make_listed_join(weir_builder *builder, const weir_json_value *params)
{
    const char *const left[] = {"a", "b", NULL};
    const char *const right[] = {"c", "d", NULL};
    int64_t within_ms = conformance_parameter(params, "within");
    const weir_join_windows windows = {.before_ms = within_ms,
                                       .after_ms = within_ms,
                                       .grace_ms = conformance_parameter(params, "grace")};
    weir_kstream *a = weir_builder_stream_of_topics(builder, left, NULL);
    weir_kstream *c = weir_builder_stream_of_topics(builder, right, NULL);
    weir_kstream_to(weir_kstream_join(a, c, dsl_pair_with_bar, &windows, NULL), "out", NULL);
}

static void make_listed_many(weir_builder *builder, const weir_json_value *params)
{
    (void)params;
    const char *const topics[] = {"ask", "bid", "cup", "dot", "elm", "fog", "gum",
                                  "hat", "ink", "jar", "kin", "lid", NULL};
    counts_to_out(weir_kstream_group_by(weir_builder_stream_of_topics(builder, topics, NULL),
                                        dsl_value_as_key, NULL));
}

static void make_pattern(weir_builder *builder, const weir_json_value *params)
{
    (void)params;
    weir_kstream *stream =
        weir_builder_stream_of_pattern(builder, "in-[a-z]+", &(weir_consumed){.name = "like"});
    stream = weir_kstream_merge(stream, weir_builder_stream(builder, "b", NULL), NULL);
    counts_to_out(weir_kstream_group_by_key(stream, NULL));
}

const conformance_spec conformance_specs_sources[] = {
    {"listed_topics",
     make_listed,
     {"pears", "apples", "b"},
     {"out", "even"},
     {{.name = "st", .value = CONFORMANCE_I64}}},
    {"listed_join", make_listed_join, {"a", "b", "c", "d"}, {"out"}, {{.name = NULL}}},
    {"listed_many",
     make_listed_many,
     {"ask", "lid"},
     {"out"},
     {{.name = "st", .value = CONFORMANCE_I64}}},
    {"pattern_topics",
     make_pattern,
     {"in-one", "in-two", "b"},
     {"out"},
     {{.name = "st", .value = CONFORMANCE_I64}}},
    {.name = NULL},
};
