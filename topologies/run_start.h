/* SPDX-License-Identifier: Apache-2.0
 *
 * run_start.h - obeys SIGINT and SIGTERM while a pipeline is opened: against a broker that accepts
 * and does not answer that takes minutes, in calls that nobody can interrupt.
 *
 * Ownership  The signals are borrowed (run.h).
 * Threads    One makes and frees it; it has a thread of its own.
 */
#ifndef WEIR_TOPOLOGIES_RUN_START_H
#define WEIR_TOPOLOGIES_RUN_START_H

#include "streams/base/alloc.h"
#include "streams/base/status.h"

typedef struct weir_run_start weir_run_start;

/* From now on a signal ends the process, as that signal does, unless the free comes first within
 * WEIR_RUN_START_PATIENCE_MS: then it stays for weir_run_watch, which ends with a clean leave. */
enum { WEIR_RUN_START_PATIENCE_MS = 1000 };
weir_status weir_run_start_watch(int signals, weir_run_start **out_start, weir_error *err);

/* The pipeline is open, or has failed to. NULL is fine. */
void weir_run_start_free(weir_run_start *start);
WEIR_DEFINE_AUTO_PTR(weir_run_start);

#endif
