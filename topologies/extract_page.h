/* SPDX-License-Identifier: Apache-2.0
 *
 * extract_page.h - from the bytes of a fetched page to what the pipeline knows of it.
 *
 *   body -> charset -> scan and parse -> metadata, links, main text -> normal form -> language
 *
 * Ownership  The page and all that it points to belong to the extractor until its next call.
 * Errors     None: every body gives a page. outcome says what became of it; where it is neither
 *            "extracted" nor "empty", reason is a sentence and the rest is empty.
 * Threads    One at a time per extractor.
 */
#ifndef WEIR_TOPOLOGIES_EXTRACT_PAGE_H
#define WEIR_TOPOLOGIES_EXTRACT_PAGE_H

#include "topologies/html_tree.h"
#include "topologies/language.h"
#include "topologies/text_normal.h"

enum {
    WEIR_EXTRACT_LINKS_MAX = 2000, /* The first of the page; a URL counts once. */
    WEIR_EXTRACT_IMAGES_MAX = 500,
    WEIR_EXTRACT_ALTERNATES_MAX = 100,
    WEIR_EXTRACT_TITLE_BYTES_MAX = 1024,
    WEIR_EXTRACT_LINK_TEXT_BYTES_MAX = 256, /* Also of rel and of an image's alt. */
    WEIR_EXTRACT_VALUE_BYTES_MAX = 2048,    /* Of a metadata value. */
    WEIR_EXTRACT_JSON_LD_BYTES_MAX = 512 << 10,
    WEIR_EXTRACT_TEXT_CHARS_MIN = 250,       /* A shorter main text is looked for further. */
    WEIR_EXTRACT_ARENA_BYTES_MAX = 16 << 20, /* Of links, metadata and the like. */
    WEIR_EXTRACT_CPU_MS_MAX = 250,           /* What a caller allows for a page, unless told. */
};

/* A link, an alternate (text: its hreflang) or an image (text: its alt). url is canonical. */
typedef struct weir_extract_link {
    weir_bytes url;
    weir_bytes rel; /* As written, "nofollow ugc"; null where there is none. */
    weir_bytes text;
} weir_extract_link;

typedef struct weir_extract_links {
    weir_extract_link *rows;
    size_t count;
    bool is_cut; /* There were more than the limit. */
} weir_extract_links;

/* The names of metadata, in the order in which they are printed. */
/* clang-format off */
#define WEIR_METADATA_FIELDS(X)                                                                    \
    X(AUTHOR, "author") X(DESCRIPTION, "description") X(GENERATOR, "generator")                    \
    X(HTML_LANG, "html_lang") X(IMAGE, "image") X(KEYWORDS, "keywords") X(LICENSE, "license")      \
    X(LOCALE, "locale") X(MODIFIED, "modified") X(PUBLISHED, "published")                          \
    X(PUBLISHER, "publisher") X(SECTION, "section") X(SITE_NAME, "site_name") X(TITLE, "title")    \
    X(TYPE, "type")
/* clang-format on */

typedef enum weir_metadata_field {
#define WEIR_METADATA_DECLARE(field, name) WEIR_METADATA_##field,
    WEIR_METADATA_FIELDS(WEIR_METADATA_DECLARE)
#undef WEIR_METADATA_DECLARE
        WEIR_METADATA_COUNT,
} weir_metadata_field;

typedef struct weir_extract_page {
    const char *outcome; /* "extracted", "empty", "unsupported_type", or of weir_html_outcome. */
    const char *reason;  /* A sentence; NULL where the page is extracted. */
    const char *charset; /* "UTF-8", …; NULL where the bytes were not decoded. */
    const char *text_source; /* Where text was found: "article", "main", …; NULL without text. */
    weir_bytes text;         /* The main text in normal form (text_normal.h). */
    char content_hash[WEIR_CONTENT_HASH_BYTES]; /* Of text; "" without. */
    size_t word_count;
    weir_language language;
    weir_bytes title;
    weir_bytes canonical_url;                 /* Null where the page names none. */
    weir_bytes metadata[WEIR_METADATA_COUNT]; /* Null where unknown. */
    weir_extract_links links;
    weir_extract_links images;
    weir_extract_links alternates; /* hreflang. */
    int64_t published_at_ms;       /* 0 where unknown. */
    bool noindex;
    bool nofollow;
} weir_extract_page;

/* A fetched body. Null bytes stand for a header that was not sent. */
typedef struct weir_extract_input {
    weir_bytes url; /* Of the body, after redirects. */
    weir_bytes body;
    weir_bytes content_type;
    weir_bytes robots_tag; /* X-Robots-Tag. */
    weir_cpu_budget budget;
} weir_extract_input;

typedef struct weir_extractor weir_extractor;

weir_extractor *weir_extractor_new(void);
void weir_extractor_free(weir_extractor *extractor);
WEIR_DEFINE_AUTO_PTR(weir_extractor);

/* What is known of input; never NULL. Looks at the budget between the phases as well as in the
 * parse: a page that spends it is "too_slow". */
const weir_extract_page *weir_extract_page_of(weir_extractor *extractor,
                                              const weir_extract_input *input);

/* "author", "description", … */
const char *weir_metadata_name(weir_metadata_field field);

#endif
