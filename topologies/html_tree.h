/* SPDX-License-Identifier: Apache-2.0
 *
 * html_tree.h - a page of UTF-8 HTML as an array of nodes in document order.
 *
 * Every element and text node is followed by its descendants: nodes[i].end is the index after the
 * last of them, so that a subtree is a range, a walk is a loop, and skipping a subtree is
 * i = nodes[i].end. Comments and the document type are left out.
 *
 * Ownership  The tree, its texts and attributes belong to the parser until its next parse or reset.
 *            They also point into the html that was parsed, which has to live as long.
 * Limits     Pages beyond the caps below are refused, never cut: half a tree would give half a text
 *            under the content hash of a whole one. Memory of a parse is bounded by
 *            WEIR_HTML_TREE_BYTES_MAX, time by the caps and the CPU budget.
 * Threads    One at a time per parser.
 */
#ifndef WEIR_TOPOLOGIES_HTML_TREE_H
#define WEIR_TOPOLOGIES_HTML_TREE_H

#include "streams/base/bytes.h"

enum {
    WEIR_HTML_BYTES_MAX = 5 << 20,       /* The page. */
    WEIR_HTML_DEPTH_MAX = 512,           /* Open elements, as the scan before the parse counts. */
    WEIR_HTML_TREE_DEPTH_MAX = 2048,     /* The same in the tree, with the elements implied. */
    WEIR_HTML_ATTRIBUTES_MAX = 1024,     /* Of one tag. */
    WEIR_HTML_TREE_BYTES_MAX = 64 << 20, /* What the parse of one page allocates. */
};

/* What became of a parse; the names are reason codes (weir_html_outcome_name). */
typedef enum weir_html_outcome {
    WEIR_HTML_PARSED = 0,
    WEIR_HTML_TOO_LARGE,
    WEIR_HTML_TOO_DEEP,
    WEIR_HTML_TOO_MANY_ATTRIBUTES,
    WEIR_HTML_TOO_SLOW,
} weir_html_outcome;

/* "parsed", "too_large", "too_deep", "too_many_attributes", "too_slow". */
const char *weir_html_outcome_name(weir_html_outcome outcome);

/* X(tag) for each element that has a meaning here; WEIR_HTML_OTHER stands for the rest. */
/* clang-format takes the list for code, and never settles. */
/* clang-format off */
#define WEIR_HTML_TAGS(X)                                                                          \
    X(A)                                                                                           \
    X(ADDRESS) X(AREA) X(ARTICLE) X(ASIDE) X(AUDIO) X(BASE) X(BLOCKQUOTE) X(BODY) X(BR) X(BUTTON)  \
        X(CANVAS) X(CAPTION) X(CENTER) X(DD) X(DETAILS) X(DIV) X(DL) X(DT) X(FIELDSET)             \
            X(FIGCAPTION) X(FIGURE) X(FOOTER) X(FORM) X(FRAMESET) X(H1) X(H2) X(H3) X(H4) X(H5)    \
                X(H6) X(HEAD) X(HEADER) X(HR) X(HTML) X(IFRAME) X(IMG) X(INPUT) X(LI) X(LINK)      \
                    X(MAIN) X(MATH) X(MENU) X(META) X(NAV) X(NOSCRIPT) X(OBJECT) X(OL) X(OPTION)   \
                        X(P) X(PRE) X(SCRIPT) X(SECTION) X(SELECT) X(SPAN) X(STYLE) X(SUMMARY)     \
                            X(SVG) X(TABLE) X(TBODY) X(TD) X(TEMPLATE) X(TEXTAREA) X(TFOOT) X(TH)  \
                                X(THEAD) X(TIME) X(TITLE) X(TR) X(UL) X(VIDEO)
/* clang-format on */

typedef enum weir_html_tag {
    WEIR_HTML_TEXT = 0, /* Not an element: a run of text. */
    WEIR_HTML_OTHER,
#define WEIR_HTML_DECLARE(tag) WEIR_HTML_##tag,
    WEIR_HTML_TAGS(WEIR_HTML_DECLARE)
#undef WEIR_HTML_DECLARE
        WEIR_HTML_TAG_COUNT,
} weir_html_tag;

typedef struct weir_html_node {
    weir_html_tag tag;
    uint32_t depth;      /* Of <html>: 0. */
    uint32_t parent;     /* Index; of <html>: 0. */
    uint32_t end;        /* Index after the last descendant. */
    weir_bytes text;     /* Of a text node, with character references resolved. */
    const void *element; /* For weir_html_attribute. */
} weir_html_node;

typedef struct weir_html_tree {
    const weir_html_node *nodes; /* nodes[0] is <html>. */
    uint32_t count;
} weir_html_tree;

/* The CPU time that work may take: now_ns, which is never called where it is NULL, against
 * deadline_ns. Pure functions take their clock from here. */
typedef struct weir_cpu_budget {
    uint64_t (*now_ns)(void);
    uint64_t deadline_ns;
} weir_cpu_budget;

/* True once the deadline has passed. */
bool weir_cpu_budget_is_spent(weir_cpu_budget budget);

typedef struct weir_html_parser weir_html_parser;

weir_html_parser *weir_html_parser_new(void);
void weir_html_parser_free(weir_html_parser *parser);
WEIR_DEFINE_AUTO_PTR(weir_html_parser);

/* Linear look at html before the parse: refuses what would take quadratic time or memory. It skips
 * comments, declarations and the content of script, style and the like as a parser does; elements
 * without end tags (br, img) and those that a sibling closes (p, li, td) do not count as depth. */
weir_html_outcome weir_html_scan(weir_bytes html);

/* Parses html, which weir_html_scan should have passed, and replaces the tree before. *out_tree is
 * written on WEIR_HTML_PARSED only. Any bytes are a page: what is not HTML becomes text. */
weir_html_outcome weir_html_parse(weir_html_parser *parser, weir_bytes html, weir_cpu_budget budget,
                                  weir_html_tree *out_tree);

/* Drops the tree and gives back memory beyond what an ordinary page takes. */
void weir_html_parser_reset(weir_html_parser *parser);

/* The value of the attribute called name (lower case) of an element, NUL-terminated; the null bytes
 * where it is missing. */
weir_bytes weir_html_attribute(const weir_html_node *node, const char *name);

#endif
