/* SPDX-License-Identifier: Apache-2.0
 *
 * object_store_file.c - an object is a file; its path is the directory, '/', and the key.
 *
 * The file is one zstd frame with its content's size and checksum, so `zstd -d` reads it, and what
 * is damaged or cut is noticed. It is written under another name ("….tmp") and renamed: whoever
 * sees the key sees all of it. Temporary files of a process that died are passed over by list.
 */
#include "connectors/object_store.h"

#include "streams/base/file.h"

#include <zstd.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COMPRESSION_LEVEL = 3, DIRECTORY_ENTRIES_MAX = 1 << 20 };

typedef struct file_store {
    weir_object_store base;
    char *directory;
    bool sync;
    ZSTD_CCtx *compressor;
    ZSTD_DCtx *decompressor;
    weir_buf frame;   /* Compressed bytes on their way. */
    weir_buf content; /* What a get reads, until it is known to be whole. */
} file_store;

static file_store *file_store_of(weir_object_store *store)
{
    return (file_store *)store;
}

static char *path_of(const file_store *store, const char *key)
{
    return weir_format("%s/%s", store->directory, key);
}

static weir_status file_store_exists(weir_object_store *base, const char *key, weir_error *err)
{
    WEIR_AUTO_FREE char *path = path_of(file_store_of(base), key);
    struct stat info;
    if (stat(path, &info) == 0) {
        return S_ISREG(info.st_mode) ? WEIR_OK : WEIR_NOT_FOUND;
    }
    if (errno == ENOENT || errno == ENOTDIR) {
        return WEIR_NOT_FOUND;
    }
    return weir_error_set(err, WEIR_IO, "%s: %s", path, strerror(errno));
}

static void compress(file_store *store, weir_bytes content)
{
    size_t bound = ZSTD_compressBound(content.size);
    weir_buf_clear(&store->frame);
    uint8_t *room = weir_buf_reserve(&store->frame, bound);
    size_t size = ZSTD_compress2(store->compressor, room, bound, content.data, content.size);
    WEIR_ASSERT(!ZSTD_isError(size)); /* The room is enough, and nothing else can fail. */
    store->frame.size = size;
}

static weir_status file_store_put(weir_object_store *base, const char *key, weir_bytes content,
                                  weir_error *err)
{
    file_store *store = file_store_of(base);
    weir_status status = file_store_exists(base, key, err);
    if (status != WEIR_NOT_FOUND) {
        return status;
    }
    compress(store, content);
    WEIR_AUTO_FREE char *path = path_of(store, key);
    if (weir_file_replace(path, weir_buf_bytes(&store->frame), store->sync, NULL) == WEIR_OK) {
        return WEIR_OK;
    }
    /* Most likely the first object of its directory. */
    WEIR_AUTO_FREE char *parent = weir_strdup(path);
    *strrchr(parent, '/') = '\0';
    WEIR_TRY(weir_directory_make(parent, err));
    return weir_file_replace(path, weir_buf_bytes(&store->frame), store->sync, err);
}

static weir_status decompress(file_store *store, const char *key, size_t bytes_max, weir_buf *out,
                              weir_error *err)
{
    unsigned long long size = ZSTD_getFrameContentSize(store->frame.data, store->frame.size);
    if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN) {
        return weir_error_set(err, WEIR_CORRUPT, "object %s does not start as one", key);
    }
    if (size > bytes_max) {
        return weir_error_set(err, WEIR_BAD_RECORD, "object %s has %llu bytes, at most %zu", key,
                              size, bytes_max);
    }
    weir_buf_clear(&store->content);
    uint8_t *room = weir_buf_reserve(&store->content, (size_t)size + 1);
    size_t got = ZSTD_decompressDCtx(store->decompressor, room, (size_t)size, store->frame.data,
                                     store->frame.size);
    if (ZSTD_isError(got) || got != size) {
        return weir_error_set(err, WEIR_CORRUPT, "object %s: %s", key,
                              ZSTD_isError(got) ? ZSTD_getErrorName(got) : "it is cut short");
    }
    store->content.size = got;
    weir_buf read = store->content;
    store->content = *out; /* Its memory serves the next get. */
    *out = read;
    return WEIR_OK;
}

static weir_status file_store_get(weir_object_store *base, const char *key, size_t bytes_max,
                                  weir_buf *out_content, weir_error *err)
{
    file_store *store = file_store_of(base);
    WEIR_AUTO_FREE char *path = path_of(store, key);
    size_t frame_bytes_max = ZSTD_compressBound(WEIR_OBJECT_BYTES_MAX);
    WEIR_TRY(weir_file_read(path, frame_bytes_max, &store->frame, err));
    return decompress(store, key, bytes_max, out_content, err);
}

static weir_status file_store_remove(weir_object_store *base, const char *key, weir_error *err)
{
    WEIR_AUTO_FREE char *path = path_of(file_store_of(base), key);
    if (unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR) {
        return WEIR_OK;
    }
    return weir_error_set(err, WEIR_IO, "%s: %s", path, strerror(errno));
}

/* A list on its way: path grows and shrinks as it descends. */
typedef struct walk {
    const char *prefix;
    size_t root_bytes; /* Of path: the directory and its '/'. */
    weir_object_visit visit;
    void *user;
    bool stopped;
    weir_buf path;
} walk;

/* Names of a directory, those of directories with '/' at the end, which is also how they sort. */
typedef struct names {
    char **items;
    size_t count;
    size_t capacity;
} names;

