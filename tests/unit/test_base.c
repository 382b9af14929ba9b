/* SPDX-License-Identifier: Apache-2.0
 *
 * The base on which everything stands: bytes, buffers, arena, map, serde, hashes, files.
 */
#include "streams/base/arena.h"
#include "streams/base/file.h"
#include "streams/base/hash.h"
#include "streams/base/map.h"
#include "streams/base/random.h"
#include "streams/base/serde.h"
#include "tests/harness/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_zero(const uint8_t *data, size_t size)
{
    return data[0] == 0 && memcmp(data, data + 1, size - 1) == 0;
}

TEST(memory_is_zero_whatever_its_size_and_what_it_held_before)
{
    const size_t sizes[] = {2, 100, 100 << 10, 1 << 20, (1 << 20) + 1, 3 << 20};
    for (size_t i = 0; i < WEIR_COUNT_OF(sizes); i++) {
        uint8_t *data = weir_alloc(sizes[i]);
        CHECK(is_zero(data, sizes[i]));
        memset(data, 0xff, sizes[i]);
        free(data);
        data = weir_alloc_array(sizes[i] / 2, 2);
        CHECK(is_zero(data, sizes[i] / 2 * 2));
        free(data);
    }
}

TEST(null_bytes_differ_from_empty_bytes)
{
    CHECK(weir_bytes_equal(WEIR_BYTES_NULL, WEIR_BYTES_NULL));
    CHECK(!weir_bytes_equal(WEIR_BYTES_NULL, WEIR_BYTES("")));
    CHECK(weir_buf_bytes(&(weir_buf){0}).data != NULL);
}

TEST(bytes_are_ordered_as_memcmp_and_shorter_first)
{
    CHECK_I64(weir_bytes_compare(WEIR_BYTES("a"), WEIR_BYTES("ab")), <, 0);
    CHECK_I64(weir_bytes_compare(WEIR_BYTES("\xff"), WEIR_BYTES("a")), >, 0);
    CHECK_I64(weir_bytes_compare(WEIR_BYTES(""), WEIR_BYTES("")), ==, 0);
}

TEST(buffer_that_rests_is_empty_and_gives_back_what_is_large)
{
    enum { LARGE = 100000 };
    WEIR_AUTO(weir_buf) buf = {0};
    weir_buf_append_text(&buf, "small");
    const void *memory = buf.data;
    weir_buf_rest(&buf);
    CHECK_I64(buf.size, ==, 0);
    CHECK(buf.data == memory);
    (void)weir_buf_reserve(&buf, LARGE);
    weir_buf_rest(&buf);
    CHECK_I64(buf.capacity, ==, 0);
}

TEST(end_of_a_prefix_is_the_smallest_larger_key)
{
    WEIR_AUTO(weir_buf) end = {0};
    CHECK(weir_buf_set_after_prefix(&end, WEIR_BYTES("ab")));
    CHECK_BYTES(weir_buf_bytes(&end), WEIR_BYTES("ac"));
    CHECK(weir_buf_set_after_prefix(&end, WEIR_BYTES("a\xff\xff")));
    CHECK_BYTES(weir_buf_bytes(&end), WEIR_BYTES("b"));
    CHECK(!weir_buf_set_after_prefix(&end, WEIR_BYTES("\xff")));
    CHECK(!weir_buf_set_after_prefix(&end, WEIR_BYTES("")));
}

TEST(wrapped_error_reads_from_the_outside_in_and_is_cut_at_its_size)
{
    weir_error err = {0};
    CHECK_STATUS(weir_error_set(&err, WEIR_IO, "disk %d", 3), WEIR_IO);
    CHECK_STATUS(weir_error_wrap(&err, WEIR_IO, "task 0_1"), WEIR_IO);
    CHECK_STR(err.message, "task 0_1: disk 3");
    char longer[WEIR_ERROR_MESSAGE_BYTES_MAX * 2] = {0};
    memset(longer, 'x', sizeof longer - 1);
    CHECK_STATUS(weir_error_set(&err, WEIR_FATAL, "%s", longer), WEIR_FATAL);
    CHECK_I64(strlen(err.message), ==, WEIR_ERROR_MESSAGE_BYTES_MAX - 1);
    CHECK_STATUS(weir_error_wrap(NULL, WEIR_FATAL, "nobody listens"), WEIR_FATAL);
}

