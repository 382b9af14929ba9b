/* SPDX-License-Identifier: Apache-2.0
 *
 * Signatures are fixed on disk and find near-duplicates (topologies/minhash.h).
 */
#include "tests/harness/check.h"
#include "topologies/minhash.h"

#include "streams/base/hash.h"
#include "streams/base/random.h"

#include <string.h>

/* count words of a vocabulary of 5,000; each is replaced with the given chance. */
static void append_words(weir_buf *out, uint64_t seed, size_t count, uint32_t change_per_million,
                         weir_random *random)
{
    weir_random words = weir_random_of(seed);
    for (size_t i = 0; i < count; i++) {
        uint64_t word = weir_random_below(&words, 5000);
        if (weir_random_chance(random, change_per_million)) {
            word = weir_random_below(random, 5000);
        }
        weir_buf_append_format(out, "w%" PRIu64 " ", word);
    }
}

static bool share_a_band(const weir_minhash *a, const weir_minhash *b)
{
    uint64_t of_a[WEIR_MINHASH_BANDS];
    uint64_t of_b[WEIR_MINHASH_BANDS];
    size_t count = weir_minhash_bands(a, of_a);
    if (weir_minhash_bands(b, of_b) != count) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (of_a[i] == of_b[i]) {
            return true;
        }
    }
    return false;
}

TEST(signature_follows_the_formula_of_the_header)
{
    weir_minhash got = weir_minhash_of_text(WEIR_BYTES("Weir, the STREAM - processor in C!"));
    const char *const shingles[] = {"weir the stream processor in", "the stream processor in c"};
    CHECK_I64(got.shingle_count, ==, 2);
    for (uint64_t k = 0; k < WEIR_MINHASH_COUNT; k++) {
        uint64_t number = 2 * k;
        uint8_t bytes[8] = {(uint8_t)number};
        uint64_t a = weir_hash64(weir_bytes_of(bytes, 8), WEIR_MINHASH_SEED) | 1;
        bytes[0]++;
        uint64_t b = weir_hash64(weir_bytes_of(bytes, 8), WEIR_MINHASH_SEED);
        uint32_t least = UINT32_MAX;
        for (size_t i = 0; i < 2; i++) {
            uint64_t h = weir_hash64(weir_bytes_of_text(shingles[i]), 0);
            uint32_t x = (uint32_t)(h ^ h >> 32);
            uint32_t hash = (uint32_t)((a * x + b) >> 32);
            least = hash < least ? hash : least;
        }
        CHECK_I64(got.hashes[k], ==, least);
    }
}

TEST(bands_are_those_that_are_already_on_disks)
{
    weir_minhash minhash = weir_minhash_of_text(WEIR_BYTES("to be or not to be"));
    uint64_t bands[WEIR_MINHASH_BANDS];
    CHECK_I64(weir_minhash_bands(&minhash, bands), ==, WEIR_MINHASH_BANDS);
    CHECK_I64(bands[0], ==, (int64_t)UINT64_C(0x600208c319f2f5a1));
    CHECK_I64(bands[13], ==, (int64_t)UINT64_C(0xa8691c62acc3a5db));
}

TEST(case_punctuation_and_white_space_do_not_count)
{
    weir_minhash a = weir_minhash_of_text(WEIR_BYTES("Über  das Wasser: der Mühle\nRad."));
    weir_minhash b = weir_minhash_of_text(WEIR_BYTES("über das WASSER der mühle (rad)"));
    CHECK(memcmp(a.hashes, b.hashes, sizeof a.hashes) == 0);
    CHECK_I64(a.shingle_count, ==, 2);
}

TEST(short_text_is_one_shingle_and_no_text_has_no_bands)
{
    weir_minhash four = weir_minhash_of_text(WEIR_BYTES("one two three four"));
    weir_minhash same = weir_minhash_of_text(WEIR_BYTES("One two three. Four"));
    weir_minhash none = weir_minhash_of_text(WEIR_BYTES(" - ... "));
    uint64_t bands[WEIR_MINHASH_BANDS];
    CHECK_I64(four.shingle_count, ==, 1);
    CHECK(share_a_band(&four, &same));
    CHECK_I64(weir_minhash_bands(&none, bands), ==, 0);
    CHECK(weir_minhash_similarity(&none, &none) == 0);
    CHECK(weir_minhash_similarity(&four, &same) == 1);
}

TEST(edited_copies_share_a_band_and_strangers_do_not)
{
    weir_random random = weir_random_of(check_seed(7));
    size_t copies_found = 0;
    size_t strangers_found = 0;
    enum { PAIRS = 100, WORDS = 600 };
    for (uint64_t i = 0; i < PAIRS; i++) {
        WEIR_AUTO(weir_buf) text = {0};
        WEIR_AUTO(weir_buf) copy = {0};
        WEIR_AUTO(weir_buf) stranger = {0};
        append_words(&text, i, WORDS, 0, &random);
        append_words(&copy, i, WORDS, 10000, &random); /* 1 word in 100: Jaccard 0.9 or so. */
        append_words(&stranger, i + PAIRS, WORDS, 0, &random);
        weir_minhash a = weir_minhash_of_text(weir_buf_bytes(&text));
        weir_minhash b = weir_minhash_of_text(weir_buf_bytes(&copy));
        weir_minhash c = weir_minhash_of_text(weir_buf_bytes(&stranger));
        copies_found += share_a_band(&a, &b);
        strangers_found += share_a_band(&a, &c);
    }
    CHECK_I64(copies_found, >=, 95);
    CHECK_I64(strangers_found, ==, 0);
}
