/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_lines.h - the input of filters: a JSON object a line on standard input.
 *
 * Threads    The main thread.
 */
#ifndef WEIR_TOPOLOGIES_CMD_LINES_H
#define WEIR_TOPOLOGIES_CMD_LINES_H

#include "streams/base/json_read.h"

enum { WEIR_CMD_LINE_BYTES_MAX = 64 << 20 };

/* Handles one line; what it answers besides WEIR_OK, with *err filled, is complained of. */
typedef weir_status weir_cmd_line_handler(const weir_json_value *object, void *context,
                                          weir_error *err);

/* Calls handle for each line of standard input that is not empty. A line that is no JSON object, or
 * longer than WEIR_CMD_LINE_BYTES_MAX, or that handle refuses is complained of on stderr, with its
 * number and the name of the command, and the next one is read. Answers the exit code: failure if
 * there was such a line. */
int weir_cmd_lines_each(const char *command, weir_cmd_line_handler *handle, void *context);

#endif
