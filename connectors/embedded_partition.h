/* SPDX-License-Identifier: Apache-2.0
 *
 * embedded_partition.h - one partition: its segments, and the two ways to append.
 *
 *   plain          weir_partition_append
 *   transactional  lock_append -> write -> (journal) -> publish | roll_back -> unlock_append
 *
 * What is written becomes visible to readers only by publish, so an unfinished transaction lies at
 * the end of the last segment alone, and readers never meet it.
 *
 * Errors     WEIR_IO, WEIR_CORRUPT.
 * Threads    Any. Two mutexes: append_lock, held as long as somebody appends (over writes and
 *            syncs), and lock, for what readers see, held for moments and never over an append.
 *            append_lock is taken first.
 */
#ifndef WEIR_CONNECTORS_EMBEDDED_PARTITION_H
#define WEIR_CONNECTORS_EMBEDDED_PARTITION_H

#include "connectors/embedded_segment.h"
#include "streams/broker.h"

#include <pthread.h>

/* Wakes a consumer that found a partition at its end. Called under the lock, once an arming. */
typedef struct weir_watcher {
    void (*wake)(struct weir_watcher *watcher);
    bool armed;
    struct weir_watcher *next;
} weir_watcher;

typedef struct weir_partition {
    weir_disk *disk;
    const weir_topic_config *config;
    char *directory;
    int32_t topic_id;
    int32_t number;
    pthread_mutex_t append_lock;
    pthread_mutex_t lock; /* Of all that follows, except by its side. */
    weir_segment *last;   /* append_lock: the last of segments, held; NULL: none yet. */
    weir_segment **segments;
    size_t segment_count;
    size_t segment_capacity;
    int64_t start_offset;
    int64_t end_offset;
    weir_watcher *watchers;
    bool gone;               /* Both: the topic was deleted. */
    bool failed;             /* append_lock: the file no longer ends where it should. */
    bool unsynced;           /* append_lock. */
    int64_t active_since_ms; /* append_lock: housekeeping first saw records in it; 0: not. */
    int64_t cleaned_to;      /* Housekeeping alone: what compaction has seen. */
    bool cleaning_failed;    /* Housekeeping alone: it was told, and is not tried again. */
} weir_partition;

/* Fills a zeroed partition; no file is touched. */
void weir_partition_init(weir_partition *partition, weir_disk *disk,
                         const weir_topic_config *config, const char *topic_directory,
                         int32_t number);
void weir_partition_cleanup(weir_partition *partition);

/* Opens what is on disk; start_offset is what the journal says (0: nothing). *out_cut_bytes tells
 * what recovery cut. */
weir_status weir_partition_open(weir_partition *partition, int64_t start_offset,
                                bool (*is_committed)(void *user, int64_t transaction), void *user,
                                int64_t *out_cut_bytes, weir_error *err);

/* One writer at a time holds the append lock; readers don't wait for it. */
void weir_partition_lock_append(weir_partition *partition);
void weir_partition_unlock_append(weir_partition *partition);

/* Seals the frames and writes them behind the last segment, invisible; *out_offset is that of the
 * first record. After a failure nothing is left of them, or the partition refuses further writes.
 */
weir_status weir_partition_write(weir_partition *partition, weir_frame_writer *frames,
                                 int64_t transaction, int64_t *out_offset, weir_error *err);

/* Puts what was written on disk. append_lock is held. */
weir_status weir_partition_sync(weir_partition *partition, weir_error *err);

/* Makes the frames of the last write visible, and wakes who waits for them. */
void weir_partition_publish(weir_partition *partition, const weir_frame_writer *frames);

/* Cuts the frames of the last write. Where that fails the partition refuses further writes. */
void weir_partition_roll_back(weir_partition *partition);

/* Lock, write, sync where each commit is synced, publish, unlock. */
weir_status weir_partition_append(weir_partition *partition, weir_frame_writer *frames,
                                  int64_t *out_offset, weir_error *err);

/* Begins a new segment where the last one has records. append_lock is held. */
weir_status weir_partition_roll(weir_partition *partition, weir_error *err);

/* A held segment and the position of a frame at or before offset, which is below the end. With
 * *out_end, up to where it may be read now. The lock is held. */
weir_status weir_partition_find(weir_partition *partition, int64_t offset,
                                weir_segment **out_segment, int64_t *out_position, weir_error *err);

/* Releases a held segment; the lock is not held. NULL is fine. */
void weir_partition_release(weir_partition *partition, weir_segment *segment);

/* The first offset at or after timestamp_ms, the end if there is none. */
weir_status weir_partition_offset_at(weir_partition *partition, int64_t timestamp_ms,
                                     int64_t *out_offset, weir_error *err);

/* Removes the segments, but the last, that end at or before start_offset. */
weir_status weir_partition_drop_segments(weir_partition *partition, weir_error *err);

/* Puts replacement, a compacted segment whose file is at made_path, in the place of count segments
 * from first on, and removes their files. WEIR_AGAIN, and nothing has happened, where some of them
 * have been removed meanwhile. */
weir_status weir_partition_replace(weir_partition *partition, weir_segment *const *replaced,
                                   size_t count, const char *made_path, weir_segment *replacement,
                                   weir_error *err);

#endif
