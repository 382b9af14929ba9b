/* SPDX-License-Identifier: Apache-2.0
 *
 * page_metadata.c - what a page says of itself, in one pass over its tree.
 *
 * Several sources name the same thing; the better one wins, and among equals the first:
 *   JSON-LD (schema.org) > OpenGraph > <meta> > the document (title, h1, time, html lang)
 * Only JSON-LD objects that describe the page (articles, postings, web pages) are read.
 */
#include "topologies/extract_internal.h"

#include "streams/base/json_read.h"
#include "streams/base/status.h"

#include <string.h>
#include <strings.h>

typedef enum source {
    SOURCE_JSON_LD = 1, /* 0: not set yet. */
    SOURCE_OPEN_GRAPH,
    SOURCE_META,
    SOURCE_DOCUMENT,
    SOURCE_HEADING,
} source;

enum { JSON_LD_OBJECTS_MAX = 64 };

typedef struct collector {
    weir_arena *arena;
    weir_extract_page *page;
    weir_metadata_extra *extra;
    source sources[WEIR_METADATA_COUNT];
} collector;

typedef struct meta_name {
    const char *name; /* Of the attribute name, property or itemprop; lower case. */
    weir_metadata_field field;
    source source;
} meta_name;

static const meta_name meta_names[] = {
    {"og:title", WEIR_METADATA_TITLE, SOURCE_OPEN_GRAPH},
    {"og:description", WEIR_METADATA_DESCRIPTION, SOURCE_OPEN_GRAPH},
    {"og:site_name", WEIR_METADATA_SITE_NAME, SOURCE_OPEN_GRAPH},
    {"og:type", WEIR_METADATA_TYPE, SOURCE_OPEN_GRAPH},
    {"og:image", WEIR_METADATA_IMAGE, SOURCE_OPEN_GRAPH},
    {"og:locale", WEIR_METADATA_LOCALE, SOURCE_OPEN_GRAPH},
    {"og:updated_time", WEIR_METADATA_MODIFIED, SOURCE_OPEN_GRAPH},
    {"article:author", WEIR_METADATA_AUTHOR, SOURCE_OPEN_GRAPH},
    {"article:published_time", WEIR_METADATA_PUBLISHED, SOURCE_OPEN_GRAPH},
    {"article:modified_time", WEIR_METADATA_MODIFIED, SOURCE_OPEN_GRAPH},
    {"article:section", WEIR_METADATA_SECTION, SOURCE_OPEN_GRAPH},
    {"article:publisher", WEIR_METADATA_PUBLISHER, SOURCE_OPEN_GRAPH},
    {"author", WEIR_METADATA_AUTHOR, SOURCE_META},
    {"byl", WEIR_METADATA_AUTHOR, SOURCE_META},
    {"dc.creator", WEIR_METADATA_AUTHOR, SOURCE_META},
    {"citation_author", WEIR_METADATA_AUTHOR, SOURCE_META},
    {"description", WEIR_METADATA_DESCRIPTION, SOURCE_META},
    {"dc.description", WEIR_METADATA_DESCRIPTION, SOURCE_META},
    {"twitter:description", WEIR_METADATA_DESCRIPTION, SOURCE_META},
    {"twitter:title", WEIR_METADATA_TITLE, SOURCE_META},
    {"dc.title", WEIR_METADATA_TITLE, SOURCE_META},
    {"citation_title", WEIR_METADATA_TITLE, SOURCE_META},
    {"twitter:image", WEIR_METADATA_IMAGE, SOURCE_META},
    {"keywords", WEIR_METADATA_KEYWORDS, SOURCE_META},
    {"news_keywords", WEIR_METADATA_KEYWORDS, SOURCE_META},
    {"generator", WEIR_METADATA_GENERATOR, SOURCE_META},
    {"application-name", WEIR_METADATA_SITE_NAME, SOURCE_META},
    {"date", WEIR_METADATA_PUBLISHED, SOURCE_META},
    {"dc.date", WEIR_METADATA_PUBLISHED, SOURCE_META},
    {"dc.date.issued", WEIR_METADATA_PUBLISHED, SOURCE_META},
    {"dcterms.created", WEIR_METADATA_PUBLISHED, SOURCE_META},
    {"dcterms.date", WEIR_METADATA_PUBLISHED, SOURCE_META},
    {"datepublished", WEIR_METADATA_PUBLISHED, SOURCE_META},
    {"pubdate", WEIR_METADATA_PUBLISHED, SOURCE_META},
    {"publishdate", WEIR_METADATA_PUBLISHED, SOURCE_META},
    {"publish_date", WEIR_METADATA_PUBLISHED, SOURCE_META},
    {"parsely-pub-date", WEIR_METADATA_PUBLISHED, SOURCE_META},
    {"citation_publication_date", WEIR_METADATA_PUBLISHED, SOURCE_META},
    {"last-modified", WEIR_METADATA_MODIFIED, SOURCE_META},
    {"datemodified", WEIR_METADATA_MODIFIED, SOURCE_META},
    {"dcterms.modified", WEIR_METADATA_MODIFIED, SOURCE_META},
    {"dc.publisher", WEIR_METADATA_PUBLISHER, SOURCE_META},
    {"dc.rights", WEIR_METADATA_LICENSE, SOURCE_META},
};

