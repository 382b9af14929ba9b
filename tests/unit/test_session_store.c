/* SPDX-License-Identifier: Apache-2.0
 *
 * Session stores: key bytes, which sessions are found, and which are forgotten.
 */
#include "statestore/mem_store.h"
#include "statestore/session_store.h"
#include "tests/harness/check.h"

#include <string.h>

enum { RETENTION_MS = 1000, SEGMENT_MS = 60000 };

typedef struct fixture {
    weir_kv *kv;
    weir_session_store *store;
    weir_error err;
} fixture;

static void fixture_cleanup(fixture *f)
{
    weir_session_store_free(f->store);
}

static fixture begin(int64_t stream_time_ms)
{
    fixture f = {.kv = weir_mem_store_new("sessions")};
    f.store = weir_session_store_new(f.kv, RETENTION_MS, stream_time_ms);
    return f;
}

static void put(fixture *f, const char *key, int64_t start_ms, int64_t end_ms, const char *value)
{
    const weir_session session = {weir_bytes_of_text(key), start_ms, end_ms};
    CHECK_OK(weir_session_store_put(f->store, &session, weir_bytes_of_text(value), &f->err),
             &f->err);
}

/* Checks what a search finds, as "key@start/end=value " one after the other. */
static void check_find(fixture *f, const char *key, int64_t earliest_end_ms,
                       int64_t latest_start_ms, const char *wanted)
{
    WEIR_AUTO(weir_buf) got = {0};
    WEIR_AUTO_PTR(weir_session_iterator) it = NULL;
    CHECK_OK(weir_session_store_find(f->store, weir_bytes_of_text(key), earliest_end_ms,
                                     latest_start_ms, &it, &f->err),
             &f->err);
    weir_session session = {0};
    weir_bytes value = {0};
    weir_status status = WEIR_OK;
    while ((status = weir_session_iterator_next(it, &session, &value, &f->err)) == WEIR_OK) {
        weir_buf_append_format(&got, "%.*s@%lld/%lld=%.*s ", (int)session.key.size,
                               (const char *)session.key.data, (long long)session.start_ms,
                               (long long)session.end_ms, (int)value.size,
                               (const char *)value.data);
    }
    CHECK_STATUS(status, WEIR_NOT_FOUND);
    CHECK_STR(weir_buf_text(&got), wanted);
}

TEST(session_key_is_that_of_kafka_streams)
{
    WEIR_AUTO(fixture) f = begin(-1);
    put(&f, "ab", 0x0102, 0x0304, "v");
    WEIR_AUTO_PTR(weir_kv_iterator) it = NULL;
    weir_bytes key;
    weir_bytes value;
    CHECK_OK(weir_kv_range(f.kv, WEIR_BYTES_NULL, WEIR_BYTES_NULL, false, &it, &f.err), &f.err);
    CHECK_OK(weir_kv_iterator_next(it, &key, &value, &f.err), &f.err);
    CHECK_BYTES(key, WEIR_BYTES("ab\0\0\0\0\0\0\3\4\0\0\0\0\0\0\1\2"));
}

TEST(sessions_that_touch_a_time_are_found_in_the_order_of_their_ends)
{
    WEIR_AUTO(fixture) f = begin(-1);
    put(&f, "a", 100, 200, "1");
    put(&f, "a", 300, 300, "2");
    put(&f, "a", 50, 350, "3");
    put(&f, "aa", 300, 310, "other");
    check_find(&f, "a", 200, 300, "a@100/200=1 a@300/300=2 a@50/350=3 ");
    check_find(&f, "a", 201, 299, "a@50/350=3 ");
    check_find(&f, "b", 0, 1000, "");
}

TEST(searches_within_a_search_and_after_one_that_was_left_find_their_own_sessions)
{
    WEIR_AUTO(fixture) f = begin(-1);
    put(&f, "a", 100, 200, "1");
    put(&f, "a", 300, 300, "2");
    put(&f, "b", 150, 150, "3");
    for (int i = 0; i < 3; i++) {
        WEIR_AUTO_PTR(weir_session_iterator) outer = NULL;
        CHECK_OK(weir_session_store_find(f.store, WEIR_BYTES("a"), 0, 1000, &outer, &f.err),
                 &f.err);
        weir_session session = {0};
        weir_bytes value = {0};
        CHECK_OK(weir_session_iterator_next(outer, &session, &value, &f.err), &f.err);
        check_find(&f, "b", 0, 1000, "b@150/150=3 ");
        check_find(&f, "a", 250, 1000, "a@300/300=2 ");
        CHECK_BYTES(value, WEIR_BYTES("1"));
        if (i > 0) {
            CHECK_OK(weir_session_iterator_next(outer, &session, &value, &f.err), &f.err);
            CHECK_BYTES(value, WEIR_BYTES("2"));
        }
    }
}

