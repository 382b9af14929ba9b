/* SPDX-License-Identifier: Apache-2.0
 *
 * url_canon.c - what is dropped from a parsed URL before it names a page.
 *
 * Session ids make one page look like many. A parameter is dropped when its name is in the list
 * below and its value looks like an id; "sid" and "id" of 32 hex digits are, "sid=7" is not.
 *
 *   /a;jsessionid=1F2A?x=1&PHPSESSID=0123456789abcdef0123456789abcdef  ->  /a?x=1
 */
#include "topologies/url_canon.h"

#include "streams/base/hash.h"

#include <libpsl.h>

#include <string.h>

enum { URL_HASH_DIGEST_BYTES = WEIR_URL_HASH_BYTES / 2 };

/* A parameter that carries a session. Names are compared without case. */
typedef struct session_parameter {
    const char *name;
    size_t value_bytes_min; /* Shorter values are not ids. */
    bool is_prefix;         /* The parameter's name goes on after this one. */
} session_parameter;

static const session_parameter session_parameters[] = {
    {"jsessionid", 1, false}, {"phpsessid", 1, false}, {"aspsessionid", 1, true},
    {"cfid", 1, false},       {"cftoken", 1, false},   {"sessionid", 8, false},
    {"session_id", 8, false}, {"sessid", 8, false},    {"oscsid", 8, false},
    {"zenid", 8, false},      {"sid", 32, false},      {"s_session", 8, false},
};

static bool is_alphanumeric(weir_bytes text)
{
    const uint8_t *data = text.data;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t lower = data[i] | 0x20;
        bool digit = data[i] >= '0' && data[i] <= '9';
        if (!digit && !(lower >= 'a' && lower <= 'z') && strchr("-_.!,", data[i]) == NULL) {
            return false;
        }
    }
    return true;
}

static bool matches(const session_parameter *parameter, weir_bytes name, weir_bytes value)
{
    size_t length = strlen(parameter->name);
    if (name.size < length || (name.size > length && !parameter->is_prefix)) {
        return false;
    }
    return strncasecmp(name.data, parameter->name, length) == 0 &&
           value.size >= parameter->value_bytes_min && is_alphanumeric(value);
}

/* Whether "name=value" carries a session id. */
static bool is_session_pair(weir_bytes pair)
{
    const char *equals = memchr(pair.data, '=', pair.size);
    if (equals == NULL) {
        return false;
    }
    size_t name_bytes = (size_t)(equals - (const char *)pair.data);
    weir_bytes name = {pair.data, name_bytes};
    weir_bytes value = {equals + 1, pair.size - name_bytes - 1};
    for (size_t i = 0; i < WEIR_COUNT_OF(session_parameters); i++) {
        if (matches(&session_parameters[i], name, value)) {
            return true;
        }
    }
    return false;
}

static size_t find_byte(const weir_buf *buf, size_t start, char c)
{
    const uint8_t *found =
        start < buf->size ? memchr(buf->data + start, c, buf->size - start) : NULL;
    return found == NULL ? buf->size : (size_t)(found - buf->data);
}

/* Removes the session parameters of the query in place; a query that held nothing else goes. */
static void strip_query(weir_url *url)
{
    weir_buf *query = &url->query;
    size_t kept = 0;
    bool stripped = false;
    for (size_t start = 0; start < query->size;) {
        size_t end = find_byte(query, start, '&');
        size_t length = end - start;
        if (is_session_pair((weir_bytes){query->data + start, length})) {
            stripped = true;
        } else {
            bool separated = kept > 0 || (start > 0 && !stripped);
            if (separated) {
                query->data[kept++] = '&';
            }
            memmove(query->data + kept, query->data + start, length);
            kept += length;
        }
        start = end + 1;
    }
    if (stripped) {
        query->size = kept;
        url->has_query = kept > 0;
    }
}

/* Removes ";jsessionid=…" and the like from each segment of the path; false where there is none. */
static bool strip_path(weir_buf *path)
{
    size_t bytes_before = path->size;
    for (size_t at = find_byte(path, 0, ';'); at < path->size; at = find_byte(path, at, ';')) {
        size_t end = at + 1;
        while (end < path->size && path->data[end] != ';' && path->data[end] != '/') {
            end++;
        }
        if (!is_session_pair((weir_bytes){path->data + at + 1, end - at - 1})) {
            at = end;
            continue;
        }
        memmove(path->data + at, path->data + end, path->size - end);
        path->size -= end - at;
    }
    return path->size < bytes_before;
}

