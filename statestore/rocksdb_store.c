/* SPDX-License-Identifier: Apache-2.0
 *
 * rocksdb_store.c - the database of a process and the stores in it.
 *
 *   directory/.lock
 *   family "<application>/<store>"   4-byte big-endian partition | key  -> value
 *   family "weir/positions"          partition | application \0 label   -> offset
 *
 * There is no write-ahead log, for the changelog is one already. What makes a crash harmless is
 * that RocksDB flushes all families atomically: after a crash the files hold every family as of one
 * write, so data and positions agree. RocksDB 7.8 offers C no way to ask for such a flush, but a
 * manual compaction begins with one when its range has unflushed keys: flush_all() writes a marker,
 * takes it away again and compacts just that key. (rocksdb_flush_cf would flush one family alone.)
 * No file ever has the marker, so that there is nothing to compact: a compaction would first wait
 * for the one that is under way, and with it whoever writes. That may take half a minute.
 *
 * That compaction chooses the families to flush, those with unflushed keys, before it keeps writes
 * out. A write in between, to a family that had none and to the positions, would reach the disk
 * with its positions alone, and a crash would then lose rows: hence flush_lock. (The flushes that
 * RocksDB begins itself choose while they keep writes out.)
 *
 * A family per store and not per task: see DESIGN 4.
 *
 * After a failed write RocksDB takes no more. From a full disk it comes back by itself, seconds
 * after there is space; from everything else only an open of the directory helps. Stores hold the
 * database open, so it is marked as broken, its users close their stores, and the first that is
 * opened afterwards opens the database, too. What was not on disk is lost, positions with it: the
 * changelog has it.
 *
 * An iterator of RocksDB holds the files of its time, so none is kept; read options and bounds of
 * the last one that was closed wait for the next range.
 */
#include "statestore/rocksdb_store.h"

#include "statestore/rocksdb_store_internal.h"

#include "streams/base/file.h"
#include "streams/base/serde.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    MEMORY_BYTES_DEFAULT = 64 << 20,
    INGEST_MIN_DEFAULT = 5000,
    /* A compaction waits for files of some stores, which are then as much as it waited for without
     * them: four write buffers of half of the memtables. */
    APPLY_FILE_PART = 8,
    APPLY_FILE_BYTES_MIN = 1 << 20, /* A file is put on disk by the worker. */
    PROBE_BYTES = 1 << 20,   /* What must fit on the disk before a broken database is opened. */
    FULL_WITH_SPACE_MAX = 4, /* So often a write may fail for want of space that is there. */
};

static const char default_family[] = "default";

typedef struct rocksdb_iterator {
    weir_kv_iterator iterator; /* Must be first. */
    rocksdb_iterator_t *it;
    rocksdb_readoptions_t *options;
    weir_buf lower; /* Inclusive. */
    weir_buf upper; /* Exclusive. */
    bool backwards;
    bool started;
    bool ended;
    const char *name;
    rocksdb_store *store;      /* Its own; NULL of a snapshot, which may outlive it. */
    weir_database *keeps_open; /* Of a snapshot, which counts as an open store; else NULL. */
} rocksdb_iterator;

/* Turns a message of RocksDB, which is freed, into a status. */
static weir_status check(char *message, const char *what, weir_error *err)
{
    if (message == NULL) {
        return WEIR_OK;
    }
    bool corrupt = strncmp(message, "Corruption", strlen("Corruption")) == 0;
    bool full = strstr(message, "No space left") != NULL;
    const char *advice = corrupt ? "wipe the store and restore it from its changelog"
                         : full  ? "free some space on the disk of the state directory"
                                 : "check the disk and the rights of the state directory";
    weir_status status = weir_error_set(err, corrupt ? WEIR_CORRUPT : WEIR_IO, "%s: %.150s: %s",
                                        what, message, advice);
    rocksdb_free(message);
    return status;
}

/* Whether a file of some size can be written beside the database. */
static weir_status probe(const weir_database *database, weir_error *err)
{
    WEIR_AUTO_FREE char *path = weir_format("%s/probe", database->directory);
    WEIR_AUTO_FREE char *zeros = weir_alloc(PROBE_BYTES);
    weir_status status = weir_file_replace(path, weir_bytes_of(zeros, PROBE_BYTES), true, err);
    (void)unlink(path);
    return status == WEIR_OK ? WEIR_OK
                             : weir_error_wrap(err, status, "the state directory takes no writes");
}

