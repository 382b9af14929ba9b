/* SPDX-License-Identifier: Apache-2.0
 *
 * run_status.c - reads the metrics of the applications and draws a line a stage.
 *
 * The lines are made in a buffer first, so that a terminal gets them in one write, without flicker,
 * and so that they can be drawn again below a log line.
 */
#include "topologies/run_status.h"

#include "streams/base/logging.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { TERMINAL_INTERVAL_MS = 500, PLAIN_INTERVAL_MS = 10000, SECOND_MS = 1000, MINUTE_S = 60 };

struct weir_run_status {
    weir_pipeline *pipeline;
    FILE *to; /* NULL: nothing is shown. */
    bool is_terminal;
    int64_t started_at_ms; /* 0: not yet shown. */
    int64_t shown_at_ms;
    int64_t before[WEIR_STAGE_COUNT]; /* Records processed when it was last shown. */
    pthread_mutex_t lock;             /* Of what follows: any thread may log. */
    weir_buf lines;
    int drawn_count; /* Lines of ours above the cursor. */
};

/* A log line: it takes the place of the lines, which are drawn again below it. */
static void write_log_line(void *context, weir_bytes line)
{
    weir_run_status *status = context;
    pthread_mutex_lock(&status->lock);
    if (status->drawn_count > 0) {
        fprintf(status->to, "\033[%dA\033[J", status->drawn_count);
    }
    (void)fwrite(line.data, 1, line.size, status->to);
    if (status->drawn_count > 0) {
        (void)fwrite(status->lines.data, 1, status->lines.size, status->to);
    }
    (void)fflush(status->to);
    pthread_mutex_unlock(&status->lock);
}

weir_run_status *weir_run_status_new(weir_pipeline *pipeline, FILE *to)
{
    weir_run_status *status = weir_alloc(sizeof *status);
    status->pipeline = pipeline;
    status->to = to;
    status->is_terminal = to != NULL && isatty(fileno(to)) == 1;
    pthread_mutex_init(&status->lock, NULL);
    if (status->is_terminal) {
        weir_log_redirect(write_log_line, status);
    }
    return status;
}

void weir_run_status_free(weir_run_status *status)
{
    if (status == NULL) {
        return;
    }
    if (status->is_terminal) {
        weir_log_redirect(NULL, NULL);
    }
    pthread_mutex_destroy(&status->lock);
    weir_buf_cleanup(&status->lines);
    free(status);
}

static int64_t rate_of(int64_t count, int64_t elapsed_ms)
{
    return elapsed_ms > 0 ? count * SECOND_MS / elapsed_ms : 0;
}

static void append_stage(weir_buf *lines, const char *start, weir_stage stage, int64_t rate,
                         const weir_stage_counts *now)
{
    weir_buf_append_format(lines,
                           "%s%-10s %10" PRId64 " %8" PRId64 "/s %8" PRId64 " %8" PRId64 "%s\n",
                           start, weir_pipeline_stage_name(stage), now->processed, rate,
                           now->queued, now->dead_letters, now->is_restoring ? "  restoring" : "");
}

/* Makes the lines of now and returns their number. A rate is that of the time since the last lines;
 * at the end, that of the whole run. */
static int make_lines(weir_run_status *status, int64_t now_ms, bool is_last, weir_buf *out)
{
    const char *start = status->is_terminal ? "\033[K" : "";
    int64_t elapsed_s = (now_ms - status->started_at_ms) / SECOND_MS;
    weir_buf_append_format(out, "%s%-10s %10s %10s %8s %8s   %2" PRId64 ":%02" PRId64 "\n", start,
                           "stage", "records", "rate", "queue", "errors", elapsed_s / MINUTE_S,
                           elapsed_s % MINUTE_S);
    int count = 1;
    for (weir_stage stage = 0; stage < WEIR_STAGE_COUNT; stage++) {
        weir_stage_counts now;
        if (!weir_pipeline_counts(status->pipeline, stage, &now)) {
            continue;
        }
        int64_t since_ms = is_last ? status->started_at_ms : status->shown_at_ms;
        int64_t before = is_last ? 0 : status->before[stage];
        append_stage(out, start, stage, rate_of(now.processed - before, now_ms - since_ms), &now);
        status->before[stage] = now.processed;
        count++;
    }
    return count;
}

/* The lines are made before the lock is taken: counting asks other threads, which may want to
 * log. */
static void draw(weir_run_status *status, int64_t now_ms, bool is_last)
{
    WEIR_AUTO(weir_buf) lines = {0};
    if (status->started_at_ms == 0) {
        status->started_at_ms = now_ms;
        status->shown_at_ms = now_ms;
    }
    int count = make_lines(status, now_ms, is_last, &lines);
    pthread_mutex_lock(&status->lock);
    if (status->is_terminal && status->drawn_count > 0) {
        fprintf(status->to, "\033[%dA", status->drawn_count);
    }
    weir_buf_set(&status->lines, weir_buf_bytes(&lines));
    (void)fwrite(lines.data, 1, lines.size, status->to);
    (void)fflush(status->to);
    status->drawn_count = is_last ? 0 : count;
    pthread_mutex_unlock(&status->lock);
    status->shown_at_ms = now_ms;
}

void weir_run_status_show(weir_run_status *status, int64_t now_ms)
{
    int64_t interval_ms = status->is_terminal ? TERMINAL_INTERVAL_MS : PLAIN_INTERVAL_MS;
    if (status->to == NULL) {
        return;
    }
    if (status->started_at_ms == 0 && !status->is_terminal) {
        status->started_at_ms = now_ms; /* Nothing has happened yet that would be worth lines. */
        status->shown_at_ms = now_ms;
    }
    if (status->started_at_ms == 0 || now_ms - status->shown_at_ms >= interval_ms) {
        draw(status, now_ms, false);
    }
}

void weir_run_status_end(weir_run_status *status, int64_t now_ms)
{
    if (status->to != NULL) {
        draw(status, now_ms, true);
    }
}
