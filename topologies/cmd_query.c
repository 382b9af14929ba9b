/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_query.c - "weir query": rows of a table as lines of JSON, from the process that runs on the
 * data directory, or from the directory itself where none does.
 */
#include "topologies/cmd.h"
#include "topologies/table_reader.h"

#include "streams/base/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: weir query TABLE KEY [--data DIR | --url URL]\n"
    "       weir query TABLE [--prefix PREFIX] [--limit N] [--data DIR | --url URL]\n"
    "Prints rows in the order of keys, a line of JSON each.\n"
    "  TABLE          url_latest, content_cluster or dataset_membership\n"
    "  KEY            url_hash or URL; content_hash; dataset_id/url_hash or dataset_id/URL\n"
    "  --prefix TEXT  rows whose keys begin with it\n"
    "  --limit N      at most so many rows (100)\n"
    "  --data DIR     the data directory of weir run (./data)\n"
    "  --url URL      the REST server of weir run (the one that runs on DIR, if there is one)\n"
    "The exit status is 1 where no row has KEY.\n";

enum { LIMIT_DEFAULT = 100, URL_FILE_BYTES_MAX = 1000 };

typedef struct query_options {
    const char *table;
    const char *key;
    const char *prefix;
    const char *limit;
    const char *data_directory;
    const char *url;
} query_options;

/* Where the value of a flag goes; NULL for what is no flag. */
static const char **flag_of(query_options *options, const char *name)
{
    const struct {
        const char *name;
        const char **value;
    } flags[] = {{"--prefix", &options->prefix},
                 {"--limit", &options->limit},
                 {"--data", &options->data_directory},
                 {"--url", &options->url}};
    for (size_t i = 0; i < WEIR_COUNT_OF(flags); i++) {
        if (strcmp(name, flags[i].name) == 0) {
            return flags[i].value;
        }
    }
    return NULL;
}

static weir_status options_parse(int argc, char **argv, query_options *options, weir_error *err)
{
    for (int i = 1; i < argc; i++) {
        const char **flag = flag_of(options, argv[i]);
        if (flag != NULL && i + 1 < argc) {
            *flag = argv[++i];
        } else if (argv[i][0] == '-') {
            return weir_error_set(err, WEIR_INVALID, "%s is unknown or lacks its value", argv[i]);
        } else if (options->table == NULL) {
            options->table = argv[i];
        } else if (options->key == NULL) {
            options->key = argv[i];
        } else {
            return weir_error_set(err, WEIR_INVALID, "\"%s\" is one argument too many", argv[i]);
        }
    }
    if (options->key != NULL && options->prefix != NULL) {
        return weir_error_set(err, WEIR_INVALID, "give a key or a prefix, not both");
    }
    return WEIR_OK;
}

static void print_lines(void *user, weir_bytes lines)
{
    (void)user;
    (void)fwrite(lines.data, 1, lines.size, stdout);
}

static weir_status limit_of(const char *text, size_t *out_limit, weir_error *err)
{
    char *end = NULL;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || number < 1) {
        return weir_error_set(err, WEIR_INVALID, "--limit %s is no number of rows", text);
    }
    *out_limit = (size_t)number;
    return WEIR_OK;
}

/* Completes scan; key is what its prefix borrows from. */
static weir_status scan_of(const query_options *options, weir_buf *key, weir_table_scan *scan,
                           weir_error *err)
{
    if (options->table == NULL) {
        return weir_error_set(err, WEIR_INVALID, "name a table");
    }
    scan->table = weir_table_named(weir_bytes_of_text(options->table));
    if (scan->table == NULL) {
        return weir_error_set(err, WEIR_INVALID, "there is no table \"%s\": %s, %s and %s are",
                              options->table, weir_tables[0].name, weir_tables[1].name,
                              weir_tables[2].name);
    }
    scan->limit = LIMIT_DEFAULT;
    if (options->limit != NULL) {
        WEIR_TRY(limit_of(options->limit, &scan->limit, err));
    }
    if (options->key != NULL) { /* Keys of a table are of one length: none begins with another. */
        WEIR_TRY(weir_table_key(scan->table, weir_bytes_of_text(options->key), key, err));
    } else if (options->prefix != NULL) {
        weir_buf_set(key, weir_bytes_of_text(options->prefix));
    }
    scan->prefix = weir_buf_bytes(key);
    return WEIR_OK;
}

/* Asks the process that has the directory open, which left its URL there. */
static weir_status read_running(const char *directory, const weir_table_scan *scan,
                                size_t *out_count, weir_error *err)
{
    WEIR_AUTO(weir_buf) url = {0};
    WEIR_AUTO_FREE char *path = weir_format("%s/" WEIR_REST_URL_FILE, directory);
    if (weir_file_read(path, URL_FILE_BYTES_MAX, &url, err) != WEIR_OK) {
        return weir_error_set(err, WEIR_INVALID,
                              "another process uses %s: name its REST server with --url",
                              directory);
    }
    return weir_table_read_rest(weir_buf_text(&url), scan, out_count, err);
}

static weir_status read_rows(const query_options *options, const weir_table_scan *scan,
                             size_t *out_count, weir_error *err)
{
    if (options->url != NULL) {
        return weir_table_read_rest(options->url, scan, out_count, err);
    }
    const char *directory = options->data_directory != NULL ? options->data_directory : "data";
    weir_status status = weir_table_read_topic(directory, scan, out_count, err);
    return status == WEIR_AGAIN ? read_running(directory, scan, out_count, err) : status;
}

int weir_cmd_query(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(usage, stdout);
        return WEIR_EXIT_OK;
    }
    query_options options = {0};
    weir_table_scan scan = {.write = print_lines};
    WEIR_AUTO(weir_buf) key = {0};
    weir_error err = {0};
    if (options_parse(argc, argv, &options, &err) != WEIR_OK ||
        scan_of(&options, &key, &scan, &err) != WEIR_OK) {
        return weir_cmd_refuse(argv[0], "%s", err.message);
    }
    size_t count = 0;
    if (read_rows(&options, &scan, &count, &err) != WEIR_OK) {
        fprintf(stderr, "weir query: %s\n", err.message);
        return WEIR_EXIT_FAILURE;
    }
    if (options.key != NULL && count == 0) {
        fprintf(stderr, "weir query: no row of %s has the key %s\n", options.table,
                weir_buf_text(&key));
        return WEIR_EXIT_FAILURE;
    }
    return WEIR_EXIT_OK;
}