static void note_failure(weir_database *database, const char *message)
{
    bool full = strstr(message, "No space left") != NULL;
    if (full && probe(database, NULL) != WEIR_OK) {
        atomic_store(&database->full_with_space, 0);
    } else if (!full || atomic_fetch_add(&database->full_with_space, 1) >= FULL_WITH_SPACE_MAX) {
        atomic_store(&database->broken, true);
    }
}

/* Like check, of a write. */
weir_status weir_rocksdb_check_write(weir_database *database, char *message, const char *what,
                                     weir_error *err)
{
    if (message == NULL) {
        atomic_store(&database->full_with_space, 0);
    } else {
        note_failure(database, message);
    }
    return check(message, what, err);
}

char *weir_rocksdb_stopped(weir_database *database)
{
    uint64_t errors = 0;
    (void)rocksdb_property_int(database->db, "rocksdb.background-errors", &errors);
    if (errors == 0 && !atomic_load(&database->may_be_stopped)) {
        return NULL;
    }
    return weir_strdup(probe(database, NULL) == WEIR_OK
                           ? "the disk was full, and the database has to be opened again"
                           : "No space left");
}

/* The database. */

/* The families that the directory has; only the default one where it is new. */
static char **list_families(const weir_database *database, size_t *out_count)
{
    char *message = NULL;
    char **names =
        rocksdb_list_column_families(database->options, database->directory, out_count, &message);
    if (message == NULL) {
        return names;
    }
    rocksdb_free(message); /* No database yet, or one that rocksdb_open complains of better. */
    rocksdb_list_column_families_destroy(names, 0); /* It allocates for no names, too. */
    names = weir_alloc(sizeof *names);
    names[0] = weir_strdup(default_family);
    *out_count = 1;
    return names;
}

static weir_family *add_family(weir_database *database, const char *name,
                               rocksdb_column_family_handle_t *handle)
{
    weir_family *family = weir_alloc(sizeof *family);
    family->handle = handle;
    (void)weir_map_put(database->families, weir_bytes_of_text(name), family);
    return family;
}

/* Opens these families; the caller frees both. */
static weir_status open_families(weir_database *database, char **names, size_t count,
                                 rocksdb_column_family_handle_t **handles, weir_error *err)
{
    WEIR_AUTO_FREE rocksdb_options_t **own = weir_alloc_array(count, sizeof *own);
    const rocksdb_options_t **options = weir_alloc_array(count, sizeof *options);
    WEIR_AUTO_FREE const void *owner = options;
    WEIR_TRY(weir_rocksdb_family_options(&database->config, database->options,
                                         (const char *const *)names, count, own, err));
    for (size_t i = 0; i < count; i++) {
        options[i] = own[i] != NULL ? own[i] : database->options;
    }
    char *message = NULL;
    database->db =
        rocksdb_open_column_families(database->options, database->directory, (int)count,
                                     (const char *const *)names, options, handles, &message);
    weir_rocksdb_family_options_free(own, count);
    return check(message, database->directory, err);
}

static weir_status open_rocksdb(weir_database *database, weir_error *err)
{
    size_t count = 0;
    char **names = list_families(database, &count);
    rocksdb_column_family_handle_t **handles = weir_alloc_array(count, sizeof *handles);
    weir_status status = open_families(database, names, count, handles, err);
    for (size_t i = 0; status == WEIR_OK && i < count; i++) {
        if (strcmp(names[i], default_family) == 0) {
            database->default_handle = handles[i];
        } else {
            (void)add_family(database, names[i], handles[i]);
        }
    }
    rocksdb_list_column_families_destroy(names, count);
    free(handles);
    return status;
}

static size_t memory_max_of(const weir_database_options *options)
{
    return options->memory_bytes_max == 0 ? MEMORY_BYTES_DEFAULT : options->memory_bytes_max;
}

