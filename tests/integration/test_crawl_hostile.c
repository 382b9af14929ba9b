/* SPDX-License-Identifier: Apache-2.0
 *
 * The whole pipeline on a web of nonsense: every page ends as an outcome, nothing stops, memory
 * stays within its bound, and the crawl becomes idle.
 */
#include "avro/records.h"
#include "tests/harness/check.h"
#include "tests/harness/crawl_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { MIB = 1 << 20, KIB = 1 << 10, RSS_MIB_MAX = 250 };

typedef struct hostile {
    const char *url;
    const char *fetch_outcome;
    const char *extract_outcome; /* NULL: there is no page. */
    web_reply reply;
} hostile;

static weir_buf repeated(const char *text, size_t bytes)
{
    weir_buf made = {0};
    while (made.size < bytes) {
        weir_buf_append_text(&made, text);
    }
    return made;
}

static void check_fetch(crawl_run *run, const char *url, const char *wanted)
{
    WEIR_AUTO_FREE char *got = crawl_run_outcome(run, url);
    if (strcmp(got, wanted) != 0) {
        check_fail(__FILE__, __LINE__, "%s: got \"%s\", wanted \"%s\"", url, got, wanted);
    }
}

typedef struct page_of {
    weir_bytes url;
    char *outcome;
} page_of;

static void note_page(void *user, const weir_record *record, const void *object)
{
    (void)record;
    page_of *wanted = user;
    const weir_page *page = object;
    if (weir_bytes_equal(page->url, wanted->url)) {
        free(wanted->outcome);
        wanted->outcome = weir_bytes_to_text(page->outcome);
    }
}

static void check_page(crawl_run *run, const char *url, const char *wanted)
{
    page_of page = {weir_bytes_of_text(url), NULL};
    topic_records_visit(weir_pipeline_broker(run->pipeline),
                        &(topic_records){weir_topic_name(WEIR_TOPIC_PAGE),
                                         weir_pipeline_codec(run->pipeline), &weir_page_type},
                        note_page, &page);
    bool is_right = wanted == NULL ? page.outcome == NULL
                                   : page.outcome != NULL && strcmp(page.outcome, wanted) == 0;
    if (!is_right) {
        check_fail(__FILE__, __LINE__, "%s: page is \"%s\", wanted \"%s\"", url,
                   page.outcome == NULL ? "none" : page.outcome, wanted == NULL ? "none" : wanted);
    }
    free(page.outcome);
}

static void check_memory(void)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    struct rusage used;
    CHECK_I64(getrusage(RUSAGE_SELF, &used), ==, 0);
    printf("  %ld MiB at most\n", used.ru_maxrss / KIB);
    CHECK_I64(used.ru_maxrss / KIB, <, RSS_MIB_MAX);
#endif
}

static void crawl(const hostile *pages, size_t count, const weir_crawl_settings *settings)
{
    crawl_run run;
    crawl_run_start(&run, settings, true);
    const char *seeds[64] = {NULL};
    CHECK_I64(count, <, 64);
    for (size_t i = 0; i < count; i++) {
        const char *host = pages[i].url + strlen("http://");
        const char *path = strchr(host, '/');
        WEIR_AUTO_FREE char *name = weir_bytes_to_text(weir_bytes_of(host, (size_t)(path - host)));
        web_server_script(run.server, name, path, &pages[i].reply);
        seeds[i] = pages[i].url;
    }
    crawl_run_until_idle(&run, seeds);
    for (size_t i = 0; i < count; i++) {
        check_fetch(&run, pages[i].url, pages[i].fetch_outcome);
        check_page(&run, pages[i].url, pages[i].extract_outcome);
    }
    CHECK_I64(crawl_run_count(&run, WEIR_TOPIC_DLQ_FETCH), ==, 0);
    CHECK_I64(crawl_run_count(&run, WEIR_TOPIC_DLQ_EXTRACT), ==, 0);
    CHECK_I64(crawl_run_count(&run, WEIR_TOPIC_DLQ_QUALITY), ==, 0);
    CHECK_I64(crawl_run_count(&run, WEIR_TOPIC_DLQ_DEDUP), ==, 0);
    crawl_run_cleanup(&run);
    check_memory();
}

/* No page is too slow here, whatever the machine: the limits of what is in it are tried. */
static const weir_crawl_settings quick = {.delay_ms = -1,
                                          .attempts_max = 1,
                                          .request_timeout_ms = 1500,
                                          .page_cpu_ms_max = 600000,
                                          .depth_max = 1};

