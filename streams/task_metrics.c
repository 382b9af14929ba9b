/* SPDX-License-Identifier: Apache-2.0
 *
 * task_metrics.c - what a task counts; docs/METRICS.md lists the names.
 */
#include "streams/task_internal.h"

#include "statestore/staged.h"

static weir_metric_id id_of(const weir_label *labels, const char *name, const char *help)
{
    return (weir_metric_id){name, help, labels, 2};
}

void weir_task_make_metrics(weir_task *task)
{
    weir_metrics *registry = task->environment->metrics;
    if (registry == NULL) {
        return;
    }
    const weir_label labels[2] = {
        {"application_id", task->environment->plan->application_id},
        {"task_id", task->planned->id},
    };
    task->metrics = (weir_task_metrics){
        .dropped =
            weir_metrics_counter(registry, id_of(labels, "weir_stream_task_dropped_records_total",
                                                 "Records that were skipped.")),
        .fired = weir_metrics_counter(
            registry, id_of(labels, "weir_stream_task_timers_fired_total",
                            "Timers that fired, and rows whose time to live has ended.")),
        .dead_letters = weir_metrics_counter(
            registry, id_of(labels, "weir_stream_task_dead_letter_records_total",
                            "Records that went to the dead letter topic.")),
        .lag = weir_metrics_gauge(registry, id_of(labels, "weir_stream_task_records_lag",
                                                  "Records of the inputs still to process.")),
        .async = weir_metrics_gauge(registry, id_of(labels, "weir_stream_task_async_records",
                                                    "Deferrals that have not ended.")),
        .staged = weir_metrics_gauge(registry, id_of(labels, "weir_stream_task_staged_bytes",
                                                     "Memory of uncommitted writes.")),
        .committed = weir_metrics_gauge(
            registry, id_of(labels, "weir_stream_task_committed_bytes",
                            "Memory of committed writes that are not in the database.")),
        .e2e =
            weir_metrics_histogram(registry,
                                   id_of(labels, "weir_stream_task_record_e2e_latency_seconds",
                                         "Age of the last record of a commit, by its timestamp."),
                                   &weir_shape_duration_ns),
    };
}

static weir_counter *node_counter(weir_task *task, const weir_node *node)
{
    const weir_label labels[2] = {
        {"application_id", task->environment->plan->application_id},
        {"processor_node_id", node->name},
    };
    return weir_metrics_counter(task->environment->metrics,
                                id_of(labels, "weir_stream_processor_node_process_total",
                                      "Records that a node processed."));
}

void weir_task_make_node_metrics(weir_context *context)
{
    if (context->task->environment->metrics != NULL) {
        context->processed_total = node_counter(context->task, context->node);
    }
}

void weir_task_count_refused(weir_task *task, bool is_dead_letter)
{
    if (task->environment->metrics == NULL) {
        return;
    }
    weir_counter_add(task->metrics.dropped, 1);
    if (is_dead_letter) {
        weir_counter_add(task->metrics.dead_letters, 1);
    }
}

void weir_task_store_measure_iterators(weir_task_store *store)
{
    static const char *const readers[] = {
        [WEIR_READER_PROCESSOR] = "processor",
        [WEIR_READER_QUERY] = "query",
    };
    const weir_task_environment *environment = store->task->environment;
    weir_iterator_measures measures = {.clock = &environment->iterator_clock};
    for (size_t i = 0; i < WEIR_ITERATOR_READERS && environment->metrics != NULL; i++) {
        const weir_label labels[] = {{"application_id", environment->plan->application_id},
                                     {"state_id", store->kv.name},
                                     {"reader", readers[i]}};
        const weir_metric_id id = {"weir_stream_state_iterator_duration_seconds",
                                   "From the opening of an iterator to its end.", labels,
                                   WEIR_COUNT_OF(labels)};
        measures.durations_ns[i] =
            weir_metrics_histogram(environment->metrics, id, &weir_shape_duration_ns);
    }
    weir_staged_measure_iterators(store->staged, &measures);
}

