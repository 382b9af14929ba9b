/* SPDX-License-Identifier: Apache-2.0
 *
 * object_store.c - the front door of every object store: keys and sizes are checked here.
 *
 * A key becomes a path or a part of a URL further down, hence the narrow alphabet: no "..", no
 * hidden file, nothing that must be escaped.
 */
#include "connectors/object_store.h"

#include <string.h>

static bool is_key_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-' || c == '/';
}

static bool is_valid_key(const char *key)
{
    size_t length = strlen(key);
    if (length == 0 || length > WEIR_OBJECT_KEY_BYTES_MAX || key[length - 1] == '/') {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        bool starts_part = i == 0 || key[i - 1] == '/';
        if (!is_key_character(key[i]) || (starts_part && (key[i] == '/' || key[i] == '.'))) {
            return false;
        }
    }
    return length < 4 || strcmp(key + length - 4, ".tmp") != 0;
}

static weir_status check_key(const char *key, weir_error *err)
{
    WEIR_ASSERT(key != NULL);
    if (is_valid_key(key)) {
        return WEIR_OK;
    }
    return weir_error_set(err, WEIR_BAD_RECORD, "'%.100s' is no key of an object", key);
}

void weir_object_key(const char *kind, const char *hash, weir_buf *out_key)
{
    WEIR_ASSERT(strlen(hash) >= 2);
    weir_buf_clear(out_key);
    weir_buf_append_format(out_key, "%s/%.2s/%s.zst", kind, hash, hash);
    WEIR_ASSERT(is_valid_key(weir_buf_text(out_key)));
}

weir_status weir_object_put(weir_object_store *store, const char *key, weir_bytes content,
                            weir_error *err)
{
    WEIR_ASSERT(store != NULL);
    WEIR_ASSERT(content.data != NULL);
    WEIR_TRY(check_key(key, err));
    if (content.size > WEIR_OBJECT_BYTES_MAX) {
        return weir_error_set(err, WEIR_BAD_RECORD, "%s: object of %zu bytes, at most %d", key,
                              content.size, WEIR_OBJECT_BYTES_MAX);
    }
    return store->ops->put(store, key, content, err);
}

weir_status weir_object_get(weir_object_store *store, const char *key, size_t bytes_max,
                            weir_buf *out_content, weir_error *err)
{
    WEIR_ASSERT(store != NULL);
    WEIR_ASSERT(out_content != NULL);
    WEIR_TRY(check_key(key, err));
    size_t limit = bytes_max < WEIR_OBJECT_BYTES_MAX ? bytes_max : WEIR_OBJECT_BYTES_MAX;
    return store->ops->get(store, key, limit, out_content, err);
}

weir_status weir_object_exists(weir_object_store *store, const char *key, weir_error *err)
{
    WEIR_ASSERT(store != NULL);
    WEIR_TRY(check_key(key, err));
    return store->ops->exists(store, key, err);
}

weir_status weir_object_remove(weir_object_store *store, const char *key, weir_error *err)
{
    WEIR_ASSERT(store != NULL);
    WEIR_TRY(check_key(key, err));
    return store->ops->remove(store, key, err);
}

weir_status weir_object_list(weir_object_store *store, const char *prefix, weir_object_visit visit,
                             void *user, weir_error *err)
{
    WEIR_ASSERT(store != NULL);
    WEIR_ASSERT(prefix != NULL);
    WEIR_ASSERT(visit != NULL);
    return store->ops->list(store, prefix, visit, user, err);
}

void weir_object_store_free(weir_object_store *store)
{
    if (store != NULL) {
        store->ops->free(store);
    }
}
