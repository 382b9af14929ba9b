/* SPDX-License-Identifier: Apache-2.0
 *
 * minhash.c - words into a ring of the last five, shingles into 112 running minima.
 *
 *   text -> lower-case words, one space apart, in one buffer -> the bytes from the start of word i
 *   to the end of word i+4 are shingle i -> x -> minima
 *
 * Since the words lie one space apart, a shingle is a slice of the buffer and nothing is copied
 * together. The inner loop is a 32 by 64 bit multiplication, an addition, a shift and a minimum of
 * 112 independent lanes, which compilers vectorise. Shingles are collected in batches so that the
 * minima of a group of lanes stay in registers.
 */
#include "topologies/minhash.h"

#include "streams/base/hash.h"
#include "streams/base/status.h"
#include "topologies/text_words.h"
#include "topologies/utf8.h"

#include <pthread.h>
#include <string.h>

enum { BATCH = 256, LANES = 8, HASH_BITS = 32, UTF8_BYTES_MAX = 4 };

static uint64_t multipliers[WEIR_MINHASH_COUNT];
static uint64_t addends[WEIR_MINHASH_COUNT];
static pthread_once_t coefficients_once = PTHREAD_ONCE_INIT;

typedef struct batch {
    uint32_t values[BATCH];
    size_t count;
} batch;

static uint64_t coefficient(uint64_t number)
{
    uint8_t bytes[sizeof number];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(number >> (8 * i));
    }
    return weir_hash64(weir_bytes_of(bytes, sizeof bytes), WEIR_MINHASH_SEED);
}

static void fill_coefficients(void)
{
    for (uint64_t k = 0; k < WEIR_MINHASH_COUNT; k++) {
        multipliers[k] = coefficient(2 * k) | 1;
        addends[k] = coefficient(2 * k + 1);
    }
}

/* A form of the function for processors with wide lanes, chosen when the program starts. Not under
 * ThreadSanitizer, which is not ready by then. */
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(__SANITIZE_THREAD__)
#define WIDE_LANES __attribute__((target_clones("arch=skylake-avx512", "avx2", "default")))
#else
#define WIDE_LANES
#endif

/* Lowers the minima of LANES hashes by all values of the batch. */
WIDE_LANES
static void lower_lanes(const batch *from, size_t lane, uint32_t *minima)
{
    uint64_t a[LANES];
    uint64_t b[LANES];
    uint32_t least[LANES];
    memcpy(a, multipliers + lane, sizeof a);
    memcpy(b, addends + lane, sizeof b);
    memcpy(least, minima + lane, sizeof least);
    for (size_t i = 0; i < from->count; i++) {
        uint64_t x = from->values[i];
        for (size_t k = 0; k < LANES; k++) {
            uint32_t hash = (uint32_t)((a[k] * x + b[k]) >> HASH_BITS);
            least[k] = hash < least[k] ? hash : least[k];
        }
    }
    memcpy(minima + lane, least, sizeof least);
}

static void flush(batch *from, weir_minhash *to)
{
    for (size_t lane = 0; lane < WEIR_MINHASH_COUNT; lane += LANES) {
        lower_lanes(from, lane, to->hashes);
    }
    to->shingle_count += from->count;
    from->count = 0;
}

static void add_shingle(batch *to, weir_bytes shingle, weir_minhash *minhash)
{
    uint64_t hash = weir_hash64(shingle, 0);
    to->values[to->count++] = (uint32_t)(hash ^ hash >> HASH_BITS);
    if (to->count == BATCH) {
        flush(to, minhash);
    }
}

static uint8_t *put_utf8(uint8_t *to, uint32_t c)
{
    if (c < 0x80) {
        *to++ = (uint8_t)c;
        return to;
    }
    if (c < 0x800) {
        *to++ = (uint8_t)(0xc0 | c >> 6);
    } else {
        if (c < 0x10000) {
            *to++ = (uint8_t)(0xe0 | c >> 12);
        } else {
            *to++ = (uint8_t)(0xf0 | c >> 18);
            *to++ = (uint8_t)(0x80 | (c >> 12 & 0x3f));
        }
        *to++ = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    }
    *to++ = (uint8_t)(0x80 | (c & 0x3f));
    return to;
}

