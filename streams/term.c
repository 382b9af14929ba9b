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

static int64_t value_of(const weir_header *header)
{
    return header->value.size == WEIR_TERM_BYTES ? (int64_t)weir_get_u64_be(header->value.data)
                                                 : -1;
}

int64_t weir_term_of(const weir_record *record)
{
    for (size_t i = 0; i < record->header_count; i++) {
        int64_t term = value_of(&record->headers[i]);
        if (term >= 0 && weir_bytes_equal(record->headers[i].key, WEIR_BYTES(WEIR_TERM_HEADER))) {
            return term;
        }
    }
    return 0;
}

weir_status weir_term_check(const weir_record *record, weir_error *err)
{
    for (size_t i = 0; i < record->header_count; i++) {
        const weir_header *header = &record->headers[i];
        if (weir_bytes_equal(header->key, WEIR_BYTES(WEIR_TERM_HEADER)) && value_of(header) < 0) {
            return weir_error_set(err, WEIR_BAD_RECORD,
                                  "a header " WEIR_TERM_HEADER " of %zu bytes that is no term",
                                  header->value.size);
        }
    }
    return WEIR_OK;
}
