/* SPDX-License-Identifier: Apache-2.0
 *
 * Window and TTL stores: key bytes, fetches, retention, expiry.
 */
#include "statestore/mem_store.h"
#include "statestore/ttl_store.h"
#include "statestore/window_store.h"
#include "tests/harness/check.h"

#include <stdio.h>
#include <string.h>

enum { RETENTION_MS = 1000 };

static weir_window_store *windows_new(weir_kv *kv, bool duplicates)
{
    weir_window_store_options options = {.retention_ms = RETENTION_MS,
                                         .retain_duplicates = duplicates};
    return weir_window_store_new(kv, &options);
}

static void put(weir_window_store *store, weir_bytes key, int64_t start_ms, const char *value)
{
    weir_error err = {0};
    CHECK_OK(weir_window_store_put(store, key, start_ms, weir_bytes_of_text(value), &err), &err);
}

/* Checks what a fetch gives, as "key@start=value " one after the other. */
static void check_fetch(weir_window_store *store, weir_window_range range, const char *wanted)
{
    weir_error err = {0};
    WEIR_AUTO(weir_buf) got = {0};
    WEIR_AUTO_PTR(weir_window_iterator) it = NULL;
    CHECK_OK(weir_window_store_fetch(store, &range, &it, &err), &err);
    weir_window_entry entry;
    weir_status status = weir_window_iterator_next(it, &entry, &err);
    for (; status == WEIR_OK; status = weir_window_iterator_next(it, &entry, &err)) {
        weir_buf_append(&got, entry.key.data, entry.key.size);
        weir_buf_append_format(&got, "@%lld=", (long long)entry.start_ms);
        weir_buf_append(&got, entry.value.data, entry.value.size);
        weir_buf_append_byte(&got, ' ');
    }
    CHECK_STATUS(status, WEIR_NOT_FOUND);
    CHECK_STR(weir_buf_text(&got), wanted);
}

TEST(window_key_is_that_of_kafka_streams)
{
    weir_error err = {0};
    weir_kv *kv = weir_mem_store_new("windows");
    WEIR_AUTO_PTR(weir_window_store) store = windows_new(kv, false);
    put(store, WEIR_BYTES("ab"), 0x0102, "v");
    WEIR_AUTO_PTR(weir_kv_iterator) it = NULL;
    weir_bytes key;
    weir_bytes value;
    CHECK_OK(weir_kv_range(kv, WEIR_BYTES_NULL, WEIR_BYTES_NULL, false, &it, &err), &err);
    CHECK_OK(weir_kv_iterator_next(it, &key, &value, &err), &err);
    CHECK_BYTES(key, WEIR_BYTES("ab\0\0\0\0\0\0\1\2\0\0\0\0"));
}

TEST(fetch_gives_the_windows_of_its_key_and_range_only)
{
    WEIR_AUTO_PTR(weir_window_store) store = windows_new(weir_mem_store_new("windows"), false);
    weir_bytes longer = WEIR_BYTES("a\0\0\0\0\0\0\0\x0c"); /* Lies among the windows of "a". */
    put(store, WEIR_BYTES("a"), 10, "1");
    put(store, WEIR_BYTES("a"), 20, "2");
    put(store, WEIR_BYTES("a"), 30, "3");
    put(store, longer, 20, "no");
    put(store, WEIR_BYTES("b"), 20, "4");
    check_fetch(store, (weir_window_range){WEIR_BYTES("a"), 10, 20, false}, "a@10=1 a@20=2 ");
    check_fetch(store, (weir_window_range){WEIR_BYTES("a"), -5, 100, true},
                "a@30=3 a@20=2 a@10=1 ");
    check_fetch(store, (weir_window_range){WEIR_BYTES("a"), 21, 29, false}, "");
    check_fetch(store, (weir_window_range){WEIR_BYTES("a"), 30, 10, false}, "");
    check_fetch(store, (weir_window_range){WEIR_BYTES_NULL, 21, 100, false}, "a@30=3 ");
}

