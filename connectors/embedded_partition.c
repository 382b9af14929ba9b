/* SPDX-License-Identifier: Apache-2.0
 *
 * embedded_partition.c - appends to and reads from the segments of a partition.
 *
 *   segments  [ closed ][ closed ][ last: visible frames | written, not published ]
 *             ^ start_offset may lie inside               ^ end_offset, segment->bytes
 */
#include "connectors/embedded_partition.h"

#include "streams/base/file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void weir_partition_init(weir_partition *partition, weir_disk *disk,
                         const weir_topic_config *config, const char *topic_directory,
                         int32_t number)
{
    WEIR_ASSERT(disk != NULL);
    WEIR_ASSERT(config != NULL);
    partition->disk = disk;
    partition->config = config;
    partition->directory = weir_format("%s/%" PRId32, topic_directory, number);
    partition->number = number;
    int failed = pthread_mutex_init(&partition->append_lock, NULL);
    WEIR_ASSERT(failed == 0);
    failed = pthread_mutex_init(&partition->lock, NULL);
    WEIR_ASSERT(failed == 0);
}

/* Takes the segment out of the table; its holders keep it. */
static void forget_segment(weir_partition *partition, size_t index)
{
    weir_segment *segment = partition->segments[index];
    partition->segment_count--;
    memmove(&partition->segments[index], &partition->segments[index + 1],
            (partition->segment_count - index) * sizeof(weir_segment *));
    segment->removed = true;
    segment->holders++;
    weir_segment_release(segment);
}

void weir_partition_cleanup(weir_partition *partition)
{
    WEIR_ASSERT(partition->watchers == NULL);
    if (partition->last != NULL) {
        weir_segment_release(partition->last);
    }
    while (partition->segment_count > 0) {
        WEIR_ASSERT(partition->segments[0]->holders == 0);
        forget_segment(partition, 0);
    }
    free(partition->segments);
    free(partition->directory);
    (void)pthread_mutex_destroy(&partition->append_lock);
    (void)pthread_mutex_destroy(&partition->lock);
}

static void add_segment(weir_partition *partition, weir_segment *segment)
{
    partition->segments = weir_grow(partition->segments, partition->segment_count,
                                    &partition->segment_capacity, sizeof(weir_segment *));
    partition->segments[partition->segment_count++] = segment;
}

static weir_status find_file(void *user, const char *name, weir_error *err)
{
    weir_partition *partition = user;
    char *suffix = NULL;
    errno = 0;
    int64_t base_offset = strtoll(name, &suffix, 10);
    if (suffix != name && errno == 0 && base_offset >= 0 && strcmp(suffix, ".seg") == 0) {
        add_segment(partition, weir_segment_new(partition->directory, base_offset));
        return WEIR_OK;
    }
    WEIR_AUTO_FREE char *path = weir_format("%s/%s", partition->directory, name);
    return weir_disk_remove(partition->disk, path, err); /* Left by an unfinished compaction. */
}

static int compare_segments(const void *a, const void *b)
{
    int64_t left = (*(weir_segment *const *)a)->base_offset;
    int64_t right = (*(weir_segment *const *)b)->base_offset;
    return left < right ? -1 : left > right;
}

/* Reads the headers, and removes segments that a compacted one before them stands for. */
static weir_status open_segments(weir_partition *partition, weir_error *err)
{
    int64_t covers_to = 0;
    for (size_t i = 0; i < partition->segment_count;) {
        weir_segment *segment = partition->segments[i];
        if (segment->base_offset < covers_to) {
            WEIR_TRY(weir_disk_remove(partition->disk, segment->path, err));
            forget_segment(partition, i);
            continue;
        }
        WEIR_TRY(weir_segment_open(partition->disk, segment, err));
        covers_to = segment->covers_to;
        if (covers_to > 0) {
            partition->cleaned_to = covers_to;
        }
        i++;
    }
    return WEIR_OK;
}

