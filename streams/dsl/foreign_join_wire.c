/* SPDX-License-Identifier: Apache-2.0
 *
 * foreign_join_wire.c - the bytes of foreign-key joins, as Kafka Streams 4.1 writes them:
 *
 *   subscription   version | 0x80 if there is no hash · kind · [hash, 16] · left key · [partition]
 *   answer         version | 0x80 if there is no hash · [hash, 16] · value, nothing if it is null
 *   combined key   size of the foreign key · foreign key · left key
 *
 * Numbers are four bytes, big-endian. Version 0 of a subscription has no partition, and is read.
 */
#include "streams/base/hash.h"
#include "streams/base/serde.h"
#include "streams/dsl/foreign_join_internal.h"

#include <string.h>

enum {
    SUBSCRIPTION_VERSION = 1,
    ANSWER_VERSION = 0,
    NO_HASH = 0x80,
    NUMBER_BYTES = 4,
};

static uint8_t *put(uint8_t *to, weir_bytes bytes)
{
    if (bytes.size > 0) {
        memcpy(to, bytes.data, bytes.size);
    }
    return to + bytes.size;
}

static uint8_t version_byte(uint8_t version, weir_bytes hash)
{
    return hash.data == NULL ? version | NO_HASH : version;
}

static weir_status refuse(const char *what, weir_error *err)
{
    return weir_error_set(err, WEIR_BAD_RECORD,
                          "this is no %s of a foreign-key join: another program wrote to its topic",
                          what);
}

weir_bytes weir_subscription_encode(const weir_subscription *subscription, weir_arena *arena)
{
    size_t size = 2 + subscription->hash.size + subscription->key.size + NUMBER_BYTES;
    uint8_t *bytes = weir_arena_alloc(arena, size);
    if (bytes == NULL) {
        return WEIR_BYTES_NULL;
    }
    bytes[0] = version_byte(SUBSCRIPTION_VERSION, subscription->hash);
    bytes[1] = (uint8_t)subscription->kind;
    uint8_t *at = put(put(bytes + 2, subscription->hash), subscription->key);
    weir_put_u32_be(at, (uint32_t)subscription->partition);
    return weir_bytes_of(bytes, size);
}

/* The hash, as the first byte says. */
static weir_bytes read_hash(weir_reader *reader, uint8_t first)
{
    return (first & NO_HASH) != 0 ? WEIR_BYTES_NULL : weir_read_bytes(reader, WEIR_MURMUR3_BYTES);
}

weir_status weir_subscription_decode(weir_bytes bytes, weir_subscription *out_subscription,
                                     weir_error *err)
{
    weir_reader reader = weir_reader_of(bytes);
    uint8_t first = weir_read_byte(&reader);
    uint8_t kind = weir_read_byte(&reader);
    uint8_t version = first & (uint8_t)~NO_HASH;
    weir_subscription read = {.kind = (weir_subscription_kind)kind, .partition = -1};
    read.hash = read_hash(&reader, first);
    size_t behind = version == 0 ? 0 : NUMBER_BYTES;
    if (reader.failed || version > SUBSCRIPTION_VERSION || kind > WEIR_SUBSCRIPTION_WAIT ||
        reader.left.size < behind) {
        return refuse("subscription", err);
    }
    read.key = weir_read_bytes(&reader, reader.left.size - behind);
    if (version > 0) {
        read.partition = weir_read_i32_be(&reader);
        if (read.partition < 0) {
            return refuse("subscription", err);
        }
    }
    *out_subscription = read;
    return WEIR_OK;
}

weir_bytes weir_subscription_answer_encode(const weir_subscription_answer *answer,
                                           weir_arena *arena)
{
    size_t size = 1 + answer->hash.size + answer->value.size;
    uint8_t *bytes = weir_arena_alloc(arena, size);
    if (bytes == NULL) {
        return WEIR_BYTES_NULL;
    }
    bytes[0] = version_byte(ANSWER_VERSION, answer->hash);
    (void)put(put(bytes + 1, answer->hash), answer->value);
    return weir_bytes_of(bytes, size);
}

weir_status weir_subscription_answer_decode(weir_bytes bytes, weir_subscription_answer *out_answer,
                                            weir_error *err)
{
    weir_reader reader = weir_reader_of(bytes);
    uint8_t first = weir_read_byte(&reader);
    weir_subscription_answer read = {.hash = read_hash(&reader, first)};
    if (reader.failed || (first & (uint8_t)~NO_HASH) != ANSWER_VERSION) {
        return refuse("answer", err);
    }
    read.value = reader.left.size == 0 ? WEIR_BYTES_NULL : reader.left;
    *out_answer = read;
    return WEIR_OK;
}

weir_bytes weir_combined_key(weir_bytes foreign_key, weir_bytes key, weir_arena *arena)
{
    size_t size = NUMBER_BYTES + foreign_key.size + key.size;
    uint8_t *bytes = weir_arena_alloc(arena, size);
    if (bytes == NULL) {
        return WEIR_BYTES_NULL;
    }
    weir_put_u32_be(bytes, (uint32_t)foreign_key.size);
    (void)put(put(bytes + NUMBER_BYTES, foreign_key), key);
    return weir_bytes_of(bytes, size);
}

weir_status weir_combined_key_left(weir_bytes combined, weir_bytes *out_key, weir_error *err)
{
    weir_reader reader = weir_reader_of(combined);
    int32_t size = weir_read_i32_be(&reader);
    if (reader.failed || size < 0 || (size_t)size > reader.left.size) {
        return weir_error_set(err, WEIR_CORRUPT, "a subscription has no key of two parts");
    }
    (void)weir_read_bytes(&reader, (size_t)size);
    *out_key = reader.left;
    return WEIR_OK;
}

weir_status weir_value_hash(weir_bytes value, weir_arena *arena, weir_bytes *out_hash,
                            weir_error *err)
{
    if (value.data == NULL) {
        *out_hash = WEIR_BYTES_NULL;
        return WEIR_OK;
    }
    uint8_t *hash = weir_arena_alloc(arena, WEIR_MURMUR3_BYTES);
    if (hash == NULL) {
        return weir_error_set(err, WEIR_BAD_RECORD, "no memory is left for the hash of a value");
    }
    weir_murmur3_128(value, hash);
    *out_hash = weir_bytes_of(hash, WEIR_MURMUR3_BYTES);
    return WEIR_OK;
}
