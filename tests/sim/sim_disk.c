/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_disk.c - the functions of statestore/rocksdb_store.c over two sorted arrays.
 *
 *   write batch ─▶ memory ──flush──▶ flushed        crash: memory = flushed
 *
 * Entries never change once made and are counted, so a flush copies pointers only. Keys of both
 * arrays are "<family> 0 <partition, 4 bytes, big-endian> <key>".
 */
#include "tests/sim/sim_disk.h"

#include "statestore/rocksdb_store.h"

#include <stdlib.h>
#include <string.h>

enum { INGEST_MIN_DEFAULT = 5000 };

typedef struct disk_entry {
    size_t references;
    weir_buf key;
    weir_buf value;
} disk_entry;

typedef struct disk_image {
    disk_entry **entries; /* Ascending. */
    size_t count;
    size_t capacity;
} disk_image;

struct sim_disk {
    char *directory;
    disk_image flushed;
    weir_database *open;
    weir_random random;
    sim_disk_faults faults;
    size_t lost_count;
    size_t ingest_count;
    sim_disk *next;
};

struct weir_database {
    sim_disk *disk;
    disk_image memory;
    size_t ingest_entries_min;
    size_t open_stores;
    bool crashed;
    bool broken;
};

typedef struct disk_change {
    weir_buf key;
    weir_buf value;
    bool removal;
} disk_change;

typedef struct disk_store {
    weir_kv kv; /* Must be first. */
    weir_database *database;
    weir_buf key; /* The family and partition, and behind it the key of the call. */
    size_t prefix_bytes;
    bool is_owing; /* A file that is written behind. */
    weir_kept_rows owed;
    uint64_t owed_looks; /* So often it is not there yet. */
} disk_store;

typedef struct disk_walk {
    weir_kv_iterator base; /* Must be first. */
    disk_image snapshot;
    size_t prefix_bytes;
    size_t next; /* From the end when backwards. */
    bool backwards;
} disk_walk;

struct weir_write_batch {
    weir_database *database;
    disk_change *changes;
    size_t count;
    size_t capacity;
};

static sim_disk *all_disks;

/* Images. */

static void release(disk_entry *entry)
{
    if (--entry->references == 0) {
        weir_buf_cleanup(&entry->key);
        weir_buf_cleanup(&entry->value);
        free(entry);
    }
}

static void image_clear(disk_image *image)
{
    for (size_t i = 0; i < image->count; i++) {
        release(image->entries[i]);
    }
    free(image->entries);
    *image = (disk_image){0};
}

static void image_add(disk_image *image, disk_entry *entry)
{
    image->entries = weir_grow(image->entries, image->count, &image->capacity, sizeof(entry));
    image->entries[image->count++] = entry;
    entry->references++;
}

static void image_copy(disk_image *to, const disk_image *from)
{
    image_clear(to);
    for (size_t i = 0; i < from->count; i++) {
        image_add(to, from->entries[i]);
    }
}

