/* SPDX-License-Identifier: Apache-2.0
 *
 * embedded_cleaner.h - compaction of a partition: of each key the last record is kept, a tombstone
 * until delete_retention_ms after it was first seen by a compaction. Records keep their offsets;
 * the segment that is written to is left alone.
 *
 * Errors     WEIR_CORRUPT, WEIR_IO: the cleaning is over, the partition is as it was.
 * Threads    One at a time (housekeeping); others read and append meanwhile.
 */
#ifndef WEIR_CONNECTORS_EMBEDDED_CLEANER_H
#define WEIR_CONNECTORS_EMBEDDED_CLEANER_H

#include "connectors/embedded_partition.h"

typedef struct weir_cleaner weir_cleaner;

enum { WEIR_CLEANER_KEYS_MAX = 500000 }; /* Remembered at a time: 24 to 48 bytes each. */

/* Starts to clean partition if that is worth while at now_ms: at least half of what it would go
 * through has not been cleaned yet. NULL in *out_cleaner: it isn't. */
weir_status weir_cleaner_start(weir_partition *partition, int64_t now_ms,
                               weir_cleaner **out_cleaner, weir_error *err);

/* Goes on for about bytes_max bytes of input. WEIR_AGAIN: there is more to do; WEIR_OK: done. */
weir_status weir_cleaner_work(weir_cleaner *cleaner, int64_t bytes_max, weir_error *err);

/* The partition that is cleaned. */
weir_partition *weir_cleaner_partition(weir_cleaner *cleaner);

/* Ends the cleaning, done or not. NULL is fine. */
void weir_cleaner_free(weir_cleaner *cleaner);

#endif
