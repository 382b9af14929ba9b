/* SPDX-License-Identifier: Apache-2.0
 *
 * run_status.h - what a run shows while it works: a line a stage, with its rate, its queue and its
 * errors. On a terminal the lines stay where they are and log lines go above them; elsewhere they
 * come every ten seconds.
 *
 *   stage         records     rate    queue   errors     0:07
 *   frontier         9021   1204/s      312        0
 *   …
 *
 * Threads    One. One at a time shows on a terminal: it takes the process's log lines.
 */
#ifndef WEIR_TOPOLOGIES_RUN_STATUS_H
#define WEIR_TOPOLOGIES_RUN_STATUS_H

#include "topologies/pipeline.h"

#include <stdio.h>

typedef struct weir_run_status weir_run_status;

/* Shows pipeline on to; NULL shows nothing. Both are borrowed. */
weir_run_status *weir_run_status_new(weir_pipeline *pipeline, FILE *to);
void weir_run_status_free(weir_run_status *status);
WEIR_DEFINE_AUTO_PTR(weir_run_status);

/* Shows the lines, if it is time. */
void weir_run_status_show(weir_run_status *status, int64_t now_ms);

/* Shows the last lines, which stay: their rates are those of the whole run. */
void weir_run_status_end(weir_run_status *status, int64_t now_ms);

#endif