static weir_status recover_last(weir_partition *partition,
                                bool (*is_committed)(void *user, int64_t transaction), void *user,
                                int64_t *out_cut_bytes, weir_error *err)
{
    weir_segment *last = partition->segments[partition->segment_count - 1];
    WEIR_TRY(weir_segment_hold(partition->disk, last, err));
    partition->last = last;
    WEIR_TRY(weir_segment_recover(partition->disk, last, is_committed, user, out_cut_bytes, err));
    for (size_t i = 0; i + 1 < partition->segment_count; i++) {
        partition->segments[i]->end_offset = partition->segments[i + 1]->base_offset;
        if (partition->segments[i]->bytes < WEIR_SEGMENT_HEADER_BYTES) {
            return weir_error_set(err, WEIR_CORRUPT, "%s is damaged at byte 0",
                                  partition->segments[i]->path);
        }
    }
    partition->end_offset = last->end_offset;
    return WEIR_OK;
}

weir_status weir_partition_open(weir_partition *partition, int64_t start_offset,
                                bool (*is_committed)(void *user, int64_t transaction), void *user,
                                int64_t *out_cut_bytes, weir_error *err)
{
    WEIR_ASSERT(partition->segment_count == 0);
    *out_cut_bytes = 0;
    WEIR_TRY(weir_directory_make(partition->directory, err));
    WEIR_TRY(weir_disk_list(partition->directory, find_file, partition, err));
    if (partition->segment_count > 0) {
        qsort(partition->segments, partition->segment_count, sizeof(weir_segment *),
              compare_segments);
        WEIR_TRY(open_segments(partition, err));
        WEIR_TRY(recover_last(partition, is_committed, user, out_cut_bytes, err));
        partition->start_offset = partition->segments[0]->base_offset;
    }
    if (partition->start_offset < start_offset) {
        partition->start_offset = start_offset;
    }
    if (partition->end_offset < partition->start_offset) {
        partition->end_offset = partition->start_offset; /* Offsets are never used twice. */
    }
    return WEIR_OK;
}

void weir_partition_lock_append(weir_partition *partition)
{
    int failed = pthread_mutex_lock(&partition->append_lock);
    WEIR_ASSERT(failed == 0);
}

void weir_partition_unlock_append(weir_partition *partition)
{
    int failed = pthread_mutex_unlock(&partition->append_lock);
    WEIR_ASSERT(failed == 0);
}

static void lock(weir_partition *partition)
{
    int failed = pthread_mutex_lock(&partition->lock);
    WEIR_ASSERT(failed == 0);
}

static void unlock(weir_partition *partition)
{
    int failed = pthread_mutex_unlock(&partition->lock);
    WEIR_ASSERT(failed == 0);
}

weir_status weir_partition_sync(weir_partition *partition, weir_error *err)
{
    if (!partition->unsynced || partition->last == NULL) {
        return WEIR_OK;
    }
    weir_segment *last = partition->last;
    WEIR_TRY(weir_disk_sync(partition->disk, last->fd, last->path, err));
    partition->unsynced = false;
    return WEIR_OK;
}

weir_status weir_partition_roll(weir_partition *partition, weir_error *err)
{
    weir_segment *last = partition->last;
    if (last != NULL && last->end_offset == partition->end_offset &&
        last->bytes == WEIR_SEGMENT_HEADER_BYTES) {
        return WEIR_OK;
    }
    WEIR_TRY(weir_partition_sync(partition, err)); /* Only the last one is synced later. */
    weir_segment *next = weir_segment_new(partition->directory, partition->end_offset);
    next->removed = true; /* Freed by the release below unless it is made. */
    next->holders = 1;
    weir_status status = weir_segment_create(partition->disk, next, next->path, 0, &next->fd, err);
    if (status == WEIR_OK) {
        status = weir_disk_sync_directory(partition->disk, partition->directory, err);
    }
    if (status != WEIR_OK) {
        weir_segment_release(next);
        return status;
    }
    next->removed = false;
    next->indexed = true;
    lock(partition);
    add_segment(partition, next);
    if (last != NULL) {
        last->end_offset = next->base_offset;
        weir_segment_release(last);
    }
    partition->last = next;
    unlock(partition);
    partition->active_since_ms = 0;
    return WEIR_OK;
}

static weir_status make_room(weir_partition *partition, size_t bytes, weir_error *err)
{
    const weir_segment *last = partition->last;
    bool full = last != NULL && last->bytes > WEIR_SEGMENT_HEADER_BYTES &&
                last->bytes + (int64_t)bytes > partition->config->segment_bytes;
    if (last == NULL || full || last->end_offset != partition->end_offset) {
        return weir_partition_roll(partition, err);
    }
    return WEIR_OK;
}

