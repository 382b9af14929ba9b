/* SPDX-License-Identifier: Apache-2.0
 *
 * main_text.c - chooses the part of a page that is its text, and writes it a block a line.
 *
 * The choice, in this order, until WEIR_EXTRACT_TEXT_CHARS_MIN characters are found:
 *   1. candidates: itemprop=articleBody, article, main, then class names such as "entry-content";
 *      several of a kind (the posts of a list) count together
 *   2. readability: each paragraph gives points for its length and commas to its parent and, half,
 *      to its grandparent; the best element by points and few links, and its siblings of a fifth
 *   3. the articleBody of JSON-LD
 *   4. the whole body but for its boilerplate, and where that is next to nothing, all paragraphs
 * and else the first of these of which no later one found twice as much.
 *
 * What is written: paragraphs, quotations, headings, list items ("- "), table rows (cells apart by
 * " | ") and preformatted text as it stands. Blocks that are mostly links are left out, lists and
 * tables as a whole; so are headings after which nothing comes.
 */
#include "topologies/main_text.h"
#include "topologies/extract_internal.h"

#include "streams/base/status.h"

#include <stdlib.h>
#include <string.h>

enum {
    BLOCK_LINK_PERCENT_MAX = 50, /* Of a paragraph. */
    LIST_LINK_PERCENT_MAX = 60,  /* Of a list or a table as a whole. */
    LEVELS = 6,                  /* h1 to h6. */
    PARAGRAPH_CHARS_MIN = 25,    /* A shorter one gives no points. */
    ROOTS_MAX = 256,
};

typedef enum rank {
    RANK_ARTICLE_BODY = 0,
    RANK_ARTICLE,
    RANK_MAIN,
    RANK_CONTENT_NAME,
    RANK_COUNT,
} rank;

static const char *const rank_names[RANK_COUNT] = {"article_body", "article", "main",
                                                   "content_name"};

/* Where text is taken from: nodes that do not contain each other, in document order. */
typedef struct roots {
    uint32_t nodes[ROOTS_MAX];
    size_t count;
    uint64_t chars; /* Outside links, together. */
} roots;

typedef struct writer {
    const weir_html_tree *tree;
    weir_text_mark *marks;
    uint16_t skipped_flags; /* Nodes with any of these are left out. */
    bool prose_only;        /* Take nothing but paragraphs, quotations and preformatted text. */
    weir_buf *out;
    weir_buf line;             /* The block in hand. */
    weir_buf headings[LEVELS]; /* Those whose content is still to come. */
    uint32_t block;            /* That the line belongs to. */
    uint32_t line_chars;
    uint32_t line_link_chars;
    bool needs_space;
    uint32_t item_end; /* The next text before this node starts a list item. */
} writer;

static void writer_cleanup(writer *w)
{
    weir_buf_cleanup(&w->line);
    for (size_t i = 0; i < LEVELS; i++) {
        weir_buf_cleanup(&w->headings[i]);
    }
}

static bool is_mostly_links(uint32_t chars, uint32_t link_chars, uint32_t percent_max)
{
    return (uint64_t)link_chars * 100 > (uint64_t)chars * percent_max;
}

static size_t heading_level(weir_html_tag tag)
{
    return tag >= WEIR_HTML_H1 && tag <= WEIR_HTML_H6 ? (size_t)(tag - WEIR_HTML_H1) + 1 : 0;
}

static void append_line(weir_buf *out, weir_bytes line)
{
    if (out->size > 0) {
        weir_buf_append_byte(out, '\n');
    }
    weir_buf_append(out, line.data, line.size);
}

/* Keeps the line as a heading: it ends whatever headings of its level or below were waiting. */
static void hold_heading(writer *w, size_t level)
{
    WEIR_ASSERT(level >= 1 && level <= LEVELS);
    for (size_t i = level - 1; i < LEVELS; i++) {
        weir_buf_clear(&w->headings[i]);
    }
    weir_buf_set(&w->headings[level - 1], weir_buf_bytes(&w->line));
}

