/* SPDX-License-Identifier: Apache-2.0
 *
 * rocksdb_file.c - many rows at once as a sorted file, which the database takes as it is.
 *
 *   worker: writes of an apply ─▶ kept as they are ─▶ it goes on
 *   thread of the database:       └─▶ sorted, the rows told, file written ─▶ ingested ─▶ done
 *
 * A file may be written behind the worker. The store owes it to the engine until it is there, and
 * whatever asks the engine of that store, or writes to it, waits first; point reads hardly do, for
 * they find what is kept, and others in the rows. What is kept takes the place of memtables, which
 * files leave empty. What could not be written stays, and whoever waits next tries again.
 */
#include "statestore/rocksdb_store_internal.h"

#include "streams/base/serde.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
    for (size_t from = 0; from < count; from += WEIR_ROWS_AT_ONCE) {
        weir_row_read rows[WEIR_ROWS_AT_ONCE];
        size_t left = count - from;
        size_t some = left < WEIR_ROWS_AT_ONCE ? left : WEIR_ROWS_AT_ONCE;
        for (size_t i = 0; i < some; i++) {
            prefetch(sorted, count, from + i);
            rows[i] = (weir_row_read){sorted[from + i]->key, sorted[from + i]->value, false};
        }
        weir_rows_wrote_all(store->database->rows, store->rows, rows, some);
        weir_rocksdb_rows_came(store, some);
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

/* Rows for a file: sorted ones, or such as are kept, of which the rows have not been told. */
typedef struct file_rows {
    const rocksdb_store *store;
    uint8_t partition[WEIR_ROCKSDB_PARTITION_BYTES]; /* What their keys begin with. */
    const weir_restore_entry *const *sorted;
    size_t count;        /* Of these. */
    weir_kept_rows kept; /* All-zero: they are sorted. */
} file_rows;

static file_rows rows_of(const rocksdb_store *store)
{
    file_rows rows = {.store = store};
    memcpy(rows.partition, store->key.data, sizeof rows.partition);
    return rows;
}

/* A file that is being written. */
typedef struct open_file {
    rocksdb_sstfilewriter_t *writer;
    weir_buf key;  /* The partition, and behind it the key of a row. */
    char *message; /* Of the first failure. */
} open_file;

static void add_row(open_file *file, weir_bytes key, weir_bytes value)
{
    if (file->message != NULL) {
        return;
    }
    file->key.size = WEIR_ROCKSDB_PARTITION_BYTES;
    weir_buf_append(&file->key, key.data, key.size);
    const char *full = (const char *)file->key.data;
    if (value.data == NULL) {
        rocksdb_sstfilewriter_delete(file->writer, full, file->key.size, &file->message);
    } else {
        rocksdb_sstfilewriter_put(file->writer, full, file->key.size, value.data, value.size,
                                  &file->message);
    }
}

static void add_sorted(open_file *file, const file_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        prefetch(rows->sorted, rows->count, i);
        add_row(file, rows->sorted[i]->key, rows->sorted[i]->value);
    }
}

/* Kept rows on their way: some are told together, then added. */
typedef struct kept_some {
    open_file *file;
    const rocksdb_store *store;
    weir_row_read some[WEIR_ROWS_AT_ONCE];
    size_t count;
    size_t told;
} kept_some;

static void pass_some(kept_some *kept)
{
    enum { ROOM_ROWS = 32 * WEIR_ROWS_AT_ONCE };
    weir_rows_wrote_all(kept->store->database->rows, kept->store->rows, kept->some, kept->count);
    for (size_t i = 0; i < kept->count; i++) {
        add_row(kept->file, kept->some[i].key, kept->some[i].value);
    }
    kept->told += kept->count;
    kept->count = 0;
    if (kept->told % ROOM_ROWS == 0) {
        weir_rocksdb_make_room(kept->store->database);
    }
}

