/* SPDX-License-Identifier: Apache-2.0
 *
 * object_store.h - immutable bytes under keys: page bodies, texts, snapshots. Topics carry the
 * keys.
 *
 * A key names its content ("raw/3f/3fa9….zst"), so that putting twice is harmless and a replay
 * changes nothing. Callers use weir_object_*(), which checks the contract once; object_store_file.c
 * keeps files.
 *
 * Keys       1 to WEIR_OBJECT_KEY_BYTES_MAX bytes of A-Z a-z 0-9 . _ - and '/' between parts that
 *            are not empty and do not start with '.'; the end is not ".tmp". Others are
 *            WEIR_BAD_RECORD, for keys come out of records.
 * Ownership  Arguments are borrowed for the call.
 * Errors     base/status.h; what is neither OK nor NOT_FOUND fills *err, unless NULL.
 * Threads    One at a time per store; several stores may share a directory.
 */
#ifndef WEIR_CONNECTORS_OBJECT_STORE_H
#define WEIR_CONNECTORS_OBJECT_STORE_H

#include "streams/base/bytes.h"
#include "streams/base/status.h"

enum {
    WEIR_OBJECT_KEY_BYTES_MAX = 512,
    WEIR_OBJECT_BYTES_MAX = 64 << 20, /* Of a content, not compressed. */
};

typedef struct weir_object_store weir_object_store;

/* Replaces *out_key by "<kind>/<hash[0:2]>/<hash>.zst": where content with that hash (hex, at least
 * two digits) is kept. */
void weir_object_key(const char *kind, const char *hash, weir_buf *out_key);

/* Puts content under key unless something is there already, which is left as it is. WEIR_BAD_RECORD
 * for more than WEIR_OBJECT_BYTES_MAX. */
weir_status weir_object_put(weir_object_store *store, const char *key, weir_bytes content,
                            weir_error *err);

/* Replaces *out_content. WEIR_NOT_FOUND; WEIR_BAD_RECORD where there are more than bytes_max;
 * WEIR_CORRUPT where it is not what was put: remove it, and put it again. */
weir_status weir_object_get(weir_object_store *store, const char *key, size_t bytes_max,
                            weir_buf *out_content, weir_error *err);

/* WEIR_OK where there is such an object, else WEIR_NOT_FOUND. */
weir_status weir_object_exists(weir_object_store *store, const char *key, weir_error *err);

/* WEIR_OK whether or not it was there. */
weir_status weir_object_remove(weir_object_store *store, const char *key, weir_error *err);

/* Called for each key of a list; false ends it. */
typedef bool (*weir_object_visit)(void *user, const char *key);

/* Visits the keys that start with prefix (any text; "" for all), in byte order. What is put or
 * removed meanwhile may be seen or not. */
weir_status weir_object_list(weir_object_store *store, const char *prefix, weir_object_visit visit,
                             void *user, weir_error *err);

void weir_object_store_free(weir_object_store *store); /* NULL is fine. */
WEIR_DEFINE_AUTO_PTR(weir_object_store);

/* Opens a store of files below directory, which is made if need be. With sync, a put is on disk
 * when it returns; without, an object may be missing or corrupt after the machine lost power,
 * which a reader is told. */
weir_status weir_object_store_file_open(const char *directory, bool sync,
                                        weir_object_store **out_store, weir_error *err);

/* For those who write a store: weir_object_store is the first member of the store's own struct. */
typedef struct weir_object_store_ops {
    weir_status (*put)(weir_object_store *store, const char *key, weir_bytes content,
                       weir_error *err);
    weir_status (*get)(weir_object_store *store, const char *key, size_t bytes_max,
                       weir_buf *out_content, weir_error *err);
    weir_status (*exists)(weir_object_store *store, const char *key, weir_error *err);
    weir_status (*remove)(weir_object_store *store, const char *key, weir_error *err);
    weir_status (*list)(weir_object_store *store, const char *prefix, weir_object_visit visit,
                        void *user, weir_error *err);
    void (*free)(weir_object_store *store);
} weir_object_store_ops;

struct weir_object_store {
    const weir_object_store_ops *ops; /* Every member is set; static storage. */
};

#endif
