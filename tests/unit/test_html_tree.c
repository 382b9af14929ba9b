/* SPDX-License-Identifier: Apache-2.0
 *
 * The tree is right, and no page takes more than a bounded time and memory
 * (topologies/html_tree.h). Time is counted by a clock that the test turns, not measured.
 */
#include "tests/harness/check.h"
#include "topologies/html_tree.h"

#include <stdio.h>
#include <string.h>

static const weir_cpu_budget no_limit = {0};

static uint64_t clock_reads;

static uint64_t counting_clock(void)
{
    return ++clock_reads;
}

static weir_bytes text_of(const char *text)
{
    return weir_bytes_of_text(text);
}

static weir_html_outcome scan_repeated(const char *text, size_t count)
{
    WEIR_AUTO(weir_buf) html = {0};
    for (size_t i = 0; i < count; i++) {
        weir_buf_append_text(&html, text);
    }
    return weir_html_scan(weir_buf_bytes(&html));
}

/* The tree as text: "html(head body(p(=Hi)))". */
static const char *shape(weir_bytes html, weir_buf *out)
{
    static const char *const names[] = {"=", "other",
#define NAME(tag) #tag,
                                        WEIR_HTML_TAGS(NAME)
#undef NAME
    };
    WEIR_AUTO_PTR(weir_html_parser) parser = weir_html_parser_new();
    weir_html_tree tree;
    CHECK_I64(weir_html_parse(parser, html, no_limit, &tree), ==, WEIR_HTML_PARSED);
    weir_buf_clear(out);
    uint32_t depth = 0;
    for (uint32_t i = 0; i < tree.count; i++) {
        const weir_html_node *node = &tree.nodes[i];
        for (; depth > node->depth; depth--) {
            weir_buf_append_byte(out, ')');
        }
        if (i > 0) {
            weir_buf_append_byte(out, node->depth > depth ? '(' : ' ');
        }
        depth = node->depth;
        weir_buf_append_text(out, names[node->tag]);
        weir_buf_append(out, node->text.data == NULL ? "" : node->text.data, node->text.size);
        CHECK(node->end > i && node->end <= tree.nodes[node->parent].end);
    }
    return weir_buf_text(out);
}

TEST(tree_is_in_document_order_with_implied_elements)
{
    WEIR_AUTO(weir_buf) out = {0};
    CHECK_STR(shape(text_of("<title>T</title><p>a<p>b &amp; c<!-- no --><br>"), &out),
              "HTML(HEAD(TITLE(=T)) BODY(P(=a) P(=b & c BR");
    CHECK_STR(shape(text_of("<x-y>1</x-y>2"), &out), "HTML(HEAD BODY(other(=1) =2");
    CHECK_STR(shape(text_of(""), &out), "HTML(HEAD BODY");
}

TEST(attributes_are_found_by_name_with_references_resolved)
{
    WEIR_AUTO_PTR(weir_html_parser) parser = weir_html_parser_new();
    weir_html_tree tree;
    weir_bytes html = WEIR_BYTES("<a HREF='x?a=1&amp;b=2' hidden>t</a>");
    CHECK_I64(weir_html_parse(parser, html, no_limit, &tree), ==, WEIR_HTML_PARSED);
    const weir_html_node *link = &tree.nodes[3];
    CHECK_I64(link->tag, ==, WEIR_HTML_A);
    CHECK_BYTES(weir_html_attribute(link, "href"), WEIR_BYTES("x?a=1&b=2"));
    CHECK_BYTES(weir_html_attribute(link, "hidden"), WEIR_BYTES(""));
    CHECK(weir_html_attribute(link, "title").data == NULL);
    CHECK(weir_html_attribute(&tree.nodes[4], "href").data == NULL);
}

TEST(binary_and_nul_bytes_are_a_page)
{
    char noise[4096];
    for (size_t i = 0; i < sizeof noise; i++) {
        noise[i] = (char)(i * i % 251);
    }
    WEIR_AUTO_PTR(weir_html_parser) parser = weir_html_parser_new();
    weir_html_tree tree;
    CHECK_I64(weir_html_parse(parser, weir_bytes_of(noise, sizeof noise), no_limit, &tree), ==,
              WEIR_HTML_PARSED);
    CHECK_I64(tree.count, >=, 3);
}

TEST(scan_refuses_what_is_too_deep)
{
    CHECK_I64(scan_repeated("<div>", WEIR_HTML_DEPTH_MAX), ==, WEIR_HTML_PARSED);
    CHECK_I64(scan_repeated("<div>", WEIR_HTML_DEPTH_MAX + 1), ==, WEIR_HTML_TOO_DEEP);
    CHECK_I64(scan_repeated("<div>", (1 << 20) / 5), ==, WEIR_HTML_TOO_DEEP);
    CHECK_I64(scan_repeated("<div></span>", 1000), ==, WEIR_HTML_TOO_DEEP);
    CHECK_I64(scan_repeated("<div a='>'></ div>", 1000), ==, WEIR_HTML_TOO_DEEP);
    CHECK_I64(scan_repeated("<x-a>", 1000), ==, WEIR_HTML_TOO_DEEP);
}

