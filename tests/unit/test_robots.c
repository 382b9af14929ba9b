/* SPDX-License-Identifier: Apache-2.0
 *
 * robots.txt as RFC 9309 says, with the tolerance that the large crawlers show.
 */
#include "connectors/robots.h"
#include "tests/harness/check.h"

#include <stdio.h>
#include <string.h>

static bool allows(const char *text, const char *agent, const char *path)
{
    WEIR_AUTO(weir_buf) rules = {0};
    weir_error err = {0};
    weir_robots_compile(weir_bytes_of_text(text), agent, &rules);
    CHECK_OK(weir_robots_check(weir_buf_bytes(&rules), &err), &err);
    return weir_robots_allows(weir_buf_bytes(&rules), weir_bytes_of_text(path), NULL);
}

static int64_t delay_of(const char *text, const char *agent)
{
    WEIR_AUTO(weir_buf) rules = {0};
    weir_robots_compile(weir_bytes_of_text(text), agent, &rules);
    return weir_robots_crawl_delay_ms(weir_buf_bytes(&rules));
}

/* A pattern under "Disallow" and a path that it does or does not match. */
typedef struct match_case {
    const char *pattern;
    const char *path;
    bool matches;
} match_case;

static void check_matches(const match_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char text[512];
        snprintf(text, sizeof text, "User-agent: *\nDisallow: %s\n", cases[i].pattern);
        if (allows(text, "weir", cases[i].path) == cases[i].matches) {
            check_fail(__FILE__, __LINE__, "%s against %s", cases[i].pattern, cases[i].path);
        }
    }
}

/* RFC 9309, 5.1. */
static const char simple_example[] = "User-Agent: *\n"
                                     "Disallow: *.gif$\n"
                                     "Disallow: /example/\n"
                                     "Allow: /publications/\n"
                                     "\n"
                                     "User-Agent: foobot\n"
                                     "Disallow:/\n"
                                     "Allow:/example/page.html\n"
                                     "Allow:/example/allowed.gif\n"
                                     "\n"
                                     "User-Agent: barbot\n"
                                     "User-Agent: bazbot\n"
                                     "Disallow: /example/page.html\n"
                                     "\n"
                                     "User-Agent: quxbot\n"
                                     "\n"
                                     "EOF\n";

TEST(simple_example_of_the_rfc)
{
    CHECK(!allows(simple_example, "weir", "/a.gif"));
    CHECK(allows(simple_example, "weir", "/a.gif?x"));
    CHECK(!allows(simple_example, "weir", "/example/page.html"));
    CHECK(allows(simple_example, "weir", "/publications/x"));
    CHECK(!allows(simple_example, "foobot", "/"));
    CHECK(allows(simple_example, "FooBot/2.1", "/example/page.html"));
    CHECK(allows(simple_example, "foobot", "/example/allowed.gif"));
    CHECK(!allows(simple_example, "barbot", "/example/page.html"));
    CHECK(!allows(simple_example, "bazbot", "/example/page.html"));
    CHECK(allows(simple_example, "bazbot", "/a.gif"));
    CHECK(allows(simple_example, "quxbot", "/a.gif"));
}

TEST(longest_match_example_of_the_rfc)
{
    const char *text = "User-Agent: foobot\n"
                       "Allow: /example/page/\n"
                       "Disallow: /example/page/disallowed.gif\n";
    CHECK(!allows(text, "foobot", "/example/page/disallowed.gif"));
    CHECK(allows(text, "foobot", "/example/page/other.gif"));
}

TEST(allow_wins_a_tie_in_whatever_order)
{
    CHECK(allows("User-agent: *\nDisallow: /p\nAllow: /p\n", "weir", "/p"));
    CHECK(allows("User-agent: *\nAllow: /p\nDisallow: /p\n", "weir", "/p"));
    CHECK(!allows("User-agent: *\nAllow: /p\nDisallow: /p*\n", "weir", "/p"));
}

TEST(wildcards_and_end_anchor)
{
    static const match_case cases[] = {
        {"/", "/", true},
        {"/fish", "/fish.html", true},
        {"/fish", "/Fish", false},
        {"/fish*", "/fishheads", true},
        {"/fish/", "/fish", false},
        {"/*.php", "/folder/a.php?x", true},
        {"/*.php$", "/a.php", true},
        {"/*.php$", "/a.php?x", false},
        {"/*.php$", "/a.php/b.php", true},
        {"/fish*.php", "/fishheads/catfish.php?x", true},
        {"/fish*.php", "/Fish.PHP", false},
        {"*", "/", true},
        {"/a$", "/a", true},
        {"/a$", "/ab", false},
        {"/a$b", "/a$b", false},
        {"/a%24b", "/a$b", true},
        {"/file-with-a-%2A.html", "/file-with-a-*.html", true},
        {"/**a**$", "/xay", true},
        {"/*a*b*c", "/a-c-b-", false},
        {"/*a*b*c", "/a-b-a-c", true},
        {"/*ab$", "/abab", true},
        {"/$", "/", true},
        {"/$", "/a", false},
        {"page", "/page", false},
        {"/ab*b$", "/ab", false},
    };
    check_matches(cases, WEIR_COUNT_OF(cases));
}

