/* SPDX-License-Identifier: Apache-2.0
 *
 * task_context.c - the nodes of a task: a record enters at its source and goes, call by call, down
 * to the sinks; and what processors may ask of the runtime (processor.h).
 *
 * Where a node fails, current.node stays at it on the way up, so that the message and the dead
 * letter name the node that refused, not the source.
 */
#include "streams/task_internal.h"

#include "streams/base/hash.h"

#include <inttypes.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

weir_context *weir_task_context(weir_task *task, size_t node_index)
{
    const weir_node *node = &task->environment->plan->topology->nodes[node_index];
    for (size_t i = 0; i < task->context_count; i++) {
        if (task->contexts[i].node == node) {
            return &task->contexts[i];
        }
    }
    return NULL;
}

void weir_task_link_contexts(weir_task *task)
{
    const weir_indices *nodes = &task->subtopology->nodes;
    task->contexts = weir_alloc_array(nodes->count, sizeof(*task->contexts));
    task->context_count = nodes->count;
    for (size_t i = 0; i < nodes->count; i++) {
        weir_context *context = &task->contexts[i];
        context->task = task;
        context->node = &task->environment->plan->topology->nodes[nodes->items[i]];
        context->forwards = context->node->keeps_keys ? WEIR_FORWARDS_ITS_KEY : WEIR_FORWARDS_ALL;
        weir_task_make_node_metrics(context);
    }
    for (size_t i = 0; i < nodes->count; i++) {
        weir_context *context = &task->contexts[i];
        const weir_indices *children = &context->node->children;
        context->children = weir_alloc_array(children->count, sizeof(*context->children));
        context->child_count = children->count;
        for (size_t j = 0; j < children->count; j++) {
            context->children[j] = weir_task_context(task, children->items[j]);
            WEIR_ASSERT(context->children[j] != NULL);
        }
    }
}

weir_status weir_task_init_sinks(weir_task *task, weir_error *err)
{
    const weir_plan *plan = task->environment->plan;
    for (size_t i = 0; i < task->context_count; i++) {
        weir_context *context = &task->contexts[i];
        if (context->node->kind == WEIR_NODE_SINK && context->node->topic != NULL) {
            const char *topic = plan->sink_topics[context->node - plan->topology->nodes];
            WEIR_TRY(weir_collector_topic(task->environment->collector, topic, &context->topic,
                                          &context->partition_count, err));
        }
    }
    return WEIR_OK;
}

/* One piece of memory, by its owner. */
typedef struct weir_shared {
    const void *owner;
    struct weir_shared *next;
    size_t bytes;
    alignas(max_align_t) unsigned char memory[];
} weir_shared;

void *weir_context_shared(weir_context *context, const void *owner, size_t bytes)
{
    weir_task *task = context->task;
    for (weir_shared *shared = task->shared; shared != NULL; shared = shared->next) {
        if (shared->owner == owner) {
            WEIR_ASSERT(shared->bytes == bytes);
            return shared->memory;
        }
    }
    weir_shared *added = weir_alloc(sizeof(*added) + bytes);
    added->owner = owner;
    added->bytes = bytes;
    added->next = task->shared;
    task->shared = added;
    return added->memory;
}

static void free_shared(weir_task *task)
{
    while (task->shared != NULL) {
        weir_shared *next = task->shared->next;
        free(task->shared);
        task->shared = next;
    }
}

static weir_status init_processor(weir_context *context, weir_error *err)
{
    const weir_processor_options *options = &context->node->processor;
    context->processor = options->supplier(options->user);
    WEIR_ASSERT(context->processor != NULL);
    WEIR_ASSERT(context->processor->ops != NULL);
    context->processor->context = context;
    context->acting = context->processor;
    if (context->processor->ops->init == NULL) {
        return WEIR_OK;
    }
    weir_status status = context->processor->ops->init(context->processor, err);
    return status == WEIR_OK ? WEIR_OK
                             : weir_error_wrap(err, status, "init of %s", context->node->name);
}

weir_status weir_task_init_processors(weir_task *task, weir_error *err)
{
    for (size_t i = 0; i < task->context_count; i++) {
        if (task->contexts[i].node->kind == WEIR_NODE_PROCESSOR) {
            WEIR_TRY(init_processor(&task->contexts[i], err));
        }
    }
    return WEIR_OK;
}

void weir_task_free_processors(weir_task *task)
{
    for (size_t i = task->context_count; i > 0; i--) {
        weir_processor *processor = weir_take(&task->contexts[i - 1].processor);
        task->contexts[i - 1].on_commit = NULL;
        task->contexts[i - 1].on_idle = NULL;
        task->contexts[i - 1].observed = (weir_observed_time){.ms = -1};
        if (processor != NULL) {
            processor->ops->free(processor);
        }
    }
    free_shared(task);
}

