/* SPDX-License-Identifier: Apache-2.0
 *
 * The bytes of records of Kafka's formats say whether there are headers, or nothing.
 */
#include "connectors/kafka_layout.h"
#include "streams/base/serde.h"
#include "tests/harness/check.h"

#include <stdlib.h>
#include <string.h>

enum { KEY_BYTES = 3, VALUE_BYTES_MAX = 1 << 21, ROOM = KEY_BYTES + 8 + VALUE_BYTES_MAX + 1 };

static const size_t sizes[] = {1, 63, 64, 100, 8191, 8192, 32768, 1 << 20, VALUE_BYTES_MAX};

/* A record as it lies in a batch. */
typedef struct laid {
    uint8_t bytes[ROOM];
    weir_bytes key;
    weir_bytes value;
} laid;

/* Lays out key, size_bytes of size, value, and what is behind it. */
static void lay(laid *l, const uint8_t *size, size_t size_bytes, size_t value_bytes, uint8_t behind)
{
    uint8_t *value = l->bytes + KEY_BYTES + size_bytes;
    memset(l->bytes, 'k', KEY_BYTES);
    memcpy(l->bytes + KEY_BYTES, size, size_bytes);
    memset(value, 'v', value_bytes);
    value[value_bytes] = behind;
    l->key = weir_bytes_of(l->bytes, KEY_BYTES);
    l->value = weir_bytes_of(value, value_bytes);
}

/* Zigzag and seven bits a byte, lowest first. */
static void lay_in_format_2(laid *l, size_t value_bytes, uint8_t behind)
{
    uint8_t size[8];
    size_t count = 0;
    for (size_t rest = value_bytes << 1; rest > 0 || count == 0; rest /= 128) {
        size[count++] = (uint8_t)(rest % 128 + (rest >= 128 ? 128 : 0));
    }
    lay(l, size, count, value_bytes, behind);
}

/* Four bytes, big-endian. */
static void lay_in_format_1(laid *l, size_t value_bytes, uint8_t behind)
{
    uint8_t size[8];
    weir_put_u64_be(size, value_bytes);
    lay(l, size + 4, 4, value_bytes, behind);
}

TEST(record_of_format_2_says_whether_it_has_headers)
{
    static laid l;
    for (size_t i = 0; i < WEIR_COUNT_OF(sizes); i++) {
        lay_in_format_2(&l, sizes[i], 0);
        CHECK(weir_kafka_layout_has_no_headers(l.key, l.value));
        lay_in_format_2(&l, sizes[i], 2); /* One header. */
        CHECK(!weir_kafka_layout_has_no_headers(l.key, l.value));
    }
}

TEST(record_of_an_older_format_says_nothing)
{
    static laid l;
    for (size_t i = 0; i < WEIR_COUNT_OF(sizes); i++) {
        lay_in_format_1(&l, sizes[i], 0);
        CHECK(!weir_kafka_layout_has_no_headers(l.key, l.value));
    }
}

TEST(nothing_is_known_of_a_record_without_a_key_or_of_an_empty_value)
{
    static laid l;
    lay_in_format_2(&l, 100, 0);
    CHECK(!weir_kafka_layout_has_no_headers(WEIR_BYTES_NULL, l.value));
    CHECK(!weir_kafka_layout_has_no_headers(l.key, WEIR_BYTES_NULL));
    lay_in_format_2(&l, 0, 0);
    CHECK(!weir_kafka_layout_has_no_headers(l.key, l.value));
}

TEST(bytes_that_lie_apart_say_nothing_and_are_not_read)
{
    static laid l;
    lay_in_format_2(&l, 100, 0);
    uint8_t key[] = "kkk";
    uint8_t *value = weir_alloc(100);
    CHECK(!weir_kafka_layout_has_no_headers(weir_bytes_of(key, KEY_BYTES), l.value));
    CHECK(!weir_kafka_layout_has_no_headers(l.key, weir_bytes_of(value, 100)));
    free(value);
}
