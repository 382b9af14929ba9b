/* SPDX-License-Identifier: Apache-2.0
 *
 * minhash.h - signatures by which texts that share most of their 5-word runs are found.
 *
 * The values are part of state stores and of records between tasks: a change of anything below
 * needs a new topic. Let words be those of text_words.h, lower-cased by weir_char_lower, without
 * punctuation:
 *   shingle i  = words i to i+4, joined by single spaces, UTF-8
 *   x          = the low 32 bits of h ^ (h >> 32), h = weir_hash64(shingle, seed 0)
 *   hash k     = the minimum over all shingles of (a[k] * x + b[k]) >> 32 in 64-bit arithmetic
 *   a[k], b[k] = weir_hash64(little-endian 64-bit 2k, 2k+1; seed WEIR_MINHASH_SEED), a[k] odd
 *   band j     = weir_hash64(hashes 8j to 8j+7, each 32 bits little-endian; seed j)
 * (the multiply-shift family of Dietzfelbinger et al. 1997). A text of one to four words is one
 * shingle; a text without words has no shingle and no bands, so it is near nothing.
 *
 * Two texts of Jaccard similarity s share a band with probability 1 - (1 - s^8)^14:
 * 0.77 at 0.75, 0.92 at 0.8, 0.99 at 0.85 - the parameters of FineWeb.
 *
 * Threads    Any.
 */
#ifndef WEIR_TOPOLOGIES_MINHASH_H
#define WEIR_TOPOLOGIES_MINHASH_H

#include "streams/base/bytes.h"

enum {
    WEIR_MINHASH_SHINGLE_WORDS = 5,
    WEIR_MINHASH_BANDS = 14,
    WEIR_MINHASH_ROWS = 8,
    WEIR_MINHASH_COUNT = WEIR_MINHASH_BANDS * WEIR_MINHASH_ROWS,
};
#define WEIR_MINHASH_SEED UINT64_C(0x77656972) /* "weir" */

typedef struct weir_minhash {
    uint32_t hashes[WEIR_MINHASH_COUNT];
    uint64_t shingle_count; /* 0: the text has no words and hashes mean nothing. */
} weir_minhash;

/* The signature of text. Linear in its length. */
weir_minhash weir_minhash_of_text(weir_bytes text);

/* The band keys of a signature. Returns how many: WEIR_MINHASH_BANDS, or 0 without shingles. */
size_t weir_minhash_bands(const weir_minhash *minhash, uint64_t out_bands[WEIR_MINHASH_BANDS]);

/* The part of equal hashes: an estimate of the Jaccard similarity. 0 where either is empty. */
double weir_minhash_similarity(const weir_minhash *a, const weir_minhash *b);

#endif
