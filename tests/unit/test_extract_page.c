/* SPDX-License-Identifier: Apache-2.0
 *
 * What is extracted from pages (topologies/extract_page.h): whole pages of tests/golden/extract
 * against the report beside them, and single rules. Each run leaves its reports in the build
 * directory as extract_NAME.txt: to change a golden one, look at the difference and copy it.
 */
#include "tests/harness/check.h"
#include "topologies/extract_internal.h"

#include "streams/base/file.h"

#include <string.h>

typedef struct fixture {
    weir_extractor *extractor;
    weir_buf html;
} fixture;

static void fixture_cleanup(fixture *f)
{
    weir_extractor_free(f->extractor);
    weir_buf_cleanup(&f->html);
}

static fixture fixture_start(void)
{
    return (fixture){.extractor = weir_extractor_new()};
}

static const weir_extract_page *extract(fixture *f, const char *html)
{
    const weir_extract_input input = {.url = WEIR_BYTES("http://site.example/dir/page.html"),
                                      .body = weir_bytes_of_text(html)};
    return weir_extract_page_of(f->extractor, &input);
}

static const weir_extract_page *extract_repeated(fixture *f, const char *text, size_t bytes)
{
    weir_buf_clear(&f->html);
    while (f->html.size < bytes) {
        weir_buf_append_text(&f->html, text);
    }
    const weir_extract_input input = {.body = weir_buf_bytes(&f->html)};
    return weir_extract_page_of(f->extractor, &input);
}

static void append_list(weir_buf *out, const char *name, const weir_extract_links *links)
{
    for (size_t i = 0; i < links->count; i++) {
        const weir_extract_link *row = &links->rows[i];
        weir_buf_append_format(out, "%s: %s [%s] %s\n", name, (const char *)row->url.data,
                               row->rel.data == NULL ? "" : (const char *)row->rel.data,
                               row->text.data == NULL ? "" : (const char *)row->text.data);
    }
}

static void append_report(weir_buf *out, const weir_extract_page *page)
{
    weir_buf_append_format(out,
                           "%s from %s, %s, %s, noindex %d, %zu words, published %" PRId64 "\n",
                           page->outcome, page->text_source, page->charset, page->language.code,
                           page->noindex, page->word_count, page->published_at_ms);
    weir_buf_append_format(
        out, "canonical: %s\n",
        page->canonical_url.data == NULL ? "none" : (const char *)page->canonical_url.data);
    for (int i = 0; i < WEIR_METADATA_COUNT; i++) {
        if (page->metadata[i].data != NULL) {
            weir_buf_append_format(out, "%s: %s\n", weir_metadata_name((weir_metadata_field)i),
                                   (const char *)page->metadata[i].data);
        }
    }
    append_list(out, "link", &page->links);
    append_list(out, "image", &page->images);
    append_list(out, "alternate", &page->alternates);
    weir_buf_append_text(out, "----\n");
    weir_buf_append(out, page->text.data, page->text.size);
    weir_buf_append_text(out, "\n");
}

static void check_golden(const char *name)
{
    WEIR_AUTO(fixture) f = fixture_start();
    WEIR_AUTO(weir_buf) report = {0};
    WEIR_AUTO(weir_buf) wanted = {0};
    weir_error err = {0};
    WEIR_AUTO_FREE char *html_path =
        weir_format("%s/tests/golden/extract/%s.html", WEIR_SOURCE_DIR, name);
    WEIR_AUTO_FREE char *report_path =
        weir_format("%s/tests/golden/extract/%s.txt", WEIR_SOURCE_DIR, name);
    CHECK_OK(weir_file_read(html_path, 1 << 20, &f.html, &err), &err);
    const weir_extract_input input = {.url = WEIR_BYTES("http://site.example/dir/page.html"),
                                      .body = weir_buf_bytes(&f.html),
                                      .content_type = WEIR_BYTES("text/html; charset=utf-8")};
    append_report(&report, weir_extract_page_of(f.extractor, &input));
    WEIR_AUTO_FREE char *got_path = weir_format("%s/extract_%s.txt", WEIR_BINARY_DIR, name);
    CHECK_OK(weir_file_replace(got_path, weir_buf_bytes(&report), false, &err), &err);
    CHECK_OK(weir_file_read(report_path, 1 << 20, &wanted, &err), &err);
    CHECK_STR(weir_buf_text(&report), weir_buf_text(&wanted));
}

TEST(news_page_gives_its_article_and_metadata)
{
    check_golden("news");
}

TEST(manual_page_keeps_source_code_lists_and_definitions)
{
    check_golden("manual");
}

TEST(page_without_structure_is_read_by_readability)
{
    check_golden("old");
}

