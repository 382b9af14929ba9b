/* SPDX-License-Identifier: Apache-2.0
 *
 * run_status.h - what a run shows while it works: a line a stage, with its rate, its queue and its
 * errors. On a terminal the lines stay where they are; elsewhere they come every ten seconds.
 *
 * Threads    One.
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

/* Shows the last lines, which stay. */
void weir_run_status_end(weir_run_status *status);

#endif
