/* SPDX-License-Identifier: Apache-2.0
 *
 * utf8.h - well-formed UTF-8, as a decoder of the Encoding standard leaves it.
 *
 * Threads    Any.
 */
#ifndef WEIR_TOPOLOGIES_UTF8_H
#define WEIR_TOPOLOGIES_UTF8_H

#include "streams/base/bytes.h"

/* Length of the well-formed sequence at the start of bytes (1 to 4), or 0 where there is none.
 * *out_code_point is then the code point; where there is none, U+FFFD. */
size_t weir_utf8_decode(weir_bytes bytes, uint32_t *out_code_point);

/* Whether all of bytes is UTF-8. */
bool weir_utf8_is_well_formed(weir_bytes bytes);

/* Appends bytes to out, each maximal ill-formed part replaced by U+FFFD. */
void weir_utf8_append_well_formed(weir_bytes bytes, weir_buf *out);

#endif