static void write_line(writer *w)
{
    for (size_t i = 0; i < LEVELS; i++) {
        if (w->headings[i].size > 0) {
            append_line(w->out, weir_buf_bytes(&w->headings[i]));
            weir_buf_clear(&w->headings[i]);
        }
    }
    append_line(w->out, weir_buf_bytes(&w->line));
}

/* The block in hand is complete. */
static void flush(writer *w)
{
    while (w->line.size > 0 && w->line.data[w->line.size - 1] <= ' ') {
        w->line.size--;
    }
    const weir_html_node *block = &w->tree->nodes[w->block];
    uint16_t flags = w->marks[w->block].flags;
    size_t level = heading_level(block->tag);
    bool is_exempt = (flags & (WEIR_MARK_PRE | WEIR_MARK_LISTED)) != 0;
    if (w->line_chars == 0) {
        /* Nothing but white space. */
    } else if (level > 0) {
        hold_heading(w, level);
    } else if (is_exempt ||
               !is_mostly_links(w->line_chars, w->line_link_chars, BLOCK_LINK_PERCENT_MAX)) {
        write_line(w);
    }
    weir_buf_clear(&w->line);
    w->line_chars = 0;
    w->line_link_chars = 0;
    w->needs_space = false;
}

/* Appends text with runs of white space as one space. */
static void append_collapsed(writer *w, weir_bytes text)
{
    const uint8_t *at = text.data;
    const uint8_t *end = at + text.size;
    while (at < end) {
        const uint8_t *start = at;
        while (at<end && * at> ' ' && !(*at == 0xc2 && end - at > 1 && at[1] == 0xa0)) {
            at++;
        }
        if (at > start) {
            if (w->needs_space && w->line.size > 0) {
                weir_buf_append_byte(&w->line, ' ');
            }
            w->needs_space = false;
            weir_buf_append(&w->line, start, (size_t)(at - start));
        } else {
            w->needs_space = true;
            at += *at == 0xc2 ? 2 : 1;
        }
    }
}

static void take_text(writer *w, uint32_t index)
{
    const weir_text_mark *mark = &w->marks[index];
    if (w->prose_only && (mark->flags & WEIR_MARK_PROSE) == 0) {
        return;
    }
    if (mark->block != w->block) {
        flush(w);
        w->block = mark->block;
    }
    if (w->line_chars == 0 && mark->chars > 0 && index < w->item_end) {
        weir_buf_clear(&w->line);
        weir_buf_append_text(&w->line, "- ");
        w->needs_space = false;
        w->item_end = 0;
    }
    if ((mark->flags & WEIR_MARK_PRE) != 0) {
        weir_bytes text = w->tree->nodes[index].text;
        weir_buf_append(&w->line, text.data, text.size);
    } else {
        append_collapsed(w, w->tree->nodes[index].text);
    }
    w->line_chars += mark->chars;
    w->line_link_chars += (mark->flags & WEIR_MARK_LINK) != 0 ? mark->chars : 0;
}

static void take_break(writer *w)
{
    if (w->line_chars > 0) {
        weir_buf_append_byte(&w->line, '\n');
    }
    w->needs_space = false;
}

/* False where the list or table at index is mostly links; else its blocks are exempt from that. */
static bool enter_list(writer *w, uint32_t index)
{
    weir_text_mark *mark = &w->marks[index];
    if (is_mostly_links(mark->chars, mark->link_chars, LIST_LINK_PERCENT_MAX)) {
        return false;
    }
    mark->flags |= WEIR_MARK_LISTED;
    return true;
}

