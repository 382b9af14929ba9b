/* SPDX-License-Identifier: Apache-2.0
 *
 * embedded_consumer.c - reads frames of assigned partitions and hands them out as batches.
 *
 *   segment file --one read--> piece (whole frames) --decode--> batch of records that point into it
 *
 * A piece is shared by the batches that were decoded from it and freed with the last of them; both
 * are kept for reuse, so a steady state allocates nothing. The lock of a partition is held to look
 * where the end is, never during a read.
 *
 * A partition that is found at its end gets its watcher armed under the same lock, so no append
 * between the look and the wait is missed.
 */
#include "connectors/broker_embedded_internal.h"

#include "streams/base/arena.h"
#include "streams/base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { PIECE_BYTES_MAX = 256 << 10, PIECE_BYTES_MIN = 16 << 10, HEADER_ARENA_BYTES_MAX = 1 << 30 };

typedef struct embedded_consumer embedded_consumer;

/* Bytes of a segment from one read. */
typedef struct consumer_piece {
    struct consumer_piece *next_free;
    int32_t holders;
    weir_buf bytes;
} consumer_piece;

typedef struct embedded_batch {
    weir_batch base;
    struct embedded_batch *next_free;
    embedded_consumer *consumer;
    consumer_piece *piece;
    weir_record *records; /* batch_records_max of them. */
    weir_arena *headers;
} embedded_batch;

typedef struct consumer_assignment {
    weir_watcher watcher; /* First: what is woken is the assignment. */
    embedded_consumer *consumer;
    weir_embedded_topic *topic;
    weir_partition *partition;
    void *tag;
    weir_offset_reset reset;
    bool paused;
    int64_t position;
    weir_segment *segment;    /* Held; NULL: not looked up yet. */
    int64_t read_position;    /* In the file of segment. */
    consumer_piece *piece;    /* What was read; NULL: nothing is left of it. */
    size_t piece_at;          /* The next frame in it. */
    weir_frame_cursor cursor; /* Of the frame before, which may have records left. */
} consumer_assignment;

struct embedded_consumer {
    weir_consumer base;
    weir_embedded *embedded;
    weir_consumer_options options;
    consumer_assignment **assignments;
    size_t assignment_count;
    size_t assignment_capacity;
    size_t turn;
    int wake_fd;
    pthread_mutex_t lock;
    bool woken; /* lock */
    consumer_piece *free_pieces;
    embedded_batch *free_batches;
};

static embedded_consumer *consumer_of(weir_consumer *consumer)
{
    return (embedded_consumer *)(void *)consumer;
}

static void signal_consumer(const embedded_consumer *consumer)
{
    uint64_t one = 1;
    (void)!write(consumer->wake_fd, &one, sizeof one); /* Full means signalled already. */
}

static void wake_assignment(weir_watcher *watcher)
{
    signal_consumer(((consumer_assignment *)(void *)watcher)->consumer);
}

static consumer_piece *take_piece(embedded_consumer *consumer)
{
    consumer_piece *taken = consumer->free_pieces;
    if (taken == NULL) {
        taken = weir_alloc(sizeof *taken);
    } else {
        consumer->free_pieces = taken->next_free;
    }
    taken->holders = 1;
    weir_buf_clear(&taken->bytes);
    return taken;
}

static void release_piece(embedded_consumer *consumer, consumer_piece *piece)
{
    if (piece == NULL || --piece->holders > 0) {
        return;
    }
    if (piece->bytes.capacity > 2 * PIECE_BYTES_MAX) {
        weir_buf_cleanup(&piece->bytes); /* One large frame is no reason to keep the memory. */
    }
    piece->next_free = consumer->free_pieces;
    consumer->free_pieces = piece;
}

static void free_batch(weir_batch *base)
{
    embedded_batch *batch = (embedded_batch *)(void *)base;
    release_piece(batch->consumer, batch->piece);
    batch->piece = NULL;
    batch->next_free = batch->consumer->free_batches;
    batch->consumer->free_batches = batch;
}

static embedded_batch *take_batch(embedded_consumer *consumer)
{
    embedded_batch *batch = consumer->free_batches;
    if (batch == NULL) {
        batch = weir_alloc(sizeof *batch);
        batch->consumer = consumer;
        batch->records =
            weir_alloc_array(consumer->options.batch_records_max, sizeof *batch->records);
        batch->headers = weir_arena_new(HEADER_ARENA_BYTES_MAX);
        batch->base.free = free_batch;
        batch->base.records = batch->records;
    } else {
        consumer->free_batches = batch->next_free;
        weir_arena_reset(batch->headers);
    }
    batch->base.count = 0;
    return batch;
}

