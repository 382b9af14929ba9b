/* SPDX-License-Identifier: Apache-2.0
 *
 * html_tree.c - gumbo, behind html_tree.h; the only file that knows it.
 *
 *   html -> [gumbo: its own tree, in the region] -> one walk -> nodes[] -> extract_page.c
 *
 * gumbo allocates from one region of WEIR_HTML_TREE_BYTES_MAX by moving a pointer, and frees
 * nothing: a page's tree is gone when the pointer is set back. Pages of memory that no page has
 * needed are never touched, so an ordinary worker holds a few megabytes.
 *
 * gumbo can neither fail an allocation nor be interrupted. Its allocator can leave it, though: once
 * the region or the CPU budget is spent it jumps back to where the parse began. Nothing is lost by
 * that, for gumbo holds nothing but memory of the region. Every tag and every piece of text makes
 * several allocations, so looking at the clock at each CLOCK_INTERVAL-th one stops a parse in time
 * whatever makes it slow; between two looks lies at most about one tag of 1,024 attributes.
 *
 * max_errors is 0: by default gumbo copies the stack of open elements at each error.
 */
#include "topologies/html_tree.h"

#include "streams/base/status.h"

#include <gumbo.h>

#include <setjmp.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

enum {
    CLOCK_INTERVAL = 2048,     /* Allocations between two looks at the clock. */
    KEEP_BYTES_MAX = 16 << 20, /* What a parser keeps of the region from page to page. */
    KEEP_NODES_MAX = 64 << 10,
    ALIGNMENT = alignof(max_align_t),
    TAB_STOP = 8,
};

struct weir_html_parser {
    uint8_t *region;
    size_t used;
    size_t allocations;
    weir_cpu_budget budget;
    weir_html_outcome outcome;
    jmp_buf escape;
    weir_html_node *nodes;
    size_t node_count;
    size_t node_capacity;
};

/* An element of gumbo's tree on the way down, and the child to visit next. */
typedef struct visit {
    const GumboVector *children;
    uint32_t next;
    uint32_t node;
} visit;

const char *weir_html_outcome_name(weir_html_outcome outcome)
{
    static const char *const names[] = {"parsed", "too_large", "too_deep", "too_many_attributes",
                                        "too_slow"};
    WEIR_ASSERT((size_t)outcome < WEIR_COUNT_OF(names));
    return names[outcome];
}

bool weir_cpu_budget_is_spent(weir_cpu_budget budget)
{
    return budget.now_ns != NULL && budget.now_ns() > budget.deadline_ns;
}

weir_html_parser *weir_html_parser_new(void)
{
    return weir_alloc(sizeof(weir_html_parser));
}

void weir_html_parser_free(weir_html_parser *parser)
{
    if (parser != NULL) {
        free(parser->region);
        free(parser->nodes);
        free(parser);
    }
}

void weir_html_parser_reset(weir_html_parser *parser)
{
    if (parser->used > KEEP_BYTES_MAX) {
        free(parser->region);
        parser->region = NULL;
    }
    if (parser->node_capacity > KEEP_NODES_MAX) {
        free(parser->nodes);
        parser->nodes = NULL;
        parser->node_capacity = 0;
    }
    parser->used = 0;
    parser->allocations = 0;
    parser->node_count = 0;
}

static _Noreturn void give_up(weir_html_parser *parser, weir_html_outcome outcome)
{
    parser->outcome = outcome;
    longjmp(parser->escape, 1);
}

static void *allocate(void *userdata, size_t bytes)
{
    weir_html_parser *parser = userdata;
    if (++parser->allocations % CLOCK_INTERVAL == 0 && weir_cpu_budget_is_spent(parser->budget)) {
        give_up(parser, WEIR_HTML_TOO_SLOW);
    }
    if (bytes > WEIR_HTML_TREE_BYTES_MAX - ALIGNMENT) {
        give_up(parser, WEIR_HTML_TOO_LARGE);
    }
    size_t padded = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (padded > WEIR_HTML_TREE_BYTES_MAX - parser->used) {
        give_up(parser, WEIR_HTML_TOO_LARGE);
    }
    void *memory = parser->region + parser->used;
    parser->used += padded;
    return memory;
}

static void keep(void *userdata, void *memory)
{
    (void)userdata; /* The region goes as a whole. */
    (void)memory;
}

/* NULL where the allocator gave up; parser->outcome says why. */
static const GumboOutput *parse_or_give_up(weir_html_parser *parser, weir_bytes html)
{
    const GumboOptions options = {
        .allocator = allocate,
        .deallocator = keep,
        .userdata = parser,
        .tab_stop = TAB_STOP,
        .max_errors = 0,
        .fragment_context = GUMBO_TAG_LAST,
        .fragment_namespace = GUMBO_NAMESPACE_HTML,
    };
    if (setjmp(parser->escape) != 0) {
        return NULL;
    }
    return gumbo_parse_with_options(&options, html.data, html.size);
}