TEST(http_that_is_wrong_is_an_outcome_of_its_own)
{
    WEIR_AUTO(weir_buf) headers = repeated("X-Long: 0123456789012345678901234567890\r\n", MIB);
    const hostile pages[] = {
        {"http://a1.example/x", "protocol_error", NULL, {.raw = WEIR_BYTES("nonsense\r\n\r\n")}},
        {"http://a2.example/x", "protocol_error", NULL, {.raw = WEIR_BYTES("\0\1\2\3\4\5\6\7")}},
        {"http://a3.example/x", "connect_error", NULL, {.raw = WEIR_BYTES("H")}},
        {"http://a4.example/x",
         "protocol_error",
         NULL,
         {.raw = WEIR_BYTES("HTTP/1.1 999999 No\r\n\r\n")}},
        {"http://a5.example/x",
         "protocol_error",
         NULL,
         {.raw = WEIR_BYTES("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello")}},
        {"http://a6.example/x",
         "connect_error",
         NULL,
         {.raw = WEIR_BYTES("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello")}},
        {"http://a7.example/x",
         "protocol_error",
         NULL,
         {.raw = WEIR_BYTES("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n"
                            "\r\nnogz")}},
        {"http://a8.example/x",
         "protocol_error",
         NULL,
         {.body = WEIR_BYTES("short"), .claimed_bytes = 5000, .closes = true}},
        {"http://a9.example/x", "too_large", NULL, {.headers = weir_buf_text(&headers)}},
        {"http://b1.example/x",
         "too_large",
         NULL,
         {.body = WEIR_BYTES("0123456789abcdef"), .body_bytes = 50 * MIB}},
        {"http://b2.example/x",
         "timeout",
         NULL,
         {.body = WEIR_BYTES("drip "), .body_bytes = 5000, .drip_bytes = 1, .drip_delay_ms = 20}},
        {"http://b3.example/x", "timeout", NULL, {.delay_ms = 60000}},
        {"http://b4.example/x", "http_error", NULL, {.status = 500}},
        {"http://b5.example/x", "http_error", NULL, {.status = 418}},
        {"http://b6.example/x", "http_error", NULL, {.status = 302}},
        {"http://b7.example/x",
         "redirected",
         NULL,
         {.status = 302, .headers = "Location: javascript:alert(1)\r\n"}},
    };
    crawl(pages, WEIR_COUNT_OF(pages), &quick);
}

TEST(html_that_is_hostile_gives_a_page_with_a_reason_and_takes_little_memory)
{
    WEIR_AUTO(weir_buf) deep = repeated("<div>", MIB);
    WEIR_AUTO(weir_buf) tables = repeated("<table><tr><td>", 75 * KIB);
    WEIR_AUTO(weir_buf) attributes = repeated(" a=b", MIB);
    WEIR_AUTO(weir_buf) element = {0};
    weir_buf_append_format(&element, "<p%s>text</p>", weir_buf_text(&attributes));
    WEIR_AUTO(weir_buf) links = repeated("<a href='/y'>y</a> <a href='http://[/'>z</a>", MIB);
    WEIR_AUTO(weir_buf) text = repeated("many plain words without any end ", 7 * MIB);
    WEIR_AUTO(weir_buf) noise = repeated("\xff\xfe\x00\x81\x1b", MIB);
    WEIR_AUTO(weir_buf) format = repeated("<b><i><u><s><a><font>", MIB);
    const hostile pages[] = {
        {"http://c1.example/x", "fetched", "too_deep", {.body = weir_buf_bytes(&deep)}},
        {"http://c2.example/x", "fetched", "too_deep", {.body = weir_buf_bytes(&tables)}},
        {"http://c3.example/x",
         "fetched",
         "too_many_attributes",
         {.body = weir_buf_bytes(&element)}},
        {"http://c4.example/x", "fetched", "empty", {.body = weir_buf_bytes(&links)}},
        {"http://c5.example/x", "fetched", "too_large", {.body = weir_buf_bytes(&text)}},
        {"http://c6.example/x", "fetched", "empty", {.body = weir_buf_bytes(&noise)}},
        {"http://c7.example/x", "fetched", "too_deep", {.body = weir_buf_bytes(&format)}},
        {"http://c8.example/x",
         "fetched",
         "unsupported_type",
         {.content_type = "image/png", .body = WEIR_BYTES("\x89PNG\r\n\x1a\n")}},
        {"http://c9.example/x", "fetched", "empty", {.body = WEIR_BYTES("")}},
        {"http://d1.example/x",
         "fetched",
         "extracted",
         {.content_type = "text/html; charset=no-such-thing",
          .body = WEIR_BYTES("<p>\xe4\xf6\xfc some words that stand in a wrong charset</p>")}},
        {"http://d2.example/x",
         "fetched",
         "extracted",
         {.content_type = "text/html; charset=utf-16",
          .body = WEIR_BYTES("<p>this is not what its charset says it is, far from it</p>")}},
    };
    crawl(pages, WEIR_COUNT_OF(pages), &quick);
}
