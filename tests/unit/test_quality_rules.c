/* SPDX-License-Identifier: Apache-2.0
 *
 * Each rule rejects what it names, and ordinary English passes all (topologies/quality_rules.h);
 * personal data is found and replaced (topologies/pii.h).
 */
#include "tests/harness/check.h"
#include "topologies/pii.h"
#include "topologies/quality_rules.h"
#include "topologies/text_measures.h"

#include <math.h>
#include <string.h>

static const char prose[] =
    "The weir holds back the water of the river, and the miller is glad that it does.\n"
    "In a dry summer there would be nothing to drive his wheel, for the stream runs low.\n"
    "He opens the gate in the morning and listens to the stones as they begin to turn.\n"
    "Farmers come with carts from three villages, and while they wait they talk of prices.\n"
    "When rain falls in the hills, the gate stays open all night to let the flood go past.\n";

static weir_quality judge_with(const char *text, const char *language, const char *set_name)
{
    const weir_quality_input input = {weir_bytes_of_text(text), language, 0.9};
    const weir_rule_set *set = weir_rule_set_of(weir_bytes_of_text(set_name));
    CHECK(set != NULL);
    return weir_quality_of(&input, set);
}

static bool rejects(const weir_quality *quality, const char *reason)
{
    for (size_t i = 0; i < quality->reason_count; i++) {
        if (strcmp(quality->reasons[i], reason) == 0) {
            return true;
        }
    }
    return false;
}

/* The English text, made of parts each repeated count times, fails by reason. */
static void check_rejected(const char *part, int count, const char *reason)
{
    WEIR_AUTO(weir_buf) text = {0};
    for (int i = 0; i < count; i++) {
        weir_buf_append_text(&text, part);
    }
    weir_quality quality = judge_with(weir_buf_text(&text), "en", "fineweb");
    if (!rejects(&quality, reason)) {
        check_fail(__FILE__, __LINE__, "\"%s\" is not rejected by %s", part, reason);
    }
    CHECK(!quality.accepted);
}

TEST(ordinary_prose_passes_every_rule)
{
    static const char *const names[] = {"default", "gopher", "c4", "fineweb"};
    for (size_t i = 0; i < WEIR_COUNT_OF(names); i++) {
        weir_quality quality = judge_with(prose, "en", names[i]);
        CHECK_I64(quality.reason_count, ==, 0);
        CHECK(quality.accepted && quality.score > 0.7 && quality.score <= 1);
    }
    CHECK(weir_rule_set_of(WEIR_BYTES("unknown")) == NULL);
}

TEST(each_rule_rejects_what_it_names)
{
    check_rejected("Short.", 1, "gopher_short_doc");
    check_rejected("a b c d e f ", 50, "gopher_below_avg_threshold");
    check_rejected("incomprehensibilities ", 60, "gopher_above_avg_threshold");
    check_rejected("word # ", 60, "gopher_too_many_hashes");
    check_rejected("word... ", 60, "gopher_too_many_ellipsis");
    check_rejected("word\xe2\x80\xa6 ", 60, "gopher_too_many_ellipsis");
    check_rejected("- an item\n", 60, "gopher_too_many_bullets");
    check_rejected("and so it goes on...\n", 60, "gopher_too_many_end_ellipsis");
    check_rejected("one 1 2 3 4 ", 60, "gopher_below_alpha_threshold");
    check_rejected("several words without any others ", 60, "gopher_enough_stop_words");
    check_rejected("same paragraph\n\n", 60, "dup_para_frac");
    check_rejected("same paragraph\n\n", 60, "dup_para_char_frac");
    check_rejected("same line\n", 60, "dup_line_frac");
    check_rejected("same line\n", 60, "dup_line_char_frac");
    check_rejected("same words ", 60, "top_2_gram");
    check_rejected("same three words ", 60, "top_3_gram");
    check_rejected("same four words here ", 60, "top_4_gram");
    static const char *const repeated[] = {"duplicated_5_n_grams", "duplicated_6_n_grams",
                                           "duplicated_7_n_grams", "duplicated_8_n_grams",
                                           "duplicated_9_n_grams", "duplicated_10_n_grams"};
    for (size_t i = 0; i < WEIR_COUNT_OF(repeated); i++) {
        check_rejected(prose, 2, repeated[i]);
    }
    check_rejected("Lorem Ipsum dolor ", 60, "lorem_ipsum");
    check_rejected("if (x) { y } ", 60, "curly_bracket");
    check_rejected("This page uses cookies. Enable JavaScript. ", 9, "too_few_sentences");
    check_rejected("", 0, "empty");
    check_rejected("no mark at the end\n", 60, "line_punct_ratio");
    check_rejected("short line.\n", 60, "short_line_ratio");
    check_rejected("the same line twice\n", 2, "char_dup_ratio");
    check_rejected("a\nb\nc\n", 20, "list_ratio");
}

TEST(long_document_is_rejected_by_its_words)
{
    WEIR_AUTO(weir_buf) text = {0};
    for (int i = 0; i < 100001; i++) {
        weir_buf_append_format(&text, "w%d ", i);
    }
    weir_quality quality = judge_with(weir_buf_text(&text), "en", "gopher");
    CHECK(rejects(&quality, "gopher_long_doc"));
    CHECK(!rejects(&quality, "duplicated_5_n_grams"));
}

