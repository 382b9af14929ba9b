/* SPDX-License-Identifier: Apache-2.0
 *
 * kv_store.h - the state of one task: keys to values, both plain bytes, in the order of keys.
 *
 * Callers use weir_kv_*(), which checks the contract once for every store. Engines (mem_store.c,
 * rocksdb_store.c) and wrappers around them (staged.c, changelog_store.c, …) fill weir_kv_ops.
 *
 * Ownership  Arguments are borrowed for the call; a store copies what it keeps.
 * Errors     base/status.h. Whatever is neither OK nor NOT_FOUND also fills *err, unless NULL.
 *            out_ arguments are written on WEIR_OK only.
 * Threads    Only the thread that runs the task. Queries come to it by mailbox (streams/query.h).
 */
#ifndef WEIR_STATESTORE_KV_STORE_H
#define WEIR_STATESTORE_KV_STORE_H

#include "streams/base/bytes.h"
#include "streams/base/status.h"

/* Keys and values come from the web: longer ones are WEIR_BAD_RECORD, not failed assertions. */
enum {
    WEIR_KV_KEY_BYTES_MAX = 64 << 10,
    WEIR_KV_VALUE_BYTES_MAX = 16 << 20,
    WEIR_KV_COUNT_EXACT_MAX = 10000,
};

typedef struct weir_kv weir_kv;
typedef struct weir_kv_iterator weir_kv_iterator;

/* Copies the value of key into *out_value, replacing its content; the buffer stays the caller's,
 * to reuse for the next call. WEIR_NOT_FOUND when there is no such key. */
weir_status weir_kv_get(weir_kv *kv, weir_bytes key, weir_buf *out_value, weir_error *err);

/* Sets the value of key. An empty value is a value too: it does not remove the key. */
weir_status weir_kv_put(weir_kv *kv, weir_bytes key, weir_bytes value, weir_error *err);

/* Removes key. WEIR_OK whether or not it was there, so that replaying a removal is harmless. */
weir_status weir_kv_remove(weir_kv *kv, weir_bytes key, weir_error *err);

/* Walks the keys from <= key < to in ascending order, or backwards from the last of them. Null
 * bytes leave that end open. A write while the iterator is open is allowed; whether the walk sees
 * it is unspecified. */
weir_status weir_kv_range(weir_kv *kv, weir_bytes from, weir_bytes to, bool backwards,
                          weir_kv_iterator **out_iterator, weir_error *err);

/* The keys that begin with prefix, ascending. */
weir_status weir_kv_prefix(weir_kv *kv, weir_bytes prefix, weir_kv_iterator **out_iterator,
                           weir_error *err);

/* The next entry; WEIR_NOT_FOUND at the end. Key and value are borrowed until the next call. */
weir_status weir_kv_iterator_next(weir_kv_iterator *iterator, weir_bytes *out_key,
                                  weir_bytes *out_value, weir_error *err);

/* Closes the iterator, which must not outlive its store; NULL is fine. */
void weir_kv_iterator_free(weir_kv_iterator *iterator);
WEIR_DEFINE_AUTO_PTR(weir_kv_iterator);

/* A look at all keys in no order, a slice at a time; writes may come in between. All-zero but for
 * the first two it is at its beginning. */
typedef struct weir_kv_scan {
    /* May remove key, which is borrowed for the call; what fails ends the slice. */
    weir_status (*visit)(void *user, weir_bytes key, weir_error *err);
    void *user;
    bool is_done; /* Each key that was there at its beginning has been visited, or removed. */
    size_t slot;  /* Where it goes on is the store's: a place in a table of that capacity … */
    size_t capacity;
    bool is_below; /* … or, below it, behind the last key. */
    weir_buf last;
} weir_kv_scan;

/* Looks at some slice_max keys (a few more, or one twice, where a store must). */
weir_status weir_kv_scan_slice(weir_kv *kv, weir_kv_scan *scan, size_t slice_max, weir_error *err);

/* At the beginning again. */
void weir_kv_scan_restart(weir_kv_scan *scan);
void weir_kv_scan_cleanup(weir_kv_scan *scan);

/* key will be read soon: what is in memory of its row is fetched into the processor's cache, as the
 * next few are expected. */
void weir_kv_expect(weir_kv *kv, weir_bytes key);

/* Entries: exact up to WEIR_KV_COUNT_EXACT_MAX, for which it walks them, estimated above. For
 * people and metrics, not for each record. */
uint64_t weir_kv_approximate_count(weir_kv *kv);

/* Closes the store without flushing, and frees it. NULL is fine. */
void weir_kv_free(weir_kv *kv);
WEIR_DEFINE_AUTO_PTR(weir_kv);

/* For those who write a store: weir_kv is the first member of the store's own struct. */
typedef struct weir_kv_ops {
    weir_status (*get)(weir_kv *kv, weir_bytes key, weir_buf *out_value, weir_error *err);
    weir_status (*put)(weir_kv *kv, weir_bytes key, weir_bytes value, weir_error *err);
    weir_status (*remove)(weir_kv *kv, weir_bytes key, weir_error *err);
    weir_status (*range)(weir_kv *kv, weir_bytes from, weir_bytes to, bool backwards,
                         weir_kv_iterator **out_iterator, weir_error *err);
    uint64_t (*approximate_count)(weir_kv *kv);
    void (*free)(weir_kv *kv);
    /* NULL: reads are as fast without. */
    void (*expect)(weir_kv *kv, weir_bytes key);
    /* NULL: in the order of keys, by range. */
    weir_status (*scan_slice)(weir_kv *kv, weir_kv_scan *scan, size_t slice_max, weir_error *err);
} weir_kv_ops;

struct weir_kv {
    const weir_kv_ops *ops; /* Static storage. */
    const char *name;       /* For messages and metrics; outlives the store. */
};

typedef struct weir_kv_iterator_ops {
    weir_status (*next)(weir_kv_iterator *iterator, weir_bytes *out_key, weir_bytes *out_value,
                        weir_error *err);
    void (*free)(weir_kv_iterator *iterator);
} weir_kv_iterator_ops;

struct weir_kv_iterator {
    const weir_kv_iterator_ops *ops;
};

#endif