const char *weir_metadata_name(weir_metadata_field field)
{
    static const char *const names[] = {
#define NAME(field, name) name,
        WEIR_METADATA_FIELDS(NAME)
#undef NAME
    };
    WEIR_ASSERT((size_t)field < WEIR_COUNT_OF(names));
    return names[field];
}

/* Sets a field unless a source as good has set it. */
static void offer(collector *c, weir_metadata_field field, source from, weir_bytes value)
{
    if (c->sources[field] != 0 && c->sources[field] <= from) {
        return;
    }
    weir_bytes clean = weir_value_clean(c->arena, value, WEIR_EXTRACT_VALUE_BYTES_MAX);
    if (clean.size > 0) {
        c->page->metadata[field] = clean;
        c->sources[field] = from;
    }
}

/* JSON-LD. */

/* The value itself, or the first of an array; NULL where that is empty. */
static const weir_json_value *first_of(const weir_json_value *value)
{
    if (!weir_json_is_array(value)) {
        return value;
    }
    return weir_json_count(value) == 0 ? NULL : weir_json_at(value, 0);
}

/* The text of a member that is a text, an object with a name, or an array of them. */
static weir_bytes text_or_name(const weir_json_value *object, const char *key)
{
    const weir_json_value *value = first_of(weir_json_get(object, key));
    if (weir_json_is_object(value)) {
        const weir_json_value *name = weir_json_get(value, "name");
        value = name != NULL ? first_of(name) : weir_json_get(value, "url");
    }
    return weir_json_value_text(value);
}

/* Whether the object describes the page and not its breadcrumbs or its publisher. */
static bool describes_page(const weir_json_value *object)
{
    static const char *const kinds[] = {"Article", "Posting", "WebPage", "Report", "QAPage"};
    weir_bytes type = weir_json_value_text(first_of(weir_json_get(object, "@type")));
    for (size_t i = 0; i < WEIR_COUNT_OF(kinds) && type.size > 0; i++) {
        if (memmem(type.data, type.size, kinds[i], strlen(kinds[i])) != NULL) {
            return true;
        }
    }
    return false;
}

