/* SPDX-License-Identifier: Apache-2.0
 *
 * run_status.c - reads the metrics of the applications and draws a line a stage.
 */
#include "topologies/run_status.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

enum { TERMINAL_INTERVAL_MS = 500, PLAIN_INTERVAL_MS = 10000, SECOND_MS = 1000 };

struct weir_run_status {
    weir_pipeline *pipeline;
    FILE *to; /* NULL: nothing is shown. */
    bool is_terminal;
    bool is_drawn; /* The cursor stands below lines of ours. */
    int64_t shown_at_ms;
    weir_stage_counts before[WEIR_STAGE_COUNT];
};

weir_run_status *weir_run_status_new(weir_pipeline *pipeline, FILE *to)
{
    weir_run_status *status = weir_alloc(sizeof *status);
    status->pipeline = pipeline;
    status->to = to;
    status->is_terminal = to != NULL && isatty(fileno(to)) == 1;
    return status;
}

void weir_run_status_free(weir_run_status *status)
{
    free(status);
}

static void draw_stage(weir_run_status *status, weir_stage stage, int64_t elapsed_ms)
{
    weir_stage_counts now;
    if (!weir_pipeline_counts(status->pipeline, stage, &now)) {
        return;
    }
    int64_t done = now.processed - status->before[stage].processed;
    int64_t rate = elapsed_ms > 0 ? done * SECOND_MS / elapsed_ms : 0;
    fprintf(status->to,
            "%s%-9s %8" PRId64 " records  %7" PRId64 "/s  queue %7" PRId64 "  errors %5" PRId64
            "%s\n",
            status->is_terminal ? "\r\033[K" : "", weir_pipeline_stage_name(stage), now.processed,
            rate, now.queued, now.dead_letters, now.is_restoring ? "  restoring" : "");
    status->before[stage] = now;
}

static void draw(weir_run_status *status, int64_t now_ms)
{
    if (status->is_terminal && status->is_drawn) {
        fprintf(status->to, "\033[%dA", (int)WEIR_STAGE_COUNT);
    }
    int64_t elapsed_ms = status->shown_at_ms == 0 ? 0 : now_ms - status->shown_at_ms;
    for (weir_stage stage = 0; stage < WEIR_STAGE_COUNT; stage++) {
        draw_stage(status, stage, elapsed_ms);
    }
    (void)fflush(status->to);
    status->is_drawn = true;
    status->shown_at_ms = now_ms;
}

void weir_run_status_show(weir_run_status *status, int64_t now_ms)
{
    int64_t interval_ms = status->is_terminal ? TERMINAL_INTERVAL_MS : PLAIN_INTERVAL_MS;
    if (status->to != NULL && now_ms - status->shown_at_ms >= interval_ms) {
        draw(status, now_ms);
    }
}

void weir_run_status_end(weir_run_status *status)
{
    if (status->to != NULL) {
        draw(status, status->shown_at_ms);
    }
}
