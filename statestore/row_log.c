/* SPDX-License-Identifier: Apache-2.0
 *
 * row_log.c - a ring of chunks in a file, and tables of where its rows lie.
 *
 *   table:  bucket = 10 × (16 bits of the hash, 32 bits of place): a line of the processor's cache
 *                           │
 *   file:   ... | chunk | chunk | ...        a shard has each 64th; chunks are written whole
 *                  row = checksum, store, sizes | key | value, from a multiple of 16 bytes on
 *
 * Rows are appended to the chunk at the head, which is in memory until it is full. Before a chunk
 * is overwritten it is read once more: what is still pointed to moves to the head (half a chunk at
 * most), the rest is forgotten. So no slot ever points to a place that holds something else, and a
 * file of twice the rows keeps nearly all of them for one append in four more.
 *
 * A row may be in either of two buckets, whichever is emptier: tables fill to nine tenths before a
 * row is lost. They hold no hashes, so one that has become too small is made anew from the file.
 *
 * A new value of a row takes the place of whatever has its 16 bits in its buckets: that may be
 * another row, once in thousands, which is lost and read from the engine again.
 */
#include "statestore/row_log.h"

#include "streams/base/alloc.h"
#include "streams/base/hash.h"
#include "streams/base/logging.h"
#include "streams/base/status.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
    SHARDS = 64,
    SHARD_SHIFT = 58,
    WAYS = 10,
    WAYS_FULL = 8, /* A table with so many rows a bucket grows. */
    BUCKETS_MIN = 4,
    UNIT_BYTES = 16,
    CHUNK_BYTES = 16 << 10,
    CHUNK_UNITS = CHUNK_BYTES / UNIT_BYTES,
    CHUNKS_MIN = 2,
    CHUNKS_MAX = UINT32_MAX / CHUNK_UNITS,
    MOVED_BYTES_MAX = CHUNK_BYTES / 2,
    READ_BYTES = 512, /* Most rows are shorter: one read. */
    KIND_ROW = 1,     /* 0: the chunk ends here. */
};

typedef struct row_head {
    uint32_t checksum; /* Of all that follows. */
    uint32_t store;
    uint16_t value_size;
    uint8_t key_size;
    uint8_t kind;
} row_head;

static_assert(CHUNKS_MIN * SHARDS * CHUNK_BYTES == WEIR_ROW_LOG_FILE_BYTES_MIN,
              "a file has the fewest chunks in each shard");
static_assert(sizeof(row_head) == 12, "a row takes twelve bytes more than its key and value");

/* With what fills its last unit. */
enum {
    ROW_BYTES_MAX = 12 + WEIR_ROW_LOG_KEY_BYTES_MAX + WEIR_ROW_LOG_VALUE_BYTES_MAX + UNIT_BYTES
};

typedef struct row_name {
    uint32_t store;
    weir_bytes key;
} row_name;

/* Places are + 1, so that 0 is an empty slot. */
typedef struct bucket {
    uint32_t places[WAYS];
    uint16_t tags[WAYS];
    uint32_t displaced; /* The slot that goes next when it is full. */
} bucket;

static_assert(sizeof(bucket) == 64, "a bucket is a line of the processor's cache");

typedef struct shard {
    pthread_mutex_t lock;
    bucket *buckets; /* NULL: there is no row yet. */
    size_t bucket_count;
    size_t rows;
    uint8_t *chunk; /* The one at the head. */
    size_t used;    /* Bytes of it. */
    uint32_t index; /* Its place in the ring. */
    uint32_t ring;  /* Chunks until the ring begins anew. */
    bool wrapped;   /* It has. */
} shard;

struct weir_row_log {
    shard shards[SHARDS];
    weir_row_log_options options;
    pthread_mutex_t file_lock;
    int fd; /* -1: not made yet. A shard has looked under file_lock before its first row. */
    size_t buckets_max;
    uint32_t chunks_max;
    atomic_int failure;
    atomic_size_t bytes; /* That all shards take. */
};

/* A row within a chunk. */
typedef struct row_view {
    row_head head;
    const uint8_t *bytes; /* Key, then value. */
    size_t at;
    size_t size; /* A multiple of UNIT_BYTES. */
} row_view;

