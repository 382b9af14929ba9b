/* SPDX-License-Identifier: Apache-2.0
 *
 * kept_times.h - times by name that a task keeps with its committed offsets (Kafka Streams'
 * ProcessorMetadata): up to where windows that have closed were passed on, by store.
 *
 * The bytes are Kafka Streams' own: int32 count, then for each int32 bytes | name | int64 time.
 *
 * Ownership  Names are copied.
 * Limits     WEIR_KEPT_TIMES_BYTES_MAX in all, so that a commit's metadata has room for them.
 * Threads    One at a time.
 */
#ifndef WEIR_STREAMS_KEPT_TIMES_H
#define WEIR_STREAMS_KEPT_TIMES_H

#include "streams/base/bytes.h"
#include "streams/base/serde.h"

enum { WEIR_KEPT_TIMES_BYTES_MAX = 2048 };

typedef struct weir_kept_time {
    char *name;
    int64_t ms;
} weir_kept_time;

/* All-zero: none. */
typedef struct weir_kept_times {
    weir_kept_time *items;
    size_t count;
    size_t capacity;
} weir_kept_times;

void weir_kept_times_cleanup(weir_kept_times *times);

/* False: there is none of that name. */
bool weir_kept_times_get(const weir_kept_times *times, const char *name, int64_t *out_ms);

/* Sets the time of a name, earlier than before or later. */
void weir_kept_times_set(weir_kept_times *times, const char *name, int64_t ms);

/* Removes those whose names begin with mark. */
void weir_kept_times_forget(weir_kept_times *times, char mark);

/* How many bytes a name takes in the text. */
size_t weir_kept_times_bytes_of(const char *name);

/* Appends count and entries, in the order in which they were set first. */
void weir_kept_times_append(const weir_kept_times *times, weir_buf *to);

/* Reads them; of a name that is there already the later time stays. A reader that has failed has
 * left times half read. NULL: they are skipped. */
void weir_kept_times_read(weir_kept_times *times, weir_reader *reader);

#endif
