/* SPDX-License-Identifier: Apache-2.0
 *
 * embedded_journal.c - a small table whose changes are frames, each one atomic by its checksum.
 *
 *   journal   frame: F=17 E… O… | frame: T=17 O… O… | frame: O… | torn frame, cut at the start
 *             (a rewrite)         (a commit)
 *
 * A change is whole or not there: that makes it the commit point of a transaction, whose frames in
 * the partitions are already written when its number gets here.
 */
#include "connectors/embedded_journal.h"

#include "streams/base/map.h"
#include "streams/base/serde.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REWRITE_BYTES_MIN = 1 << 20, REWRITE_GROWTH = 4 };

struct weir_journal {
    pthread_mutex_t lock;
    weir_disk *disk;
    char *path;
    int fd;
    int64_t bytes;
    int64_t rewritten_bytes; /* Size after the last rewrite. */
    int64_t next_change;     /* Offset of the next frame's first entry: frames are in order. */
    int64_t next_transaction;
    int64_t finished; /* Transactions below it are finished; others of earlier runs by entry. */
    bool failed;      /* The file no longer ends where it should. */
    bool recovering;  /* Transactions are kept in the table. */
    bool unsynced;
    weir_map *table; /* To weir_buf. */
};

void weir_journal_change_cleanup(weir_journal_change *change)
{
    weir_frame_writer_cleanup(&change->entries);
}

void weir_journal_change_put(weir_journal_change *change, weir_bytes key, weir_bytes value)
{
    WEIR_ASSERT(key.size > 0);
    change->entries.frame_bytes_target = WEIR_FRAME_BYTES_MAX; /* One frame: all or nothing. */
    weir_frame_writer_add(&change->entries, &(weir_record){.key = key, .value = value});
}

weir_bytes weir_journal_key_of_number(weir_buf *to, enum weir_journal_kind kind, int64_t number)
{
    weir_buf_clear(to);
    weir_buf_append_byte(to, (uint8_t)kind);
    weir_buf_append_i64_be(to, number);
    return weir_buf_bytes(to);
}

weir_bytes weir_journal_key_of_text(weir_buf *to, enum weir_journal_kind kind, const char *text)
{
    weir_buf_clear(to);
    weir_buf_append_byte(to, (uint8_t)kind);
    weir_buf_append_text(to, text);
    return weir_buf_bytes(to);
}

weir_bytes weir_journal_key_of_partition(weir_buf *to, enum weir_journal_kind kind, int32_t topic,
                                         int32_t partition, const char *group)
{
    weir_buf_clear(to);
    weir_buf_append_byte(to, (uint8_t)kind);
    weir_buf_append_i32_be(to, topic);
    weir_buf_append_i32_be(to, partition);
    weir_buf_append_text(to, group);
    return weir_buf_bytes(to);
}

static void lock(weir_journal *journal)
{
    int failed = pthread_mutex_lock(&journal->lock);
    WEIR_ASSERT(failed == 0);
}

static void unlock(weir_journal *journal)
{
    int failed = pthread_mutex_unlock(&journal->lock);
    WEIR_ASSERT(failed == 0);
}

static void free_value(weir_buf *value)
{
    if (value != NULL) {
        weir_buf_cleanup(value);
        free(value);
    }
}

static void set(weir_journal *journal, weir_bytes key, weir_bytes value)
{
    if (value.data == NULL) {
        free_value(weir_map_remove(journal->table, key));
        return;
    }
    weir_buf *slot = weir_map_get(journal->table, key);
    if (slot == NULL) {
        slot = weir_alloc(sizeof *slot);
        (void)weir_map_put(journal->table, key, slot);
    }
    weir_buf_set(slot, value);
}

static int64_t number_of(weir_bytes value, int64_t fallback)
{
    return value.size < sizeof(int64_t) ? fallback : (int64_t)weir_get_u64_be(value.data);
}