/* Forgets what was read ahead. */
static void drop_read_ahead(consumer_assignment *assignment)
{
    release_piece(assignment->consumer, assignment->piece);
    assignment->piece = NULL;
    assignment->cursor = (weir_frame_cursor){0};
    weir_partition_release(assignment->partition, assignment->segment);
    assignment->segment = NULL;
}

static weir_status reset_position(consumer_assignment *assignment, weir_error *err)
{
    const weir_partition *partition = assignment->partition;
    if (assignment->reset == WEIR_RESET_NONE) {
        return weir_error_set(err, WEIR_CORRUPT,
                              "%s[%" PRId32 "] has the offsets %" PRId64 " to %" PRId64
                              ", wanted %" PRId64,
                              assignment->topic->name, partition->number, partition->start_offset,
                              partition->end_offset, assignment->position);
    }
    assignment->position =
        assignment->reset == WEIR_RESET_EARLIEST ? partition->start_offset : partition->end_offset;
    return WEIR_OK;
}

/* Finds the bytes that hold the position: *out_bytes of segment from read_position on. WEIR_AGAIN
 * at the end, with the watcher armed. The partition's lock is held. */
static weir_status find_bytes(consumer_assignment *assignment, int64_t *out_bytes, weir_error *err)
{
    weir_partition *partition = assignment->partition;
    if (partition->gone) {
        return weir_error_set(err, WEIR_INVALID, "topic %s was deleted", assignment->topic->name);
    }
    if (assignment->position < partition->start_offset ||
        assignment->position > partition->end_offset) {
        WEIR_TRY(reset_position(assignment, err));
        if (assignment->segment != NULL) {
            weir_segment_release(assignment->segment);
            assignment->segment = NULL;
        }
    }
    for (;;) {
        if (assignment->position == partition->end_offset) {
            assignment->watcher.armed = true;
            return WEIR_AGAIN;
        }
        weir_segment *segment = assignment->segment;
        if (segment == NULL) {
            WEIR_TRY(weir_partition_find(partition, assignment->position, &assignment->segment,
                                         &assignment->read_position, err));
            segment = assignment->segment;
        }
        if (assignment->read_position < segment->bytes) {
            *out_bytes = segment->bytes - assignment->read_position;
            return WEIR_OK;
        }
        if (assignment->position < segment->end_offset) {
            assignment->position = segment->end_offset; /* Compaction left nothing up to it. */
        }
        weir_segment_release(segment);
        assignment->segment = NULL;
    }
}

static size_t piece_bytes(const embedded_consumer *consumer)
{
    size_t bytes = consumer->options.fetch_bytes_max / consumer->assignment_count;
    return bytes > PIECE_BYTES_MAX   ? PIECE_BYTES_MAX
           : bytes < PIECE_BYTES_MIN ? PIECE_BYTES_MIN
                                     : bytes;
}

static weir_status damaged(const consumer_assignment *assignment, int64_t position, weir_error *err)
{
    return weir_error_set(err, WEIR_CORRUPT, "%s is damaged at byte %" PRId64,
                          assignment->segment->path, position);
}

static weir_status read_bytes(const consumer_assignment *assignment, weir_buf *to, size_t bytes,
                              weir_error *err)
{
    const weir_segment *segment = assignment->segment;
    weir_buf_clear(to);
    uint8_t *room = weir_buf_reserve(to, bytes);
    WEIR_TRY(
        weir_disk_read(segment->fd, segment->path, assignment->read_position, room, bytes, err));
    to->size = bytes;
    return WEIR_OK;
}

/* Keeps the whole, sound frames at the start of what was read; *out_bytes of them. 0: the first
 * one is longer than what was read, *out_needed bytes. */
static weir_status check_frames(const consumer_assignment *assignment, const weir_buf *read,
                                size_t *out_bytes, size_t *out_needed, weir_error *err)
{
    size_t at = 0;
    while (read->size - at >= WEIR_FRAME_HEADER_BYTES) {
        weir_frame frame;
        int64_t position = assignment->read_position + (int64_t)at;
        if (!weir_frame_parse(read->data + at, &frame)) {
            return damaged(assignment, position, err);
        }
        if (frame.bytes > read->size - at) {
            *out_needed = frame.bytes;
            break;
        }
        if (!weir_frame_is_sound(read->data + at, &frame)) {
            return damaged(assignment, position, err);
        }
        at += frame.bytes;
    }
    *out_bytes = at;
    return WEIR_OK;
}