/* The first entry whose key is not below key. */
static size_t image_seek(const disk_image *image, weir_bytes key)
{
    size_t low = 0;
    size_t high = image->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (weir_bytes_compare(weir_buf_bytes(&image->entries[middle]->key), key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool is_at(const disk_image *image, size_t index, weir_bytes key)
{
    return index < image->count &&
           weir_bytes_equal(weir_buf_bytes(&image->entries[index]->key), key);
}

static void remove_at(disk_image *image, size_t index)
{
    release(image->entries[index]);
    memmove(image->entries + index, image->entries + index + 1,
            (image->count - index - 1) * sizeof(*image->entries));
    image->count--;
}

static void image_remove(disk_image *image, weir_bytes key)
{
    size_t index = image_seek(image, key);
    if (is_at(image, index, key)) {
        remove_at(image, index);
    }
}

static void image_put(disk_image *image, weir_bytes key, weir_bytes value)
{
    image_remove(image, key);
    size_t index = image_seek(image, key);
    disk_entry *added = weir_alloc(sizeof(*added));
    weir_buf_set(&added->key, key);
    weir_buf_set(&added->value, value);
    image_add(image, added);
    memmove(image->entries + index + 1, image->entries + index,
            (image->count - 1 - index) * sizeof(*image->entries));
    image->entries[index] = added;
}

static void image_remove_prefix(disk_image *image, weir_bytes prefix)
{
    size_t index = image_seek(image, prefix);
    while (index < image->count &&
           weir_bytes_starts_with(weir_buf_bytes(&image->entries[index]->key), prefix)) {
        remove_at(image, index);
    }
}

/* Disks. */

sim_disk *sim_disk_new(const char *directory, uint64_t seed)
{
    sim_disk *disk = weir_alloc(sizeof(*disk));
    disk->directory = weir_strdup(directory);
    disk->random = weir_random_of(seed);
    disk->next = all_disks;
    all_disks = disk;
    return disk;
}

void sim_disk_free(sim_disk *disk)
{
    WEIR_ASSERT(disk->open == NULL);

    sim_disk **at = &all_disks;
    while (*at != disk) {
        at = &(*at)->next;
    }
    *at = disk->next;
    image_clear(&disk->flushed);
    free(disk->directory);
    free(disk);
}

void sim_disk_set_faults(sim_disk *disk, const sim_disk_faults *faults)
{
    disk->faults = *faults;
}

void sim_disk_crash(sim_disk *disk)
{
    weir_database *database = disk->open;
    if (database == NULL || database->crashed) {
        return;
    }
    database->crashed = true;
    for (size_t i = 0; i < database->memory.count; i++) {
        const disk_entry *held = database->memory.entries[i];
        size_t index = image_seek(&disk->flushed, weir_buf_bytes(&held->key));
        bool kept = index < disk->flushed.count && disk->flushed.entries[index] == held;
        disk->lost_count += kept ? 0 : 1;
    }
}

size_t sim_disk_lost_count(const sim_disk *disk)
{
    return disk->lost_count;
}

size_t sim_disk_ingest_count(const sim_disk *disk)
{
    return disk->ingest_count;
}

static bool happens(sim_disk *disk, uint32_t per_million)
{
    return per_million > 0 && weir_random_chance(&disk->random, per_million);
}

/* The database. */

weir_status weir_database_open(const weir_database_options *options, weir_database **out_database,
                               weir_error *err)
{
    sim_disk *disk = all_disks;
    while (disk != NULL && strcmp(disk->directory, options->directory) != 0) {
        disk = disk->next;
    }
    if (disk == NULL) {
        return weir_error_set(err, WEIR_INVALID, "there is no simulated disk %s",
                              options->directory);
    }
    if (disk->open != NULL) {
        return weir_error_set(err, WEIR_INVALID, "%s is in use by another process",
                              options->directory);
    }
    weir_database *database = weir_alloc(sizeof(*database));
    database->disk = disk;
    database->ingest_entries_min =
        options->ingest_entries_min == 0 ? INGEST_MIN_DEFAULT : options->ingest_entries_min;
    image_copy(&database->memory, &disk->flushed);
    disk->open = database;
    *out_database = database;
    return WEIR_OK;
}

void weir_database_free(weir_database *database)
{
    if (database == NULL) {
        return;
    }
    if (!database->crashed && !database->broken) {
        image_copy(&database->disk->flushed, &database->memory);
    }
    database->disk->open = NULL;
    image_clear(&database->memory);
    free(database);
}

weir_database_memory weir_database_memory_now(weir_database *database)
{
    (void)database;
    return (weir_database_memory){0};
}

bool weir_database_is_broken(const weir_database *database)
{
    return database->broken;
}

weir_status weir_database_flush(weir_database *database, weir_error *err)
{
    if (database->crashed || database->broken ||
        happens(database->disk, database->disk->faults.flush_fails)) {
        return weir_error_set(err, WEIR_IO, "simulated: a flush failed");
    }
    image_copy(&database->disk->flushed, &database->memory);
    return WEIR_OK;
}

/* Stores. */

static weir_bytes full_key(disk_store *store, weir_bytes key)
{
    store->key.size = store->prefix_bytes;
    weir_buf_append(&store->key, key.data, key.size);
    return weir_buf_bytes(&store->key);
}

static weir_status check_read(disk_store *store, weir_error *err)
{
    sim_disk *disk = store->database->disk;
    if (!store->database->crashed && happens(disk, disk->faults.read_corrupt)) {
        return weir_error_set(err, WEIR_CORRUPT, "%s: simulated: a block is damaged",
                              store->kv.name);
    }
    return WEIR_OK;
}

static weir_status check_write(weir_database *database, weir_error *err)
{
    bool breaks = happens(database->disk, database->disk->faults.breaks);
    database->broken = database->broken || breaks;
    if (database->crashed || database->broken ||
        happens(database->disk, database->disk->faults.write_fails)) {
        return weir_error_set(err, WEIR_IO, "simulated: a write failed");
    }
    return WEIR_OK;
}

static weir_status disk_get(weir_kv *kv, weir_bytes key, weir_buf *out_value, weir_error *err)
{
    disk_store *store = (disk_store *)kv;
    WEIR_TRY(weir_rocksdb_store_settle(kv, true, err));
    WEIR_TRY(check_read(store, err));
    const disk_image *memory = &store->database->memory;
    weir_bytes full = full_key(store, key);
    size_t index = image_seek(memory, full);
    if (!is_at(memory, index, full)) {
        return WEIR_NOT_FOUND;
    }
    weir_buf_set(out_value, weir_buf_bytes(&memory->entries[index]->value));
    return WEIR_OK;
}

static weir_status disk_put(weir_kv *kv, weir_bytes key, weir_bytes value, weir_error *err)
{
    disk_store *store = (disk_store *)kv;
    WEIR_TRY(weir_rocksdb_store_settle(kv, true, err));
    WEIR_TRY(check_write(store->database, err));
    image_put(&store->database->memory, full_key(store, key), value);
    return WEIR_OK;
}

static weir_status disk_remove(weir_kv *kv, weir_bytes key, weir_error *err)
{
    disk_store *store = (disk_store *)kv;
    WEIR_TRY(weir_rocksdb_store_settle(kv, true, err));
    WEIR_TRY(check_write(store->database, err));
    image_remove(&store->database->memory, full_key(store, key));
    return WEIR_OK;
}

static weir_status walk_next(weir_kv_iterator *iterator, weir_bytes *out_key, weir_bytes *out_value,
                             weir_error *err)
{
    (void)err;
    disk_walk *walk = (disk_walk *)iterator;
    if (walk->next == walk->snapshot.count) {
        return WEIR_NOT_FOUND;
    }
    size_t index = walk->backwards ? walk->snapshot.count - 1 - walk->next : walk->next;
    walk->next++;
    const disk_entry *at = walk->snapshot.entries[index];
    *out_key = weir_bytes_of(at->key.data + walk->prefix_bytes, at->key.size - walk->prefix_bytes);
    *out_value = weir_buf_bytes(&at->value);
    return WEIR_OK;
}

static void walk_free(weir_kv_iterator *iterator)
{
    image_clear(&((disk_walk *)iterator)->snapshot);
    free(iterator);
}

static const weir_kv_iterator_ops walk_ops = {walk_next, walk_free};

static weir_status disk_range(weir_kv *kv, weir_bytes from, weir_bytes to, bool backwards,
                              weir_kv_iterator **out_iterator, weir_error *err)
{
    disk_store *store = (disk_store *)kv;
    WEIR_TRY(weir_rocksdb_store_settle(kv, true, err));
    WEIR_TRY(check_read(store, err));
    disk_walk *walk = weir_alloc(sizeof(*walk));
    walk->base.ops = &walk_ops;
    walk->prefix_bytes = store->prefix_bytes;
    walk->backwards = backwards;
    const disk_image *memory = &store->database->memory;
    size_t first = image_seek(memory, full_key(store, from));
    weir_bytes prefix = {store->key.data, store->prefix_bytes};
    for (size_t i = first; i < memory->count; i++) {
        weir_bytes full = weir_buf_bytes(&memory->entries[i]->key);
        if (!weir_bytes_starts_with(full, prefix)) {
            break;
        }
        weir_bytes key = {(const uint8_t *)full.data + prefix.size, full.size - prefix.size};
        if (to.data != NULL && weir_bytes_compare(key, to) >= 0) {
            break;
        }
        image_add(&walk->snapshot, memory->entries[i]);
    }
    *out_iterator = &walk->base;
    return WEIR_OK;
}

static uint64_t disk_approximate_count(weir_kv *kv)
{
    return ((disk_store *)kv)->database->memory.count;
}

static void forgive(disk_store *store)
{
    store->is_owing = false;
}

static void disk_free(weir_kv *kv)
{
    disk_store *store = (disk_store *)kv;
    WEIR_ASSERT(store->database->open_stores > 0);
    store->database->open_stores--;
    forgive(store);
    weir_buf_cleanup(&store->key);
    free(store);
}

static const weir_kv_ops store_ops = {
    .get = disk_get,
    .put = disk_put,
    .remove = disk_remove,
    .range = disk_range,
    .approximate_count = disk_approximate_count,
    .free = disk_free,
};

/* What RocksDB does: it is opened again, without what was not flushed, once no store is open. */
static weir_status mend(weir_database *database, weir_error *err)
{
    if (database->broken && database->open_stores > 0) {
        return weir_error_set(err, WEIR_IO, "simulated: stores of a broken database are open");
    }
    if (database->broken) {
        image_copy(&database->memory, &database->disk->flushed);
        database->broken = false;
    }
    return WEIR_OK;
}

weir_status weir_rocksdb_store_new(weir_database *database, const char *family, const char *name,
                                   int32_t partition, weir_kv **out_kv, weir_error *err)
{
    if (database->crashed) {
        return weir_error_set(err, WEIR_IO, "simulated: the disk is gone");
    }
    WEIR_TRY(mend(database, err));
    database->open_stores++;
    disk_store *store = weir_alloc(sizeof(*store));
    store->kv = (weir_kv){&store_ops, name};
    store->database = database;
    weir_buf_append(&store->key, family, strlen(family) + 1);
    for (int shift = 24; shift >= 0; shift -= 8) {
        weir_buf_append_byte(&store->key, (uint8_t)((uint32_t)partition >> shift));
    }
    store->prefix_bytes = store->key.size;
    *out_kv = &store->kv;
    return WEIR_OK;
}

weir_status weir_rocksdb_store_clear(weir_kv *kv, weir_error *err)
{
    forgive((disk_store *)kv);
    return weir_rocksdb_store_remove_prefix(kv, WEIR_BYTES(""), err);
}

weir_status weir_rocksdb_store_remove_prefix(weir_kv *kv, weir_bytes prefix, weir_error *err)
{
    disk_store *store = (disk_store *)kv;
    WEIR_TRY(weir_rocksdb_store_settle(kv, true, err));
    WEIR_TRY(check_write(store->database, err));
    image_remove_prefix(&store->database->memory, full_key(store, prefix));
    return WEIR_OK;
}

/* Whether memory holds for key what is not flushed yet. */
static bool is_unflushed(const weir_database *database, weir_bytes key)
{
    const disk_image *memory = &database->memory;
    const disk_image *flushed = &database->disk->flushed;
    size_t at = image_seek(memory, key);
    size_t below = image_seek(flushed, key);
    return is_at(memory, at, key) &&
           !(is_at(flushed, below, key) && flushed->entries[below] == memory->entries[at]);
}

static void ingest(disk_image *image, weir_bytes key, weir_bytes value)
{
    if (value.data == NULL) {
        image_remove(image, key);
    } else {
        image_put(image, key, value);
    }
}

weir_status weir_rocksdb_store_snapshot(weir_kv *kv, weir_kv_iterator **out_iterator,
                                        weir_error *err)
{
    return disk_range(kv, WEIR_BYTES(""), WEIR_BYTES_NULL, false, out_iterator, err);
}

size_t weir_rocksdb_ingest_entries_min(const weir_database *database)
{
    return database->ingest_entries_min;
}

/* Where a restore makes files of a few entries, so does an apply. */
size_t weir_rocksdb_apply_file_bytes_min(const weir_database *database)
{
    enum { ENTRY_BYTES = 100 };
    return database->ingest_entries_min < INGEST_MIN_DEFAULT
               ? database->ingest_entries_min * ENTRY_BYTES
               : SIZE_MAX;
}

/* As RocksDB does it: the file is on disk at once, ahead of the memtables, which are flushed first
 * where they have one of its keys. */
static weir_status ingest_file(disk_store *store, const weir_restore_entry *const *sorted,
                               size_t count, weir_error *err)
{
    weir_database *database = store->database;
    WEIR_TRY(check_write(database, err));
    for (size_t i = 0; i < count; i++) {
        if (is_unflushed(database, full_key(store, sorted[i]->key))) {
            image_copy(&database->disk->flushed, &database->memory);
        }
    }
    for (size_t i = 0; i < count; i++) {
        weir_bytes key = full_key(store, sorted[i]->key);
        ingest(&database->memory, key, sorted[i]->value);
        ingest(&database->disk->flushed, key, sorted[i]->value);
    }
    database->disk->ingest_count++;
    return WEIR_OK;
}

weir_status weir_rocksdb_store_ingest(weir_kv *kv, const weir_restore_entry *const *sorted,
                                      size_t count, weir_error *err)
{
    WEIR_TRY(weir_rocksdb_store_settle(kv, true, err));
    return ingest_file((disk_store *)kv, sorted, count, err);
}

weir_status weir_rocksdb_store_ingest_applied(weir_kv *kv, const weir_restore_entry *const *sorted,
                                              size_t count, weir_error *err)
{
    return weir_rocksdb_store_ingest(kv, sorted, count, err);
}

/* A file that is behind is there after some looks, or when somebody waits for it. Not before then
 * are its rows asked for. */
weir_status weir_rocksdb_store_ingest_behind(weir_kv *kv, const weir_kept_rows *rows,
                                             weir_error *err)
{
    enum { LOOKS = 4 };
    disk_store *store = (disk_store *)kv;
    WEIR_TRY(weir_rocksdb_store_settle(kv, true, err));
    store->is_owing = true;
    store->owed = *rows;
    store->owed_looks = weir_random_below(&store->database->disk->random, LOOKS);
    return WEIR_OK;
}

/* Rows of a file, which their keeper has. */
typedef struct gathered_rows {
    weir_restore_entry *entries;
    size_t count;
    size_t capacity;
} gathered_rows;

static void gather(void *user, weir_bytes key, weir_bytes value)
{
    gathered_rows *rows = user;
    rows->entries = weir_grow(rows->entries, rows->count, &rows->capacity, sizeof(*rows->entries));
    rows->entries[rows->count++] = (weir_restore_entry){key, value};
}

static weir_status ingest_owed(disk_store *store, weir_error *err)
{
    gathered_rows rows = {0};
    store->owed.each(store->owed.keeper, gather, &rows);
    const weir_restore_entry **sorted = weir_alloc_array(rows.count, sizeof(*sorted));
    WEIR_AUTO_FREE const void *owner = sorted;
    WEIR_AUTO_FREE weir_restore_entry *entries = rows.entries;
    for (size_t i = 0; i < rows.count; i++) {
        sorted[i] = &entries[i];
    }
    return ingest_file(store, sorted, rows.count, err);
}

weir_status weir_rocksdb_store_settle(weir_kv *kv, bool may_wait, weir_error *err)
{
    disk_store *store = (disk_store *)kv;
    if (!store->is_owing) {
        return WEIR_OK;
    }
    if (!may_wait && store->owed_looks > 0) {
        store->owed_looks--;
        return WEIR_AGAIN;
    }
    WEIR_TRY(ingest_owed(store, err));
    forgive(store);
    return WEIR_OK;
}

/* Batches. */

weir_write_batch *weir_write_batch_new(weir_database *database)
{
    weir_write_batch *batch = weir_alloc(sizeof(*batch));
    batch->database = database;
    return batch;
}

static void batch_clear(weir_write_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        weir_buf_cleanup(&batch->changes[i].key);
        weir_buf_cleanup(&batch->changes[i].value);
    }
    batch->count = 0;
}

void weir_write_batch_free(weir_write_batch *batch)
{
    if (batch != NULL) {
        batch_clear(batch);
        free(batch->changes);
        free(batch);
    }
}

void weir_write_batch_put(weir_write_batch *batch, weir_kv *kv, weir_bytes key, weir_bytes value)
{
    batch->changes =
        weir_grow(batch->changes, batch->count, &batch->capacity, sizeof(*batch->changes));
    disk_change *added = &batch->changes[batch->count++];
    *added = (disk_change){.removal = value.data == NULL};
    weir_buf_set(&added->key, full_key((disk_store *)kv, key));
    weir_buf_set(&added->value, value);
}

weir_status weir_write_batch_write(weir_write_batch *batch, weir_error *err)
{
    weir_database *database = batch->database;
    WEIR_TRY(check_write(database, err));
    for (size_t i = 0; i < batch->count; i++) {
        const disk_change *at = &batch->changes[i];
        if (at->removal) {
            image_remove(&database->memory, weir_buf_bytes(&at->key));
        } else {
            image_put(&database->memory, weir_buf_bytes(&at->key), weir_buf_bytes(&at->value));
        }
    }
    batch_clear(batch);
    if (happens(database->disk, database->disk->faults.flushes_early)) {
        image_copy(&database->disk->flushed, &database->memory);
    }
    return WEIR_OK;
}
