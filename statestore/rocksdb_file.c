/* SPDX-License-Identifier: Apache-2.0
 *
 * rocksdb_file.c - many rows at once as a sorted file, which the database takes as it is.
 */
#include "statestore/rocksdb_store_internal.h"

#include "streams/base/serde.h"

#include <unistd.h>

enum { ROWS_AHEAD = 16, ROW_NEAR = 8 };

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

/* What is read from the engine rather than from the rows costs a look into each file of level 0; a
 * compaction costs a rewrite of what lies below. */
static bool is_read(weir_family *family, uint64_t reads, uint64_t rows)
{
    enum { KEPT = 8, FEW = 4 };
    family->reads += reads - family->reads / KEPT;
    family->rows += rows - family->rows / KEPT;
    return family->reads > family->rows / FEW;
}

/* Level 0 counts files, but files of different stores have no keys in common. Where RocksDB does
 * not take it, it compacts sooner. */
static void set_turns(rocksdb_store *store, size_t rows)
{
    enum { STORES_MAX = 8, TURNS = 4, TURNS_UNREAD = 16 };
    weir_family *family = store->shared;
    pthread_mutex_lock(&store->database->families_lock);
    size_t turns = is_read(family, store->reads, rows) ? TURNS : TURNS_UNREAD;
    size_t stores = family->open_stores < STORES_MAX ? family->open_stores : STORES_MAX;
    if (family->turns != turns || family->turn_files != stores) {
        family->turns = turns;
        family->turn_files = stores;
        rocksdb_free(weir_rocksdb_set_turns(store->database->db, store->family, turns, stores));
    }
    pthread_mutex_unlock(&store->database->families_lock);
    store->reads = 0;
}

weir_status weir_rocksdb_store_ingest_applied(weir_kv *kv, const weir_restore_entry *const *sorted,
                                              size_t count, weir_error *err)
{
    WEIR_ASSERT(kv->ops == &weir_rocksdb_store_ops);

    rocksdb_store *store = (rocksdb_store *)kv;
    set_turns(store, count);
    WEIR_TRY(ingest(store, store->database->file_options, sorted, count, err));
    tell_all(store, sorted, count);
    return WEIR_OK;
}
