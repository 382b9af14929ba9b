/* SPDX-License-Identifier: Apache-2.0
 *
 * row_head.c - heads of one byte, of four and of nine.
 *
 *   first byte:  marks, 2 bits | 0 … 55: that form
 *                              | 56 … 59: key size, value size, store follow, a byte each
 *                              | 60: packing, key size, value size (2), store (4) follow
 *
 * A form has one place among the known ones, by its hash: who comes first has it, for good. A state
 * of few stores whose keys are of one length has a byte a row; one of many forms loses nothing.
 */
#include "statestore/row_head.h"

#include "streams/base/status.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

enum { SHORT = WEIR_ROW_FORMS, LONG = 60, SHORT_BYTES = 4, BYTE_MAX = 255 };

static_assert(sizeof(weir_row_form) == sizeof(uint64_t), "a form is compared as a number");
static_assert((int)LONG < (int)WEIR_ROW_FILLER, "what is no row has no form");

/* Never 0: that is an empty place. */
static uint64_t number_of(const weir_row_form *form)
{
    uint64_t number;
    memcpy(&number, form, sizeof number);
    return number + 1;
}

/* Whether the form has its place, or takes it. */
static bool is_known(weir_row_forms *forms, uint64_t number, size_t place)
{
    if (forms->known[place] == 0) {
        forms->known[place] = number;
    }
    return forms->known[place] == number;
}

size_t weir_row_head_write(weir_row_forms *forms, const weir_row_form *form, uint8_t marks,
                           uint8_t *bytes)
{
    WEIR_ASSERT((marks & ~WEIR_ROW_MARKS) == 0);

    uint64_t number = number_of(form);
    size_t place = (size_t)((number * UINT64_C(0x9e3779b97f4a7c15) >> 32) * WEIR_ROW_FORMS >> 32);
    if (is_known(forms, number, place)) {
        bytes[0] = (uint8_t)(marks | place);
        return 1;
    }
    if (form->value_size <= BYTE_MAX && form->store <= BYTE_MAX) {
        bytes[0] = (uint8_t)(marks | (SHORT + form->packed));
        bytes[1] = form->key_size;
        bytes[2] = (uint8_t)form->value_size;
        bytes[3] = (uint8_t)form->store;
        return SHORT_BYTES;
    }
    bytes[0] = (uint8_t)(marks | LONG);
    memcpy(bytes + 1, form, sizeof *form);
    return 1 + sizeof *form;
}

size_t weir_row_head_read(const weir_row_forms *forms, const uint8_t *bytes, weir_row_form *out)
{
    uint8_t kind = bytes[0] & (uint8_t)~WEIR_ROW_MARKS;
    if (kind < WEIR_ROW_FORMS) {
        uint64_t number = forms->known[kind] - 1;
        memcpy(out, &number, sizeof *out);
        return 1;
    }
    if (kind < LONG) {
        *out = (weir_row_form){(uint8_t)(kind - SHORT), bytes[1], bytes[2], bytes[3]};
        return SHORT_BYTES;
    }
    WEIR_ASSERT(kind == LONG);
    memcpy(out, bytes + 1, sizeof *out);
    return 1 + sizeof *out;
}
