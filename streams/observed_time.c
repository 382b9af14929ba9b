/* SPDX-License-Identifier: Apache-2.0
 *
 * observed_time.c - the largest time of a record that each processor has seen, kept with the
 * committed offsets of its task.
 *
 * Windows close by that time. In Kafka Streams a processor forgets it with its process, and takes a
 * record afterwards that would have been too late; here a crash changes no result. The names are
 * '@' and a hash of the node's name, so that many fit into a commit's metadata; Kafka Streams
 * passes over names that it does not know. Where there is no room a time is not kept.
 */
#include "streams/observed_time.h"

#include "streams/base/hash.h"
#include "streams/task_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MARK = '@' };

int64_t *weir_context_observed_time(weir_context *context)
{
    uint64_t hash = weir_hash64(weir_bytes_of_text(context->node->name), 0);
    (void)snprintf(context->observed.name, sizeof(context->observed.name), "%c%016" PRIx64, MARK,
                   hash);
    if (weir_task_kept_times_bytes(context->task) > WEIR_KEPT_TIMES_BYTES_MAX) {
        context->observed.name[0] = '\0';
    }
    context->observed.ms = -1;
    (void)weir_kept_times_get(&context->task->kept_times, context->observed.name,
                              &context->observed.ms);
    return &context->observed.ms;
}

size_t weir_task_kept_times_bytes(const weir_task *task)
{
    size_t bytes = 0;
    for (size_t i = 0; i < task->store_count; i++) {
        if (task->stores[i].by_time != NULL) {
            bytes += weir_kept_times_bytes_of(task->stores[i].kv.name);
        }
    }
    for (size_t i = 0; i < task->context_count; i++) {
        if (task->contexts[i].observed.name[0] != '\0') {
            bytes += weir_kept_times_bytes_of(task->contexts[i].observed.name);
        }
    }
    return bytes;
}

void weir_task_forget_observed_times(weir_task *task)
{
    weir_kept_times_forget(&task->kept_times, MARK);
}

void weir_task_add_observed_times(const weir_task *task, weir_kept_times *to)
{
    for (size_t i = 0; i < task->kept_times.count; i++) {
        weir_kept_times_set(to, task->kept_times.items[i].name, task->kept_times.items[i].ms);
    }
    for (size_t i = 0; i < task->context_count; i++) {
        const weir_context *context = &task->contexts[i];
        if (context->observed.name[0] != '\0' && context->observed.ms >= 0) {
            weir_kept_times_set(to, context->observed.name, context->observed.ms);
        }
    }
}
