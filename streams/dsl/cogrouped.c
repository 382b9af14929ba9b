/* SPDX-License-Identifier: Apache-2.0
 *
 * cogrouped.c - several grouped streams that make one table: an aggregate for each of them, all on
 * one store, and a node where their changes meet.
 *
 *   a ─▶ [repartition] ─▶ aggregate ─┐
 *                           store    ├─▶ merge ─▶ changes
 *   b ─▶ [repartition] ─▶ aggregate ─┘
 *
 * Any of the aggregates may be the one that hears of the store's cache: all forward to the merge.
 */
#include "streams/dsl/cogrouped.h"

#include "streams/dsl/null_handle_internal.h"
#include "streams/dsl/sessions_internal.h"
#include "streams/dsl/windowed_internal.h"

#include <stdio.h>

static const char aggregate_prefix[] = "COGROUPKSTREAM-AGGREGATE-";

/* One of the streams. */
typedef struct member {
    weir_kgrouped_stream *grouped;
    weir_aggregator aggregator;
    weir_graph_node *parent; /* What its aggregates hang on; NULL before the first. */
    struct member *next;
} member;

struct weir_cogrouped_kstream {
    weir_builder *builder;
    member *first;
};

struct weir_time_windowed_cogrouped_kstream {
    weir_cogrouped_kstream *cogrouped;
    weir_windows_spec windows;
};

struct weir_session_windowed_cogrouped_kstream {
    weir_cogrouped_kstream *cogrouped;
    weir_session_windows windows;
};

weir_cogrouped_kstream *weir_kgrouped_stream_cogroup(weir_kgrouped_stream *grouped,
                                                     weir_aggregator aggregator)
{
    WEIR_REFUSE_NULL(grouped);
    weir_builder *builder = grouped->stream.builder;
    weir_cogrouped_kstream *cogrouped = weir_builder_alloc(builder, sizeof(*cogrouped));
    cogrouped->builder = builder;
    return weir_cogrouped_kstream_cogroup(cogrouped, grouped, aggregator);
}

weir_cogrouped_kstream *weir_cogrouped_kstream_cogroup(weir_cogrouped_kstream *cogrouped,
                                                       weir_kgrouped_stream *grouped,
                                                       weir_aggregator aggregator)
{
    WEIR_REFUSE_NULL(cogrouped, grouped);
    WEIR_ASSERT(grouped->stream.builder == cogrouped->builder);

    member **at = &cogrouped->first;
    while (*at != NULL && (*at)->grouped != grouped) {
        at = &(*at)->next;
    }
    if (*at == NULL) {
        *at = weir_builder_alloc(cogrouped->builder, sizeof(**at));
        (*at)->grouped = grouped;
    }
    (*at)->aggregator = aggregator;
    return cogrouped;
}

/* Graph. */

/* What a table of the group is made with. */
typedef struct cogrouped_table {
    weir_initializer initializer;
    const void *windows; /* As in weir_aggregate_spec. */
    const weir_operator_options *options;
    weir_graph_store *store;
    weir_processor_supplier supplier;
} cogrouped_table;

/* Puts each stream where its keys are together. The numbers are drawn even where the topic of an
 * earlier aggregate is used again. */
static void repartition(weir_cogrouped_kstream *cogrouped, const char *store_name)
{
    for (member *each = cogrouped->first; each != NULL; each = each->next) {
        weir_kstream *stream = &each->grouped->stream;
        if (!stream->repartition_required) {
            each->parent = stream->node;
            continue;
        }
        const char *given = each->grouped->repartition_name;
        weir_graph_node *node =
            weir_repartition_node_new(cogrouped->builder, given != NULL ? given : store_name);
        if (each->parent == NULL) {
            each->parent = node;
            weir_graph_attach(cogrouped->builder, stream->node, node);
        }
    }
}