static int32_t choose_partition(weir_context *sink, const weir_record *record, weir_error *err)
{
    const weir_sink_options *options = &sink->node->sink;
    if (options->partitioner != NULL) {
        int32_t partition =
            options->partitioner(options->partitioner_user, record, sink->partition_count);
        if (partition < 0 || partition >= sink->partition_count) {
            (void)weir_error_set(err, WEIR_INVALID,
                                 "the partitioner of sink %s answered %" PRId32 " of %" PRId32,
                                 sink->node->name, partition, sink->partition_count);
            return -1;
        }
        return partition;
    }
    if (record->key.data == NULL) {
        return (int32_t)(sink->round_robin++ % (uint32_t)sink->partition_count);
    }
    return weir_partition_of(record->key, sink->partition_count);
}

static weir_status refuse_output(weir_context *sink, weir_error *err)
{
    weir_task *task = sink->task;
    weir_error cause = {.status = WEIR_BAD_RECORD};
    if (err != NULL) {
        cause = *err;
    }
    weir_refusal refusal = {
        .stage = WEIR_STAGE_PRODUCTION,
        .record = task->current.record,
        .cause = &cause,
        .task_id = task->planned->id,
        .node = sink->node->name,
        .attempt = 1,
    };
    return weir_task_refuse(task, &refusal, err);
}

/* Makes the topic of this record the sink's. */
static weir_status choose_topic(weir_context *sink, const weir_record *record, weir_error *err)
{
    weir_task *task = sink->task;
    const weir_sink_options *options = &sink->node->sink;
    const char *topic = options->topic_of(options->topic_user, record, task->arena);
    if (topic == NULL) {
        return weir_error_set(err, WEIR_BAD_RECORD, "sink %s names no topic for this record",
                              sink->node->name);
    }
    weir_status status = weir_collector_topic(task->environment->collector, topic, &sink->topic,
                                              &sink->partition_count, err);
    return status == WEIR_OK ? WEIR_OK : weir_error_wrap(err, status, "sink %s", sink->node->name);
}

static weir_status send_to_partition(weir_context *sink, const weir_record *record, weir_error *err)
{
    weir_task *task = sink->task;
    weir_status status =
        weir_collector_send(task->environment->collector, sink->topic, record, err);
    if (status == WEIR_BAD_RECORD) {
        return refuse_output(sink, err);
    }
    task->effects++;
    task->commit_needed = true;
    return status;
}

static weir_status send_to_several(weir_context *sink, const weir_record *record, weir_error *err)
{
    const weir_sink_options *options = &sink->node->sink;
    weir_record copy = *record;
    bool is_sent = false;
    for (copy.partition = 0; copy.partition < sink->partition_count; copy.partition++) {
        if (options->multicast(options->partitioner_user, record, copy.partition,
                               sink->partition_count)) {
            WEIR_TRY(send_to_partition(sink, &copy, err));
            is_sent = true;
        }
    }
    return is_sent ? WEIR_OK : weir_context_drop(sink);
}

static weir_status send_to_sink(weir_context *sink, const weir_record *record, weir_error *err)
{
    if (sink->node->topic == NULL) {
        weir_status named = choose_topic(sink, record, err);
        if (named != WEIR_OK) {
            return named == WEIR_BAD_RECORD ? refuse_output(sink, err) : named;
        }
    }
    if (sink->node->sink.multicast != NULL) {
        return send_to_several(sink, record, err);
    }
    weir_record copy = *record;
    copy.partition = choose_partition(sink, record, err);
    return copy.partition < 0 ? WEIR_INVALID : send_to_partition(sink, &copy, err);
}

static weir_status forward_to_child(weir_context *child, const weir_record *record, weir_error *err)
{
    weir_task *task = child->task;
    const weir_context *parent = task->current.node;
    int64_t timestamp_ms = task->current.timestamp_ms;
    task->current.timestamp_ms = record->timestamp_ms;
    WEIR_TRY(weir_context_process(child, record, err));
    task->current.timestamp_ms = timestamp_ms;
    task->current.node = parent;
    return WEIR_OK;
}

static weir_status run_processor(weir_context *context, const weir_record *record, weir_error *err)
{
    const weir_record *outer = context->record;
    context->record = record;
    weir_status status = context->processor->ops->process(context->processor, record, err);
    context->record = outer;
    return status;
}

/* A cache that lets go may bring a record to a processor within which another one runs. */
static weir_status run_wrapped(weir_context *context, const weir_record *record, weir_error *err)
{
    weir_processor *acting = weir_context_act(context, context->processor);
    weir_status status = run_processor(context, record, err);
    (void)weir_context_act(context, acting);
    return status;
}

