/* SPDX-License-Identifier: Apache-2.0
 *
 * page_links.c - where a page leads to: links, images, translations, its canonical URL.
 *
 * Everything is resolved against <base href>, or the page's URL, and canonical. What is no http or
 * https URL (mailto, javascript, data, what does not parse) is left out without a word, as a
 * browser does. A set of 64-bit hashes keeps a URL from being listed twice.
 */
#include "topologies/extract_internal.h"

#include "streams/base/hash.h"
#include "streams/base/status.h"

#include <assert.h>
#include <string.h>

enum { SEEN_SLOTS = 8192, FIRST_ROWS = 32 };
enum { KIND_LINK = 0, KIND_IMAGE = 1, KIND_ALTERNATE = 2 }; /* Seeds of the hashes. */
static_assert(SEEN_SLOTS >= 2 * (WEIR_EXTRACT_LINKS_MAX + WEIR_EXTRACT_IMAGES_MAX +
                                 WEIR_EXTRACT_ALTERNATES_MAX),
              "the set must not fill up");

typedef struct linker {
    const weir_html_tree *tree;
    weir_arena *arena;
    weir_url base;
    bool has_base;
    weir_buf url; /* Of the link in hand. */
    uint64_t seen[SEEN_SLOTS];
} linker;

static void linker_cleanup(linker *l)
{
    weir_url_cleanup(&l->base);
    weir_buf_cleanup(&l->url);
}

/* Puts the canonical URL of href into l->url; false where it has none. */
static bool resolve(linker *l, weir_bytes href)
{
    return href.size > 0 &&
           weir_url_canon(href, l->has_base ? &l->base : NULL, &l->url, NULL) == WEIR_OK;
}

/* Where hash is in the set, or the free slot where it would go. Only rows are remembered, whose
 * lists have limits, so there is always a free one. */
static uint64_t *find_seen(linker *l, uint64_t hash)
{
    size_t slot = hash % SEEN_SLOTS;
    while (l->seen[slot] != 0 && l->seen[slot] != hash) {
        slot = (slot + 1) % SEEN_SLOTS;
    }
    return &l->seen[slot];
}

static weir_extract_link *append_row(linker *l, weir_extract_links *list, size_t rows_max)
{
    if (list->count == rows_max) {
        list->is_cut = true;
        return NULL;
    }
    bool is_full =
        list->count == 0 || (list->count >= FIRST_ROWS && (list->count & (list->count - 1)) == 0);
    if (is_full) { /* At 0, 32, 64, 128, …: twice the room. */
        size_t capacity = list->count == 0 ? FIRST_ROWS : 2 * list->count;
        weir_extract_link *rows = weir_arena_alloc(l->arena, capacity * sizeof *rows);
        if (rows == NULL) {
            list->is_cut = true;
            return NULL;
        }
        if (list->count > 0) {
            memcpy(rows, list->rows, list->count * sizeof *rows);
        }
        list->rows = rows;
    }
    weir_bytes url = weir_arena_copy(l->arena, weir_buf_bytes(&l->url));
    if (url.data == NULL) {
        list->is_cut = true;
        return NULL;
    }
    weir_extract_link *row = &list->rows[list->count++];
    *row = (weir_extract_link){.url = url};
    return row;
}

/* A row for l->url the first time that it comes as a thing of this kind; NULL where it came before,
 * or where the list or the arena is full. */
static weir_extract_link *add_row(linker *l, uint64_t kind, weir_extract_links *list,
                                  size_t rows_max)
{
    uint64_t hash = weir_hash64(weir_buf_bytes(&l->url), kind) | 1;
    uint64_t *seen = find_seen(l, hash);
    if (*seen == hash) {
        return NULL;
    }
    weir_extract_link *row = append_row(l, list, rows_max);
    if (row != NULL) {
        *seen = hash;
    }
    return row;
}

static weir_bytes clean_attribute(linker *l, const weir_html_node *node, const char *name)
{
    return weir_value_clean(l->arena, weir_html_attribute(node, name),
                            WEIR_EXTRACT_LINK_TEXT_BYTES_MAX);
}