static void take_json_ld_object(collector *c, const weir_json_value *object)
{
    static const struct {
        const char *key;
        weir_metadata_field field;
    } members[] = {
        {"headline", WEIR_METADATA_TITLE},
        {"name", WEIR_METADATA_TITLE},
        {"author", WEIR_METADATA_AUTHOR},
        {"creator", WEIR_METADATA_AUTHOR},
        {"datePublished", WEIR_METADATA_PUBLISHED},
        {"dateModified", WEIR_METADATA_MODIFIED},
        {"description", WEIR_METADATA_DESCRIPTION},
        {"publisher", WEIR_METADATA_PUBLISHER},
        {"image", WEIR_METADATA_IMAGE},
        {"articleSection", WEIR_METADATA_SECTION},
        {"keywords", WEIR_METADATA_KEYWORDS},
        {"inLanguage", WEIR_METADATA_LOCALE},
        {"license", WEIR_METADATA_LICENSE},
        {"@type", WEIR_METADATA_TYPE},
    };
    if (!describes_page(object)) {
        return;
    }
    for (size_t i = 0; i < WEIR_COUNT_OF(members); i++) {
        offer(c, members[i].field, SOURCE_JSON_LD, text_or_name(object, members[i].key));
    }
    weir_bytes body = weir_json_value_text(weir_json_get(object, "articleBody"));
    if (body.size > c->extra->article_body.size) {
        c->extra->article_body = weir_arena_copy(c->arena, body);
    }
}

static void take_json_ld(collector *c, weir_bytes text)
{
    weir_json_value *parsed = NULL;
    if (weir_json_parse(text, WEIR_EXTRACT_JSON_LD_BYTES_MAX, &parsed, NULL) != WEIR_OK) {
        return; /* Broken JSON-LD is common, and a page is more than that. */
    }
    WEIR_AUTO_PTR(weir_json_value) root = parsed;
    const weir_json_value *list = root;
    if (weir_json_is_object(root)) {
        take_json_ld_object(c, root);
        list = weir_json_get(root, "@graph");
    }
    size_t count = weir_json_count(list);
    for (size_t i = 0; i < count && i < JSON_LD_OBJECTS_MAX; i++) {
        take_json_ld_object(c, weir_json_at(list, i));
    }
}

/* The document. */

static void take_meta(collector *c, const weir_html_node *node)
{
    static const char *const keys[] = {"property", "name", "itemprop"};
    weir_bytes content = weir_html_attribute(node, "content");
    for (size_t k = 0; k < WEIR_COUNT_OF(keys) && content.size > 0; k++) {
        weir_bytes key = weir_html_attribute(node, keys[k]);
        if (key.size == 0) {
            continue;
        }
        if (strcasecmp(key.data, "robots") == 0) {
            weir_robots_directives(content, c->page);
            return;
        }
        for (size_t i = 0; i < WEIR_COUNT_OF(meta_names); i++) {
            if (strcasecmp(key.data, meta_names[i].name) == 0) {
                offer(c, meta_names[i].field, meta_names[i].source, content);
                return;
            }
        }
    }
}

static void take_link(collector *c, const weir_html_node *node)
{
    weir_bytes rel = weir_html_attribute(node, "rel");
    weir_bytes href = weir_html_attribute(node, "href");
    if (weir_value_has_word(rel, "canonical") && c->extra->canonical_href.data == NULL) {
        c->extra->canonical_href = weir_value_clean(c->arena, href, WEIR_EXTRACT_VALUE_BYTES_MAX);
    } else if (weir_value_has_word(rel, "license")) {
        offer(c, WEIR_METADATA_LICENSE, SOURCE_DOCUMENT, href);
    }
}

static void take_time(collector *c, const weir_html_node *node)
{
    weir_bytes moment = weir_html_attribute(node, "datetime");
    weir_bytes property = weir_html_attribute(node, "itemprop");
    if (weir_html_attribute(node, "pubdate").data != NULL ||
        weir_value_has_word(property, "datepublished")) {
        offer(c, WEIR_METADATA_PUBLISHED, SOURCE_META, moment);
    } else if (weir_value_has_word(property, "datemodified")) {
        offer(c, WEIR_METADATA_MODIFIED, SOURCE_META, moment);
    }
}

static bool is_json_ld(const weir_html_node *script)
{
    weir_bytes type = weir_html_attribute(script, "type");
    return type.size > 0 && strncasecmp(type.data, "application/ld+json", 19) == 0;
}