static weir_status fill_piece(consumer_assignment *assignment, consumer_piece *piece,
                              int64_t available, weir_error *err)
{
    size_t wanted = piece_bytes(assignment->consumer);
    size_t whole = 0;
    size_t needed = 0;
    if ((int64_t)wanted > available) {
        wanted = (size_t)available;
    }
    WEIR_TRY(read_bytes(assignment, &piece->bytes, wanted, err));
    WEIR_TRY(check_frames(assignment, &piece->bytes, &whole, &needed, err));
    if (whole == 0) {
        if (needed == 0 || (int64_t)needed > available) {
            return damaged(assignment, assignment->read_position, err);
        }
        WEIR_TRY(read_bytes(assignment, &piece->bytes, needed, err));
        WEIR_TRY(check_frames(assignment, &piece->bytes, &whole, &needed, err));
    }
    piece->bytes.size = whole;
    assignment->read_position += (int64_t)whole;
    return WEIR_OK;
}

/* Reads the next piece. WEIR_AGAIN: the partition has no more. */
static weir_status read_piece(consumer_assignment *assignment, weir_error *err)
{
    WEIR_ASSERT(assignment->piece == NULL);
    int64_t available = 0;
    weir_embedded_lock(&assignment->partition->lock);
    weir_status status = find_bytes(assignment, &available, err);
    weir_embedded_unlock(&assignment->partition->lock);
    WEIR_TRY(status);
    consumer_piece *filled = take_piece(assignment->consumer);
    status = fill_piece(assignment, filled, available, err);
    if (status != WEIR_OK) {
        release_piece(assignment->consumer, filled);
        return status;
    }
    assignment->piece = filled;
    assignment->piece_at = 0;
    return WEIR_OK;
}

/* Goes on to the next frame of the piece; false where there is none. */
static bool next_frame(consumer_assignment *assignment)
{
    const weir_buf *bytes = &assignment->piece->bytes;
    if (assignment->piece_at == bytes->size) {
        return false;
    }
    weir_frame frame;
    bool is_frame = weir_frame_parse(bytes->data + assignment->piece_at, &frame);
    WEIR_ASSERT(is_frame);
    assignment->cursor = weir_frame_records(bytes->data + assignment->piece_at, &frame);
    assignment->piece_at += frame.bytes;
    return true;
}

/* Decodes into batch what the piece has from the position on. */
static weir_status decode(consumer_assignment *assignment, embedded_batch *batch, weir_error *err)
{
    size_t count = 0;
    size_t count_max = assignment->consumer->options.batch_records_max;
    weir_frame_cursor *cursor = &assignment->cursor;
    while (count < count_max) {
        weir_record *record = &batch->records[count];
        if (weir_frame_next(cursor, record, batch->headers)) {
            if (record->offset >= assignment->position) {
                record->topic = assignment->topic->name;
                record->partition = assignment->partition->number;
                count++;
            }
            continue;
        }
        if (cursor->failed) {
            return damaged(assignment, assignment->read_position, err);
        }
        if (cursor->base_offset + cursor->offset_span > assignment->position) {
            assignment->position = cursor->base_offset + cursor->offset_span;
        }
        if (!next_frame(assignment)) {
            break;
        }
    }
    if (count > 0 && batch->records[count - 1].offset >= assignment->position) {
        assignment->position = batch->records[count - 1].offset + 1;
    }
    batch->base.count = count;
    return WEIR_OK;
}

static weir_status next_batch(consumer_assignment *assignment, weir_batch **out_batch,
                              weir_error *err)
{
    for (;;) {
        if (assignment->piece == NULL) {
            WEIR_TRY(read_piece(assignment, err));
        }
        embedded_batch *batch = take_batch(assignment->consumer);
        batch->piece = assignment->piece;
        batch->piece->holders++;
        weir_status status = decode(assignment, batch, err);
        if (assignment->piece_at == assignment->piece->bytes.size &&
            assignment->cursor.records_left == 0) {
            release_piece(assignment->consumer, assignment->piece);
            assignment->piece = NULL;
            assignment->cursor = (weir_frame_cursor){0};
        }
        if (status == WEIR_OK && batch->base.count > 0) {
            batch->base.tag = assignment->tag;
            *out_batch = &batch->base;
            return WEIR_OK;
        }
        free_batch(&batch->base);
        WEIR_TRY(status);
    }
}