/* Handles an element on the way down; false where its subtree is left out. */
static bool enter(writer *w, uint32_t index)
{
    weir_html_tag tag = w->tree->nodes[index].tag;
    uint16_t flags = w->marks[index].flags;
    if ((flags & WEIR_MARK_BLOCK) != 0) {
        flush(w);
        w->block = index;
    }
    bool is_cell = tag == WEIR_HTML_TD || tag == WEIR_HTML_TH;
    bool is_list =
        tag == WEIR_HTML_UL || tag == WEIR_HTML_OL || tag == WEIR_HTML_DL || tag == WEIR_HTML_TABLE;
    if (is_list) {
        return enter_list(w, index);
    }
    if (tag == WEIR_HTML_LI) {
        w->item_end = w->tree->nodes[index].end;
    } else if (tag == WEIR_HTML_PRE) {
        w->item_end = 0;
    } else if (tag == WEIR_HTML_BR) {
        take_break(w);
    } else if (is_cell && (flags & WEIR_MARK_ROW) != 0 && w->line_chars > 0) {
        weir_buf_append_text(&w->line, " |");
        w->needs_space = true;
    }
    return true;
}

static void write_subtree(writer *w, uint32_t root)
{
    uint32_t i = root;
    while (i < w->tree->nodes[root].end) {
        weir_text_mark *mark = &w->marks[i];
        if ((mark->flags & w->skipped_flags) != 0) {
            i = w->tree->nodes[i].end;
            continue;
        }
        if (i > root) { /* Known only now, on the way down. */
            mark->flags |= w->marks[w->tree->nodes[i].parent].flags & WEIR_MARK_LISTED;
        }
        if (w->tree->nodes[i].tag == WEIR_HTML_TEXT) {
            take_text(w, i);
        } else if (!enter(w, i)) {
            i = w->tree->nodes[i].end;
            continue;
        }
        i++;
    }
    flush(w);
}

static void write_roots(const weir_html_tree *tree, weir_text_marks marks, const roots *from,
                        weir_buf *out)
{
    WEIR_AUTO(writer) w = {.tree = tree, .marks = marks.rows, .out = out};
    w.skipped_flags = WEIR_MARK_HIDDEN | WEIR_MARK_BOILERPLATE;
    for (size_t i = 0; i < from->count; i++) {
        w.block = from->nodes[i];
        write_subtree(&w, from->nodes[i]);
    }
}

/* Candidates. */

static bool has_value(const weir_html_node *node, const char *attribute, const char *value)
{
    weir_bytes found = weir_html_attribute(node, attribute);
    return found.size > 0 && weir_value_has_word(found, value);
}

/* The ranks that node has, as bits. */
static unsigned ranks_of(const weir_html_node *node)
{
    unsigned ranks = 0;
    ranks |= has_value(node, "itemprop", "articlebody") ? 1U << RANK_ARTICLE_BODY : 0;
    ranks |= node->tag == WEIR_HTML_ARTICLE ? 1U << RANK_ARTICLE : 0;
    ranks |= node->tag == WEIR_HTML_MAIN || has_value(node, "role", "main") ? 1U << RANK_MAIN : 0;
    bool can_be_named =
        node->tag == WEIR_HTML_DIV || node->tag == WEIR_HTML_SECTION || node->tag == WEIR_HTML_TD;
    ranks |= can_be_named && weir_text_is_content_name(node) ? 1U << RANK_CONTENT_NAME : 0;
    return ranks;
}

static void add_root(const weir_html_tree *tree, const weir_text_mark *mark, uint32_t node,
                     roots *to)
{
    bool is_inside = to->count > 0 && node < tree->nodes[to->nodes[to->count - 1]].end;
    if (is_inside || to->count == ROOTS_MAX || mark->chars == 0) {
        return;
    }
    WEIR_ASSERT(mark->link_chars <= mark->chars);
    to->nodes[to->count++] = node;
    to->chars += mark->chars - mark->link_chars;
}

