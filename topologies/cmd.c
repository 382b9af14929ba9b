/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd.c - the table of commands, and what to say about a name that is not in it.
 */
#include "topologies/cmd.h"

#include "streams/base/bytes.h"
#include "streams/base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct command {
    const char *name;
    const char *summary;               /* One line. */
    int (*run)(int argc, char **argv); /* Or the next one. */
    int (*run_in)(int argc, char **argv, weir_cmd_environment environment);
} command;

/* In the order of help: what a new user wants first stands first. */
static const command commands[] = {
    {"demo", "crawl a site of this machine through the whole pipeline", weir_cmd_demo, NULL},
    {"run", "run topologies in this process: crawl, extract, judge, deduplicate", NULL,
     weir_cmd_run_stages},
    {"query", "print rows of a table", weir_cmd_query, NULL},
    {"help", "list the commands", weir_cmd_help, NULL},
    {"robots", "say what a robots.txt allows", weir_cmd_robots, NULL},
    {"extract", "print what a page in a file holds", weir_cmd_extract, NULL},
    {"dedup", "find the texts that are copies of each other", weir_cmd_dedup, NULL},
    {"quality", "print whether the rules accept a text, and why not", weir_cmd_quality, NULL},
    {"url", "print the canonical form of URLs", weir_cmd_url, NULL},
    {"topics", "make the topics, compare them with the map, list them, print their records", NULL,
     weir_cmd_topics},
    {"topology", "describe a stage's topology, plan the upgrade from one to another",
     weir_cmd_topology, NULL},
    {"serve-site", "serve a directory as a web site on loopback", weir_cmd_serve_site, NULL},
    {"version", "print the versions of weir and its libraries", weir_cmd_version, NULL},
};

enum { NAME_BYTES_MAX = 32, SUGGESTION_DISTANCE_MAX = 2 };

int weir_cmd_help(int argc, char **argv)
{
    if (argc > 1) {
        return weir_cmd_refuse(argv[0], "no argument is known, but \"%s\" was given", argv[1]);
    }
    puts("usage: weir COMMAND [ARGUMENT…]\n");
    for (size_t i = 0; i < WEIR_COUNT_OF(commands); i++) {
        printf("  %-12s %s\n", commands[i].name, commands[i].summary);
    }
    puts("\nweir COMMAND --help says more about one of them.");
    return WEIR_EXIT_OK;
}

int weir_cmd_version(int argc, char **argv)
{
    if (argc > 1) {
        return weir_cmd_refuse(argv[0], "no argument is known, but \"%s\" was given", argv[1]);
    }
    puts("weir " WEIR_VERSION " (" WEIR_LIBRARY_VERSIONS ")");
    return WEIR_EXIT_OK;
}

int weir_cmd_refuse(const char *command_name, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "weir %s: ", command_name);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\nTry: weir %s --help\n", command_name);
    va_end(args);
    return WEIR_EXIT_USAGE;
}

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* How many letters must be added, dropped or changed to make one name of the other (Levenshtein).
 * Neither is longer than NAME_BYTES_MAX. */
static size_t distance_between(const char *a, const char *b)
{
    size_t row[NAME_BYTES_MAX + 1];
    size_t b_length = strlen(b);
    WEIR_ASSERT(b_length <= NAME_BYTES_MAX);
    for (size_t j = 0; j <= b_length; j++) {
        row[j] = j;
    }
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < b_length; j++) {
            size_t above = row[j + 1];
            row[j + 1] = smallest(above + 1, row[j] + 1, diagonal + (a[i] == b[j] ? 0 : 1));
            diagonal = above;
        }
    }
    return row[b_length];
}

/* The command that somebody who typed name may have meant, or NULL. */
static const char *suggestion_for(const char *name)
{
    if (strlen(name) > NAME_BYTES_MAX) {
        return NULL;
    }
    const char *nearest = NULL;
    size_t nearest_distance = SUGGESTION_DISTANCE_MAX + 1;
    for (size_t i = 0; i < WEIR_COUNT_OF(commands); i++) {
        size_t distance = distance_between(name, commands[i].name);
        if (distance < nearest_distance) {
            nearest = commands[i].name;
            nearest_distance = distance;
        }
    }
    return nearest;
}

static int refuse_unknown(const char *name)
{
    const char *meant = suggestion_for(name);
    fprintf(stderr, "weir: there is no command \"%s\"", name);
    if (meant != NULL) {
        fprintf(stderr, "; did you mean \"%s\"?", meant);
    }
    fprintf(stderr, "\nweir help lists the commands.\n");
    return WEIR_EXIT_USAGE;
}

static bool is_one_of(const char *text, const char *a, const char *b)
{
    return strcmp(text, a) == 0 || strcmp(text, b) == 0;
}

int weir_cmd_run(int argc, char **argv, weir_cmd_environment environment)
{
    if (argc < 2) {
        fprintf(stderr, "usage: weir COMMAND [ARGUMENT…]\nweir help lists the commands.\n");
        return WEIR_EXIT_USAGE;
    }
    const char *name = argv[1];
    if (is_one_of(name, "--help", "-h")) {
        name = "help";
    } else if (is_one_of(name, "--version", "-V")) {
        name = "version";
    }
    for (size_t i = 0; i < WEIR_COUNT_OF(commands); i++) {
        if (strcmp(name, commands[i].name) == 0) {
            return commands[i].run != NULL ? commands[i].run(argc - 1, argv + 1)
                                           : commands[i].run_in(argc - 1, argv + 1, environment);
        }
    }
    return refuse_unknown(name);
}