TEST(session_is_removed_by_a_null_value)
{
    WEIR_AUTO(fixture) f = begin(-1);
    put(&f, "a", 100, 200, "1");
    put(&f, "a", 100, 200, NULL);
    check_find(&f, "a", 0, 1000, "");
    WEIR_AUTO(weir_buf) value = {0};
    const weir_session session = {WEIR_BYTES("a"), 100, 200};
    CHECK_STATUS(weir_session_store_get(f.store, &session, &value, &f.err), WEIR_NOT_FOUND);
}

TEST(session_shows_for_a_segment_longer_than_its_retention)
{
    WEIR_AUTO(fixture) f = begin(-1);
    put(&f, "a", 100, 200, "1");
    put(&f, "b", 200 + RETENTION_MS + SEGMENT_MS - 1, 200 + RETENTION_MS + SEGMENT_MS - 1, "2");
    check_find(&f, "a", 0, 1000, "a@100/200=1 ");
    put(&f, "b", 200 + RETENTION_MS + SEGMENT_MS, 200 + RETENTION_MS + SEGMENT_MS, "3");
    check_find(&f, "a", 0, 1000, "");
    const weir_session late = {WEIR_BYTES("a"), 150, 200};
    CHECK_STATUS(weir_session_store_put(f.store, &late, WEIR_BYTES("x"), &f.err), WEIR_NOT_FOUND);
    size_t removed = 0;
    CHECK_OK(weir_session_store_expire(f.store, 100, &removed, &f.err), &f.err);
    CHECK_I64(removed, ==, 1);
}

TEST(session_past_its_retention_is_hidden_where_no_cache_would_show_it)
{
    WEIR_AUTO(fixture) f = begin(-1);
    weir_session_store_hide_past_retention(f.store);
    put(&f, "a", 100, 200, "1");
    put(&f, "b", 200 + RETENTION_MS - 1, 200 + RETENTION_MS - 1, "2");
    check_find(&f, "a", 0, 1000, "a@100/200=1 ");
    put(&f, "b", 200 + RETENTION_MS, 200 + RETENTION_MS, "3");
    check_find(&f, "a", 0, 1000, "");
    const weir_session late = {WEIR_BYTES("a"), 150, 200};
    CHECK_OK(weir_session_store_put(f.store, &late, WEIR_BYTES("x"), &f.err), &f.err);
}

/* The key of the row of the session of "a" from 100 to 200. */
static weir_bytes key_of_a(void)
{
    return WEIR_BYTES("a\0\0\0\0\0\0\0\xc8\0\0\0\0\0\0\0d");
}

TEST(session_past_its_retention_does_not_come_back_with_the_task)
{
    WEIR_AUTO(fixture) f = begin(-1);
    put(&f, "a", 100, 200, "1");
    put(&f, "a", 1500, 1500, "2");
    check_find(&f, "a", 0, 2000, "a@100/200=1 a@1500/1500=2 ");
    WEIR_AUTO(fixture) later = begin(1500);
    put(&later, "a", 1500, 1500, "2");
    CHECK_OK(weir_kv_put(later.kv, key_of_a(), WEIR_BYTES("1"), &later.err), &later.err);
    check_find(&later, "a", 0, 2000, "a@1500/1500=2 ");
}

TEST(session_past_its_retention_is_taken_after_a_restart_as_before)
{
    WEIR_AUTO(fixture) f = begin(1500);
    put(&f, "a", 100, 200, "1");
    WEIR_AUTO(weir_buf) value = {0};
    CHECK_OK(weir_kv_get(f.kv, key_of_a(), &value, &f.err), &f.err);
    check_find(&f, "a", 0, 2000, "");
}

TEST(removal_counts_until_a_session_that_ends_a_retention_later_was_let_go)
{
    static const char removed[] = "a\0\0\0\0\0\0\4\xb0\0\0\0\0\0\0\0d"; /* To 1200. */
    static const char younger[] = "a\0\0\0\0\0\0\4\xaf\0\0\0\0\0\0\0d"; /* To 1199. */
    WEIR_AUTO(fixture) f = begin(-1);
    put(&f, "a", 100, 200, NULL);
    put(&f, "a", 100, 200 + RETENTION_MS, "2"); /* The cache has both, and lets them go in turn. */
    CHECK(weir_session_store_let_go(f.store, key_of_a(), true));
    CHECK(weir_session_store_let_go(f.store, weir_bytes_of(younger, 17), false));
    CHECK(weir_session_store_let_go(f.store, key_of_a(), true));
    CHECK(weir_session_store_let_go(f.store, weir_bytes_of(removed, 17), false));
    CHECK(!weir_session_store_let_go(f.store, key_of_a(), true));
    CHECK(weir_session_store_let_go(f.store, key_of_a(), false));
    WEIR_AUTO(fixture) later = begin(200 + RETENTION_MS);
    CHECK(!weir_session_store_let_go(later.store, key_of_a(), true));
}

TEST(session_that_ends_before_it_begins_is_a_bad_record)
{
    WEIR_AUTO(fixture) f = begin(-1);
    const weir_session session = {WEIR_BYTES("a"), 2, 1};
    CHECK_STATUS(weir_session_store_put(f.store, &session, WEIR_BYTES("v"), &f.err),
                 WEIR_BAD_RECORD);
}