static void add_link(linker *l, uint32_t index, weir_extract_links *links)
{
    const weir_html_node *node = &l->tree->nodes[index];
    weir_bytes href = weir_html_attribute(node, "href");
    bool is_of_this_page = href.size > 0 && *(const char *)href.data == '#';
    if (is_of_this_page || !resolve(l, href)) {
        return;
    }
    weir_extract_link *row = add_row(l, KIND_LINK, links, WEIR_EXTRACT_LINKS_MAX);
    if (row != NULL) {
        row->rel = clean_attribute(l, node, "rel");
        row->text =
            weir_value_of_subtree(l->arena, l->tree, index, WEIR_EXTRACT_LINK_TEXT_BYTES_MAX);
    }
}

/* The picture's own URL: pages that load it late keep it in a data attribute. */
static weir_bytes source_of(const weir_html_node *image)
{
    static const char *const names[] = {"data-src", "data-original", "src"};
    for (size_t i = 0; i < WEIR_COUNT_OF(names); i++) {
        weir_bytes source = weir_html_attribute(image, names[i]);
        if (source.size > 0 && !weir_bytes_starts_with(source, WEIR_BYTES("data:"))) {
            return source;
        }
    }
    return WEIR_BYTES_NULL;
}

static void add_image(linker *l, const weir_html_node *node, weir_extract_links *images)
{
    if (!resolve(l, source_of(node))) {
        return;
    }
    weir_extract_link *row = add_row(l, KIND_IMAGE, images, WEIR_EXTRACT_IMAGES_MAX);
    if (row != NULL) {
        row->text = clean_attribute(l, node, "alt");
    }
}

static void add_alternate(linker *l, const weir_html_node *node, weir_extract_links *alternates)
{
    weir_bytes language = clean_attribute(l, node, "hreflang");
    if (language.size == 0 || !weir_value_has_word(weir_html_attribute(node, "rel"), "alternate") ||
        !resolve(l, weir_html_attribute(node, "href"))) {
        return;
    }
    uint64_t kind = weir_hash64(language, KIND_ALTERNATE);
    weir_extract_link *row = add_row(l, kind, alternates, WEIR_EXTRACT_ALTERNATES_MAX);
    if (row != NULL) {
        row->text = language;
    }
}

static void set_base(linker *l, weir_bytes page_url, weir_bytes base_href)
{
    weir_url page = {0};
    bool has_page = page_url.size > 0 && weir_url_parse(page_url, NULL, &page, NULL) == WEIR_OK;
    l->has_base = base_href.size > 0 &&
                  weir_url_parse(base_href, has_page ? &page : NULL, &l->base, NULL) == WEIR_OK;
    if (!l->has_base && has_page) {
        l->has_base = weir_url_parse(page_url, NULL, &l->base, NULL) == WEIR_OK;
    }
    weir_url_cleanup(&page);
}

void weir_page_links(const weir_html_tree *tree, weir_arena *arena, weir_bytes page_url,
                     const weir_metadata_extra *extra, weir_extract_page *page)
{
    WEIR_ASSERT(tree->count > 0);
    WEIR_ASSERT(page->links.count == 0);

    WEIR_AUTO(linker) l = {.tree = tree, .arena = arena};
    set_base(&l, page_url, extra->base_href);
    if (resolve(&l, extra->canonical_href)) {
        page->canonical_url = weir_arena_copy(arena, weir_buf_bytes(&l.url));
    }
    for (uint32_t i = 0; i < tree->count; i++) {
        const weir_html_node *node = &tree->nodes[i];
        if (node->tag == WEIR_HTML_A || node->tag == WEIR_HTML_AREA) {
            add_link(&l, i, &page->links);
        } else if (node->tag == WEIR_HTML_IMG) {
            add_image(&l, node, &page->images);
        } else if (node->tag == WEIR_HTML_LINK) {
            add_alternate(&l, node, &page->alternates);
        }
    }
}