static weir_status poll_once(embedded_consumer *consumer, weir_batch **out_batch, weir_error *err)
{
    for (size_t i = 0; i < consumer->assignment_count; i++) {
        size_t index = (consumer->turn + i) % consumer->assignment_count;
        consumer_assignment *assignment = consumer->assignments[index];
        if (assignment->paused) {
            continue;
        }
        weir_status status = next_batch(assignment, out_batch, err);
        if (status != WEIR_AGAIN) {
            consumer->turn = index + 1;
            return status;
        }
    }
    return WEIR_AGAIN;
}

static bool take_wake(embedded_consumer *consumer)
{
    weir_embedded_lock(&consumer->lock);
    bool woken = consumer->woken;
    consumer->woken = false;
    weir_embedded_unlock(&consumer->lock);
    return woken;
}

static bool take_signals(const embedded_consumer *consumer)
{
    uint64_t signals = 0;
    return read(consumer->wake_fd, &signals, sizeof signals) == (ssize_t)sizeof signals;
}

static weir_status consumer_poll(weir_consumer *base, int32_t timeout_ms, weir_batch **out_batch,
                                 weir_error *err)
{
    embedded_consumer *consumer = consumer_of(base);
    uint64_t deadline_ns = 0;
    for (;;) {
        weir_status status = poll_once(consumer, out_batch, err);
        if (status != WEIR_AGAIN) {
            return status;
        }
        if (take_signals(consumer)) {
            if (take_wake(consumer)) {
                return WEIR_AGAIN;
            }
            continue; /* It may have come between the look and now. */
        }
        uint64_t now_ns = timeout_ms == 0 ? 0 : weir_clock_monotonic_ns();
        deadline_ns =
            deadline_ns == 0 ? now_ns + (uint64_t)timeout_ms * WEIR_NS_PER_MS : deadline_ns;
        if (now_ns >= deadline_ns) {
            return WEIR_AGAIN;
        }
        struct pollfd fd = {.fd = consumer->wake_fd, .events = POLLIN};
        (void)poll(&fd, 1, (int)((deadline_ns - now_ns) / WEIR_NS_PER_MS + 1)); /* EINTR: again. */
    }
}

static size_t index_of(const embedded_consumer *consumer, weir_topic_partition name)
{
    size_t i = 0;
    while (i < consumer->assignment_count &&
           (consumer->assignments[i]->partition->number != name.partition ||
            strcmp(consumer->assignments[i]->topic->name, name.topic) != 0)) {
        i++;
    }
    return i;
}

static consumer_assignment *find(const embedded_consumer *consumer, weir_topic_partition name)
{
    size_t index = index_of(consumer, name);
    return index == consumer->assignment_count ? NULL : consumer->assignments[index];
}

static void watch(consumer_assignment *assignment)
{
    weir_embedded_lock(&assignment->partition->lock);
    assignment->watcher.next = assignment->partition->watchers;
    assignment->partition->watchers = &assignment->watcher;
    weir_embedded_unlock(&assignment->partition->lock);
}

static void unwatch(consumer_assignment *assignment)
{
    weir_embedded_lock(&assignment->partition->lock);
    weir_watcher **at = &assignment->partition->watchers;
    while (*at != &assignment->watcher) {
        at = &(*at)->next;
    }
    *at = assignment->watcher.next;
    weir_embedded_unlock(&assignment->partition->lock);
}

static consumer_assignment *add_assignment(embedded_consumer *consumer, weir_embedded_topic *topic,
                                           weir_partition *partition)
{
    consumer_assignment *added = weir_alloc(sizeof *added);
    added->watcher.wake = wake_assignment;
    added->consumer = consumer;
    added->topic = topic;
    added->partition = partition;
    consumer->assignments =
        weir_grow(consumer->assignments, consumer->assignment_count, &consumer->assignment_capacity,
                  sizeof(consumer_assignment *));
    consumer->assignments[consumer->assignment_count++] = added;
    watch(added);
    return added;
}

static weir_status consumer_assign(weir_consumer *base, weir_topic_partition name, int64_t offset,
                                   weir_offset_reset reset, void *tag, weir_error *err)
{
    (void)err; /* Not to find it is an answer. */
    embedded_consumer *consumer = consumer_of(base);
    weir_embedded_topic *topic = NULL;
    weir_partition *partition = NULL;
    WEIR_TRY(weir_embedded_partition_get(consumer->embedded, name, &topic, &partition));
    consumer_assignment *assignment = find(consumer, name);
    if (assignment == NULL) {
        assignment = add_assignment(consumer, topic, partition);
    }
    drop_read_ahead(assignment);
    assignment->position = offset;
    assignment->reset = reset;
    assignment->tag = tag;
    signal_consumer(consumer);
    return WEIR_OK;
}

