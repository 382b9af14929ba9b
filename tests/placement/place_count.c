/* SPDX-License-Identifier: Apache-2.0
 *
 * place_count - the counting topology as a process that tells where its tasks are, for
 * test_placement.py.
 *
 *   place_count BROKER STATE_DIR PROCESS_ID [SETTING=VALUE]…
 *
 *   stdout   MS task ID none|standby|held|opening|running|leaving   after each change, MS being the
 *                                  monotonic clock, which all processes of a machine share
 *            MS state NAME         of the application
 *            restored N            records, after "restored"
 *            rows N                of its stores, after "rows"
 *   stdin    restored, rows        ask
 *            close                 a clean close; so does the end of stdin
 */
#include "streams/application_internal.h"
#include "streams/base/clock.h"
#include "streams/query.h"
#include "streams/weir.h"
#include "tests/faults/fault_broker.h"
#include "tests/faults/fault_process.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WATCH_MS = 2, LINE_BYTES_MAX = 128 };

typedef struct watcher {
    weir_application *application;
    weir_metrics *metrics;
    weir_slot_state *states; /* By task, as last told. */
    weir_application_state state;
} watcher;

static uint64_t monotonic_ms(void)
{
    return weir_clock_monotonic_ns() / WEIR_NS_PER_MS;
}

static const char *state_name(weir_slot_state state)
{
    static const char *const names[] = {
        [WEIR_SLOT_NONE] = "none",       [WEIR_SLOT_STANDBY] = "standby",
        [WEIR_SLOT_HELD] = "held",       [WEIR_SLOT_OPENING] = "opening",
        [WEIR_SLOT_RUNNING] = "running", [WEIR_SLOT_LEAVING] = "leaving",
    };
    return names[state];
}

static void tell_changes(watcher *w)
{
    const weir_plan *plan = w->application->plan;
    for (size_t i = 0; i < plan->task_count; i++) {
        weir_slot_state state = weir_application_slot(w->application, i).state;
        if (state != w->states[i]) {
            w->states[i] = state;
            printf("%" PRIu64 " task %s %s\n", monotonic_ms(), plan->tasks[i].id,
                   state_name(state));
        }
    }
    weir_application_state state = weir_application_state_now(w->application);
    if (state != w->state) {
        w->state = state;
        printf("%" PRIu64 " state %s\n", monotonic_ms(), weir_application_state_name(state));
    }
}

static weir_status add_rows(void *user, const weir_query_store *store, weir_error *err)
{
    (void)err;
    *(uint64_t *)user += store->row_count;
    return WEIR_OK;
}

/* False: the process is to close. */
static bool obey(const watcher *w, const char *line)
{
    if (strcmp(line, "restored") == 0) {
        printf("restored %" PRId64 "\n",
               weir_metrics_sum(w->metrics, "weir_stream_thread_restore_records_total", NULL));
        return true;
    }
    if (strcmp(line, "rows") == 0) {
        uint64_t rows = 0;
        weir_error err = {0};
        fault_must(weir_query_stores(w->application, add_rows, &rows, &err), &err);
        printf("rows %" PRIu64 "\n", rows);
        return true;
    }
    return false;
}

static void watch(watcher *w)
{
    char line[LINE_BYTES_MAX];
    while (weir_application_state_now(w->application) != WEIR_APPLICATION_ERROR) {
        tell_changes(w);
        fault_command command = fault_command_wait(WATCH_MS, line, sizeof line);
        if (command == FAULT_COMMAND_END || (command == FAULT_COMMAND_LINE && !obey(w, line))) {
            return;
        }
    }
}

static void run(const weir_application_options *options)
{
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_application) application = NULL;
    fault_must(weir_application_new(options, &application, &err), &err);
    watcher w = {.application = application, .metrics = options->metrics};
    w.states = weir_alloc_array(application->plan->task_count, sizeof(*w.states));
    fault_must(weir_application_start(application, &err), &err);
    watch(&w);
    weir_application_request_close(application);
    while (weir_application_state_now(application) != WEIR_APPLICATION_NOT_RUNNING &&
           weir_application_state_now(application) != WEIR_APPLICATION_ERROR) {
        tell_changes(&w);
        (void)poll(NULL, 0, WATCH_MS);
    }
    tell_changes(&w);
    free(w.states);
    fault_must(weir_application_close(application, &err), &err);
}

int main(int argc, char **argv)
{
    WEIR_AUTO(fault_process) p = fault_process_open(argc, argv);
    WEIR_AUTO_PTR(weir_metrics) metrics = weir_metrics_new();
    run(&(weir_application_options){
        .topology = p.topology,
        .config = &p.config,
        .broker = p.broker,
        .database = p.database,
        .metrics = metrics,
        .process_id = p.process_id,
    });
    return 0;
}