/* Drops the roots that hold less than a quarter of what the largest holds: teasers, comments. */
static void drop_small(const weir_text_mark *marks, roots *of)
{
    uint32_t largest = 0;
    for (size_t i = 0; i < of->count; i++) {
        uint32_t chars = marks[of->nodes[i]].chars - marks[of->nodes[i]].link_chars;
        largest = chars > largest ? chars : largest;
    }
    size_t kept = 0;
    for (size_t i = 0; i < of->count; i++) {
        uint32_t chars = marks[of->nodes[i]].chars - marks[of->nodes[i]].link_chars;
        if (chars >= largest / 4) {
            of->nodes[kept++] = of->nodes[i];
        }
    }
    of->count = kept;
}

/* The first rank with enough text; less than two fifths of what main has is not enough. */
static rank choose_candidates(const weir_html_tree *tree, const weir_text_mark *marks,
                              roots candidates[RANK_COUNT])
{
    for (uint32_t i = 1; i < tree->count; i++) {
        uint16_t flags = marks[i].flags;
        bool is_out = (flags & (WEIR_MARK_HIDDEN | WEIR_MARK_BOILERPLATE)) != 0 ||
                      (flags & WEIR_MARK_BLOCK) == 0 || tree->nodes[i].element == NULL;
        unsigned ranks = is_out ? 0 : ranks_of(&tree->nodes[i]);
        for (unsigned r = 0; ranks != 0 && r < RANK_COUNT; r++) {
            if ((ranks & 1U << r) != 0) {
                add_root(tree, &marks[i], i, &candidates[r]);
            }
        }
    }
    uint64_t enough = candidates[RANK_MAIN].chars * 2 / 5;
    for (unsigned r = 0; r < RANK_COUNT; r++) {
        if (candidates[r].chars >= WEIR_EXTRACT_TEXT_CHARS_MIN && candidates[r].chars >= enough) {
            drop_small(marks, &candidates[r]);
            return (rank)r;
        }
    }
    return RANK_COUNT;
}

/* Readability. */

static double points_of(const weir_text_mark *mark)
{
    double by_length = (double)mark->chars / 100;
    return 1 + (double)mark->commas + (by_length < 3 ? by_length : 3);
}

static double weight_of(weir_html_tag tag)
{
    enum { WEIGHT_OF_SECTION = 5, WEIGHT_OF_BLOCK = 3 };
    if (tag == WEIR_HTML_DIV || tag == WEIR_HTML_SECTION) {
        return WEIGHT_OF_SECTION;
    }
    bool is_block = tag == WEIR_HTML_TD || tag == WEIR_HTML_PRE || tag == WEIR_HTML_BLOCKQUOTE;
    return is_block ? WEIGHT_OF_BLOCK : 0;
}

/* Points of a node after the discount for its links; 0 where it has none. */
static double score_of(const weir_html_node *node, const weir_text_mark *mark, double points)
{
    if (points <= 0 || mark->chars == 0) {
        return 0;
    }
    double links = (double)mark->link_chars / (double)mark->chars;
    return (points + weight_of(node->tag)) * (1 - links);
}

static void give_points(const weir_html_tree *tree, const weir_text_mark *marks, double *points)
{
    for (uint32_t i = 1; i < tree->count; i++) {
        weir_html_tag tag = tree->nodes[i].tag;
        bool is_paragraph = tag == WEIR_HTML_P || tag == WEIR_HTML_PRE || tag == WEIR_HTML_TD ||
                            tag == WEIR_HTML_BLOCKQUOTE;
        bool is_out = (marks[i].flags & (WEIR_MARK_HIDDEN | WEIR_MARK_BOILERPLATE)) != 0;
        if (is_paragraph && !is_out && marks[i].chars >= PARAGRAPH_CHARS_MIN) {
            uint32_t parent = tree->nodes[i].parent;
            points[parent] += points_of(&marks[i]);
            points[tree->nodes[parent].parent] += points_of(&marks[i]) / 2;
        }
    }
}