TEST(fetches_within_a_fetch_and_after_one_that_was_left_give_their_own_windows)
{
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_window_store) store = windows_new(weir_mem_store_new("windows"), false);
    put(store, WEIR_BYTES("a"), 10, "1");
    put(store, WEIR_BYTES("a"), 20, "2");
    put(store, WEIR_BYTES("b"), 20, "3");
    const weir_window_range of_a = {WEIR_BYTES("a"), 0, 100, false};
    const weir_window_range of_b = {WEIR_BYTES("b"), 0, 100, true};
    for (int i = 0; i < 3; i++) {
        WEIR_AUTO_PTR(weir_window_iterator) outer = NULL;
        CHECK_OK(weir_window_store_fetch(store, &of_a, &outer, &err), &err);
        weir_window_entry entry;
        CHECK_OK(weir_window_iterator_next(outer, &entry, &err), &err);
        check_fetch(store, of_b, "b@20=3 ");
        check_fetch(store, of_a, "a@10=1 a@20=2 ");
        CHECK_BYTES(entry.value, WEIR_BYTES("1"));
        if (i < 2) {
            continue; /* It is closed before its end. */
        }
        CHECK_OK(weir_window_iterator_next(outer, &entry, &err), &err);
        CHECK_BYTES(entry.value, WEIR_BYTES("2"));
        CHECK_STATUS(weir_window_iterator_next(outer, &entry, &err), WEIR_NOT_FOUND);
        CHECK_STATUS(weir_window_iterator_next(outer, &entry, &err), WEIR_NOT_FOUND);
    }
}

TEST(windows_past_the_retention_are_taken_where_several_write)
{
    weir_error err = {0};
    const weir_window_store_options options = {
        .retention_ms = RETENTION_MS, .takes_expired = true, .shows_expired = true};
    WEIR_AUTO_PTR(weir_window_store)
    store = weir_window_store_new(weir_mem_store_new("windows"), &options);
    put(store, WEIR_BYTES("a"), 100000, "late");
    put(store, WEIR_BYTES("a"), 10, "1");
    check_fetch(store, (weir_window_range){WEIR_BYTES("a"), 0, 100, false}, "a@10=1 ");
    WEIR_AUTO(weir_buf) value = {0};
    CHECK_OK(weir_window_store_get(store, WEIR_BYTES("a"), 10, &value, &err), &err);
    size_t removed = 0;
    CHECK_OK(weir_window_store_expire(store, 100, &removed, &err), &err);
    CHECK_I64(removed, ==, 1);
}

TEST(window_is_overwritten_and_removed)
{
    weir_error err = {0};
    WEIR_AUTO(weir_buf) value = {0};
    WEIR_AUTO_PTR(weir_window_store) store = windows_new(weir_mem_store_new("windows"), false);
    put(store, WEIR_BYTES("a"), 10, "1");
    put(store, WEIR_BYTES("a"), 10, "2");
    CHECK_OK(weir_window_store_get(store, WEIR_BYTES("a"), 10, &value, &err), &err);
    CHECK_BYTES(weir_buf_bytes(&value), WEIR_BYTES("2"));
    CHECK_OK(weir_window_store_put(store, WEIR_BYTES("a"), 10, WEIR_BYTES_NULL, &err), &err);
    CHECK_STATUS(weir_window_store_get(store, WEIR_BYTES("a"), 10, &value, &err), WEIR_NOT_FOUND);
    CHECK_STATUS(weir_window_store_put(store, WEIR_BYTES("a"), -1, WEIR_BYTES(""), &err),
                 WEIR_BAD_RECORD);
}

