/* SPDX-License-Identifier: Apache-2.0
 *
 * text_measures.c - one pass over the lines, one over the words, and one over the word hashes for
 * each length of n-gram.
 *
 *   words -> 64-bit hash and length of each -> n-gram at i: a rolling polynomial of n hashes,
 *            and its length from the running sum of lengths -> a set of hashes
 *
 * Equal hashes count as equal words: at 64 bits a text of a million words has a false one with a
 * chance of 1 in 10^7, and the worst that it does is to move a ratio by one n-gram.
 */
#include "topologies/text_measures.h"

#include "streams/base/hash.h"
#include "streams/base/status.h"
#include "topologies/text_words.h"
#include "topologies/utf8.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { SHORT_LINE_CHARS_MAX = 30, C4_WORDS_MIN = 3, C4_WORD_CHARS_MAX = 1000, STOP_WORDS = 8 };
#define NGRAM_BASE UINT64_C(0x9e3779b97f4a7c15)
#define MIX_MULTIPLIER UINT64_C(0xff51afd7ed558ccd)

/* Hashes with how often they came; 0 is a free slot. */
typedef struct hash_set {
    uint64_t *hashes;
    uint32_t *counts;
    size_t mask;
} hash_set;

static hash_set hash_set_for(size_t elements_max)
{
    size_t slots = 64;
    while (slots < 2 * elements_max) {
        slots *= 2;
    }
    return (hash_set){weir_alloc_array(slots, sizeof(uint64_t)),
                      weir_alloc_array(slots, sizeof(uint32_t)), slots - 1};
}

static void hash_set_cleanup(hash_set *set)
{
    free(set->hashes);
    free(set->counts);
}

static void hash_set_clear(hash_set *set)
{
    memset(set->hashes, 0, (set->mask + 1) * sizeof *set->hashes);
}

/* Counts hash and returns how often it has come, this time included. */
static uint32_t count_hash(hash_set *set, uint64_t hash)
{
    uint64_t mixed = (hash ^ hash >> 32) * MIX_MULTIPLIER;
    uint64_t key = hash == 0 ? 1 : hash;
    size_t slot = (mixed ^ mixed >> 32) & set->mask;
    while (set->hashes[slot] != 0 && set->hashes[slot] != key) {
        slot = (slot + 1) & set->mask;
    }
    if (set->hashes[slot] == 0) {
        set->hashes[slot] = key;
        set->counts[slot] = 0;
    }
    return ++set->counts[slot];
}

static double part(double of, double all)
{
    return all > 0 ? of / all : 0;
}

/* Words. */

/* What is remembered of the words. */
typedef struct word_table {
    uint64_t *hashes;
    uint64_t *ends; /* Running sum of lengths: of word i, ends[i] - ends[i - 1]. */
    size_t count;
} word_table;

static void word_table_cleanup(word_table *table)
{
    free(table->hashes);
    free(table->ends);
}

static bool equals_any_case(weir_bytes bytes, const char *word)
{
    return bytes.size == strlen(word) && strncasecmp(bytes.data, word, bytes.size) == 0;
}

/* The bit of a stop word; 0 for any other word. */
static unsigned stop_word_bit(weir_bytes word)
{
    static const char *const words[STOP_WORDS] = {"the", "be",   "to",   "of",
                                                  "and", "that", "have", "with"};
    if (word.size < 2 || word.size > 4) {
        return 0;
    }
    for (unsigned i = 0; i < STOP_WORDS; i++) {
        if (equals_any_case(word, words[i])) {
            return 1U << i;
        }
    }
    return 0;
}

static void count_word(const weir_word *word, weir_text_measures *m, unsigned *stop_words)
{
    m->tokens++;
    if (word->is_punctuation) {
        m->hashes_per_token += *(const char *)word->bytes.data == '#';
        m->ellipses_per_token += word->bytes.size == 3 && memcmp(word->bytes.data, "…", 3) == 0;
        return;
    }
    m->words++;
    m->mean_word_length += word->code_points;
    m->words_with_letter += word->has_letter;
    m->ideographs += word->has_letter && word->code_points == 1 && word->bytes.size >= 3;
    *stop_words |= stop_word_bit(word->bytes);
}

