/* SPDX-License-Identifier: Apache-2.0
 *
 * rocksdb_batch.c - many writes at once, atomically.
 *
 * A batch tells the rows of each write, some writes later, by when the rows are in the processor's
 * cache: until it is written nobody reads these rows, for their thread is here. A batch that is not
 * written empties all of them.
 */
#include "statestore/rocksdb_store_internal.h"

#include <stdlib.h>

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
    WEIR_ASSERT(store->owed == NULL); /* Its file would come later, with older rows. */

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
