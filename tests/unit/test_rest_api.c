/* SPDX-License-Identifier: Apache-2.0
 *
 * The REST API over the frontier and the tables: rows, pages, keys, stores, jobs, and every error
 * (topologies/rest_api.c and its parts). No socket: calls go straight to the dispatcher.
 */
#include "avro/records.h"
#include "streams/base/base64.h"
#include "streams/base/hash.h"
#include "streams/base/json_read.h"
#include "tests/harness/check.h"
#include "tests/harness/rest_fixture.h"
#include "tests/harness/table_check.h"
#include "topologies/rest_api_internal.h"
#include "topologies/tables_internal.h"
#include "topologies/url_canon.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BODY_BYTES_MAX = 64 << 20, PAGES = 9 };

#define STAGE(name) (1U << WEIR_STAGE_##name)

static const char *body_of(rest_fixture *f)
{
    return weir_buf_text(&f->response.body);
}

static int post(rest_fixture *f, const char *body)
{
    return rest_fixture_call(f, &(weir_rest_call){.method = "POST",
                                                  .target = WEIR_BYTES("/v1/crawl-jobs"),
                                                  .body = weir_bytes_of_text(body),
                                                  .content_type = "application/json"});
}

static bool answer_has(rest_fixture *f, const char *part)
{
    return strstr(body_of(f), part) != NULL;
}

static void check_has(rest_fixture *f, const char *part)
{
    if (!answer_has(f, part)) {
        CHECK_STR(body_of(f), part); /* Fails, and shows both. */
    }
}

static void check_error(rest_fixture *f, const char *target, int status, const char *code,
                        const char *sentence_part)
{
    CHECK_I64(rest_fixture_get(f, target), ==, status);
    WEIR_AUTO_FREE char *start_of_body = weir_format("{\"error\":{\"code\":\"%s\",", code);
    check_has(f, start_of_body);
    check_has(f, sentence_part);
}

/* Events. */

/* A page of the test's site, and what follows from its number. */
typedef struct site_page {
    char url[64];
    char url_hash[WEIR_URL_HASH_BYTES + 1];
    char content_hash[2 * WEIR_SHA256_BYTES + 1];
} site_page;

static site_page site_page_of(int number)
{
    site_page page;
    (void)snprintf(page.url, sizeof page.url, "https://a.example/p%d?q=1", number);
    weir_url_hash(weir_bytes_of_text(page.url), page.url_hash);
    uint8_t digest[WEIR_SHA256_BYTES];
    weir_sha256(weir_bytes_of_text(page.url), digest);
    weir_hex(digest, sizeof digest, page.content_hash);
    return page;
}

static void send_fetch(rest_fixture *f, const char *url, const char *job_id)
{
    char hash[WEIR_URL_HASH_BYTES + 1];
    weir_url_hash(weir_bytes_of_text(url), hash);
    const weir_raw_fetch fetch = {.url = weir_bytes_of_text(url),
                                  .url_hash = weir_bytes_of_text(hash),
                                  .host_id = WEIR_BYTES("a.example"),
                                  .attempt = 1,
                                  .outcome = WEIR_BYTES("fetched"),
                                  .http_status = 200,
                                  .fetched_at_ms = f->base.now_ms,
                                  .job_id = weir_bytes_of_text(job_id)};
    pipeline_fixture_send(&f->base, WEIR_TOPIC_RAW_FETCH, &weir_raw_fetch_type,
                          weir_bytes_of_text(hash), &fetch);
}

static void send_decision(rest_fixture *f, const site_page *page, const char *kind, bool kept)
{
    weir_text_decision decision = {.kind = weir_bytes_of_text(kind),
                                   .content_hash = weir_bytes_of_text(page->content_hash),
                                   .cluster_id = weir_bytes_of_text(page->content_hash),
                                   .revision = 1};
    if (strcmp(kind, DECISION_URL) == 0) {
        decision.url = weir_bytes_of_text(page->url);
        decision.url_hash = weir_bytes_of_text(page->url_hash);
        decision.kept = kept;
    } else {
        decision.kept_url = weir_bytes_of_text(page->url);
        decision.kept_url_hash = weir_bytes_of_text(page->url_hash);
        decision.document_count = 1;
        decision.url_count = 1;
    }
    pipeline_fixture_send(&f->base, WEIR_TOPIC_TEXT_DECISION, &weir_text_decision_type,
                          weir_bytes_of_text(page->content_hash), &decision);
}

/* What the stages say of one page. */
static void send_page(rest_fixture *f, int number)
{
    site_page page = site_page_of(number);
    weir_bytes url = weir_bytes_of_text(page.url);
    weir_bytes url_hash = weir_bytes_of_text(page.url_hash);
    const weir_page extracted = {.url = url,
                                 .url_hash = url_hash,
                                 .host_id = WEIR_BYTES("a.example"),
                                 .outcome = WEIR_BYTES("extracted"),
                                 .title = WEIR_BYTES("Ti\"tle \xc3\xa9 \xff"),
                                 .word_count = number,
                                 .content_hash = weir_bytes_of_text(page.content_hash)};
    const weir_page_scored scored = {.url = url,
                                     .url_hash = url_hash,
                                     .host_id = WEIR_BYTES("a.example"),
                                     .accepted = number % 3 != 0,
                                     .score = 0.1 * number,
                                     .content_hash = weir_bytes_of_text(page.content_hash)};
    send_fetch(f, page.url, NULL);
    pipeline_fixture_send(&f->base, WEIR_TOPIC_PAGE, &weir_page_type, url_hash, &extracted);
    pipeline_fixture_send(&f->base, WEIR_TOPIC_PAGE_SCORED, &weir_page_scored_type, url_hash,
                          &scored);
    send_decision(f, &page, DECISION_CLUSTER, true);
    send_decision(f, &page, DECISION_URL, number % 4 != 0);
}

