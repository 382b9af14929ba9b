/* SPDX-License-Identifier: Apache-2.0
 *
 * metadata.c - questions to the coordinator, who reads the members topic, by its mailbox.
 */
#include "streams/metadata_internal.h"

#include "streams/application_internal.h"
#include "streams/base/hash.h"
#include "streams/query_internal.h"

#include <stdlib.h>
#include <string.h>

enum { ANSWER_TIMEOUT_MS = 2000 };

void weir_process_place_cleanup(weir_process_place *place)
{
    free(place->process_id);
    free(place->host);
    *place = (weir_process_place){0};
}

void weir_key_metadata_cleanup(weir_key_metadata *metadata)
{
    weir_process_place_cleanup(&metadata->active);
    for (size_t i = 0; i < metadata->standby_count; i++) {
        weir_process_place_cleanup(&metadata->standbys[i]);
    }
    free(metadata->standbys);
    *metadata = (weir_key_metadata){0};
}

void weir_application_metadata_cleanup(weir_application_metadata *metadata)
{
    for (size_t i = 0; i < metadata->count; i++) {
        weir_process_place_cleanup(&metadata->processes[i].place);
        free(metadata->processes[i].rack);
        free(metadata->processes[i].active);
        free(metadata->processes[i].standby);
    }
    free(metadata->processes);
    *metadata = (weir_application_metadata){0};
}

static weir_process_place place_of(const weir_application *application,
                                   const weir_known_process *process)
{
    const weir_process_state *own = weir_placer_own(application->placer);
    return (weir_process_place){
        .process_id = weir_strdup(process->process_id),
        .host = weir_strdup(process->state.host),
        .is_here = strcmp(process->process_id, weir_placer_process_id(application->placer)) == 0 &&
                   process->state.incarnation == own->incarnation,
    };
}

static bool is_live(const weir_application *application, const weir_known_process *process)
{
    int32_t generation = weir_placer_generation(application->placer);
    return generation >= 0 && process->state.generation == generation;
}

typedef struct key_question {
    size_t task_index;
    weir_key_metadata *out;
} key_question;

static weir_status answer_key(void *consumer, void *argument, weir_error *err)
{
    (void)err;
    const weir_application *application = consumer;
    const key_question *asked = argument;
    const weir_members *members = weir_placer_members(application->placer);
    weir_key_metadata *out = asked->out;
    out->standbys = weir_alloc_array(weir_members_count(members), sizeof(*out->standbys));
    for (size_t i = 0; i < weir_members_count(members); i++) {
        const weir_known_process *process = weir_members_at(members, i);
        const weir_process_task *task = &process->state.tasks[asked->task_index];
        if (!is_live(application, process)) {
            continue;
        }
        if (task->running) {
            weir_process_place_cleanup(&out->active);
            out->active = place_of(application, process);
        } else if (task->lag != WEIR_TASK_LAG_UNKNOWN) {
            out->standbys[out->standby_count++] = place_of(application, process);
        }
    }
    return WEIR_OK;
}

/* Asks the coordinator, which may be nobody's thread. */
static weir_status ask(weir_application *application, weir_mailbox_question question,
                       void *argument, weir_error *err)
{
    weir_status status =
        weir_application_ask_coordinator(application, question, argument, ANSWER_TIMEOUT_MS, err);
    return status == WEIR_FENCED ? WEIR_AGAIN : status; /* It has ended. */
}

weir_status weir_application_active_place(weir_application *application, size_t task_index,
                                          weir_process_place *out_place, weir_error *err)
{
    weir_key_metadata found = {0};
    key_question asked = {task_index, &found};
    weir_status status = ask(application, answer_key, &asked, err);
    if (status == WEIR_OK) {
        *out_place = found.active;
        found.active = (weir_process_place){0};
    }
    weir_key_metadata_cleanup(&found);
    return status;
}

weir_status weir_application_metadata_for_key(weir_application *application, const char *store,
                                              weir_bytes key, weir_bytes partition_key,
                                              weir_key_metadata *out_metadata, weir_error *err)
{
    const weir_plan *plan = application->plan;
    const weir_topology_store *spec = NULL;
    WEIR_TRY(weir_query_find_store(plan, store, &spec, err));
    weir_bytes by = partition_key.data == NULL ? key : partition_key;
    weir_key_metadata found = {
        .partition = weir_partition_of(by, plan->subtopology_task_counts[spec->subtopology]),
    };
    key_question asked = {
        .task_index = weir_query_task_index(plan, spec->subtopology, found.partition),
        .out = &found,
    };
    weir_status status = ask(application, answer_key, &asked, err);
    if (status != WEIR_OK) {
        weir_key_metadata_cleanup(&found);
        return status;
    }
    *out_metadata = found;
    return WEIR_OK;
}

static char *list_tasks(const weir_application *application, const weir_process_state *state,
                        bool running)
{
    WEIR_AUTO(weir_buf) ids = {0};
    for (size_t i = 0; i < state->task_count; i++) {
        const weir_process_task *task = &state->tasks[i];
        bool listed =
            running ? task->running : !task->running && task->lag != WEIR_TASK_LAG_UNKNOWN;
        if (listed) {
            weir_buf_append_format(&ids, "%s%s", ids.size == 0 ? "" : ",",
                                   application->plan->tasks[i].id);
        }
    }
    return weir_strdup(weir_buf_text(&ids));
}

static weir_status answer_all(void *consumer, void *argument, weir_error *err)
{
    (void)err;
    const weir_application *application = consumer;
    weir_application_metadata *out = argument;
    const weir_members *members = weir_placer_members(application->placer);
    out->processes = weir_alloc_array(weir_members_count(members), sizeof(*out->processes));
    for (size_t i = 0; i < weir_members_count(members); i++) {
        const weir_known_process *process = weir_members_at(members, i);
        if (is_live(application, process)) {
            out->processes[out->count++] = (weir_process_metadata){
                .place = place_of(application, process),
                .rack = weir_strdup(process->state.rack),
                .active = list_tasks(application, &process->state, true),
                .standby = list_tasks(application, &process->state, false),
            };
        }
    }
    return WEIR_OK;
}

weir_status weir_application_metadata_for_all(weir_application *application,
                                              weir_application_metadata *out_metadata,
                                              weir_error *err)
{
    weir_application_metadata all = {0};
    WEIR_TRY(ask(application, answer_all, &all, err));
    *out_metadata = all;
    return WEIR_OK;
}
