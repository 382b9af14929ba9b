/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_url.c - "weir url canon": a URL a line on standard input, its canonical form on standard
 * output. A line that has none gives "error: <reason code>: <sentence>", so that line n of the
 * output always answers line n of the input.
 */
#include "topologies/cmd.h"
#include "topologies/url_canon.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: weir url canon [--base URL] [--hash] [--check] < URLS\n"
    "  --base URL  what relative URLs are relative to\n"
    "  --hash      print url_hash, host_id, registrable domain and URL, separated by tabs\n"
    "  --check     refuse pathological paths too, as the frontier does\n";

typedef struct canon_options {
    const char *base;
    bool print_hash;
    bool check_path;
} canon_options;

/* The parts that are reused for each line. */
typedef struct canon_filter {
    canon_options options;
    bool has_base;
    weir_url base;
    weir_url url;
    weir_buf text;
    weir_buf host_id;
} canon_filter;

static void canon_filter_cleanup(canon_filter *filter)
{
    weir_url_cleanup(&filter->base);
    weir_url_cleanup(&filter->url);
    weir_buf_cleanup(&filter->text);
    weir_buf_cleanup(&filter->host_id);
}

static bool options_parse(int argc, char **argv, canon_options *out_options)
{
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--base") == 0 && i + 1 < argc) {
            out_options->base = argv[++i];
        } else if (strcmp(argv[i], "--hash") == 0) {
            out_options->print_hash = true;
        } else if (strcmp(argv[i], "--check") == 0) {
            out_options->check_path = true;
        } else {
            return false;
        }
    }
    return true;
}

static weir_status canon_line(canon_filter *filter, weir_bytes line, weir_error *err)
{
    const weir_url *base = filter->has_base ? &filter->base : NULL;
    WEIR_TRY(weir_url_canonicalise(line, base, &filter->url, err));
    if (filter->options.check_path) {
        WEIR_TRY(weir_url_check_path(&filter->url, err));
    }
    weir_buf_clear(&filter->text);
    weir_url_append_resource(&filter->url, &filter->text);
    return WEIR_OK;
}

static void print_hashes(canon_filter *filter)
{
    char hash[WEIR_URL_HASH_BYTES + 1];
    weir_url_hash(weir_buf_bytes(&filter->text), hash);
    weir_url_host_id(&filter->url, &filter->host_id);
    weir_bytes domain = weir_url_registrable_domain(weir_buf_bytes(&filter->url.host));
    printf("%s\t%s\t%.*s\t", hash, weir_buf_text(&filter->host_id), (int)domain.size,
           (const char *)domain.data);
}

static void filter_line(canon_filter *filter, weir_bytes line)
{
    weir_error err = {0};
    if (canon_line(filter, line, &err) != WEIR_OK) {
        printf("error: %s\n", err.message);
        return;
    }
    if (filter->options.print_hash) {
        print_hashes(filter);
    }
    printf("%s\n", weir_buf_text(&filter->text));
}

/* Replaces *out_line by the next line of standard input, without its end. Of a line that is too
 * long to be a URL just so much is kept that the parser says so. False at the end. */
static bool read_line(weir_buf *out_line)
{
    weir_buf_clear(out_line);
    int c = getc_unlocked(stdin);
    if (c == EOF) {
        return false;
    }
    for (; c != EOF && c != '\n'; c = getc_unlocked(stdin)) {
        if (out_line->size <= WEIR_URL_INPUT_BYTES_MAX) {
            weir_buf_append_byte(out_line, (uint8_t)c);
        }
    }
    return true;
}

static int canon(const canon_options *options)
{
    WEIR_AUTO(canon_filter) filter = {.options = *options, .has_base = options->base != NULL};
    weir_error err = {0};
    if (filter.has_base &&
        weir_url_parse(weir_bytes_of_text(options->base), NULL, &filter.base, &err) != WEIR_OK) {
        return weir_cmd_refuse("url", "--base %s: %s", options->base, err.message);
    }
    WEIR_AUTO(weir_buf) line = {0};
    while (read_line(&line)) {
        filter_line(&filter, weir_buf_bytes(&line));
    }
    return fflush(stdout) == 0 && !ferror(stdin) ? WEIR_EXIT_OK : WEIR_EXIT_FAILURE;
}

int weir_cmd_url(int argc, char **argv)
{
    canon_options options = {0};
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(usage, stdout);
        return WEIR_EXIT_OK;
    }
    if (argc < 2 || strcmp(argv[1], "canon") != 0) {
        return weir_cmd_refuse(argv[0], "canon is all that it can do");
    }
    if (!options_parse(argc - 2, argv + 2, &options)) {
        return weir_cmd_refuse(argv[0], "an argument is unknown or lacks its value");
    }
    return canon(&options);
}