TEST(percent_encoding_does_not_matter_as_the_rfc_has_it)
{
    static const match_case cases[] = {
        {"/foo/bar?baz=quz", "/foo/bar?baz=quz", true},
        {"/foo/bar?baz=https://foo.bar", "/foo/bar?baz=https%3A%2F%2Ffoo.bar", false},
        {"/foo/bar/\xe3\x83\x84", "/foo/bar/%E3%83%84", true},
        {"/foo/bar/%e3%83%84", "/foo/bar/\xe3\x83\x84", true},
        {"/foo/bar/%62%61%7A", "/foo/bar/baz", true},
        {"/foo/bar/baz", "/foo/bar/%62%61%7a", true},
        {"/a b", "/a%20b", true},
        {"/a%2fb", "/a/b", false},
        {"/a%zz", "/a%zz", true},
    };
    check_matches(cases, WEIR_COUNT_OF(cases));
}

TEST(robots_file_itself_is_always_allowed)
{
    CHECK(allows("User-agent: *\nDisallow: /\n", "weir", "/robots.txt"));
    CHECK(!allows("User-agent: *\nDisallow: /\n", "weir", "/robots.txt.bak"));
}

TEST(groups_of_one_agent_are_taken_together)
{
    const char *text = "User-agent: weir\nDisallow: /a\n\nUser-agent: other\nDisallow: /c\n\n"
                       "User-agent: WEIR/2.0\nDisallow: /b\n\nUser-agent: *\nDisallow: /\n";
    CHECK(!allows(text, "weir", "/a"));
    CHECK(!allows(text, "weir", "/b"));
    CHECK(allows(text, "weir", "/c"));
    CHECK(!allows(text, "stranger", "/c"));
}

TEST(agent_is_compared_as_a_whole_token)
{
    const char *text = "User-agent: weirdo\nDisallow: /\nUser-agent: wei\nDisallow: /\n";
    CHECK(allows(text, "weir", "/"));
    CHECK(!allows("User-agent: weir bot\nDisallow: /\n", "weir", "/"));
    CHECK(!allows("User-agent: *\nDisallow: /\nUser-agent: Foo Bar\nAllow: /\n", "Foo Bar", "/x"));
}

TEST(rules_before_any_group_and_unknown_lines_mean_nothing)
{
    CHECK(allows("Disallow: /\nUser-agent: *\nAllow: /x\n", "weir", "/y"));
    CHECK(allows("<html>\n<body>Not: found</body>\n", "weir", "/"));
    CHECK(!allows("User-agent: *\nSitemap: http://h/s\nNoindex: /x\n\nDisallow: /\n", "weir", "/"));
    CHECK(!allows("User-agent: weir\nSitemap: http://h/s\nUser-agent: b\nDisallow: /\n", "weir",
                  "/"));
}

TEST(empty_disallow_allows_all)
{
    CHECK(allows("User-agent: *\nDisallow:\n", "weir", "/a"));
    CHECK(allows("", "weir", "/a"));
    CHECK(allows("User-agent: *\nDisallow: /\n\nUser-agent: weir\nDisallow:\n", "weir", "/a"));
}

TEST(slips_of_the_pen_are_understood)
{
    const char *texts[] = {
        "\xef\xbb\xbfUser-agent: *\nDisallow: /x\n",
        "user-agent:*\rdisallow:/x\r",
        "USER-AGENT: *\r\nDISALLOW: /x\r\n",
        "Useragent: *\nDissallow: /x",
        "User agent: *\nDisalow: /x",
        "User-agent *\nDisallow /x",
        " \tUser-agent : * # everybody\n  Disallow : /x#y\n",
        "User-agent: *\n\n\nDisallow: /x\n",
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(texts); i++) {
        if (allows(texts[i], "weir", "/x") || !allows(texts[i], "weir", "/y")) {
            check_fail(__FILE__, __LINE__, "%s", texts[i]);
        }
    }
}

