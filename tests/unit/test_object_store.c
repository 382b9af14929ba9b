/* SPDX-License-Identifier: Apache-2.0
 *
 * What is put is read back, or said to be damaged; keys never leave the directory.
 */
#include "connectors/object_store.h"
#include "streams/base/file.h"
#include "streams/base/random.h"
#include "tests/harness/check.h"

#include <stdlib.h>
#include <string.h>

typedef struct object_fixture {
    char *directory;
    weir_object_store *store;
    weir_error err;
} object_fixture;

static object_fixture object_fixture_open(void)
{
    object_fixture f = {.directory = check_directory()};
    CHECK_OK(weir_object_store_file_open(f.directory, false, &f.store, &f.err), &f.err);
    return f;
}

static void object_fixture_cleanup(object_fixture *f)
{
    weir_object_store_free(f->store);
    free(f->directory);
}

static void put(object_fixture *f, const char *key, const char *text)
{
    CHECK_OK(weir_object_put(f->store, key, weir_bytes_of_text(text), &f->err), &f->err);
}

TEST(content_comes_back_whatever_it_is)
{
    WEIR_AUTO(object_fixture) f = object_fixture_open();
    WEIR_AUTO(weir_buf) content = {0};
    WEIR_AUTO(weir_buf) got = {0};
    weir_random random = weir_random_of(check_seed(7));
    for (int i = 0; i < 12; i++) {
        WEIR_AUTO_FREE char *key = weir_format("raw/%02d/x.zst", i);
        CHECK_OK(weir_object_put(f.store, key, weir_buf_bytes(&content), &f.err), &f.err);
        CHECK_OK(weir_object_get(f.store, key, content.size, &got, &f.err), &f.err);
        CHECK_BYTES(weir_buf_bytes(&got), weir_buf_bytes(&content));
        for (int j = 0; j < 1 << i; j++) {
            weir_buf_append_byte(&content, (uint8_t)weir_random_u64(&random));
        }
    }
}

TEST(first_content_of_a_key_stays)
{
    WEIR_AUTO(object_fixture) f = object_fixture_open();
    WEIR_AUTO(weir_buf) got = {0};
    put(&f, "a/b", "first");
    put(&f, "a/b", "second");
    CHECK_OK(weir_object_get(f.store, "a/b", 100, &got, &f.err), &f.err);
    CHECK_STR(weir_buf_text(&got), "first");
}

TEST(missing_object_is_not_found_and_removal_is_harmless)
{
    WEIR_AUTO(object_fixture) f = object_fixture_open();
    WEIR_AUTO(weir_buf) got = {0};
    CHECK_STATUS(weir_object_exists(f.store, "a/b", &f.err), WEIR_NOT_FOUND);
    CHECK_STATUS(weir_object_get(f.store, "a/b", 100, &got, &f.err), WEIR_NOT_FOUND);
    put(&f, "a/b", "x");
    CHECK_OK(weir_object_exists(f.store, "a/b", &f.err), &f.err);
    CHECK_STATUS(weir_object_exists(f.store, "a", &f.err), WEIR_NOT_FOUND);
    CHECK_OK(weir_object_remove(f.store, "a/b", &f.err), &f.err);
    CHECK_OK(weir_object_remove(f.store, "a/b", &f.err), &f.err);
    CHECK_STATUS(weir_object_exists(f.store, "a/b", &f.err), WEIR_NOT_FOUND);
}

