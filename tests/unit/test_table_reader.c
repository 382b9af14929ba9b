/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of a table from outside: over REST and from the topic they are the same lines
 * (topologies/table_reader.c).
 */
#include "avro/records.h"
#include "tests/harness/check.h"
#include "tests/harness/pipeline_fixture.h"
#include "topologies/rest_api.h"
#include "topologies/table_reader.h"
#include "topologies/url_canon.h"

#include <stdlib.h>
#include <string.h>

enum { PAGES = 7, MANY = 1003, ATTEMPTS_MAX = 100000 };

static void send_fetch(pipeline_fixture *f, int number)
{
    WEIR_AUTO_FREE char *url = weir_format("https://a.example/%d", number);
    char hash[WEIR_URL_HASH_BYTES + 1];
    weir_url_hash(weir_bytes_of_text(url), hash);
    const weir_raw_fetch fetch = {.url = weir_bytes_of_text(url),
                                  .url_hash = weir_bytes_of_text(hash),
                                  .host_id = WEIR_BYTES("a.example"),
                                  .outcome = WEIR_BYTES("fetched")};
    pipeline_fixture_send(f, WEIR_TOPIC_RAW_FETCH, &weir_raw_fetch_type, weir_bytes_of_text(hash),
                          &fetch);
}

static void collect(void *user, weir_bytes lines)
{
    weir_buf_append(user, lines.data, lines.size);
}

static weir_table_scan scan_of(const char *table, const char *prefix, size_t limit, weir_buf *to)
{
    weir_buf_clear(to);
    return (weir_table_scan){.table = weir_table_named(weir_bytes_of_text(table)),
                             .prefix = weir_bytes_of_text(prefix),
                             .limit = limit,
                             .write = collect,
                             .user = to};
}

static void crawl(pipeline_fixture *f, int count)
{
    pipeline_fixture_open(f, 1U << WEIR_STAGE_TABLES);
    for (int i = 0; i < count; i++) {
        send_fetch(f, i);
    }
    pipeline_fixture_run(f);
}

TEST(rest_and_topic_give_the_same_lines)
{
    WEIR_AUTO(pipeline_fixture) f = {0};
    WEIR_AUTO(weir_buf) served = {0};
    WEIR_AUTO(weir_buf) replayed = {0};
    crawl(&f, MANY); /* More than a page. */
    weir_rest_api *api = NULL;
    CHECK_OK(weir_rest_api_start(f.pipeline, &(weir_rest_options){0}, &api, &f.err), &f.err);
    WEIR_AUTO_FREE char *url = weir_format("http://127.0.0.1:%u/", weir_rest_api_port(api));
    weir_table_scan scan = scan_of("url_latest", "", MANY + 5, &served);
    size_t count = 0;
    CHECK_OK(weir_table_read_rest(url, &scan, &count, &f.err), &f.err);
    CHECK_I64(count, ==, MANY);

    weir_rest_api_free(api);
    pipeline_fixture_crash(&f);
    scan = scan_of("url_latest", "", MANY + 5, &replayed);
    CHECK_OK(weir_table_read_topic(f.directory, &scan, &count, &f.err), &f.err);
    CHECK_I64(count, ==, MANY);
    CHECK_BYTES(weir_buf_bytes(&replayed), weir_buf_bytes(&served));
}

