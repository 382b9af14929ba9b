/* SPDX-License-Identifier: Apache-2.0
 *
 * html_scan.c - the look at a page before it is parsed (weir_html_scan of html_tree.h).
 *
 * gumbo takes time quadratic in the depth of open elements and in the attributes of a tag:
 * 20,000 nested div cost it a second. The scan finds tags as the tokenizer would and keeps the open
 * elements on a small stack. An end tag that matches nothing open is ignored, for the parser
 * ignores it as well and the depth must not fall by it; one that matches closes all that was opened
 * inside.
 *
 * The names on the stack are reduced to BUCKETS numbers, and open[] counts each number, so that an
 * end tag is answered without a search: every byte is looked at once, and every push popped once.
 * Two names that share a bucket make the estimate of the depth wrong, never the scan slow; the
 * parse has its own bounds (html_tree.c) for what slips through.
 */
#include "topologies/html_tree.h"

#include "streams/base/status.h"

#include <string.h>
#include <strings.h>

enum { BUCKETS = 4096, NAME_BYTES_MAX = 16, HASH_MULTIPLIER = 31, CASE_BIT = 0x20 };

typedef struct scan {
    const uint8_t *at;
    const uint8_t *end;
    uint32_t depth;
    uint16_t stack[WEIR_HTML_DEPTH_MAX];
    uint16_t open[BUCKETS];
} scan;

typedef struct tag_name {
    uint16_t bucket;
    char text[NAME_BYTES_MAX]; /* Lower case; empty where the name is longer. */
} tag_name;

/* Elements that are closed at once, or by what follows them, if only by the next of their kind. */
static const char *const flat_names[] = {
    "a",      "area",  "base",   "body",     "br",   "button", "col",   "colgroup", "dd",
    "dt",     "embed", "head",   "hr",       "html", "img",    "input", "li",       "link",
    "meta",   "nobr",  "option", "optgroup", "p",    "param",  "rp",    "rt",       "select",
    "source", "tbody", "td",     "tfoot",    "th",   "thead",  "tr",    "track",    "wbr",
};

/* Elements whose content is text up to their own end tag. */
static const char *const raw_names[] = {
    "iframe", "noembed", "noframes", "plaintext", "script", "style", "textarea", "title", "xmp",
};

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (name[0] == names[i][0] && strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_letter(uint8_t byte)
{
    return (byte | CASE_BIT) >= 'a' && (byte | CASE_BIT) <= 'z';
}

static bool is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\n' || byte == '\t' || byte == '\r' || byte == '\f';
}

static bool ends_name(uint8_t byte)
{
    return is_space(byte) || byte == '/' || byte == '>';
}

static void skip_past_byte(scan *s, uint8_t byte)
{
    const uint8_t *found = memchr(s->at, byte, (size_t)(s->end - s->at));
    s->at = found == NULL ? s->end : found + 1;
}

static void skip_spaces(scan *s)
{
    while (s->at < s->end && is_space(*s->at)) {
        s->at++;
    }
}

/* s->at is after "<!--". ">" and "->" end a comment there, "-->" and "--!" anywhere. */
static void skip_comment(scan *s)
{
    const uint8_t *start = s->at;
    if (start < s->end && *start == '>') {
        s->at++;
        return;
    }
    if (s->end - start >= 2 && start[0] == '-' && start[1] == '>') {
        s->at += 2;
        return;
    }
    while (s->at < s->end) {
        skip_past_byte(s, '-');
        if (s->end - s->at >= 2 && s->at[0] == '-' && (s->at[1] == '>' || s->at[1] == '!')) {
            s->at += 2;
            return;
        }
    }
}

/* s->at is after "<" and before a byte that starts no tag name. */
static void skip_declaration(scan *s)
{
    if (s->end - s->at >= 3 && memcmp(s->at, "!--", 3) == 0) {
        s->at += 3;
        skip_comment(s);
    } else if (s->at < s->end && (*s->at == '!' || *s->at == '?' || *s->at == '/')) {
        skip_past_byte(s, '>');
    }
}

static uint16_t bucket_of(const char *name)
{
    uint32_t hash = 0;
    for (; *name != '\0'; name++) {
        hash = hash * HASH_MULTIPLIER + (uint8_t)*name;
    }
    return (uint16_t)(hash % BUCKETS);
}

