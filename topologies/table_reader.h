/* SPDX-License-Identifier: Apache-2.0
 *
 * table_reader.h - reads rows of a table without being the process that keeps it: from that
 * process, over REST, or from the table's topic where none runs.
 *
 * Rows come in the order of keys, a line of JSON each:
 *   {"key":…,"partition":…,"value":{…}}
 *
 * Errors     WEIR_AGAIN: another process has the data directory open; ask it over REST.
 *            WEIR_INVALID: there is nothing to read from; the message says what to do.
 * Threads    One.
 */
#ifndef WEIR_TOPOLOGIES_TABLE_READER_H
#define WEIR_TOPOLOGIES_TABLE_READER_H

#include "topologies/table_key.h"

/* File in the data directory that holds the URL of the REST server that serves it. */
#define WEIR_REST_URL_FILE "rest.url"

typedef struct weir_table_scan {
    const weir_table *table;
    weir_bytes prefix; /* Rows whose keys begin with it; empty: all. */
    size_t limit;      /* At least 1. */

    /* Gets lines, borrowed for the call. */
    void (*write)(void *user, weir_bytes lines);
    void *user;
} weir_table_scan;

/* Replays the topic in the broker of data_directory: what a restart would restore. *out_count: how
 * many rows were written. */
weir_status weir_table_read_topic(const char *data_directory, const weir_table_scan *scan,
                                  size_t *out_count, weir_error *err);

/* Asks the REST server at url ("http://127.0.0.1:8080"). */
weir_status weir_table_read_rest(const char *url, const weir_table_scan *scan, size_t *out_count,
                                 weir_error *err);

#endif
