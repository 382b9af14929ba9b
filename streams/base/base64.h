/* SPDX-License-Identifier: Apache-2.0
 *
 * base64.h - bytes as text of 64 letters (RFC 4648, 4), padded with '='; and of the letters that a
 * URL takes as they are (5), not padded.
 *
 * Threads    Any.
 */
#ifndef WEIR_STREAMS_BASE_BASE64_H
#define WEIR_STREAMS_BASE_BASE64_H

#include "streams/base/bytes.h"

/* Appends the text of bytes. */
void weir_base64_append(weir_buf *to, weir_bytes bytes);

/* Appends the bytes of text, whose padding may be missing; false where a letter is none of the 64,
 * with some bytes appended. */
bool weir_base64_decode(weir_bytes text, weir_buf *to);

/* The same with the letters of URLs. False for padding, too, and for what weir_base64url_append
 * would not have written: a letter alone, or bits left over. */
void weir_base64url_append(weir_buf *to, weir_bytes bytes);
bool weir_base64url_decode(weir_bytes text, weir_buf *to);

#endif