TEST(unsure_language_is_rejected_by_sets_that_ask_for_it)
{
    const weir_quality_input input = {weir_bytes_of_text(prose), "en", 0.64};
    weir_quality quality = weir_quality_of(&input, weir_rule_set_of(WEIR_BYTES("default")));
    CHECK(rejects(&quality, "language_score"));
    CHECK(weir_quality_of(&input, weir_rule_set_of(WEIR_BYTES("gopher"))).accepted);
}

TEST(english_rules_are_asked_of_english_only)
{
    static const char german[] = "Das Wehr staut das Wasser, und der Müller freut sich darüber.";
    weir_quality quality = judge_with(german, "de", "default");
    CHECK(!rejects(&quality, "gopher_enough_stop_words"));
    quality = judge_with(german, "en-GB", "default");
    CHECK(rejects(&quality, "gopher_enough_stop_words"));
    quality = judge_with("水をせき止める堰がある。", "ja", "default");
    CHECK(!rejects(&quality, "gopher_below_avg_threshold"));
}

TEST(measures_count_code_points)
{
    weir_text_measures m = weir_text_measures_of(WEIR_BYTES("über Öl und\nüber Öl und\nMühle"));
    CHECK_I64(m.code_points, ==, 29);
    CHECK_I64(m.words, ==, 7);
    CHECK(fabs(m.mean_word_length - (4 + 2 + 3 + 4 + 2 + 3 + 5) / 7.0) < 1e-9);
    CHECK(fabs(m.dup_lines - 1 / 3.0) < 1e-9);
    CHECK(fabs(m.dup_line_chars - 11 / 29.0) < 1e-9);
    CHECK(fabs(m.ngram_chars[3] - 2 * 11 / 29.0) < 1e-9);
    CHECK(m.ngram_chars[4] == 0);
}

TEST(repeated_ngrams_are_counted_once_each)
{
    /* a b c d e f, twice: the second six are one repeated 5-gram; the search goes on behind it. */
    weir_text_measures m = weir_text_measures_of(WEIR_BYTES("a b c d e f a b c d e f"));
    CHECK(fabs(m.ngram_chars[5] - 5 / 23.0) < 1e-9);
    CHECK(fabs(m.ngram_chars[6] - 6 / 23.0) < 1e-9);
    CHECK(m.ngram_chars[7] == 0);
}

TEST(score_falls_with_every_rule_that_fails)
{
    weir_quality good = judge_with(prose, "en", "gopher");
    weir_quality bad = judge_with("word # word #", "en", "gopher");
    CHECK(bad.score < good.score);
    CHECK(bad.score >= 0);
}

TEST(rules_are_listed_with_their_limits)
{
    const char *name = NULL;
    double limit = 0;
    size_t count = 0;
    while (weir_quality_rule_at(count, &name, &limit)) {
        count++;
    }
    CHECK_I64(count, ==, 32);
    CHECK_STR(name, "list_ratio");
    CHECK(limit == 0.3);
}

static void check_pii(const char *text, const char *wanted, size_t emails, size_t addresses)
{
    WEIR_AUTO(weir_buf) out = {0};
    weir_pii_counts counts = weir_pii_replace(weir_bytes_of_text(text), &out);
    CHECK_STR(weir_buf_text(&out), wanted);
    CHECK_I64(counts.emails, ==, emails);
    CHECK_I64(counts.addresses, ==, addresses);
    counts = weir_pii_replace(weir_bytes_of_text(text), NULL);
    CHECK_I64(counts.emails, ==, emails);
}

TEST(email_addresses_are_replaced)
{
    check_pii("Write to a.b+c@mail.site.org.", "Write to email@example.com.", 1, 0);
    check_pii("x@y.zz, (q@r-s.museum)", "email@example.com, (email@example.com)", 2, 0);
    check_pii("not @home a@b a@b.1 @c.de a.@b.cd user@host",
              "not @home a@b a@b.1 @c.de a.@b.cd user@host", 0, 0);
    check_pii("a@b.cd@e.fg", "email@example.com@e.fg", 1, 0);
}

TEST(public_ipv4_addresses_are_replaced)
{
    check_pii("from 8.8.4.4 and 93.184.216.34:80.", "from 192.0.2.1 and 192.0.2.1:80.", 0, 2);
    check_pii("10.0.0.1 192.168.1.1 127.0.0.1 172.16.5.4 169.254.1.1 224.0.0.1 192.0.2.7",
              "10.0.0.1 192.168.1.1 127.0.0.1 172.16.5.4 169.254.1.1 224.0.0.1 192.0.2.7", 0, 0);
    check_pii("1.2.3 8.8.8.256 8.8.8.8.8 v8.8.8.8 08.8.8.8 8.8.8.8a",
              "1.2.3 8.8.8.256 8.8.8.8.8 v8.8.8.8 08.8.8.8 8.8.8.8a", 0, 0);
}
