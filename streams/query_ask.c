/* SPDX-License-Identifier: Apache-2.0
 *
 * query_ask.c - finds the task that has the answer, and its worker; where nobody here may answer,
 * the refusal names who runs the task.
 */
#include "streams/query_internal.h"

#include "streams/application_internal.h"
#include "streams/base/clock.h"
#include "streams/base/hash.h"
#include "streams/metadata_internal.h"

enum { ANSWER_TIMEOUT_MS = 5000, PAUSE_MS_MIN = 2, PAUSE_MS_MAX = 50 };

weir_status weir_query_find_store(const weir_plan *plan, const char *name,
                                  const weir_topology_store **out_store, weir_error *err)
{
    const weir_topology_store *store = weir_topology_store_named(plan->topology, name);
    if (store == NULL) {
        return weir_error_set(err, WEIR_INVALID, "%s has no store '%s'", plan->application_id,
                              name);
    }
    *out_store = store;
    return WEIR_OK;
}

size_t weir_query_task_index(const weir_plan *plan, int32_t subtopology, int32_t partition)
{
    size_t at = 0;
    while (plan->tasks[at].subtopology != subtopology) {
        at++;
        WEIR_ASSERT(at < plan->task_count);
    }
    return at + (size_t)partition;
}

weir_status weir_query_find_task(const weir_plan *plan, const weir_topology_store *store,
                                 weir_bytes key, weir_bytes partition_key, weir_question *question,
                                 weir_error *err)
{
    if (key.data == NULL || key.size > WEIR_KV_KEY_BYTES_MAX) {
        return weir_error_set(err, WEIR_INVALID, "a key of 0 to %d bytes is needed",
                              WEIR_KV_KEY_BYTES_MAX);
    }
    weir_bytes by = partition_key.data == NULL ? key : partition_key;
    int32_t count = plan->subtopology_task_counts[store->subtopology];
    question->task_index =
        weir_query_task_index(plan, store->subtopology, weir_partition_of(by, count));
    question->store = store->options.name;
    return WEIR_OK;
}

static bool may_ask(const weir_slot *slot, const weir_query_terms *terms)
{
    switch (slot->state) {
    case WEIR_SLOT_RUNNING:
        return true;
    case WEIR_SLOT_STANDBY:
    case WEIR_SLOT_OPENING:
        return terms->allows_standby;
    case WEIR_SLOT_NONE:
    case WEIR_SLOT_HELD:
    case WEIR_SLOT_LEAVING:
        break;
    }
    return false;
}

static weir_status ask_worker(weir_application *application, const weir_slot *slot,
                              weir_question *question, weir_error *err)
{
    weir_status status = weir_application_ask_worker(
        application, slot->worker, weir_query_answer_question, question, ANSWER_TIMEOUT_MS, err);
    return status == WEIR_FENCED ? WEIR_AGAIN : status; /* The worker has ended. */
}

/* Adds to a refusal where to ask instead. */
static weir_status name_active(weir_application *application, size_t task_index,
                               const weir_error *refusal, weir_error *err)
{
    weir_process_place active = {0};
    weir_status status = weir_application_active_place(application, task_index, &active, NULL);
    if (status != WEIR_OK || active.process_id == NULL) {
        status = weir_error_set(err, WEIR_AGAIN, "%s; nobody is known to run it now: ask again",
                                refusal->message);
    } else if (active.is_here) {
        status = weir_error_set(err, WEIR_AGAIN, "%s: ask again", refusal->message);
    } else {
        status = weir_error_set(
            err, WEIR_AGAIN, "%s; process %s at %s runs it", refusal->message, active.process_id,
            active.host == NULL ? "an address that it does not tell" : active.host);
    }
    weir_process_place_cleanup(&active);
    return status;
}

static weir_status ask_once(weir_application *application, weir_question *question, weir_error *err)
{
    const weir_slot slot = weir_application_slot(application, question->task_index);
    question->lacks_input = false;
    if (may_ask(&slot, question->terms)) {
        return ask_worker(application, &slot, question, err);
    }
    return weir_error_set(err, WEIR_AGAIN, "store %s: task %s is %s", question->store,
                          application->plan->tasks[question->task_index].id,
                          slot.owned ? "being restored" : "in another process");
}

uint64_t weir_query_until_ns(weir_application *application, const weir_query_terms *terms)
{
    bool waits = terms != NULL && terms->at_least != NULL && terms->wait_ms_max > 0 &&
                 weir_application_has_threads(application);
    return waits ? weir_clock_monotonic_ns() + (uint64_t)terms->wait_ms_max * WEIR_NS_PER_MS : 0;
}

/* Asks until the rows reflect what they are to. The worker is not made to tell when they do: that
 * would cost it something at each commit. */
static weir_status ask_patiently(weir_application *application, weir_question *question,
                                 weir_error *err)
{
    WEIR_AUTO_PTR(weir_mailbox) nap = NULL;
    weir_status status = ask_once(application, question, err);
    int pause_ms = PAUSE_MS_MIN;
    while (status == WEIR_AGAIN && question->lacks_input &&
           weir_clock_monotonic_ns() < question->until_ns) {
        nap = nap == NULL ? weir_mailbox_new(1) : nap;
        (void)weir_mailbox_wait(nap, pause_ms);
        pause_ms = 2 * pause_ms < PAUSE_MS_MAX ? 2 * pause_ms : PAUSE_MS_MAX;
        status = ask_once(application, question, err);
    }
    return status;
}

weir_status weir_query_ask(weir_application *application, weir_question *question, weir_error *err)
{
    static const weir_query_terms defaults = {0};
    question->terms = question->terms == NULL ? &defaults : question->terms;
    weir_error refusal = {0};
    weir_status status = ask_patiently(application, question, &refusal);
    if (status == WEIR_AGAIN && !question->lacks_input) {
        return name_active(application, question->task_index, &refusal, err);
    }
    if (status != WEIR_OK && err != NULL) {
        *err = refusal;
    }
    return status;
}