TEST(short_page_is_taken_as_it_is)
{
    WEIR_AUTO(fixture) f = fixture_start();
    const weir_extract_page *page = extract(&f, "<title>T</title><p>Hello, world.");
    CHECK_STR(page->outcome, "extracted");
    CHECK_BYTES(page->text, WEIR_BYTES("Hello, world."));
    CHECK_BYTES(page->title, WEIR_BYTES("T"));
    CHECK_I64(page->word_count, ==, 2);
}

TEST(page_without_text_is_empty_but_keeps_its_links)
{
    WEIR_AUTO(fixture) f = fixture_start();
    const weir_extract_page *page = extract(&f, "<nav><a href=x>x</a></nav><script>y</script>");
    CHECK_STR(page->outcome, "empty");
    CHECK(page->text.data == NULL && page->text_source == NULL);
    CHECK_STR(page->content_hash, "");
    CHECK_I64(page->links.count, ==, 1);
    CHECK_BYTES(page->links.rows[0].url, WEIR_BYTES("http://site.example/dir/x"));
    CHECK_STR(extract(&f, "")->outcome, "empty");
}

TEST(form_around_the_whole_page_is_no_boilerplate)
{
    WEIR_AUTO(fixture) f = fixture_start();
    const weir_extract_page *page =
        extract(&f, "<form><p>All of the page is in a form, as some servers do it.</p></form>");
    CHECK_BYTES(page->text, WEIR_BYTES("All of the page is in a form, as some servers do it."));
}

TEST(sign_beside_a_heading_that_links_to_it_is_left_out)
{
    WEIR_AUTO(fixture) f = fixture_start();
    const weir_extract_page *page =
        extract(&f, "<main><h2>Gates<a href='#gates'>§</a></h2><p>A gate lets water through, and"
                    " <a href='#n'>a</a> note<a href='#1'>1</a>.</p></main>");
    CHECK_BYTES(page->text, WEIR_BYTES("Gates\nA gate lets water through, and a note1."));
}

TEST(article_body_of_json_ld_stands_in_for_a_short_text)
{
    WEIR_AUTO(fixture) f = fixture_start();
    WEIR_AUTO(weir_buf) html = {0};
    weir_buf_append_text(&html, "<p>Loading…</p><script type='application/ld+json'>"
                                "{\"@type\":\"BlogPosting\",\"articleBody\":\"");
    for (int i = 0; i < 20; i++) {
        weir_buf_append_text(&html, "Twenty characters. \\n");
    }
    weir_buf_append_text(&html, "\"}</script>");
    const weir_extract_page *page = extract(&f, weir_buf_text(&html));
    CHECK_STR(page->text_source, "json_ld");
    CHECK_I64(page->word_count, ==, 40);
}

TEST(empty_arrays_of_json_ld_say_nothing)
{
    WEIR_AUTO(fixture) f = fixture_start();
    const weir_extract_page *page = extract(
        &f, "<title>Title</title><script type='application/ld+json'>[{\"@type\": []}, {\"@type\": "
            "\"Article\", \"author\": [], \"publisher\": {\"name\": []}}]</script><p>Text");
    CHECK_BYTES(page->title, WEIR_BYTES("Title"));
    CHECK(page->metadata[WEIR_METADATA_AUTHOR].data == NULL);
    CHECK(page->metadata[WEIR_METADATA_PUBLISHER].data == NULL);
}

TEST(one_page_does_not_leak_into_the_next)
{
    WEIR_AUTO(fixture) f = fixture_start();
    (void)extract(&f, "<html lang=en><meta name=robots content=none><a href=a>x</a><p>text");
    const weir_extract_page *page = extract(&f, "<p>other");
    CHECK_I64(page->links.count, ==, 0);
    CHECK(!page->noindex && !page->nofollow);
    CHECK(page->metadata[WEIR_METADATA_HTML_LANG].data == NULL);
    CHECK_BYTES(page->text, WEIR_BYTES("other"));
}

TEST(robots_directives_of_others_do_not_count)
{
    weir_extract_page page = {0};
    weir_robots_directives(WEIR_BYTES("otherbot: noindex, nofollow"), &page);
    CHECK(!page.noindex && !page.nofollow);
    weir_robots_directives(WEIR_BYTES("otherbot: none, weir: noindex"), &page);
    CHECK(page.noindex && !page.nofollow);
    weir_robots_directives(WEIR_BYTES("unavailable_after: 25 Jun 2030, NoFollow"), &page);
    CHECK(page.nofollow);
}

