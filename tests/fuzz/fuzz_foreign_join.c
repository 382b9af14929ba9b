/* SPDX-License-Identifier: Apache-2.0
 *
 * What foreign-key joins read from their topics and stores, as anybody could have written it,
 * against streams/dsl/foreign_join_wire.c: what decodes encodes to something that decodes to the
 * same. The first byte says which of the three it is.
 */
#include "streams/dsl/foreign_join_internal.h"

enum { ARENA_BYTES_MAX = 1 << 20 };

static void try_subscription(weir_bytes bytes, weir_arena *arena)
{
    weir_error err = {0};
    weir_subscription read = {0};
    weir_subscription again = {0};
    if (weir_subscription_decode(bytes, &read, &err) != WEIR_OK) {
        WEIR_ASSERT(err.status == WEIR_BAD_RECORD);
        return;
    }
    if (read.partition < 0) {
        read.partition = 0; /* Version 0 has none, and is not written any more. */
    }
    weir_bytes written = weir_subscription_encode(&read, arena);
    weir_status status = weir_subscription_decode(written, &again, &err);
    WEIR_ASSERT(status == WEIR_OK);
    WEIR_ASSERT(again.kind == read.kind && again.partition == read.partition);
    WEIR_ASSERT(weir_bytes_equal(again.hash, read.hash));
    WEIR_ASSERT(weir_bytes_compare(again.key, read.key) == 0);
}

static void try_answer(weir_bytes bytes, weir_arena *arena)
{
    weir_error err = {0};
    weir_subscription_answer read = {0};
    weir_subscription_answer again = {0};
    if (weir_subscription_answer_decode(bytes, &read, &err) != WEIR_OK) {
        WEIR_ASSERT(err.status == WEIR_BAD_RECORD);
        return;
    }
    weir_bytes written = weir_subscription_answer_encode(&read, arena);
    weir_status status = weir_subscription_answer_decode(written, &again, &err);
    WEIR_ASSERT(status == WEIR_OK);
    WEIR_ASSERT(weir_bytes_equal(written, bytes)); /* There is one way to write it. */
    WEIR_ASSERT(weir_bytes_equal(again.hash, read.hash));
    WEIR_ASSERT(weir_bytes_equal(again.value, read.value));
}

static void try_combined_key(weir_bytes bytes, weir_arena *arena)
{
    weir_error err = {0};
    weir_bytes key = WEIR_BYTES_NULL;
    if (weir_combined_key_left(bytes, &key, &err) != WEIR_OK) {
        WEIR_ASSERT(err.status == WEIR_CORRUPT);
        return;
    }
    size_t foreign_size = bytes.size - key.size - sizeof(uint32_t);
    weir_bytes foreign = weir_bytes_of((const char *)bytes.data + sizeof(uint32_t), foreign_size);
    WEIR_ASSERT(weir_bytes_equal(weir_combined_key(foreign, key, arena), bytes));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const tries[])(weir_bytes bytes, weir_arena *arena) = {
        try_subscription, try_answer, try_combined_key};
    if (size == 0) {
        return 0;
    }
    WEIR_AUTO_PTR(weir_arena) arena = weir_arena_new(ARENA_BYTES_MAX);
    tries[data[0] % WEIR_COUNT_OF(tries)](weir_bytes_of(data + 1, size - 1), arena);
    return 0;
}