/* How often "..." stands in text, each three dots counted once. */
static double count_three_dots(weir_bytes text)
{
    const char *at = text.data;
    const char *end = at + text.size;
    double count = 0;
    while (at < end && (at = memmem(at, (size_t)(end - at), "...", 3)) != NULL) {
        at += 3;
        count++;
    }
    return count;
}

static word_table measure_words(weir_bytes text, weir_text_measures *m)
{
    word_table table = {0};
    size_t hash_capacity = 0;
    size_t end_capacity = 0;
    size_t position = 0;
    unsigned stop_words = 0;
    uint64_t length = 0;
    weir_word word;
    while (weir_word_next(text, &position, &word)) {
        count_word(&word, m, &stop_words);
        if (word.is_punctuation) {
            continue;
        }
        table.hashes = weir_grow(table.hashes, table.count, &hash_capacity, sizeof *table.hashes);
        table.ends = weir_grow(table.ends, table.count, &end_capacity, sizeof *table.ends);
        length += word.code_points;
        table.hashes[table.count] = weir_hash64(word.bytes, 0);
        table.ends[table.count++] = length;
    }
    m->mean_word_length = part(m->mean_word_length, m->words);
    m->hashes_per_token = part(m->hashes_per_token, m->tokens);
    m->ellipses_per_token = part(m->ellipses_per_token + count_three_dots(text), m->tokens);
    m->words_with_letter = part(m->words_with_letter, m->words);
    m->ideographs = part(m->ideographs, m->words);
    m->stop_words = __builtin_popcount(stop_words);
    return table;
}

/* N-grams. */

static uint64_t length_of(const word_table *table, size_t first, size_t count)
{
    return table->ends[first + count - 1] - (first == 0 ? 0 : table->ends[first - 1]);
}

/* The n-gram at `at`, from that at at - 1. */
static uint64_t roll(const word_table *table, size_t at, size_t n, uint64_t power, uint64_t last)
{
    return (last - table->hashes[at - 1] * power) * NGRAM_BASE + table->hashes[at + n - 1];
}

static uint64_t first_ngram(const word_table *table, size_t n, uint64_t *out_power)
{
    uint64_t hash = 0;
    *out_power = 1;
    for (size_t i = 0; i < n; i++) {
        hash = hash * NGRAM_BASE + table->hashes[i];
        *out_power *= i > 0 ? NGRAM_BASE : 1;
    }
    return hash;
}

/* Characters of all occurrences of the most frequent n-gram, with the spaces inside; 0 where each
 * comes once. */
static double top_ngram_chars(const word_table *table, size_t n, hash_set *seen)
{
    if (table->count < n) {
        return 0;
    }
    uint64_t power = 0;
    uint64_t hash = first_ngram(table, n, &power);
    uint32_t most = 1;
    uint64_t chars = 0;
    for (size_t at = 0; at + n <= table->count; at++) {
        hash = at == 0 ? hash : roll(table, at, n, power, hash);
        uint32_t count = count_hash(seen, hash);
        if (count > most) {
            most = count;
            chars = count * (length_of(table, at, n) + n - 1);
        }
    }
    return (double)chars;
}

/* Characters of all n-grams that came before; after one the search goes on behind it. */
static double dup_ngram_chars(const word_table *table, size_t n, hash_set *seen)
{
    if (table->count < n) {
        return 0;
    }
    uint64_t power = 0;
    uint64_t hash = first_ngram(table, n, &power);
    uint64_t chars = 0;
    size_t next = 0;
    for (size_t at = 0; at + n <= table->count; at++) {
        hash = at == 0 ? hash : roll(table, at, n, power, hash);
        if (at < next) {
            continue;
        }
        if (count_hash(seen, hash) > 1) {
            chars += length_of(table, at, n);
            next = at + n;
        }
    }
    return (double)chars;
}