weir_row_log *weir_row_log_new(const weir_row_log_options *options)
{
    weir_row_log *log = weir_alloc(sizeof *log);
    log->options = *options;
    log->fd = -1;
    pthread_mutex_init(&log->file_lock, NULL);
    uint64_t chunks = options->file_bytes_max / SHARDS / CHUNK_BYTES;
    log->chunks_max = chunks > CHUNKS_MAX ? CHUNKS_MAX : (uint32_t)chunks;
    size_t per_shard = options->memory_bytes_max / SHARDS;
    log->buckets_max = per_shard <= CHUNK_BYTES ? 0 : (per_shard - CHUNK_BYTES) / sizeof(bucket);
    for (size_t i = 0; i < SHARDS; i++) {
        pthread_mutex_init(&log->shards[i].lock, NULL);
    }
    return log;
}

static size_t bytes_of(const shard *s)
{
    return s->bucket_count * sizeof *s->buckets + (s->chunk == NULL ? 0 : CHUNK_BYTES);
}

static void clear_shard(weir_row_log *log, shard *s)
{
    atomic_fetch_sub(&log->bytes, bytes_of(s));
    free(s->buckets);
    free(s->chunk);
    s->buckets = NULL;
    s->chunk = NULL;
    s->bucket_count = s->rows = s->used = 0;
    s->index = s->ring = 0;
    s->wrapped = false;
}

void weir_row_log_free(weir_row_log *log)
{
    if (log == NULL) {
        return;
    }
    for (size_t i = 0; i < SHARDS; i++) {
        clear_shard(log, &log->shards[i]);
        pthread_mutex_destroy(&log->shards[i].lock);
    }
    if (log->fd >= 0) {
        (void)close(log->fd);
    }
    pthread_mutex_destroy(&log->file_lock);
    free(log);
}

void weir_row_log_clear(weir_row_log *log)
{
    for (size_t i = 0; i < SHARDS; i++) {
        pthread_mutex_lock(&log->shards[i].lock);
        clear_shard(log, &log->shards[i]);
        pthread_mutex_unlock(&log->shards[i].lock);
    }
}

/* The file. */

/* No row is there any more: each shard frees what it has when it is used next. */
static void fail(weir_row_log *log, int error)
{
    int none = 0;
    error = error == 0 ? EIO : error;
    if (!atomic_compare_exchange_strong(&log->failure, &none, error)) {
        return;
    }
    if (log->fd >= 0) {
        (void)ftruncate(log->fd, 0); /* The disk may want the space. */
    }
    WEIR_LOG(WEIR_LOG_WARN, NULL,
             "%s: the file of rows failed (%s) and is used no more: nothing is lost, but rows that "
             "memory does not hold are read from the database, several times slower; see to the "
             "disk and start the process again, or give weir.database.bytes.max more memory",
             log->options.directory, strerror(error));
}

int weir_row_log_failure(const weir_row_log *log)
{
    return atomic_load_explicit(&log->failure, memory_order_relaxed);
}

/* A file without a name is gone with the process, however that ends. */
static bool open_file(weir_row_log *log)
{
    pthread_mutex_lock(&log->file_lock);
    if (log->fd < 0) {
        WEIR_AUTO_FREE char *path = weir_format("%s/rows.tmp", log->options.directory);
        (void)unlink(path);
        log->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        int error = errno;
        if (log->fd < 0) {
            fail(log, error);
        } else {
            (void)unlink(path);
            (void)posix_fadvise(log->fd, 0, 0, POSIX_FADV_RANDOM);
        }
    }
    bool is_open = log->fd >= 0;
    pthread_mutex_unlock(&log->file_lock);
    return is_open;
}

/* The rest of the disk is for the engine. */
static bool may_grow(const weir_row_log *log)
{
    struct statvfs disk;
    return fstatvfs(log->fd, &disk) == 0 && disk.f_bavail > disk.f_blocks / 10;
}

static off_t offset_of(const weir_row_log *log, const shard *s, uint32_t index)
{
    uint64_t chunk = (uint64_t)index * SHARDS + (uint64_t)(s - log->shards);
    return (off_t)(chunk * CHUNK_BYTES);
}

static bool read_file(weir_row_log *log, off_t offset, void *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t got = pread(log->fd, (char *)bytes + done, size - done, offset + (off_t)done);
        if (got <= 0 && !(got < 0 && errno == EINTR)) {
            fail(log, got == 0 ? EIO : errno);
            return false;
        }
        done += got > 0 ? (size_t)got : 0;
    }
    return true;
}

static bool write_file(weir_row_log *log, off_t offset, const void *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t put =
            pwrite(log->fd, (const char *)bytes + done, size - done, offset + (off_t)done);
        if (put <= 0 && !(put < 0 && errno == EINTR)) {
            fail(log, put == 0 ? ENOSPC : errno);
            return false;
        }
        done += put > 0 ? (size_t)put : 0;
    }
    return true;
}

