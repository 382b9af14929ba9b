/* SPDX-License-Identifier: Apache-2.0
 *
 * main_text_marks.c - three passes over the nodes, each linear:
 *
 *   1. down: what is hidden, a link, preformatted, a block; how much text there is in all
 *   2. down: what is boilerplate, by element, role, class and id
 *   3. up:   how much text, and text in links, each subtree keeps
 *
 * A form or a class name is a weak sign: some sites wrap the whole page in a form, or call the body
 * "has-sidebar". So a node that holds the main element, or, in a page without one, half of the
 * text, is never boilerplate.
 */
#include "topologies/main_text.h"

#include "streams/base/status.h"
#include "topologies/text_words.h"
#include "topologies/utf8.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { NAME_BYTES_MAX = 24, CASE_BIT = 0x20 };

/* Element classes as bits, so that a test is one lookup. */
enum {
    IS_BLOCK = 1 << 0,
    IS_HIDDEN = 1 << 1,
    IS_BOILERPLATE = 1 << 2,
    IS_PROSE = 1 << 3,
    IS_NAMEABLE = 1 << 4, /* Its class and id are looked at. */
    IS_CELL_BREAKING = 1 << 5,
};

static const uint8_t classes[WEIR_HTML_TAG_COUNT] = {
    [WEIR_HTML_ADDRESS] = IS_BLOCK,
    [WEIR_HTML_ARTICLE] = IS_BLOCK | IS_CELL_BREAKING,
    [WEIR_HTML_ASIDE] = IS_BLOCK | IS_BOILERPLATE,
    [WEIR_HTML_AUDIO] = IS_HIDDEN,
    [WEIR_HTML_BLOCKQUOTE] = IS_BLOCK | IS_PROSE | IS_CELL_BREAKING,
    [WEIR_HTML_BODY] = IS_BLOCK,
    [WEIR_HTML_BUTTON] = IS_HIDDEN,
    [WEIR_HTML_CANVAS] = IS_HIDDEN,
    [WEIR_HTML_CAPTION] = IS_BLOCK,
    [WEIR_HTML_CENTER] = IS_BLOCK,
    [WEIR_HTML_DD] = IS_BLOCK,
    [WEIR_HTML_DETAILS] = IS_BLOCK,
    [WEIR_HTML_DIV] = IS_BLOCK | IS_NAMEABLE | IS_CELL_BREAKING,
    [WEIR_HTML_DL] = IS_BLOCK | IS_NAMEABLE | IS_CELL_BREAKING,
    [WEIR_HTML_DT] = IS_BLOCK,
    [WEIR_HTML_FIELDSET] = IS_BLOCK,
    [WEIR_HTML_FIGCAPTION] = IS_BLOCK,
    [WEIR_HTML_FIGURE] = IS_BLOCK,
    [WEIR_HTML_FOOTER] = IS_BLOCK | IS_BOILERPLATE,
    [WEIR_HTML_FORM] = IS_BLOCK | IS_BOILERPLATE | IS_CELL_BREAKING,
    [WEIR_HTML_FRAMESET] = IS_HIDDEN,
    [WEIR_HTML_H1] = IS_BLOCK | IS_CELL_BREAKING,
    [WEIR_HTML_H2] = IS_BLOCK | IS_CELL_BREAKING,
    [WEIR_HTML_H3] = IS_BLOCK | IS_CELL_BREAKING,
    [WEIR_HTML_H4] = IS_BLOCK | IS_CELL_BREAKING,
    [WEIR_HTML_H5] = IS_BLOCK | IS_CELL_BREAKING,
    [WEIR_HTML_H6] = IS_BLOCK | IS_CELL_BREAKING,
    [WEIR_HTML_HEAD] = IS_HIDDEN,
    [WEIR_HTML_HEADER] = IS_BLOCK | IS_NAMEABLE,
    [WEIR_HTML_HR] = IS_BLOCK,
    [WEIR_HTML_IFRAME] = IS_HIDDEN,
    [WEIR_HTML_LI] = IS_BLOCK,
    [WEIR_HTML_MAIN] = IS_BLOCK,
    [WEIR_HTML_MATH] = IS_HIDDEN,
    [WEIR_HTML_MENU] = IS_BLOCK | IS_BOILERPLATE,
    [WEIR_HTML_NAV] = IS_BLOCK | IS_BOILERPLATE,
    [WEIR_HTML_NOSCRIPT] = IS_HIDDEN,
    [WEIR_HTML_OBJECT] = IS_HIDDEN,
    [WEIR_HTML_OL] = IS_BLOCK | IS_NAMEABLE | IS_CELL_BREAKING,
    [WEIR_HTML_OPTION] = IS_HIDDEN,
    [WEIR_HTML_P] = IS_BLOCK | IS_PROSE | IS_NAMEABLE,
    [WEIR_HTML_PRE] = IS_BLOCK | IS_PROSE | IS_CELL_BREAKING,
    [WEIR_HTML_SCRIPT] = IS_HIDDEN,
    [WEIR_HTML_SECTION] = IS_BLOCK | IS_NAMEABLE | IS_CELL_BREAKING,
    [WEIR_HTML_SELECT] = IS_HIDDEN,
    [WEIR_HTML_STYLE] = IS_HIDDEN,
    [WEIR_HTML_SUMMARY] = IS_BLOCK,
    [WEIR_HTML_SVG] = IS_HIDDEN,
    [WEIR_HTML_TABLE] = IS_BLOCK | IS_NAMEABLE | IS_CELL_BREAKING,
    [WEIR_HTML_TBODY] = IS_BLOCK,
    [WEIR_HTML_TD] = IS_BLOCK,
    [WEIR_HTML_TEMPLATE] = IS_HIDDEN,
    [WEIR_HTML_TEXTAREA] = IS_HIDDEN,
    [WEIR_HTML_TFOOT] = IS_BLOCK,
    [WEIR_HTML_TH] = IS_BLOCK,
    [WEIR_HTML_THEAD] = IS_BLOCK,
    [WEIR_HTML_TR] = IS_BLOCK,
    [WEIR_HTML_UL] = IS_BLOCK | IS_NAMEABLE | IS_CELL_BREAKING,
    [WEIR_HTML_VIDEO] = IS_HIDDEN,
};

