/* SPDX-License-Identifier: Apache-2.0
 *
 * weir query, run as users run it: by key, URL and prefix, and what it says to mistakes.
 */
#include "avro/records.h"
#include "streams/base/file.h"
#include "tests/harness/check.h"
#include "tests/harness/command.h"
#include "tests/harness/pipeline_fixture.h"
#include "topologies/rest_api.h"
#include "topologies/table_reader.h"
#include "topologies/url_canon.h"

#include <stdlib.h>
#include <string.h>

/* Runs weir query with arguments and --data directory; all that it prints is in *out. */
static int query(const char *directory, const char *arguments, weir_buf *out)
{
    WEIR_AUTO_FREE char *line = weir_format("LOG_LEVEL=warn %s/weir query %s --data %s 2>&1",
                                            WEIR_BINARY_DIR, arguments, directory);
    return command_run(line, out);
}

static void crawl_two_pages(pipeline_fixture *f)
{
    static const char *const urls[] = {"https://a.example/", "https://a.example/b?c"};
    pipeline_fixture_open(f, 1U << WEIR_STAGE_TABLES);
    for (size_t i = 0; i < WEIR_COUNT_OF(urls); i++) {
        char hash[WEIR_URL_HASH_BYTES + 1];
        weir_url_hash(weir_bytes_of_text(urls[i]), hash);
        const weir_raw_fetch fetch = {.url = weir_bytes_of_text(urls[i]),
                                      .url_hash = weir_bytes_of_text(hash),
                                      .outcome = WEIR_BYTES("fetched")};
        pipeline_fixture_send(f, WEIR_TOPIC_RAW_FETCH, &weir_raw_fetch_type,
                              weir_bytes_of_text(hash), &fetch);
    }
    pipeline_fixture_run(f);
}

static size_t line_count(const weir_buf *text)
{
    size_t count = 0;
    for (size_t i = 0; i < text->size; i++) {
        count += text->data[i] == '\n' ? 1 : 0;
    }
    return count;
}

TEST(directory_that_nobody_uses_is_read_itself)
{
    WEIR_AUTO(pipeline_fixture) f = {0};
    WEIR_AUTO(weir_buf) out = {0};
    crawl_two_pages(&f);
    pipeline_fixture_crash(&f);
    CHECK_I64(query(f.directory, "url_latest", &out), ==, 0);
    CHECK_I64(line_count(&out), ==, 2);
    CHECK_I64(query(f.directory, "url_latest --limit 1", &out), ==, 0);
    CHECK_I64(line_count(&out), ==, 1);
    CHECK_I64(query(f.directory, "url_latest 'HTTPS://A.example/x/../b?c#d'", &out), ==, 0);
    CHECK_I64(line_count(&out), ==, 1);
    CHECK(strstr(weir_buf_text(&out), "\"url\":\"https://a.example/b?c\"") != NULL);
    CHECK_I64(query(f.directory, "url_latest --prefix x", &out), ==, 0);
    CHECK_I64(out.size, ==, 0);
    CHECK_I64(query(f.directory, "url_latest https://a.example/none", &out), ==, 1);
    CHECK(strstr(weir_buf_text(&out), "weir query: no row of url_latest has the key ") != NULL);
}

TEST(directory_that_a_process_uses_is_read_through_that_process)
{
    WEIR_AUTO(pipeline_fixture) f = {0};
    WEIR_AUTO(weir_buf) out = {0};
    crawl_two_pages(&f);
    CHECK_I64(query(f.directory, "url_latest", &out), ==, 1);
    CHECK(strstr(weir_buf_text(&out), "name its REST server with --url") != NULL);

    weir_rest_api *api = NULL;
    CHECK_OK(weir_rest_api_start(f.pipeline, &(weir_rest_options){0}, &api, &f.err), &f.err);
    WEIR_AUTO_FREE char *url = weir_format("http://127.0.0.1:%u", weir_rest_api_port(api));
    WEIR_AUTO_FREE char *path = weir_format("%s/" WEIR_REST_URL_FILE, f.directory);
    CHECK_OK(weir_file_replace(path, weir_bytes_of_text(url), false, &f.err), &f.err);
    CHECK_I64(query(f.directory, "url_latest", &out), ==, 0);
    CHECK_I64(line_count(&out), ==, 2);
    WEIR_AUTO_FREE char *by_url = weir_format("url_latest https://a.example/ --url %s", url);
    CHECK_I64(query("none", by_url, &out), ==, 0);
    CHECK_I64(line_count(&out), ==, 1);
    weir_rest_api_free(api);
}

TEST(mistake_is_answered_with_what_is_right)
{
    WEIR_AUTO_FREE char *directory = check_directory();
    WEIR_AUTO(weir_buf) out = {0};
    static const struct {
        const char *arguments;
        int code;
        const char *part;
    } cases[] = {
        {"", 2, "name a table"},
        {"urls", 2, "there is no table \"urls\": url_latest, content_cluster and"},
        {"url_latest x y", 2, "\"y\" is one argument too many"},
        {"url_latest x", 2, "neither a url_hash"},
        {"url_latest x --prefix y", 2, "not both"},
        {"url_latest --limit 0", 2, "--limit 0 is no number of rows"},
        {"url_latest --what", 2, "--what is unknown"},
        {"url_latest", 1, "there is no data in "},
        {"url_latest --url http://127.0.0.1:1", 1, "http://127.0.0.1:1: "},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(cases); i++) {
        CHECK_I64(query(directory, cases[i].arguments, &out), ==, cases[i].code);
        if (strstr(weir_buf_text(&out), cases[i].part) == NULL) {
            CHECK_STR(weir_buf_text(&out), cases[i].part);
        }
    }
}
