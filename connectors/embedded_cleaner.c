/* SPDX-License-Identifier: Apache-2.0
 *
 * embedded_cleaner.c - compaction in two passes, a slice at a time.
 *
 *   segments   [ cleaned ][ cleaned ][ dirty ][ dirty ][ last: not touched ]
 *   pass 1                           read: hash of key -> its last offset
 *   pass 2     [ group: copied to one new file        ]  what has no later offset stays
 *
 * Segments that together fit into segment_bytes become one. The new file replaces the first of
 * them by a rename, the atomic step, and its header says how far it covers, so that the start after
 * a crash removes the others. Readers that hold an old segment go on reading it.
 *
 * Keys are told apart by 128 bits of hash: of 10^9 keys, two are mixed up with a probability below
 * 10^-20.
 */
#include "connectors/embedded_cleaner.h"

#include "streams/base/arena.h"
#include "streams/base/hash.h"

#include <stdlib.h>
#include <unistd.h>

enum {
    FIRST_SLOTS = 1024,
    WRITE_BYTES = 1 << 20,
    HEADER_ARENA_BYTES_MAX = 64 << 20,
    SECOND_SEED = 0x77656972,
};

/* The last offset of a key; offset -1 is a free slot. */
typedef struct key_slot {
    uint64_t hash[2];
    int64_t offset;
} key_slot;

typedef enum cleaner_pass { LEARN, COPY, DONE } cleaner_pass;

struct weir_cleaner {
    weir_partition *partition;
    int64_t now_ms;
    cleaner_pass pass;
    weir_segment **segments; /* What is cleaned, all held, in order. */
    size_t segment_count;
    size_t dirty_index; /* The first that pass 1 reads. */
    size_t index;       /* The one that is read now. */
    weir_frame_source source;
    key_slot *slots;
    size_t slot_count;
    size_t key_count;
    weir_arena *headers;
    size_t group_start; /* Pass 2: the segments that become one file. */
    size_t group_end;
    char *made_path;
    int made_fd;
    int64_t made_bytes;
    weir_frame_writer writer;
};

static key_slot *find_slot(const weir_cleaner *cleaner, const uint64_t hash[2])
{
    size_t mask = cleaner->slot_count - 1;
    for (size_t i = hash[0] & mask;; i = (i + 1) & mask) {
        key_slot *slot = &cleaner->slots[i];
        if (slot->offset < 0 || (slot->hash[0] == hash[0] && slot->hash[1] == hash[1])) {
            return slot;
        }
    }
}

static void make_slots(weir_cleaner *cleaner, size_t count)
{
    cleaner->slots = weir_alloc_array(count, sizeof *cleaner->slots);
    cleaner->slot_count = count;
    for (size_t i = 0; i < count; i++) {
        cleaner->slots[i].offset = -1;
    }
}

static void grow_slots(weir_cleaner *cleaner)
{
    key_slot *old = cleaner->slots;
    size_t old_count = cleaner->slot_count;
    make_slots(cleaner, old_count * 2);
    for (size_t i = 0; i < old_count; i++) {
        if (old[i].offset >= 0) {
            *find_slot(cleaner, old[i].hash) = old[i];
        }
    }
    free(old);
}

static void hash_key(weir_bytes key, uint64_t out_hash[2])
{
    out_hash[0] = weir_hash64(key, 0);
    out_hash[1] = weir_hash64(key, SECOND_SEED);
}

/* Remembers the offset of a key. With WEIR_CLEANER_KEYS_MAX keys it forgets new ones: their older
 * records stay until a later cleaning. */
static void learn_key(weir_cleaner *cleaner, weir_bytes key, int64_t offset)
{
    uint64_t hash[2];
    hash_key(key, hash);
    key_slot *slot = find_slot(cleaner, hash);
    if (slot->offset >= 0) {
        slot->offset = offset;
        return;
    }
    if (cleaner->key_count == WEIR_CLEANER_KEYS_MAX) {
        return;
    }
    *slot = (key_slot){.hash = {hash[0], hash[1]}, .offset = offset};
    if (++cleaner->key_count * 4 > cleaner->slot_count * 3) {
        grow_slots(cleaner);
    }
}

