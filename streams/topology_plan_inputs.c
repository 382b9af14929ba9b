/* SPDX-License-Identifier: Apache-2.0
 *
 * topology_plan_inputs.c - the topics that sources read, of one plan and beside those of another: a
 * pattern matches more topics once some were made.
 */
#include "streams/topology_internal.h"
#include "streams/topology_plan.h"

#include <string.h>

const weir_planned_input *weir_plan_inputs_of(const weir_plan *plan, size_t source,
                                              size_t *out_count)
{
    size_t first = 0;
    while (first < plan->input_count && plan->inputs[first].source != source) {
        first++;
    }
    size_t end = first;
    while (end < plan->input_count && plan->inputs[end].source == source) {
        end++;
    }
    *out_count = end - first;
    return plan->inputs + first;
}

static bool has_same_tasks(const weir_plan *plan, const weir_plan *next)
{
    bool same = plan->task_count == next->task_count;
    for (size_t i = 0; same && i < plan->task_count; i++) {
        same = plan->tasks[i].subtopology == next->tasks[i].subtopology &&
               plan->tasks[i].partition == next->tasks[i].partition;
    }
    return same;
}

static bool has_same_topics(const weir_plan *plan, const weir_plan *next)
{
    bool same = plan->topic_count == next->topic_count;
    for (size_t i = 0; same && i < plan->topic_count; i++) {
        same = strcmp(plan->topics[i].name, next->topics[i].name) == 0 &&
               plan->topics[i].partition_count == next->topics[i].partition_count;
    }
    return same;
}

/* The partitions of an input in plan; 0: it is not read. */
static int32_t count_in(const weir_plan *plan, const weir_planned_input *input)
{
    for (size_t i = 0; i < plan->input_count; i++) {
        if (plan->inputs[i].source == input->source &&
            strcmp(plan->inputs[i].topic, input->topic) == 0) {
            return plan->inputs[i].partition_count;
        }
    }
    return 0;
}

static bool keeps_inputs(const weir_plan *plan, const weir_plan *next)
{
    bool keeps = true;
    for (size_t i = 0; keeps && i < plan->input_count; i++) {
        keeps = count_in(next, &plan->inputs[i]) == plan->inputs[i].partition_count;
    }
    return keeps;
}

bool weir_plan_only_reads_more(const weir_plan *plan, const weir_plan *next)
{
    WEIR_ASSERT(plan->topology == next->topology);
    return has_same_tasks(plan, next) && has_same_topics(plan, next) && keeps_inputs(plan, next);
}

bool weir_plan_task_reads_more(const weir_plan *plan, const weir_plan *next, size_t task_index)
{
    WEIR_ASSERT(task_index < plan->task_count);
    const weir_planned_task *task = &plan->tasks[task_index];
    for (size_t i = 0; i < next->input_count; i++) {
        const weir_planned_input *input = &next->inputs[i];
        if (plan->topology->nodes[input->source].subtopology == task->subtopology &&
            task->partition < input->partition_count && count_in(plan, input) == 0) {
            return true;
        }
    }
    return false;
}
