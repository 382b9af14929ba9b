/* SPDX-License-Identifier: Apache-2.0
 *
 * specs_sinks.c - where records go: topics that a function names, partitions that one chooses; and
 * their headers.
 */
#include "tests/conformance/specs_internal.h"

#include "streams/dsl/grouped.h"
#include "streams/dsl/joins.h"
#include "tests/harness/dsl_functions.h"

static char last_letter(weir_bytes text)
{
    return ((const char *)text.data)[text.size - 1];
}

/* By the last letter of the value, which is a digit. */
static const char *topic_by_last_digit(void *user, const weir_record *record, weir_arena *arena)
{
    static const char *const topics[] = {"out", "even", "odd"};
    (void)user;
    (void)arena;
    return topics[(last_letter(record->value) - '0') % 3];
}

static int32_t partition_by_key(void *user, const weir_record *record, int32_t partition_count)
{
    (void)user;
    return last_letter(record->key) % partition_count;
}

static void make_dynamic_sink(weir_builder *builder, const weir_json_value *params)
{
    (void)params;
    weir_kstream *a = weir_builder_stream(builder, "a", NULL);
    weir_kstream *both = weir_kstream_merge(a, weir_builder_stream(builder, "b", NULL), NULL);
    weir_kstream_to_topic_of(both, topic_by_last_digit, &(weir_produced){.name = "anywhere"});
}

static weir_kstream *counts_as_text(weir_ktable *counts)
{
    return weir_kstream_map_values(weir_ktable_to_stream(counts, NULL), dsl_count_as_text, NULL);
}

static void make_dynamic_sink_of_counts(weir_builder *builder, const weir_json_value *params)
{
    (void)params;
    weir_ktable *counts =
        weir_kgrouped_stream_count(conformance_grouped(builder, "a"), WEIR_STORED_AS("st"), NULL);
    weir_kstream_to_topic_of(counts_as_text(counts), topic_by_last_digit,
                             &(weir_produced){.partitioner = partition_by_key});
}

static void make_own_partitioner(weir_builder *builder, const weir_json_value *params)
{
    (void)params;
    weir_kstream *stream =
        weir_kstream_select_key(weir_builder_stream(builder, "a", NULL), dsl_value_as_key, NULL);
    const weir_repartitioned by_value = {.name = "by-value", .partitioner = partition_by_key};
    weir_kgrouped_stream *grouped =
        weir_kstream_group_by_key(weir_kstream_repartition(stream, &by_value), NULL);
    weir_ktable *counts = weir_kgrouped_stream_count(grouped, WEIR_STORED_AS("st"), NULL);
    weir_kstream_to(counts_as_text(counts), "out",
                    &(weir_produced){.partitioner = partition_by_key});
}

/* They stay with their record whatever becomes of it. */

static bool is_three(void *user, const weir_record *record)
{
    (void)user;
    return weir_bytes_equal(record->value, WEIR_BYTES("v3"));
}

static void make_headers(weir_builder *builder, const weir_json_value *params)
{
    (void)params;
    weir_kstream *stream = weir_builder_stream(builder, "a", NULL);
    stream = weir_kstream_filter_not(stream, is_three, NULL);
    stream = weir_kstream_map_values(stream, dsl_exclaim, NULL);
    stream = weir_kstream_flat_map_values(stream, conformance_double_ones, NULL);
    stream = weir_kstream_select_key(stream, conformance_key_of_value, NULL);
    weir_ktable *table = weir_builder_table(builder, "b", NULL, WEIR_STORED_AS("tb"));
    weir_kstream_to(weir_kstream_left_join_table(stream, table, dsl_pair_with_bar, NULL), "out",
                    NULL);
}

const conformance_spec conformance_specs_sinks[] = {
    {"dynamic_sink", make_dynamic_sink, {"a", "b"}, {"out", "even", "odd"}, {{.name = NULL}}},
    {"dynamic_sink_of_counts",
     make_dynamic_sink_of_counts,
     {"a"},
     {"out", "even", "odd"},
     {{.name = "st", .value = CONFORMANCE_I64}}},
    {"own_partitioner",
     make_own_partitioner,
     {"a"},
     {"out"},
     {{.name = "st", .value = CONFORMANCE_I64}}},
    {"headers", make_headers, {"a", "b"}, {"out"}, {{.name = "tb"}}},
    {.name = NULL},
};