static void crawl_site(rest_fixture *f)
{
    rest_fixture_open(f, STAGE(FRONTIER) | STAGE(TABLES));
    for (int i = 0; i < PAGES; i++) {
        send_page(f, i);
    }
    pipeline_fixture_run(&f->base);
}

/* Rows. */

static int get_for_check(void *user, const char *target, weir_buf *out_body)
{
    rest_fixture *f = user;
    int status = rest_fixture_get(f, target);
    weir_buf_set(out_body, weir_buf_bytes(&f->response.body));
    return status;
}

static void check_log_is_served(rest_fixture *f)
{
    const table_check_rest rest = {get_for_check, f};
    static const size_t page_rows[] = {1, 4, PAGES, WEIR_REST_LIMIT_MAX};
    for (size_t i = 0; i < WEIR_COUNT_OF(page_rows); i++) {
        CHECK_I64(table_check_rest_is_log(weir_pipeline_broker(f->base.pipeline),
                                          weir_pipeline_codec(f->base.pipeline), &rest,
                                          page_rows[i]),
                  ==, 3 * PAGES);
    }
}

TEST(replay_of_each_index_topic_gives_the_rows_that_rest_serves)
{
    WEIR_AUTO(rest_fixture) f = {0};
    crawl_site(&f);
    check_log_is_served(&f);
}

TEST(rows_are_the_log_after_a_crash_too)
{
    WEIR_AUTO(rest_fixture) f = {0};
    crawl_site(&f);
    send_page(&f, 5);
    weir_rest_api_free(weir_take(&f.api));
    pipeline_fixture_crash(&f.base);
    rest_fixture_open(&f, STAGE(FRONTIER) | STAGE(TABLES));
    pipeline_fixture_run(&f.base);
    check_log_is_served(&f);
}

TEST(row_is_found_by_its_key_or_by_its_url_however_it_is_written)
{
    WEIR_AUTO(rest_fixture) f = {0};
    crawl_site(&f);
    site_page page = site_page_of(2);
    WEIR_AUTO_FREE char *by_hash = weir_format("/v1/tables/url_latest/%s", page.url_hash);
    CHECK_I64(rest_fixture_get(&f, by_hash), ==, 200);
    check_has(&f, "\"url\":\"https://a.example/p2?q=1\"");
    check_has(&f, "\"fetch_outcome\":\"fetched\"");
    WEIR_AUTO_FREE char *row = weir_strdup(body_of(&f));
    static const char *const spellings[] = {
        "/v1/tables/url_latest/https://a.example/p2%3Fq=1",
        "/v1/tables/url_latest/https%3A%2F%2Fa.example%2Fp2%3Fq%3D1",
        "/v1/tables/url_latest/HTTPS://A.Example:443/x/../p2%3Fq=1%23top",
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(spellings); i++) {
        CHECK_I64(rest_fixture_get(&f, spellings[i]), ==, 200);
        CHECK_STR(body_of(&f), row);
    }
    for (char *c = by_hash + strlen("/v1/tables/url_latest/"); *c != '\0'; c++) {
        *c = (char)(*c >= 'a' ? *c - 32 : *c);
    }
    CHECK_I64(rest_fixture_get(&f, by_hash), ==, 200);
    CHECK_STR(body_of(&f), row);

    CHECK_I64(
        rest_fixture_get(&f, "/v1/tables/dataset_membership/default/https://a.example/p2%3Fq=1"),
        ==, 200);
    check_has(&f, "\"dataset_id\":\"default\"");
    WEIR_AUTO_FREE char *member =
        weir_format("/v1/tables/dataset_membership/default/%s", page.url_hash);
    CHECK_I64(rest_fixture_get(&f, member), ==, 200);
    WEIR_AUTO_FREE char *cluster = weir_format("/v1/tables/content_cluster/%s", page.content_hash);
    CHECK_I64(rest_fixture_get(&f, cluster), ==, 200);
    check_has(&f, "\"kept_url\":\"https://a.example/p2?q=1\"");
}

