/* SPDX-License-Identifier: Apache-2.0
 *
 * murmur3.c - the hash by which a foreign-key join knows the row that it asked for.
 *
 *   16 bytes a round: two lanes, mixed with each other ─▶ the rest, as one round ─▶ avalanche
 *
 * It is part of the records of internal topics, so it never changes.
 */
#include "streams/base/hash.h"
#include "streams/base/serde.h"

enum { SEED = 104729, LANE_BYTES = 8, ROUND_BYTES = 2 * LANE_BYTES };

static const uint64_t C1 = UINT64_C(0x87c37b91114253d5);
static const uint64_t C2 = UINT64_C(0x4cf5ad432745937f);

static uint64_t rotate(uint64_t value, unsigned bits)
{
    return (value << bits) | (value >> (64 - bits));
}

static uint64_t mix_first(uint64_t lane)
{
    return rotate(lane * C1, 31) * C2;
}

static uint64_t mix_second(uint64_t lane)
{
    return rotate(lane * C2, 33) * C1;
}

/* Up to eight bytes, little-endian. */
static uint64_t read_lane(const uint8_t *from, size_t size)
{
    uint64_t lane = 0;
    for (size_t i = 0; i < size; i++) {
        lane |= (uint64_t)from[i] << (8 * i);
    }
    return lane;
}

static uint64_t avalanche(uint64_t value)
{
    value = (value ^ (value >> 33)) * UINT64_C(0xff51afd7ed558ccd);
    value = (value ^ (value >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);
    return value ^ (value >> 33);
}

void weir_murmur3_128(weir_bytes bytes, uint8_t out_hash[WEIR_MURMUR3_BYTES])
{
    const uint8_t *at = bytes.data;
    uint64_t h1 = SEED;
    uint64_t h2 = SEED;
    size_t left = bytes.size;
    for (; left >= ROUND_BYTES; left -= ROUND_BYTES, at += ROUND_BYTES) {
        h1 ^= mix_first(read_lane(at, LANE_BYTES));
        h1 = (rotate(h1, 27) + h2) * 5 + 0x52dce729;
        h2 ^= mix_second(read_lane(at + LANE_BYTES, LANE_BYTES));
        h2 = (rotate(h2, 31) + h1) * 5 + 0x38495ab5;
    }
    if (left > LANE_BYTES) {
        h2 ^= mix_second(read_lane(at + LANE_BYTES, left - LANE_BYTES));
    }
    h1 ^= mix_first(read_lane(at, left < LANE_BYTES ? left : LANE_BYTES));
    h1 ^= bytes.size;
    h2 ^= bytes.size;
    h1 += h2;
    h2 += h1;
    h1 = avalanche(h1);
    h2 = avalanche(h2);
    h1 += h2;
    h2 += h1;
    weir_put_u64_be(out_hash, h1);
    weir_put_u64_be(out_hash + LANE_BYTES, h2);
}
