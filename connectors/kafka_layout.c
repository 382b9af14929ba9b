/* SPDX-License-Identifier: Apache-2.0
 *
 * kafka_layout.c - looks whether a record has headers, in place.
 *
 *   a record of Kafka's format 2:   … key | size of the value | value | number of headers | …
 *
 * librdkafka makes and frees a buffer of half a kilobyte for each record to find that it has no
 * headers. Its keys and values lie where they came from the cluster, so the number is behind the
 * value: nought is a byte of zero. That they lie so it does not promise, hence a proof first:
 * between key and value must be just the size of this value, as format 2 writes it (zigzag, seven
 * bits a byte). In formats 0 and 1 four bytes are there, of which the first is less than 128; it
 * would have to be more. Where the proof fails, nothing is known, and librdkafka is asked.
 */
#include "connectors/kafka_layout.h"

#include <string.h>

enum { SIZE_BYTES_MAX = 5, PROVEN_SIZE_MAX = 1 << 30 };

/* Writes the size of a value as format 2 does; returns how many bytes that took. */
static size_t put_size(size_t size, uint8_t out[SIZE_BYTES_MAX])
{
    size_t count = 0;
    size_t rest = size * 2; /* Zigzag, of what is not negative. */
    for (; rest > 0x7f; rest >>= 7) {
        out[count++] = (uint8_t)(rest | 0x80);
    }
    out[count++] = (uint8_t)rest;
    return count;
}

bool weir_kafka_layout_has_no_headers(weir_bytes key, weir_bytes value)
{
    if (key.data == NULL || value.data == NULL || value.size == 0 || value.size > PROVEN_SIZE_MAX) {
        return false; /* The size of an empty value is a zero in all formats. */
    }
    uint8_t size[SIZE_BYTES_MAX];
    size_t count = put_size(value.size, size);
    const uint8_t *bytes = value.data;
    if ((uintptr_t)key.data + key.size + count != (uintptr_t)bytes) {
        return false; /* They do not lie in one buffer: there is nothing to look at. */
    }
    return memcmp(bytes - count, size, count) == 0 && bytes[value.size] == 0;
}
