/* SPDX-License-Identifier: Apache-2.0
 *
 * timestamped.h - a value with a time of its own, as the entries of timestamped stores are kept:
 * int64 milliseconds, big-endian, then the value (Kafka Streams' ValueAndTimestamp).
 *
 * In the changelog the value stands alone and the time is the record's timestamp; the runtime
 * converts (topology.h: weir_store_options.timestamped).
 *
 * Threads    Any, one at a time.
 */
#ifndef WEIR_STATESTORE_TIMESTAMPED_H
#define WEIR_STATESTORE_TIMESTAMPED_H

#include "streams/base/bytes.h"
#include "streams/base/status.h"

enum { WEIR_TIMESTAMP_BYTES = 8 };

typedef struct weir_timestamped {
    int64_t timestamp_ms;
    weir_bytes value; /* Borrowed from what was decoded. */
} weir_timestamped;

/* Replaces *out_stored by the entry for a value and its time. */
void weir_timestamped_encode(weir_timestamped entry, weir_buf *out_stored);

/* Takes an entry apart. WEIR_CORRUPT: it is too short, so another version of the application wrote
 * it. */
weir_status weir_timestamped_decode(weir_bytes stored, weir_timestamped *out_entry,
                                    weir_error *err);

#endif