/* Rows in a chunk. */

static uint32_t checksum_of(const row_head *head, const uint8_t *bytes)
{
    uint64_t seed = (uint64_t)head->store << 32 | (uint32_t)head->value_size << 16 |
                    (uint32_t)head->key_size << 8 | head->kind;
    size_t size = (size_t)head->key_size + head->value_size;
    return (uint32_t)weir_hash64(weir_bytes_of(bytes, size), seed);
}

static size_t row_size(const row_head *head)
{
    size_t size = sizeof *head + head->key_size + head->value_size;
    return (size + UNIT_BYTES - 1) / UNIT_BYTES * UNIT_BYTES;
}

/* The row at the start of so many bytes; false: there is none, or it is damaged. */
static bool view_row(const uint8_t *bytes, size_t size, row_view *out)
{
    if (size < sizeof out->head) {
        return false;
    }
    memcpy(&out->head, bytes, sizeof out->head);
    out->bytes = bytes + sizeof out->head;
    out->size = row_size(&out->head);
    return out->head.kind == KIND_ROW && out->size <= size &&
           out->head.checksum == checksum_of(&out->head, out->bytes);
}

/* The next row of a chunk, of which size bytes are used; row is all-zero at first. */
static bool next_row(weir_row_log *log, const uint8_t *chunk, size_t size, row_view *row)
{
    size_t at = row->at + row->size;
    if (at >= size) {
        return false;
    }
    bool is_row = view_row(chunk + at, size - at, row);
    row->at = at;
    if (!is_row && row->head.kind != 0) {
        fail(log, EBADMSG);
    }
    return is_row;
}

/* Tables. */

static uint64_t hash_of(uint32_t store, weir_bytes key)
{
    return weir_hash64(key, store);
}

static uint64_t hash_of_row(const row_view *row)
{
    return hash_of(row->head.store, weir_bytes_of(row->bytes, row->head.key_size));
}

static uint16_t tag_of(uint64_t hash)
{
    return (uint16_t)(hash >> 40);
}

/* One of the two buckets that a row may be in. */
static bucket *bucket_of(const shard *s, uint64_t hash, int which)
{
    uint64_t bits = which == 0 ? hash : hash * UINT64_C(0x9e3779b97f4a7c15) >> 32;
    return &s->buckets[(bits & UINT32_MAX) * s->bucket_count >> 32];
}

static uint32_t place_of(const shard *s, size_t at)
{
    return s->index * CHUNK_UNITS + (uint32_t)(at / UNIT_BYTES) + 1;
}

/* The slot that points to a place; NULL: the row there is not the last of its key. */
static uint32_t *slot_of_place(const shard *s, uint64_t hash, uint32_t place)
{
    for (int which = 0; which < 2; which++) {
        bucket *b = bucket_of(s, hash, which);
        for (size_t i = 0; i < WAYS; i++) {
            if (b->places[i] == place && b->tags[i] == tag_of(hash)) {
                return &b->places[i];
            }
        }
    }
    return NULL;
}

/* Whatever has the row's bits in its buckets. */
static void forget(shard *s, uint64_t hash)
{
    for (int which = 0; which < 2; which++) {
        bucket *b = bucket_of(s, hash, which);
        for (size_t i = 0; i < WAYS; i++) {
            if (b->tags[i] == tag_of(hash) && b->places[i] != 0) {
                b->places[i] = 0;
                s->rows--;
            }
        }
    }
}

static size_t free_slots(const bucket *b, size_t *out_last)
{
    size_t count = 0;
    for (size_t i = 0; i < WAYS; i++) {
        if (b->places[i] == 0) {
            *out_last = i;
            count++;
        }
    }
    return count;
}

/* Points a slot to place; where both buckets are full some row goes, another one each time. */
static void point(shard *s, uint64_t hash, uint32_t place)
{
    bucket *b = bucket_of(s, hash, 0);
    bucket *other = bucket_of(s, hash, 1);
    size_t slot = b->displaced % WAYS;
    size_t other_slot = 0;
    size_t free_here = free_slots(b, &slot);
    if (free_slots(other, &other_slot) > free_here) {
        b = other;
        slot = other_slot;
    } else if (free_here == 0) {
        b->displaced++;
    }
    s->rows += b->places[slot] == 0 ? 1 : 0;
    b->places[slot] = place;
    b->tags[slot] = tag_of(hash);
}

