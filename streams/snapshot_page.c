/* SPDX-License-Identifier: Apache-2.0
 *
 * snapshot_page.c - the checksum is of everything behind it, so a page that was cut, changed or
 * belongs elsewhere is told from a whole one before anything of it is used.
 */
#include "streams/snapshot_page.h"

#include "streams/base/hash.h"

#include <string.h>

static const char magic[4] = {'W', 'S', 'N', 'P'};

enum { CHECKSUM_BYTES = 8, HEADER_BYTES = CHECKSUM_BYTES + 4 + 2 + 2 + 8 + 4 };

void weir_snapshot_page_begin(weir_buf *to, weir_snapshot_kind kind, uint64_t session,
                              uint32_t number)
{
    uint8_t header[HEADER_BYTES] = {0};
    memcpy(header + CHECKSUM_BYTES, magic, sizeof(magic));
    weir_put_u16_be(header + CHECKSUM_BYTES + 4, WEIR_SNAPSHOT_VERSION);
    weir_put_u16_be(header + CHECKSUM_BYTES + 6, (uint16_t)kind);
    weir_put_u64_be(header + CHECKSUM_BYTES + 8, session);
    weir_put_u32_be(header + CHECKSUM_BYTES + 16, number);
    weir_buf_clear(to);
    weir_buf_append(to, header, sizeof(header));
}

static uint64_t checksum_of(weir_bytes page)
{
    return weir_hash64(
        weir_bytes_of((const uint8_t *)page.data + CHECKSUM_BYTES, page.size - CHECKSUM_BYTES),
        WEIR_SNAPSHOT_VERSION);
}

void weir_snapshot_page_end(weir_buf *page)
{
    WEIR_ASSERT(page->size >= HEADER_BYTES);
    weir_put_u64_be(page->data, checksum_of(weir_buf_bytes(page)));
}

void weir_snapshot_page_add(weir_buf *page, weir_bytes key, weir_bytes value)
{
    WEIR_ASSERT(key.size <= WEIR_KV_KEY_BYTES_MAX && value.size <= WEIR_KV_VALUE_BYTES_MAX);
    weir_buf_append_i32_be(page, (int32_t)key.size);
    weir_buf_append_i32_be(page, (int32_t)value.size);
    weir_buf_append(page, key.data, key.size);
    weir_buf_append(page, value.data, value.size);
}

weir_status weir_snapshot_page_read(weir_bytes bytes, weir_snapshot_page *out_page, weir_error *err)
{
    const uint8_t *data = bytes.data;
    if (bytes.size < HEADER_BYTES || memcmp(data + CHECKSUM_BYTES, magic, sizeof(magic)) != 0) {
        return weir_error_set(err, WEIR_CORRUPT, "a snapshot page of %zu bytes is none",
                              bytes.size);
    }
    if (weir_get_u64_be(data) != checksum_of(bytes)) {
        return weir_error_set(err, WEIR_CORRUPT,
                              "a snapshot page of %zu bytes has another checksum", bytes.size);
    }
    uint16_t version = weir_get_u16_be(data + CHECKSUM_BYTES + 4);
    if (version != WEIR_SNAPSHOT_VERSION) {
        return weir_error_set(err, WEIR_CORRUPT, "a snapshot of version %u, we read %d", version,
                              WEIR_SNAPSHOT_VERSION);
    }
    *out_page = (weir_snapshot_page){
        .kind = (weir_snapshot_kind)weir_get_u16_be(data + CHECKSUM_BYTES + 6),
        .session = weir_get_u64_be(data + CHECKSUM_BYTES + 8),
        .number = weir_get_u32_be(data + CHECKSUM_BYTES + 16),
        .payload = weir_bytes_of(data + HEADER_BYTES, bytes.size - HEADER_BYTES),
    };
    return WEIR_OK;
}

weir_status weir_snapshot_page_next(weir_reader *rows, weir_bytes *out_key, weir_bytes *out_value,
                                    weir_error *err)
{
    if (rows->left.size == 0) {
        return WEIR_NOT_FOUND;
    }
    uint32_t key_bytes = (uint32_t)weir_read_i32_be(rows);
    uint32_t value_bytes = (uint32_t)weir_read_i32_be(rows);
    *out_key = weir_read_bytes(rows, key_bytes);
    *out_value = weir_read_bytes(rows, value_bytes);
    return rows->failed ? weir_error_set(err, WEIR_CORRUPT, "a row of a snapshot is cut") : WEIR_OK;
}