static weir_rows *rows_new(const weir_database *database, const weir_database_options *options,
                           size_t memory_bytes_max)
{
    enum { FILE_PART = 8 };
    uint64_t bytes_max = memory_max_of(options);
    return weir_rows_new(&(weir_rows_options){
        .directory = database->directory,
        .memory_bytes_max = memory_bytes_max,
        .file_bytes_max =
            options->row_file_bytes_max == 0 ? bytes_max * FILE_PART : options->row_file_bytes_max,
    });
}

static size_t apply_file_bytes_min(const weir_database_options *options,
                                   const weir_rocksdb_memory *memory)
{
    enum { ROW_BYTES = 100 };
    size_t bytes = memory->memtable_bytes / APPLY_FILE_PART;
    if (options->ingest_entries_min > 0) {
        return options->ingest_entries_min * ROW_BYTES;
    }
    return bytes < APPLY_FILE_BYTES_MIN ? APPLY_FILE_BYTES_MIN : bytes;
}

weir_status weir_database_open(const weir_database_options *options, weir_database **out_database,
                               weir_error *err)
{
    WEIR_ASSERT(options->directory != NULL);

    WEIR_AUTO_PTR(weir_database) database = weir_alloc(sizeof *database);
    database->lock_fd = -1;
    database->directory = weir_strdup(options->directory);
    database->ingest_entries_min =
        options->ingest_entries_min == 0 ? INGEST_MIN_DEFAULT : options->ingest_entries_min;
    database->families = weir_map_new();
    database->config = options->rocksdb == NULL ? (weir_rocksdb_config){0} : *options->rocksdb;
    pthread_mutex_init(&database->families_lock, NULL);
    pthread_rwlock_init(&database->flush_lock, NULL);
    WEIR_TRY(weir_directory_make(options->directory, err));
    WEIR_TRY(weir_directory_lock(options->directory, &database->lock_fd, err));

    weir_rocksdb_memory memory = weir_rocksdb_memory_of(memory_max_of(options));
    database->options = weir_rocksdb_options_new(&memory, &database->blocks);
    database->file_options = weir_rocksdb_file_options_new(database->options);
    database->apply_file_bytes_min = apply_file_bytes_min(options, &memory);
    database->file_thread =
        weir_rocksdb_file_thread_new(database->file_options, memory.memtable_bytes / 2);
    database->rows = rows_new(database, options, memory.row_bytes_max);
    database->cache_bytes = memory.cache_bytes;
    database->read_options = rocksdb_readoptions_create();
    database->write_options = rocksdb_writeoptions_create();
    rocksdb_writeoptions_disable_WAL(database->write_options, 1);
    rocksdb_writeoptions_set_memtable_insert_hint_per_batch(database->write_options, 1);
    WEIR_TRY(open_rocksdb(database, err));
    *out_database = weir_take(&database);
    return WEIR_OK;
}

static void close_rocksdb(weir_database *database)
{
    size_t position = 0;
    void *value;
    while (weir_map_next(database->families, &position, NULL, &value)) {
        rocksdb_column_family_handle_destroy(((weir_family *)value)->handle);
        free(value);
    }
    weir_map_free(database->families);
    database->families = weir_map_new();
    if (database->default_handle != NULL) {
        rocksdb_column_family_handle_destroy(weir_take(&database->default_handle));
    }
    if (database->db != NULL) {
        rocksdb_close(weir_take(&database->db)); /* Flushes all families, atomically. */
    }
    if (database->rows != NULL) {
        weir_rows_clear(database->rows); /* After a failure the disk may have older ones. */
    }
}

void weir_database_free(weir_database *database)
{
    if (database == NULL) {
        return;
    }
    weir_rocksdb_file_thread_free(database->file_thread);
    close_rocksdb(database);
    if (database->options != NULL) {
        rocksdb_options_destroy(database->options);
        rocksdb_options_destroy(database->file_options);
        rocksdb_readoptions_destroy(database->read_options);
        rocksdb_writeoptions_destroy(database->write_options);
        rocksdb_cache_destroy(database->blocks);
    }
    if (database->lock_fd >= 0) {
        close(database->lock_fd);
    }
    pthread_mutex_destroy(&database->families_lock);
    pthread_rwlock_destroy(&database->flush_lock);
    weir_rows_free(database->rows);
    weir_map_free(database->families);
    free(database->directory);
    free(database);
}