static void measure_ngrams(const word_table *table, weir_text_measures *m)
{
    WEIR_AUTO(hash_set) seen = hash_set_for(table->count);
    for (size_t n = WEIR_NGRAM_TOP_MIN; n <= WEIR_NGRAM_DUP_MAX; n++) {
        double chars = n <= WEIR_NGRAM_TOP_MAX ? top_ngram_chars(table, n, &seen)
                                               : dup_ngram_chars(table, n, &seen);
        m->ngram_chars[n] = part(chars, m->code_points);
        hash_set_clear(&seen);
    }
}

/* Lines. */

static weir_bytes trim(weir_bytes line)
{
    const uint8_t *at = line.data;
    const uint8_t *end = at + line.size;
    while (at < end && *at <= ' ') {
        at++;
    }
    while (end > at && end[-1] <= ' ') {
        end--;
    }
    return weir_bytes_of(at, (size_t)(end - at));
}

static bool ends_with(weir_bytes line, const char *end)
{
    size_t size = strlen(end);
    return line.size >= size && memcmp((const char *)line.data + line.size - size, end, size) == 0;
}

static bool ends_with_any(weir_bytes line, const char *const *marks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (ends_with(line, marks[i])) {
            return true;
        }
    }
    return false;
}

/* Marks that end a sentence, in the scripts that have some. */
static bool ends_sentence(weir_bytes line)
{
    static const char *const marks[] = {".",  "!", "?", "\"", "'", "”", "…",  "。", "！",
                                        "？", "।", "؟", "۔",  "։", "።", "」", "』", "’"};
    return ends_with_any(line, marks, WEIR_COUNT_OF(marks));
}