static void take_kept(void *user, weir_bytes key, weir_bytes value)
{
    kept_some *kept = user;
    kept->some[kept->count++] = (weir_row_read){key, value, false};
    if (kept->count == WEIR_ROWS_AT_ONCE) {
        pass_some(kept);
    }
}

/* All are told, whatever becomes of the file. */
static void add_kept(open_file *file, const file_rows *rows)
{
    kept_some kept = {.file = file, .store = rows->store};
    rows->kept.each(rows->kept.keeper, take_kept, &kept);
    if (kept.count > 0) {
        pass_some(&kept);
    }
}

/* Fills the file at path, which is on disk afterwards. */
static char *write_file(const file_rows *rows, const rocksdb_options_t *options, const char *path)
{
    rocksdb_envoptions_t *env = rocksdb_envoptions_create();
    open_file file = {.writer = rocksdb_sstfilewriter_create(env, options)};
    weir_buf_append(&file.key, rows->partition, sizeof rows->partition);
    rocksdb_sstfilewriter_open(file.writer, path, &file.message);
    if (rows->kept.each == NULL) {
        add_sorted(&file, rows);
    } else {
        add_kept(&file, rows);
    }
    if (file.message == NULL) {
        rocksdb_sstfilewriter_finish(file.writer, &file.message);
    }
    rocksdb_sstfilewriter_destroy(file.writer);
    rocksdb_envoptions_destroy(env);
    weir_buf_cleanup(&file.key);
    return file.message;
}

/* The same name each time: what a crash leaves is overwritten. */
static char *path_of(const rocksdb_store *store)
{
    return weir_format("%s/restore-%u-%u.sst", store->database->directory,
                       rocksdb_column_family_handle_get_id(store->family),
                       weir_get_u32_be(store->key.data));
}

/* Writes the rows to a file at path, and puts it into the database. The message of a failure, or
 * NULL. */
static char *put_file(const file_rows *rows, const rocksdb_options_t *file_options,
                      const char *path)
{
    weir_database *database = rows->store->database;
    char *message = write_file(rows, file_options, path);
    message = message == NULL ? weir_rocksdb_stopped(database) : message;
    if (message == NULL) {
        rocksdb_ingestexternalfileoptions_t *options = rocksdb_ingestexternalfileoptions_create();
        rocksdb_ingestexternalfileoptions_set_move_files(options, true);
        const char *const paths[] = {path};
        rocksdb_ingest_external_file_cf(database->db, rows->store->family, paths, 1, options,
                                        &message);
        rocksdb_ingestexternalfileoptions_destroy(options);
        if (message != NULL) {
            atomic_store(&database->may_be_stopped, true);
        }
    }
    (void)unlink(path); /* What is left of it: RocksDB has linked it under its own name. */
    return message;
}

