/* SPDX-License-Identifier: Apache-2.0
 *
 * stream_join.c - a join of two streams in the graph: names, numbers and stores (joins.h).
 *
 *   left  ─▶ windowed [left store]  ─▶ join with the right store ─┐
 *                                                                 ├─▶ merge ─▶
 *   right ─▶ windowed [right store] ─▶ join with the left store ──┘
 *                                        [records that met none]
 */
#include "streams/dsl/stream_join_internal.h"

#include "streams/dsl/null_handle_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_DIGITS = 10 };

static weir_graph_store *declare_buffer(const weir_stream_join *join, const char *name,
                                        const weir_stream_joined *options)
{
    weir_graph_store *store = weir_builder_alloc(join->builder, sizeof(*store));
    int64_t size_ms = join->windows.before_ms + join->windows.after_ms;
    store->options = (weir_store_options){
        .name = weir_builder_join_names(join->builder, name, "-store"),
        .kind = WEIR_STORE_WINDOW,
        .retention_ms = size_ms + join->windows.grace_ms,
        .retain_duplicates = true,
        .engine = options->engine,
        .logging_disabled = options->logging_disabled,
        .changelog = options->changelog,
    };
    if (store->options.retention_ms == 0) {
        store->options.retention_ms = 1; /* Records of one moment only. */
    }
    return store;
}

/* The name of the store of records that met none: it has the number of the left join. */
static const char *outer_store_name(const weir_stream_join *join, const char *left_generated,
                                    const weir_stream_joined *options)
{
    if (options->store_name != NULL) {
        return weir_builder_join_names(join->builder, options->store_name,
                                       join->right_outer ? "-outer-shared-join-store"
                                                         : "-left-shared-join-store");
    }
    const char *number = left_generated + strlen(left_generated) - NUMBER_DIGITS;
    const char *name = weir_builder_join_names(join->builder, "KSTREAM-OUTERSHARED-", number);
    return weir_builder_join_names(join->builder, name, "-store");
}

static weir_graph_node *add_windowed(const weir_stream_join *join, weir_graph_node *parent,
                                     const char *name, const weir_graph_store *store,
                                     int64_t after_ms)
{
    weir_graph_node *node = weir_graph_add(join->builder, parent, WEIR_GRAPH_PROCESSOR, name);
    weir_join_buffer *buffer = weir_builder_alloc(join->builder, sizeof(*buffer));
    *buffer = (weir_join_buffer){join, store->options.name, after_ms};
    node->processor = (weir_processor_options){weir_join_window_new, buffer};
    return node;
}

static weir_graph_part *new_part(weir_stream_join *join, bool is_left, const char *name,
                                 const weir_graph_node *windowed)
{
    weir_join_side *side = weir_builder_alloc(join->builder, sizeof(*side));
    *side = (weir_join_side){
        .join = join,
        .is_left = is_left,
        .is_outer = is_left ? join->left_outer : join->right_outer,
        .before_ms = is_left ? join->windows.before_ms : join->windows.after_ms,
        .after_ms = is_left ? join->windows.after_ms : join->windows.before_ms,
        .other_store = is_left ? join->right_store : join->left_store,
    };
    weir_graph_part *part = weir_builder_alloc(join->builder, sizeof(*part));
    *part = (weir_graph_part){
        .name = name, .parent = windowed, .processor = {weir_join_side_new, side}};
    return part;
}

/* store, for two of the processors of a join. */
static weir_graph_store *shared(weir_builder *builder, weir_graph_store *store, const char *first,
                                const char *second)
{
    const char **names = weir_builder_alloc(builder, 3 * sizeof(*names));
    names[0] = first;
    names[1] = second;
    store->processors = names;
    return store;
}

static bool check_windows(weir_builder *builder, const weir_join_windows *windows,
                          const weir_kstream *left)
{
    if (windows->grace_ms < 0 || windows->before_ms + windows->after_ms < 0) {
        weir_builder_mistake(builder,
                             "join after %s: before and after must span a window of 0 ms or more, "
                             "and grace be 0 or more",
                             left->name);
        return false;
    }
    return true;
}

/* What a join is named: by the user, or by the next numbers, drawn in this order. */
typedef struct join_names {
    const char *left_windowed;
    const char *right_windowed;
    const char *left_generated;
    const char *right_generated;
    const char *left;
    const char *right;
    const char *merge;
} join_names;

static join_names draw_names(const weir_stream_join *join, const char *given)
{
    weir_builder *builder = join->builder;
    join_names names = {0};
    names.left_windowed =
        weir_builder_suffixed_or_new(builder, given, "-this-windowed", "KSTREAM-WINDOWED-");
    names.right_windowed =
        weir_builder_suffixed_or_new(builder, given, "-other-windowed", "KSTREAM-WINDOWED-");
    names.left_generated = weir_builder_new_name(builder, join->right_outer ? "KSTREAM-OUTERTHIS-"
                                                                            : "KSTREAM-JOINTHIS-");
    names.right_generated = weir_builder_new_name(builder, join->left_outer ? "KSTREAM-OUTEROTHER-"
                                                                            : "KSTREAM-JOINOTHER-");
    names.left = names.left_generated;
    names.right = names.right_generated;
    if (given != NULL) {
        names.left = weir_builder_join_names(builder, given, weir_join_suffix(join, true));
        names.right = weir_builder_join_names(builder, given, weir_join_suffix(join, false));
    }
    names.merge = weir_builder_suffixed_or_new(builder, given, "-merge", "KSTREAM-MERGE-");
    return names;
}

