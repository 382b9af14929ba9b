/* SPDX-License-Identifier: Apache-2.0
 *
 * crash_run.h - replays a file of the oracle exactly once while commits, crashes, closes and moves
 * happen between its inputs, and compares what has come of it in the end.
 *
 * A file that Kafka Streams ran without a record cache, replayed without one, leads to the same
 * records of each output and repartition topic in the same order. A cache merges changes, where
 * it is used on either side the last record of each key is the same. So are the last ones of
 * changelogs, and the rows of the stores, in either case.
 *
 * Threads    One.
 */
#ifndef WEIR_TESTS_CONFORMANCE_CRASH_RUN_H
#define WEIR_TESTS_CONFORMANCE_CRASH_RUN_H

#include "tests/conformance/world.h"

typedef struct crash_run_options {
    const char *path;
    bool uncached; /* Without a record cache, whatever the file says. */
    bool crashes;  /* Commits, crashes, closes and moves at random; else a commit at the end. */
    uint64_t seed;
} crash_run_options;

/* WEIR_OK: all is the same. WEIR_AGAIN: it can only be replayed step by step. WEIR_NOT_FOUND: there
 * is nothing to compare it with, the message says why. Other: it differs, the message says where;
 * or it cannot be replayed. Adds to *counts. */
weir_status crash_run(const crash_run_options *options, conformance_counts *counts,
                      weir_error *err);

#endif