TEST(prefix_and_limit_choose_rows_on_both_ways)
{
    WEIR_AUTO(pipeline_fixture) f = {0};
    WEIR_AUTO(weir_buf) lines = {0};
    char hash[WEIR_URL_HASH_BYTES + 1];
    weir_url_hash(WEIR_BYTES("https://a.example/3"), hash);
    crawl(&f, PAGES);
    weir_rest_api *api = NULL;
    CHECK_OK(weir_rest_api_start(f.pipeline, &(weir_rest_options){0}, &api, &f.err), &f.err);
    WEIR_AUTO_FREE char *url = weir_format("http://127.0.0.1:%u", weir_rest_api_port(api));
    size_t count = 0;
    weir_table_scan scan = scan_of("url_latest", "", 2, &lines);
    CHECK_OK(weir_table_read_rest(url, &scan, &count, &f.err), &f.err);
    CHECK_I64(count, ==, 2);
    scan = scan_of("url_latest", hash, 2, &lines);
    CHECK_OK(weir_table_read_rest(url, &scan, &count, &f.err), &f.err);
    CHECK_I64(count, ==, 1);
    CHECK_STATUS(weir_table_read_topic(f.directory, &scan, &count, &f.err), WEIR_AGAIN);

    weir_rest_api_free(api);
    pipeline_fixture_crash(&f);
    scan = scan_of("url_latest", "", 2, &lines);
    CHECK_OK(weir_table_read_topic(f.directory, &scan, &count, &f.err), &f.err);
    CHECK_I64(count, ==, 2);
    scan = scan_of("url_latest", hash, 2, &lines);
    CHECK_OK(weir_table_read_topic(f.directory, &scan, &count, &f.err), &f.err);
    CHECK_I64(count, ==, 1);
    CHECK(strstr(weir_buf_text(&lines), "\"url\":\"https://a.example/3\"") != NULL);
    scan = scan_of("content_cluster", "", 2, &lines);
    CHECK_OK(weir_table_read_topic(f.directory, &scan, &count, &f.err), &f.err);
    CHECK_I64(count, ==, 0);
}

TEST(rows_are_served_while_the_stages_work_in_their_threads)
{
    WEIR_AUTO(pipeline_fixture) f = {0};
    WEIR_AUTO(weir_buf) lines = {0};
    pipeline_fixture_open(&f, 1U << WEIR_STAGE_TABLES);
    weir_rest_api *api = NULL;
    CHECK_OK(weir_pipeline_start(f.pipeline, &f.err), &f.err);
    CHECK_OK(weir_rest_api_start(f.pipeline, &(weir_rest_options){0}, &api, &f.err), &f.err);
    WEIR_AUTO_FREE char *url = weir_format("http://127.0.0.1:%u", weir_rest_api_port(api));
    size_t count = 0;
    int sent = 0;
    for (int attempt = 0; attempt < ATTEMPTS_MAX && count < PAGES; attempt++) {
        if (sent < PAGES) {
            send_fetch(&f, sent++);
        }
        weir_table_scan scan = scan_of("url_latest", "", MANY, &lines);
        weir_status status = weir_table_read_rest(url, &scan, &count, &f.err);
        CHECK(status == WEIR_OK || strstr(f.err.message, "answered 503") != NULL);
    }
    CHECK_I64(count, ==, PAGES);
    CHECK_OK(weir_pipeline_close(f.pipeline, &f.err), &f.err);
    weir_table_scan scan = scan_of("url_latest", "", MANY, &lines);
    CHECK_STATUS(weir_table_read_rest(url, &scan, &count, &f.err), WEIR_INVALID);
    CHECK(strstr(f.err.message, "answered 503") != NULL);
    weir_rest_api_free(api);
}

TEST(nothing_to_read_from_is_said_with_what_to_do)
{
    WEIR_AUTO(pipeline_fixture) f = {0};
    WEIR_AUTO(weir_buf) lines = {0};
    WEIR_AUTO_FREE char *empty = check_directory();
    size_t count = 0;
    weir_table_scan scan = scan_of("url_latest", "", 1, &lines);
    CHECK_STATUS(weir_table_read_topic(empty, &scan, &count, &f.err), WEIR_INVALID);
    CHECK(strstr(f.err.message, "--data") != NULL);
    CHECK_STATUS(weir_table_read_rest("http://127.0.0.1:1", &scan, &count, &f.err), WEIR_INVALID);
    CHECK(strstr(f.err.message, "http://127.0.0.1:1: ") != NULL);

    pipeline_fixture_open(&f, 1U << WEIR_STAGE_FRONTIER);
    weir_rest_api *api = NULL;
    CHECK_OK(weir_rest_api_start(f.pipeline, &(weir_rest_options){0}, &api, &f.err), &f.err);
    WEIR_AUTO_FREE char *url = weir_format("http://127.0.0.1:%u", weir_rest_api_port(api));
    CHECK_STATUS(weir_table_read_rest(url, &scan, &count, &f.err), WEIR_INVALID);
    CHECK(strstr(f.err.message, "answered 503: The stage \"tables\" does not run") != NULL);
    weir_rest_api_free(api);
}
