/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_serve_site.c - "weir serve-site": a directory as a web site on loopback. `weir demo` starts
 * it beside itself, the tests of whole runs do too.
 */
#include "connectors/site_server.h"
#include "topologies/cmd.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

static const char usage[] =
    "usage: weir serve-site DIRECTORY [--port N] [--log FILE]\n"
    "Serves the files of DIRECTORY on 127.0.0.1 and prints the URL; a free port where none is\n"
    "given. --log gets a line for each request: ms since 1970, connection, path.\n";

/* What was asked for. */
typedef struct serve_options {
    weir_site_options site;
    uint16_t port;
    int listener; /* From whoever started us; -1: we open it. */
} serve_options;

static bool take_number(const char *text, long max, long *out_number)
{
    char *end = NULL;
    *out_number = strtol(text, &end, 10);
    return end != text && *end == '\0' && *out_number >= 0 && *out_number <= max;
}

/* Takes a flag and its value; false where they are not understood. */
static bool take_flag(const char *flag, const char *value, serve_options *out)
{
    long number = 0;
    if (strcmp(flag, "--log") == 0) {
        out->site.log_path = value;
        return true;
    }
    if (strcmp(flag, "--port") == 0 && take_number(value, UINT16_MAX, &number)) {
        out->port = (uint16_t)number;
        return true;
    }
    if (strcmp(flag, "--listener") == 0 && take_number(value, 1 << 16, &number)) {
        out->listener = (int)number;
        /* Started by a process that wants us gone when it is, however it ends. */
        return prctl(PR_SET_PDEATHSIG, SIGTERM) == 0;
    }
    return false;
}

static int serve(serve_options *options)
{
    weir_error err = {0};
    weir_status status = WEIR_OK;
    if (options->listener < 0) {
        status = weir_site_listen(options->port, &options->listener, &options->port, &err);
        if (status == WEIR_OK) {
            printf("http://127.0.0.1:%u/\n", (unsigned)options->port);
            (void)fflush(stdout);
        }
    }
    if (status == WEIR_OK) { /* Serves until it is killed, or fails. */
        (void)weir_site_serve(options->listener, &options->site, &err);
    }
    fprintf(stderr, "weir serve-site: %s\n", err.message);
    return WEIR_EXIT_FAILURE;
}

int weir_cmd_serve_site(int argc, char **argv)
{
    serve_options options = {.listener = -1};
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(usage, stdout);
        return WEIR_EXIT_OK;
    }
    if (argc < 2 || argc % 2 != 0) {
        return weir_cmd_refuse(argv[0], "a directory, and a value for each flag, are needed");
    }
    options.site.directory = argv[1];
    for (int i = 2; i + 1 < argc; i += 2) {
        if (!take_flag(argv[i], argv[i + 1], &options)) {
            return weir_cmd_refuse(argv[0], "%s %s is not understood", argv[i], argv[i + 1]);
        }
    }
    return serve(&options);
}