/* The rows of one chunk that are still pointed to by old go into the table of s. */
static void point_again(weir_row_log *log, shard *s, const shard *old, const uint8_t *chunk,
                        size_t size)
{
    row_view row = {0};
    while (next_row(log, chunk, size, &row)) {
        uint64_t hash = hash_of_row(&row);
        if (slot_of_place(old, hash, place_of(old, row.at)) != NULL) {
            point(s, hash, place_of(old, row.at));
        }
    }
}

/* A table of more buckets. */
static void grow(weir_row_log *log, shard *s)
{
    uint8_t chunk[CHUNK_BYTES];
    shard old = *s;
    size_t count = s->bucket_count == 0 ? BUCKETS_MIN : s->bucket_count * 2;
    s->bucket_count = count > log->buckets_max ? log->buckets_max : count;
    atomic_fetch_add(&log->bytes, (s->bucket_count - old.bucket_count) * sizeof *s->buckets);
    s->buckets = weir_alloc_array(s->bucket_count, sizeof *s->buckets);
    s->rows = 0;
    if (old.buckets == NULL) {
        return;
    }
    uint32_t chunks = s->wrapped ? s->ring : s->index;
    for (old.index = 0; old.index < chunks; old.index++) {
        if (old.index != s->index &&
            read_file(log, offset_of(log, s, old.index), chunk, sizeof chunk)) {
            point_again(log, s, &old, chunk, sizeof chunk);
        }
    }
    old.index = s->index;
    point_again(log, s, &old, s->chunk, s->used);
    free(old.buckets);
}

/* The ring. */

/* Puts a row at the head, where there is room, and answers its place. */
static uint32_t append(shard *s, const row_head *head, const void *key, const void *value)
{
    uint8_t *bytes = s->chunk + s->used + sizeof *head;
    uint32_t place = place_of(s, s->used);
    row_head summed = *head;
    memcpy(bytes, key, head->key_size);
    memcpy(bytes + head->key_size, value, head->value_size);
    summed.checksum = checksum_of(head, bytes);
    memcpy(s->chunk + s->used, &summed, sizeof summed);
    s->used += row_size(head);
    return place;
}

/* Makes the chunk in the file at the head's place, which the head will take, free of rows. What
 * moves never gets ahead of what is looked at, so a place is still that of the old chunk. */
static void scrub(weir_row_log *log, shard *s)
{
    uint8_t chunk[CHUNK_BYTES];
    row_view row = {0};
    if (!read_file(log, offset_of(log, s, s->index), chunk, sizeof chunk)) {
        return;
    }
    while (next_row(log, chunk, sizeof chunk, &row)) {
        uint32_t *slot = slot_of_place(s, hash_of_row(&row), place_of(s, row.at));
        if (slot != NULL && s->used + row.size <= MOVED_BYTES_MAX) {
            *slot = append(s, &row.head, row.bytes, row.bytes + row.head.key_size);
        } else if (slot != NULL) {
            *slot = 0;
            s->rows--;
        }
    }
}

/* The chunk at the head goes into the file, and the next one begins. */
static void advance(weir_row_log *log, shard *s)
{
    memset(s->chunk + s->used, 0, CHUNK_BYTES - s->used);
    if (!write_file(log, offset_of(log, s, s->index), s->chunk, CHUNK_BYTES)) {
        return;
    }
    s->index++;
    s->used = 0;
    if (!s->wrapped && s->index >= CHUNKS_MIN && !may_grow(log)) {
        s->ring = s->index;
    }
    if (s->index == s->ring) {
        s->index = 0;
        s->wrapped = true;
    }
    if (s->wrapped) {
        scrub(log, s);
    }
}

/* Whether a row of size can be appended. */
static bool make_room(weir_row_log *log, shard *s, size_t size)
{
    if (s->buckets == NULL) {
        if (log->buckets_max == 0 || log->chunks_max < CHUNKS_MIN || !open_file(log)) {
            return false;
        }
        s->ring = log->chunks_max;
        s->chunk = weir_alloc(CHUNK_BYTES);
        atomic_fetch_add(&log->bytes, CHUNK_BYTES);
        grow(log, s);
    } else if (s->rows >= s->bucket_count * WAYS_FULL && s->bucket_count < log->buckets_max) {
        grow(log, s);
    }
    if (s->used + size > CHUNK_BYTES) {
        advance(log, s);
    }
    return weir_row_log_failure(log) == 0;
}