TEST(crawl_delay_belongs_to_its_group_and_may_be_a_fraction)
{
    CHECK_I64(delay_of("User-agent: *\nCrawl-delay: 10\n", "weir"), ==, 10000);
    CHECK_I64(delay_of("User-agent: *\nCrawl-delay: 0.25\n", "weir"), ==, 250);
    CHECK_I64(delay_of("User-agent: *\nCrawl-delay: 1.5 # s\n", "weir"), ==, 1500);
    CHECK_I64(delay_of("User-agent: *\nCrawl-delay: .0019\n", "weir"), ==, 1);
    CHECK_I64(delay_of("User-agent: *\nCrawl-delay: soon\n", "weir"), ==, -1);
    CHECK_I64(delay_of("User-agent: *\nCrawl-delay:\n", "weir"), ==, -1);
    CHECK_I64(delay_of("User-agent: *\nCrawl-delay: 99999999999999999999\n", "weir"), ==,
              WEIR_ROBOTS_CRAWL_DELAY_MS_MAX);
    CHECK_I64(delay_of("User-agent: *\nCrawl-delay: 1\nUser-agent: weir\nDisallow: /x\n", "weir"),
              ==, -1);
    CHECK_I64(delay_of("User-agent: a\nCrawl-delay: 1\nUser-agent: weir\nCrawl-delay: 2\n", "weir"),
              ==, 2000);
}

TEST(sitemaps_are_listed_whatever_the_group)
{
    WEIR_AUTO(weir_buf) rules = {0};
    weir_robots_compile(WEIR_BYTES("Sitemap: http://h/1\nUser-agent: a\nDisallow: /\nsite-map: "
                                   "http://h/2#x\nSitemap:\n"),
                        "weir", &rules);
    size_t index = 0;
    weir_bytes url;
    CHECK(weir_robots_next_sitemap(weir_buf_bytes(&rules), &index, &url));
    CHECK_BYTES(url, WEIR_BYTES("http://h/1"));
    CHECK(weir_robots_next_sitemap(weir_buf_bytes(&rules), &index, &url));
    CHECK_BYTES(url, WEIR_BYTES("http://h/2"));
    CHECK(!weir_robots_next_sitemap(weir_buf_bytes(&rules), &index, &url));
}

TEST(rule_that_decided_is_named)
{
    WEIR_AUTO(weir_buf) rules = {0};
    weir_robots_compile(WEIR_BYTES("User-agent: *\nDisallow: /a\nAllow: /a/b\n"), "weir", &rules);
    weir_bytes rule;
    CHECK(weir_robots_allows(weir_buf_bytes(&rules), WEIR_BYTES("/a/b/c"), &rule));
    CHECK_BYTES(rule, WEIR_BYTES("/a/b"));
    CHECK(weir_robots_allows(weir_buf_bytes(&rules), WEIR_BYTES("/b"), &rule));
    CHECK(rule.data == NULL);
}

TEST(text_past_500_kib_is_not_looked_at)
{
    WEIR_AUTO(weir_buf) text = {0};
    WEIR_AUTO(weir_buf) rules = {0};
    weir_buf_append_text(&text, "User-agent: *\nDisallow: /a\n");
    while (text.size < WEIR_ROBOTS_BYTES_MAX) {
        weir_buf_append_text(&text, "# nothing\n");
    }
    weir_buf_append_text(&text, "Disallow: /b\n");
    weir_robots_compile(weir_buf_bytes(&text), "weir", &rules);
    CHECK(!weir_robots_allows(weir_buf_bytes(&rules), WEIR_BYTES("/a"), NULL));
    CHECK(weir_robots_allows(weir_buf_bytes(&rules), WEIR_BYTES("/b"), NULL));
}

TEST(line_is_cut_at_16_kib)
{
    WEIR_AUTO(weir_buf) text = {0};
    WEIR_AUTO(weir_buf) path = {0};
    weir_buf_append_text(&text, "User-agent: *\nDisallow: /*");
    weir_buf_append_text(&path, "/z");
    for (int i = 0; i < WEIR_ROBOTS_LINE_BYTES_MAX; i++) {
        weir_buf_append_byte(&text, '*');
    }
    weir_buf_append_text(&text, "never\nDisallow: /x\n");
    CHECK(!allows(weir_buf_text(&text), "weir", "/x"));
    CHECK(!allows(weir_buf_text(&text), "weir", "/z"));
}

TEST(damaged_rules_are_found_out_and_allow_nothing)
{
    WEIR_AUTO(weir_buf) rules = {0};
    weir_robots_compile(WEIR_BYTES("User-agent: *\nDisallow: /a\n"), "weir", &rules);
    for (size_t size = 0; size < rules.size; size++) {
        weir_bytes cut = {rules.data, size};
        CHECK_STATUS(weir_robots_check(cut, NULL), WEIR_CORRUPT);
        CHECK(!weir_robots_allows(cut, WEIR_BYTES("/a"), NULL));
    }
    weir_buf_append_byte(&rules, 0);
    CHECK_STATUS(weir_robots_check(weir_buf_bytes(&rules), NULL), WEIR_CORRUPT);
}
