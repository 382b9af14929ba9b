/* SPDX-License-Identifier: Apache-2.0
 *
 * global_filler.c - a processor without a task: it runs in the shell of one that has no inputs, no
 * changelogs and no commits, only a node, an arena and the store that it fills.
 *
 * Its work is done anew with each start, for the store is in memory; so nothing of a refused record
 * is rolled back, and none is sent to the dead letters, which would have it again and again.
 */
#include "streams/global_filler.h"

#include "streams/task_internal.h"

#include <inttypes.h>
#include <stdlib.h>

struct weir_global_filler {
    weir_task shell; /* Of which most is all-zero. */
    weir_context context;
    const weir_serde *serde;
};

/* As Kafka Streams calls it. */
static const weir_planned_task no_task = {.id = "-1_-1", .subtopology = -1, .partition = -1};

weir_status weir_global_filler_new(weir_task_environment *environment,
                                   const weir_topology_global *global, weir_kv *rows,
                                   weir_global_filler **out_filler, weir_error *err)
{
    const weir_topology *topology = environment->plan->topology;
    weir_global_filler *filler = weir_alloc(sizeof(*filler));
    filler->shell.environment = environment;
    filler->shell.planned = &no_task;
    filler->shell.stream_time_ms = -1;
    filler->shell.filled = rows;
    filler->shell.arena = weir_arena_new((size_t)environment->config->record_arena_bytes_max);
    filler->context.task = &filler->shell;
    filler->context.node = &topology->nodes[global->processor];
    filler->shell.contexts = &filler->context;
    filler->shell.context_count = 1;
    filler->serde = &topology->nodes[global->source].source.serde;
    weir_status status = weir_task_init_processors(&filler->shell, err);
    weir_arena_reset(filler->shell.arena);
    if (status != WEIR_OK) {
        weir_global_filler_free(filler);
        return status;
    }
    *out_filler = filler;
    return WEIR_OK;
}

void weir_global_filler_free(weir_global_filler *filler)
{
    if (filler == NULL) {
        return;
    }
    weir_task_free_processors(&filler->shell);
    weir_arena_free(filler->shell.arena);
    free(filler);
}

/* A record that was refused is skipped, or stops the application. */
static weir_status react(const weir_global_filler *filler, const weir_record *record,
                         int64_t handler, weir_error *err)
{
    if (handler != WEIR_REACT_FAIL && handler != WEIR_REACT_RETRY) {
        return WEIR_OK;
    }
    return weir_error_wrap(err, WEIR_INVALID, "%s refused %s[%" PRId32 "]@%" PRId64,
                           filler->context.node->name, record->topic, record->partition,
                           record->offset);
}

weir_status weir_global_filler_take(weir_global_filler *filler, const weir_record *record,
                                    weir_error *err)
{
    weir_task *shell = &filler->shell;
    const weir_config *config = shell->environment->config;
    weir_record decoded = *record;
    int64_t handler = config->deserialization_handler;
    shell->current = (weir_task_current){.record = record, .timestamp_ms = record->timestamp_ms};
    weir_status status = WEIR_OK;
    if (filler->serde->decode != NULL) {
        status = weir_task_decode(shell, filler->serde, &decoded, err);
    }
    if (status == WEIR_OK) {
        handler = config->processing_handler;
        status = weir_context_process(&filler->context, &decoded, err);
    }
    shell->current = (weir_task_current){0};
    weir_arena_reset(shell->arena);
    return status == WEIR_BAD_RECORD ? react(filler, record, handler, err) : status;
}
