/* SPDX-License-Identifier: Apache-2.0
 *
 * context_internal.h - a node of the topology in one task, laid open for the files of the task.
 *
 * Threads    The worker's.
 */
#ifndef WEIR_STREAMS_CONTEXT_INTERNAL_H
#define WEIR_STREAMS_CONTEXT_INTERNAL_H

#include "streams/observed_time.h"
#include "streams/table_context.h"
#include "streams/task_metrics.h"
#include "streams/topology_internal.h"

/* One node of the topology in this task. A processor's context. */
struct weir_context {
    weir_task *task;
    const weir_node *node;
    weir_processor *processor;      /* NULL for sources and sinks, and before the task runs. */
    weir_commit_listener on_commit; /* NULL: none. */
    weir_punctuate on_idle;         /* The same. */
    weir_context **children;
    size_t child_count;
    weir_forwards forwards;
    const weir_record *record; /* What is processed now; NULL: nothing, a punctuation. */
    int32_t topic;             /* Of a sink: the collector's number. */
    int32_t partition_count;   /* Of that topic. */
    uint32_t round_robin;
    weir_observed_time observed;
    uint64_t processed; /* Since the counter was last told. */
    weir_counter *processed_total;
    weir_processor *acting; /* The processor, or one within it that runs (processor_wrapper.h). */
    weir_processor *on_commit_of; /* Whose these listeners are. */
    weir_processor *on_idle_of;
};

/* Lets processor act for the context, and answers which one did. */
static inline weir_processor *weir_context_act(weir_context *context, weir_processor *processor)
{
    weir_processor *before = context->acting;
    context->acting = processor;
    return before;
}

#endif
