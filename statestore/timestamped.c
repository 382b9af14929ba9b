/* SPDX-License-Identifier: Apache-2.0
 *
 * timestamped.c - eight bytes in front of a value.
 */
#include "statestore/timestamped.h"

#include "streams/base/serde.h"

#include <string.h>

void weir_timestamped_encode(weir_timestamped entry, weir_buf *out_stored)
{
    WEIR_ASSERT(entry.value.data != NULL); /* No value is no entry: remove it. */
    weir_buf_clear(out_stored);
    weir_buf_append_i64_be(out_stored, entry.timestamp_ms);
    weir_buf_append(out_stored, entry.value.data, entry.value.size);
}

weir_status weir_timestamped_decode(weir_bytes stored, weir_timestamped *out_entry, weir_error *err)
{
    if (stored.size < WEIR_TIMESTAMP_BYTES) {
        return weir_error_set(
            err, WEIR_CORRUPT,
            "an entry of %zu bytes has no timestamp: the store was not timestamped "
            "when it was written; delete the state directory, it is restored",
            stored.size);
    }
    const uint8_t *bytes = stored.data;
    *out_entry = (weir_timestamped){
        .timestamp_ms = (int64_t)weir_get_u64_be(bytes),
        .value = weir_bytes_of(bytes + WEIR_TIMESTAMP_BYTES, stored.size - WEIR_TIMESTAMP_BYTES),
    };
    return WEIR_OK;
}
