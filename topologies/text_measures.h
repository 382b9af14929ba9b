/* SPDX-License-Identifier: Apache-2.0
 *
 * text_measures.h - the numbers about a text that quality rules compare with their limits.
 *
 * Threads    Any.
 */
#ifndef WEIR_TOPOLOGIES_TEXT_MEASURES_H
#define WEIR_TOPOLOGIES_TEXT_MEASURES_H

#include "streams/base/bytes.h"

enum {
    WEIR_NGRAM_TOP_MIN = 2, /* Word n-grams of which the most frequent counts: 2, 3, 4. */
    WEIR_NGRAM_TOP_MAX = 4,
    WEIR_NGRAM_DUP_MIN = 5, /* And of which all repetitions count: 5 to 10. */
    WEIR_NGRAM_DUP_MAX = 10,
};

/* Parts are 0 to 1; of nothing they are 0. */
typedef struct weir_text_measures {
    double code_points;
    double words;  /* Without punctuation marks. */
    double tokens; /* With them. */
    double mean_word_length;
    double hashes_per_token;
    double ellipses_per_token;
    double words_with_letter; /* Part of the words. */
    double stop_words;        /* Distinct ones of the eight of Gopher. */
    double bullet_lines;
    double ellipsis_lines;
    double dup_paragraphs;
    double dup_paragraph_chars;
    double dup_lines;
    double dup_line_chars;
    double ngram_chars[WEIR_NGRAM_DUP_MAX + 1]; /* By n. */
    double ideographs;                          /* Part of the words. */
    double c4_sentences;
    double c4_lorem_ipsum;
    double c4_curly_brackets;
    double lines; /* That are not empty. */
    double lines_with_end_mark;
    double short_lines;
    double dup_chars; /* Of repeated lines that are not empty. */
    double newlines_per_token;
} weir_text_measures;

/* Measures text. Time and memory are linear in its length. */
weir_text_measures weir_text_measures_of(weir_bytes text);

#endif