/* What others call. */

static shard *lock_shard(weir_row_log *log, uint64_t hash)
{
    shard *s = &log->shards[hash >> SHARD_SHIFT];
    pthread_mutex_lock(&s->lock);
    if (weir_row_log_failure(log) != 0) {
        clear_shard(log, s);
    }
    return s;
}

/* Reads so much that the row at a place is whole; NULL: the file fails. */
static const uint8_t *read_row(weir_row_log *log, const shard *s, uint32_t place,
                               uint8_t bytes[ROW_BYTES_MAX], size_t *out_size)
{
    uint32_t index = (place - 1) / CHUNK_UNITS;
    size_t at = (size_t)((place - 1) % CHUNK_UNITS) * UNIT_BYTES;
    if (index == s->index) {
        *out_size = s->used - at;
        return s->chunk + at;
    }
    off_t offset = offset_of(log, s, index) + (off_t)at;
    size_t left = CHUNK_BYTES - at;
    size_t size = left < READ_BYTES ? left : READ_BYTES;
    row_head head;
    if (!read_file(log, offset, bytes, size)) {
        return NULL;
    }
    memcpy(&head, bytes, sizeof head);
    size_t whole = row_size(&head);
    if (whole > size && whole <= ROW_BYTES_MAX && whole <= left) {
        if (!read_file(log, offset + (off_t)size, bytes + size, whole - size)) {
            return NULL;
        }
        size = whole;
    }
    *out_size = size;
    return bytes;
}

/* True: the row at a place is the one that is asked for. */
static bool take_row(weir_row_log *log, const shard *s, uint32_t place, const row_name *name,
                     weir_buf *out_value)
{
    uint8_t bytes[ROW_BYTES_MAX];
    size_t size = 0;
    row_view row;
    const uint8_t *from = read_row(log, s, place, bytes, &size);
    if (from == NULL || !view_row(from, size, &row)) {
        fail(log, EBADMSG);
        return false;
    }
    weir_bytes key = weir_bytes_of(row.bytes, row.head.key_size);
    if (row.head.store != name->store || !weir_bytes_equal(key, name->key)) {
        return false;
    }
    weir_buf_set(out_value, weir_bytes_of(row.bytes + key.size, row.head.value_size));
    return true;
}

bool weir_row_log_get(weir_row_log *log, uint32_t store, weir_bytes key, weir_buf *out_value)
{
    const row_name name = {store, key};
    uint64_t hash = hash_of(store, key);
    shard *s = lock_shard(log, hash);
    bool found = false;
    for (int which = 0; s->buckets != NULL && which < 2 && !found; which++) {
        const bucket *b = bucket_of(s, hash, which);
        for (size_t i = 0; i < WAYS && !found; i++) {
            found = b->places[i] != 0 && b->tags[i] == tag_of(hash) &&
                    take_row(log, s, b->places[i], &name, out_value);
        }
    }
    pthread_mutex_unlock(&s->lock);
    return found;
}

static bool is_kept(weir_bytes key, weir_bytes value)
{
    return value.data != NULL && key.size <= WEIR_ROW_LOG_KEY_BYTES_MAX &&
           value.size <= WEIR_ROW_LOG_VALUE_BYTES_MAX;
}

void weir_row_log_put(weir_row_log *log, uint32_t store, weir_bytes key, weir_bytes value)
{
    uint64_t hash = hash_of(store, key);
    shard *s = lock_shard(log, hash);
    if (s->buckets != NULL) {
        forget(s, hash);
    }
    if (weir_row_log_failure(log) == 0 && is_kept(key, value)) {
        const row_head head = {.store = store,
                               .value_size = (uint16_t)value.size,
                               .key_size = (uint8_t)key.size,
                               .kind = KIND_ROW};
        if (make_room(log, s, row_size(&head))) {
            point(s, hash, append(s, &head, key.data, value.data));
        }
    }
    pthread_mutex_unlock(&s->lock);
}

size_t weir_row_log_bytes(const weir_row_log *log)
{
    return atomic_load_explicit(&log->bytes, memory_order_relaxed);
}

uint64_t weir_row_log_file_bytes(weir_row_log *log)
{
    uint64_t chunks = 0;
    for (size_t i = 0; i < SHARDS; i++) {
        shard *s = &log->shards[i];
        pthread_mutex_lock(&s->lock);
        chunks += s->wrapped ? s->ring : s->index;
        pthread_mutex_unlock(&s->lock);
    }
    return chunks * CHUNK_BYTES;
}
