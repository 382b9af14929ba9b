/* SPDX-License-Identifier: Apache-2.0
 *
 * row_packing.h - keys and values of rows in fewer bytes, for a cache that is to hold many: a key
 * of hexadecimal digits takes half, and a value leaves out the bytes that a reference has in the
 * same places (of a count and its time, the leading ones).
 *
 * Errors     None.
 * Threads    Any.
 */
#ifndef WEIR_STATESTORE_ROW_PACKING_H
#define WEIR_STATESTORE_ROW_PACKING_H

#include "streams/base/bytes.h"

enum {
    WEIR_PACKED_KEY_BYTES_MAX = 128, /* Of a key of 255. */
    WEIR_PACKED_VALUE_MAX = 32,      /* Values of so many bytes are packed, and not longer ones. */
    WEIR_PACKED_VALUE_BYTES_MAX = WEIR_PACKED_VALUE_MAX + WEIR_PACKED_VALUE_MAX / 8,
};

/* The bytes of which a value leaves out those that are its own, too. */
typedef struct weir_row_reference {
    uint8_t bytes[WEIR_PACKED_VALUE_MAX];
} weir_row_reference;

/* Packs a key of 255 bytes at most into out, of WEIR_PACKED_KEY_BYTES_MAX, and answers how many it
 * takes; 0: the key has other bytes than 0-9 and a-f. */
size_t weir_row_pack_key(weir_bytes key, uint8_t *out);

/* Puts the size bytes of a key that was packed into out. */
void weir_row_unpack_key(const uint8_t *packed, size_t size, uint8_t *out);

/* Packs a value of 1 to WEIR_PACKED_VALUE_MAX bytes into out, of WEIR_PACKED_VALUE_BYTES_MAX, and
 * answers how many it takes; that may be more than it has. */
size_t weir_row_pack_value(const weir_row_reference *reference, weir_bytes value, uint8_t *out);

/* How many bytes a packed value of size bytes takes. */
size_t weir_row_packed_value_size(const uint8_t *packed, size_t size);

/* Puts the size bytes of a value that was packed into out. */
void weir_row_unpack_value(const weir_row_reference *reference, const uint8_t *packed, size_t size,
                           uint8_t *out);

#endif
