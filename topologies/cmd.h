/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd.h - the commands of the program weir, one function each.
 *
 * A command gets argv[0] as its own name and what follows it, prints its result on stdout and its
 * complaints on stderr, and answers the exit code. To add one: its prototype below, its row in
 * cmd.c, its code in a file of its own.
 *
 * Threads    The main thread.
 */
#ifndef WEIR_TOPOLOGIES_CMD_H
#define WEIR_TOPOLOGIES_CMD_H

enum { WEIR_EXIT_OK = 0, WEIR_EXIT_FAILURE = 1, WEIR_EXIT_USAGE = 2 };

/* The value of a variable of the process's environment, or NULL. */
typedef const char *(*weir_cmd_environment)(const char *name);

/* Runs the command that argv[1] names, as `weir NAME ARGUMENT…` does, and answers its exit code. */
int weir_cmd_run(int argc, char **argv, weir_cmd_environment environment);

/* Complains on stderr that command was used wrongly ("weir url: no such file: x"), says how to get
 * help, and answers WEIR_EXIT_USAGE. */
int weir_cmd_refuse(const char *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Lists the commands. */
int weir_cmd_help(int argc, char **argv);

/* Prints the versions of weir and of the libraries that it was built with. */
int weir_cmd_version(int argc, char **argv);

/* weir extract: a filter from pages in files to what the extract stage makes of them. */
int weir_cmd_extract(int argc, char **argv);

/* weir dedup: which of the texts on its input are copies of each other. */
int weir_cmd_dedup(int argc, char **argv);

/* weir quality: a filter from texts to what the quality rules say of them. */
int weir_cmd_quality(int argc, char **argv);

/* weir url canon: a filter from URLs to canonical URLs, a line each. */
int weir_cmd_url(int argc, char **argv);

/* weir robots check: what a robots.txt lets an agent fetch. */
int weir_cmd_robots(int argc, char **argv);

/* weir query: rows of a table, from a running process or from its data directory. */
int weir_cmd_query(int argc, char **argv);

/* weir run: the stages of the pipeline in this process. */
int weir_cmd_run_stages(int argc, char **argv, weir_cmd_environment environment);

/* weir demo: a site of this machine, or seeds, through the whole pipeline, and what came of it. */
int weir_cmd_demo(int argc, char **argv);

/* weir topics: the topics of a data directory or of a Kafka cluster, their records, and the map. */
int weir_cmd_topics(int argc, char **argv, weir_cmd_environment environment);

/* weir topology: the topologies of the stages, described, and two descriptions compared. */
int weir_cmd_topology(int argc, char **argv);

/* weir serve-site: a directory as a web site on loopback. */
int weir_cmd_serve_site(int argc, char **argv);

#endif
