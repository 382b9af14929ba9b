/* SPDX-License-Identifier: Apache-2.0
 *
 * text_words.h - a text as words and punctuation: what quality rules count and shingles are made
 * of.
 *
 * A word is a run of letters, digits and marks; an apostrophe, full stop, comma, hyphen or
 * underscore between two of them belongs to it (don't, 3.14, well-known). A Han, kana, Thai, Lao,
 * Khmer or Burmese character is a word of its own, for these scripts write no spaces. Every other
 * character that is not white space is a token too, of the kind punctuation.
 *
 * Threads    Any.
 */
#ifndef WEIR_TOPOLOGIES_TEXT_WORDS_H
#define WEIR_TOPOLOGIES_TEXT_WORDS_H

#include "streams/base/bytes.h"

typedef enum weir_char_kind {
    WEIR_CHAR_SPACE = 0, /* White space, controls, and what has no width. */
    WEIR_CHAR_LETTER,    /* Letters and marks. */
    WEIR_CHAR_DIGIT,
    WEIR_CHAR_IDEOGRAPH, /* A word by itself. */
    WEIR_CHAR_PUNCTUATION,
} weir_char_kind;

/* The kind of a Unicode code point, by its block. */
weir_char_kind weir_char_kind_of(uint32_t code_point);

/* Lower case of Latin, Greek, Cyrillic and Armenian letters, one code point to one; others stay. */
uint32_t weir_char_lower(uint32_t code_point);

typedef struct weir_word {
    weir_bytes bytes;     /* Borrowed from the text. */
    uint32_t code_points; /* Its length. */
    bool is_punctuation;
    bool has_letter; /* At least one letter or ideograph. */
} weir_word;

/* Walks text: *position starts at 0. False at the end. An ill-formed byte counts as punctuation. */
bool weir_word_next(weir_bytes text, size_t *position, weir_word *out_word);

/* How many words text has, punctuation not counted. */
size_t weir_word_count(weir_bytes text);

/* How many code points text has. */
size_t weir_code_point_count(weir_bytes text);

#endif
