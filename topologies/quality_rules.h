/* SPDX-License-Identifier: Apache-2.0
 *
 * quality_rules.h - named rules that a text passes or not, and the sets in which they are used.
 *
 * Names and limits are those of the Gopher, C4 and FineWeb filters as FineWeb's pipeline runs them;
 * a rule's name is the reason that goes to topics and tables. Lengths are code points, words those
 * of text_words.h.
 *
 * Where this differs from FineWeb's own code:
 *   - every rule of the set is applied and every reason reported; it stops at the first;
 *   - n-grams and gopher_below_alpha_threshold count words, as the Gopher paper does, where its
 *     tokenizer makes a word of every punctuation mark, so that source code fails by its brackets.
 *     Hashes, ellipses and list_ratio are per word and punctuation mark, as there;
 *   - what rests on English (gopher_enough_stop_words, too_few_sentences) is asked of English only;
 *   - the mean length of words is not asked of scripts that put no spaces between them;
 *   - an n-gram that comes once is no repetition (its top n-gram may be one).
 *
 * Threads    Any.
 */
#ifndef WEIR_TOPOLOGIES_QUALITY_RULES_H
#define WEIR_TOPOLOGIES_QUALITY_RULES_H

#include "streams/base/bytes.h"

enum { WEIR_QUALITY_RULES_MAX = 48 };

/* Groups of rules; a rule set is a choice of them. */
typedef enum weir_rule_group {
    WEIR_RULES_GOPHER_QUALITY = 1 << 0,
    WEIR_RULES_GOPHER_REPETITION = 1 << 1,
    WEIR_RULES_C4 = 1 << 2,
    WEIR_RULES_FINEWEB = 1 << 3,
    WEIR_RULES_LANGUAGE = 1 << 4, /* language_score: confidence of at least 0.65. */
} weir_rule_group;

typedef struct weir_rule_set {
    const char *name;
    unsigned groups;     /* Of weir_rule_group. */
    const char *without; /* Rules of those groups that are left out: " a b ". */
} weir_rule_set;

/* The set called name: "default", "gopher", "c4", "fineweb"; NULL where there is none. */
const weir_rule_set *weir_rule_set_of(weir_bytes name);

/* What a rule looks at besides the text. */
typedef struct weir_quality_input {
    weir_bytes text;      /* UTF-8. */
    const char *language; /* BCP 47; "und" where unknown. */
    double language_confidence;
} weir_quality_input;

typedef struct weir_quality {
    bool accepted;
    double score; /* 0 to 1: the mean over the rules applied; see quality_rules.c. */
    size_t reason_count;
    const char *reasons[WEIR_QUALITY_RULES_MAX]; /* Static, in the order of the rules. */
} weir_quality;

/* Applies the rules of set to input. Linear in the text. */
weir_quality weir_quality_of(const weir_quality_input *input, const weir_rule_set *set);

/* Walks all rules: their name and limit. False past the last one. */
bool weir_quality_rule_at(size_t index, const char **out_name, double *out_limit);

#endif
