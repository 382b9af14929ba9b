/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes from outside as a bitmap, and as the offset set of commit metadata: refused, or a set that
 * survives the way there and back.
 */
#include "statestore/bitmap.h"
#include "statestore/offset_set.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_bitmap(weir_bytes input)
{
    WEIR_AUTO_PTR(weir_bitmap) bitmap = NULL;
    WEIR_AUTO_PTR(weir_bitmap) again = NULL;
    WEIR_AUTO(weir_buf) bytes = {0};
    if (weir_bitmap_deserialize(input, &bitmap, NULL) != WEIR_OK) {
        return;
    }
    uint64_t id;
    (void)weir_bitmap_next(bitmap, 0, &id);
    weir_bitmap_serialize(bitmap, &bytes);
    WEIR_ASSERT(weir_bitmap_deserialize(weir_buf_bytes(&bytes), &again, NULL) == WEIR_OK);
    WEIR_ASSERT(weir_bitmap_equal(bitmap, again));
    weir_bitmap_or(again, bitmap);
    weir_bitmap_andnot(again, bitmap);
    WEIR_ASSERT(weir_bitmap_cardinality(again) == 0);
}

static void check_offset_set(weir_bytes input)
{
    WEIR_AUTO_PTR(weir_bitmap) set = NULL;
    WEIR_AUTO_PTR(weir_bitmap) again = NULL;
    WEIR_AUTO(weir_buf) text = {0};
    if (weir_offset_set_decode(input, 1000, &set, NULL) != WEIR_OK ||
        weir_bitmap_cardinality(set) > 100000) {
        return;
    }
    WEIR_ASSERT(weir_offset_set_encode(set, 1000, SIZE_MAX, &text) == WEIR_OK);
    WEIR_ASSERT(weir_offset_set_decode(weir_buf_bytes(&text), 1000, &again, NULL) == WEIR_OK);
    WEIR_ASSERT(weir_bitmap_equal(set, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_bitmap(weir_bytes_of(data, size));
    check_offset_set(weir_bytes_of(data, size));
    return 0;
}
