/* SPDX-License-Identifier: Apache-2.0
 *
 * The whole pipeline against a server that records what arrives: never two requests at once to one
 * host, never faster than the delay, never a disallowed path, whatever the hosts answer.
 */
#include "streams/base/clock.h"
#include "tests/harness/check.h"
#include "tests/harness/crawl_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DELAY_MS = 50, HOSTS = 5, PAGES = 8 };

static void script_text(crawl_run *run, const char *host, const char *path, const char *text)
{
    web_server_script(run->server, host, path, &(web_reply){.body = weir_bytes_of_text(text)});
}

static void check_outcome(crawl_run *run, const char *url, const char *wanted)
{
    WEIR_AUTO_FREE char *got = crawl_run_outcome(run, url);
    if (strcmp(got, wanted) != 0) {
        check_fail(__FILE__, __LINE__, "%s: got %s, wanted %s", url, got, wanted);
    }
}

/* A page that links to all of its host, to what it disallows, and to other hosts. */
static char *page_text(int number)
{
    WEIR_AUTO(weir_buf) text = {0};
    weir_buf_append_format(&text, "<html><title>%d</title><body><p>Page number %d.</p>", number,
                           number);
    for (int i = 0; i < PAGES; i++) {
        weir_buf_append_format(&text, "<a href='/p%d'>p</a> <a href='/private/%d'>no</a>", i, i);
    }
    for (int i = 0; i < HOSTS; i++) {
        weir_buf_append_format(&text, "<a href='http://h%d.example/p0'>other</a>", i);
    }
    return weir_strdup(weir_buf_text(&text));
}

TEST(every_host_is_asked_politely_and_nothing_twice)
{
    crawl_run run;
    crawl_run_start(&run, &(weir_crawl_settings){.delay_ms = DELAY_MS, .scope = WEIR_SCOPE_ANY},
                    true);
    char *texts[PAGES];
    for (int i = 0; i < PAGES; i++) {
        WEIR_AUTO_FREE char *path = weir_format("/p%d", i);
        texts[i] = page_text(i);
        script_text(&run, NULL, path, texts[i]);
    }
    script_text(&run, NULL, "/robots.txt", "User-agent: *\nDisallow: /private/\n");
    script_text(&run, "h3.example", "/robots.txt",
                "User-agent: *\nDisallow: /private/\nCrawl-delay: 0.2\n");
    crawl_run_until_idle(&run, (const char *const[]){"http://h0.example/p0", NULL});
    crawl_run_check_polite(&run, DELAY_MS);
    for (int i = 0; i < HOSTS; i++) {
        WEIR_AUTO_FREE char *host = weir_format("h%d.example", i);
        CHECK_I64(web_server_count_of(run.server, host, "/robots.txt"), ==, 1);
        for (int page = 0; page < PAGES; page++) {
            WEIR_AUTO_FREE char *path = weir_format("/p%d", page);
            CHECK_I64(web_server_count_of(run.server, host, path), ==, 1);
        }
    }
    CHECK_I64(web_server_request_count(run.server), ==, HOSTS * (PAGES + 1));
    check_outcome(&run, "http://h0.example/private/3", "robots_denied");
    uint64_t before_ns = 0;
    for (size_t i = 0; i < web_server_request_count(run.server); i++) {
        WEIR_AUTO(web_request) request = web_server_request(run.server, i);
        CHECK(strncmp(request.path, "/private", 8) != 0);
        if (strcmp(request.host, "h3.example") == 0) {
            CHECK(before_ns == 0 || request.start_ns - before_ns >= 200 * WEIR_NS_PER_MS);
            before_ns = request.end_ns;
        }
    }
    crawl_run_cleanup(&run);
    for (int i = 0; i < PAGES; i++) {
        free(texts[i]);
    }
}