/* Takes over one entry of a frame. */
static void learn(weir_journal *journal, const weir_record *entry)
{
    if (entry->key.size == 0) {
        return;
    }
    const uint8_t *key = entry->key.data;
    if (key[0] == WEIR_JOURNAL_FINISHED) {
        journal->finished = number_of(entry->value, 0);
        if (journal->next_transaction < journal->finished) {
            journal->next_transaction = journal->finished;
        }
        return;
    }
    if (key[0] == WEIR_JOURNAL_TRANSACTION) {
        int64_t transaction = number_of(weir_bytes_of(key + 1, entry->key.size - 1), 0);
        if (journal->next_transaction <= transaction) {
            journal->next_transaction = transaction + 1;
        }
        if (!journal->recovering) {
            return;
        }
    }
    set(journal, entry->key, entry->value);
}

static weir_status learn_frame(weir_journal *journal, const uint8_t *bytes, const weir_frame *frame,
                               weir_error *err)
{
    weir_frame_cursor cursor = weir_frame_records(bytes, frame);
    weir_record entry;
    while (weir_frame_next(&cursor, &entry, NULL)) {
        learn(journal, &entry);
    }
    return cursor.failed ? weir_error_set(err, WEIR_CORRUPT, "%s is damaged at byte %" PRId64,
                                          journal->path, journal->bytes)
                         : WEIR_OK;
}

static weir_status read_frames(weir_journal *journal, weir_frame_source *source, weir_error *err)
{
    for (;;) {
        weir_frame frame;
        const uint8_t *bytes = NULL;
        weir_status status = weir_frame_source_next(source, &frame, &bytes, err);
        if (status == WEIR_CORRUPT) {
            bool damaged_inside = false;
            WEIR_TRY(weir_frame_source_find_later(source, &damaged_inside, err));
            return damaged_inside ? weir_error_set(err, WEIR_CORRUPT, "%s is damaged at byte %lld",
                                                   journal->path, (long long)source->position)
                                  : WEIR_OK;
        }
        if (status != WEIR_OK) {
            return status == WEIR_NOT_FOUND ? WEIR_OK : status;
        }
        WEIR_TRY(learn_frame(journal, bytes, &frame, err));
        journal->bytes += (int64_t)frame.bytes;
        journal->next_change = frame.base_offset + frame.offset_span;
    }
}

static weir_status read_file(weir_journal *journal, int64_t *out_cut_bytes, weir_error *err)
{
    int64_t file_bytes = 0;
    WEIR_TRY(weir_disk_size(journal->fd, journal->path, &file_bytes, err));
    weir_frame_source source = {.fd = journal->fd, .path = journal->path, .end = file_bytes};
    weir_status status = read_frames(journal, &source, err);
    weir_frame_source_cleanup(&source);
    WEIR_TRY(status);
    *out_cut_bytes = file_bytes - journal->bytes;
    return *out_cut_bytes == 0
               ? WEIR_OK
               : weir_disk_truncate(journal->disk, journal->fd, journal->path, journal->bytes, err);
}

weir_status weir_journal_open(weir_disk *disk, const char *directory, weir_journal **out_journal,
                              int64_t *out_cut_bytes, weir_error *err)
{
    WEIR_ASSERT(disk != NULL);
    WEIR_AUTO_PTR(weir_journal) journal = weir_alloc(sizeof *journal);
    int failed = pthread_mutex_init(&journal->lock, NULL);
    WEIR_ASSERT(failed == 0);
    journal->disk = disk;
    journal->path = weir_format("%s/journal", directory);
    journal->fd = -1;
    journal->table = weir_map_new();
    journal->next_transaction = 1;
    journal->recovering = true;
    WEIR_TRY(weir_disk_open(disk, journal->path, true, &journal->fd, err));
    WEIR_TRY(weir_disk_sync_directory(disk, directory, err));
    WEIR_TRY(read_file(journal, out_cut_bytes, err));
    *out_journal = weir_take(&journal);
    return WEIR_OK;
}

