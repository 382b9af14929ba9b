/* SPDX-License-Identifier: Apache-2.0
 *
 * load.c - xorshift: cheap beside a producer, and the same everywhere.
 */
#include "tests/perf/peer/load.h"

#include "streams/base/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void draw(load *l)
{
    l->drawn ^= l->drawn << 13;
    l->drawn ^= l->drawn >> 7;
    l->drawn ^= l->drawn << 17;
}

bool load_next(load *l)
{
    static const char letters[] = "the quick brown fox jumps over a";
    WEIR_ASSERT(l->value_bytes >= LOAD_VALUE_BYTES_MIN && l->value_bytes <= LOAD_VALUE_BYTES_MAX);
    if (l->drawn == 0) {
        l->drawn = UINT64_C(88172645463325252) + l->seed;
        l->number = -1;
    }
    l->number++;
    if (l->number >= l->records) {
        return false;
    }
    draw(l);
    (void)snprintf(l->key, sizeof(l->key), "%016" PRIx64,
                   (l->drawn % (uint64_t)l->keys) * UINT64_C(0x9e3779b97f4a7c15));
    for (size_t i = 0; i < l->value_bytes; i++) {
        l->value[i] = letters[(l->drawn >> (i % 40)) & 31];
    }
    memcpy(l->value, &l->number, sizeof(l->number)); /* No two values are equal. */
    l->timestamp_ms = l->from_ms + l->number * l->span_ms / l->records;
    return true;
}