TEST(key_that_leads_nowhere_is_answered_with_what_to_try)
{
    WEIR_AUTO(rest_fixture) f = {0};
    crawl_site(&f);
    check_error(&f, "/v1/tables/urls", 404, "unknown_table", "dataset_membership");
    check_error(&f, "/v1/tables/urls/x", 404, "unknown_table", "url_latest");
    check_error(&f, "/v1/tables/url_latest/https://a.example/none", 404, "row_not_found",
                "POST /v1/crawl-jobs");
    check_error(&f, "/v1/tables/url_latest/p2", 400, "bad_key", "neither a url_hash");
    check_error(&f, "/v1/tables/url_latest/ftp://a.example/", 400, "bad_key", "nor a URL");
    check_error(&f, "/v1/tables/url_latest/%00", 400, "bad_key", "");
    check_error(&f, "/v1/tables/content_cluster/p2", 400, "bad_key", "content_hash");
    site_page page = site_page_of(77);
    WEIR_AUTO_FREE char *cluster = weir_format("/v1/tables/content_cluster/%s", page.content_hash);
    check_error(&f, cluster, 404, "row_not_found", page.content_hash);
    check_error(&f, "/v1/tables/dataset_membership/p2", 400, "bad_key", "try default/");
    check_error(&f, "/v1/tables/dataset_membership/https://a.example/", 400, "bad_key",
                "try default/");
    check_error(&f, "/v1/tables/dataset_membership/default/x", 400, "bad_key", "url_hash");
    check_error(&f, "/v1/tables/dataset_membership/other/https://a.example/p2%3Fq=1", 404,
                "row_not_found", "No row of dataset_membership has the key other/");
    check_error(&f, "/v2", 404, "not_found", "");
}

/* How many times the answer has part. */
static size_t count_of(rest_fixture *f, const char *part)
{
    size_t count = 0;
    for (const char *at = strstr(body_of(f), part); at != NULL; at = strstr(at + 1, part)) {
        count++;
    }
    return count;
}

TEST(range_prefix_and_limit_choose_rows)
{
    WEIR_AUTO(rest_fixture) f = {0};
    crawl_site(&f);
    CHECK_I64(rest_fixture_get(&f, "/v1/tables/url_latest"), ==, 200);
    CHECK_I64(count_of(&f, "\"key\":"), ==, PAGES);
    CHECK_I64(rest_fixture_get(&f, "/v1/tables/url_latest?limit=2"), ==, 200);
    CHECK_I64(count_of(&f, "\"key\":"), ==, 2);
    CHECK(!answer_has(&f, "\"next_cursor\":null"));
    CHECK_I64(rest_fixture_get(&f, "/v1/tables/dataset_membership?prefix=other/"), ==, 200);
    CHECK_STR(body_of(&f), "{\"table\":\"dataset_membership\",\"rows\":[],\"next_cursor\":null}");
    CHECK_I64(rest_fixture_get(&f, "/v1/tables/dataset_membership?prefix=default%2F"), ==, 200);
    CHECK_I64(count_of(&f, "\"key\":"), ==, PAGES);

    size_t below = 0;
    for (int i = 0; i < PAGES; i++) {
        site_page page = site_page_of(i);
        below += page.url_hash[0] < '8' ? 1 : 0;
    }
    CHECK_I64(rest_fixture_get(&f, "/v1/tables/url_latest?to=8"), ==, 200);
    CHECK_I64(count_of(&f, "\"key\":"), ==, below);
    CHECK_I64(rest_fixture_get(&f, "/v1/tables/url_latest?from=8"), ==, 200);
    CHECK_I64(count_of(&f, "\"key\":"), ==, PAGES - below);
    site_page page = site_page_of(0);
    WEIR_AUTO_FREE char *one = weir_format("/v1/tables/url_latest?prefix=%.8s", page.url_hash);
    CHECK_I64(rest_fixture_get(&f, one), ==, 200);
    CHECK_I64(count_of(&f, "\"key\":"), ==, 1);
}

TEST(terms_of_a_query_are_arguments_and_the_answer_says_how_it_was_read)
{
    WEIR_AUTO(rest_fixture) f = {0};
    crawl_site(&f);
    site_page page = site_page_of(2);
    static const char *const terms[] = {
        "isolation=uncommitted", "isolation=committed",          "standby=true",
        "max_lag_ms=0",          "max_lag_records=5&wait_ms=10", "position={}",
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(terms); i++) {
        WEIR_AUTO_FREE char *row =
            weir_format("/v1/tables/url_latest/%s?%s", page.url_hash, terms[i]);
        CHECK_I64(rest_fixture_get(&f, row), ==, 200);
        check_has(
            &f, "\"answer\":{\"role\":\"active\",\"lag_records\":0,\"lag_ms\":0,\"position\":{\"");
        WEIR_AUTO_FREE char *list = weir_format("/v1/stores/tables/url_latest?%s", terms[i]);
        CHECK_I64(rest_fixture_get(&f, list), ==, 200);
        check_has(&f, "\"answer\":{\"role\":\"active\"");
    }
    check_error(&f, "/v1/tables/url_latest?position=%7B%22none%22:%7B%220%22:1%7D%7D", 400,
                "bad_request", "is not made from none[0]");
    check_error(&f, "/v1/stores/tables/url_latest?partition=1000", 400, "bad_request",
                "has no partition 1000");
}

TEST(rows_come_from_the_last_to_the_first)
{
    WEIR_AUTO(rest_fixture) f = {0};
    crawl_site(&f);
    CHECK_I64(rest_fixture_get(&f, "/v1/tables/url_latest?format=lines&order=desc&limit=1"), ==,
              200);
    WEIR_AUTO_FREE char *last = weir_strdup(body_of(&f));
    CHECK_I64(rest_fixture_get(&f, "/v1/tables/url_latest?format=lines"), ==, 200);
    CHECK_STR(body_of(&f) + strlen(body_of(&f)) - strlen(last), last);
}

