/* SPDX-License-Identifier: Apache-2.0
 *
 * observed_time.c - the largest time of a record that each processor has seen, and each store, kept
 * with the committed offsets of its task.
 *
 * Windows close by that of processors, and rows expire by that of stores. In Kafka Streams a
 * processor forgets it with its process, and takes a record afterwards that would have been too
 * late; here a crash changes no result. The names are '@' and a hash of the name of the node or the
 * store, so that many fit into a commit's metadata; Kafka Streams passes over names that it does
 * not know. Where there is no room a time is not kept; stores come last, for they find the largest
 * time of their rows again.
 */
#include "streams/observed_time.h"

#include "streams/base/hash.h"
#include "streams/task_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MARK = '@' };

/* Nodes and stores have names of their own, which may be the same. */
enum { OF_NODE = 0, OF_STORE = 1 };

static void set_name(weir_observed_time *time, const char *of, uint64_t seed)
{
    uint64_t hash = weir_hash64(weir_bytes_of_text(of), seed);
    (void)snprintf(time->name, sizeof(time->name), "%c%016" PRIx64, MARK, hash);
}

/* Names a time, unless there is no room for it. */
static void name(weir_observed_time *time, const weir_task *task, const char *of, uint64_t seed)
{
    set_name(time, of, seed);
    if (weir_task_kept_times_bytes(task) > WEIR_KEPT_TIMES_BYTES_MAX) {
        time->name[0] = '\0';
    }
}

int64_t *weir_context_observed_time(weir_context *context)
{
    name(&context->observed, context->task, context->node->name, OF_NODE);
    context->observed.ms = -1;
    (void)weir_kept_times_get(&context->task->kept_times, context->observed.name,
                              &context->observed.ms);
    return &context->observed.ms;
}

bool weir_observed_time_go_on(int64_t *observed_ms, int64_t stream_time_ms)
{
    if (*observed_ms < 0 || *observed_ms >= stream_time_ms) {
        return false;
    }
    *observed_ms = stream_time_ms;
    return true;
}

/* A version that is old may be the last of its key, so a restore must know which time was seen when
 * it was put: the rows say it. */
static bool is_kept(const weir_task_store *store)
{
    return weir_task_store_expires(store) && store->spec->options.kind != WEIR_STORE_VERSIONED;
}

void weir_task_take_store_times(weir_task *task)
{
    for (size_t i = 0; i < task->store_count; i++) {
        weir_task_store *store = &task->stores[i];
        weir_observed_time kept = {.ms = -1};
        if (is_kept(store)) {
            set_name(&kept, store->kv.name, OF_STORE);
            (void)weir_kept_times_get(&task->kept_times, kept.name, &kept.ms);
            store->observed.ms = kept.ms > store->observed.ms ? kept.ms : store->observed.ms;
        }
    }
}

void weir_task_name_store_times(weir_task *task)
{
    for (size_t i = 0; i < task->store_count; i++) {
        if (is_kept(&task->stores[i])) {
            name(&task->stores[i].observed, task, task->stores[i].kv.name, OF_STORE);
        }
    }
}

void weir_task_store_mark_time(weir_task_store *store)
{
    if (store->observed.ms >= 0) {
        weir_task_state_set_position(store->task->state, store->time_label, store->observed.ms);
    }
}

static size_t bytes_of(const weir_observed_time *time)
{
    return time->name[0] == '\0' ? 0 : weir_kept_times_bytes_of(time->name);
}

size_t weir_task_kept_times_bytes(const weir_task *task)
{
    size_t bytes = weir_task_idle_time_bytes(task);
    for (size_t i = 0; i < task->store_count; i++) {
        const weir_task_store *store = &task->stores[i];
        bytes += store->by_time == NULL ? 0 : weir_kept_times_bytes_of(store->kv.name);
        bytes += bytes_of(&store->observed);
    }
    for (size_t i = 0; i < task->context_count; i++) {
        bytes += bytes_of(&task->contexts[i].observed);
    }
    return bytes;
}

void weir_task_forget_observed_times(weir_task *task)
{
    weir_kept_times_forget(&task->kept_times, MARK);
}

static void add(weir_kept_times *to, const weir_observed_time *time, int64_t ms)
{
    if (time->name[0] != '\0' && ms >= 0) {
        weir_kept_times_set(to, time->name, ms);
    }
}

void weir_task_add_observed_times(const weir_task *task, weir_kept_times *to)
{
    for (size_t i = 0; i < task->kept_times.count; i++) {
        weir_kept_times_set(to, task->kept_times.items[i].name, task->kept_times.items[i].ms);
    }
    for (size_t i = 0; i < task->context_count; i++) {
        add(to, &task->contexts[i].observed, task->contexts[i].observed.ms);
    }
    for (size_t i = 0; i < task->store_count; i++) {
        const weir_task_store *store = &task->stores[i];
        add(to, &store->observed, weir_task_store_observed_ms(store));
    }
}
