/* SPDX-License-Identifier: Apache-2.0
 *
 * url_parse.c - the standard's URL parser for the two schemes of the crawl.
 *
 *   input -> clean -> scheme? -> authority -> path -> query -> fragment
 *                        |            (userinfo @ host : port)
 *                        +-> relative to the base: //host…, /path…, path…, ?query, #fragment
 *
 * The standard tells this as one state machine over characters, for every scheme at once. For
 * "special" schemes other than file a part ends at characters that are known beforehand, so each
 * part is cut first and then encoded, which is the same and can be read from top to bottom. A
 * backslash is a slash everywhere here.
 */
#include "topologies/url_parse.h"

#include "topologies/url_host.h"
#include "topologies/utf8.h"

#include <string.h>

/* Percent-encode sets of the standard (1.3), as bits of encode_sets[]. Bytes from 0x80 and control
 * characters are in all of them. */
enum {
    SET_FRAGMENT = 1,
    SET_SPECIAL_QUERY = 2,
    SET_PATH = 4,
    SET_USERINFO = 8,
};

enum {
    IN_FRAGMENT_AND_UP = SET_FRAGMENT | SET_SPECIAL_QUERY | SET_PATH | SET_USERINFO,
    IN_QUERY_AND_UP = SET_SPECIAL_QUERY | SET_PATH | SET_USERINFO,
    IN_PATH_AND_UP = SET_PATH | SET_USERINFO,
};

static const uint8_t encode_sets[128] = {
    [' '] = IN_FRAGMENT_AND_UP,
    ['"'] = IN_FRAGMENT_AND_UP,
    ['<'] = IN_FRAGMENT_AND_UP,
    ['>'] = IN_FRAGMENT_AND_UP,
    ['`'] = SET_FRAGMENT | SET_PATH | SET_USERINFO,
    ['#'] = IN_QUERY_AND_UP,
    ['\''] = SET_SPECIAL_QUERY,
    ['?'] = IN_PATH_AND_UP,
    ['^'] = IN_PATH_AND_UP,
    ['{'] = IN_PATH_AND_UP,
    ['}'] = IN_PATH_AND_UP,
    ['/'] = SET_USERINFO,
    [':'] = SET_USERINFO,
    [';'] = SET_USERINFO,
    ['='] = SET_USERINFO,
    ['@'] = SET_USERINFO,
    ['['] = SET_USERINFO,
    ['\\'] = SET_USERINFO,
    [']'] = SET_USERINFO,
    ['|'] = SET_USERINFO,
};

static bool is_encoded(uint8_t c, unsigned set)
{
    return c < ' ' || c > '~' || (encode_sets[c] & set) != 0;
}

static void append_encoded(weir_bytes text, unsigned set, weir_buf *out)
{
    static const char hex[] = "0123456789ABCDEF";
    const uint8_t *data = text.data;
    size_t start = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (!is_encoded(data[i], set)) {
            continue;
        }
        weir_buf_append(out, data + start, i - start);
        const char encoded[3] = {'%', hex[data[i] >> 4], hex[data[i] & 15]};
        weir_buf_append(out, encoded, sizeof encoded);
        start = i + 1;
    }
    weir_buf_append(out, data + start, text.size - start);
}

static weir_bytes bytes_from(weir_bytes text, size_t start)
{
    return (weir_bytes){(const uint8_t *)text.data + start, text.size - start};
}

static weir_bytes bytes_until(weir_bytes text, size_t end)
{
    return (weir_bytes){text.data, end};
}

/* Index of the first byte that is one of stops, or the size of text. */
static size_t find_any(weir_bytes text, const char *stops)
{
    const uint8_t *data = text.data;
    size_t i = 0;
    while (i < text.size && (data[i] == 0 || strchr(stops, data[i]) == NULL)) {
        i++;
    }
    return i;
}

static bool is_slash_at(weir_bytes text, size_t index)
{
    const char *data = text.data;
    return index < text.size && (data[index] == '/' || data[index] == '\\');
}

static bool is_tab_or_newline(uint8_t c)
{
    return c == '\t' || c == '\n' || c == '\r';
}