TEST(rows_come_as_lines_where_that_is_asked_for)
{
    WEIR_AUTO(rest_fixture) f = {0};
    crawl_site(&f);
    CHECK_I64(rest_fixture_get(&f, "/v1/tables/url_latest?format=lines"), ==, 200);
    CHECK_STR(f.response.content_type, "application/x-ndjson");
    CHECK(f.response.header_name == NULL);
    CHECK_I64(count_of(&f, "}\n{\"key\":\""), ==, PAGES - 1);
    WEIR_AUTO_FREE char *all = weir_strdup(body_of(&f));
    CHECK_I64(rest_fixture_get(&f, "/v1/tables/url_latest?format=lines&limit=5"), ==, 200);
    CHECK_STR(f.response.header_name, "Weir-Next-Cursor");
    WEIR_AUTO_FREE char *first = weir_strdup(body_of(&f));
    WEIR_AUTO_FREE char *next = weir_format("/v1/tables/url_latest?format=lines&cursor=%s",
                                            weir_buf_text(&f.response.header_value));
    CHECK_I64(rest_fixture_get(&f, next), ==, 200);
    WEIR_AUTO_FREE char *both = weir_format("%s%s", first, body_of(&f));
    CHECK_STR(both, all);
    CHECK_I64(rest_fixture_get(&f, "/v1/stores/tables/url_latest?format=lines&limit=1"), ==, 200);
    CHECK_I64(count_of(&f, "\n"), ==, 1);
    check_error(&f, "/v1/stores/tables/none?format=lines", 404, "unknown_store", "");
}

TEST(argument_that_is_malformed_is_400)
{
    WEIR_AUTO(rest_fixture) f = {0};
    rest_fixture_open(&f, STAGE(FRONTIER) | STAGE(TABLES));
    pipeline_fixture_run(&f.base);
    static const char *const targets[] = {
        "/v1/tables/url_latest?limit=0",
        "/v1/tables/url_latest?limit=1001",
        "/v1/tables/url_latest?limit=x",
        "/v1/tables/url_latest?cursor=a",
        "/v1/tables/url_latest?cursor=%20%20",
        "/v1/tables/url_latest?cursor=AB%3D",
        "/v1/tables/url_latest?cursor=AAB",
        "/v1/stores/weir-tables/url_latest?limit=0",
        "/v1/crawl-jobs?limit=101",
        "/v1/crawl-jobs?cursor=a",
        "/v1/topology?format=xml",
        "/v1/tables/url_latest?format=text",
        "/v1/stores/weir-tables/url_latest?format=text",
        "/v1/tables/url_latest?order=up",
        "/v1/tables/url_latest?partition=-1",
        "/v1/tables/url_latest?standby=yes",
        "/v1/tables/url_latest?max_lag_records=x",
        "/v1/tables/url_latest?position=7",
        "/v1/tables/url_latest?wait_ms=30001",
        "/v1/stores/weir-tables/url_latest?isolation=dirty",
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(targets); i++) {
        CHECK_I64(rest_fixture_get(&f, targets[i]), ==, 400);
        check_has(&f, "{\"error\":{\"code\":\"bad_request\"");
    }
    CHECK_I64(rest_fixture_get(&f, "/v1/tables/url_latest?cursor="), ==, 200);
}

