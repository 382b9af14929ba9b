/* SPDX-License-Identifier: Apache-2.0
 *
 * hash.c - murmur2 is Austin Appleby's MurmurHash2 with Kafka's seed; XXH3 is libxxhash's and
 * SHA-256 is OpenSSL's.
 */
#include "streams/base/hash.h"

#include "streams/base/status.h"

#include <assert.h>
#include <openssl/sha.h>
#define XXH_INLINE_ALL /* A key of a few bytes costs less than the way into the library. */
#include <xxhash.h>

static_assert(WEIR_SHA256_BYTES == SHA256_DIGEST_LENGTH, "SHA-256 has 32 bytes");

#define MURMUR2_SEED UINT32_C(0x9747b28c)
#define MURMUR2_MULTIPLIER UINT32_C(0x5bd1e995)
enum { MURMUR2_SHIFT = 24, MURMUR2_SHIFT_MIDDLE = 13, MURMUR2_SHIFT_LAST = 15 };

uint32_t weir_murmur2(weir_bytes key)
{
    const uint8_t *bytes = key.data;
    uint32_t hash = MURMUR2_SEED ^ (uint32_t)key.size;
    size_t whole = key.size / 4 * 4;
    for (size_t i = 0; i < whole; i += 4) {
        uint32_t word = (uint32_t)bytes[i] | (uint32_t)bytes[i + 1] << 8 |
                        (uint32_t)bytes[i + 2] << 16 | (uint32_t)bytes[i + 3] << 24;
        word *= MURMUR2_MULTIPLIER;
        word ^= word >> MURMUR2_SHIFT;
        word *= MURMUR2_MULTIPLIER;
        hash *= MURMUR2_MULTIPLIER;
        hash ^= word;
    }
    if (whole < key.size) {
        for (size_t i = key.size; i > whole; i--) {
            hash ^= (uint32_t)bytes[i - 1] << (8 * (i - 1 - whole));
        }
        hash *= MURMUR2_MULTIPLIER;
    }
    hash ^= hash >> MURMUR2_SHIFT_MIDDLE;
    hash *= MURMUR2_MULTIPLIER;
    hash ^= hash >> MURMUR2_SHIFT_LAST;
    return hash;
}

int32_t weir_partition_of(weir_bytes key, int32_t partition_count)
{
    WEIR_ASSERT(partition_count > 0);

    return (int32_t)((weir_murmur2(key) & INT32_MAX) % (uint32_t)partition_count);
}

uint64_t weir_hash64(weir_bytes bytes, uint64_t seed)
{
    return XXH3_64bits_withSeed(bytes.data, bytes.size, seed);
}

void weir_sha256(weir_bytes bytes, uint8_t out_digest[WEIR_SHA256_BYTES])
{
    SHA256(bytes.data, bytes.size, out_digest);
}

int weir_hex_digit(uint8_t digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    uint8_t lower = digit | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

void weir_hex(const uint8_t *bytes, size_t size, char *out)
{
    WEIR_ASSERT(size == 0 || bytes != NULL);
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 0xf];
    }
    out[2 * size] = '\0';
}