TEST(dates_of_iso_8601_become_milliseconds)
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"2024-02-29", INT64_C(1709164800000)},
        {"2024-02-29T08:30:00+01:00", INT64_C(1709191800000)},
        {"2024-02-29T07:30:00.25Z", INT64_C(1709191800250)},
        {"20240229", INT64_C(1709164800000)},
        {"2000-01-01 00:00 and so on", INT64_C(946684800000)},
        {"2024-02-29T99:00", INT64_C(1709164800000)},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(cases); i++) {
        int64_t ms = 0;
        CHECK(weir_value_parse_date(weir_bytes_of_text(cases[i].text), &ms));
        CHECK_I64(ms, ==, cases[i].ms);
    }
    static const char *const wrong[] = {"",           "today",      "2024",
                                        "2024-13-01", "1850-01-01", "2024-1-1"};
    for (size_t i = 0; i < WEIR_COUNT_OF(wrong); i++) {
        int64_t ms = 0;
        CHECK(!weir_value_parse_date(weir_bytes_of_text(wrong[i]), &ms));
    }
}

TEST(values_are_cut_between_characters)
{
    WEIR_AUTO_PTR(weir_arena) arena = weir_arena_new(1 << 16);
    CHECK_BYTES(weir_value_clean(arena, WEIR_BYTES(" a \n b\xc2\xa0 c "), 100),
                WEIR_BYTES("a b c"));
    CHECK_BYTES(weir_value_clean(arena, WEIR_BYTES("ab\xc3\xa9z"), 3), WEIR_BYTES("ab"));
    CHECK_BYTES(weir_value_clean(arena, WEIR_BYTES("ab\xc3\xa9z"), 4), WEIR_BYTES("ab\xc3\xa9"));
    CHECK(weir_value_clean(arena, WEIR_BYTES(" \t"), 10).data == NULL);
}

TEST(lists_stop_at_their_limits)
{
    WEIR_AUTO(fixture) f = fixture_start();
    for (int i = 0; i < WEIR_EXTRACT_LINKS_MAX + 10; i++) {
        weir_buf_append_format(&f.html, "<a href='/%d'>x</a><img src='/i%d'>", i, i);
    }
    const weir_extract_page *page = extract(&f, weir_buf_text(&f.html));
    CHECK_I64(page->links.count, ==, WEIR_EXTRACT_LINKS_MAX);
    CHECK_I64(page->images.count, ==, WEIR_EXTRACT_IMAGES_MAX);
    CHECK(page->links.is_cut && page->images.is_cut);
    CHECK_BYTES(page->links.rows[100].url, WEIR_BYTES("http://site.example/100"));
}

TEST(page_of_ten_thousand_links_comes_to_an_end)
{
    WEIR_AUTO(fixture) f = fixture_start();
    for (int i = 0; i < 10000; i++) {
        weir_buf_append_format(&f.html, "<a href=/%d>l</a><img src=/%d.png>", i, i);
    }
    const weir_extract_page *page = extract(&f, weir_buf_text(&f.html));
    CHECK_I64(page->links.count, ==, WEIR_EXTRACT_LINKS_MAX);
    CHECK(page->links.is_cut);
    CHECK_I64(page->images.count, ==, WEIR_EXTRACT_IMAGES_MAX);
}

TEST(hostile_pages_get_a_reason)
{
    WEIR_AUTO(fixture) f = fixture_start();
    CHECK_STR(extract_repeated(&f, "<div>", 1 << 20)->outcome, "too_deep");
    CHECK_STR(extract_repeated(&f, "<p>50 MB of text", 50 << 20)->outcome, "too_large");
    CHECK_STR(extract_repeated(&f, "\x01\x02\xff\xfe\x80\x07", 1 << 16)->outcome,
              "unsupported_type");
    CHECK_STR(extract_repeated(&f, "<b><i>x</b></i>", 100000)->outcome, "extracted");
    CHECK(extract(&f, "<p>fine")->reason == NULL);
    const weir_extract_input pdf = {.body = WEIR_BYTES("%PDF-1.7"),
                                    .content_type = WEIR_BYTES("application/pdf")};
    CHECK_STR(weir_extract_page_of(f.extractor, &pdf)->outcome, "unsupported_type");
}

static uint64_t late_clock(void)
{
    return 2;
}

TEST(page_whose_budget_is_spent_is_too_slow)
{
    WEIR_AUTO(fixture) f = fixture_start();
    const weir_extract_input input = {.body = WEIR_BYTES("<p>x"), .budget = {late_clock, 1}};
    const weir_extract_page *page = weir_extract_page_of(f.extractor, &input);
    CHECK_STR(page->outcome, "too_slow");
    CHECK(page->text.data == NULL && page->reason != NULL);
}

TEST(plain_text_is_its_own_main_text)
{
    WEIR_AUTO(fixture) f = fixture_start();
    const weir_extract_input input = {.body = WEIR_BYTES("Not <b>HTML</b>\r\n\tat all"),
                                      .content_type = WEIR_BYTES("Text/Plain; charset=utf-8")};
    const weir_extract_page *page = weir_extract_page_of(f.extractor, &input);
    CHECK_BYTES(page->text, WEIR_BYTES("Not <b>HTML</b>\n\tat all"));
    CHECK_STR(page->text_source, "plain_text");
}
