/* SPDX-License-Identifier: Apache-2.0
 *
 * serde.c - byte orders and varints.
 */
#include "streams/base/serde.h"

#include "streams/base/status.h"

#include <endian.h>
#include <string.h>

enum { VARINT_BYTES_MAX = 10, VARINT_BITS = 7, VARINT_MORE = 0x80, VARINT_MASK = 0x7f };

void weir_put_u16_be(uint8_t *to, uint16_t value)
{
    value = htobe16(value);
    memcpy(to, &value, sizeof value);
}

void weir_put_u32_be(uint8_t *to, uint32_t value)
{
    value = htobe32(value);
    memcpy(to, &value, sizeof value);
}

void weir_put_u64_be(uint8_t *to, uint64_t value)
{
    value = htobe64(value);
    memcpy(to, &value, sizeof value);
}

uint16_t weir_get_u16_be(const uint8_t *from)
{
    uint16_t value;
    memcpy(&value, from, sizeof value);
    return be16toh(value);
}

uint32_t weir_get_u32_be(const uint8_t *from)
{
    uint32_t value;
    memcpy(&value, from, sizeof value);
    return be32toh(value);
}

uint64_t weir_get_u64_be(const uint8_t *from)
{
    uint64_t value;
    memcpy(&value, from, sizeof value);
    return be64toh(value);
}

void weir_buf_append_i32_be(weir_buf *buf, int32_t value)
{
    weir_put_u32_be(weir_buf_reserve(buf, sizeof value), (uint32_t)value);
    buf->size += sizeof value;
}

void weir_buf_append_i64_be(weir_buf *buf, int64_t value)
{
    weir_put_u64_be(weir_buf_reserve(buf, sizeof value), (uint64_t)value);
    buf->size += sizeof value;
}

void weir_buf_append_varint(weir_buf *buf, int64_t value)
{
    uint64_t zigzag = ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
    uint8_t *to = weir_buf_reserve(buf, VARINT_BYTES_MAX);
    while (zigzag > VARINT_MASK) {
        *to++ = (uint8_t)(zigzag | VARINT_MORE);
        zigzag >>= VARINT_BITS;
        buf->size++;
    }
    *to = (uint8_t)zigzag;
    buf->size++;
}

weir_bytes weir_read_bytes(weir_reader *reader, size_t size)
{
    if (reader->failed || size > reader->left.size) {
        reader->failed = true;
        return WEIR_BYTES_NULL;
    }
    weir_bytes taken = weir_bytes_of(reader->left.data, size);
    reader->left.data = (const uint8_t *)reader->left.data + size;
    reader->left.size -= size;
    return taken;
}

uint8_t weir_read_byte(weir_reader *reader)
{
    weir_bytes taken = weir_read_bytes(reader, 1);
    return taken.data == NULL ? 0 : *(const uint8_t *)taken.data;
}

int32_t weir_read_i32_be(weir_reader *reader)
{
    weir_bytes taken = weir_read_bytes(reader, sizeof(int32_t));
    return taken.data == NULL ? 0 : (int32_t)weir_get_u32_be(taken.data);
}

int64_t weir_read_i64_be(weir_reader *reader)
{
    weir_bytes taken = weir_read_bytes(reader, sizeof(int64_t));
    return taken.data == NULL ? 0 : (int64_t)weir_get_u64_be(taken.data);
}

int64_t weir_read_varint(weir_reader *reader)
{
    uint64_t zigzag = 0;
    for (int i = 0; i < VARINT_BYTES_MAX; i++) {
        uint8_t byte = weir_read_byte(reader);
        if (i == VARINT_BYTES_MAX - 1 && byte > 1) {
            break; /* More than 64 bits. */
        }
        zigzag |= (uint64_t)(byte & VARINT_MASK) << (VARINT_BITS * i);
        if ((byte & VARINT_MORE) == 0) {
            uint64_t sign = (zigzag & 1) == 1 ? UINT64_MAX : 0;
            return reader->failed ? 0 : (int64_t)((zigzag >> 1) ^ sign);
        }
    }
    reader->failed = true;
    return 0;
}
