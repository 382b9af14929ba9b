/* SPDX-License-Identifier: Apache-2.0
 *
 * serde.h - integers in the byte orders that cross disks and wires.
 *
 * Big-endian and zig-zag varints are what Kafka and Kafka Streams use; a weir_reader walks bytes
 * from outside and never passes their end.
 *
 * Threads    Any, one at a time.
 */
#ifndef WEIR_STREAMS_BASE_SERDE_H
#define WEIR_STREAMS_BASE_SERDE_H

#include "streams/base/bytes.h"

/* to has room for the type; any alignment. */
void weir_put_u16_be(uint8_t *to, uint16_t value);
void weir_put_u32_be(uint8_t *to, uint32_t value);
void weir_put_u64_be(uint8_t *to, uint64_t value);
uint16_t weir_get_u16_be(const uint8_t *from);
uint32_t weir_get_u32_be(const uint8_t *from);
uint64_t weir_get_u64_be(const uint8_t *from);

/* Append 4 or 8 bytes, big-endian. */
void weir_buf_append_i32_be(weir_buf *buf, int32_t value);
void weir_buf_append_i64_be(weir_buf *buf, int64_t value);

/* Zig-zag variable-length integer of Kafka and Avro: 1 to 10 bytes. */
void weir_buf_append_varint(weir_buf *buf, int64_t value);

/* Reads bytes front to back. Once a read does not fit, failed is set and every read answers zero
 * or null: check failed once, after the last read. */
typedef struct weir_reader {
    weir_bytes left;
    bool failed;
} weir_reader;

/* A reader at the start of bytes, which it borrows. */
static inline weir_reader weir_reader_of(weir_bytes bytes)
{
    return (weir_reader){.left = bytes};
}

uint8_t weir_read_byte(weir_reader *reader);
int32_t weir_read_i32_be(weir_reader *reader);
int64_t weir_read_i64_be(weir_reader *reader);
int64_t weir_read_varint(weir_reader *reader);
weir_bytes weir_read_bytes(weir_reader *reader, size_t size); /* Borrowed from the input. */

#endif
