/* SPDX-License-Identifier: Apache-2.0
 *
 * rocksdb_batch.c - many writes at once: an atomic batch, and a sorted file that is ingested.
 *
 * A batch tells the rows of each write, some writes later, by when the rows are in the processor's
 * cache: until it is written nobody reads these rows, for their thread is here. A batch that is not
 * written empties all of them.
 */
#include "statestore/rocksdb_store_internal.h"

#include "streams/base/serde.h"

#include <stdlib.h>
#include <unistd.h>

enum { ROWS_AHEAD = 16, ROW_NEAR = 8 };

/* A write that the rows are not told of yet. */
typedef struct told_later {
    rocksdb_store *store;
    weir_buf bytes; /* Key, then value. */
    size_t key_size;
    bool is_removal;
    uint64_t expected; /* (rows.h) */
} told_later;

struct weir_write_batch {
    weir_database *database;
    rocksdb_writebatch_t *batch;
    told_later later[ROWS_AHEAD];
    size_t added; /* So far. */
    size_t told;
};

size_t weir_rocksdb_ingest_entries_min(const weir_database *database)
{
    return database->ingest_entries_min;
}

/* In the order of keys the entries lie all over memory: asked for early, they are there in time. */
static void prefetch(const weir_restore_entry *const *sorted, size_t count, size_t at)
{
    enum { ENTRY_AHEAD = 16, KEY_AHEAD = 8, LINE_BYTES = 64 };
    if (at + ENTRY_AHEAD < count) {
        __builtin_prefetch(sorted[at + ENTRY_AHEAD]);
    }
    if (at + KEY_AHEAD < count) {
        const char *key = sorted[at + KEY_AHEAD]->key.data;
        const char *value = sorted[at + KEY_AHEAD]->value.data;
        __builtin_prefetch(key);
        __builtin_prefetch(value);
        __builtin_prefetch(value == NULL ? key : value + LINE_BYTES);
    }
}

size_t weir_rocksdb_apply_file_bytes_min(const weir_database *database)
{
    return database->apply_file_bytes_min;
}

static void tell_all(rocksdb_store *store, const weir_restore_entry *const *sorted, size_t count)
{
    uint64_t expected[ROWS_AHEAD] = {0};
    for (size_t i = 0; i < count + ROWS_AHEAD; i++) {
        if (i >= ROWS_AHEAD) {
            const weir_restore_entry *entry = sorted[i - ROWS_AHEAD];
            weir_rocksdb_note_row(store, entry->key, entry->value);
        }
        if (i >= ROW_NEAR) {
            weir_rows_expect_row(store->database->rows, expected[(i - ROW_NEAR) % ROWS_AHEAD]);
        }
        if (i < count) {
            expected[i % ROWS_AHEAD] =
                weir_rows_expect(store->database->rows, store->rows, sorted[i]->key);
        }
    }
}

/* The rows have what was restored. Small state is not worth it: a restore takes a tenth longer,
 * and each of its rows is soon read. (By its files: RocksDB's estimate of what is live in them
 * knows nothing of those that overlap.) */
static void tell_restored(rocksdb_store *store, const weir_restore_entry *const *sorted,
                          size_t count)
{
    enum { SMALL_BYTES = 32 << 20 };
    uint64_t bytes = 0;
    (void)rocksdb_property_int_cf(store->database->db, store->family, "rocksdb.live-sst-files-size",
                                  &bytes);
    if (bytes < SMALL_BYTES && !store->has_rows) {
        for (size_t i = 0; i < count; i++) {
            weir_rocksdb_pass_row(store, sorted[i]->key);
        }
        return;
    }
    tell_all(store, sorted, count);
}

/* Fills the file at path, which is on disk afterwards. */
static char *write_file(rocksdb_store *store, const rocksdb_options_t *options, const char *path,
                        const weir_restore_entry *const *sorted, size_t count)
{
    char *message = NULL;
    rocksdb_envoptions_t *env = rocksdb_envoptions_create();
    rocksdb_sstfilewriter_t *writer = rocksdb_sstfilewriter_create(env, options);
    rocksdb_sstfilewriter_open(writer, path, &message);
    for (size_t i = 0; i < count && message == NULL; i++) {
        prefetch(sorted, count, i);
        weir_bytes key = weir_rocksdb_full_key(store, sorted[i]->key);
        weir_bytes value = sorted[i]->value;
        if (value.data == NULL) {
            rocksdb_sstfilewriter_delete(writer, key.data, key.size, &message);
        } else {
            rocksdb_sstfilewriter_put(writer, key.data, key.size, value.data, value.size, &message);
        }
    }
    if (message == NULL) {
        rocksdb_sstfilewriter_finish(writer, &message);
    }
    rocksdb_sstfilewriter_destroy(writer);
    rocksdb_envoptions_destroy(env);
    return message;
}

static weir_status ingest(rocksdb_store *store, const rocksdb_options_t *file_options,
                          const weir_restore_entry *const *sorted, size_t count, weir_error *err)
{
    /* The same name each time: what a crash leaves is overwritten. */
    WEIR_AUTO_FREE char *path = weir_format("%s/restore-%u-%u.sst", store->database->directory,
                                            rocksdb_column_family_handle_get_id(store->family),
                                            weir_get_u32_be(store->key.data));
    char *message = write_file(store, file_options, path, sorted, count);
    if (message == NULL) {
        rocksdb_ingestexternalfileoptions_t *options = rocksdb_ingestexternalfileoptions_create();
        rocksdb_ingestexternalfileoptions_set_move_files(options, true);
        const char *const paths[] = {path};
        rocksdb_ingest_external_file_cf(store->database->db, store->family, paths, 1, options,
                                        &message);
        rocksdb_ingestexternalfileoptions_destroy(options);
    }
    weir_status status = weir_rocksdb_check_write(store->database, message, store->kv.name, err);
    if (status != WEIR_OK) {
        weir_rocksdb_forget_rows(store);
    }
    (void)unlink(path); /* What is left of it: RocksDB has linked it under its own name. */
    return status;
}

