/* SPDX-License-Identifier: Apache-2.0
 *
 * run.h - watches a pipeline at work, for the commands that run one: its upkeep, its failures, its
 * end.
 *
 *   weir_run_signals_open(&signals, &err)     before any thread starts
 *   …                                         open, seed and start the pipeline
 *   weir_run_watch(pipeline, &options, …)     until it is done, or somebody wants it to end
 *
 * Threads    The main thread.
 */
#ifndef WEIR_TOPOLOGIES_RUN_H
#define WEIR_TOPOLOGIES_RUN_H

#include "topologies/rest_api.h"
#include "topologies/run_settings.h"
#include "topologies/run_status.h"

typedef struct weir_run_options {
    int signals;             /* From weir_run_signals_open. */
    bool until_idle;         /* Ends when nothing is left to do. */
    weir_run_status *status; /* Shown meanwhile; NULL: nothing is. */
} weir_run_options;

/* Makes SIGINT and SIGTERM readable in *out_signals, for this thread and those that it starts from
 * now on: without it a signal would reach whichever thread and end the process at once. */
weir_status weir_run_signals_open(int *out_signals, weir_error *err);

/* From now on a signal ends the process at once, as it would have without the function above: what
 * is left to do is safe to cut short. */
void weir_run_signals_close(int signals);

/* Watches until the end: *out_interrupted says that a signal was it. The failure of the first stage
 * that fails is ours. */
weir_status weir_run_watch(weir_pipeline *pipeline, const weir_run_options *options,
                           bool *out_interrupted, weir_error *err);

/* Starts the REST server where settings say, and leaves its URL in the data directory, for weir
 * query; weir_rest_api_port says which port it got. */
weir_status weir_run_serve(weir_pipeline *pipeline, const weir_run_settings *settings,
                           weir_rest_api **out_api, weir_error *err);

#endif