/* Writes a key and takes it away again: a flush leaves both out. */
static weir_status touch(weir_database *database, const char *marker, weir_error *err)
{
    char *message = NULL;
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    rocksdb_writebatch_put_cf(batch, database->default_handle, marker, strlen(marker), "", 0);
    rocksdb_writebatch_singledelete_cf(batch, database->default_handle, marker, strlen(marker));
    rocksdb_write(database->db, database->write_options, batch, &message);
    rocksdb_writebatch_destroy(batch);
    return weir_rocksdb_check_write(database, message, database->directory, err);
}

/* While flush_lock is held. */
static weir_status flush_all(weir_database *database, weir_error *err)
{
    static const char marker[] = "marker";
    if (database->db == NULL) {
        return weir_error_set(err, WEIR_IO, "%s: it is to be opened again", database->directory);
    }
    char *stopped = weir_rocksdb_stopped(database);
    if (stopped != NULL) {
        return weir_rocksdb_check_write(database, stopped, database->directory, err);
    }
    WEIR_TRY(touch(database, marker, err));
    /* An atomic flush of all families, and a compaction of nothing (see above). */
    rocksdb_compact_range_cf(database->db, database->default_handle, marker, strlen(marker), marker,
                             strlen(marker));
    /* It tells nothing; but after a flush that failed RocksDB takes no write any more. */
    return touch(database, marker, err);
}

weir_status weir_database_flush(weir_database *database, weir_error *err)
{
    pthread_rwlock_wrlock(&database->flush_lock);
    weir_status status = flush_all(database, err);
    pthread_rwlock_unlock(&database->flush_lock);
    return status;
}

weir_database_memory weir_database_memory_now(weir_database *database)
{
    weir_database_memory memory = {
        .row_bytes = weir_rows_bytes(database->rows),
        .block_bytes = rocksdb_cache_get_usage(database->blocks),
        .row_file_bytes = weir_rows_file_bytes(database->rows),
        .row_file_failure = weir_rows_failure(database->rows),
    };
    pthread_mutex_lock(&database->families_lock); /* Or the database may be opened anew. */
    if (database->db != NULL) {
        rocksdb_memory_consumers_t *consumers = rocksdb_memory_consumers_create();
        rocksdb_memory_consumers_add_db(consumers, database->db);
        char *message = NULL;
        rocksdb_memory_usage_t *usage =
            rocksdb_approximate_memory_usage_create(consumers, &message);
        rocksdb_free(message);
        memory.write_buffer_bytes = rocksdb_approximate_memory_usage_get_mem_table_total(usage);
        memory.table_bytes = rocksdb_approximate_memory_usage_get_mem_table_readers_total(usage);
        rocksdb_approximate_memory_usage_destroy(usage);
        rocksdb_memory_consumers_destroy(consumers);
    }
    pthread_mutex_unlock(&database->families_lock);
    return memory;
}

bool weir_database_is_broken(const weir_database *database)
{
    return atomic_load_explicit(&database->broken, memory_order_relaxed);
}

/* Opens a broken database anew; families_lock is held. */
static weir_status mend(weir_database *database, weir_error *err)
{
    if (!weir_database_is_broken(database)) {
        return WEIR_OK;
    }
    if (database->open_stores > 0) {
        return weir_error_set(
            err, WEIR_IO, "%s: a write failed; it is opened again when its %zu stores are closed",
            database->directory, database->open_stores);
    }
    WEIR_TRY(probe(database, err));
    pthread_rwlock_wrlock(&database->flush_lock);
    close_rocksdb(database);
    weir_status status = open_rocksdb(database, err);
    atomic_store(&database->broken, status != WEIR_OK);
    atomic_store(&database->may_be_stopped, false);
    pthread_rwlock_unlock(&database->flush_lock);
    return status;
}