TEST(duplicates_are_kept_in_the_order_of_puts)
{
    weir_error err = {0};
    WEIR_AUTO(weir_buf) value = {0};
    WEIR_AUTO_PTR(weir_window_store) store = windows_new(weir_mem_store_new("windows"), true);
    put(store, WEIR_BYTES("a"), 10, "1");
    put(store, WEIR_BYTES("a"), 10, "2");
    CHECK_OK(weir_window_store_put(store, WEIR_BYTES("a"), 10, WEIR_BYTES_NULL, &err), &err);
    CHECK_I64(weir_window_store_sequence(store), ==, 3);
    check_fetch(store, (weir_window_range){WEIR_BYTES("a"), 10, 10, false}, "a@10=1 a@10=2 ");
    CHECK_OK(weir_window_store_get(store, WEIR_BYTES("a"), 10, &value, &err), &err);
    CHECK_BYTES(weir_buf_bytes(&value), WEIR_BYTES("1"));
}

TEST(expired_windows_are_not_taken_not_shown_and_then_removed)
{
    weir_error err = {0};
    WEIR_AUTO(weir_buf) value = {0};
    weir_kv *kv = weir_mem_store_new("windows");
    WEIR_AUTO_PTR(weir_window_store) store = windows_new(kv, false);
    size_t removed;
    put(store, WEIR_BYTES("a"), 0, "old");
    put(store, WEIR_BYTES("b"), 1, "live");
    put(store, WEIR_BYTES("c"), RETENTION_MS, "new");
    CHECK_STATUS(weir_window_store_put(store, WEIR_BYTES("a"), 0, WEIR_BYTES("late"), &err),
                 WEIR_NOT_FOUND);
    CHECK_STATUS(weir_window_store_get(store, WEIR_BYTES("a"), 0, &value, &err), WEIR_NOT_FOUND);
    check_fetch(store, (weir_window_range){WEIR_BYTES_NULL, 0, 5000, false},
                "b@1=live c@1000=new ");
    size_t total = 0;
    for (int i = 0; i < 5; i++) {
        CHECK_OK(weir_window_store_expire(store, 2, &removed, &err), &err);
        total += removed;
    }
    CHECK_I64(total, ==, 1);
    CHECK_I64(weir_kv_approximate_count(kv), ==, 2);
    weir_window_store_observe(store, 60000);
    CHECK_OK(weir_window_store_expire(store, 100, &removed, &err), &err);
    CHECK_I64(removed, ==, 0); /* Not more than a pass a minute. */
    weir_window_store_observe(store, RETENTION_MS + 60000);
    weir_window_store_observe(store, 5);
    CHECK_OK(weir_window_store_expire(store, 100, &removed, &err), &err);
    CHECK_I64(removed, ==, 2);
    CHECK_I64(weir_kv_approximate_count(kv), ==, 0);
}

TEST(window_at_the_end_of_time_expires_the_others)
{
    weir_error err = {0};
    weir_kv *kv = weir_mem_store_new("windows");
    WEIR_AUTO_PTR(weir_window_store) store = windows_new(kv, false);
    size_t removed = 0;
    put(store, WEIR_BYTES("a"), 0, "old");
    put(store, WEIR_BYTES("b"), INT64_MAX, "last");
    CHECK_OK(weir_window_store_expire(store, 10, &removed, &err), &err);
    CHECK_I64(removed, ==, 1);
    CHECK_I64(weir_kv_approximate_count(kv), ==, 1);
}

/* TTL. */

typedef struct ttl_fixture {
    weir_kv *rows;
    weir_kv *index;
    weir_ttl_store *store;
    weir_error err;
} ttl_fixture;

static ttl_fixture ttl_fixture_start(void)
{
    ttl_fixture f = {.rows = weir_mem_store_new("rows"), .index = weir_mem_store_new("index")};
    f.store = weir_ttl_store_new(f.rows, f.index);
    return f;
}

static void ttl_fixture_cleanup(ttl_fixture *f)
{
    weir_ttl_store_free(f->store);
}