/* A megabyte, of which the first half counts. */
static void append_large_robots(weir_buf *out, const char *rules)
{
    weir_buf_append_text(out, rules);
    while (out->size < 1 << 20) {
        weir_buf_append_text(out, "# what comes late does not count ######################\n");
    }
    weir_buf_append_text(out, "Allow: /no\n");
}

TEST(robots_of_every_kind_is_understood)
{
    static const struct {
        const char *host;
        const char *outcome; /* Of /no, which the files forbid. */
    } expected[] = {
        {"gone.example", "fetched"},
        {"broken.example", "robots_unreachable"},
        {"late.example", "robots_unreachable"},
        {"large.example", "robots_denied"},
        {"mark.example", "robots_denied"},
        {"moved.example", "robots_denied"},
        {"away.example", "robots_denied"},
        {"loop.example", "fetched"},
        {"garbage.example", "robots_unreachable"},
        {"binary.example", "fetched"},
        {"agent.example", "robots_denied"},
    };
    crawl_run run;
    crawl_run_start(
        &run,
        &(weir_crawl_settings){.delay_ms = DELAY_MS, .request_timeout_ms = 500, .attempts_max = 1},
        true);
    static const char no[] = "User-agent: *\nDisallow: /no\n";
    script_text(&run, NULL, "/no", "<p>no</p>");
    web_server_script(run.server, "broken.example", "/robots.txt", &(web_reply){.status = 500});
    web_server_script(run.server, "late.example", "/robots.txt", &(web_reply){.delay_ms = 5000});
    WEIR_AUTO(weir_buf) large = {0};
    append_large_robots(&large, no);
    web_server_script(run.server, "large.example", "/robots.txt",
                      &(web_reply){.body = weir_buf_bytes(&large)});
    script_text(&run, "mark.example", "/robots.txt",
                "\xef\xbb\xbfUser-agent: *\r\nDisallow: /no\r\n");
    web_server_script(run.server, "moved.example", "/robots.txt",
                      &(web_reply){.status = 301, .headers = "Location: /r2\r\n"});
    web_server_script(run.server, "moved.example", "/r2",
                      &(web_reply){.status = 302, .headers = "Location: /r3\r\n"});
    script_text(&run, "moved.example", "/r3", no);
    web_server_script(
        run.server, "away.example", "/robots.txt",
        &(web_reply){.status = 301, .headers = "Location: http://mark.example/other\r\n"});
    script_text(&run, "mark.example", "/other", no);
    web_server_script(run.server, "loop.example", "/robots.txt",
                      &(web_reply){.redirects_to_longer = true});
    web_server_script(run.server, "loop.example", "/robots.txtx*",
                      &(web_reply){.redirects_to_longer = true});
    web_server_script(run.server, "garbage.example", "/robots.txt",
                      &(web_reply){.raw = WEIR_BYTES("this is not HTTP\r\n\r\n")});
    script_text(&run, "binary.example", "/robots.txt", "\x89PNG\r\n\x1a\n\x01\x02\xff\xfe\xfd");
    script_text(&run, "agent.example", "/robots.txt",
                "User-agent: *\nAllow: /\n\nUser-agent: Weir\nDisallow: /no\n");
    const char *seeds[WEIR_COUNT_OF(expected) + 1] = {NULL};
    char *urls[WEIR_COUNT_OF(expected)];
    for (size_t i = 0; i < WEIR_COUNT_OF(expected); i++) {
        urls[i] = weir_format("http://%s/no", expected[i].host);
        seeds[i] = urls[i];
    }
    crawl_run_until_idle(&run, seeds);
    for (size_t i = 0; i < WEIR_COUNT_OF(expected); i++) {
        check_outcome(&run, urls[i], expected[i].outcome);
        bool fetched = strcmp(expected[i].outcome, "fetched") == 0;
        CHECK_I64(web_server_count_of(run.server, expected[i].host, "/no"), ==, fetched ? 1 : 0);
        free(urls[i]);
    }
    CHECK_I64(web_server_count_of(run.server, "loop.example", NULL), ==, 7); /* 1 + 5, the page. */
    crawl_run_check_polite(&run, DELAY_MS);
    crawl_run_cleanup(&run);
}