/* families_lock is held. */
static weir_status family_of(weir_database *database, const char *name, weir_family **out_family,
                             weir_error *err)
{
    weir_family *family = weir_map_get(database->families, weir_bytes_of_text(name));
    if (family == NULL) {
        char *message = NULL;
        rocksdb_options_t *own = NULL;
        WEIR_TRY(
            weir_rocksdb_family_options(&database->config, database->options, &name, 1, &own, err));
        rocksdb_column_family_handle_t *handle = rocksdb_create_column_family(
            database->db, own != NULL ? own : database->options, name, &message);
        weir_rocksdb_family_options_free(&own, 1);
        bool failed = message != NULL;
        if (failed) {
            atomic_store(&database->may_be_stopped, true);
        }
        weir_status status = weir_rocksdb_check_write(database, message, name, err);
        if (failed && handle != NULL) {
            rocksdb_column_family_handle_destroy(handle); /* It is made even then, and empty. */
        }
        WEIR_TRY(status);
        family = add_family(database, name, handle);
    }
    *out_family = family;
    return WEIR_OK;
}

/* A broken database waits for its stores to be closed. */
static void count_store(weir_database *database, bool opened)
{
    pthread_mutex_lock(&database->families_lock);
    WEIR_ASSERT(opened || database->open_stores > 0);
    database->open_stores = opened ? database->open_stores + 1 : database->open_stores - 1;
    pthread_mutex_unlock(&database->families_lock);
}

/* A store. */

/* The key as RocksDB has it, borrowed until the next call. */
weir_bytes weir_rocksdb_full_key(rocksdb_store *store, weir_bytes key)
{
    store->key.size = WEIR_ROCKSDB_PARTITION_BYTES;
    weir_buf_append(&store->key, key.data, key.size);
    return weir_buf_bytes(&store->key);
}

void weir_rocksdb_make_room(const weir_database *database)
{
    size_t rows = weir_rows_bytes(database->rows);
    rocksdb_cache_set_capacity(database->blocks,
                               database->cache_bytes > rows ? database->cache_bytes - rows : 0);
}

void weir_rocksdb_rows_came(rocksdb_store *store, size_t came)
{
    enum { LOOK_ROWS = 4096 };
    store->has_rows = true;
    bool looks = store->ticks % LOOK_ROWS < came; /* At the first one, too. */
    store->ticks += (unsigned)came;
    if (looks) {
        weir_rocksdb_make_room(store->database);
    }
}

static void keep_row(rocksdb_store *store, weir_bytes key, weir_bytes value)
{
    weir_rows_put(store->database->rows, store->rows, key, value);
    weir_rocksdb_rows_came(store, 1);
}

void weir_rocksdb_note_row(rocksdb_store *store, weir_bytes key, weir_bytes value)
{
    weir_rows_wrote(store->database->rows, store->rows, key, value);
    weir_rocksdb_rows_came(store, 1);
}

void weir_rocksdb_pass_row(rocksdb_store *store, weir_bytes key)
{
    weir_rows_passed(store->database->rows, store->rows, key);
}

void weir_rocksdb_forget_rows(rocksdb_store *store)
{
    if (store->has_rows) {
        store->rows = weir_rows_add_store(store->database->rows);
        store->has_rows = false;
    }
    store->began_empty = false;
}

static void rocks_expect(weir_kv *kv, weir_bytes key)
{
    rocksdb_store *store = (rocksdb_store *)kv;
    uint64_t *slot = &store->expected[store->expected_count++ % WEIR_ROWS_EXPECTED];
    weir_rows_expect_row(store->database->rows, *slot);
    *slot = weir_rows_expect(store->database->rows, store->rows, key);
}