/* Trims control characters and spaces, removes tabs and newlines, repairs UTF-8: the view of input
 * that is parsed, which lies in input itself or in *room. */
static weir_bytes clean_input(weir_bytes input, weir_buf *room)
{
    const uint8_t *data = input.data;
    size_t start = 0;
    size_t end = input.size;
    while (start < end && data[start] <= ' ') {
        start++;
    }
    while (end > start && data[end - 1] <= ' ') {
        end--;
    }
    bool clean = true;
    for (size_t i = start; i < end; i++) {
        clean = clean && data[i] < 0x80 && !is_tab_or_newline(data[i]);
    }
    weir_bytes trimmed = {data + start, end - start};
    if (clean) {
        return trimmed;
    }
    weir_buf_clear(room);
    weir_utf8_append_well_formed(trimmed, room);
    size_t kept = 0;
    for (size_t i = 0; i < room->size; i++) {
        if (!is_tab_or_newline(room->data[i])) {
            room->data[kept++] = room->data[i];
        }
    }
    room->size = kept;
    return weir_buf_bytes(room);
}

/* Bytes of "scheme" before ':' at the start of text, or 0 where there is no scheme. */
static size_t scheme_length(weir_bytes text)
{
    const uint8_t *data = text.data;
    size_t i = 0;
    for (; i < text.size && data[i] != ':'; i++) {
        uint8_t lower = data[i] | 0x20;
        bool letter = lower >= 'a' && lower <= 'z';
        bool inner = (data[i] >= '0' && data[i] <= '9') || data[i] == '+' || data[i] == '-' ||
                     data[i] == '.';
        if (!letter && (i == 0 || !inner)) {
            return 0;
        }
    }
    return i < text.size ? i : 0;
}

static bool equal_ignoring_case(weir_bytes text, const char *lower)
{
    return strlen(lower) == text.size && strncasecmp(text.data, lower, text.size) == 0;
}

/* "." and "..", of which each dot may be written %2e. 0 where segment is neither. */
static size_t dots_of(weir_bytes segment)
{
    size_t dots = 0;
    size_t at = 0;
    const char *data = segment.data;
    while (at < segment.size && dots < 3) {
        if (data[at] == '.') {
            at++;
        } else if (segment.size - at >= 3 && strncasecmp(data + at, "%2e", 3) == 0) {
            at += 3;
        } else {
            return 0;
        }
        dots++;
    }
    return dots > 2 ? 0 : dots;
}

static void path_shorten(weir_buf *path)
{
    while (path->size > 0 && path->data[--path->size] != '/') {
    }
}

static void parse_fragment(weir_url *url, weir_bytes text)
{
    url->has_fragment = true;
    append_encoded(text, SET_FRAGMENT, &url->fragment);
}

/* text follows '?'. */
static void parse_query(weir_url *url, weir_bytes text)
{
    size_t end = find_any(text, "#");
    url->has_query = true;
    append_encoded(bytes_until(text, end), SET_SPECIAL_QUERY, &url->query);
    if (end < text.size) {
        parse_fragment(url, bytes_from(text, end + 1));
    }
}

/* Appends the segments of text, which starts after a slash, to the path. */
static void parse_path(weir_url *url, weir_bytes text)
{
    size_t path_end = find_any(text, "?#");
    weir_bytes path = bytes_until(text, path_end);
    size_t start = 0;
    for (bool more = true; more;) {
        weir_bytes rest = bytes_from(path, start);
        size_t length = find_any(rest, "/\\");
        weir_bytes segment = bytes_until(rest, length);
        more = length < rest.size;
        size_t dots = dots_of(segment);
        if (dots == 2) {
            path_shorten(&url->path);
        }
        if (dots == 0 || !more) {
            weir_buf_append_byte(&url->path, '/');
            append_encoded(dots == 0 ? segment : WEIR_BYTES(""), SET_PATH, &url->path);
        }
        start += length + 1;
    }
    if (path_end == text.size) {
        return;
    }
    weir_bytes after = bytes_from(text, path_end + 1);
    if (((const char *)text.data)[path_end] == '?') {
        parse_query(url, after);
    } else {
        parse_fragment(url, after);
    }
}

