/* SPDX-License-Identifier: Apache-2.0
 *
 * term.c - eight bytes, big-endian: epoch, generation.
 */
#include "streams/term.h"

#include "streams/base/serde.h"
#include "streams/base/status.h"

#include <assert.h>

enum { GENERATION_BITS = 32 };

static_assert(sizeof(int64_t) == WEIR_TERM_BYTES, "the header's value");

static int64_t written(int32_t generation)
{
    return generation < 0 ? 0 : generation;
}

bool weir_term_is_before(int32_t generation, int64_t seen)
{
    return written(generation) < (seen & UINT32_MAX);
}

int64_t weir_term_next(int64_t seen, int32_t generation)
{
    WEIR_ASSERT(seen >= 0);

    int64_t epoch = seen >> GENERATION_BITS;
    epoch += weir_term_is_before(generation, seen) ? 1 : 0;
    return (epoch << GENERATION_BITS) + written(generation);
}

int64_t weir_term_of(const weir_record *record)
{
    for (size_t i = 0; i < record->header_count; i++) {
        const weir_header *header = &record->headers[i];
        if (header->value.size == WEIR_TERM_BYTES &&
            weir_bytes_equal(header->key, WEIR_BYTES(WEIR_TERM_HEADER))) {
            int64_t term = (int64_t)weir_get_u64_be(header->value.data);
            return term < 0 ? 0 : term; /* Not ours. */
        }
    }
    return 0;
}
