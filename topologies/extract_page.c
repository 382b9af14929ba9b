/* SPDX-License-Identifier: Apache-2.0
 *
 * extract_page.c - the phases of extraction, one after the other, and what stops them early.
 *
 * The budget is looked at between phases: each is linear in the page, whose size is capped, so that
 * no phase overruns it by much. The parse, which is not linear, has it inside.
 */
#include "topologies/extract_page.h"

#include "streams/base/arena.h"
#include "streams/base/status.h"
#include "topologies/charset.h"
#include "topologies/extract_internal.h"
#include "topologies/text_words.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { KEEP_BYTES_MAX = 1 << 20, SNIFF_BYTES = 1024 };

struct weir_extractor {
    weir_html_parser *parser;
    weir_arena *arena;
    weir_buf utf8;
    weir_buf draft; /* The main text before it is in normal form. */
    weir_buf text;
    weir_extract_page page;
};

weir_extractor *weir_extractor_new(void)
{
    weir_extractor *extractor = weir_alloc(sizeof *extractor);
    extractor->parser = weir_html_parser_new();
    extractor->arena = weir_arena_new(WEIR_EXTRACT_ARENA_BYTES_MAX);
    return extractor;
}

void weir_extractor_free(weir_extractor *extractor)
{
    if (extractor == NULL) {
        return;
    }
    weir_html_parser_free(extractor->parser);
    weir_arena_free(extractor->arena);
    weir_buf_cleanup(&extractor->utf8);
    weir_buf_cleanup(&extractor->draft);
    weir_buf_cleanup(&extractor->text);
    free(extractor);
}

/* Empties a buffer, and gives its memory back where a large page has grown it. */
static void recycle(weir_buf *buf)
{
    if (buf->capacity > KEEP_BYTES_MAX) {
        weir_buf_cleanup(buf);
    }
    weir_buf_clear(buf);
}

static void reset(weir_extractor *e)
{
    weir_html_parser_reset(e->parser);
    weir_arena_reset(e->arena);
    recycle(&e->utf8);
    recycle(&e->draft);
    recycle(&e->text);
    e->page = (weir_extract_page){.language = {.code = "und"}};
}

static const weir_extract_page *stop(weir_extractor *e, const char *outcome, const char *reason)
{
    e->page = (weir_extract_page){
        .outcome = outcome,
        .reason = reason,
        .charset = e->page.charset,
        .language = {.code = "und"},
    };
    return &e->page;
}

static const char *reason_of(weir_html_outcome outcome)
{
    switch (outcome) {
    case WEIR_HTML_PARSED:
        return NULL;
    case WEIR_HTML_TOO_LARGE:
        return "the page has more than 5 MiB, or its tree more than 64 MiB";
    case WEIR_HTML_TOO_DEEP:
        return "the page has more than 512 elements inside each other";
    case WEIR_HTML_TOO_MANY_ATTRIBUTES:
        return "a tag of the page has more than 1,024 attributes";
    case WEIR_HTML_TOO_SLOW:
        return "the page took more CPU time than a page may take";
    }
    return NULL;
}

static const weir_extract_page *stop_by(weir_extractor *e, weir_html_outcome outcome)
{
    return stop(e, weir_html_outcome_name(outcome), reason_of(outcome));
}

typedef enum kind {
    KIND_HTML,
    KIND_TEXT,
    KIND_OTHER,
} kind;

static kind kind_of_type(weir_bytes content_type)
{
    static const struct {
        const char *prefix;
        kind kind;
    } known[] = {
        {"text/html", KIND_HTML},
        {"application/xhtml+xml", KIND_HTML},
        {"text/plain", KIND_TEXT},
        {"text/markdown", KIND_TEXT},
    };
    const char *at = content_type.data;
    const char *end = content_type.size == 0 ? at : at + content_type.size;
    while (at < end && *at <= ' ') {
        at++;
    }
    if (at == end) {
        return KIND_HTML; /* The sniffing below looks for binary data. */
    }
    for (size_t i = 0; i < WEIR_COUNT_OF(known); i++) {
        size_t length = strlen(known[i].prefix);
        if ((size_t)(end - at) >= length && strncasecmp(at, known[i].prefix, length) == 0) {
            return known[i].kind;
        }
    }
    return KIND_OTHER;
}