TEST(varints_come_back_as_they_went)
{
    const int64_t values[] = {0, -1, 1, 63, -64, 64, 1 << 20, INT64_MAX, INT64_MIN};
    WEIR_AUTO(weir_buf) buf = {0};
    for (size_t i = 0; i < WEIR_COUNT_OF(values); i++) {
        weir_buf_append_varint(&buf, values[i]);
    }
    weir_reader reader = weir_reader_of(weir_buf_bytes(&buf));
    for (size_t i = 0; i < WEIR_COUNT_OF(values); i++) {
        CHECK_I64(weir_read_varint(&reader), ==, values[i]);
    }
    CHECK(!reader.failed);
    CHECK_I64(reader.left.size, ==, 0);
}

TEST(reader_never_passes_the_end)
{
    weir_reader reader = weir_reader_of(WEIR_BYTES("\x00\x01"));
    CHECK_I64(weir_read_i32_be(&reader), ==, 0);
    CHECK(reader.failed);
    CHECK(weir_read_bytes(&reader, 1).data == NULL);
    weir_reader endless =
        weir_reader_of(WEIR_BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"));
    CHECK_I64(weir_read_varint(&endless), ==, 0);
    CHECK(endless.failed);
}

TEST(varint_of_more_than_64_bits_is_refused)
{
    weir_reader most = weir_reader_of(WEIR_BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
    CHECK(weir_read_varint(&most) == INT64_MIN);
    CHECK(!most.failed);
    weir_reader more = weir_reader_of(WEIR_BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x03"));
    CHECK_I64(weir_read_varint(&more), ==, 0);
    CHECK(more.failed);
}

TEST(hex_digit_is_told_from_what_only_looks_like_one)
{
    CHECK_I64(weir_hex_digit('0'), ==, 0);
    CHECK_I64(weir_hex_digit('f'), ==, 15);
    CHECK_I64(weir_hex_digit('A'), ==, 10);
    CHECK_I64(weir_hex_digit('g'), ==, -1);
    CHECK_I64(weir_hex_digit(0x11), ==, -1); /* '1' but for one bit. */
    CHECK_I64(weir_hex_digit('\0'), ==, -1);
}

TEST(murmur2_is_that_of_the_java_client)
{
    /* From the Java client's own UtilsTest. */
    CHECK_I64((int32_t)weir_murmur2(WEIR_BYTES("21")), ==, -973932308);
    CHECK_I64((int32_t)weir_murmur2(WEIR_BYTES("foobar")), ==, -790332482);
    CHECK_I64((int32_t)weir_murmur2(WEIR_BYTES("a-little-bit-long-string")), ==, -985981536);
    CHECK_I64((int32_t)weir_murmur2(WEIR_BYTES("abc")), ==, 479470107);
}

TEST(sha256_in_hex_is_that_of_the_standard)
{
    uint8_t digest[WEIR_SHA256_BYTES];
    char hex[2 * WEIR_SHA256_BYTES + 1];
    weir_sha256(WEIR_BYTES("abc"), digest);
    weir_hex(digest, sizeof digest, hex);
    CHECK_STR(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(arena_refuses_past_its_limit_and_serves_again_after_a_reset)
{
    WEIR_AUTO_PTR(weir_arena) arena = weir_arena_new(100000);
    CHECK(weir_arena_alloc(arena, 60000) != NULL);
    CHECK(weir_arena_alloc(arena, 60000) == NULL);
    weir_arena_reset(arena);
    CHECK_I64(weir_arena_used_bytes(arena), ==, 0);
    CHECK_BYTES(weir_arena_copy(arena, WEIR_BYTES("kept")), WEIR_BYTES("kept"));
}

/* The map against an array indexed by key, under random operations. */
TEST(map_agrees_with_an_array_under_random_operations)
{
    enum { KEYS = 200, OPERATIONS = 20000 };
    weir_random random = weir_random_of(check_seed(1));
    int values[KEYS] = {0};
    int *model[KEYS] = {NULL};
    size_t count = 0;
    WEIR_AUTO_PTR(weir_map) map = weir_map_new();
    for (int i = 0; i < OPERATIONS; i++) {
        uint32_t k = (uint32_t)weir_random_below(&random, KEYS);
        weir_bytes key = weir_bytes_of(&k, sizeof k);
        if (weir_random_chance(&random, 500000)) {
            CHECK(weir_map_put(map, key, &values[k]) == model[k]);
            count += model[k] == NULL;
            model[k] = &values[k];
        } else {
            CHECK(weir_map_remove(map, key) == model[k]);
            count -= model[k] != NULL;
            model[k] = NULL;
        }
        uint32_t probe = (uint32_t)weir_random_below(&random, KEYS);
        CHECK(weir_map_get(map, weir_bytes_of(&probe, sizeof probe)) == model[probe]);
        CHECK_I64(weir_map_count(map), ==, count);
    }
    size_t position = 0;
    void *value;
    size_t walked = 0;
    while (weir_map_next(map, &position, NULL, &value)) {
        CHECK(model[(int *)value - values] == value);
        walked++;
    }
    CHECK_I64(walked, ==, count);
}

TEST(file_is_replaced_whole_and_read_back)
{
    weir_error err = {0};
    WEIR_AUTO_FREE char *directory = check_directory();
    WEIR_AUTO_FREE char *nested = weir_format("%s/a/b", directory);
    WEIR_AUTO_FREE char *path = weir_format("%s/file", nested);
    WEIR_AUTO(weir_buf) content = {0};
    CHECK_STATUS(weir_file_read(path, 100, &content, &err), WEIR_NOT_FOUND);
    CHECK_OK(weir_directory_make(nested, &err), &err);
    CHECK_OK(weir_file_replace(path, WEIR_BYTES("first"), true, &err), &err);
    CHECK_OK(weir_file_replace(path, WEIR_BYTES("second"), false, &err), &err);
    CHECK_OK(weir_file_read(path, 100, &content, &err), &err);
    CHECK_BYTES(weir_buf_bytes(&content), WEIR_BYTES("second"));
    CHECK_STATUS(weir_file_read(path, 3, &content, &err), WEIR_INVALID);
}

TEST(file_is_read_to_its_end_whatever_size_it_says_it_has)
{
    weir_error err = {0};
    WEIR_AUTO(weir_buf) content = {0};
    CHECK_OK(weir_file_read("/proc/self/status", 1 << 20, &content, &err), &err); /* Says 0. */
    CHECK(content.size > 100);
    CHECK_STATUS(weir_file_read("/proc/self/status", 100, &content, &err), WEIR_INVALID);
    CHECK(strstr(err.message, "more than the 100 bytes") != NULL);
}

TEST(directory_without_a_name_is_an_error)
{
    weir_error err = {0};
    CHECK_STATUS(weir_directory_make("", &err), WEIR_IO);
    CHECK_OK(weir_directory_make("/", &err), &err);
}

TEST(directory_has_one_owner_at_a_time)
{
    weir_error err = {0};
    WEIR_AUTO_FREE char *directory = check_directory();
    int fd = -1;
    int second = -1;
    CHECK_OK(weir_directory_lock(directory, &fd, &err), &err);
    CHECK_STATUS(weir_directory_lock(directory, &second, &err), WEIR_INVALID);
    CHECK(strstr(err.message, "another process uses") != NULL);
    close(fd);
    CHECK_OK(weir_directory_lock(directory, &second, &err), &err);
    close(second);
}
