/* SPDX-License-Identifier: Apache-2.0
 *
 * main.c - the program weir: takes what only the process knows (its environment, its signals) and
 * hands over to the command that was asked for.
 */
#include "streams/base/logging.h"
#include "topologies/cmd.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whoever looks at a demo wants to see its lines; LOG_LEVEL still has the last word. */
static int set_log_level(bool is_demo)
{
    const char *text = getenv("LOG_LEVEL");
    weir_log_level level = is_demo ? WEIR_LOG_WARN : WEIR_LOG_INFO;
    if (text != NULL && text[0] != '\0' && !weir_log_level_parse(text, &level)) {
        fprintf(stderr, "weir: LOG_LEVEL is debug, info, warn, error or off, not \"%s\"\n", text);
        return WEIR_EXIT_USAGE;
    }
    weir_log_set_level(level);
    return WEIR_EXIT_OK;
}

/* What was printed counts once it is out: a full disk behind a pipe is a failure too. */
static int close_output(int code)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "weir: the output could not be written\n");
        return code == WEIR_EXIT_OK ? WEIR_EXIT_FAILURE : code;
    }
    return code;
}

static const char *environment(const char *name)
{
    return getenv(name);
}

int main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN); /* A peer that hangs up is an error of one write. */
    int code = set_log_level(argc > 1 && strcmp(argv[1], "demo") == 0);
    if (code != WEIR_EXIT_OK) {
        return code;
    }
    return close_output(weir_cmd_run(argc, argv, environment));
}