static void names_cleanup(names *n)
{
    for (size_t i = 0; i < n->count; i++) {
        free(n->items[i]);
    }
    free(n->items);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool ends_in_tmp(const char *name)
{
    size_t length = strlen(name);
    return length >= 4 && strcmp(name + length - 4, ".tmp") == 0;
}

/* Some file systems leave it to stat what an entry is. */
static bool is_directory(DIR *parent, const struct dirent *entry)
{
    struct stat info;
    if (entry->d_type != DT_UNKNOWN) {
        return entry->d_type == DT_DIR;
    }
    return fstatat(dirfd(parent), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISDIR(info.st_mode);
}

/* Reads the names in path, sorted. */
static weir_status read_names(const char *path, names *out, weir_error *err)
{
    DIR *directory = opendir(path);
    if (directory == NULL) {
        return errno == ENOENT ? WEIR_OK
                               : weir_error_set(err, WEIR_IO, "%s: %s", path, strerror(errno));
    }
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        if (entry->d_name[0] == '.' || ends_in_tmp(entry->d_name) ||
            out->count == DIRECTORY_ENTRIES_MAX) {
            continue;
        }
        out->items = weir_grow(out->items, out->count, &out->capacity, sizeof *out->items);
        out->items[out->count++] =
            weir_format("%s%s", entry->d_name, is_directory(directory, entry) ? "/" : "");
    }
    closedir(directory);
    if (out->count > 0) {
        qsort(out->items, out->count, sizeof *out->items, compare_names);
    }
    return WEIR_OK;
}

/* Whether one of two texts is the start of the other: a directory that is on the way to prefix, or
 * a key below it. */
static bool agree(const char *key, const char *prefix)
{
    size_t a = strlen(key);
    size_t b = strlen(prefix);
    return strncmp(key, prefix, a < b ? a : b) == 0;
}

static weir_status walk_directory(walk *w, weir_error *err);

static weir_status walk_entry(walk *w, const char *name, weir_error *err)
{
    size_t bytes_before = w->path.size;
    weir_buf_append_text(&w->path, name);
    const char *key = weir_buf_text(&w->path) + w->root_bytes;
    bool is_directory = key[strlen(key) - 1] == '/';
    weir_status status = WEIR_OK;
    if (agree(key, w->prefix) && is_directory) {
        status = w->path.size - w->root_bytes <= WEIR_OBJECT_KEY_BYTES_MAX ? walk_directory(w, err)
                                                                           : WEIR_OK;
    } else if (strncmp(key, w->prefix, strlen(w->prefix)) == 0) {
        w->stopped = !w->visit(w->user, key);
    }
    w->path.size = bytes_before;
    return status;
}

/* Recursion is as deep as keys have parts: at most half of WEIR_OBJECT_KEY_BYTES_MAX. */
static weir_status walk_directory(walk *w, weir_error *err)
{
    WEIR_AUTO(names) n = {0};
    WEIR_TRY(read_names(weir_buf_text(&w->path), &n, err));
    for (size_t i = 0; i < n.count && !w->stopped; i++) {
        WEIR_TRY(walk_entry(w, n.items[i], err));
    }
    return WEIR_OK;
}

static weir_status file_store_list(weir_object_store *base, const char *prefix,
                                   weir_object_visit visit, void *user, weir_error *err)
{
    walk w = {.prefix = prefix, .visit = visit, .user = user};
    weir_buf_append_format(&w.path, "%s/", file_store_of(base)->directory);
    w.root_bytes = w.path.size;
    weir_status status = walk_directory(&w, err);
    weir_buf_cleanup(&w.path);
    return status;
}

static void file_store_free(weir_object_store *base)
{
    file_store *store = file_store_of(base);
    ZSTD_freeCCtx(store->compressor);
    ZSTD_freeDCtx(store->decompressor);
    weir_buf_cleanup(&store->frame);
    weir_buf_cleanup(&store->content);
    free(store->directory);
    free(store);
}

static const weir_object_store_ops file_store_ops = {
    .put = file_store_put,
    .get = file_store_get,
    .exists = file_store_exists,
    .remove = file_store_remove,
    .list = file_store_list,
    .free = file_store_free,
};

weir_status weir_object_store_file_open(const char *directory, bool sync,
                                        weir_object_store **out_store, weir_error *err)
{
    WEIR_ASSERT(directory != NULL);
    WEIR_ASSERT(out_store != NULL);
    WEIR_TRY(weir_directory_make(directory, err));
    file_store *store = weir_alloc(sizeof *store);
    store->base.ops = &file_store_ops;
    store->directory = weir_strdup(directory);
    store->sync = sync;
    store->compressor = ZSTD_createCCtx();
    store->decompressor = ZSTD_createDCtx();
    WEIR_ASSERT(store->compressor != NULL);
    WEIR_ASSERT(store->decompressor != NULL);
    size_t level =
        ZSTD_CCtx_setParameter(store->compressor, ZSTD_c_compressionLevel, COMPRESSION_LEVEL);
    size_t checksum = ZSTD_CCtx_setParameter(store->compressor, ZSTD_c_checksumFlag, 1);
    WEIR_ASSERT(!ZSTD_isError(level));
    WEIR_ASSERT(!ZSTD_isError(checksum));
    *out_store = &store->base;
    return WEIR_OK;
}