static void remove_assignment(embedded_consumer *consumer, size_t index)
{
    consumer_assignment *removed = consumer->assignments[index];
    drop_read_ahead(removed);
    unwatch(removed);
    free(removed);
    consumer->assignment_count--;
    memmove(&consumer->assignments[index], &consumer->assignments[index + 1],
            (consumer->assignment_count - index) * sizeof(consumer_assignment *));
}

static void consumer_unassign(weir_consumer *base, weir_topic_partition name)
{
    embedded_consumer *consumer = consumer_of(base);
    size_t index = index_of(consumer, name);
    if (index < consumer->assignment_count) {
        remove_assignment(consumer, index);
    }
}

static void consumer_set_paused(weir_consumer *base, weir_topic_partition name, bool paused)
{
    embedded_consumer *consumer = consumer_of(base);
    consumer_assignment *assignment = find(consumer, name);
    WEIR_ASSERT(assignment != NULL);
    assignment->paused = paused;
    if (!paused) {
        signal_consumer(consumer);
    }
}

static int64_t consumer_position(weir_consumer *base, weir_topic_partition name)
{
    const consumer_assignment *assignment = find(consumer_of(base), name);
    WEIR_ASSERT(assignment != NULL);
    return assignment->position;
}

static weir_status consumer_lag(weir_consumer *base, weir_topic_partition name, int64_t *out_lag)
{
    const consumer_assignment *assignment = find(consumer_of(base), name);
    WEIR_ASSERT(assignment != NULL);
    weir_embedded_lock(&assignment->partition->lock);
    int64_t lag = assignment->partition->end_offset - assignment->position;
    weir_embedded_unlock(&assignment->partition->lock);
    *out_lag = lag < 0 ? 0 : lag;
    return WEIR_OK;
}

static int consumer_fd(weir_consumer *base)
{
    return consumer_of(base)->wake_fd;
}

static void consumer_wake(weir_consumer *base)
{
    embedded_consumer *consumer = consumer_of(base);
    weir_embedded_lock(&consumer->lock);
    consumer->woken = true;
    weir_embedded_unlock(&consumer->lock);
    signal_consumer(consumer);
}

static void consumer_free(weir_consumer *base)
{
    embedded_consumer *consumer = consumer_of(base);
    while (consumer->assignment_count > 0) {
        remove_assignment(consumer, consumer->assignment_count - 1);
    }
    while (consumer->free_batches != NULL) {
        embedded_batch *batch = consumer->free_batches;
        consumer->free_batches = batch->next_free;
        weir_arena_free(batch->headers);
        free(batch->records);
        free(batch);
    }
    while (consumer->free_pieces != NULL) {
        consumer_piece *piece = consumer->free_pieces;
        consumer->free_pieces = piece->next_free;
        weir_buf_cleanup(&piece->bytes);
        free(piece);
    }
    (void)close(consumer->wake_fd); /* It holds no data. */
    (void)pthread_mutex_destroy(&consumer->lock);
    free(consumer->assignments);
    free(consumer);
}

static const weir_consumer_ops consumer_ops = {
    .assign = consumer_assign,
    .unassign = consumer_unassign,
    .set_paused = consumer_set_paused,
    .poll = consumer_poll,
    .position = consumer_position,
    .lag = consumer_lag,
    .fd = consumer_fd,
    .wake = consumer_wake,
    .free = consumer_free,
};

weir_status weir_embedded_consumer_new(weir_broker *broker, const weir_consumer_options *options,
                                       weir_consumer **out_consumer, weir_error *err)
{
    int wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_fd < 0) {
        return weir_error_set(err, WEIR_IO, "eventfd: %s", strerror(errno));
    }
    embedded_consumer *consumer = weir_alloc(sizeof *consumer);
    consumer->base.ops = &consumer_ops;
    consumer->embedded = weir_embedded_of(broker);
    consumer->options = *options;
    consumer->wake_fd = wake_fd;
    int failed = pthread_mutex_init(&consumer->lock, NULL);
    WEIR_ASSERT(failed == 0);
    *out_consumer = &consumer->base;
    return WEIR_OK;
}