weir_status weir_context_process(weir_context *context, const weir_record *record, weir_error *err)
{
    context->task->current.node = context;
    context->processed++;
    switch (context->node->kind) {
    case WEIR_NODE_SOURCE:
        return weir_context_forward(context, record, err);
    case WEIR_NODE_SINK:
        return send_to_sink(context, record, err);
    case WEIR_NODE_PROCESSOR:
        break;
    }
    return context->node->is_wrapped ? run_wrapped(context, record, err)
                                     : run_processor(context, record, err);
}

weir_forwards weir_context_set_forwards(weir_context *context, weir_forwards forwards)
{
    weir_forwards before = context->forwards;
    context->forwards = forwards;
    return before;
}

static weir_status check_forward(const weir_context *context, const weir_record *record,
                                 weir_error *err)
{
    const weir_record *own = context->record;
    if (context->forwards == WEIR_FORWARDS_NOTHING) {
        return weir_error_set(err, WEIR_INVALID,
                              "%s: a transformer of values must not forward: it answers the new "
                              "value",
                              context->node->name);
    }
    if (context->forwards == WEIR_FORWARDS_ITS_KEY && own != NULL &&
        !weir_bytes_equal(own->key, record->key)) {
        return weir_error_set(err, WEIR_INVALID,
                              "%s: process_values must not change keys: let it be process",
                              context->node->name);
    }
    return WEIR_OK;
}

weir_status weir_context_forward(weir_context *context, const weir_record *record, weir_error *err)
{
    if (context->forwards != WEIR_FORWARDS_ALL) {
        WEIR_TRY(check_forward(context, record, err));
    }
    for (size_t i = 0; i < context->child_count; i++) {
        WEIR_TRY(forward_to_child(context->children[i], record, err));
    }
    return WEIR_OK;
}

weir_status weir_context_forward_to(weir_context *context, const char *child,
                                    const weir_record *record, weir_error *err)
{
    WEIR_TRY(check_forward(context, record, err));
    for (size_t i = 0; i < context->child_count; i++) {
        if (strcmp(context->children[i]->node->name, child) == 0) {
            return forward_to_child(context->children[i], record, err);
        }
    }
    return weir_error_set(err, WEIR_INVALID, "%s has no child '%s' to forward to",
                          context->node->name, child);
}

void *weir_context_resource(weir_context *context, const char *name)
{
    const weir_topology *topology = context->task->environment->plan->topology;
    for (size_t i = 0; i < topology->resource_count; i++) {
        if (strcmp(topology->resources[i].name, name) == 0) {
            return context->task->environment->resources[i];
        }
    }
    return NULL;
}

weir_punctuator *weir_context_schedule(weir_context *context, int64_t interval_ms,
                                       weir_punctuation_type type, weir_punctuate punctuate)
{
    WEIR_ASSERT(interval_ms > 0);
    WEIR_ASSERT(context->forwards != WEIR_FORWARDS_NOTHING); /* Nor does a transformer schedule. */
    WEIR_ASSERT(punctuate != NULL);
    weir_task *task = context->task;
    WEIR_ASSERT(task->punctuations != NULL); /* Not of what fills a global store. */
    const weir_punctuator punctuator = {
        .processor = context->acting,
        .punctuate = punctuate,
        .type = type,
        .interval_ms = interval_ms,
    };
    return weir_punctuations_add(task->punctuations, &punctuator, task->environment->now_ms);
}

void weir_context_on_commit(weir_context *context, weir_commit_listener listener)
{
    context->on_commit = listener;
    context->on_commit_of = context->acting;
}

void weir_context_on_idle(weir_context *context, weir_punctuate listener)
{
    context->on_idle = listener;
    context->on_idle_of = context->acting;
}

weir_status weir_context_drop(weir_context *context)
{
    context->task->dropped++;
    return WEIR_OK;
}

void weir_context_request_commit(weir_context *context)
{
    context->task->commit_requested = true;
}

const weir_record *weir_context_record(const weir_context *context)
{
    return context->task->current.record;
}

int64_t weir_context_now_ms(const weir_context *context)
{
    return context->task->environment->now_ms;
}

int64_t weir_context_emit_interval_ms(const weir_context *context)
{
    return context->task->environment->config->emit_interval_ms;
}

int64_t weir_context_stream_time_ms(const weir_context *context)
{
    return context->task->stream_time_ms;
}

weir_arena *weir_context_arena(weir_context *context)
{
    return context->task->arena;
}

const char *weir_context_application_id(const weir_context *context)
{
    return context->task->environment->plan->application_id;
}

const char *weir_context_task_id(const weir_context *context)
{
    return context->task->planned->id;
}

int32_t weir_context_partition(const weir_context *context)
{
    return context->task->planned->partition;
}
