/* SPDX-License-Identifier: Apache-2.0
 *
 * command.h - runs a command line as users run it, for tests of the program weir.
 *
 * Threads    One.
 */
#ifndef WEIR_TESTS_HARNESS_COMMAND_H
#define WEIR_TESTS_HARNESS_COMMAND_H

#include "streams/base/bytes.h"

/* Runs line in a shell, replaces *out by what it prints, and answers its exit code. */
int command_run(const char *line, weir_buf *out);

#endif