/* Reads a name and leaves s->at after it. */
static tag_name read_name(scan *s)
{
    tag_name name = {0};
    uint32_t hash = 0;
    size_t length = 0;
    while (s->at < s->end && !ends_name(*s->at)) {
        uint8_t byte = *s->at++;
        byte = is_letter(byte) ? (uint8_t)(byte | CASE_BIT) : byte;
        hash = hash * HASH_MULTIPLIER + byte;
        if (length < NAME_BYTES_MAX - 1) {
            name.text[length] = (char)byte;
        }
        length++;
    }
    if (length >= NAME_BYTES_MAX) {
        name.text[0] = '\0';
    }
    name.bucket = (uint16_t)(hash % BUCKETS);
    return name;
}

/* s->at is after the "=" of an attribute. */
static void skip_value(scan *s)
{
    skip_spaces(s);
    if (s->at < s->end && (*s->at == '"' || *s->at == '\'')) {
        uint8_t quote = *s->at++;
        skip_past_byte(s, quote);
        return;
    }
    while (s->at < s->end && !is_space(*s->at) && *s->at != '>') {
        s->at++;
    }
}

typedef struct tag_rest {
    uint32_t attributes;
    bool closes_itself; /* "/>" */
} tag_rest;

/* Skips to after the ">" of a tag. */
static tag_rest skip_attributes(scan *s)
{
    tag_rest rest = {0};
    while (s->at < s->end && *s->at != '>') {
        uint8_t byte = *s->at++;
        rest.closes_itself = byte == '/';
        if (is_space(byte) || byte == '/') {
            continue;
        }
        rest.attributes++;
        while (s->at < s->end && !ends_name(*s->at) && *s->at != '=') {
            s->at++;
        }
        skip_spaces(s);
        if (s->at < s->end && *s->at == '=') {
            s->at++;
            skip_value(s);
        }
    }
    s->at += s->at < s->end ? 1 : 0;
    return rest;
}

/* Skips the text of a raw element up to its end tag, which stays to be read. */
static void skip_raw_text(scan *s, const char *name)
{
    size_t length = strlen(name);
    while (s->at < s->end) {
        skip_past_byte(s, '<');
        if ((size_t)(s->end - s->at) > length + 1 && s->at[0] == '/' &&
            strncasecmp((const char *)s->at + 1, name, length) == 0 &&
            ends_name(s->at[1 + length])) {
            s->at--;
            return;
        }
    }
}

static void close_element(scan *s, uint16_t bucket)
{
    if (s->open[bucket] == 0) {
        return;
    }
    uint16_t closed;
    do {
        WEIR_ASSERT(s->depth > 0);
        closed = s->stack[--s->depth];
        s->open[closed]--;
    } while (closed != bucket);
}

static weir_html_outcome open_element(scan *s)
{
    tag_name name = read_name(s);
    tag_rest rest = skip_attributes(s);
    if (rest.attributes > WEIR_HTML_ATTRIBUTES_MAX) {
        return WEIR_HTML_TOO_MANY_ATTRIBUTES;
    }
    if (is_one_of(name.text, raw_names, WEIR_COUNT_OF(raw_names))) {
        skip_raw_text(s, name.text);
        return WEIR_HTML_PARSED;
    }
    bool is_foreign = s->open[bucket_of("svg")] > 0 || s->open[bucket_of("math")] > 0;
    if ((rest.closes_itself && is_foreign) ||
        is_one_of(name.text, flat_names, WEIR_COUNT_OF(flat_names))) {
        return WEIR_HTML_PARSED;
    }
    if (s->depth == WEIR_HTML_DEPTH_MAX) {
        return WEIR_HTML_TOO_DEEP;
    }
    WEIR_ASSERT(name.bucket < BUCKETS);
    s->stack[s->depth++] = name.bucket;
    s->open[name.bucket]++;
    return WEIR_HTML_PARSED;
}

weir_html_outcome weir_html_scan(weir_bytes html)
{
    WEIR_ASSERT(html.size == 0 || html.data != NULL);

    if (html.size > WEIR_HTML_BYTES_MAX) {
        return WEIR_HTML_TOO_LARGE;
    }
    const uint8_t *start = html.size == 0 ? (const uint8_t *)"" : html.data;
    scan s = {.at = start, .end = start + html.size};
    weir_html_outcome outcome = WEIR_HTML_PARSED;
    while (outcome == WEIR_HTML_PARSED && s.at < s.end) {
        skip_past_byte(&s, '<');
        if (s.at < s.end && is_letter(*s.at)) {
            outcome = open_element(&s);
        } else if (s.end - s.at >= 2 && *s.at == '/' && is_letter(s.at[1])) {
            s.at++;
            tag_name name = read_name(&s);
            (void)skip_attributes(&s);
            close_element(&s, name.bucket);
        } else {
            skip_declaration(&s);
        }
    }
    return outcome;
}
