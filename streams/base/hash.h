/* SPDX-License-Identifier: Apache-2.0
 *
 * hash.h - hashes: Kafka's partitioner, in-memory tables and checksums, and SHA-256 for names.
 *
 * Threads    Any.
 */
#ifndef WEIR_STREAMS_BASE_HASH_H
#define WEIR_STREAMS_BASE_HASH_H

#include "streams/base/bytes.h"

enum { WEIR_SHA256_BYTES = 32 };

/* 32-bit murmur2 with Kafka's seed 0x9747b28c, as in its Java client's Utils.murmur2. */
uint32_t weir_murmur2(weir_bytes key);

/* The partition that Kafka's default partitioner gives key: (murmur2 & 0x7fffffff) % count. */
int32_t weir_partition_of(weir_bytes key, int32_t partition_count);

/* 128-bit murmur3 (x64) with the seed of Kafka Streams' foreign-key joins: two numbers, each
 * big-endian. */
enum { WEIR_MURMUR3_BYTES = 16 };
void weir_murmur3_128(weir_bytes bytes, uint8_t out_hash[WEIR_MURMUR3_BYTES]);

/* XXH3, 64 bits: tables, shingles, checksums of log frames. The value is part of disk formats. */
uint64_t weir_hash64(weir_bytes bytes, uint64_t seed);

/* The SHA-256 digest of bytes. */
void weir_sha256(weir_bytes bytes, uint8_t out_digest[WEIR_SHA256_BYTES]);

/* The value of a hexadecimal digit in either case, or -1 where it is none. */
int weir_hex_digit(uint8_t digit);

/* Lower-case hex of size bytes and a NUL: out has room for 2 * size + 1. */
void weir_hex(const uint8_t *bytes, size_t size, char *out);

#endif