TEST(key_ends_at_its_due_time_and_its_row_is_really_removed)
{
    WEIR_AUTO(ttl_fixture) f = ttl_fixture_start();
    WEIR_AUTO(weir_buf) value = {0};
    size_t removed;
    CHECK_OK(weir_ttl_store_put(f.store, WEIR_BYTES("a"), WEIR_BYTES("1"), 10, &f.err), &f.err);
    CHECK_OK(weir_ttl_store_put(f.store, WEIR_BYTES("b"), WEIR_BYTES("2"), 20, &f.err), &f.err);
    CHECK_OK(weir_ttl_store_get(f.store, WEIR_BYTES("a"), 9, &value, &f.err), &f.err);
    CHECK_BYTES(weir_buf_bytes(&value), WEIR_BYTES("1"));
    CHECK_STATUS(weir_ttl_store_get(f.store, WEIR_BYTES("a"), 10, &value, &f.err), WEIR_NOT_FOUND);
    CHECK_OK(weir_ttl_store_expire(f.store, 10, 100, &removed, &f.err), &f.err);
    CHECK_I64(removed, ==, 1);
    CHECK_STATUS(weir_kv_get(f.rows, WEIR_BYTES("a"), &value, &f.err), WEIR_NOT_FOUND);
    CHECK_OK(weir_kv_get(f.rows, WEIR_BYTES("b"), &value, &f.err), &f.err);
    CHECK_OK(weir_ttl_store_remove(f.store, WEIR_BYTES("b"), &f.err), &f.err);
    CHECK_I64(weir_kv_approximate_count(f.index), ==, 0);
}

TEST(new_due_time_replaces_the_old_one)
{
    WEIR_AUTO(ttl_fixture) f = ttl_fixture_start();
    WEIR_AUTO(weir_buf) value = {0};
    size_t removed;
    CHECK_OK(weir_ttl_store_put(f.store, WEIR_BYTES("a"), WEIR_BYTES("1"), 10, &f.err), &f.err);
    CHECK_OK(weir_ttl_store_put(f.store, WEIR_BYTES("a"), WEIR_BYTES("2"), 50, &f.err), &f.err);
    CHECK_OK(weir_ttl_store_expire(f.store, 49, 100, &removed, &f.err), &f.err);
    CHECK_I64(removed, ==, 0);
    CHECK_OK(weir_ttl_store_get(f.store, WEIR_BYTES("a"), 49, &value, &f.err), &f.err);
    CHECK_I64(weir_kv_approximate_count(f.index), ==, 2);
}

TEST(expiry_takes_the_earliest_first_and_keeps_to_its_slice)
{
    WEIR_AUTO(ttl_fixture) f = ttl_fixture_start();
    WEIR_AUTO(weir_buf) value = {0};
    size_t removed;
    for (int i = 0; i < 10; i++) {
        WEIR_AUTO_FREE char *key = weir_format("key-%d", i);
        CHECK_OK(
            weir_ttl_store_put(f.store, weir_bytes_of_text(key), WEIR_BYTES("v"), 100 - i, &f.err),
            &f.err);
    }
    CHECK_OK(weir_ttl_store_expire(f.store, 1000, 4, &removed, &f.err), &f.err);
    CHECK_I64(removed, ==, 4);
    CHECK_STATUS(weir_kv_get(f.rows, WEIR_BYTES("key-6"), &value, &f.err), WEIR_NOT_FOUND);
    CHECK_OK(weir_kv_get(f.rows, WEIR_BYTES("key-5"), &value, &f.err), &f.err);
    CHECK_OK(weir_ttl_store_expire(f.store, 1000, 100, &removed, &f.err), &f.err);
    CHECK_I64(removed, ==, 6);
    CHECK_I64(weir_kv_approximate_count(f.rows), ==, 0);
    CHECK_I64(weir_kv_approximate_count(f.index), ==, 0);
}
