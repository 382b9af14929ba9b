/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_robots.c - "weir robots check": what a robots.txt lets an agent fetch, a URL a line.
 */
#include "connectors/robots.h"
#include "streams/base/file.h"
#include "topologies/cmd.h"
#include "topologies/url_canon.h"

#include <stdio.h>
#include <string.h>

static const char usage[] =
    "usage: weir robots check ROBOTS-FILE AGENT URL…\n"
    "Prints \"allowed\" or \"disallowed\", the URL, and the pattern that decided (- for none),\n"
    "separated by tabs; a URL may be a path. Without URLs: the crawl-delay in ms (-1: none) and\n"
    "the sitemaps. The exit status is 0 where all are allowed, 1 where one is not.\n";

enum { ROBOTS_FILE_BYTES_MAX = 64 << 20 };

/* Path and query of text, which is an http URL or itself a path. */
static weir_status path_of(const char *text, weir_buf *out_path, weir_error *err)
{
    WEIR_AUTO(weir_url) url = {0};
    WEIR_AUTO(weir_url) base = {0};
    WEIR_TRY(weir_url_parse(WEIR_BYTES("http://localhost/"), NULL, &base, err));
    WEIR_TRY(weir_url_parse(weir_bytes_of_text(text), &base, &url, err));
    weir_buf_set(out_path, weir_buf_bytes(&url.path));
    if (url.has_query) {
        weir_buf_append_byte(out_path, '?');
        weir_buf_append(out_path, url.query.data, url.query.size);
    }
    return WEIR_OK;
}

static bool check_url(weir_bytes rules, const char *text)
{
    WEIR_AUTO(weir_buf) path = {0};
    weir_error err = {0};
    if (path_of(text, &path, &err) != WEIR_OK) {
        printf("error\t%s\t%s\n", text, err.message);
        return false;
    }
    weir_bytes rule;
    bool allowed = weir_robots_allows(rules, weir_buf_bytes(&path), &rule);
    if (rule.data == NULL) {
        rule = WEIR_BYTES("-");
    }
    printf("%s\t%s\t%.*s\n", allowed ? "allowed" : "disallowed", text, (int)rule.size,
           (const char *)rule.data);
    return allowed;
}

static void print_group(weir_bytes rules)
{
    printf("crawl_delay_ms\t%lld\n", (long long)weir_robots_crawl_delay_ms(rules));
    size_t index = 0;
    weir_bytes url;
    while (weir_robots_next_sitemap(rules, &index, &url)) {
        printf("sitemap\t%.*s\n", (int)url.size, (const char *)url.data);
    }
}

static int check(const char *path, const char *agent, char **urls, int count)
{
    WEIR_AUTO(weir_buf) text = {0};
    WEIR_AUTO(weir_buf) rules = {0};
    weir_error err = {0};
    weir_status status = weir_file_read(path, ROBOTS_FILE_BYTES_MAX, &text, &err);
    if (status != WEIR_OK) {
        const char *why = status == WEIR_NOT_FOUND ? "there is no such file" : err.message;
        return weir_cmd_refuse("robots", "%s: %s", path, why);
    }
    weir_robots_compile(weir_buf_bytes(&text), agent, &rules);
    bool all_allowed = true;
    for (int i = 0; i < count; i++) {
        all_allowed = check_url(weir_buf_bytes(&rules), urls[i]) && all_allowed;
    }
    if (count == 0) {
        print_group(weir_buf_bytes(&rules));
    }
    return all_allowed ? WEIR_EXIT_OK : WEIR_EXIT_FAILURE;
}

int weir_cmd_robots(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(usage, stdout);
        return WEIR_EXIT_OK;
    }
    if (argc < 4 || strcmp(argv[1], "check") != 0) {
        return weir_cmd_refuse(argv[0], "check, a file and an agent are needed");
    }
    return check(argv[2], argv[3], argv + 4, argc - 4);
}
