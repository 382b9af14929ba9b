/* SPDX-License-Identifier: Apache-2.0
 *
 * snapshot_page.h - the pages in which one process gives the state of a task to another.
 *
 *   u64 checksum of all behind it | magic "WSNP" | u16 version | u16 kind | u64 session
 *   | u32 number | payload                                                         (big-endian)
 *
 *   HEAD  text, what the state is of (snapshot_host.c)       page 0
 *   ROWS  u32 store | rows: u32 key bytes, u32 value bytes, key, value; keys ascending in a store
 *   END   u64 how many rows there were
 *
 * STORED is the head of a snapshot in an object store (connectors/snapshot_depot_head.c).
 *
 * Errors     WEIR_CORRUPT for whatever is not such a page.
 * Threads    Any.
 */
#ifndef WEIR_STREAMS_SNAPSHOT_PAGE_H
#define WEIR_STREAMS_SNAPSHOT_PAGE_H

#include "statestore/kv_store.h"
#include "streams/base/serde.h"

enum {
    WEIR_SNAPSHOT_VERSION = 2,          /* 1 had no terms. */
    WEIR_SNAPSHOT_PAGE_BYTES = 4 << 20, /* Past which a page ends. */
    /* With one more row of the largest size. */
    WEIR_SNAPSHOT_PAGE_BYTES_MAX =
        WEIR_SNAPSHOT_PAGE_BYTES + WEIR_KV_KEY_BYTES_MAX + WEIR_KV_VALUE_BYTES_MAX + 1024,
};

typedef enum weir_snapshot_kind {
    WEIR_SNAPSHOT_HEAD = 1,
    WEIR_SNAPSHOT_ROWS = 2,
    WEIR_SNAPSHOT_END = 3,
    WEIR_SNAPSHOT_STORED = 4, /* A HEAD that was put away, behind what vouches for it. */
} weir_snapshot_kind;

typedef struct weir_snapshot_page {
    weir_snapshot_kind kind;
    uint64_t session; /* The sender's number of this snapshot. */
    uint32_t number;  /* 0, 1, 2, … */
    weir_bytes payload;
} weir_snapshot_page;

/* Begins a page in *to, which is replaced; the payload is appended; weir_snapshot_page_end writes
 * the checksum. */
void weir_snapshot_page_begin(weir_buf *to, weir_snapshot_kind kind, uint64_t session,
                              uint32_t number);
void weir_snapshot_page_end(weir_buf *page);

/* Appends a row to a page of rows. */
void weir_snapshot_page_add(weir_buf *page, weir_bytes key, weir_bytes value);

/* Checks a page; its payload is borrowed from bytes. */
weir_status weir_snapshot_page_read(weir_bytes bytes, weir_snapshot_page *out_page,
                                    weir_error *err);

/* The next row of a page of rows. WEIR_NOT_FOUND: there is none. */
weir_status weir_snapshot_page_next(weir_reader *rows, weir_bytes *out_key, weir_bytes *out_value,
                                    weir_error *err);

#endif