static bool has_later_record(const weir_cleaner *cleaner, const weir_record *record)
{
    uint64_t hash[2];
    hash_key(record->key, hash);
    return find_slot(cleaner, hash)->offset > record->offset;
}

static void begin_segment(weir_cleaner *cleaner, size_t index)
{
    WEIR_ASSERT(index < cleaner->segment_count);
    const weir_segment *segment = cleaner->segments[index];
    cleaner->index = index;
    cleaner->source.fd = segment->fd;
    cleaner->source.path = segment->path;
    cleaner->source.position = WEIR_SEGMENT_HEADER_BYTES;
    cleaner->source.end = segment->bytes;
    weir_buf_clear(&cleaner->source.piece);
}

/* The closed segments that may be cleaned at now_ms are held; the lock is held. */
static weir_status hold_segments(weir_cleaner *cleaner, weir_error *err)
{
    weir_partition *partition = cleaner->partition;
    int64_t lag_ms = partition->config->min_compaction_lag_ms;
    cleaner->segments = weir_alloc_array(partition->segment_count, sizeof(weir_segment *));
    cleaner->dirty_index = partition->segment_count;
    for (size_t i = 0; i + 1 < partition->segment_count; i++) {
        weir_segment *segment = partition->segments[i];
        WEIR_TRY(weir_segment_load_index(partition->disk, segment, err));
        if (lag_ms > 0 && segment->max_timestamp_ms > cleaner->now_ms - lag_ms) {
            break;
        }
        WEIR_TRY(weir_segment_hold(partition->disk, segment, err));
        if (segment->base_offset >= partition->cleaned_to && cleaner->dirty_index > i) {
            cleaner->dirty_index = i;
        }
        cleaner->segments[cleaner->segment_count++] = segment;
    }
    return WEIR_OK;
}

static bool is_worth_while(const weir_cleaner *cleaner)
{
    int64_t clean_bytes = 0;
    int64_t dirty_bytes = 0;
    for (size_t i = 0; i < cleaner->segment_count; i++) {
        *(i < cleaner->dirty_index ? &clean_bytes : &dirty_bytes) += cleaner->segments[i]->bytes;
    }
    return dirty_bytes > 0 && dirty_bytes >= clean_bytes;
}

weir_status weir_cleaner_start(weir_partition *partition, int64_t now_ms,
                               weir_cleaner **out_cleaner, weir_error *err)
{
    WEIR_ASSERT(partition != NULL);
    WEIR_ASSERT(out_cleaner != NULL);
    weir_cleaner *cleaner = weir_alloc(sizeof *cleaner);
    cleaner->partition = partition;
    cleaner->now_ms = now_ms;
    cleaner->made_fd = -1;
    int failed = pthread_mutex_lock(&partition->lock);
    WEIR_ASSERT(failed == 0);
    weir_status status = partition->gone ? WEIR_OK : hold_segments(cleaner, err);
    failed = pthread_mutex_unlock(&partition->lock);
    WEIR_ASSERT(failed == 0);
    if (status != WEIR_OK || !is_worth_while(cleaner)) {
        weir_cleaner_free(cleaner);
        *out_cleaner = NULL;
        return status;
    }
    make_slots(cleaner, FIRST_SLOTS);
    cleaner->headers = weir_arena_new(HEADER_ARENA_BYTES_MAX);
    begin_segment(cleaner, cleaner->dirty_index);
    *out_cleaner = cleaner;
    return WEIR_OK;
}

weir_partition *weir_cleaner_partition(weir_cleaner *cleaner)
{
    return cleaner->partition;
}

static void drop_made_file(weir_cleaner *cleaner)
{
    if (cleaner->made_fd >= 0) {
        (void)close(cleaner->made_fd); /* Synced before where that is asked for. */
        cleaner->made_fd = -1;
    }
    free(cleaner->made_path);
    cleaner->made_path = NULL;
}

