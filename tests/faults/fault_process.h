/* SPDX-License-Identifier: Apache-2.0
 *
 * fault_process.h - what a counting process is made of, by its command line:
 *
 *   PROGRAM BROKER STATE_DIR PROCESS_ID [SETTING=VALUE]…
 *
 * Ownership  fault_process_cleanup frees all of it.
 * Errors     End the program.
 * Threads    One.
 */
#ifndef WEIR_TESTS_FAULTS_FAULT_PROCESS_H
#define WEIR_TESTS_FAULTS_FAULT_PROCESS_H

#include "streams/weir.h"

typedef struct fault_process {
    weir_config config;
    weir_broker *broker;
    weir_database *database;
    weir_topology *topology;
    const char *process_id; /* Of argv. */
} fault_process;

/* Writes to standard output are seen line by line from then on. */
fault_process fault_process_open(int argc, char **argv);
void fault_process_cleanup(fault_process *process);

#endif