/* Words of class names and ids, in the order of strcmp. */
static const char *const boilerplate_words[] = {
    "ad",
    "ads",
    "advert",
    "advertisement",
    "banner",
    "breadcrumb",
    "breadcrumbs",
    "comments",
    "cookie",
    "cookies",
    "copyright",
    "disqus",
    "footer",
    "headerlink",
    "login",
    "masthead",
    "menu",
    "menubar",
    "modal",
    "nav",
    "navbar",
    "navigation",
    "newsletter",
    "outbrain",
    "pager",
    "pagination",
    "permalink",
    "popup",
    "promo",
    "promoted",
    "recommendations",
    "recommended",
    "related",
    "share",
    "sharing",
    "sidebar",
    "signup",
    "skip",
    "skiplink",
    "social",
    "sphinxsidebar",
    "sponsor",
    "sponsored",
    "subscribe",
    "subscription",
    "taboola",
    "toolbar",
    "topbar",
    "tweet",
};

static const char *const content_words[] = {
    "article", "articlebody", "content", "entry", "post", "postbody", "story", "text",
};

static const char *const boilerplate_roles[] = {
    "banner",  "complementary", "contentinfo", "dialog",  "menu",
    "menubar", "navigation",    "search",      "toolbar",
};

static int compare_words(const void *word, const void *entry)
{
    return strcmp(word, *(const char *const *)entry);
}

static bool is_word(const char *word, const char *const *words, size_t count)
{
    return bsearch(word, words, count, sizeof *words, compare_words) != NULL;
}

/* Cuts the next word of lower-case letters from *at: at anything else, and where camelCase rises.
 */
static bool next_word(const char **at, const char *end, char word[NAME_BYTES_MAX])
{
    size_t length = 0;
    for (; *at < end; (*at)++) {
        char c = **at;
        bool is_upper = c >= 'A' && c <= 'Z';
        bool is_letter = is_upper || (c >= 'a' && c <= 'z');
        bool rises = is_upper && length > 0 && (*at)[-1] >= 'a';
        if (length > 0 && (!is_letter || rises)) {
            break;
        }
        if (is_letter) {
            word[length < NAME_BYTES_MAX - 1 ? length : NAME_BYTES_MAX - 1] = (char)(c | CASE_BIT);
            length++;
        }
    }
    word[length < NAME_BYTES_MAX - 1 ? length : NAME_BYTES_MAX - 1] = '\0';
    return length > 0;
}

static bool has_word(weir_bytes names, const char *const *words, size_t count)
{
    if (names.size == 0) {
        return false;
    }
    const char *at = names.data;
    const char *end = at + names.size;
    char word[NAME_BYTES_MAX];
    while (next_word(&at, end, word)) {
        if (is_word(word, words, count)) {
            return true;
        }
    }
    return false;
}

bool weir_text_is_content_name(const weir_html_node *node)
{
    return has_word(weir_html_attribute(node, "class"), content_words,
                    WEIR_COUNT_OF(content_words)) ||
           has_word(weir_html_attribute(node, "id"), content_words, WEIR_COUNT_OF(content_words));
}

