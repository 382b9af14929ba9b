/* SPDX-License-Identifier: Apache-2.0
 *
 * processor_wrapper.c - processors around processors, while a topology grows and while it runs.
 *
 * A node has one context, and several processors share it where one is around another:
 * context->acting is the one that runs, to which belongs what is asked of the context.
 */
#include "streams/processor_wrapper.h"

#include "streams/task_internal.h"

#include <string.h>

enum { WRAPPED_BYTES_MAX = 16 << 20 };

void weir_topology_set_wrapper(weir_topology *topology, const weir_processor_wrapper *wrapper)
{
    WEIR_ASSERT(!topology->built);
    for (size_t i = 0; i < topology->node_count; i++) {
        if (topology->nodes[i].kind == WEIR_NODE_PROCESSOR) {
            weir_topology_mistake(topology,
                                  "processor '%s' was added before the wrapper: set that first",
                                  topology->nodes[i].name);
        }
    }
    topology->wrapper = *wrapper;
    if (topology->wrapper_arena == NULL) {
        topology->wrapper_arena = weir_arena_new(WRAPPED_BYTES_MAX);
    }
}

static void add_stores(weir_topology *topology, const char *processor,
                       const weir_store_options *const *stores)
{
    for (; stores != NULL && *stores != NULL; stores++) {
        if (weir_topology_store_named(topology, (*stores)->name) == NULL) {
            weir_topology_add_store(topology, *stores, processor, NULL);
        } else {
            weir_topology_connect_store(topology, processor, (*stores)->name);
        }
    }
}

void weir_topology_wrap_node(weir_topology *topology, weir_node *node, bool has_fixed_key)
{
    const weir_processor_wrapper *wrapper = &topology->wrapper;
    void (*wrap)(void *user, weir_wrapping *wrapping) =
        has_fixed_key ? wrapper->wrap_fixed_key_processor : wrapper->wrap_processor;
    if (node == NULL || wrap == NULL) {
        return;
    }
    weir_wrapping wrapping = {
        .name = node->name,
        .processor = node->processor,
        .arena = topology->wrapper_arena,
    };
    wrap(wrapper->user, &wrapping);
    if (wrapping.processor.supplier == NULL) {
        weir_topology_mistake(topology, "processor '%s': the wrapper gave it no supplier",
                              node->name);
        return;
    }
    node->processor = wrapping.processor;
    node->is_wrapped = true;
    add_stores(topology, node->name, wrapping.stores);
}

weir_status weir_processor_init(weir_processor *inner, weir_context *context, weir_error *err)
{
    WEIR_ASSERT(inner != NULL);
    WEIR_ASSERT(inner->ops != NULL);
    inner->context = context;
    if (inner->ops->init == NULL) {
        return WEIR_OK;
    }
    weir_processor *outer = weir_context_act(context, inner);
    weir_status status = inner->ops->init(inner, err);
    (void)weir_context_act(context, outer);
    return status;
}

weir_status weir_processor_process(weir_processor *inner, const weir_record *record,
                                   weir_error *err)
{
    WEIR_ASSERT(inner->context != NULL); /* weir_processor_init comes first. */
    weir_processor *outer = weir_context_act(inner->context, inner);
    weir_status status = inner->ops->process(inner, record, err);
    (void)weir_context_act(inner->context, outer);
    return status;
}

void weir_processor_free(weir_processor *inner)
{
    if (inner != NULL) {
        inner->ops->free(inner);
    }
}