static void take_element(collector *c, const weir_html_tree *tree, uint32_t index)
{
    const weir_html_node *node = &tree->nodes[index];
    bool is_foreign = node->depth > 2 && node->tag == WEIR_HTML_TITLE; /* Of an svg. */
    if (node->tag == WEIR_HTML_META) {
        take_meta(c, node);
    } else if (node->tag == WEIR_HTML_LINK) {
        take_link(c, node);
    } else if (node->tag == WEIR_HTML_TITLE && !is_foreign) {
        offer(c, WEIR_METADATA_TITLE, SOURCE_DOCUMENT,
              weir_value_of_subtree(c->arena, tree, index, WEIR_EXTRACT_TITLE_BYTES_MAX));
    } else if (node->tag == WEIR_HTML_H1 && c->sources[WEIR_METADATA_TITLE] == 0) {
        offer(c, WEIR_METADATA_TITLE, SOURCE_HEADING,
              weir_value_of_subtree(c->arena, tree, index, WEIR_EXTRACT_TITLE_BYTES_MAX));
    } else if (node->tag == WEIR_HTML_TIME) {
        take_time(c, node);
    } else if (node->tag == WEIR_HTML_BASE && c->extra->base_href.data == NULL) {
        c->extra->base_href = weir_html_attribute(node, "href");
    } else if (node->tag == WEIR_HTML_SCRIPT && is_json_ld(node) && node->end > index + 1) {
        take_json_ld(c, tree->nodes[index + 1].text);
    }
}

void weir_page_metadata(const weir_html_tree *tree, weir_arena *arena, weir_extract_page *page,
                        weir_metadata_extra *out_extra)
{
    WEIR_ASSERT(tree->count > 0);
    WEIR_ASSERT(out_extra != NULL);

    *out_extra = (weir_metadata_extra){{NULL, 0}, {NULL, 0}, {NULL, 0}};
    collector c = {.arena = arena, .page = page, .extra = out_extra};
    offer(&c, WEIR_METADATA_HTML_LANG, SOURCE_DOCUMENT,
          weir_html_attribute(&tree->nodes[0], "lang"));
    for (uint32_t i = 0; i < tree->count; i++) {
        if (tree->nodes[i].element != NULL) {
            take_element(&c, tree, i);
        }
    }
    weir_bytes title = page->metadata[WEIR_METADATA_TITLE];
    page->title = weir_value_clean(arena, title, WEIR_EXTRACT_TITLE_BYTES_MAX);
    int64_t ms = 0;
    if (weir_value_parse_date(page->metadata[WEIR_METADATA_PUBLISHED], &ms)) {
        page->published_at_ms = ms;
    }
}

/* Robots. */

static bool is_directive(weir_bytes word)
{
    static const char *const known[] = {"unavailable_after", "max-snippet", "max-image-preview",
                                        "max-video-preview"};
    for (size_t i = 0; i < WEIR_COUNT_OF(known); i++) {
        if (weir_value_has_word(word, known[i])) {
            return true;
        }
    }
    return false;
}

void weir_robots_directives(weir_bytes directives, weir_extract_page *page)
{
    const char *at = directives.data;
    const char *end = directives.size == 0 ? at : at + directives.size;
    bool is_for_us = true;
    while (at < end) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *part_end = comma == NULL ? end : comma;
        const char *colon = memchr(at, ':', (size_t)(part_end - at));
        weir_bytes name = weir_bytes_of(at, (size_t)((colon == NULL ? at : colon) - at));
        if (colon != NULL && !is_directive(name)) { /* "agent: …" holds up to the next agent. */
            is_for_us = weir_value_has_word(name, "weir") || weir_value_has_word(name, "*");
            at = colon + 1;
        }
        weir_bytes part = weir_bytes_of(at, (size_t)(part_end - at));
        bool is_none = weir_value_has_word(part, "none");
        page->noindex |= is_for_us && (is_none || weir_value_has_word(part, "noindex"));
        page->nofollow |= is_for_us && (is_none || weir_value_has_word(part, "nofollow"));
        at = comma == NULL ? end : comma + 1;
    }
}
