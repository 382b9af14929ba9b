/* SPDX-License-Identifier: Apache-2.0
 *
 * quality_rules.c - the table of rules, the sets, and the score.
 *
 * The score says how far a text stays from the limits: a rule that it fails gives 0, one that it
 * passes gives 0.5 at the limit and up to 1 at a distance of the limit itself. The mean over the
 * rules applied is the score. It ranks the copies of a text (dedup keeps the best), nothing more.
 *
 * The default set is Gopher quality, Gopher repetition and language. C4's and FineWeb's rules are
 * made for news and blogs and reject what we want to keep. Of the 499 pages of the Python 3.11
 * manual that have text, the default set accepts 406: it rejects 31 lists of links of fewer than 50
 * words, and pages that do repeat themselves (the C API says "Part of the Stable ABI" of each
 * function, json has the same parameters four times, the argparse howto prints one script again and
 * again). The fineweb set accepts 135: char_dup_ratio rejects 267, as more than 1% of their
 * characters are in lines such as ">>> import re" that come twice, and curly_bracket 173, since
 * code has braces.
 */
#include "topologies/quality_rules.h"

#include "streams/base/status.h"
#include "topologies/text_measures.h"

#include <stddef.h>
#include <string.h>

typedef enum bound {
    AT_MOST,
    AT_LEAST,
} bound;

typedef struct rule {
    const char *name;
    unsigned group;
    bound bound;
    double limit;
    size_t measure; /* Offset in weir_text_measures. */
    bool english_only;
} rule;

#define MEASURE(name) offsetof(weir_text_measures, name)
#define NGRAM(n) (MEASURE(ngram_chars) + (n) * sizeof(double))
#define GOPHER_Q WEIR_RULES_GOPHER_QUALITY
#define GOPHER_R WEIR_RULES_GOPHER_REPETITION

static const rule rules[] = {
    {"language_score", WEIR_RULES_LANGUAGE, AT_LEAST, 0.65, SIZE_MAX, false},
    {"dup_para_frac", GOPHER_R, AT_MOST, 0.3, MEASURE(dup_paragraphs), false},
    {"dup_para_char_frac", GOPHER_R, AT_MOST, 0.2, MEASURE(dup_paragraph_chars), false},
    {"dup_line_frac", GOPHER_R, AT_MOST, 0.3, MEASURE(dup_lines), false},
    {"dup_line_char_frac", GOPHER_R, AT_MOST, 0.2, MEASURE(dup_line_chars), false},
    {"top_2_gram", GOPHER_R, AT_MOST, 0.20, NGRAM(2), false},
    {"top_3_gram", GOPHER_R, AT_MOST, 0.18, NGRAM(3), false},
    {"top_4_gram", GOPHER_R, AT_MOST, 0.16, NGRAM(4), false},
    {"duplicated_5_n_grams", GOPHER_R, AT_MOST, 0.15, NGRAM(5), false},
    {"duplicated_6_n_grams", GOPHER_R, AT_MOST, 0.14, NGRAM(6), false},
    {"duplicated_7_n_grams", GOPHER_R, AT_MOST, 0.13, NGRAM(7), false},
    {"duplicated_8_n_grams", GOPHER_R, AT_MOST, 0.12, NGRAM(8), false},
    {"duplicated_9_n_grams", GOPHER_R, AT_MOST, 0.11, NGRAM(9), false},
    {"duplicated_10_n_grams", GOPHER_R, AT_MOST, 0.10, NGRAM(10), false},
    {"gopher_short_doc", GOPHER_Q, AT_LEAST, 50, MEASURE(words), false},
    {"gopher_long_doc", GOPHER_Q, AT_MOST, 100000, MEASURE(words), false},
    {"gopher_below_avg_threshold", GOPHER_Q, AT_LEAST, 3, MEASURE(mean_word_length), false},
    {"gopher_above_avg_threshold", GOPHER_Q, AT_MOST, 10, MEASURE(mean_word_length), false},
    {"gopher_too_many_hashes", GOPHER_Q, AT_MOST, 0.1, MEASURE(hashes_per_token), false},
    {"gopher_too_many_ellipsis", GOPHER_Q, AT_MOST, 0.1, MEASURE(ellipses_per_token), false},
    {"gopher_too_many_bullets", GOPHER_Q, AT_MOST, 0.9, MEASURE(bullet_lines), false},
    {"gopher_too_many_end_ellipsis", GOPHER_Q, AT_MOST, 0.3, MEASURE(ellipsis_lines), false},
    {"gopher_below_alpha_threshold", GOPHER_Q, AT_LEAST, 0.8, MEASURE(words_with_letter), false},
    {"gopher_enough_stop_words", GOPHER_Q, AT_LEAST, 2, MEASURE(stop_words), true},
    {"lorem_ipsum", WEIR_RULES_C4, AT_MOST, 0, MEASURE(c4_lorem_ipsum), false},
    {"curly_bracket", WEIR_RULES_C4, AT_MOST, 0, MEASURE(c4_curly_brackets), false},
    {"too_few_sentences", WEIR_RULES_C4, AT_LEAST, 5, MEASURE(c4_sentences), true},
    {"empty", WEIR_RULES_FINEWEB, AT_LEAST, 1, MEASURE(lines), false},
    {"line_punct_ratio", WEIR_RULES_FINEWEB, AT_LEAST, 0.12, MEASURE(lines_with_end_mark), false},
    {"short_line_ratio", WEIR_RULES_FINEWEB, AT_MOST, 0.67, MEASURE(short_lines), false},
    {"char_dup_ratio", WEIR_RULES_FINEWEB, AT_MOST, 0.01, MEASURE(dup_chars), false},
    {"list_ratio", WEIR_RULES_FINEWEB, AT_MOST, 0.3, MEASURE(newlines_per_token), false},
};
_Static_assert(WEIR_COUNT_OF(rules) <= WEIR_QUALITY_RULES_MAX, "there is room for all reasons");