const char *weir_join_suffix(const weir_stream_join *join, bool is_left)
{
    if (is_left) {
        return join->right_outer ? "-outer-this-join" : "-this-join";
    }
    return join->left_outer ? "-outer-other-join" : "-other-join";
}

static const char *buffer_name(const weir_stream_join *join, bool is_left, const char *generated,
                               const weir_stream_joined *options)
{
    return options->store_name == NULL ? generated
                                       : weir_builder_join_names(join->builder, options->store_name,
                                                                 weir_join_suffix(join, is_left));
}

static weir_kstream *add_join(weir_stream_join *join, weir_kstream *left, weir_kstream *right,
                              const weir_stream_joined *options)
{
    weir_builder *builder = join->builder;
    const join_names names = draw_names(join, options->name);
    weir_graph_store *left_store =
        declare_buffer(join, buffer_name(join, true, names.left_generated, options), options);
    weir_graph_store *right_store =
        declare_buffer(join, buffer_name(join, false, names.right_generated, options), options);
    join->left_store = left_store->options.name;
    join->right_store = right_store->options.name;
    weir_graph_node *left_windowed =
        add_windowed(join, left->node, names.left_windowed, left_store, join->windows.after_ms);
    weir_graph_node *right_windowed =
        add_windowed(join, right->node, names.right_windowed, right_store, join->windows.before_ms);
    weir_graph_node *node = weir_graph_add(builder, left->node, WEIR_GRAPH_JOIN, names.merge);
    weir_graph_connect(builder, right->node, node);
    node->priority = ++builder->last_priority; /* One for each parent. */
    node->takes_null_keys = join->left_outer || join->right_outer;
    node->processor = (weir_processor_options){weir_stateless_new,
                                               weir_builder_alloc(builder, sizeof(weir_stateless))};
    join->left_window = left_windowed;
    node->other_window = right_windowed;
    node->self_join = (weir_processor_options){weir_self_join_new, join};
    node->parts = new_part(join, true, names.left, left_windowed);
    node->parts->next = new_part(join, false, names.right, right_windowed);
    node->stores = shared(builder, left_store, left_windowed->name, names.right);
    left_store->next = shared(builder, right_store, right_windowed->name, names.left);
    if (join->left_outer) {
        weir_graph_store *outer = weir_builder_alloc(builder, sizeof(*outer));
        outer->options.name = outer_store_name(join, names.left_generated, options);
        outer->options.logging_disabled = options->logging_disabled;
        outer->options.engine = options->engine;
        outer->options.changelog = options->changelog;
        join->outer_store = outer->options.name;
        right_store->next = shared(builder, outer, names.left, names.right);
    }
    return weir_kstream_of(builder, node, false);
}

static weir_kstream *join_streams(weir_kstream *left, weir_kstream *right, weir_stream_join spec,
                                  const weir_stream_joined *options)
{
    static const weir_stream_joined no_options;
    options = options == NULL ? &no_options : options;
    weir_builder *builder = left->builder;
    WEIR_ASSERT(right->builder == builder);
    weir_stream_join *join = weir_builder_alloc(builder, sizeof(*join));
    *join = spec;
    join->builder = builder;
    join->user = options->user;
    if (!check_windows(builder, &join->windows, left)) {
        return left;
    }
    weir_builder_require(builder, join->joiner != NULL, left->name, "a joiner for what joins it");
    left = weir_kstream_repartition_for_join(left, options->name, "-left");
    right = weir_kstream_repartition_for_join(right, options->name, "-right");
    return add_join(join, left, right, options);
}

/* Windows that were forgotten are none that can be. */
static weir_join_windows given(const weir_join_windows *windows)
{
    return windows == NULL ? (weir_join_windows){.grace_ms = -1} : *windows;
}

weir_kstream *weir_kstream_join(weir_kstream *left, weir_kstream *right, weir_value_joiner joiner,
                                const weir_join_windows *windows, const weir_stream_joined *options)
{
    WEIR_REFUSE_NULL(left, right);
    return join_streams(left, right,
                        (weir_stream_join){.windows = given(windows), .joiner = joiner}, options);
}

weir_kstream *weir_kstream_left_join(weir_kstream *left, weir_kstream *right,
                                     weir_value_joiner joiner, const weir_join_windows *windows,
                                     const weir_stream_joined *options)
{
    WEIR_REFUSE_NULL(left, right);
    const weir_stream_join spec = {.windows = given(windows), .joiner = joiner, .left_outer = true};
    return join_streams(left, right, spec, options);
}

weir_kstream *weir_kstream_outer_join(weir_kstream *left, weir_kstream *right,
                                      weir_value_joiner joiner, const weir_join_windows *windows,
                                      const weir_stream_joined *options)
{
    WEIR_REFUSE_NULL(left, right);
    const weir_stream_join spec = {
        .windows = given(windows), .joiner = joiner, .left_outer = true, .right_outer = true};
    return join_streams(left, right, spec, options);
}
