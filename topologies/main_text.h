/* SPDX-License-Identifier: Apache-2.0
 *
 * main_text.h - what main_text_marks.c finds out about each node for main_text.c.
 *
 * Ownership  weir_text_marks owns its array.
 * Threads    One at a time.
 */
#ifndef WEIR_TOPOLOGIES_MAIN_TEXT_H
#define WEIR_TOPOLOGIES_MAIN_TEXT_H

#include "topologies/html_tree.h"

/* Properties of a node; those marked * are inherited by its descendants. */
enum {
    WEIR_MARK_HIDDEN = 1 << 0,      /* * No text at all: script, style, hidden. */
    WEIR_MARK_BOILERPLATE = 1 << 1, /* * Navigation, footer, forms, … */
    WEIR_MARK_LINK = 1 << 2,        /* * In a link. */
    WEIR_MARK_PRE = 1 << 3,         /* * White space counts. */
    WEIR_MARK_ROW = 1 << 4,         /* * In a table of short cells, written a row a line. */
    WEIR_MARK_PROSE = 1 << 5,       /* * In a paragraph, quotation or preformatted text. */
    WEIR_MARK_LISTED = 1 << 6,      /* * In a list or table that passed the limit of links. */
    WEIR_MARK_BLOCK = 1 << 7,       /* Starts a new line. */
};

typedef struct weir_text_mark {
    uint16_t flags;
    uint32_t block;      /* The nearest node with WEIR_MARK_BLOCK, itself included. */
    uint32_t chars;      /* Of text in the subtree that is neither hidden nor boilerplate, … */
    uint32_t link_chars; /* … and the part of it in links; white space does not count. */
    uint32_t commas;
} weir_text_mark;

typedef struct weir_text_marks {
    weir_text_mark *rows; /* One for each node of the tree. */
} weir_text_marks;

/* The marks of all nodes of tree, which outlives them. */
weir_text_marks weir_text_marks_of(const weir_html_tree *tree);
void weir_text_marks_cleanup(weir_text_marks *marks);

/* Whether a class or id of the node says that it holds the content of a page. */
bool weir_text_is_content_name(const weir_html_node *node);

#endif