TEST(throttled_host_waits_and_idle_waits_for_the_retry)
{
    crawl_run run;
    crawl_run_start(
        &run,
        &(weir_crawl_settings){.delay_ms = DELAY_MS, .attempts_max = 2, .retry_backoff_ms = 300},
        true);
    web_server_script(run.server, "busy.example", "/*",
                      &(web_reply){.status = 429, .headers = "Retry-After: 1\r\n"});
    web_server_script(run.server, "busy.example", "/robots.txt", &(web_reply){.status = 404});
    web_server_script(run.server, "down.example", "/x", &(web_reply){.status = 500});
    crawl_run_until_idle(&run,
                         (const char *const[]){"http://busy.example/1", "http://busy.example/2",
                                               "http://down.example/x", NULL});
    CHECK_I64(web_server_count_of(run.server, "busy.example", "/1"), ==, 2);
    CHECK_I64(web_server_count_of(run.server, "busy.example", "/2"), ==, 2);
    CHECK_I64(web_server_count_of(run.server, "down.example", "/x"), ==, 2);
    crawl_run_check_polite(&run, DELAY_MS);
    uint64_t before_ns = 0;
    for (size_t i = 0; i < web_server_request_count(run.server); i++) {
        WEIR_AUTO(web_request) request = web_server_request(run.server, i);
        if (strcmp(request.host, "busy.example") != 0 || strcmp(request.path, "/robots.txt") == 0) {
            continue;
        }
        CHECK(before_ns == 0 || request.start_ns - before_ns >= 1000 * WEIR_NS_PER_MS);
        before_ns = request.end_ns;
    }
    crawl_run_cleanup(&run);
}

TEST(redirects_are_followed_five_times_and_endless_ones_end)
{
    crawl_run run;
    crawl_run_start(&run, &(weir_crawl_settings){.delay_ms = DELAY_MS}, true);
    static const char *const chain[] = {"Location: /1\r\n", "Location: /2\r\n", "Location: /3\r\n",
                                        "Location: /4\r\n", "Location: /5\r\n"};
    for (size_t i = 0; i < WEIR_COUNT_OF(chain); i++) {
        WEIR_AUTO_FREE char *path = weir_format("/%zu", i);
        web_server_script(run.server, "chain.example", path,
                          &(web_reply){.status = 301, .headers = chain[i]});
    }
    script_text(&run, "chain.example", "/5", "<p>the end</p>");
    web_server_script(run.server, "endless.example", "/*",
                      &(web_reply){.redirects_to_longer = true});
    web_server_script(run.server, "endless.example", "/robots.txt", &(web_reply){.status = 404});
    web_server_script(run.server, "circle.example", "/*",
                      &(web_reply){.status = 302, .headers = "Location: /a\r\n"});
    web_server_script(run.server, "nowhere.example", "/*",
                      &(web_reply){.status = 302, .headers = "Location: http://[bad/\r\n"});
    crawl_run_until_idle(
        &run, (const char *const[]){"http://chain.example/0", "http://endless.example/x",
                                    "http://circle.example/a", "http://nowhere.example/", NULL});
    check_outcome(&run, "http://chain.example/0", "redirected");
    check_outcome(&run, "http://chain.example/5", "fetched");
    check_outcome(&run, "http://endless.example/xxxxxx", "too_many_redirects");
    check_outcome(&run, "http://endless.example/xxxxxxx", "");
    check_outcome(&run, "http://circle.example/a", "redirected");
    check_outcome(&run, "http://nowhere.example/", "redirected");
    crawl_run_check_polite(&run, DELAY_MS);
    crawl_run_cleanup(&run);
}