void weir_journal_free(weir_journal *journal)
{
    if (journal == NULL) {
        return;
    }
    void *value = NULL;
    for (size_t at = 0; weir_map_next(journal->table, &at, NULL, &value);) {
        free_value(value);
    }
    weir_map_free(journal->table);
    if (journal->fd >= 0) {
        (void)close(journal->fd); /* What had to reach the disk was synced before. */
    }
    free(journal->path);
    (void)pthread_mutex_destroy(&journal->lock);
    free(journal);
}

int64_t weir_journal_next_transaction(weir_journal *journal)
{
    lock(journal);
    int64_t transaction = journal->next_transaction++;
    unlock(journal);
    return transaction;
}

bool weir_journal_is_committed(void *user, int64_t transaction)
{
    weir_journal *journal = user;
    WEIR_ASSERT(journal->recovering);
    WEIR_AUTO(weir_buf) key = {0};
    lock(journal);
    bool committed =
        transaction < journal->finished ||
        weir_map_get(journal->table, weir_journal_key_of_number(&key, WEIR_JOURNAL_TRANSACTION,
                                                                transaction)) != NULL;
    unlock(journal);
    return committed;
}

static bool keeps_nothing(void *user, weir_bytes key)
{
    (void)user;
    (void)key;
    return false;
}

void weir_journal_forget_transactions(weir_journal *journal)
{
    weir_journal_sift(journal, WEIR_JOURNAL_TRANSACTION, keeps_nothing, NULL);
    journal->recovering = false;
}

void weir_journal_sift(weir_journal *journal, enum weir_journal_kind kind,
                       bool (*keeps)(void *user, weir_bytes key), void *user)
{
    WEIR_AUTO(weir_buf) removed = {0};
    lock(journal);
    size_t at = 0;
    weir_bytes key;
    void *value = NULL;
    while (weir_map_next(journal->table, &at, &key, &value)) {
        if (((const uint8_t *)key.data)[0] == kind && !keeps(user, key)) {
            weir_buf_set(&removed, key);
            free_value(weir_map_remove(journal->table, weir_buf_bytes(&removed)));
            at--; /* The last entry came into the gap. */
        }
    }
    unlock(journal);
}

bool weir_journal_get(weir_journal *journal, weir_bytes key, weir_buf *out_value)
{
    lock(journal);
    const weir_buf *value = weir_map_get(journal->table, key);
    if (value != NULL && out_value != NULL) {
        weir_buf_set(out_value, weir_buf_bytes(value));
    }
    unlock(journal);
    return value != NULL;
}

int64_t weir_journal_get_number(weir_journal *journal, weir_bytes key, int64_t fallback)
{
    WEIR_AUTO(weir_buf) value = {0};
    return weir_journal_get(journal, key, &value) ? number_of(weir_buf_bytes(&value), fallback)
                                                  : fallback;
}

/* Writes the sealed frames at the end; after a failure the file is cut to what it was, or it is
 * unknown what it holds. */
static weir_status write_frames(weir_journal *journal, const weir_frame_writer *frames,
                                bool *out_unknown, weir_error *err)
{
    weir_bytes content = weir_buf_bytes(&frames->frames);
    weir_status status =
        weir_disk_write(journal->disk, journal->fd, journal->path, journal->bytes, content, err);
    if (status == WEIR_OK && journal->disk->sync_each_commit) {
        status = weir_disk_sync(journal->disk, journal->fd, journal->path, err);
    }
    if (status == WEIR_OK) {
        journal->bytes += (int64_t)content.size;
        journal->unsynced = !journal->disk->sync_each_commit;
        return WEIR_OK;
    }
    journal->failed = weir_disk_truncate(journal->disk, journal->fd, journal->path, journal->bytes,
                                         NULL) != WEIR_OK;
    *out_unknown = journal->failed;
    return status;
}

static weir_status apply(weir_journal *journal, weir_journal_change *change, bool *out_unknown,
                         weir_error *err)
{
    if (journal->failed) {
        return weir_error_set(err, WEIR_IO, "%s: an earlier write failed, restart to recover",
                              journal->path);
    }
    weir_frame_writer *entries = &change->entries;
    weir_frame_writer_seal(entries, journal->next_change, 0);
    WEIR_TRY(write_frames(journal, entries, out_unknown, err));
    journal->next_change += entries->next_offset;
    weir_frame frame;
    bool is_frame = weir_frame_parse(entries->frames.data, &frame);
    WEIR_ASSERT(is_frame);
    WEIR_ASSERT(frame.bytes == entries->frames.size);
    return learn_frame(journal, entries->frames.data, &frame, err);
}