static bool is_hidden(const weir_html_node *node)
{
    if (weir_html_attribute(node, "hidden").data != NULL) {
        return true;
    }
    weir_bytes aria = weir_html_attribute(node, "aria-hidden");
    weir_bytes style = weir_html_attribute(node, "style");
    return (aria.size == 4 && memcmp(aria.data, "true", 4) == 0) ||
           (style.size > 0 && (strcasestr(style.data, "display:none") != NULL ||
                               strcasestr(style.data, "display: none") != NULL));
}

/* Characters of text that are not white space. */
static uint32_t visible_chars(weir_bytes text, uint32_t *commas)
{
    const uint8_t *data = text.data;
    uint32_t chars = 0;
    uint32_t found = 0;
    for (size_t i = 0; i < text.size; i++) {
        chars += data[i] > ' ' && (data[i] & 0xc0) != 0x80;
        found += data[i] == ',';
    }
    *commas = found;
    return chars;
}

/* A table without paragraphs, lists or tables in its cells is written a row a line. */
static bool has_short_cells(const weir_html_tree *tree, uint32_t table)
{
    for (uint32_t i = table + 1; i < tree->nodes[table].end; i++) {
        if ((classes[tree->nodes[i].tag] & IS_CELL_BREAKING) != 0) {
            return false;
        }
    }
    return true;
}

static uint16_t flags_of(const weir_html_tree *tree, uint32_t index, uint16_t inherited)
{
    const weir_html_node *node = &tree->nodes[index];
    uint8_t class = classes[node->tag];
    uint16_t flags = inherited;
    bool in_row = (inherited & WEIR_MARK_ROW) != 0;
    bool is_cell_part = in_row && node->tag != WEIR_HTML_TR && node->tag != WEIR_HTML_CAPTION;
    if ((class & IS_BLOCK) != 0 && !is_cell_part) {
        flags |= WEIR_MARK_BLOCK;
    }
    /* Source code consists of small elements, none of which is ever hidden. */
    bool can_hide = node->tag != WEIR_HTML_BODY && (inherited & WEIR_MARK_PRE) == 0;
    if ((class & IS_HIDDEN) != 0 || (can_hide && is_hidden(node))) {
        flags |= WEIR_MARK_HIDDEN;
    }
    flags |= (class & IS_PROSE) != 0 ? WEIR_MARK_PROSE : 0;
    flags |= node->tag == WEIR_HTML_PRE ? WEIR_MARK_PRE : 0;
    if (node->tag == WEIR_HTML_A && weir_html_attribute(node, "href").data != NULL) {
        flags |= WEIR_MARK_LINK;
    }
    if (node->tag == WEIR_HTML_TABLE && !in_row && has_short_cells(tree, index)) {
        flags |= WEIR_MARK_ROW;
    }
    return flags;
}

static void mark_down(const weir_html_tree *tree, weir_text_mark *rows)
{
    rows[0] = (weir_text_mark){.flags = WEIR_MARK_BLOCK};
    for (uint32_t i = 1; i < tree->count; i++) {
        const weir_text_mark *parent = &rows[tree->nodes[i].parent];
        uint16_t inherited = parent->flags & (uint16_t)~WEIR_MARK_BLOCK;
        if (tree->nodes[i].tag == WEIR_HTML_TEXT) {
            rows[i] = (weir_text_mark){.flags = inherited, .block = parent->block};
            rows[i].chars = visible_chars(tree->nodes[i].text, &rows[i].commas);
        } else {
            uint16_t flags = flags_of(tree, i, inherited);
            rows[i] = (weir_text_mark){.flags = flags, .block = parent->block};
            rows[i].block = (flags & WEIR_MARK_BLOCK) != 0 ? i : parent->block;
        }
    }
}

/* Sums the text of each subtree that has none of the flags in without. */
static void sum_up(const weir_html_tree *tree, weir_text_mark *rows, uint16_t without)
{
    for (uint32_t i = tree->count - 1; i > 0; i--) {
        weir_text_mark *row = &rows[i];
        if ((row->flags & without) != 0) {
            continue;
        }
        bool is_text = tree->nodes[i].tag == WEIR_HTML_TEXT;
        row->link_chars =
            is_text && (row->flags & WEIR_MARK_LINK) != 0 ? row->chars : row->link_chars;
        weir_text_mark *parent = &rows[tree->nodes[i].parent];
        parent->chars += row->chars;
        parent->link_chars += row->link_chars;
        parent->commas += row->commas;
    }
}