static weir_status rocks_get(weir_kv *kv, weir_bytes key, weir_buf *out_value, weir_error *err)
{
    rocksdb_store *store = (rocksdb_store *)kv;
    weir_row_found found = weir_rows_get(store->database->rows, store->rows, key, out_value);
    if (found == WEIR_ROW_IS_HERE) {
        return WEIR_OK;
    }
    if (found == WEIR_ROW_NEVER_CAME && store->began_empty) {
        return WEIR_NOT_FOUND;
    }
    store->reads++;
    WEIR_TRY(weir_rocksdb_store_settle(kv, true, err));
    weir_bytes full = weir_rocksdb_full_key(store, key);
    char *message = NULL;
    rocksdb_pinnableslice_t *pinned =
        rocksdb_get_pinned_cf(store->database->db, store->database->read_options, store->family,
                              full.data, full.size, &message);
    WEIR_TRY(check(message, kv->name, err));
    if (pinned == NULL) {
        return WEIR_NOT_FOUND;
    }
    size_t size;
    const char *value = rocksdb_pinnableslice_value(pinned, &size);
    weir_buf_set(out_value, weir_bytes_of(value, size));
    rocksdb_pinnableslice_destroy(pinned);
    keep_row(store, key, weir_buf_bytes(out_value));
    return WEIR_OK;
}

static weir_status rocks_put(weir_kv *kv, weir_bytes key, weir_bytes value, weir_error *err)
{
    rocksdb_store *store = (rocksdb_store *)kv;
    WEIR_TRY(weir_rocksdb_store_settle(kv, true, err));
    weir_bytes full = weir_rocksdb_full_key(store, key);
    char *message = NULL;
    pthread_rwlock_rdlock(&store->database->flush_lock);
    rocksdb_put_cf(store->database->db, store->database->write_options, store->family, full.data,
                   full.size, value.data, value.size, &message);
    pthread_rwlock_unlock(&store->database->flush_lock);
    WEIR_TRY(weir_rocksdb_check_write(store->database, message, kv->name, err));
    weir_rocksdb_note_row(store, key, value);
    return WEIR_OK;
}

static weir_status rocks_remove(weir_kv *kv, weir_bytes key, weir_error *err)
{
    rocksdb_store *store = (rocksdb_store *)kv;
    WEIR_TRY(weir_rocksdb_store_settle(kv, true, err));
    weir_bytes full = weir_rocksdb_full_key(store, key);
    char *message = NULL;
    pthread_rwlock_rdlock(&store->database->flush_lock);
    rocksdb_delete_cf(store->database->db, store->database->write_options, store->family, full.data,
                      full.size, &message);
    pthread_rwlock_unlock(&store->database->flush_lock);
    WEIR_TRY(weir_rocksdb_check_write(store->database, message, kv->name, err));
    weir_rocksdb_note_row(store, key, WEIR_BYTES_NULL);
    return WEIR_OK;
}

static void step(rocksdb_iterator *it)
{
    if (!it->started) {
        it->started = true;
        if (it->backwards) {
            rocksdb_iter_seek_to_last(it->it);
        } else {
            rocksdb_iter_seek(it->it, (const char *)it->lower.data, it->lower.size);
        }
    } else if (it->backwards) {
        rocksdb_iter_prev(it->it);
    } else {
        rocksdb_iter_next(it->it);
    }
}

static weir_status rocks_next(weir_kv_iterator *iterator, weir_bytes *out_key,
                              weir_bytes *out_value, weir_error *err)
{
    rocksdb_iterator *it = (rocksdb_iterator *)iterator;
    if (it->ended) {
        return WEIR_NOT_FOUND;
    }
    step(it);
    if (!rocksdb_iter_valid(it->it)) {
        it->ended = true;
        char *message = NULL;
        rocksdb_iter_get_error(it->it, &message);
        WEIR_TRY(check(message, it->name, err));
        return WEIR_NOT_FOUND;
    }
    size_t size;
    const char *key = rocksdb_iter_key(it->it, &size);
    WEIR_ASSERT(size >= WEIR_ROCKSDB_PARTITION_BYTES);
    size -= WEIR_ROCKSDB_PARTITION_BYTES;
    *out_key = weir_bytes_of(key + WEIR_ROCKSDB_PARTITION_BYTES, size);
    const char *value = rocksdb_iter_value(it->it, &size);
    *out_value = weir_bytes_of(value, size);
    return WEIR_OK;
}

/* One that is closed. */
static void destroy_iterator(rocksdb_iterator *it)
{
    if (it != NULL) {
        rocksdb_readoptions_destroy(it->options);
        weir_buf_cleanup(&it->lower);
        weir_buf_cleanup(&it->upper);
        free(it);
    }
}