static const char *member_name(weir_builder *builder, const char *given, size_t number)
{
    char suffix[40];
    (void)snprintf(suffix, sizeof(suffix), "-cogroup-agg-%zu", number);
    return weir_builder_suffixed_or_new(builder, given, suffix, aggregate_prefix);
}

/* The aggregate of one stream; the first one brings the store along. */
static weir_graph_node *add_member(const member *each, const char *name, weir_ktable *table,
                                   const cogrouped_table *with)
{
    weir_builder *builder = table->builder;
    const weir_aggregate_spec spec = {
        .initializer = with->initializer,
        .aggregator = each->aggregator,
        .windows = with->windows,
    };
    weir_builder_require(builder, spec.aggregator != NULL, name, "an aggregator");
    weir_graph_node *node = weir_graph_add(builder, each->parent, WEIR_GRAPH_PROCESSOR, name);
    node->processor = (weir_processor_options){
        with->supplier, weir_aggregate_spec_keep(table, &spec, with->options->user)};
    return node;
}

static void add_merge(weir_ktable *table, const weir_graph_nodes *members, const char *name)
{
    weir_builder *builder = table->builder;
    table->node = weir_graph_add(builder, members->items[0], WEIR_GRAPH_PROCESSOR, name);
    table->node->processor = (weir_processor_options){
        weir_stateless_new, weir_builder_alloc(builder, sizeof(weir_stateless))};
    for (size_t i = 1; i < members->count; i++) {
        weir_graph_connect(builder, members->items[i], table->node);
        table->node->priority = ++builder->last_priority; /* One for each parent. */
    }
}

static weir_ktable *add(weir_cogrouped_kstream *cogrouped, const cogrouped_table *with)
{
    weir_builder *builder = cogrouped->builder;
    repartition(cogrouped, with->store->options.name);
    weir_ktable *table = weir_ktable_new(builder, WEIR_TABLE_AGGREGATE, NULL);
    table->store = with->store;
    table->is_kept = true;
    weir_graph_nodes members = {0};
    for (const member *each = cogrouped->first; each != NULL; each = each->next) {
        members.capacity++;
    }
    members.items = weir_builder_alloc(builder, members.capacity * sizeof(*members.items));
    for (const member *each = cogrouped->first; each != NULL; each = each->next) {
        const char *name = member_name(builder, with->options->name, members.count);
        weir_graph_node *node = add_member(each, name, table, with);
        if (members.count == 0) {
            node->stores = with->store;
        } else {
            const char *const names[] = {with->store->options.name, NULL};
            node->store_names = weir_builder_copy_names(builder, names);
        }
        members.items[members.count++] = node;
    }
    add_merge(table, &members,
              weir_builder_suffixed_or_new(builder, with->options->name, "-cogroup-merge",
                                           "COGROUPKSTREAM-MERGE-"));
    return table;
}

static const weir_operator_options *or_none(const weir_operator_options *options)
{
    static const weir_operator_options none;
    return options == NULL ? &none : options;
}

weir_ktable *weir_cogrouped_kstream_aggregate(weir_cogrouped_kstream *cogrouped,
                                              weir_initializer initializer,
                                              const weir_materialized *materialized,
                                              const weir_operator_options *options)
{
    WEIR_REFUSE_NULL(cogrouped);
    static const weir_materialized none;
    const cogrouped_table table = {
        .initializer = initializer,
        .options = or_none(options),
        .store = weir_row_store_declare(
            cogrouped->builder, materialized == NULL ? &none : materialized, aggregate_prefix),
        .supplier = weir_aggregate_new,
    };
    return add(cogrouped, &table);
}

static weir_time_windowed_cogrouped_kstream *windowed_by(weir_cogrouped_kstream *cogrouped,
                                                         weir_windows_spec windows)
{
    weir_time_windowed_cogrouped_kstream *windowed =
        weir_builder_alloc(cogrouped->builder, sizeof(*windowed));
    windowed->cogrouped = cogrouped;
    windowed->windows = windows;
    weir_windows_check(cogrouped->builder, &windows, cogrouped->first->grouped->stream.name);
    return windowed;
}