static void make_store_metrics(weir_task_store *store)
{
    const weir_task_environment *environment = store->task->environment;
    const weir_label labels[] = {{"application_id", environment->plan->application_id},
                                 {"task_id", store->task->planned->id},
                                 {"state_id", store->kv.name}};
    weir_metric_id id = {"weir_stream_state_num_open_iterators", "Iterators that are open.", labels,
                         WEIR_COUNT_OF(labels)};
    store->metrics.open_iterators = weir_metrics_gauge(environment->metrics, id);
    id.name = "weir_stream_state_oldest_iterator_open_since_ms";
    id.help = "When the oldest open iterator was opened, in ms since 1970; 0: none is open.";
    store->metrics.oldest_iterator = weir_metrics_gauge(environment->metrics, id);
}

static void publish_iterators(weir_task_store *store)
{
    const weir_open_iterators *open = weir_staged_open_iterators(store->staged);
    if (store->metrics.open_iterators == NULL) {
        if (open->opened[WEIR_READER_PROCESSOR] + open->opened[WEIR_READER_QUERY] == 0) {
            return;
        }
        make_store_metrics(store);
    }
    weir_gauge_set(store->metrics.open_iterators, (int64_t)open->count);
    weir_gauge_set(store->metrics.oldest_iterator, weir_open_iterators_since_ms(open));
}

static void observe_age(weir_task *task)
{
    int64_t age_ms = task->environment->now_ms - task->last_timestamp_ms;
    if (task->last_timestamp_ms >= 0 && age_ms >= 0) {
        weir_histogram_observe(task->metrics.e2e, (uint64_t)age_ms * 1000000);
    }
    task->last_timestamp_ms = -1;
}

void weir_task_count_fired(weir_task *task, size_t count)
{
    if (task->environment->metrics != NULL) {
        weir_counter_add(task->metrics.fired, count);
    }
}

void weir_task_publish_metrics(weir_task *task)
{
    if (task->environment->metrics == NULL) {
        return;
    }
    for (size_t i = 0; i < task->context_count; i++) {
        weir_context *context = &task->contexts[i];
        if (context->processed > 0) {
            weir_counter_add(context->processed_total, context->processed);
        }
        context->processed = 0;
    }
    if (task->dropped > 0) {
        weir_counter_add(task->metrics.dropped, task->dropped);
    }
    task->dropped = 0;
    observe_age(task);
}

static int64_t unread_records(weir_task *task)
{
    int64_t unread = (int64_t)weir_partition_group_record_count(task->group);
    for (size_t i = 0; i < task->input_count; i++) {
        int64_t lag = 0;
        if (task->inputs[i].assigned &&
            weir_consumer_lag(task->environment->consumer, task->inputs[i].partition, &lag) ==
                WEIR_OK) {
            unread += lag;
        }
    }
    return unread;
}

void weir_task_publish_levels(weir_task *task)
{
    if (task->environment->metrics == NULL) {
        return;
    }
    weir_gauge_set(task->metrics.lag, unread_records(task));
    weir_gauge_set(task->metrics.async, task->async_count);
    weir_gauge_set(task->metrics.staged, (int64_t)weir_task_staged_bytes(task));
    weir_gauge_set(task->metrics.committed, (int64_t)weir_task_committed_bytes(task));
    for (size_t i = 0; i < task->store_count; i++) {
        publish_iterators(&task->stores[i]);
    }
}

void weir_task_clear_levels(weir_task *task)
{
    if (task->environment->metrics == NULL) {
        return;
    }
    weir_gauge_set(task->metrics.lag, 0);
    weir_gauge_set(task->metrics.async, 0);
    weir_gauge_set(task->metrics.staged, 0);
    weir_gauge_set(task->metrics.committed, 0);
    for (size_t i = 0; i < task->store_count; i++) {
        if (task->stores[i].metrics.open_iterators != NULL) {
            weir_gauge_set(task->stores[i].metrics.open_iterators, 0);
            weir_gauge_set(task->stores[i].metrics.oldest_iterator, 0);
        }
    }
}