enum { GOPHER = GOPHER_Q | GOPHER_R };

static const weir_rule_set sets[] = {
    {"default", GOPHER | WEIR_RULES_LANGUAGE, ""},
    {"gopher", GOPHER, ""},
    {"c4", WEIR_RULES_C4, ""},
    {"fineweb", GOPHER | WEIR_RULES_LANGUAGE | WEIR_RULES_C4 | WEIR_RULES_FINEWEB, ""},
};

const weir_rule_set *weir_rule_set_of(weir_bytes name)
{
    for (size_t i = 0; i < WEIR_COUNT_OF(sets); i++) {
        if (weir_bytes_equal(name, weir_bytes_of_text(sets[i].name))) {
            return &sets[i];
        }
    }
    return NULL;
}

bool weir_quality_rule_at(size_t index, const char **out_name, double *out_limit)
{
    if (index >= WEIR_COUNT_OF(rules)) {
        return false;
    }
    *out_name = rules[index].name;
    *out_limit = rules[index].limit;
    return true;
}

static bool is_left_out(const weir_rule_set *set, const char *name)
{
    const char *found = strstr(set->without, name);
    return found != NULL && found > set->without && found[-1] == ' ' && found[strlen(name)] == ' ';
}

static bool is_english(const char *language)
{
    return language != NULL && strncmp(language, "en", 2) == 0 &&
           (language[2] == '\0' || language[2] == '-');
}

/* Whether a rule is asked of this text at all. */
static bool applies(const rule *r, const weir_rule_set *set, const weir_quality_input *input,
                    const weir_text_measures *m)
{
    enum { MOSTLY_PERCENT = 50 };
    bool asks_for_word_length = r->measure == MEASURE(mean_word_length);
    return (r->group & set->groups) != 0 && !is_left_out(set, r->name) &&
           (!r->english_only || is_english(input->language)) &&
           !(asks_for_word_length && m->ideographs * 100 > MOSTLY_PERCENT);
}

static double value_of(const rule *r, const weir_quality_input *input, const weir_text_measures *m)
{
    double value = input->language_confidence;
    if (r->measure != SIZE_MAX) {
        memcpy(&value, (const char *)m + r->measure, sizeof value);
    }
    return value;
}

static bool passes(const rule *r, double value)
{
    return r->bound == AT_MOST ? value <= r->limit : value >= r->limit;
}

/* 0.5 at the limit to 1 at a distance of the limit. */
static double points_for(const rule *r, double value)
{
    double scale = r->limit > 0 ? r->limit : 1;
    double distance = (r->bound == AT_MOST ? r->limit - value : value - r->limit) / scale;
    return distance >= 1 || r->limit <= 0 ? 1 : (1 + distance) / 2;
}

weir_quality weir_quality_of(const weir_quality_input *input, const weir_rule_set *set)
{
    WEIR_ASSERT(input != NULL);
    WEIR_ASSERT(set != NULL);

    weir_text_measures measures = weir_text_measures_of(input->text);
    weir_quality quality = {.accepted = true};
    double points = 0;
    double applied = 0;
    for (size_t i = 0; i < WEIR_COUNT_OF(rules); i++) {
        if (!applies(&rules[i], set, input, &measures)) {
            continue;
        }
        double value = value_of(&rules[i], input, &measures);
        applied++;
        if (passes(&rules[i], value)) {
            points += points_for(&rules[i], value);
        } else {
            WEIR_ASSERT(quality.reason_count < WEIR_QUALITY_RULES_MAX);
            quality.reasons[quality.reason_count++] = rules[i].name;
            quality.accepted = false;
        }
    }
    quality.score = applied > 0 ? points / applied : 0;
    WEIR_ASSERT(quality.score >= 0 && quality.score <= 1);
    return quality;
}