weir_time_windowed_cogrouped_kstream *
weir_cogrouped_kstream_windowed_by(weir_cogrouped_kstream *cogrouped,
                                   const weir_time_windows *windows)
{
    WEIR_REFUSE_NULL(cogrouped);
    return windowed_by(cogrouped, weir_windows_of_time(windows));
}

weir_time_windowed_cogrouped_kstream *
weir_cogrouped_kstream_windowed_by_sliding(weir_cogrouped_kstream *cogrouped,
                                           const weir_sliding_windows *windows)
{
    WEIR_REFUSE_NULL(cogrouped);
    return windowed_by(cogrouped, weir_windows_of_sliding(windows));
}

weir_time_windowed_cogrouped_kstream *
weir_cogrouped_kstream_windowed_by_own(weir_cogrouped_kstream *cogrouped,
                                       const weir_windows *windows)
{
    WEIR_REFUSE_NULL(cogrouped);
    return windowed_by(cogrouped, weir_windows_of_own(cogrouped->builder, windows,
                                                      cogrouped->first->grouped->stream.name));
}

weir_ktable *weir_time_windowed_cogrouped_aggregate(weir_time_windowed_cogrouped_kstream *windowed,
                                                    weir_initializer initializer,
                                                    const weir_materialized *materialized,
                                                    const weir_operator_options *options)
{
    WEIR_REFUSE_NULL(windowed);
    weir_graph_store *store = weir_windows_declare_store(
        windowed->cogrouped->builder, &windowed->windows, materialized, aggregate_prefix);
    store->options.takes_expired = true; /* A stream that is behind goes on with its windows. */
    const cogrouped_table table = {
        .initializer = initializer,
        .windows = &windowed->windows,
        .options = or_none(options),
        .store = store,
        .supplier = weir_windows_supplier(&windowed->windows),
    };
    weir_ktable *made = add(windowed->cogrouped, &table);
    made->windows = weir_windows_of_table(&windowed->windows);
    return made;
}

weir_session_windowed_cogrouped_kstream *
weir_cogrouped_kstream_windowed_by_session(weir_cogrouped_kstream *cogrouped,
                                           const weir_session_windows *windows)
{
    WEIR_REFUSE_NULL(cogrouped);
    weir_session_windowed_cogrouped_kstream *windowed =
        weir_builder_alloc(cogrouped->builder, sizeof(*windowed));
    windowed->cogrouped = cogrouped;
    windowed->windows = windows == NULL ? (weir_session_windows){0} : *windows;
    weir_sessions_check(cogrouped->builder, &windowed->windows,
                        cogrouped->first->grouped->stream.name);
    return windowed;
}

weir_ktable *weir_session_windowed_cogrouped_aggregate(
    weir_session_windowed_cogrouped_kstream *windowed, weir_initializer initializer,
    weir_merger merger, const weir_materialized *materialized, const weir_operator_options *options)
{
    WEIR_REFUSE_NULL(windowed);
    weir_builder *builder = windowed->cogrouped->builder;
    weir_builder_require(builder, merger != NULL, "cogrouped sessions", "a merger");
    weir_sessions_spec *sessions = weir_builder_alloc(builder, sizeof(*sessions));
    *sessions = (weir_sessions_spec){.windows = windowed->windows, .merger = merger};
    const cogrouped_table table = {
        .initializer = initializer,
        .windows = sessions,
        .options = or_none(options),
        .store = weir_sessions_declare_store(builder, &windowed->windows, materialized,
                                             aggregate_prefix),
        .supplier = weir_sessions_new,
    };
    weir_ktable *made = add(windowed->cogrouped, &table);
    made->windows = weir_sessions_of_table(&windowed->windows);
    return made;
}