static weir_status parse_port(weir_url *url, weir_bytes text, weir_error *err)
{
    const uint8_t *data = text.data;
    unsigned port = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (data[i] < '0' || data[i] > '9') {
            return weir_error_set(err, WEIR_BAD_RECORD, "invalid_port: a port has digits only");
        }
        port = port * 10 + (unsigned)(data[i] - '0');
        if (port > UINT16_MAX) {
            return weir_error_set(err, WEIR_BAD_RECORD, "invalid_port: a port is at most 65535");
        }
    }
    url->has_port = text.size > 0 && port != (url->https ? 443 : 80);
    url->port = url->has_port ? (uint16_t)port : 0;
    return WEIR_OK;
}

/* Index of the ':' before the port, which is not one inside brackets; the size if there is none. */
static size_t find_port_colon(weir_bytes text)
{
    const char *data = text.data;
    bool in_brackets = false;
    size_t i = 0;
    for (; i < text.size && (data[i] != ':' || in_brackets); i++) {
        in_brackets = data[i] == '[' || (in_brackets && data[i] != ']');
    }
    return i;
}

static void parse_credentials(weir_url *url, weir_bytes text)
{
    size_t colon = find_any(text, ":");
    append_encoded(bytes_until(text, colon), SET_USERINFO, &url->username);
    if (colon < text.size) {
        append_encoded(bytes_from(text, colon + 1), SET_USERINFO, &url->password);
    }
}

/* text starts after the slashes of "//". */
static weir_status parse_authority(weir_url *url, weir_bytes text, weir_error *err)
{
    while (is_slash_at(text, 0)) {
        text = bytes_from(text, 1);
    }
    size_t end = find_any(text, "/\\?#");
    weir_bytes authority = bytes_until(text, end);
    const char *at = memrchr(authority.data, '@', authority.size);
    if (at != NULL) {
        size_t length = (size_t)(at - (const char *)authority.data);
        parse_credentials(url, bytes_until(authority, length));
        authority = bytes_from(authority, length + 1);
    }
    size_t colon = find_port_colon(authority);
    if (colon == 0) {
        return weir_error_set(err, WEIR_BAD_RECORD, "missing_host: there is no host");
    }
    WEIR_TRY(weir_url_host_parse(bytes_until(authority, colon), &url->host, err));
    if (colon < authority.size) {
        WEIR_TRY(parse_port(url, bytes_from(authority, colon + 1), err));
    }
    parse_path(url, bytes_from(text, is_slash_at(text, end) ? end + 1 : end));
    return WEIR_OK;
}

static void copy_authority(weir_url *url, const weir_url *base)
{
    url->https = base->https;
    url->has_port = base->has_port;
    url->port = base->port;
    weir_buf_set(&url->username, weir_buf_bytes(&base->username));
    weir_buf_set(&url->password, weir_buf_bytes(&base->password));
    weir_buf_set(&url->host, weir_buf_bytes(&base->host));
}

static weir_status parse_relative(weir_url *url, weir_bytes text, const weir_url *base,
                                  weir_error *err)
{
    if (is_slash_at(text, 0) && is_slash_at(text, 1)) {
        url->https = base->https;
        return parse_authority(url, text, err);
    }
    copy_authority(url, base);
    if (is_slash_at(text, 0)) {
        parse_path(url, bytes_from(text, 1));
        return WEIR_OK;
    }
    weir_buf_set(&url->path, weir_buf_bytes(&base->path));
    char first = text.size > 0 ? *(const char *)text.data : '#';
    if (first == '?') {
        parse_query(url, bytes_from(text, 1));
        return WEIR_OK;
    }
    if (first != '#') {
        path_shorten(&url->path);
        parse_path(url, text);
        return WEIR_OK;
    }
    url->has_query = base->has_query;
    weir_buf_set(&url->query, weir_buf_bytes(&base->query));
    if (text.size > 0) {
        parse_fragment(url, bytes_from(text, 1));
    }
    return WEIR_OK;
}