weir_status weir_rocksdb_store_ingest(weir_kv *kv, const weir_restore_entry *const *sorted,
                                      size_t count, weir_error *err)
{
    WEIR_ASSERT(kv->ops == &weir_rocksdb_store_ops);

    rocksdb_store *store = (rocksdb_store *)kv;
    WEIR_TRY(ingest(store, store->database->options, sorted, count, err));
    tell_restored(store, sorted, count);
    return WEIR_OK;
}

/* Level 0 counts files, but files of different stores have no keys in common. Where RocksDB does
 * not take it, it compacts sooner. */
static void set_files_a_turn(rocksdb_store *store)
{
    enum { STORES_MAX = 8 };
    pthread_mutex_lock(&store->database->families_lock);
    size_t stores = store->shared->open_stores;
    stores = stores < STORES_MAX ? stores : STORES_MAX;
    if (store->shared->files_a_turn != stores) {
        store->shared->files_a_turn = stores;
        rocksdb_free(weir_rocksdb_set_files_a_turn(store->database->db, store->family, stores));
    }
    pthread_mutex_unlock(&store->database->families_lock);
}

weir_status weir_rocksdb_store_ingest_applied(weir_kv *kv, const weir_restore_entry *const *sorted,
                                              size_t count, weir_error *err)
{
    WEIR_ASSERT(kv->ops == &weir_rocksdb_store_ops);

    rocksdb_store *store = (rocksdb_store *)kv;
    set_files_a_turn(store);
    WEIR_TRY(ingest(store, store->database->file_options, sorted, count, err));
    tell_all(store, sorted, count);
    return WEIR_OK;
}

weir_write_batch *weir_write_batch_new(weir_database *database)
{
    weir_write_batch *batch = weir_alloc(sizeof *batch);
    batch->database = database;
    batch->batch = rocksdb_writebatch_create();
    return batch;
}

/* Tells the rows of the writes before the one that is the end-th. */
static void tell_until(weir_write_batch *batch, size_t end)
{
    for (; batch->told < end; batch->told++) {
        const told_later *later = &batch->later[batch->told % ROWS_AHEAD];
        const uint8_t *bytes = later->bytes.data;
        weir_bytes value =
            weir_bytes_of(bytes + later->key_size, later->bytes.size - later->key_size);
        weir_rocksdb_note_row(later->store, weir_bytes_of(bytes, later->key_size),
                              later->is_removal ? WEIR_BYTES_NULL : value);
    }
}

static void tell_later(weir_write_batch *batch, rocksdb_store *store, weir_bytes key,
                       weir_bytes value)
{
    weir_rows *rows = batch->database->rows;
    size_t number = batch->added++;
    told_later *later = &batch->later[number % ROWS_AHEAD];
    tell_until(batch, batch->added < ROWS_AHEAD ? 0 : batch->added - ROWS_AHEAD);
    if (number >= ROW_NEAR) {
        weir_rows_expect_row(rows, batch->later[(number - ROW_NEAR) % ROWS_AHEAD].expected);
    }
    weir_buf_set(&later->bytes, key);
    weir_buf_reserve(&later->bytes, value.size + 1); /* What is empty is no null. */
    if (value.data != NULL) {
        weir_buf_append(&later->bytes, value.data, value.size);
    }
    later->store = store;
    later->key_size = key.size;
    later->is_removal = value.data == NULL;
    later->expected = weir_rows_expect(rows, store->rows, key);
}

/* The rows that the batch has changed are ahead of the database. */
static void forget_batch(weir_write_batch *batch)
{
    batch->told = batch->added;
    if (rocksdb_writebatch_count(batch->batch) > 0) {
        weir_rows_clear(batch->database->rows);
    }
}

void weir_write_batch_free(weir_write_batch *batch)
{
    if (batch != NULL) {
        forget_batch(batch);
        rocksdb_writebatch_destroy(batch->batch);
        for (size_t i = 0; i < ROWS_AHEAD; i++) {
            weir_buf_cleanup(&batch->later[i].bytes);
        }
        free(batch);
    }
}

void weir_write_batch_put(weir_write_batch *batch, weir_kv *kv, weir_bytes key, weir_bytes value)
{
    WEIR_ASSERT(kv->ops == &weir_rocksdb_store_ops);
    rocksdb_store *store = (rocksdb_store *)kv;
    WEIR_ASSERT(store->database == batch->database);

    tell_later(batch, store, key, value);
    weir_bytes full = weir_rocksdb_full_key(store, key);
    if (value.data == NULL) {
        rocksdb_writebatch_delete_cf(batch->batch, store->family, full.data, full.size);
    } else {
        rocksdb_writebatch_put_cf(batch->batch, store->family, full.data, full.size, value.data,
                                  value.size);
    }
}

weir_status weir_write_batch_write(weir_write_batch *batch, weir_error *err)
{
    char *message = NULL;
    pthread_rwlock_rdlock(&batch->database->flush_lock);
    rocksdb_write(batch->database->db, batch->database->write_options, batch->batch, &message);
    pthread_rwlock_unlock(&batch->database->flush_lock);
    weir_status status =
        weir_rocksdb_check_write(batch->database, message, batch->database->directory, err);
    if (status != WEIR_OK) {
        forget_batch(batch);
        return status;
    }
    tell_until(batch, batch->added);
    rocksdb_writebatch_clear(batch->batch);
    return WEIR_OK;
}