void weir_cleaner_free(weir_cleaner *cleaner)
{
    if (cleaner == NULL) {
        return;
    }
    if (cleaner->made_path != NULL) {
        /* The next start removes it too. */
        (void)weir_disk_remove(cleaner->partition->disk, cleaner->made_path, NULL);
    }
    drop_made_file(cleaner);
    for (size_t i = 0; i < cleaner->segment_count; i++) {
        weir_partition_release(cleaner->partition, cleaner->segments[i]);
    }
    weir_frame_source_cleanup(&cleaner->source);
    weir_frame_writer_cleanup(&cleaner->writer);
    weir_arena_free(cleaner->headers);
    free(cleaner->segments);
    free(cleaner->slots);
    free(cleaner);
}

static weir_status damaged(const weir_cleaner *cleaner, weir_error *err)
{
    return weir_error_set(err, WEIR_CORRUPT, "%s is damaged before byte %lld", cleaner->source.path,
                          (long long)cleaner->source.position);
}

static weir_status learn_frame(weir_cleaner *cleaner, const weir_frame *frame, const uint8_t *bytes,
                               weir_error *err)
{
    weir_frame_cursor cursor = weir_frame_records(bytes, frame);
    weir_record record;
    while (weir_frame_next(&cursor, &record, NULL)) {
        if (record.key.data != NULL) {
            learn_key(cleaner, record.key, record.offset);
        }
    }
    return cursor.failed ? damaged(cleaner, err) : WEIR_OK;
}

static bool is_kept(const weir_cleaner *cleaner, const weir_frame *frame, const weir_record *record)
{
    if (record->key.data == NULL) {
        return true; /* Nothing can ever replace it. */
    }
    if (has_later_record(cleaner, record)) {
        return false;
    }
    return record->value.data != NULL || frame->delete_horizon_ms == 0 ||
           frame->delete_horizon_ms > cleaner->now_ms;
}

/* When the tombstones of a frame may go: decided when a compaction first sees them. */
static int64_t horizon_of(const weir_cleaner *cleaner, const weir_frame *frame)
{
    return frame->delete_horizon_ms != 0
               ? frame->delete_horizon_ms
               : cleaner->now_ms + cleaner->partition->config->delete_retention_ms;
}

static weir_status write_frames(weir_cleaner *cleaner, weir_error *err)
{
    weir_frame_writer_seal(&cleaner->writer, 0, 0);
    WEIR_TRY(weir_disk_write(cleaner->partition->disk, cleaner->made_fd, cleaner->made_path,
                             cleaner->made_bytes, weir_buf_bytes(&cleaner->writer.frames), err));
    cleaner->made_bytes += (int64_t)cleaner->writer.frames.size;
    weir_frame_writer_reset(&cleaner->writer);
    return WEIR_OK;
}

/* A frame holds tombstones of one horizon, so that all of them go at their time. */
static void set_horizon(weir_frame_writer *writer, int64_t horizon_ms)
{
    if (writer->delete_horizon_ms != horizon_ms) {
        weir_frame_writer_close(writer);
        writer->delete_horizon_ms = horizon_ms;
    }
}

static weir_status copy_frame(weir_cleaner *cleaner, const weir_frame *frame, const uint8_t *bytes,
                              weir_error *err)
{
    weir_frame_writer *writer = &cleaner->writer;
    weir_frame_cursor cursor = weir_frame_records(bytes, frame);
    weir_record record;
    while (weir_frame_next(&cursor, &record, cleaner->headers)) {
        if (!is_kept(cleaner, frame, &record)) {
            continue;
        }
        if (record.value.data == NULL) {
            set_horizon(writer, horizon_of(cleaner, frame));
        }
        if (writer->open_frame.record_count > 0 &&
            record.offset - writer->open_frame.base_offset >= INT32_MAX) {
            weir_frame_writer_close(writer);
        }
        writer->next_offset = record.offset;
        weir_frame_writer_add(writer, &record);
    }
    weir_arena_reset(cleaner->headers);
    if (cursor.failed) {
        return damaged(cleaner, err);
    }
    return writer->frames.size >= WRITE_BYTES ? write_frames(cleaner, err) : WEIR_OK;
}