/* Whether the decoded page is no text: more than one in 20 of the first characters is a control
 * that text does not have, or could not be decoded. */
static bool is_binary(weir_bytes utf8)
{
    enum { ODD_PART_MAX = 20 };
    const uint8_t *data = utf8.data;
    size_t size = utf8.size < SNIFF_BYTES ? utf8.size : SNIFF_BYTES;
    size_t odd = 0;
    for (size_t i = 0; i < size; i++) {
        bool is_control = data[i] < '\t' || (data[i] > '\r' && data[i] < ' ' && data[i] != 0x1b);
        bool is_undecoded =
            i + 2 < size && data[i] == 0xef && data[i + 1] == 0xbf && data[i + 2] == 0xbd;
        odd += is_control || is_undecoded;
    }
    return odd * ODD_PART_MAX > size;
}

static const weir_extract_page *finish(weir_extractor *e)
{
    weir_text_normalise(weir_buf_bytes(&e->draft), &e->text);
    e->page.text = weir_buf_bytes(&e->text);
    e->page.word_count = weir_word_count(e->page.text);
    if (e->text.size == 0) {
        e->page.outcome = "empty";
        e->page.reason = "the page has no main text";
        e->page.text = WEIR_BYTES_NULL;
        e->page.text_source = NULL;
        return &e->page;
    }
    e->page.outcome = "extracted";
    weir_content_hash(e->page.text, e->page.content_hash);
    e->page.language = weir_language_of_text(e->page.text);
    return &e->page;
}

static const weir_extract_page *extract_html(weir_extractor *e, const weir_extract_input *input)
{
    weir_bytes html = weir_buf_bytes(&e->utf8);
    weir_html_tree tree = {0};
    weir_html_outcome outcome = weir_html_scan(html);
    if (outcome == WEIR_HTML_PARSED) {
        outcome = weir_html_parse(e->parser, html, input->budget, &tree);
    }
    if (outcome != WEIR_HTML_PARSED) {
        return stop_by(e, outcome);
    }
    weir_metadata_extra extra;
    weir_page_metadata(&tree, e->arena, &e->page, &extra);
    if (weir_cpu_budget_is_spent(input->budget)) {
        return stop_by(e, WEIR_HTML_TOO_SLOW);
    }
    weir_page_links(&tree, e->arena, input->url, &extra, &e->page);
    if (weir_cpu_budget_is_spent(input->budget)) {
        return stop_by(e, WEIR_HTML_TOO_SLOW);
    }
    e->page.text_source = weir_main_text(&tree, extra.article_body, &e->draft);
    if (weir_cpu_budget_is_spent(input->budget)) {
        return stop_by(e, WEIR_HTML_TOO_SLOW);
    }
    return finish(e);
}

const weir_extract_page *weir_extract_page_of(weir_extractor *e, const weir_extract_input *input)
{
    WEIR_ASSERT(e != NULL);
    WEIR_ASSERT(input->body.size == 0 || input->body.data != NULL);

    reset(e);
    kind type = kind_of_type(input->content_type);
    if (type == KIND_OTHER) {
        return stop(e, "unsupported_type", "the Content-Type is neither HTML nor plain text");
    }
    if (input->body.size > WEIR_HTML_BYTES_MAX) {
        return stop_by(e, WEIR_HTML_TOO_LARGE);
    }
    e->page.charset = weir_charset_find(input->body, input->content_type).name;
    if (!weir_charset_decode(e->page.charset, input->body, WEIR_HTML_BYTES_MAX, &e->utf8)) {
        return stop_by(e, WEIR_HTML_TOO_LARGE);
    }
    if (is_binary(weir_buf_bytes(&e->utf8))) {
        return stop(e, "unsupported_type", "the body is binary data");
    }
    weir_robots_directives(input->robots_tag, &e->page);
    if (type == KIND_TEXT) {
        e->page.text_source = "plain_text";
        weir_buf_append(&e->draft, e->utf8.data, e->utf8.size);
        return finish(e);
    }
    return extract_html(e, input);
}
