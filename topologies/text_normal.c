/* SPDX-License-Identifier: Apache-2.0
 *
 * text_normal.c - one pass over the text, with the newlines and spaces that are not yet sure to
 * stay held back as two counts.
 */
#include "topologies/text_normal.h"

#include "streams/base/hash.h"
#include "streams/base/status.h"
#include "topologies/utf8.h"

#include <assert.h>

static_assert(WEIR_CONTENT_HASH_BYTES == 2 * WEIR_SHA256_BYTES + 1, "hex digits and a NUL");

enum { NEWLINES_MAX = 2, ASCII_LIMIT = 0x80, DELETE = 0x7f };

typedef enum role {
    ROLE_KEEP,
    ROLE_DROP,
    ROLE_SPACE,
    ROLE_TAB,
    ROLE_NEWLINE,
} role;

static role role_of_ascii(uint32_t c)
{
    switch (c) {
    case ' ':
        return ROLE_SPACE;
    case '\t':
        return ROLE_TAB;
    case '\n':
    case '\f':
        return ROLE_NEWLINE;
    default:
        return c < ' ' || c == DELETE ? ROLE_DROP : ROLE_KEEP;
    }
}

static role role_of(uint32_t c)
{
    if (c < ASCII_LIMIT) {
        return role_of_ascii(c);
    }
    if (c == 0x85 || c == 0x2028 || c == 0x2029) {
        return ROLE_NEWLINE;
    }
    if (c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x202f || c == 0x205f ||
        c == 0x3000) {
        return ROLE_SPACE;
    }
    bool is_unseen = c < 0xa0 || c == 0xad || c == 0x34f || c == 0x61c || c == 0x180e ||
                     (c >= 0x200b && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) ||
                     (c >= 0x2060 && c <= 0x206f) || (c >= 0xfe00 && c <= 0xfe0f) || c == 0xfeff ||
                     (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe0fff);
    return is_unseen ? ROLE_DROP : ROLE_KEEP;
}

/* Newlines and white space seen, of which the next visible character decides. */
typedef struct pending {
    size_t newlines;
    weir_buf spaces;
} pending;

static void pending_cleanup(pending *held)
{
    weir_buf_cleanup(&held->spaces);
}

static void release(pending *held, weir_buf *out)
{
    for (size_t i = 0; i < held->newlines && i < NEWLINES_MAX && out->size > 0; i++) {
        weir_buf_append_byte(out, '\n');
    }
    weir_bytes spaces = weir_buf_bytes(&held->spaces);
    weir_buf_append(out, spaces.data, spaces.size);
    held->newlines = 0;
    weir_buf_clear(&held->spaces);
}

/* Bytes from at that are visible ASCII. */
static size_t visible_run(const uint8_t *at, const uint8_t *end)
{
    const uint8_t *start = at;
    while (at<end && * at> ' ' && *at < DELETE) {
        at++;
    }
    return (size_t)(at - start);
}

/* Handles the character at `at`, which is not visible ASCII, and returns its bytes. */
static size_t take_character(const uint8_t *at, const uint8_t *end, pending *held, weir_buf *out)
{
    uint32_t c = *at;
    size_t size = 1;
    if (c >= ASCII_LIMIT) {
        size = weir_utf8_decode(weir_bytes_of(at, (size_t)(end - at)), &c);
    } else if (c == '\r') {
        size = end - at >= 2 && at[1] == '\n' ? 2 : 1;
        c = '\n';
    }
    switch (role_of(c)) {
    case ROLE_NEWLINE:
        held->newlines++;
        weir_buf_clear(&held->spaces);
        break;
    case ROLE_SPACE:
        weir_buf_append_byte(&held->spaces, ' ');
        break;
    case ROLE_TAB:
        weir_buf_append_byte(&held->spaces, '\t');
        break;
    case ROLE_KEEP:
        release(held, out);
        weir_buf_append(out, size == 0 ? (const void *)"\xef\xbf\xbd" : at, size == 0 ? 3 : size);
        break;
    case ROLE_DROP:
        break;
    }
    return size == 0 ? 1 : size;
}

void weir_text_normalise(weir_bytes text, weir_buf *out)
{
    WEIR_ASSERT(out != NULL);
    WEIR_ASSERT(text.size == 0 || text.data != NULL);

    weir_buf_clear(out);
    WEIR_AUTO(pending) held = {0};
    const uint8_t *at = text.data;
    const uint8_t *end = text.size == 0 ? at : at + text.size;
    while (at < end) {
        size_t run = visible_run(at, end);
        if (run > 0) {
            release(&held, out);
            weir_buf_append(out, at, run);
            at += run;
        } else {
            at += take_character(at, end, &held, out);
        }
    }
}

void weir_content_hash(weir_bytes normal_text, char out_hash[WEIR_CONTENT_HASH_BYTES])
{
    uint8_t digest[WEIR_SHA256_BYTES];
    weir_sha256(normal_text.data == NULL ? WEIR_BYTES("") : normal_text, digest);
    weir_hex(digest, sizeof digest, out_hash);
}