/* Chooses the segments of the next file and makes it. */
static weir_status begin_group(weir_cleaner *cleaner, size_t start, weir_error *err)
{
    weir_partition *partition = cleaner->partition;
    int64_t bytes = cleaner->segments[start]->bytes;
    size_t end = start + 1;
    while (end < cleaner->segment_count &&
           bytes + cleaner->segments[end]->bytes <= partition->config->segment_bytes) {
        bytes += cleaner->segments[end++]->bytes;
    }
    cleaner->group_start = start;
    cleaner->group_end = end;
    cleaner->made_bytes = WEIR_SEGMENT_HEADER_BYTES;
    cleaner->writer.delete_horizon_ms = 0;
    cleaner->made_path = weir_format("%s.cleaned", cleaner->segments[start]->path);
    begin_segment(cleaner, start);
    return weir_segment_create(partition->disk, cleaner->segments[start], cleaner->made_path,
                               cleaner->segments[end - 1]->end_offset, &cleaner->made_fd, err);
}

/* The segment that the finished file is. */
static weir_segment *new_segment(const weir_cleaner *cleaner)
{
    const weir_segment *first = cleaner->segments[cleaner->group_start];
    weir_segment *made = weir_segment_new(cleaner->partition->directory, first->base_offset);
    made->bytes = cleaner->made_bytes;
    made->end_offset = cleaner->segments[cleaner->group_end - 1]->end_offset;
    made->covers_to = made->end_offset;
    return made;
}

static weir_status finish_group(weir_cleaner *cleaner, weir_error *err)
{
    weir_partition *partition = cleaner->partition;
    WEIR_TRY(write_frames(cleaner, err));
    WEIR_TRY(weir_disk_sync(partition->disk, cleaner->made_fd, cleaner->made_path, err));
    weir_segment *made = new_segment(cleaner);
    weir_status status = weir_partition_replace(partition, &cleaner->segments[cleaner->group_start],
                                                cleaner->group_end - cleaner->group_start,
                                                cleaner->made_path, made, err);
    if (status != WEIR_OK) {
        made->removed = true;
        made->holders = 1;
        weir_segment_release(made);
        cleaner->pass = DONE; /* Records were deleted meanwhile: begin anew another time. */
        return status == WEIR_AGAIN ? WEIR_OK : status;
    }
    drop_made_file(cleaner);
    if (cleaner->group_end < cleaner->segment_count) {
        return begin_group(cleaner, cleaner->group_end, err);
    }
    partition->cleaned_to = cleaner->segments[cleaner->segment_count - 1]->end_offset;
    cleaner->pass = DONE;
    return WEIR_OK;
}

/* At the end of a segment: the next one, the next file, the next pass. */
static weir_status end_segment(weir_cleaner *cleaner, weir_error *err)
{
    size_t next = cleaner->index + 1;
    if (cleaner->pass == LEARN) {
        if (next < cleaner->segment_count) {
            begin_segment(cleaner, next);
            return WEIR_OK;
        }
        cleaner->pass = COPY;
        return begin_group(cleaner, 0, err);
    }
    if (next < cleaner->group_end) {
        begin_segment(cleaner, next);
        return WEIR_OK;
    }
    return finish_group(cleaner, err);
}

weir_status weir_cleaner_work(weir_cleaner *cleaner, int64_t bytes_max, weir_error *err)
{
    WEIR_ASSERT(cleaner != NULL);
    for (int64_t bytes = 0; bytes < bytes_max && cleaner->pass != DONE;) {
        weir_frame frame;
        const uint8_t *data = NULL;
        weir_status status = weir_frame_source_next(&cleaner->source, &frame, &data, err);
        if (status == WEIR_NOT_FOUND) {
            WEIR_TRY(end_segment(cleaner, err));
            continue;
        }
        WEIR_TRY(status);
        WEIR_TRY(cleaner->pass == LEARN ? learn_frame(cleaner, &frame, data, err)
                                        : copy_frame(cleaner, &frame, data, err));
        bytes += (int64_t)frame.bytes;
    }
    return cleaner->pass == DONE ? WEIR_OK : WEIR_AGAIN;
}