static void rocks_iterator_close(weir_kv_iterator *iterator)
{
    rocksdb_iterator *it = (rocksdb_iterator *)iterator;
    rocksdb_iter_destroy(weir_take(&it->it));
    if (it->keeps_open != NULL) {
        count_store(it->keeps_open, false);
    }
    if (it->store == NULL || it->store->spare != NULL) {
        destroy_iterator(it);
        return;
    }
    weir_buf_rest(&it->lower);
    weir_buf_rest(&it->upper);
    it->started = false;
    it->ended = false;
    it->store->spare = it;
}

static const weir_kv_iterator_ops iterator_ops = {rocks_next, rocks_iterator_close};

static rocksdb_iterator *take_iterator(rocksdb_store *store)
{
    rocksdb_iterator *it = weir_take(&store->spare);
    if (it == NULL) {
        it = weir_alloc(sizeof *it);
        it->iterator.ops = &iterator_ops;
        it->options = rocksdb_readoptions_create();
        it->store = store;
        it->name = store->kv.name;
    }
    return it;
}

/* The first key behind all that begin with prefix, in *out. There is one, for a key begins with its
 * partition, which is not negative. */
static void set_after_prefix(weir_buf *out, weir_bytes prefix)
{
    bool is_bounded = weir_buf_set_after_prefix(out, prefix);
    WEIR_ASSERT(is_bounded);
}

static weir_status rocks_range(weir_kv *kv, weir_bytes from, weir_bytes to, bool backwards,
                               weir_kv_iterator **out_iterator, weir_error *err)
{
    rocksdb_store *store = (rocksdb_store *)kv;
    store->reads++;
    WEIR_TRY(weir_rocksdb_store_settle(kv, true, err));
    rocksdb_iterator *it = take_iterator(store);
    it->backwards = backwards;
    weir_buf_set(&it->lower, weir_rocksdb_full_key(store, from));
    if (to.data != NULL) {
        weir_buf_set(&it->upper, weir_rocksdb_full_key(store, to));
    } else {
        set_after_prefix(&it->upper, weir_rocksdb_full_key(store, WEIR_BYTES("")));
    }
    rocksdb_readoptions_set_iterate_lower_bound(it->options, (const char *)it->lower.data,
                                                it->lower.size);
    rocksdb_readoptions_set_iterate_upper_bound(it->options, (const char *)it->upper.data,
                                                it->upper.size);
    it->it = rocksdb_create_iterator_cf(store->database->db, it->options, store->family);
    *out_iterator = &it->iterator;
    return WEIR_OK;
}

/* The family's estimate, in proportion to the bytes of this partition. */
static uint64_t rocks_approximate_count(weir_kv *kv)
{
    rocksdb_store *store = (rocksdb_store *)kv;
    WEIR_AUTO(weir_buf) limit = {0};
    set_after_prefix(&limit, weir_rocksdb_full_key(store, WEIR_BYTES("")));
    const char *starts[] = {(const char *)store->key.data, ""};
    const size_t start_sizes[] = {store->key.size, 0};
    const char *limits[] = {(const char *)limit.data, "\xff\xff\xff\xff"};
    const size_t limit_sizes[] = {limit.size, sizeof(uint32_t)};
    uint64_t bytes[2] = {0};
    char *failure = NULL;
    rocksdb_approximate_sizes_cf(store->database->db, store->family, 2, starts, start_sizes, limits,
                                 limit_sizes, bytes, &failure);
    rocksdb_free(failure);
    uint64_t count = 0;
    (void)rocksdb_property_int_cf(store->database->db, store->family, "rocksdb.estimate-num-keys",
                                  &count);
    return bytes[1] == 0 ? count : (uint64_t)((double)count * (double)bytes[0] / (double)bytes[1]);
}

static void rocks_free(weir_kv *kv)
{
    rocksdb_store *store = (rocksdb_store *)kv;
    weir_rocksdb_store_forgive(store);
    pthread_mutex_lock(&store->database->families_lock);
    store->shared->open_stores--;
    pthread_mutex_unlock(&store->database->families_lock);
    count_store(store->database, false);
    destroy_iterator(store->spare);
    weir_buf_cleanup(&store->key);
    free(store);
}

