/* SPDX-License-Identifier: Apache-2.0
 *
 * rocksdb_batch.c - many writes at once: an atomic batch, and a sorted file that is ingested.
 *
 * A batch tells the rows of each write as it is added: until it is written nobody reads these rows,
 * for their thread is here. A batch that is not written empties all of them.
 */
#include "statestore/rocksdb_store_internal.h"

#include "streams/base/serde.h"

#include <stdlib.h>
#include <unistd.h>

struct weir_write_batch {
    weir_database *database;
    rocksdb_writebatch_t *batch;
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

/* Fills the file at path, which is on disk afterwards. */
static char *write_file(rocksdb_store *store, const char *path,
                        const weir_restore_entry *const *sorted, size_t count)
{
    char *message = NULL;
    rocksdb_envoptions_t *env = rocksdb_envoptions_create();
    rocksdb_sstfilewriter_t *writer = rocksdb_sstfilewriter_create(env, store->database->options);
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

weir_status weir_rocksdb_store_ingest(weir_kv *kv, const weir_restore_entry *const *sorted,
                                      size_t count, weir_error *err)
{
    WEIR_ASSERT(kv->ops == &weir_rocksdb_store_ops);

    rocksdb_store *store = (rocksdb_store *)kv;
    /* The same name each time: what a crash leaves is overwritten. */
    WEIR_AUTO_FREE char *path = weir_format("%s/restore-%u-%u.sst", store->database->directory,
                                            rocksdb_column_family_handle_get_id(store->family),
                                            weir_get_u32_be(store->key.data));
    char *message = write_file(store, path, sorted, count);
    if (message == NULL) {
        rocksdb_ingestexternalfileoptions_t *options = rocksdb_ingestexternalfileoptions_create();
        rocksdb_ingestexternalfileoptions_set_move_files(options, true);
        const char *const paths[] = {path};
        rocksdb_ingest_external_file_cf(store->database->db, store->family, paths, 1, options,
                                        &message);
        rocksdb_ingestexternalfileoptions_destroy(options);
    }
    weir_rocksdb_forget_rows(store);
    weir_status status = weir_rocksdb_check_write(store->database, message, kv->name, err);
    (void)unlink(path); /* What is left of it: RocksDB has linked it under its own name. */
    return status;
}

weir_write_batch *weir_write_batch_new(weir_database *database)
{
    weir_write_batch *batch = weir_alloc(sizeof *batch);
    batch->database = database;
    batch->batch = rocksdb_writebatch_create();
    return batch;
}

/* The rows that the batch has changed are ahead of the database. */
static void forget_batch(weir_write_batch *batch)
{
    if (rocksdb_writebatch_count(batch->batch) > 0) {
        weir_rows_clear(batch->database->rows);
    }
}

void weir_write_batch_free(weir_write_batch *batch)
{
    if (batch != NULL) {
        forget_batch(batch);
        rocksdb_writebatch_destroy(batch->batch);
        free(batch);
    }
}

void weir_write_batch_put(weir_write_batch *batch, weir_kv *kv, weir_bytes key, weir_bytes value)
{
    WEIR_ASSERT(kv->ops == &weir_rocksdb_store_ops);
    rocksdb_store *store = (rocksdb_store *)kv;
    WEIR_ASSERT(store->database == batch->database);

    weir_rocksdb_note_row(store, key, value);
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
    rocksdb_writebatch_clear(batch->batch);
    return WEIR_OK;
}
