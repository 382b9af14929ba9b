/* SPDX-License-Identifier: Apache-2.0
 *
 * charset_labels.h - the encodings of the WHATWG Encoding standard (its section 4.2), as data.
 *
 * Threads    Immutable.
 */
#ifndef WEIR_TOPOLOGIES_CHARSET_LABELS_H
#define WEIR_TOPOLOGIES_CHARSET_LABELS_H

/* An encoding. iconv_name is NULL for the two that charset.c decodes itself and for the one that
 * decodes to a single U+FFFD. labels are lower case, each with a space before and after. */
typedef struct weir_charset_entry {
    const char *name;
    const char *iconv_name;
    const char *labels;
} weir_charset_entry;

extern const weir_charset_entry weir_charset_entries[];
extern const unsigned weir_charset_entry_count;

#endif
