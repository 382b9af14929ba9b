/* SPDX-License-Identifier: Apache-2.0
 *
 * robots.c - from lines to rules, and rules against paths.
 *
 *   text -> lines -> key: value -> the groups of the agent | those of "*" -> rules, best first
 *
 * Compiled form (integers are varints of serde.h):
 *
 *   version  crawl_delay_ms + 1  count  { allow  length  pattern }…  count  { length  sitemap }…
 *
 * Rules are sorted by length of pattern, longest first, and allow before disallow: the first one
 * that matches decides. Patterns and paths are normalised alike before they meet: an escape of a
 * character that needs none is decoded, whatever needs one is encoded, hex digits are upper case.
 * '*' and '$' of a path are encoded too, so that in a pattern they are always wild.
 *
 * Between two '*' of a pattern the leftmost place is always the best, hence no backtracking: a
 * hostile pattern costs no more than its length and the path's.
 */
#include "connectors/robots.h"

#include "streams/base/hash.h"
#include "streams/base/serde.h"

#include <stdlib.h>
#include <string.h>

enum { COMPILED_VERSION = 1, SITEMAP_BYTES_MAX = 2048, MS_PER_S = 1000 };

/* One Allow or Disallow; the pattern lies in the buffer of its group. */
typedef struct rule {
    const uint8_t *pattern; /* Set before sorting, when the buffer grows no more. */
    size_t pattern_at;
    size_t length;
    bool allow;
} rule;

/* What the groups for one agent say, taken together. */
typedef struct group {
    bool found;
    int64_t crawl_delay_ms; /* -1: none. */
    rule *rules;
    size_t count;
    size_t capacity;
    weir_buf patterns;
} group;

typedef struct parser {
    weir_bytes agent;
    group mine;
    group global;
    bool in_mine;   /* The lines that follow belong to a group that names the agent, … */
    bool in_global; /* … or "*". */
    bool in_rules;  /* A user-agent line now begins a new group. */
    weir_buf sitemaps;
    size_t sitemap_count;
} parser;

static void group_cleanup(group *g)
{
    free(g->rules);
    weir_buf_cleanup(&g->patterns);
}

static void parser_cleanup(parser *p)
{
    group_cleanup(&p->mine);
    group_cleanup(&p->global);
    weir_buf_cleanup(&p->sitemaps);
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\0';
}

static weir_bytes trim(weir_bytes text)
{
    const uint8_t *data = text.data;
    size_t start = 0;
    size_t end = text.size;
    while (start < end && is_space(data[start])) {
        start++;
    }
    while (end > start && is_space(data[end - 1])) {
        end--;
    }
    return weir_bytes_of(data + start, end - start);
}

static size_t find(weir_bytes text, char c)
{
    const uint8_t *found = memchr(text.data, c, text.size);
    return found == NULL ? text.size : (size_t)(found - (const uint8_t *)text.data);
}

static weir_bytes bytes_from(weir_bytes text, size_t start)
{
    return weir_bytes_of((const uint8_t *)text.data + start, text.size - start);
}

static bool equal_ignoring_case(weir_bytes a, weir_bytes b)
{
    return a.size == b.size && strncasecmp(a.data, b.data, a.size) == 0;
}