static void clear_sums(const weir_html_tree *tree, weir_text_mark *rows)
{
    for (uint32_t i = 0; i < tree->count; i++) {
        if (tree->nodes[i].tag != WEIR_HTML_TEXT) {
            rows[i].chars = 0;
            rows[i].commas = 0;
        }
        rows[i].link_chars = 0;
    }
}

/* The sign beside a heading that links to it: one character (#, §, ¶) that is no letter or digit,
 * or whatever its class calls so. A node is followed by its text. */
static bool is_anchor_mark(const weir_html_node *link, uint32_t chars)
{
    weir_bytes names = weir_html_attribute(link, "class");
    if (names.size > 0 &&
        (strstr(names.data, "headerlink") != NULL || strstr(names.data, "permalink") != NULL)) {
        return true;
    }
    weir_bytes href = weir_html_attribute(link, "href");
    if (chars != 1 || href.size == 0 || *(const char *)href.data != '#' ||
        link[1].tag != WEIR_HTML_TEXT || link[1].text.size == 0) {
        return false;
    }
    uint32_t sign = 0;
    (void)weir_utf8_decode(link[1].text, &sign);
    return weir_char_kind_of(sign) == WEIR_CHAR_PUNCTUATION;
}

/* Names say something where they name a part of the page, not a word in its source code. */
static bool is_boilerplate_by_name(const weir_html_node *node, uint16_t flags, uint32_t chars)
{
    uint8_t class = classes[node->tag];
    if ((flags & WEIR_MARK_PRE) != 0) {
        return false;
    }
    weir_bytes role = weir_html_attribute(node, "role");
    if (role.size > 0 && is_word(role.data, boilerplate_roles, WEIR_COUNT_OF(boilerplate_roles))) {
        return true;
    }
    if (node->tag == WEIR_HTML_A) {
        return is_anchor_mark(node, chars);
    }
    if ((class & IS_NAMEABLE) == 0) {
        return false;
    }
    weir_bytes names = weir_html_attribute(node, "class");
    if (has_word(names, boilerplate_words, WEIR_COUNT_OF(boilerplate_words))) {
        return true;
    }
    /* The id of a section is made of its heading, which may well be "Navigation". */
    bool is_section =
        node->tag == WEIR_HTML_SECTION || (names.size > 0 && strstr(names.data, "section") != NULL);
    return !is_section && has_word(weir_html_attribute(node, "id"), boilerplate_words,
                                   WEIR_COUNT_OF(boilerplate_words));
}

static bool is_main(const weir_html_node *node)
{
    weir_bytes role = weir_html_attribute(node, "role");
    return node->tag == WEIR_HTML_MAIN || (role.size == 4 && memcmp(role.data, "main", 4) == 0);
}

static void mark_boilerplate(const weir_html_tree *tree, weir_text_mark *rows)
{
    uint32_t main_node = 0;
    for (uint32_t i = 1; i < tree->count && main_node == 0; i++) {
        main_node = tree->nodes[i].element != NULL && is_main(&tree->nodes[i]) ? i : 0;
    }
    uint32_t all_chars = rows[0].chars;
    for (uint32_t i = 1; i < tree->count; i++) {
        const weir_html_node *node = &tree->nodes[i];
        uint16_t flags = rows[i].flags;
        flags |= rows[node->parent].flags & WEIR_MARK_BOILERPLATE;
        bool is_large = main_node == 0 && rows[i].chars > all_chars / 2;
        bool holds_main = i <= main_node && main_node < node->end;
        bool can_be = node->element != NULL && (flags & WEIR_MARK_HIDDEN) == 0 && !holds_main;
        if (can_be && (!is_large || node->tag == WEIR_HTML_NAV) &&
            ((classes[node->tag] & IS_BOILERPLATE) != 0 ||
             is_boilerplate_by_name(node, flags, rows[i].chars))) {
            flags |= WEIR_MARK_BOILERPLATE;
        }
        rows[i].flags = flags;
    }
}

weir_text_marks weir_text_marks_of(const weir_html_tree *tree)
{
    WEIR_ASSERT(tree->count > 0);

    weir_text_mark *rows = weir_alloc_array(tree->count, sizeof *rows);
    mark_down(tree, rows);
    sum_up(tree, rows, WEIR_MARK_HIDDEN);
    mark_boilerplate(tree, rows);
    clear_sums(tree, rows);
    sum_up(tree, rows, WEIR_MARK_HIDDEN | WEIR_MARK_BOILERPLATE);
    return (weir_text_marks){rows};
}

void weir_text_marks_cleanup(weir_text_marks *marks)
{
    free(marks->rows);
    marks->rows = NULL;
}