weir_status weir_partition_write(weir_partition *partition, weir_frame_writer *frames,
                                 int64_t transaction, int64_t *out_offset, weir_error *err)
{
    WEIR_ASSERT(frames->next_offset > 0);
    if (partition->gone) {
        return weir_error_set(err, WEIR_INVALID, "%s: the topic was deleted", partition->directory);
    }
    if (partition->failed) {
        return weir_error_set(err, WEIR_IO, "%s: an earlier write failed, restart to recover",
                              partition->directory);
    }
    WEIR_TRY(make_room(partition, frames->frames.size, err));
    weir_segment *last = partition->last;
    weir_frame_writer_seal(frames, partition->end_offset, transaction);
    partition->unsynced = true;
    weir_status status = weir_disk_write(partition->disk, last->fd, last->path, last->bytes,
                                         weir_buf_bytes(&frames->frames), err);
    if (status != WEIR_OK) {
        weir_partition_roll_back(partition);
        return status;
    }
    *out_offset = partition->end_offset;
    return WEIR_OK;
}

void weir_partition_roll_back(weir_partition *partition)
{
    weir_segment *last = partition->last;
    WEIR_ASSERT(last != NULL);
    partition->failed =
        weir_disk_truncate(partition->disk, last->fd, last->path, last->bytes, NULL) != WEIR_OK;
}

void weir_partition_publish(weir_partition *partition, const weir_frame_writer *frames)
{
    weir_segment *last = partition->last;
    WEIR_ASSERT(last != NULL);
    lock(partition);
    for (size_t at = 0; at < frames->frames.size;) {
        weir_frame frame;
        bool is_frame = weir_frame_parse(frames->frames.data + at, &frame);
        WEIR_ASSERT(is_frame);
        weir_segment_add(last, &frame);
        at += frame.bytes;
    }
    partition->end_offset = last->end_offset;
    for (weir_watcher *watcher = partition->watchers; watcher != NULL; watcher = watcher->next) {
        if (watcher->armed) {
            watcher->armed = false;
            watcher->wake(watcher);
        }
    }
    unlock(partition);
}

weir_status weir_partition_append(weir_partition *partition, weir_frame_writer *frames,
                                  int64_t *out_offset, weir_error *err)
{
    weir_partition_lock_append(partition);
    weir_status status = weir_partition_write(partition, frames, 0, out_offset, err);
    if (status == WEIR_OK && partition->disk->sync_each_commit) {
        status = weir_partition_sync(partition, err);
        if (status != WEIR_OK) {
            weir_partition_roll_back(partition);
        }
    }
    if (status == WEIR_OK) {
        weir_partition_publish(partition, frames);
    }
    weir_partition_unlock_append(partition);
    return status;
}