TEST(keys_that_could_lead_elsewhere_are_refused)
{
    WEIR_AUTO(object_fixture) f = object_fixture_open();
    const char *keys[] = {"",   "/",    "/a",   "a/",  "a//b", "..",   "a/../b",   "a/..",
                          ".a", "a/.b", "a\\b", "a b", "a%2f", "a\nb", "\xc3\xa9", "a.tmp"};
    for (size_t i = 0; i < WEIR_COUNT_OF(keys); i++) {
        CHECK_STATUS(weir_object_put(f.store, keys[i], WEIR_BYTES("x"), NULL), WEIR_BAD_RECORD);
        CHECK_STATUS(weir_object_exists(f.store, keys[i], NULL), WEIR_BAD_RECORD);
        CHECK_STATUS(weir_object_remove(f.store, keys[i], NULL), WEIR_BAD_RECORD);
    }
    char longest[WEIR_OBJECT_KEY_BYTES_MAX + 2];
    memset(longest, 'a', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    CHECK_STATUS(weir_object_exists(f.store, longest, NULL), WEIR_BAD_RECORD);
}

TEST(object_larger_than_asked_for_is_refused_before_it_is_unpacked)
{
    WEIR_AUTO(object_fixture) f = object_fixture_open();
    WEIR_AUTO(weir_buf) got = {0};
    put(&f, "a", "12345");
    CHECK_STATUS(weir_object_get(f.store, "a", 4, &got, &f.err), WEIR_BAD_RECORD);
    CHECK_STR(f.err.message, "object a has 5 bytes, at most 4");
    CHECK_I64(got.size, ==, 0);
}

TEST(every_damaged_byte_is_noticed)
{
    WEIR_AUTO(object_fixture) f = object_fixture_open();
    WEIR_AUTO(weir_buf) file = {0};
    WEIR_AUTO(weir_buf) got = {0};
    put(&f, "a", "the content of an object, the content of an object");
    WEIR_AUTO_FREE char *path = weir_format("%s/a", f.directory);
    CHECK_OK(weir_file_read(path, 1000, &file, &f.err), &f.err);
    for (size_t i = 0; i < file.size; i++) {
        weir_bytes cut = {file.data, i};
        CHECK_OK(weir_file_replace(path, cut, false, &f.err), &f.err);
        CHECK_STATUS(weir_object_get(f.store, "a", 1000, &got, NULL), WEIR_CORRUPT);
    }
    file.data[file.size - 1] ^= 1;
    CHECK_OK(weir_file_replace(path, weir_buf_bytes(&file), false, &f.err), &f.err);
    CHECK_STATUS(weir_object_get(f.store, "a", 1000, &got, NULL), WEIR_CORRUPT);
}

/* Keys that a list visited, each followed by a space. */
typedef struct visited {
    weir_buf keys;
    int left;
} visited;

static bool on_key(void *user, const char *key)
{
    visited *v = user;
    weir_buf_append_format(&v->keys, "%s ", key);
    return --v->left > 0;
}

static void check_list(object_fixture *f, const char *prefix, int limit, const char *wanted)
{
    visited v = {.left = limit};
    CHECK_OK(weir_object_list(f->store, prefix, on_key, &v, &f->err), &f->err);
    CHECK_STR(weir_buf_text(&v.keys), wanted);
    weir_buf_cleanup(&v.keys);
}

TEST(list_is_sorted_by_key_and_keeps_to_its_prefix)
{
    WEIR_AUTO(object_fixture) f = object_fixture_open();
    put(&f, "b/1", "x");
    put(&f, "a/2/y", "x");
    put(&f, "a/2/x", "x");
    put(&f, "a/10", "x");
    put(&f, "a.b", "x");
    WEIR_AUTO_FREE char *rest = weir_format("%s/a/1.zst.77.tmp", f.directory);
    CHECK_OK(weir_file_replace(rest, WEIR_BYTES("half"), false, &f.err), &f.err);
    check_list(&f, "", 100, "a.b a/10 a/2/x a/2/y b/1 ");
    check_list(&f, "a", 100, "a.b a/10 a/2/x a/2/y ");
    check_list(&f, "a/", 2, "a/10 a/2/x ");
    check_list(&f, "a/2/y", 100, "a/2/y ");
    check_list(&f, "c", 100, "");
}

TEST(key_names_kind_and_hash)
{
    WEIR_AUTO(weir_buf) key = {0};
    weir_object_key("raw", "3fa9", &key);
    CHECK_STR(weir_buf_text(&key), "raw/3f/3fa9.zst");
}

TEST(synchronised_store_keeps_what_it_was_given)
{
    WEIR_AUTO_FREE char *directory = check_directory();
    WEIR_AUTO(weir_buf) got = {0};
    weir_error err = {0};
    weir_object_store *store = NULL;
    CHECK_OK(weir_object_store_file_open(directory, true, &store, &err), &err);
    CHECK_OK(weir_object_put(store, "a/b", WEIR_BYTES("x"), &err), &err);
    weir_object_store_free(store);
    CHECK_OK(weir_object_store_file_open(directory, true, &store, &err), &err);
    CHECK_OK(weir_object_get(store, "a/b", 1, &got, &err), &err);
    CHECK_STR(weir_buf_text(&got), "x");
    weir_object_store_free(store);
}