TEST(host_is_asked_over_one_connection)
{
    crawl_run run;
    crawl_run_start(&run, &(weir_crawl_settings){.delay_ms = -1, .allow_private = "*"}, false);
    WEIR_AUTO(weir_buf) links = {0};
    for (int i = 0; i < 20; i++) {
        weir_buf_append_format(&links, "<a href='/%d'>next</a>", i);
    }
    script_text(&run, NULL, "/*", weir_buf_text(&links));
    web_server_script(run.server, NULL, "/robots.txt", &(web_reply){.status = 404});
    WEIR_AUTO_FREE char *seed = weir_format("%s/0", web_server_url(run.server));
    crawl_run_until_idle(&run, (const char *const[]){seed, NULL});
    CHECK_I64(web_server_request_count(run.server), ==, 21);
    CHECK_I64(web_server_connection_count(run.server), ==, 1);
    crawl_run_check_polite(&run, 0);
    crawl_run_cleanup(&run);
}

TEST(private_addresses_are_refused_in_every_form_and_after_redirects)
{
    web_server *other = web_server_start();
    unsigned port = web_server_port(other);
    static const char *const forms[] = {
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "2130706433",
        "0x7f.1",
        "127.1",
        "[::127.0.0.1]",
        "0.0.0.0",
        "10.0.0.1",
        "192.168.1.1",
        "[fc00::1]",
        "[fe80::1]",
        "169.254.1.1",
        "[64:ff9b::7f00:1]",
    };
    crawl_run run;
    crawl_run_start(
        &run, &(weir_crawl_settings){.delay_ms = -1, .attempts_max = 1, .request_timeout_ms = 2000},
        false);
    char *urls[WEIR_COUNT_OF(forms)];
    const char *seeds[WEIR_COUNT_OF(forms) + 1] = {NULL};
    for (size_t i = 0; i < WEIR_COUNT_OF(forms); i++) {
        urls[i] = weir_format("http://%s:%u/", forms[i], port);
        seeds[i] = urls[i];
    }
    crawl_run_until_idle(&run, seeds);
    CHECK_I64(web_server_connection_count(other), ==, 0);
    check_outcome(&run, urls[0], "robots_unreachable");
    crawl_run_cleanup(&run);
    for (size_t i = 0; i < WEIR_COUNT_OF(forms); i++) {
        free(urls[i]);
    }
    web_server_stop(other);
}

TEST(redirect_to_a_private_address_that_is_not_allowed_is_refused)
{
    web_server *secret = web_server_start();
    crawl_run run;
    weir_crawl_settings crawl = {.delay_ms = -1, .attempts_max = 1, .scope = WEIR_SCOPE_ANY};
    web_server *open = web_server_start();
    WEIR_AUTO_FREE char *allowed = weir_format("127.0.0.1:%u", web_server_port(open));
    crawl.allow_private = allowed;
    crawl_run_start(&run, &crawl, false);
    WEIR_AUTO_FREE char *location = weir_format("Location: %s/x\r\n", web_server_url(secret));
    web_server_script(open, NULL, "/*", &(web_reply){.status = 302, .headers = location});
    WEIR_AUTO_FREE char *from = weir_format("%s/a", web_server_url(open));
    WEIR_AUTO_FREE char *to = weir_format("%s/x", web_server_url(secret));
    WEIR_AUTO_FREE char *robots = weir_format("%s/robots.txt", web_server_url(secret));
    crawl_run_until_idle(&run, (const char *const[]){from, NULL});
    CHECK_I64(web_server_connection_count(secret), ==, 0);
    web_server_script(open, NULL, "/robots.txt", &(web_reply){.status = 404});
    crawl_run_cleanup(&run);
    crawl_run_start(&run, &crawl, false);
    crawl_run_until_idle(&run, (const char *const[]){from, NULL});
    check_outcome(&run, from, "redirected");
    check_outcome(&run, to, "robots_unreachable");
    CHECK_I64(web_server_connection_count(secret), ==, 0);
    crawl_run_cleanup(&run);
    web_server_stop(open);
    web_server_stop(secret);
}
