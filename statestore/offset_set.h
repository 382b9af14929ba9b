/* SPDX-License-Identifier: Apache-2.0
 *
 * offset_set.h - which offsets above a base are finished, for the metadata of an offset commit.
 *
 * Text of limited length, since a broker refuses metadata above 4,096 bytes and keeps it as a
 * string. Offsets finish nearly in order, so the set is a few long runs: each takes two numbers.
 *
 * Threads    Any, one at a time per bitmap.
 */
#ifndef WEIR_STATESTORE_OFFSET_SET_H
#define WEIR_STATESTORE_OFFSET_SET_H

#include "statestore/bitmap.h"

/* More than this many offsets above the base are not in flight. */
enum { WEIR_OFFSET_SET_SPAN_MAX = 1 << 24 };

/* Appends the offsets of set that are >= base as printable text. WEIR_AGAIN where that takes more
 * than bytes_max, or they reach further than the span allows: let more of the early ones finish
 * first; *out is unchanged. */
weir_status weir_offset_set_encode(const weir_bitmap *set, int64_t base, size_t bytes_max,
                                   weir_buf *out);

/* Reads the text again. Empty text is the empty set; WEIR_BAD_RECORD for anything else that
 * weir_offset_set_encode did not write. */
weir_status weir_offset_set_decode(weir_bytes text, int64_t base, weir_bitmap **out_set,
                                   weir_error *err);

#endif
