/* SPDX-License-Identifier: Apache-2.0
 *
 * task_offsets.c - gathers the queries of all tasks, asks, and hands the answers out in the same
 * order.
 */
#include "streams/task_offsets.h"

#include "streams/task_internal.h"

#include <inttypes.h>
#include <stdlib.h>

/* Offsets to ask for, built up one by one. */
typedef struct queries {
    weir_offset_query *items;
    size_t count;
    size_t capacity;
} queries;

static void queries_cleanup(queries *q)
{
    free(q->items);
}

static void add_query(queries *q, weir_offset_query query)
{
    q->items = weir_grow(q->items, q->count, &q->capacity, sizeof(*q->items));
    q->items[q->count++] = query;
}

static void add(queries *q, weir_topic_partition partition, weir_offset_spec spec)
{
    add_query(q, (weir_offset_query){.partition = partition, .spec = spec});
}

/* Asks; a partition that is not there is an error. */
static weir_status ask(weir_broker *broker, const queries *q, weir_error *err)
{
    WEIR_TRY(weir_broker_offsets(broker, q->items, q->count, err));
    for (size_t i = 0; i < q->count; i++) {
        if (q->items[i].status != WEIR_OK) {
            return weir_error_set(err, q->items[i].status, "there is no %s[%" PRId32 "]",
                                  q->items[i].partition.topic, q->items[i].partition.partition);
        }
    }
    return WEIR_OK;
}

/* Inputs. */

static size_t count_inputs(weir_task *const *tasks, size_t count)
{
    size_t inputs = 0;
    for (size_t i = 0; i < count; i++) {
        inputs += tasks[i]->input_count;
    }
    return inputs;
}

/* The queries borrow the inputs' buffers for their answers. */
weir_status weir_tasks_ask_committed(weir_task *const *tasks, size_t count, weir_error *err)
{
    size_t input_count = count_inputs(tasks, count);
    WEIR_AUTO_FREE weir_committed_query *asked = weir_alloc_array(input_count, sizeof(*asked));
    size_t next = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < tasks[i]->input_count; j++) {
            asked[next] = tasks[i]->inputs[j].committed;
            asked[next++].partition = tasks[i]->inputs[j].partition;
        }
    }
    const weir_task_environment *environment = tasks[0]->environment;
    weir_status status = weir_broker_group_offsets(
        environment->broker, environment->plan->application_id, asked, input_count, err);
    next = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < tasks[i]->input_count; j++) {
            tasks[i]->inputs[j].committed = asked[next++];
        }
    }
    return status;
}

weir_auto_offset_reset weir_task_input_reset(const weir_task_input *input)
{
    const weir_node *source = input->source->node;
    if (source->repartition >= 0) { /* Its records are the application's own, all of them. */
        return (weir_auto_offset_reset){.kind = WEIR_AUTO_OFFSET_RESET_EARLIEST};
    }
    return source->source.reset.kind == WEIR_AUTO_OFFSET_RESET_UNSET
               ? input->task->environment->config->auto_offset_reset
               : source->source.reset;
}

/* Asks where an input begins that nothing is committed of. */
static weir_status add_begin(queries *q, const weir_task_input *input, weir_error *err)
{
    const weir_auto_offset_reset reset = weir_task_input_reset(input);
    weir_offset_query query = {.partition = input->partition, .spec = WEIR_OFFSET_EARLIEST};
    switch (reset.kind) {
    case WEIR_AUTO_OFFSET_RESET_UNSET:
    case WEIR_AUTO_OFFSET_RESET_EARLIEST:
        break;
    case WEIR_AUTO_OFFSET_RESET_LATEST:
        query.spec = WEIR_OFFSET_LATEST;
        break;
    case WEIR_AUTO_OFFSET_RESET_BY_DURATION:
        query.spec = WEIR_OFFSET_AT_TIMESTAMP;
        query.timestamp_ms = input->task->environment->now_ms - reset.duration_ms;
        query.timestamp_ms = query.timestamp_ms < 0 ? 0 : query.timestamp_ms;
        break;
    case WEIR_AUTO_OFFSET_RESET_NONE:
        return weir_error_set(
            err, WEIR_INVALID,
            "source '%s': group %s has committed nothing of %s[%" PRId32
            "], and its reset is none: commit an offset for the group "
            "(kafka-consumer-groups --reset-offsets), or reset to earliest, latest or by_duration",
            input->source->node->name, input->task->environment->plan->application_id,
            input->partition.topic, input->partition.partition);
    }
    add_query(q, query);
    return WEIR_OK;
}

weir_status weir_tasks_ask_inputs(weir_task *const *tasks, size_t count, weir_error *err)
{
    if (count == 0) {
        return WEIR_OK;
    }
    WEIR_TRY(weir_tasks_ask_committed(tasks, count, err));
    WEIR_AUTO(queries) q = {0};
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < tasks[i]->input_count; j++) {
            const weir_task_input *input = &tasks[i]->inputs[j];
            if (input->committed.status == WEIR_NOT_FOUND) {
                WEIR_TRY(add_begin(&q, input, err));
            }
        }
    }
    WEIR_TRY(ask(tasks[0]->environment->broker, &q, err));
    size_t next = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < tasks[i]->input_count; j++) {
            weir_task_input *input = &tasks[i]->inputs[j];
            if (input->committed.status == WEIR_NOT_FOUND) {
                input->first_offset = q.items[next++].offset;
            }
        }
    }
    return WEIR_OK;
}

/* Changelogs. */

weir_status weir_tasks_ask_changelogs(weir_task *const *tasks, size_t count, weir_error *err)
{
    if (count == 0) {
        return WEIR_OK;
    }
    WEIR_AUTO(queries) q = {0};
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < tasks[i]->store_count; j++) {
            const weir_task_store *store = &tasks[i]->stores[j];
            weir_topic_partition changelog = {store->changelog, tasks[i]->planned->partition};
            if (store->changelog != NULL) {
                add(&q, changelog, WEIR_OFFSET_EARLIEST);
                add(&q, changelog, WEIR_OFFSET_WRITTEN);
            }
        }
    }
    WEIR_TRY(ask(tasks[0]->environment->broker, &q, err));
    size_t next = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < tasks[i]->store_count; j++) {
            weir_task_store *store = &tasks[i]->stores[j];
            if (store->changelog != NULL) {
                store->changelog_first = q.items[next++].offset;
                store->changelog_end = q.items[next++].offset;
            }
        }
    }
    return WEIR_OK;
}