TEST(scan_does_not_count_what_is_closed_or_no_tag)
{
    CHECK_I64(scan_repeated("<div></div>", 100000), ==, WEIR_HTML_PARSED);
    CHECK_I64(scan_repeated("<div><b><i></div>", 10000), ==, WEIR_HTML_PARSED);
    CHECK_I64(scan_repeated("<p>a<li>b<br><img><td>", 10000), ==, WEIR_HTML_PARSED);
    CHECK_I64(scan_repeated("<a name=x>text", 10000), ==, WEIR_HTML_PARSED);
    CHECK_I64(scan_repeated("<!-- <div> -->", 10000), ==, WEIR_HTML_PARSED);
    CHECK_I64(scan_repeated("<script>'<div>'</script>", 10000), ==, WEIR_HTML_PARSED);
    CHECK_I64(scan_repeated("<textarea><div></TEXTAREA >", 10000), ==, WEIR_HTML_PARSED);
    CHECK_I64(scan_repeated("<a title='<div>'></a>", 10000), ==, WEIR_HTML_PARSED);
    CHECK_I64(scan_repeated("<!doctype div>< div></ div>", 10000), ==, WEIR_HTML_PARSED);
    CHECK_I64(scan_repeated("<svg><path d=''/><g/></svg>", 10000), ==, WEIR_HTML_PARSED);
    CHECK_I64(weir_html_scan(WEIR_BYTES("<!-->")), ==, WEIR_HTML_PARSED);
    CHECK_I64(weir_html_scan(WEIR_BYTES("<div a=")), ==, WEIR_HTML_PARSED);
}

TEST(scan_goes_on_after_every_kind_of_comment)
{
    const char *const comments[] = {"<!-->", "<!--->", "<!-- -->", "<!-- --!>",
                                    "<!x>",  "<?x>",   "</ x>",    "<![CDATA[x]]>"};
    for (size_t i = 0; i < WEIR_COUNT_OF(comments); i++) {
        WEIR_AUTO(weir_buf) html = {0};
        weir_buf_append_text(&html, comments[i]);
        for (int k = 0; k <= WEIR_HTML_DEPTH_MAX; k++) {
            weir_buf_append_text(&html, "<div>");
        }
        CHECK_I64(weir_html_scan(weir_buf_bytes(&html)), ==, WEIR_HTML_TOO_DEEP);
    }
}

TEST(scan_refuses_a_tag_of_too_many_attributes_and_a_page_of_too_many_bytes)
{
    WEIR_AUTO(weir_buf) html = {0};
    weir_buf_append_text(&html, "<div ");
    for (int i = 0; i < WEIR_HTML_ATTRIBUTES_MAX; i++) {
        weir_buf_append_format(&html, "a%d = '>' ", i);
    }
    CHECK_I64(weir_html_scan(weir_buf_bytes(&html)), ==, WEIR_HTML_PARSED);
    weir_buf_append_text(&html, "b>");
    CHECK_I64(weir_html_scan(weir_buf_bytes(&html)), ==, WEIR_HTML_TOO_MANY_ATTRIBUTES);
    CHECK_I64(scan_repeated("x", WEIR_HTML_BYTES_MAX + 1), ==, WEIR_HTML_TOO_LARGE);
}

TEST(parse_that_outlasts_its_budget_is_given_up_and_the_parser_lives_on)
{
    WEIR_AUTO(weir_buf) html = {0};
    for (int i = 0; i < 100000; i++) {
        weir_buf_append_text(&html, "<div>");
    }
    WEIR_AUTO_PTR(weir_html_parser) parser = weir_html_parser_new();
    weir_html_tree tree;
    clock_reads = 0;
    weir_cpu_budget budget = {counting_clock, 10};
    CHECK_I64(weir_html_parse(parser, weir_buf_bytes(&html), budget, &tree), ==,
              WEIR_HTML_TOO_SLOW);
    CHECK_I64(clock_reads, ==, 11);
    CHECK_I64(weir_html_parse(parser, WEIR_BYTES("<p>x"), no_limit, &tree), ==, WEIR_HTML_PARSED);
    CHECK_I64(tree.count, ==, 5);
}

TEST(tree_that_outgrows_its_memory_is_given_up)
{
    WEIR_AUTO(weir_buf) html = {0};
    while (html.size < WEIR_HTML_BYTES_MAX - 4) {
        weir_buf_append_text(&html, "<br>");
    }
    WEIR_AUTO_PTR(weir_html_parser) parser = weir_html_parser_new();
    weir_html_tree tree;
    CHECK_I64(weir_html_parse(parser, weir_buf_bytes(&html), no_limit, &tree), ==,
              WEIR_HTML_TOO_LARGE);
}

TEST(tree_deeper_than_the_scan_saw_is_refused)
{
    WEIR_AUTO(weir_buf) html = {0};
    for (int i = 0; i < 3000; i++) {
        weir_buf_append_text(&html, "<span><div></span>"); /* The end tag is ignored. */
    }
    CHECK_I64(weir_html_scan(weir_buf_bytes(&html)), ==, WEIR_HTML_PARSED);
    WEIR_AUTO_PTR(weir_html_parser) parser = weir_html_parser_new();
    weir_html_tree tree;
    CHECK_I64(weir_html_parse(parser, weir_buf_bytes(&html), no_limit, &tree), ==,
              WEIR_HTML_TOO_DEEP);
    CHECK_STR(weir_html_outcome_name(WEIR_HTML_TOO_DEEP), "too_deep");
}