static weir_html_tag tag_of(const GumboElement *element)
{
    static const uint8_t tags[GUMBO_TAG_LAST + 1] = {
#define PAIR(tag) [GUMBO_TAG_##tag] = WEIR_HTML_##tag,
        WEIR_HTML_TAGS(PAIR)
#undef PAIR
    };
    uint8_t tag = element->tag <= GUMBO_TAG_LAST ? tags[element->tag] : 0;
    return tag == 0 ? WEIR_HTML_OTHER : (weir_html_tag)tag;
}

/* Appends a node below parent and returns its index. */
static uint32_t append_node(weir_html_parser *parser, const GumboNode *from, uint32_t parent,
                            uint32_t depth)
{
    parser->nodes =
        weir_grow(parser->nodes, parser->node_count, &parser->node_capacity, sizeof *parser->nodes);
    uint32_t index = (uint32_t)parser->node_count++;
    weir_html_node *node = &parser->nodes[index];
    *node = (weir_html_node){.parent = parent, .depth = depth, .end = index + 1};
    if (from->type == GUMBO_NODE_ELEMENT || from->type == GUMBO_NODE_TEMPLATE) {
        node->tag = tag_of(&from->v.element);
        node->element = &from->v.element;
    } else {
        node->text = weir_bytes_of_text(from->v.text.text);
    }
    return index;
}

static bool is_kept(const GumboNode *node)
{
    return node->type != GUMBO_NODE_COMMENT && node->type != GUMBO_NODE_DOCUMENT;
}

/* Puts gumbo's tree below root into parser->nodes. */
static weir_html_outcome flatten(weir_html_parser *parser, const GumboNode *root)
{
    visit path[WEIR_HTML_TREE_DEPTH_MAX];
    uint32_t depth = 0;
    path[depth++] = (visit){&root->v.element.children, 0, append_node(parser, root, 0, 0)};
    while (depth > 0) {
        visit *top = &path[depth - 1];
        if (top->next == top->children->length) {
            parser->nodes[top->node].end = (uint32_t)parser->node_count;
            depth--;
            continue;
        }
        const GumboNode *child = top->children->data[top->next++];
        if (!is_kept(child)) {
            continue;
        }
        uint32_t index = append_node(parser, child, top->node, depth);
        if (parser->nodes[index].element != NULL) {
            if (depth == WEIR_HTML_TREE_DEPTH_MAX) {
                return WEIR_HTML_TOO_DEEP;
            }
            path[depth++] = (visit){&child->v.element.children, 0, index};
        }
    }
    return WEIR_HTML_PARSED;
}

weir_html_outcome weir_html_parse(weir_html_parser *parser, weir_bytes html, weir_cpu_budget budget,
                                  weir_html_tree *out_tree)
{
    WEIR_ASSERT(html.size == 0 || html.data != NULL);
    WEIR_ASSERT(out_tree != NULL);

    weir_html_parser_reset(parser);
    if (html.size > WEIR_HTML_BYTES_MAX) {
        return WEIR_HTML_TOO_LARGE;
    }
    if (parser->region == NULL) {
        parser->region = weir_realloc(NULL, WEIR_HTML_TREE_BYTES_MAX);
    }
    parser->budget = budget;
    const GumboOutput *output = parse_or_give_up(parser, html.size == 0 ? WEIR_BYTES(" ") : html);
    if (output == NULL) {
        return parser->outcome;
    }
    WEIR_ASSERT(output->root != NULL && output->root->type == GUMBO_NODE_ELEMENT);
    weir_html_outcome outcome = flatten(parser, output->root);
    if (outcome == WEIR_HTML_PARSED) {
        WEIR_ASSERT(parser->nodes[0].end == parser->node_count);
        *out_tree = (weir_html_tree){parser->nodes, (uint32_t)parser->node_count};
    }
    return outcome;
}

weir_bytes weir_html_attribute(const weir_html_node *node, const char *name)
{
    const GumboElement *element = node->element;
    if (element == NULL) {
        return WEIR_BYTES_NULL;
    }
    for (unsigned i = 0; i < element->attributes.length; i++) {
        const GumboAttribute *attribute = element->attributes.data[i];
        if (attribute->name[0] == name[0] && strcmp(attribute->name, name) == 0) {
            return weir_bytes_of_text(attribute->value);
        }
    }
    return WEIR_BYTES_NULL;
}