static void choose_by_readability(const weir_html_tree *tree, const weir_text_mark *marks,
                                  roots *out)
{
    enum { SIBLING_SCORE_MIN = 10 };
    WEIR_AUTO_FREE double *points = weir_alloc_array(tree->count, sizeof *points);
    give_points(tree, marks, points);
    uint32_t best = 0;
    double best_score = 0;
    for (uint32_t i = 1; i < tree->count; i++) {
        double score = score_of(&tree->nodes[i], &marks[i], points[i]);
        if (score > best_score) {
            best = i;
            best_score = score;
        }
    }
    if (best == 0) {
        return;
    }
    double enough = best_score / 5 > SIBLING_SCORE_MIN ? best_score / 5 : SIBLING_SCORE_MIN;
    uint32_t parent = tree->nodes[best].parent;
    for (uint32_t i = parent + 1; i < tree->nodes[parent].end; i = tree->nodes[i].end) {
        if (i == best || score_of(&tree->nodes[i], &marks[i], points[i]) >= enough) {
            add_root(tree, &marks[i], i, out);
        }
    }
}

/* The ladder. */

/* The longest attempt so far. */
typedef struct attempt {
    weir_buf *best;
    weir_buf text;
    const char *source;
} attempt;

static void attempt_cleanup(attempt *a)
{
    weir_buf_cleanup(&a->text);
}

/* Keeps a->text if it is twice as long as the best so far: what comes later in the ladder is less
 * sure. True once the best is long enough. */
static bool keep_if_longer(attempt *a, const char *source)
{
    if (a->text.size > 2 * a->best->size) {
        weir_buf_set(a->best, weir_buf_bytes(&a->text));
        a->source = source;
    }
    weir_buf_clear(&a->text);
    return a->best->size >= WEIR_EXTRACT_TEXT_CHARS_MIN;
}

static void write_all_paragraphs(const weir_html_tree *tree, weir_text_marks marks, weir_buf *out)
{
    WEIR_AUTO(writer) w = {.tree = tree, .marks = marks.rows, .out = out};
    w.skipped_flags = WEIR_MARK_HIDDEN;
    w.prose_only = true;
    write_subtree(&w, 0);
}

static void write_everything(const weir_html_tree *tree, weir_text_marks marks, weir_buf *out)
{
    roots whole = {.nodes = {0}, .count = 1};
    write_roots(tree, marks, &whole, out);
}

const char *weir_main_text(const weir_html_tree *tree, weir_bytes article_body, weir_buf *out)
{
    WEIR_ASSERT(tree->count > 0);
    WEIR_ASSERT(out != NULL);

    weir_buf_clear(out);
    WEIR_AUTO(weir_text_marks) marks = weir_text_marks_of(tree);
    WEIR_AUTO(attempt) a = {.best = out};
    roots candidates[RANK_COUNT] = {{.count = 0}};
    rank chosen = choose_candidates(tree, marks.rows, candidates);
    chosen = chosen == RANK_COUNT && candidates[RANK_MAIN].count > 0 ? RANK_MAIN : chosen;
    if (chosen != RANK_COUNT) {
        write_roots(tree, marks, &candidates[chosen], &a.text);
        if (keep_if_longer(&a, rank_names[chosen])) {
            return a.source;
        }
    }
    roots readable = {.count = 0};
    choose_by_readability(tree, marks.rows, &readable);
    write_roots(tree, marks, &readable, &a.text);
    if (keep_if_longer(&a, "readability")) {
        return a.source;
    }
    weir_buf_append(&a.text, article_body.size == 0 ? "" : article_body.data, article_body.size);
    if (keep_if_longer(&a, "json_ld")) {
        return a.source;
    }
    write_everything(tree, marks, &a.text);
    if (!keep_if_longer(&a, "body") && a.best->size < PARAGRAPH_CHARS_MIN) {
        write_all_paragraphs(tree, marks, &a.text);
        (void)keep_if_longer(&a, "paragraphs");
    }
    return a.source;
}