static bool holds_any_case(weir_bytes text, const char *phrase)
{
    size_t size = strlen(phrase);
    const char *data = text.data;
    for (size_t i = 0; i + size <= text.size; i++) {
        if ((data[i] | 0x20) == phrase[0] && strncasecmp(data + i, phrase, size) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether a phrase for which C4 drops a line starts at one of its words. */
static bool holds_policy(weir_bytes line)
{
    static const char *const phrases[] = {"javascript",    "terms of use", "privacy policy",
                                          "cookie policy", "uses cookies", "use of cookies",
                                          "use cookies"};
    static const char firsts[] = {'j', 't', 'p', 'c', 'u'};
    const char *data = line.data;
    for (size_t i = 0; i < line.size; i++) {
        bool starts_word = i == 0 || (data[i - 1] | 0x20) < 'a' || (data[i - 1] | 0x20) > 'z';
        if (!starts_word || memchr(firsts, data[i] | 0x20, sizeof firsts) == NULL) {
            continue;
        }
        for (size_t k = 0; k < WEIR_COUNT_OF(phrases); k++) {
            size_t size = strlen(phrases[k]);
            if (line.size - i >= size && strncasecmp(data + i, phrases[k], size) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* Whether C4 keeps a line. */
static bool c4_keeps(weir_bytes line)
{
    if (holds_policy(line)) {
        return false;
    }
    size_t words = 0;
    size_t position = 0;
    weir_word word;
    while (weir_word_next(line, &position, &word)) {
        if (word.code_points > C4_WORD_CHARS_MAX) {
            return false;
        }
        words += word.is_punctuation ? 0 : 1;
    }
    return words >= C4_WORDS_MIN;
}

/* Sentences of a line: full stops and the like before white space or the end; at least one. */
static double sentences_of(weir_bytes line)
{
    const char *data = line.data;
    double count = 0;
    for (size_t i = 0; i < line.size; i++) {
        bool is_mark = data[i] == '.' || data[i] == '?' || data[i] == '!';
        count += is_mark && (i + 1 == line.size || data[i + 1] == ' ');
    }
    return count > 1 ? count : 1;
}

static void measure_line(weir_bytes raw, hash_set *seen, weir_text_measures *m)
{
    static const char *const ellipses[] = {"...", "…"};
    weir_bytes line = trim(raw);
    m->bullet_lines += weir_bytes_starts_with(line, WEIR_BYTES("•")) ||
                       weir_bytes_starts_with(line, WEIR_BYTES("-"));
    m->ellipsis_lines += ends_with_any(line, ellipses, WEIR_COUNT_OF(ellipses));
    if (line.size == 0) {
        return;
    }
    double chars = (double)weir_code_point_count(raw);
    m->lines++;
    m->lines_with_end_mark += ends_sentence(line);
    m->short_lines += chars <= SHORT_LINE_CHARS_MAX;
    if (count_hash(seen, weir_hash64(raw, 0)) > 1) {
        m->dup_lines++;
        m->dup_line_chars += chars;
    }
    m->c4_sentences += c4_keeps(line) ? sentences_of(line) : 0;
}

static void measure_paragraph(weir_bytes paragraph, hash_set *seen, weir_text_measures *m,
                              double *count)
{
    if (paragraph.size == 0) {
        return;
    }
    (*count)++;
    if (count_hash(seen, weir_hash64(paragraph, 1)) > 1) {
        m->dup_paragraphs++;
        m->dup_paragraph_chars += (double)weir_code_point_count(paragraph);
    }
}

static size_t count_byte(weir_bytes text, char byte)
{
    const char *data = text.data;
    size_t count = 0;
    for (size_t i = 0; i < text.size; i++) {
        count += data[i] == byte;
    }
    return count;
}

static void measure_lines(weir_bytes text, weir_text_measures *m)
{
    double newlines = (double)count_byte(text, '\n');
    double paragraphs = 0;
    WEIR_AUTO(hash_set) seen = hash_set_for(2 * (size_t)newlines + 2); /* Lines and paragraphs. */
    const char *end = (const char *)text.data + text.size;
    const char *paragraph = text.data;
    for (const char *at = text.data; at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *line_end = newline == NULL ? end : newline;
        measure_line(weir_bytes_of(at, (size_t)(line_end - at)), &seen, m);
        if (line_end == at && at > paragraph) { /* An empty line. */
            measure_paragraph(trim(weir_bytes_of(paragraph, (size_t)(at - paragraph))), &seen, m,
                              &paragraphs);
            paragraph = line_end;
        }
        at = newline == NULL ? end : newline + 1;
    }
    measure_paragraph(trim(weir_bytes_of(paragraph, (size_t)(end - paragraph))), &seen, m,
                      &paragraphs);
    m->bullet_lines = part(m->bullet_lines, newlines + 1);
    m->ellipsis_lines = part(m->ellipsis_lines, newlines + 1);
    m->dup_paragraphs = part(m->dup_paragraphs, paragraphs);
    m->dup_paragraph_chars = part(m->dup_paragraph_chars, m->code_points);
    m->dup_chars = part(m->dup_line_chars, m->code_points - newlines);
    m->dup_lines = part(m->dup_lines, m->lines);
    m->dup_line_chars = part(m->dup_line_chars, m->code_points);
    m->lines_with_end_mark = part(m->lines_with_end_mark, m->lines);
    m->short_lines = part(m->short_lines, m->lines);
    m->newlines_per_token = part(newlines, m->tokens);
}

weir_text_measures weir_text_measures_of(weir_bytes text)
{
    weir_text_measures m = {.code_points = (double)weir_code_point_count(text)};
    if (text.size == 0) {
        return m;
    }
    WEIR_ASSERT(text.data != NULL);
    WEIR_AUTO(word_table) table = measure_words(text, &m);
    measure_ngrams(&table, &m);
    measure_lines(text, &m);
    m.c4_lorem_ipsum = holds_any_case(text, "lorem ipsum");
    m.c4_curly_brackets = memchr(text.data, '{', text.size) != NULL;
    return m;
}