/* The index of the segment that holds offset: the last one that begins at or before it. */
static size_t segment_index_of(const weir_partition *partition, int64_t offset)
{
    size_t low = 0;
    size_t high = partition->segment_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (partition->segments[middle]->base_offset <= offset) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

weir_status weir_partition_find(weir_partition *partition, int64_t offset,
                                weir_segment **out_segment, int64_t *out_position, weir_error *err)
{
    WEIR_ASSERT(offset >= partition->start_offset);
    WEIR_ASSERT(offset < partition->end_offset);
    weir_segment *segment = partition->segments[segment_index_of(partition, offset)];
    WEIR_TRY(weir_segment_load_index(partition->disk, segment, err));
    WEIR_TRY(weir_segment_hold(partition->disk, segment, err));
    *out_segment = segment;
    *out_position = weir_segment_position_of(segment, offset);
    return WEIR_OK;
}

void weir_partition_release(weir_partition *partition, weir_segment *segment)
{
    if (segment != NULL) {
        lock(partition);
        weir_segment_release(segment);
        unlock(partition);
    }
}

/* The first record at or after timestamp_ms, from at_least on, in the rest of a segment. */
static weir_status search_frames(weir_frame_source *source, int64_t at_least, int64_t timestamp_ms,
                                 int64_t *out_offset, weir_error *err)
{
    for (;;) {
        weir_frame frame;
        const uint8_t *bytes = NULL;
        WEIR_TRY(weir_frame_source_next(source, &frame, &bytes, err));
        if (frame.max_timestamp_ms < timestamp_ms) {
            continue;
        }
        weir_frame_cursor cursor = weir_frame_records(bytes, &frame);
        weir_record record;
        while (weir_frame_next(&cursor, &record, NULL)) {
            if (record.timestamp_ms >= timestamp_ms && record.offset >= at_least) {
                *out_offset = record.offset;
                return WEIR_OK;
            }
        }
    }
}

/* The next segment from *index on that may hold the timestamp, held; NULL at the end. */
static weir_status next_candidate(weir_partition *partition, int64_t from_offset,
                                  int64_t timestamp_ms, weir_segment **out_segment,
                                  weir_frame_source *out_source, weir_error *err)
{
    *out_segment = NULL;
    if (from_offset >= partition->end_offset) {
        return WEIR_OK;
    }
    for (size_t i = segment_index_of(partition, from_offset); i < partition->segment_count; i++) {
        weir_segment *segment = partition->segments[i];
        WEIR_TRY(weir_segment_load_index(partition->disk, segment, err));
        int64_t position = weir_segment_position_at(segment, timestamp_ms);
        if (position >= 0) {
            WEIR_TRY(weir_segment_hold(partition->disk, segment, err));
            out_source->fd = segment->fd;
            out_source->path = segment->path;
            out_source->position = position;
            out_source->end = segment->bytes;
            *out_segment = segment;
            return WEIR_OK;
        }
    }
    return WEIR_OK;
}

weir_status weir_partition_offset_at(weir_partition *partition, int64_t timestamp_ms,
                                     int64_t *out_offset, weir_error *err)
{
    lock(partition);
    int64_t from_offset = partition->start_offset;
    int64_t end_offset = partition->end_offset;
    unlock(partition);
    int64_t at_least = from_offset;
    for (;;) {
        weir_segment *segment = NULL;
        weir_frame_source source = {0};
        lock(partition);
        weir_status status =
            next_candidate(partition, from_offset, timestamp_ms, &segment, &source, err);
        unlock(partition);
        WEIR_TRY(status);
        if (segment == NULL) {
            *out_offset = end_offset;
            return WEIR_OK;
        }
        status = search_frames(&source, at_least, timestamp_ms, out_offset, err);
        from_offset = segment->end_offset;
        weir_frame_source_cleanup(&source);
        weir_partition_release(partition, segment);
        if (status != WEIR_NOT_FOUND) {
            return status;
        }
    }
}

static weir_status replace(weir_partition *partition, weir_segment *const *replaced, size_t count,
                           const char *made_path, weir_segment *replacement, weir_error *err)
{
    size_t first = segment_index_of(partition, replaced[0]->base_offset);
    if (partition->gone || replaced[0]->removed) {
        return WEIR_AGAIN;
    }
    WEIR_ASSERT(partition->segments[first] == replaced[0]);
    WEIR_ASSERT(first + count < partition->segment_count);
    WEIR_TRY(weir_disk_rename(partition->disk, made_path, replaced[0]->path, err));
    forget_segment(partition, first);
    for (size_t i = 1; i < count; i++) {
        (void)weir_disk_remove(partition->disk, replaced[i]->path, NULL); /* Or the next start. */
        forget_segment(partition, first);
    }
    add_segment(partition, replacement);
    memmove(&partition->segments[first + 1], &partition->segments[first],
            (partition->segment_count - first - 1) * sizeof(weir_segment *));
    partition->segments[first] = replacement;
    return WEIR_OK;
}

weir_status weir_partition_replace(weir_partition *partition, weir_segment *const *replaced,
                                   size_t count, const char *made_path, weir_segment *replacement,
                                   weir_error *err)
{
    WEIR_ASSERT(count > 0);
    WEIR_ASSERT(replacement->base_offset == replaced[0]->base_offset);
    lock(partition);
    weir_status status = replace(partition, replaced, count, made_path, replacement, err);
    unlock(partition);
    return status;
}

weir_status weir_partition_drop_segments(weir_partition *partition, weir_error *err)
{
    weir_status status = WEIR_OK;
    lock(partition);
    while (partition->segment_count > 1 &&
           partition->segments[1]->base_offset <= partition->start_offset && status == WEIR_OK) {
        status = weir_disk_remove(partition->disk, partition->segments[0]->path, err);
        if (status == WEIR_OK) {
            forget_segment(partition, 0);
        }
    }
    unlock(partition);
    return status;
}