weir_status weir_journal_apply(weir_journal *journal, weir_journal_change *change,
                               bool *out_unknown, weir_error *err)
{
    WEIR_ASSERT(change->entries.next_offset > 0);
    bool unknown = false;
    lock(journal);
    weir_status status = apply(journal, change, &unknown, err);
    unlock(journal);
    if (out_unknown != NULL) {
        *out_unknown = unknown;
    }
    return status;
}

weir_status weir_journal_sync(weir_journal *journal, weir_error *err)
{
    lock(journal);
    weir_status status = WEIR_OK;
    if (journal->unsynced) {
        status = weir_disk_sync(journal->disk, journal->fd, journal->path, err);
        journal->unsynced = status != WEIR_OK;
    }
    unlock(journal);
    return status;
}

bool weir_journal_is_large(weir_journal *journal)
{
    lock(journal);
    bool large = !journal->failed && journal->bytes > REWRITE_BYTES_MIN &&
                 journal->bytes > journal->rewritten_bytes * REWRITE_GROWTH;
    unlock(journal);
    return large;
}

/* The whole table as frames. */
static void write_table(const weir_journal *journal, weir_frame_writer *to)
{
    uint8_t finished[sizeof(int64_t)];
    const uint8_t finished_key = WEIR_JOURNAL_FINISHED;
    weir_put_u64_be(finished, (uint64_t)journal->next_transaction);
    weir_frame_writer_add(
        to, &(weir_record){.key = {&finished_key, 1}, .value = {finished, sizeof finished}});
    weir_bytes key;
    void *value = NULL;
    for (size_t at = 0; weir_map_next(journal->table, &at, &key, &value);) {
        weir_frame_writer_add(to, &(weir_record){.key = key, .value = weir_buf_bytes(value)});
    }
    weir_frame_writer_seal(to, 0, 0);
}

static weir_status fill_file(weir_journal *journal, const char *path, int fd, weir_bytes content,
                             weir_error *err)
{
    WEIR_TRY(weir_disk_truncate(journal->disk, fd, path, 0, err));
    WEIR_TRY(weir_disk_write(journal->disk, fd, path, 0, content, err));
    WEIR_TRY(weir_disk_sync(journal->disk, fd, path, err));
    weir_status status = weir_disk_rename(journal->disk, path, journal->path, err);
    journal->failed = status != WEIR_OK; /* Which of the two files has the name is unknown. */
    return status;
}

static weir_status rewrite(weir_journal *journal, weir_frame_writer *table, weir_error *err)
{
    WEIR_AUTO_FREE char *path = weir_format("%s.new", journal->path);
    write_table(journal, table);
    int fd = -1;
    WEIR_TRY(weir_disk_open(journal->disk, path, true, &fd, err));
    weir_status status = fill_file(journal, path, fd, weir_buf_bytes(&table->frames), err);
    if (status != WEIR_OK) {
        (void)close(fd); /* The old file stays in use. */
        return status;
    }
    (void)close(journal->fd); /* It has no name any more. */
    journal->fd = fd;
    journal->bytes = (int64_t)table->frames.size;
    journal->rewritten_bytes = journal->bytes;
    journal->next_change = table->next_offset;
    journal->finished = journal->next_transaction;
    return WEIR_OK;
}

weir_status weir_journal_rewrite(weir_journal *journal, weir_error *err)
{
    WEIR_ASSERT(!journal->recovering);
    weir_frame_writer table = {0};
    lock(journal);
    weir_status status = journal->failed ? WEIR_AGAIN : rewrite(journal, &table, err);
    unlock(journal);
    weir_frame_writer_cleanup(&table);
    return status;
}
