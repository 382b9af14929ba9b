/* SPDX-License-Identifier: Apache-2.0
 *
 * changelog_record.c - keys by the kind of store, as statestore/ writes them. What a value means is
 * known to processors alone, but for the chunks of a bitmap.
 */
#include "streams/changelog_record.h"

#include "statestore/bitmap_store.h"
#include "statestore/session_store.h"
#include "statestore/window_store.h"
#include "streams/base/serde.h"
#include "streams/term.h"

static weir_status refuse_key(const char *what, size_t size, int at_least, weir_error *err)
{
    return weir_error_set(err, WEIR_BAD_RECORD, "a %s key of %zu bytes, at least %d", what, size,
                          at_least);
}

static weir_status check_window_key(weir_bytes key, weir_error *err)
{
    if (key.size < WEIR_WINDOW_SUFFIX_BYTES) {
        return refuse_key("window", key.size, WEIR_WINDOW_SUFFIX_BYTES, err);
    }
    int64_t start_ms = weir_window_key_of(key).start_ms;
    return start_ms >= 0 ? WEIR_OK
                         : weir_error_set(err, WEIR_BAD_RECORD, "a window that starts at %lld ms",
                                          (long long)start_ms);
}

static weir_status check_session_key(weir_bytes key, weir_error *err)
{
    weir_session session = {0};
    if (!weir_session_of(key, &session)) {
        return refuse_key("session", key.size, WEIR_SESSION_SUFFIX_BYTES, err);
    }
    return session.start_ms >= 0 && session.end_ms >= session.start_ms
               ? WEIR_OK
               : weir_error_set(err, WEIR_BAD_RECORD, "a session from %lld to %lld ms",
                                (long long)session.start_ms, (long long)session.end_ms);
}

static weir_status check_key(weir_store_kind kind, weir_bytes key, weir_error *err)
{
    if (key.data == NULL) {
        return weir_error_set(err, WEIR_BAD_RECORD, "it has no key");
    }
    if (key.size > WEIR_KV_KEY_BYTES_MAX) {
        return weir_error_set(err, WEIR_BAD_RECORD, "a key of %zu bytes, at most %d", key.size,
                              WEIR_KV_KEY_BYTES_MAX);
    }
    switch (kind) {
    case WEIR_STORE_WINDOW:
        return check_window_key(key, err);
    case WEIR_STORE_SESSION:
        return check_session_key(key, err);
    case WEIR_STORE_KEY_VALUE:
    case WEIR_STORE_TTL:
    case WEIR_STORE_TIMERS:
    case WEIR_STORE_BITMAP:
    case WEIR_STORE_VERSIONED:
        break;
    }
    return WEIR_OK;
}

weir_status weir_changelog_record_check(weir_store_kind kind, const weir_record *record,
                                        weir_error *err)
{
    WEIR_TRY(check_key(kind, record->key, err));
    if (record->value.size > WEIR_KV_VALUE_BYTES_MAX) {
        return weir_error_set(err, WEIR_BAD_RECORD, "a value of %zu bytes, at most %d",
                              record->value.size, WEIR_KV_VALUE_BYTES_MAX);
    }
    if (kind == WEIR_STORE_VERSIONED &&
        (record->timestamp_ms < 0 ||
         record->key.size > WEIR_KV_KEY_BYTES_MAX - WEIR_VERSION_OVERHEAD_BYTES)) {
        return weir_error_set(err, WEIR_BAD_RECORD, "a version at %lld ms of a key of %zu bytes",
                              (long long)record->timestamp_ms, record->key.size);
    }
    if (kind == WEIR_STORE_BITMAP) {
        WEIR_TRY(weir_bitmap_store_check(record->key, record->value, err));
    }
    return weir_term_check(record, err);
}
