/* SPDX-License-Identifier: Apache-2.0
 *
 * command.c - a shell's output, read to its end.
 */
#include "tests/harness/command.h"

#include "tests/harness/check.h"

#include <stdio.h>
#include <sys/wait.h>

int command_run(const char *line, weir_buf *out)
{
    FILE *pipe = popen(line, "r");
    CHECK(pipe != NULL);
    weir_buf_clear(out);
    char part[512];
    for (size_t got = 1; got > 0;) {
        got = fread(part, 1, sizeof part, pipe);
        weir_buf_append(out, part, got);
    }
    int status = pclose(pipe);
    CHECK(WIFEXITED(status));
    return WEXITSTATUS(status);
}