/* Appends word in lower case. No lower case here is longer than its upper case. */
static void append_lower(weir_bytes word, weir_buf *out)
{
    const uint8_t *at = word.data;
    const uint8_t *end = at + word.size;
    uint8_t *to = weir_buf_reserve(out, word.size + UTF8_BYTES_MAX);
    uint8_t *start = to;
    while (at < end) {
        uint32_t c = *at;
        size_t size = 1;
        if (c >= 0x80) {
            size = weir_utf8_decode(weir_bytes_of(at, (size_t)(end - at)), &c);
            WEIR_ASSERT(size > 0); /* A word is made of well-formed characters. */
        }
        to = put_utf8(to, weir_char_lower(c));
        at += size;
    }
    out->size += (size_t)(to - start);
}

weir_minhash weir_minhash_of_text(weir_bytes text)
{
    pthread_once(&coefficients_once, fill_coefficients);

    weir_minhash minhash = {.shingle_count = 0};
    memset(minhash.hashes, 0xff, sizeof minhash.hashes);
    WEIR_AUTO(weir_buf) words = {0};
    weir_buf_reserve(&words, text.size + 1);
    size_t starts[WEIR_MINHASH_SHINGLE_WORDS] = {0};
    size_t count = 0;
    size_t position = 0;
    batch shingles = {.count = 0};
    weir_word word;
    while (weir_word_next(text, &position, &word)) {
        if (word.is_punctuation) {
            continue;
        }
        if (count > 0) {
            weir_buf_append_byte(&words, ' ');
        }
        starts[count++ % WEIR_MINHASH_SHINGLE_WORDS] = words.size;
        append_lower(word.bytes, &words);
        if (count >= WEIR_MINHASH_SHINGLE_WORDS) {
            size_t start = starts[count % WEIR_MINHASH_SHINGLE_WORDS];
            add_shingle(&shingles, weir_bytes_of(words.data + start, words.size - start), &minhash);
        }
    }
    if (count > 0 && count < WEIR_MINHASH_SHINGLE_WORDS) {
        add_shingle(&shingles, weir_buf_bytes(&words), &minhash);
    }
    flush(&shingles, &minhash);
    return minhash;
}

size_t weir_minhash_bands(const weir_minhash *minhash, uint64_t out_bands[WEIR_MINHASH_BANDS])
{
    WEIR_ASSERT(minhash != NULL);
    WEIR_ASSERT(out_bands != NULL);

    if (minhash->shingle_count == 0) {
        return 0;
    }
    for (size_t band = 0; band < WEIR_MINHASH_BANDS; band++) {
        uint8_t rows[WEIR_MINHASH_ROWS * sizeof(uint32_t)];
        for (size_t i = 0; i < sizeof rows; i++) {
            uint32_t hash = minhash->hashes[band * WEIR_MINHASH_ROWS + i / sizeof(uint32_t)];
            rows[i] = (uint8_t)(hash >> (8 * (i % sizeof(uint32_t))));
        }
        out_bands[band] = weir_hash64(weir_bytes_of(rows, sizeof rows), band);
    }
    return WEIR_MINHASH_BANDS;
}

double weir_minhash_similarity(const weir_minhash *a, const weir_minhash *b)
{
    WEIR_ASSERT(a != NULL && b != NULL);

    if (a->shingle_count == 0 || b->shingle_count == 0) {
        return 0;
    }
    size_t equal = 0;
    for (size_t k = 0; k < WEIR_MINHASH_COUNT; k++) {
        equal += a->hashes[k] == b->hashes[k];
    }
    return (double)equal / WEIR_MINHASH_COUNT;
}