/* Parses a stripped URL again: "/a/..;jsessionid=1" has become a path with dots. */
static weir_status reparse(weir_url *url, weir_error *err)
{
    WEIR_AUTO(weir_buf) text = {0};
    weir_url_append_resource(url, &text);
    return weir_url_parse(weir_buf_bytes(&text), NULL, url, err);
}

weir_status weir_url_canonicalise(weir_bytes input, const weir_url *base, weir_url *out_url,
                                  weir_error *err)
{
    WEIR_TRY(weir_url_parse(input, base, out_url, err));
    weir_buf_clear(&out_url->username);
    weir_buf_clear(&out_url->password);
    weir_buf_clear(&out_url->fragment);
    out_url->has_fragment = false;
    strip_query(out_url);
    if (strip_path(&out_url->path)) {
        WEIR_TRY(reparse(out_url, err));
    }
    size_t bytes = strlen("https://") + out_url->host.size + strlen(":65535") + out_url->path.size +
                   out_url->query.size;
    if (bytes <= WEIR_URL_BYTES_MAX) {
        return WEIR_OK;
    }
    weir_buf_clear(&out_url->input); /* No longer needed: room to measure exactly. */
    weir_url_append_resource(out_url, &out_url->input);
    if (out_url->input.size > WEIR_URL_BYTES_MAX) {
        return weir_error_set(err, WEIR_BAD_RECORD, "too_long: %zu bytes, at most %d are crawled",
                              out_url->input.size, WEIR_URL_BYTES_MAX);
    }
    return WEIR_OK;
}

weir_status weir_url_canon(weir_bytes input, const weir_url *base, weir_buf *out_url_text,
                           weir_error *err)
{
    WEIR_ASSERT(out_url_text != NULL);
    WEIR_AUTO(weir_url) url = {0};
    WEIR_TRY(weir_url_canonicalise(input, base, &url, err));
    weir_buf_clear(out_url_text);
    weir_url_append_resource(&url, out_url_text);
    return WEIR_OK;
}

weir_status weir_url_check_path(const weir_url *url, weir_error *err)
{
    WEIR_ASSERT(url != NULL);
    weir_bytes segments[WEIR_URL_SEGMENTS_MAX];
    size_t count = 0;
    for (size_t start = 1; start < url->path.size;) {
        size_t end = find_byte(&url->path, start, '/');
        weir_bytes segment = {url->path.data + start, end - start};
        if (count == WEIR_URL_SEGMENTS_MAX) {
            return weir_error_set(err, WEIR_BAD_RECORD,
                                  "pathological_path: more than %d segments in the path",
                                  WEIR_URL_SEGMENTS_MAX);
        }
        int repeats = 1;
        for (size_t i = 0; i < count; i++) {
            repeats += segment.size > 0 && weir_bytes_equal(segments[i], segment);
        }
        if (repeats > WEIR_URL_SEGMENT_REPEATS_MAX) {
            return weir_error_set(err, WEIR_BAD_RECORD,
                                  "pathological_path: segment '%.*s' occurs more than %d times",
                                  segment.size > 60 ? 60 : (int)segment.size,
                                  (const char *)segment.data, WEIR_URL_SEGMENT_REPEATS_MAX);
        }
        segments[count++] = segment;
        start = end + 1;
    }
    return WEIR_OK;
}

void weir_url_hash(weir_bytes canonical_url, char out_hash[WEIR_URL_HASH_BYTES + 1])
{
    WEIR_ASSERT(canonical_url.data != NULL);
    WEIR_ASSERT(out_hash != NULL);
    uint8_t digest[WEIR_SHA256_BYTES];
    weir_sha256(canonical_url, digest);
    weir_hex(digest, URL_HASH_DIGEST_BYTES, out_hash);
}

void weir_url_host_id(const weir_url *url, weir_buf *out_host_id)
{
    WEIR_ASSERT(url->host.size > 0);
    weir_buf_clear(out_host_id);
    weir_url_append_host(url, out_host_id);
}

weir_bytes weir_url_registrable_domain(weir_bytes host)
{
    WEIR_ASSERT(host.data != NULL);
    const char *data = host.data;
    bool is_address = host.size > 0 && (data[0] == '[' ||
                                        (data[host.size - 1] >= '0' && data[host.size - 1] <= '9'));
    if (is_address) {
        return host;
    }
    WEIR_AUTO_FREE char *text = weir_bytes_to_text(host);
    const char *domain = psl_registrable_domain(psl_builtin(), text);
    if (domain == NULL) {
        return host;
    }
    size_t skipped = (size_t)(domain - text);
    return (weir_bytes){data + skipped, host.size - skipped};
}
