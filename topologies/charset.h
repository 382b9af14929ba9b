/* SPDX-License-Identifier: Apache-2.0
 *
 * charset.h - from the bytes of a page to UTF-8.
 *
 * The encoding is the first that is known of: byte order mark, charset of the Content-Type header,
 * <meta> in the first 1,024 bytes (the prescan of the HTML standard), what the bytes look like,
 * windows-1252. Names and labels are those of the WHATWG Encoding standard.
 *
 * One deviation: a page declared as windows-1252 (so also as iso-8859-1 or ascii) whose bytes are
 * well-formed UTF-8 with characters beyond ASCII is read as UTF-8. Servers send that label by
 * default, and text in windows-1252 is next to never well-formed UTF-8 by accident.
 *
 * Threads    Any.
 */
#ifndef WEIR_TOPOLOGIES_CHARSET_H
#define WEIR_TOPOLOGIES_CHARSET_H

#include "streams/base/bytes.h"

enum {
    WEIR_CHARSET_PRESCAN_BYTES = 1024,
    WEIR_CHARSET_DETECT_BYTES_MAX = 64 << 10, /* How much of a page is looked at for a guess. */
};

typedef enum weir_charset_source {
    WEIR_CHARSET_FROM_BOM = 0,
    WEIR_CHARSET_FROM_HTTP,
    WEIR_CHARSET_FROM_META,
    WEIR_CHARSET_FROM_BYTES, /* Guessed. */
    WEIR_CHARSET_BY_DEFAULT,
} weir_charset_source;

typedef struct weir_charset {
    const char *name; /* "UTF-8", "Shift_JIS", …: static. */
    weir_charset_source source;
} weir_charset;

/* The encoding that label ("latin1", " UTF8 ") names, static; NULL where it names none. */
const char *weir_charset_name_of_label(weir_bytes label);

/* The encoding of body. content_type is the header's value; null bytes where there is none. */
weir_charset weir_charset_find(weir_bytes body, weir_bytes content_type);

/* Replaces *out_utf8 by body as well-formed UTF-8 without byte order mark; what is no text in the
 * encoding called name becomes U+FFFD. False where that takes more than bytes_max: *out_utf8 then
 * holds the part that fits. */
bool weir_charset_decode(const char *name, weir_bytes body, size_t bytes_max, weir_buf *out_utf8);

#endif