TEST(cursor_is_any_key_in_base64url)
{
    static const struct {
        const char *key;
        const char *cursor;
    } cases[] = {{"", ""},
                 {"f", "Zg"},
                 {"fo", "Zm8"},
                 {"foo", "Zm9v"},
                 {"foob", "Zm9vYg"},
                 {"\xff\xef\xbe", "_---"},
                 {"fooba", "Zm9vYmE"},
                 {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < WEIR_COUNT_OF(cases); i++) {
        WEIR_AUTO(weir_buf) cursor = {0};
        WEIR_AUTO(weir_buf) key = {0};
        weir_base64url_append(&cursor, weir_bytes_of_text(cases[i].key));
        CHECK_STR(weir_buf_text(&cursor), cases[i].cursor);
        CHECK(weir_base64url_decode(weir_buf_bytes(&cursor), &key));
        CHECK_STR(weir_buf_text(&key), cases[i].key);
    }
}

TEST(tables_and_stores_are_listed_with_topic_and_size)
{
    WEIR_AUTO(rest_fixture) f = {0};
    crawl_site(&f);
    CHECK_I64(rest_fixture_get(&f, "/v1/tables"), ==, 200);
    check_has(&f, "{\"name\":\"url_latest\",\"key\":\"url_hash\",\"topic\":\"index.url_latest.v1\","
                  "\"partitions\":4,\"partitions_here\":4,\"approximate_rows\":");
    check_has(&f, "{\"name\":\"dataset_membership\",");
    check_has(&f, "{\"name\":\"content_cluster\",");
    CHECK_I64(rest_fixture_get(&f, "/v1/stores"), ==, 200);
    check_has(&f, "{\"application\":\"weir-tables\",\"stage\":\"tables\",\"name\":\"url_latest\",");
    check_has(&f, "\"name\":\"frontier-jobs\"");
    check_has(&f, "\"changelog\":\"weir-frontier-frontier-urls-changelog\"");
}

TEST(store_shows_rows_of_any_bytes)
{
    WEIR_AUTO(rest_fixture) f = {0};
    rest_fixture_open(&f, STAGE(FRONTIER) | STAGE(TABLES));
    CHECK_I64(post(&f, "{\"urls\":[\"https://a.example/\",\"https://a.example/b\"]}"), ==, 201);
    pipeline_fixture_run(&f.base);
    CHECK_I64(rest_fixture_get(&f, "/v1/stores/weir-frontier/frontier-urls"), ==, 200);
    check_has(&f, "{\"application\":\"weir-frontier\",\"store\":\"frontier-urls\",\"rows\":[{"
                  "\"key\":\"a.example\\u0000");
    check_has(&f, "\"value\":{\"url\":\"https://a.example/b\",\"state\":\"dispatched\"");
    CHECK_I64(rest_fixture_get(&f, "/v1/stores/frontier/frontier-urls?limit=1&prefix=a.example%00"),
              ==, 200);
    CHECK_I64(count_of(&f, "\"key\":"), ==, 1);
    CHECK(!answer_has(&f, "\"next_cursor\":null"));
    CHECK_I64(rest_fixture_get(&f, "/v1/stores/frontier/frontier-urls?prefix=b"), ==, 200);
    CHECK_I64(count_of(&f, "\"key\":"), ==, 0);
    check_error(&f, "/v1/stores/frontier/none", 404, "unknown_store", "GET /v1/stores");
    check_error(&f, "/v1/stores/weir-none/frontier-urls", 404, "unknown_application",
                "weir-frontier, weir-tables");
}

TEST(key_and_value_that_are_no_text_are_shown_in_hex)
{
    WEIR_AUTO(rest_fixture) f = {0};
    rest_fixture_open(&f, STAGE(FRONTIER) | STAGE(TABLES));
    WEIR_AUTO(weir_buf) text = {0};
    weir_json json = weir_json_of(&text);
    const weir_rest_page page = {.api = f.api};
    weir_json_begin_object(&json);
    weir_rest_row_write(&page, WEIR_BYTES("a\xff\x01"), WEIR_BYTES("\x00\x0f"), &json);
    weir_json_end_object(&json);
    CHECK_STR(weir_buf_text(&text), "{\"key_hex\":\"61ff01\",\"value_hex\":\"000f\"}");
}

/* Health. */

TEST(process_is_healthy_and_ready_once_its_stages_run)
{
    WEIR_AUTO(rest_fixture) f = {0};
    rest_fixture_open(&f, STAGE(FRONTIER) | STAGE(TABLES));
    CHECK_I64(rest_fixture_get(&f, "/healthz"), ==, 200);
    CHECK_STR(body_of(&f), "{\"status\":\"ok\"}");
    CHECK_I64(rest_fixture_get(&f, "/readyz"), ==, 503);
    check_has(&f,
              "{\"status\":\"not_ready\",\"broker\":\"ok\",\"applications\":{\"weir-frontier\":\"");
    check_error(&f, "/v1/tables/url_latest", 503, "unavailable", "");
    pipeline_fixture_run(&f.base);
    CHECK_I64(rest_fixture_get(&f, "/readyz"), ==, 200);
    CHECK_STR(
        body_of(&f),
        "{\"status\":\"ready\",\"broker\":\"ok\",\"applications\":{\"weir-frontier\":\"RUNNING\","
        "\"weir-tables\":\"RUNNING\"},\"paused\":[]}");
}

static int post_to(rest_fixture *f, const char *target)
{
    return rest_fixture_call(f, &(weir_rest_call){.method = "POST",
                                                  .target = weir_bytes_of_text(target),
                                                  .content_type = "application/json"});
}

TEST(application_is_paused_and_resumed_by_its_id_or_stage)
{
    WEIR_AUTO(rest_fixture) f = {0};
    rest_fixture_open(&f, STAGE(FRONTIER) | STAGE(TABLES));
    pipeline_fixture_run(&f.base);
    CHECK_I64(post_to(&f, "/v1/applications/weir-tables/pause"), ==, 200);
    CHECK_STR(body_of(&f), "{\"application\":\"weir-tables\",\"paused\":true}");
    CHECK_I64(rest_fixture_get(&f, "/readyz"), ==, 200);
    check_has(&f, "\"paused\":[\"weir-tables\"]}");
    CHECK_I64(rest_fixture_get(&f, "/v1/topology"), ==, 200);
    check_has(&f, "\"stage\":\"tables\",\"state\":\"RUNNING\",\"paused\":true");
    CHECK_I64(post_to(&f, "/v1/applications/tables/resume"), ==, 200);
    CHECK_STR(body_of(&f), "{\"application\":\"weir-tables\",\"paused\":false}");
    CHECK_I64(post_to(&f, "/v1/applications/fetch/pause"), ==, 404);
    check_has(&f, "weir-frontier, weir-tables");
}

TEST(stage_that_failed_is_named_and_the_process_is_not_healthy)
{
    static const weir_setting settings[] = {{"deserialization.exception.handler", "fail"}};
    WEIR_AUTO(rest_fixture) f = {.base = {.settings = settings, .setting_count = 1}};
    rest_fixture_open(&f, STAGE(FRONTIER) | STAGE(TABLES));
    pipeline_fixture_run(&f.base);
    const weir_page_scored other = {.url = WEIR_BYTES("x")};
    pipeline_fixture_send(&f.base, WEIR_TOPIC_TEXT_DECISION, &weir_page_scored_type,
                          WEIR_BYTES("x"), &other);
    weir_application *tables = weir_pipeline_application(f.base.pipeline, WEIR_STAGE_TABLES);
    for (int i = 0; i < 100; i++) {
        bool busy = false;
        (void)weir_application_step(tables, f.base.now_ms += 10, &busy, &f.base.err);
    }
    check_error(&f, "/healthz", 503, "stage_failed", "\"tables: ");
    CHECK_I64(rest_fixture_get(&f, "/readyz"), ==, 503);
    check_has(&f, "\"weir-frontier\":\"RUNNING\",\"weir-tables\":\"ERROR\"");
}

TEST(numbers_and_topology_are_shown)
{
    WEIR_AUTO(rest_fixture) f = {0};
    crawl_site(&f);
    CHECK_I64(rest_fixture_get(&f, "/metrics"), ==, 200);
    CHECK_STR(f.response.content_type, "text/plain; version=0.0.4; charset=utf-8");
    check_has(&f, "\nprocess_resident_memory_bytes ");
    check_has(&f, "application_id=\"weir-tables\"");
    CHECK_I64(rest_fixture_get(&f, "/v1/topology"), ==, 200);
    check_has(&f, "{\"application\":\"weir-frontier\",\"stage\":\"frontier\","
                  "\"state\":\"RUNNING\",\"paused\":false,\"subtopologies\":[{\"id\":0,"
                  "\"description\":\"  Sub-topology: 0");
    check_has(&f, "{\"id\":1,\"description\":\"  Sub-topology: 1");
    CHECK_I64(rest_fixture_get(&f, "/v1/topology?format=text"), ==, 200);
    CHECK_STR(f.response.content_type, "text/plain; charset=utf-8");
    CHECK(weir_bytes_starts_with(weir_buf_bytes(&f.response.body),
                                 WEIR_BYTES("weir-frontier\nTopologies:\n")));
    check_has(&f, "\nweir-tables\nTopologies:\n");
}

TEST(stage_that_runs_elsewhere_is_503_with_its_name)
{
    WEIR_AUTO(rest_fixture) f = {0};
    rest_fixture_open(&f, STAGE(TABLES));
    check_error(&f, "/v1/crawl-jobs", 503, "not_here", "weir run frontier");
    check_error(&f, "/v1/crawl-jobs/x", 503, "not_here", "frontier");
    WEIR_AUTO(rest_fixture) g = {0};
    rest_fixture_open(&g, STAGE(FRONTIER));
    check_error(&g, "/v1/tables", 503, "not_here", "weir run tables");
    check_error(&g, "/v1/tables/url_latest", 503, "not_here", "tables");
    check_error(&g, "/v1/tables/url_latest/https://a.example/", 503, "not_here", "tables");
}

/* Jobs. */

/* The target that the Location of the last answer names; the caller frees it. */
static char *location_of(rest_fixture *f)
{
    CHECK_STR(f->response.header_name, "Location");
    return weir_strdup(weir_buf_text(&f->response.header_value));
}

TEST(crawl_job_is_queued_then_running_then_finished)
{
    WEIR_AUTO(rest_fixture) f = {0};
    rest_fixture_open(&f, STAGE(FRONTIER) | STAGE(TABLES));
    pipeline_fixture_run(&f.base);
    CHECK_I64(post(&f, "{\"domain\":\"a.example\"}"), ==, 201);
    WEIR_AUTO_FREE char *location = location_of(&f);
    const char *id = location + strlen("/v1/crawl-jobs/");
    WEIR_AUTO_FREE char *answer = weir_format("{\"job_id\":\"%s\",\"status\":\"queued\"}", id);
    CHECK_STR(body_of(&f), answer);

    CHECK_I64(rest_fixture_get(&f, location), ==, 200);
    check_has(&f, "\"status\":\"queued\",\"seed_url\":null,\"discovered\":0,\"finished\":0,"
                  "\"created_at\":\"20");
    pipeline_fixture_run(&f.base);
    CHECK_I64(rest_fixture_get(&f, location), ==, 200);
    check_has(&f, "\"status\":\"running\",\"seed_url\":\"https://a.example/\",\"discovered\":1,"
                  "\"finished\":0");
    send_fetch(&f, "https://a.example/", id);
    CHECK_I64(rest_fixture_get(&f, location), ==, 200);
    check_has(&f, "\"status\":\"running\"");
    pipeline_fixture_run(&f.base);
    CHECK_I64(rest_fixture_get(&f, location), ==, 200);
    check_has(&f, "\"status\":\"finished\"");
    check_has(&f, "\"discovered\":1,\"finished\":1");
}

TEST(job_that_is_finished_for_now_runs_while_the_frontier_has_not_read_everything)
{
    WEIR_AUTO(rest_fixture) f = {0};
    rest_fixture_open(&f, STAGE(FRONTIER) | STAGE(TABLES));
    CHECK_I64(post(&f, "{\"domain\":\"a.example\"}"), ==, 201);
    WEIR_AUTO_FREE char *location = location_of(&f);
    pipeline_fixture_run(&f.base);
    send_fetch(&f, "https://a.example/", location + strlen("/v1/crawl-jobs/"));
    pipeline_fixture_run(&f.base);
    CHECK_I64(post(&f, "{\"domain\":\"b.example\"}"), ==, 201);
    CHECK_I64(rest_fixture_get(&f, location), ==, 200);
    check_has(&f, "\"status\":\"running\"");
    pipeline_fixture_run(&f.base);
    CHECK_I64(rest_fixture_get(&f, location), ==, 200);
    check_has(&f, "\"status\":\"finished\"");
}

TEST(job_whose_url_is_under_way_for_another_one_finds_nothing_of_its_own)
{
    WEIR_AUTO(rest_fixture) f = {0};
    rest_fixture_open(&f, STAGE(FRONTIER) | STAGE(TABLES));
    CHECK_I64(post(&f, "{\"domain\":\"a.example\"}"), ==, 201);
    pipeline_fixture_run(&f.base);
    CHECK_I64(post(&f, "{\"domain\":\"a.example\"}"), ==, 201);
    WEIR_AUTO_FREE char *location = location_of(&f);
    CHECK_I64(rest_fixture_get(&f, location), ==, 200);
    check_has(&f, "\"status\":\"queued\"");
    pipeline_fixture_run(&f.base);
    CHECK_I64(rest_fixture_get(&f, location), ==, 200);
    check_has(&f, "\"status\":\"finished\",\"seed_url\":\"https://a.example/\",\"discovered\":0");
}

TEST(job_on_many_hosts_is_one_job_in_the_list)
{
    WEIR_AUTO(rest_fixture) f = {0};
    rest_fixture_open(&f, STAGE(FRONTIER) | STAGE(TABLES));
    pipeline_fixture_run(&f.base);
    CHECK_I64(rest_fixture_get(&f, "/v1/crawl-jobs"), ==, 200);
    CHECK_STR(body_of(&f), "{\"crawl_jobs\":[],\"next_cursor\":null}");
    for (int i = 0; i < 5; i++) {
        WEIR_AUTO_FREE char *urls =
            weir_format("{\"urls\":[\"http://a%d.example/\",\"http://b%d.example/\","
                        "\"http://c%d.example/x\",\"http://d%d.example:81/\"]}",
                        i, i, i, i);
        CHECK_I64(post(&f, urls), ==, 201);
    }
    pipeline_fixture_run(&f.base);
    CHECK_I64(rest_fixture_get(&f, "/v1/crawl-jobs"), ==, 200);
    CHECK_I64(count_of(&f, "\"job_id\":"), ==, 5);
    CHECK_I64(count_of(&f, "\"discovered\":4,"), ==, 5);
    check_has(&f, "\"next_cursor\":null}");

    size_t seen = 0;
    WEIR_AUTO(weir_buf) target = {0};
    weir_buf_append_text(&target, "/v1/crawl-jobs?limit=2");
    while (target.size > 0) {
        CHECK_I64(rest_fixture_get(&f, weir_buf_text(&target)), ==, 200);
        CHECK_I64(count_of(&f, "\"discovered\":4,"), ==, count_of(&f, "\"job_id\":"));
        seen += count_of(&f, "\"job_id\":");
        WEIR_AUTO_PTR(weir_json_value) root = NULL;
        CHECK_OK(
            weir_json_parse(weir_buf_bytes(&f.response.body), BODY_BYTES_MAX, &root, &f.base.err),
            &f.base.err);
        weir_bytes cursor = weir_json_value_text(weir_json_get(root, "next_cursor"));
        weir_buf_clear(&target);
        if (cursor.data != NULL) {
            weir_buf_append_format(&target, "/v1/crawl-jobs?limit=2&cursor=%.*s", (int)cursor.size,
                                   (const char *)cursor.data);
        }
    }
    CHECK_I64(seen, ==, 5);
}

TEST(body_that_asks_for_no_crawl_is_400_with_the_reason)
{
    WEIR_AUTO(rest_fixture) f = {0};
    rest_fixture_open(&f, STAGE(FRONTIER) | STAGE(TABLES));
    static const struct {
        const char *body;
        const char *sentence_part;
    } cases[] = {
        {"", ""},
        {"domain=a.example", ""},
        {"{\"domain\":\"a.example\"", ""},
        {"[]", "send an object such as"},
        {"{}", "send an object such as"},
        {"{\"domain\":null}", "domain is no text"},
        {"{\"domain\":7}", "domain is no text"},
        {"{\"domain\":\"\"}", "is no domain"},
        {"{\"domain\":\"a b\"}", "is no domain"},
        {"{\"domain\":\"a.example/x\"}", "is no domain"},
        {"{\"domain\":\"user@a.example\"}", "is no domain"},
        {"{\"domain\":\"plain\"}", "is no domain"},
        {"{\"domain\":\"https://\"}", ""},
        {"{\"url\":\"a.example\"}", ""},
        {"{\"url\":\"ftp://a.example/\"}", "scheme"},
        {"{\"urls\":[]}", "at least one URL"},
        {"{\"urls\":\"https://a.example/\"}", "urls is a list"},
        {"{\"urls\":[\"https://a.example/\",7]}", "urls[1] is no text"},
        {"{\"urls\":[\"https://a.example/\",\"x\"]}", "urls[1]: "},
        {"{\"site\":\"a.example\"}", "\\\"site\\\" is not known"},
        {"{\"domain\":\"a.example\",\"url\":\"https://a.example/\"}", "not more"},
        {"{\"domain\":\"a.example\",\"domain\":\"b.example\"}", ""},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(cases); i++) {
        CHECK_I64(post(&f, cases[i].body), ==, 400);
        check_has(&f, "{\"error\":{\"code\":\"bad_crawl_job\",");
        check_has(&f, cases[i].sentence_part);
    }
    WEIR_AUTO(weir_buf) many = {0};
    weir_buf_append_text(&many, "{\"urls\":[\"https://a.example/\"");
    for (int i = 0; i < 1000; i++) {
        weir_buf_append_text(&many, ",\"https://a.example/\"");
    }
    weir_buf_append_text(&many, "]}");
    CHECK_I64(post(&f, weir_buf_text(&many)), ==, 400);
    check_has(&f, "at most 1000 URLs");
    CHECK_I64(
        rest_fixture_call(&f, &(weir_rest_call){.method = "POST",
                                                .target = WEIR_BYTES("/v1/crawl-jobs"),
                                                .body = WEIR_BYTES("{\"domain\":\"a.example\"}")}),
        ==, 415);
    pipeline_fixture_run(&f.base);
    CHECK_I64(rest_fixture_get(&f, "/v1/stores/frontier/frontier-urls"), ==, 200);
    CHECK_I64(count_of(&f, "\"key\":"), ==, 0);
}

TEST(domain_may_be_a_url_or_have_a_port)
{
    WEIR_AUTO(rest_fixture) f = {0};
    rest_fixture_open(&f, STAGE(FRONTIER) | STAGE(TABLES));
    static const char *const domains[] = {"http://a.example/start", "B.Example:8443",
                                          "127.0.0.1:8000", "localhost", "b\303\274cher.example"};
    for (size_t i = 0; i < WEIR_COUNT_OF(domains); i++) {
        WEIR_AUTO_FREE char *body = weir_format("{\"domain\":\"%s\"}", domains[i]);
        CHECK_I64(post(&f, body), ==, 201);
    }
    pipeline_fixture_run(&f.base);
    CHECK_I64(rest_fixture_get(&f, "/v1/stores/frontier/frontier-urls"), ==, 200);
    static const char *const urls[] = {"http://a.example/start", "https://b.example:8443/",
                                       "https://127.0.0.1:8000/", "https://localhost/",
                                       "https://xn--bcher-kva.example/"};
    for (size_t i = 0; i < WEIR_COUNT_OF(urls); i++) {
        WEIR_AUTO_FREE char *part = weir_format("\"url\":\"%s\"", urls[i]);
        check_has(&f, part);
    }
}

TEST(unknown_job_is_404)
{
    WEIR_AUTO(rest_fixture) f = {0};
    rest_fixture_open(&f, STAGE(FRONTIER) | STAGE(TABLES));
    pipeline_fixture_run(&f.base);
    check_error(&f, "/v1/crawl-jobs/x", 404, "unknown_crawl_job", "GET /v1/crawl-jobs");
    check_error(&f, "/v1/crawl-jobs/0123456789abcdef0123456789ab", 404, "unknown_crawl_job", "");
}

/* The API's description. */

/* The path of a pattern: "{key*}" is "{key}" there. */
static char *path_of(const char *pattern)
{
    WEIR_AUTO(weir_buf) path = {0};
    for (; *pattern != '\0'; pattern++) {
        if (*pattern != '*') {
            weir_buf_append_byte(&path, (uint8_t)*pattern);
        }
    }
    return weir_bytes_to_text(weir_buf_bytes(&path));
}

TEST(description_has_every_route_and_no_other)
{
    WEIR_AUTO(rest_fixture) f = {0};
    rest_fixture_open(&f, STAGE(FRONTIER) | STAGE(TABLES));
    CHECK_I64(rest_fixture_get(&f, "/v1/openapi.json"), ==, 200);
    WEIR_AUTO_PTR(weir_json_value) root = NULL;
    CHECK_OK(weir_json_parse(weir_buf_bytes(&f.response.body), BODY_BYTES_MAX, &root, &f.base.err),
             &f.base.err);
    const weir_json_value *paths = weir_json_get(root, "paths");
    size_t count = 0;
    const weir_rest_route *routes = weir_rest_api_routes(&count);
    for (size_t i = 0; i < count; i++) {
        WEIR_AUTO_FREE char *path = path_of(routes[i].pattern);
        const char *method = strcmp(routes[i].method, "POST") == 0 ? "post" : "get";
        if (weir_json_get(weir_json_get(paths, path), method) == NULL) {
            CHECK_STR(path, "a path of docs/openapi.json");
        }
    }
    size_t described = 0;
    void *position = NULL;
    const char *name = NULL;
    const weir_json_value *path = NULL;
    while (weir_json_next(paths, &position, &name, &path)) {
        described += weir_json_get(path, "get") != NULL ? 1 : 0;
        described += weir_json_get(path, "post") != NULL ? 1 : 0;
    }
    CHECK_I64(described, ==, count);
}

TEST(server_listens_and_ends)
{
    WEIR_AUTO(rest_fixture) f = {0};
    rest_fixture_open(&f, STAGE(FRONTIER) | STAGE(TABLES));
    weir_rest_api *api = NULL;
    CHECK_OK(weir_rest_api_start(f.base.pipeline, &(weir_rest_options){0}, &api, &f.base.err),
             &f.base.err);
    CHECK_I64(weir_rest_api_port(api), >, 0);
    CHECK_I64(weir_rest_api_port(f.api), ==, 0);
    weir_rest_api_free(api);
}