const weir_kv_ops weir_rocksdb_store_ops = {
    .get = rocks_get,
    .put = rocks_put,
    .remove = rocks_remove,
    .range = rocks_range,
    .approximate_count = rocks_approximate_count,
    .free = rocks_free,
    .expect = rocks_expect,
};

static bool is_empty(weir_kv *kv)
{
    WEIR_AUTO_PTR(weir_kv_iterator) it = NULL;
    weir_bytes key;
    weir_bytes value;
    return rocks_range(kv, WEIR_BYTES(""), WEIR_BYTES_NULL, false, &it, NULL) == WEIR_OK &&
           weir_kv_iterator_next(it, &key, &value, NULL) == WEIR_NOT_FOUND;
}

weir_status weir_rocksdb_store_new(weir_database *database, const char *family, const char *name,
                                   int32_t partition, weir_kv **out_kv, weir_error *err)
{
    WEIR_ASSERT(database != NULL);
    WEIR_ASSERT(partition >= 0);

    weir_family *shared = NULL;
    pthread_mutex_lock(&database->families_lock);
    weir_status status = mend(database, err);
    if (status == WEIR_OK) {
        status = family_of(database, family, &shared, err);
    }
    if (status == WEIR_OK) {
        database->open_stores++;
        shared->open_stores++;
    }
    pthread_mutex_unlock(&database->families_lock);
    WEIR_TRY(status);
    rocksdb_store *store = weir_alloc(sizeof *store);
    store->kv = (weir_kv){&weir_rocksdb_store_ops, name};
    store->database = database;
    store->family = shared->handle;
    store->shared = shared;
    store->rows = weir_rows_add_store(database->rows);
    weir_buf_append_i32_be(&store->key, partition);
    store->began_empty = is_empty(&store->kv);
    *out_kv = &store->kv;
    return WEIR_OK;
}

weir_status weir_rocksdb_store_clear(weir_kv *kv, weir_error *err)
{
    weir_rocksdb_store_forgive((rocksdb_store *)kv);
    WEIR_TRY(weir_rocksdb_store_remove_prefix(kv, WEIR_BYTES(""), err));
    ((rocksdb_store *)kv)->began_empty = true;
    return WEIR_OK;
}

weir_status weir_rocksdb_store_remove_prefix(weir_kv *kv, weir_bytes prefix, weir_error *err)
{
    WEIR_ASSERT(kv->ops == &weir_rocksdb_store_ops);

    rocksdb_store *store = (rocksdb_store *)kv;
    WEIR_TRY(weir_rocksdb_store_settle(kv, true, err));
    WEIR_AUTO(weir_buf) from = {0};
    WEIR_AUTO(weir_buf) to = {0};
    weir_buf_set(&from, weir_rocksdb_full_key(store, prefix));
    set_after_prefix(&to, weir_buf_bytes(&from));
    char *message = NULL;
    pthread_rwlock_rdlock(&store->database->flush_lock);
    rocksdb_delete_range_cf(store->database->db, store->database->write_options, store->family,
                            (const char *)from.data, from.size, (const char *)to.data, to.size,
                            &message);
    pthread_rwlock_unlock(&store->database->flush_lock);
    weir_rocksdb_forget_rows(store);
    WEIR_TRY(weir_rocksdb_check_write(store->database, message, kv->name, err));
    rocksdb_suggest_compact_range_cf(store->database->db, store->family, (const char *)from.data,
                                     from.size, (const char *)to.data, to.size, &message);
    return check(message, kv->name, err);
}

weir_status weir_rocksdb_store_snapshot(weir_kv *kv, weir_kv_iterator **out_iterator,
                                        weir_error *err)
{
    WEIR_ASSERT(kv->ops == &weir_rocksdb_store_ops);

    WEIR_TRY(rocks_range(kv, WEIR_BYTES(""), WEIR_BYTES_NULL, false, out_iterator, err));
    rocksdb_iterator *it = (rocksdb_iterator *)*out_iterator;
    it->store = NULL;
    it->keeps_open = ((rocksdb_store *)kv)->database;
    it->name = it->keeps_open->directory;
    count_store(it->keeps_open, true);
    return WEIR_OK;
}
