/* SPDX-License-Identifier: Apache-2.0
 *
 * row_head.h - what stands in front of a row in the row cache, in one byte where other rows are of
 * the same form: the same store, sizes and packing.
 *
 * Errors     None.
 * Threads    One at a time.
 */
#ifndef WEIR_STATESTORE_ROW_HEAD_H
#define WEIR_STATESTORE_ROW_HEAD_H

#include <stddef.h>
#include <stdint.h>

/* Marks of a row, in its first byte; the rest of that byte is the row's form. */
enum {
    WEIR_ROW_READ = 0x80,
    WEIR_ROW_BELOW = 0x40,
    WEIR_ROW_MARKS = WEIR_ROW_READ | WEIR_ROW_BELOW,
};

/* The first byte of what is no row. */
enum { WEIR_ROW_FILLER = 0x3f };

enum { WEIR_ROW_HEAD_BYTES_MAX = 9, WEIR_ROW_FORMS = 56 };

/* How a row is packed (row_packing.h). */
enum { WEIR_ROW_KEY_PACKED = 1, WEIR_ROW_VALUE_PACKED = 2 };

typedef struct weir_row_form {
    uint8_t packed;
    uint8_t key_size; /* Of the key and the value before they were packed. */
    uint16_t value_size;
    uint32_t store;
} weir_row_form;

/* The forms that take one byte: the first ones to come. All-zero has none. */
typedef struct weir_row_forms {
    uint64_t known[WEIR_ROW_FORMS];
} weir_row_forms;

/* Writes a head of a form into bytes, of WEIR_ROW_HEAD_BYTES_MAX; answers its size. */
size_t weir_row_head_write(weir_row_forms *forms, const weir_row_form *form, uint8_t marks,
                           uint8_t *bytes);

/* The form that the head at bytes tells; answers the head's size. */
size_t weir_row_head_read(const weir_row_forms *forms, const uint8_t *bytes, weir_row_form *out);

#endif
