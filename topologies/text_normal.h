/* SPDX-License-Identifier: Apache-2.0
 *
 * text_normal.h - the normal form of a main text, which names it: its SHA-256 is the content_hash.
 *
 * The normal form is what is stored, so that the object extracted/<content_hash> holds bytes of
 * exactly that hash whichever page brings it. It therefore keeps case and punctuation and changes
 * only what a reader cannot see:
 *   - ill-formed bytes become U+FFFD; controls other than tab and newline, soft hyphens, zero-width
 *     characters, direction marks and variation selectors go;
 *   - CR LF, CR, form feed, U+0085, U+2028 and U+2029 become newline; every other white space
 *     becomes a space;
 *   - a line loses the white space at its end; empty lines at the start and the end of the text go,
 *     and two or more between lines become one.
 * Runs of spaces inside a line stay: they are the layout of source code. Composed and decomposed
 * forms (NFC, NFD) are not unified. Normalising twice changes nothing more.
 *
 * Threads    Any.
 */
#ifndef WEIR_TOPOLOGIES_TEXT_NORMAL_H
#define WEIR_TOPOLOGIES_TEXT_NORMAL_H

#include "streams/base/bytes.h"

enum { WEIR_CONTENT_HASH_BYTES = 65 }; /* 64 digits of hex and a NUL. */

/* Replaces *out by the normal form of text. */
void weir_text_normalise(weir_bytes text, weir_buf *out);

/* The content_hash of a text in normal form: lower-case hex and a NUL. */
void weir_content_hash(weir_bytes normal_text, char out_hash[WEIR_CONTENT_HASH_BYTES]);

#endif
