/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_lines.c - reads lines in parts, so that a line without end takes bounded memory.
 */
#include "topologies/cmd_lines.h"

#include "topologies/cmd.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PART_BYTES = 64 << 10 };

/* Replaces *line by the next line without its line feed; what is beyond the limit is dropped, but
 * for one byte that shows that it was there. False at the end of the input. */
static bool read_line(FILE *from, weir_buf *line)
{
    char part[PART_BYTES];
    bool has_line = false;
    weir_buf_clear(line);
    while (fgets(part, sizeof part, from) != NULL) {
        has_line = true;
        size_t length = strcspn(part, "\n");
        size_t room = WEIR_CMD_LINE_BYTES_MAX + 1 - line->size;
        weir_buf_append(line, part, length < room ? length : room);
        if (part[length] == '\n') {
            break;
        }
    }
    return has_line;
}

static weir_status handle_line(weir_bytes line, weir_cmd_line_handler *handle, void *context,
                               weir_error *err)
{
    weir_json_value *parsed = NULL;
    WEIR_TRY(weir_json_parse(line, WEIR_CMD_LINE_BYTES_MAX, &parsed, err));
    WEIR_AUTO_PTR(weir_json_value) root = parsed;
    if (!weir_json_is_object(root)) {
        return weir_error_set(err, WEIR_BAD_RECORD, "the line is JSON, but no object");
    }
    return handle(root, context, err);
}

int weir_cmd_lines_each(const char *command, weir_cmd_line_handler *handle, void *context)
{
    WEIR_ASSERT(command != NULL);
    WEIR_ASSERT(handle != NULL);

    WEIR_AUTO(weir_buf) line = {0};
    int exit_code = WEIR_EXIT_OK;
    for (uint64_t number = 1; read_line(stdin, &line); number++) {
        weir_error err = {0};
        if (line.size > 0 && handle_line(weir_buf_bytes(&line), handle, context, &err) != WEIR_OK) {
            fprintf(stderr, "weir %s: line %" PRIu64 ": %s\n", command, number, err.message);
            exit_code = WEIR_EXIT_FAILURE;
        }
    }
    return exit_code;
}