static weir_status ingest(rocksdb_store *store, const rocksdb_options_t *file_options,
                          const weir_restore_entry *const *sorted, size_t count, weir_error *err)
{
    WEIR_TRY(weir_rocksdb_store_settle(&store->kv, true, err));
    WEIR_AUTO_FREE char *path = path_of(store);
    file_rows rows = rows_of(store);
    rows.sorted = sorted;
    rows.count = count;
    weir_status status = weir_rocksdb_check_write(
        store->database, put_file(&rows, file_options, path), store->kv.name, err);
    if (status != WEIR_OK) {
        weir_rocksdb_forget_rows(store);
    }
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

/* What the rows of a file take in it, and more or less before it was written. */
static size_t file_bytes(const weir_restore_entry *const *sorted, size_t count)
{
    enum { HEAD_BYTES = 12 };
    size_t bytes = count * HEAD_BYTES;
    for (size_t i = 0; i < count; i++) {
        bytes += sorted[i]->key.size + sorted[i]->value.size;
    }
    return bytes;
}

/* Level 0 counts files, but files of different stores have no keys in common; and what waits there
 * may be more than what lies below. Where RocksDB does not take it, it compacts sooner. */
static void set_turns(rocksdb_store *store, size_t rows, size_t bytes)
{
    enum { STORES_MAX = 8, TURNS = 4, TURNS_UNREAD = 16, WORD_BITS = 64 };
    weir_family *family = store->shared;
    pthread_mutex_lock(&store->database->families_lock);
    bool is_seldom_read = !is_read(family, store->reads, rows);
    weir_rocksdb_turns turns = {.turns = is_seldom_read ? TURNS_UNREAD : TURNS,
                                .stores = family->open_stores < STORES_MAX ? family->open_stores
                                                                           : STORES_MAX};
    if (is_seldom_read) {
        uint64_t power = UINT64_C(1)
                         << (WORD_BITS - __builtin_clzll(bytes | 1)); /* Seldom another. */
        turns.level_bytes = power * turns.turns * turns.stores;
    }
    if (memcmp(&family->turns, &turns, sizeof turns) != 0) {
        family->turns = turns;
        rocksdb_free(weir_rocksdb_set_turns(store->database->db, store->family, &turns));
    }
    pthread_mutex_unlock(&store->database->families_lock);
    store->reads = 0;
}

weir_status weir_rocksdb_store_ingest_applied(weir_kv *kv, const weir_restore_entry *const *sorted,
                                              size_t count, weir_error *err)
{
    WEIR_ASSERT(kv->ops == &weir_rocksdb_store_ops);

    rocksdb_store *store = (rocksdb_store *)kv;
    set_turns(store, count, file_bytes(sorted, count));
    WEIR_TRY(ingest(store, store->database->file_options, sorted, count, err));
    tell_all(store, sorted, count);
    return WEIR_OK;
}

/* Files that are written behind their worker. */

/* What a store owes the engine: its worker's, but for what is under the lock. */
struct weir_owed_file {
    struct weir_owed_file *next; /* Under the lock, while it waits. */
    file_rows rows;
    char *path;
    size_t bytes;    /* Of what is kept for it, as they are counted. */
    bool is_done;    /* Under the lock. */
    char *message;   /* Of a failure; once it is done. */
    bool has_failed; /* It is the worker's then, who tries again. */
};

/* The thread of a database, which the first file starts. */
struct weir_file_thread {
    pthread_mutex_t lock;
    pthread_cond_t has_changed;
    pthread_t thread;
    bool is_started;
    bool is_ending;
    const rocksdb_options_t *options;
    weir_owed_file *first; /* Those that wait. */
    size_t bytes;          /* Of all that is kept. */
    size_t bytes_max;
};

weir_file_thread *weir_rocksdb_file_thread_new(const rocksdb_options_t *options, size_t bytes_max)
{
    weir_file_thread *thread = weir_alloc(sizeof *thread);
    pthread_mutex_init(&thread->lock, NULL);
    pthread_cond_init(&thread->has_changed, NULL);
    thread->options = options;
    thread->bytes_max = bytes_max;
    return thread;
}

void weir_rocksdb_file_thread_free(weir_file_thread *thread)
{
    if (thread == NULL) {
        return;
    }
    pthread_mutex_lock(&thread->lock);
    WEIR_ASSERT(thread->first == NULL);
    thread->is_ending = true;
    pthread_cond_broadcast(&thread->has_changed);
    pthread_mutex_unlock(&thread->lock);
    if (thread->is_started) {
        pthread_join(thread->thread, NULL);
    }
    pthread_cond_destroy(&thread->has_changed);
    pthread_mutex_destroy(&thread->lock);
    free(thread);
}

static void *write_files(void *user)
{
    weir_file_thread *thread = user;
    pthread_mutex_lock(&thread->lock);
    while (!thread->is_ending) {
        weir_owed_file *file = thread->first;
        if (file == NULL) {
            pthread_cond_wait(&thread->has_changed, &thread->lock);
            continue;
        }
        thread->first = file->next;
        pthread_mutex_unlock(&thread->lock);
        char *message = put_file(&file->rows, thread->options, file->path);
        pthread_mutex_lock(&thread->lock);
        file->message = message;
        file->is_done = true;
        pthread_cond_broadcast(&thread->has_changed);
    }
    pthread_mutex_unlock(&thread->lock);
    return NULL;
}

/* Whether it could be queued. */
static bool queue(weir_file_thread *thread, weir_owed_file *file)
{
    pthread_mutex_lock(&thread->lock);
    if (!thread->is_started) {
        thread->is_started = pthread_create(&thread->thread, NULL, write_files, thread) == 0;
    }
    bool is_queued = thread->is_started;
    if (is_queued) {
        weir_owed_file **last = &thread->first;
        while (*last != NULL) {
            last = &(*last)->next;
        }
        *last = file;
        pthread_cond_broadcast(&thread->has_changed);
    }
    pthread_mutex_unlock(&thread->lock);
    return is_queued;
}

/* Takes room for what is kept, if there is any. */
static bool take_room(weir_file_thread *thread, size_t bytes)
{
    pthread_mutex_lock(&thread->lock);
    bool has_room = thread->bytes + bytes <= thread->bytes_max;
    thread->bytes += has_room ? bytes : 0;
    pthread_mutex_unlock(&thread->lock);
    return has_room;
}

static void give_room(weir_file_thread *thread, size_t bytes)
{
    pthread_mutex_lock(&thread->lock);
    thread->bytes -= bytes;
    pthread_mutex_unlock(&thread->lock);
}

/* Waits until the thread is done with the file, where asked; whether it is. */
static bool is_done(weir_file_thread *thread, const weir_owed_file *file, bool may_wait)
{
    pthread_mutex_lock(&thread->lock);
    while (may_wait && !file->is_done) {
        pthread_cond_wait(&thread->has_changed, &thread->lock);
    }
    bool done = file->is_done;
    pthread_mutex_unlock(&thread->lock);
    return done;
}

static void free_owed(rocksdb_store *store)
{
    weir_owed_file *file = weir_take(&store->owed);
    give_room(store->database->file_thread, file->bytes);
    rocksdb_free(file->message);
    free(file->path);
    free(file);
}

weir_status weir_rocksdb_store_settle(weir_kv *kv, bool may_wait, weir_error *err)
{
    WEIR_ASSERT(kv->ops == &weir_rocksdb_store_ops);

    rocksdb_store *store = (rocksdb_store *)kv;
    weir_owed_file *file = store->owed;
    if (file == NULL) {
        return WEIR_OK;
    }
    if (!is_done(store->database->file_thread, file, may_wait)) {
        return WEIR_AGAIN;
    }
    if (file->has_failed) {
        file->message = put_file(&file->rows, store->database->file_options, file->path);
    }
    file->has_failed = file->message != NULL;
    WEIR_TRY(weir_rocksdb_check_write(store->database, weir_take(&file->message), kv->name, err));
    free_owed(store);
    return WEIR_OK;
}

void weir_rocksdb_store_forgive(rocksdb_store *store)
{
    if (store->owed != NULL) {
        (void)is_done(store->database->file_thread, store->owed, true);
        free_owed(store);
    }
}

weir_status weir_rocksdb_store_ingest_behind(weir_kv *kv, const weir_kept_rows *rows,
                                             weir_error *err)
{
    WEIR_ASSERT(kv->ops == &weir_rocksdb_store_ops);

    rocksdb_store *store = (rocksdb_store *)kv;
    weir_file_thread *thread = store->database->file_thread;
    WEIR_TRY(weir_rocksdb_store_settle(kv, true, err));
    set_turns(store, rows->count, rows->bytes);
    weir_owed_file *file = weir_alloc(sizeof *file);
    file->rows = rows_of(store);
    file->rows.kept = *rows;
    file->path = path_of(store);
    store->has_rows = true;
    store->owed = file;
    if (take_room(thread, rows->bytes)) {
        file->bytes = rows->bytes;
        if (queue(thread, file)) {
            return WEIR_OK;
        }
    }
    file->is_done = file->has_failed = true; /* Without room, or without a thread: here and now. */
    return weir_rocksdb_store_settle(kv, true, err);
}