static bool starts_with_any(weir_bytes key, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(words[i]);
        if (key.size >= length && strncasecmp(key.data, words[i], length) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_letter_or_digit(uint8_t c)
{
    uint8_t lower = c | 0x20;
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9');
}

static bool is_unreserved(uint8_t c)
{
    return is_letter_or_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

static bool is_reserved(uint8_t c)
{
    return c != 0 && strchr(":/?#[]@!$&'()*+,;=", c) != NULL;
}

static void append_escape(uint8_t c, weir_buf *out)
{
    static const char hex[] = "0123456789ABCDEF";
    const char escape[3] = {'%', hex[c >> 4], hex[c & 15]};
    weir_buf_append(out, escape, sizeof escape);
}

/* Appends text, normalised as said at the top; kept_wild: '*' and '$' stay as they are. */
static void append_normalised(weir_bytes text, bool kept_wild, weir_buf *out)
{
    const uint8_t *data = text.data;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = data[i];
        bool escape = c == '%' && i + 2 < text.size && weir_hex_digit(data[i + 1]) >= 0 &&
                      weir_hex_digit(data[i + 2]) >= 0;
        if (escape) {
            c = (uint8_t)(weir_hex_digit(data[i + 1]) << 4 | weir_hex_digit(data[i + 2]));
            i += 2;
        }
        bool wild = c == '*' || c == '$';
        bool plain =
            is_unreserved(c) || (!escape && (is_reserved(c) || c == '%') && (kept_wild || !wild));
        if (plain) {
            weir_buf_append_byte(out, c);
        } else {
            append_escape(c, out);
        }
    }
}

static void add_rule(group *g, bool allow, weir_bytes pattern)
{
    size_t at = g->patterns.size;
    append_normalised(pattern, true, &g->patterns);
    g->rules = weir_grow(g->rules, g->count, &g->capacity, sizeof *g->rules);
    g->rules[g->count++] =
        (rule){.pattern_at = at, .length = g->patterns.size - at, .allow = allow};
}

static void on_rule(parser *p, bool allow, weir_bytes pattern)
{
    p->in_rules = true;
    const uint8_t *data = pattern.data;
    if (pattern.size == 0 || (data[0] != '/' && data[0] != '*')) {
        return; /* No path starts otherwise. */
    }
    if (p->in_mine) {
        add_rule(&p->mine, allow, pattern);
    }
    if (p->in_global) {
        add_rule(&p->global, allow, pattern);
    }
}

/* The product token at the start of a user-agent line's value. */
static weir_bytes product_token(weir_bytes value)
{
    const uint8_t *data = value.data;
    size_t length = 0;
    while (length < value.size &&
           (is_letter_or_digit(data[length]) || data[length] == '-' || data[length] == '_')) {
        length++;
    }
    return weir_bytes_of(data, length);
}

static void on_user_agent(parser *p, weir_bytes value)
{
    if (p->in_rules) {
        p->in_rules = p->in_mine = p->in_global = false;
    }
    const uint8_t *data = value.data;
    if (value.size > 0 && data[0] == '*' && (value.size == 1 || is_space(data[1]))) {
        p->in_global = p->global.found = true;
    } else if (p->agent.size > 0 && equal_ignoring_case(product_token(value), p->agent)) {
        p->in_mine = p->mine.found = true;
    }
}

/* Seconds, maybe with a fraction, in milliseconds; -1 where value is no number. */
static int64_t parse_delay_ms(weir_bytes value)
{
    const uint8_t *data = value.data;
    int64_t ms = 0;
    int64_t unit_ms = MS_PER_S; /* Of the next digit: grows smaller after the point. */
    bool fraction = false;
    bool digits = false;
    for (size_t i = 0; i < value.size && ms < WEIR_ROBOTS_CRAWL_DELAY_MS_MAX; i++) {
        if (data[i] == '.' && !fraction) {
            fraction = true;
            continue;
        }
        if (data[i] < '0' || data[i] > '9') {
            return digits && is_space(data[i]) ? ms : -1;
        }
        digits = true;
        unit_ms = fraction ? unit_ms / 10 : unit_ms;
        ms = (fraction ? ms : ms * 10) + (data[i] - '0') * unit_ms;
    }
    if (!digits) {
        return -1;
    }
    return ms < WEIR_ROBOTS_CRAWL_DELAY_MS_MAX ? ms : WEIR_ROBOTS_CRAWL_DELAY_MS_MAX;
}

static void raise_delay(group *g, int64_t delay_ms)
{
    g->crawl_delay_ms = delay_ms > g->crawl_delay_ms ? delay_ms : g->crawl_delay_ms;
}

static void on_crawl_delay(parser *p, weir_bytes value)
{
    p->in_rules = true;
    int64_t delay_ms = parse_delay_ms(value);
    if (p->in_mine) {
        raise_delay(&p->mine, delay_ms);
    }
    if (p->in_global) {
        raise_delay(&p->global, delay_ms);
    }
}

static void on_sitemap(parser *p, weir_bytes value)
{
    if (value.size == 0 || value.size > SITEMAP_BYTES_MAX ||
        p->sitemap_count == WEIR_ROBOTS_SITEMAPS_MAX) {
        return;
    }
    weir_buf_append_varint(&p->sitemaps, (int64_t)value.size);
    weir_buf_append(&p->sitemaps, value.data, value.size);
    p->sitemap_count++;
}

static void on_pair(parser *p, weir_bytes key, weir_bytes value)
{
    static const char *const user_agent[] = {"user-agent", "useragent", "user agent"};
    static const char *const allow[] = {"allow"};
    static const char *const disallow[] = {"disallow", "dissallow", "dissalow",
                                           "disalow",  "diasllow",  "disallaw"};
    static const char *const crawl_delay[] = {"crawl-delay", "crawldelay", "crawl delay"};
    static const char *const sitemap[] = {"sitemap", "site-map"};
    if (starts_with_any(key, user_agent, WEIR_COUNT_OF(user_agent))) {
        on_user_agent(p, value);
    } else if (starts_with_any(key, allow, WEIR_COUNT_OF(allow))) {
        on_rule(p, true, value);
    } else if (starts_with_any(key, disallow, WEIR_COUNT_OF(disallow))) {
        on_rule(p, false, value);
    } else if (starts_with_any(key, crawl_delay, WEIR_COUNT_OF(crawl_delay))) {
        on_crawl_delay(p, value);
    } else if (starts_with_any(key, sitemap, WEIR_COUNT_OF(sitemap))) {
        on_sitemap(p, value);
    }
}

/* Index of the space that separates exactly two words, for those who forgot the colon; 0 where
 * there are fewer or more. */
static size_t find_lone_space(weir_bytes line)
{
    const uint8_t *data = line.data;
    size_t at = 0;
    while (at < line.size && !is_space(data[at])) {
        at++;
    }
    weir_bytes rest = trim(bytes_from(line, at));
    for (size_t i = 0; i < rest.size; i++) {
        if (is_space(((const uint8_t *)rest.data)[i])) {
            return 0;
        }
    }
    return rest.size > 0 ? at : 0;
}

static void on_line(parser *p, weir_bytes line)
{
    line.size = line.size < WEIR_ROBOTS_LINE_BYTES_MAX ? line.size : WEIR_ROBOTS_LINE_BYTES_MAX;
    line.size = find(line, '#');
    line = trim(line);
    size_t separator = find(line, ':');
    if (separator == line.size) {
        separator = find_lone_space(line);
    }
    if (separator == 0) {
        return;
    }
    on_pair(p, trim(weir_bytes_of(line.data, separator)), trim(bytes_from(line, separator + 1)));
}

static void parse(parser *p, weir_bytes text)
{
    if (weir_bytes_starts_with(text, WEIR_BYTES("\xef\xbb\xbf"))) {
        text = bytes_from(text, 3);
    }
    const uint8_t *data = text.data;
    size_t start = 0;
    for (size_t i = 0; i <= text.size; i++) {
        if (i == text.size || data[i] == '\n' || data[i] == '\r') {
            on_line(p, weir_bytes_of(data + start, i - start));
            start = i + 1;
        }
    }
}

static int compare_rules(const void *left, const void *right)
{
    const rule *a = left;
    const rule *b = right;
    if (a->length != b->length) {
        return a->length > b->length ? -1 : 1;
    }
    if (a->allow != b->allow) {
        return a->allow ? -1 : 1;
    }
    return memcmp(a->pattern, b->pattern, a->length);
}

static void append_compiled(const parser *p, group *g, weir_buf *out)
{
    for (size_t i = 0; i < g->count; i++) {
        g->rules[i].pattern = g->patterns.data + g->rules[i].pattern_at;
    }
    if (g->count > 0) {
        qsort(g->rules, g->count, sizeof *g->rules, compare_rules);
    }
    weir_buf_append_byte(out, COMPILED_VERSION);
    weir_buf_append_varint(out, g->crawl_delay_ms + 1);
    weir_buf_append_varint(out, (int64_t)g->count);
    for (size_t i = 0; i < g->count; i++) {
        weir_buf_append_byte(out, g->rules[i].allow ? 1 : 0);
        weir_buf_append_varint(out, (int64_t)g->rules[i].length);
        weir_buf_append(out, g->rules[i].pattern, g->rules[i].length);
    }
    weir_buf_append_varint(out, (int64_t)p->sitemap_count);
    weir_buf_append(out, p->sitemaps.data, p->sitemaps.size);
}

void weir_robots_compile(weir_bytes text, const char *agent, weir_buf *out_rules)
{
    WEIR_ASSERT(text.data != NULL);
    WEIR_ASSERT(agent != NULL);
    WEIR_ASSERT(out_rules != NULL);
    text.size = text.size < WEIR_ROBOTS_BYTES_MAX ? text.size : WEIR_ROBOTS_BYTES_MAX;
    WEIR_AUTO(parser) p = {.agent = weir_bytes_of(agent, strcspn(agent, "/"))};
    p.mine.crawl_delay_ms = p.global.crawl_delay_ms = -1;
    parse(&p, text);
    weir_buf_clear(out_rules);
    append_compiled(&p, p.mine.found ? &p.mine : &p.global, out_rules);
}

/* What stands before the rules. */
typedef struct compiled_head {
    int64_t crawl_delay_ms;
    int64_t rule_count;
} compiled_head;

static compiled_head read_head(weir_reader *reader)
{
    bool known = weir_read_byte(reader) == COMPILED_VERSION;
    int64_t delay_ms_and_1 = weir_read_varint(reader);
    reader->failed = reader->failed || !known || delay_ms_and_1 < 0;
    compiled_head head = {.crawl_delay_ms = reader->failed ? -1 : delay_ms_and_1 - 1};
    head.rule_count = weir_read_varint(reader);
    return reader->failed ? (compiled_head){.crawl_delay_ms = -1} : head;
}

static weir_bytes read_sized(weir_reader *reader)
{
    int64_t size = weir_read_varint(reader);
    reader->failed = reader->failed || size < 0;
    return reader->failed ? WEIR_BYTES_NULL : weir_read_bytes(reader, (size_t)size);
}

static weir_bytes read_rule(weir_reader *reader, bool *out_allow)
{
    *out_allow = weir_read_byte(reader) != 0;
    return read_sized(reader);
}

/* Whether path, normalised, matches pattern. */
static bool pattern_matches(weir_bytes pattern, weir_bytes path)
{
    const uint8_t *data = pattern.data;
    bool anchored = pattern.size > 0 && data[pattern.size - 1] == '$';
    pattern.size -= anchored ? 1 : 0;
    size_t literal = find(pattern, '*');
    if (path.size < literal || memcmp(path.data, data, literal) != 0) {
        return false;
    }
    if (literal == pattern.size) {
        return !anchored || path.size == literal;
    }
    path = bytes_from(path, literal);
    while (literal < pattern.size) {
        pattern = bytes_from(pattern, literal + 1);
        literal = find(pattern, '*');
        if (anchored && literal == pattern.size) {
            return path.size >= literal &&
                   (literal == 0 ||
                    memcmp(bytes_from(path, path.size - literal).data, pattern.data, literal) == 0);
        }
        const uint8_t *found =
            literal == 0 ? path.data : memmem(path.data, path.size, pattern.data, literal);
        if (found == NULL) {
            return false;
        }
        path = bytes_from(path, (size_t)(found - (const uint8_t *)path.data) + literal);
    }
    return true;
}

static bool is_robots_file(weir_bytes path)
{
    return weir_bytes_equal(path, WEIR_BYTES("/robots.txt"));
}

bool weir_robots_allows(weir_bytes rules, weir_bytes path_and_query, weir_bytes *out_rule)
{
    WEIR_ASSERT(path_and_query.data != NULL);
    if (out_rule != NULL) {
        *out_rule = WEIR_BYTES_NULL;
    }
    if (path_and_query.size > WEIR_ROBOTS_PATH_BYTES_MAX) {
        return false;
    }
    WEIR_AUTO(weir_buf) path = {0};
    append_normalised(path_and_query, false, &path);
    if (is_robots_file(weir_buf_bytes(&path))) {
        return true;
    }
    weir_reader reader = weir_reader_of(rules);
    compiled_head head = read_head(&reader);
    for (int64_t i = 0; i < head.rule_count && !reader.failed; i++) {
        bool allow = false;
        weir_bytes pattern = read_rule(&reader, &allow);
        if (!reader.failed && pattern_matches(pattern, weir_buf_bytes(&path))) {
            if (out_rule != NULL) {
                *out_rule = pattern;
            }
            return allow;
        }
    }
    return !reader.failed;
}

int64_t weir_robots_crawl_delay_ms(weir_bytes rules)
{
    weir_reader reader = weir_reader_of(rules);
    return read_head(&reader).crawl_delay_ms;
}

static void skip_rules(weir_reader *reader)
{
    int64_t count = read_head(reader).rule_count;
    for (int64_t i = 0; i < count && !reader->failed; i++) {
        bool allow = false;
        read_rule(reader, &allow);
    }
}

bool weir_robots_next_sitemap(weir_bytes rules, size_t *index, weir_bytes *out_url)
{
    WEIR_ASSERT(index != NULL);
    WEIR_ASSERT(out_url != NULL);
    weir_reader reader = weir_reader_of(rules);
    skip_rules(&reader);
    int64_t count = weir_read_varint(&reader);
    weir_bytes url = WEIR_BYTES_NULL;
    if (reader.failed || (int64_t)*index >= count) {
        return false;
    }
    for (size_t i = 0; i <= *index && !reader.failed; i++) {
        url = read_sized(&reader);
    }
    if (reader.failed) {
        return false;
    }
    (*index)++;
    *out_url = url;
    return true;
}

weir_status weir_robots_check(weir_bytes rules, weir_error *err)
{
    weir_reader reader = weir_reader_of(rules);
    skip_rules(&reader);
    int64_t count = weir_read_varint(&reader);
    for (int64_t i = 0; i < count && !reader.failed; i++) {
        read_sized(&reader);
    }
    if (reader.failed || reader.left.size > 0 || count < 0) {
        return weir_error_set(err, WEIR_CORRUPT, "compiled robots rules of %zu bytes are damaged",
                              rules.size);
    }
    return WEIR_OK;
}