static void url_clear(weir_url *url)
{
    url->https = url->has_port = url->has_query = url->has_fragment = false;
    url->port = 0;
    weir_buf *parts[] = {&url->username, &url->password, &url->host,
                         &url->path,     &url->query,    &url->fragment};
    for (size_t i = 0; i < WEIR_COUNT_OF(parts); i++) {
        weir_buf_clear(parts[i]);
    }
}

weir_status weir_url_parse(weir_bytes input, const weir_url *base, weir_url *out_url,
                           weir_error *err)
{
    WEIR_ASSERT(input.data != NULL);
    WEIR_ASSERT(out_url != NULL);
    WEIR_ASSERT(out_url != base);
    if (input.size > WEIR_URL_INPUT_BYTES_MAX) {
        return weir_error_set(err, WEIR_BAD_RECORD, "too_long: %zu bytes, at most %d are parsed",
                              input.size, WEIR_URL_INPUT_BYTES_MAX);
    }
    url_clear(out_url);
    weir_bytes text = clean_input(input, &out_url->input);
    size_t length = scheme_length(text);
    if (length == 0 && base == NULL) {
        return weir_error_set(err, WEIR_BAD_RECORD,
                              "missing_base: a relative URL, and nothing that it is relative to");
    }
    if (length == 0) {
        return parse_relative(out_url, text, base, err);
    }
    weir_bytes scheme = bytes_until(text, length);
    weir_bytes rest = bytes_from(text, length + 1);
    out_url->https = equal_ignoring_case(scheme, "https");
    if (!out_url->https && !equal_ignoring_case(scheme, "http")) {
        return weir_error_set(err, WEIR_BAD_RECORD,
                              "unsupported_scheme: '%.*s' is neither http nor https",
                              length > 40 ? 40 : (int)length, (const char *)scheme.data);
    }
    bool has_slashes = is_slash_at(rest, 0) && is_slash_at(rest, 1);
    if (base != NULL && base->https == out_url->https && !has_slashes) {
        return parse_relative(out_url, rest, base, err);
    }
    return parse_authority(out_url, rest, err);
}

void weir_url_append_host(const weir_url *url, weir_buf *out)
{
    WEIR_ASSERT(url != NULL);
    WEIR_ASSERT(out != NULL);
    weir_buf_append(out, url->host.data, url->host.size);
    if (url->has_port) {
        weir_buf_append_format(out, ":%u", url->port);
    }
}

static void append_path_and_query(const weir_url *url, weir_buf *out)
{
    weir_buf_append(out, url->path.data, url->path.size);
    if (url->has_query) {
        weir_buf_append_byte(out, '?');
        weir_buf_append(out, url->query.data, url->query.size);
    }
}

void weir_url_append_resource(const weir_url *url, weir_buf *out)
{
    WEIR_ASSERT(url->host.size > 0);
    weir_buf_append_text(out, url->https ? "https://" : "http://");
    weir_url_append_host(url, out);
    append_path_and_query(url, out);
}

void weir_url_append(const weir_url *url, weir_buf *out)
{
    WEIR_ASSERT(url->host.size > 0);
    weir_buf_append_text(out, url->https ? "https://" : "http://");
    if (url->username.size > 0 || url->password.size > 0) {
        weir_buf_append(out, url->username.data, url->username.size);
        if (url->password.size > 0) {
            weir_buf_append_byte(out, ':');
            weir_buf_append(out, url->password.data, url->password.size);
        }
        weir_buf_append_byte(out, '@');
    }
    weir_url_append_host(url, out);
    append_path_and_query(url, out);
    if (url->has_fragment) {
        weir_buf_append_byte(out, '#');
        weir_buf_append(out, url->fragment.data, url->fragment.size);
    }
}

void weir_url_cleanup(weir_url *url)
{
    WEIR_ASSERT(url != NULL);
    weir_buf_cleanup(&url->username);
    weir_buf_cleanup(&url->password);
    weir_buf_cleanup(&url->host);
    weir_buf_cleanup(&url->path);
    weir_buf_cleanup(&url->query);
    weir_buf_cleanup(&url->fragment);
    weir_buf_cleanup(&url->input);
}
