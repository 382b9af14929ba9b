/* SPDX-License-Identifier: Apache-2.0
 *
 * suppress_buffer.c - changes that are held back: by key, and in the order in which they go.
 *
 *   put ─▶ entries (key ─▶ value) ── commit ─▶ store, changelog
 *             │
 *          order (time | key)
 *
 * Processing works on memory alone; the store learns at each commit what has changed, one record a
 * key, as Kafka Streams does it. A value has the form of held_change.c. An entry that is spilled
 * has its value in the store alone, where it was put at once.
 */
#include "streams/dsl/suppress_internal.h"

#include "statestore/mem_store.h"
#include "streams/base/map.h"
#include "streams/base/serde.h"

#include <stdlib.h>
#include <string.h>

enum {
    TIME_BYTES = 8,
    PLACE_BYTES = 20, /* Timestamp, offset and partition. */
    BUCKETS_MIN = 16,
};

typedef struct entry {
    int64_t time_ms;
    size_t bytes; /* As Kafka Streams counts it. */
    bool is_spilled;
    weir_buf value; /* Empty where it is spilled. */
} entry;

/* A key that has changed, in the order of the changes. */
typedef struct changed {
    weir_buf key;
    uint32_t hash;
    size_t bucket;
    size_t number;
} changed;

struct weir_suppress_buffer {
    weir_kv *store;
    const weir_suppress *spec;
    weir_map *entries;
    weir_kv *order;
    size_t bytes;        /* Of all entries. */
    size_t memory_count; /* Of those that are not spilled, and what they take. */
    size_t memory_bytes;
    weir_map *dirty;  /* The keys of changes that are not saved. */
    changed *changes; /* Behind the last of them are keys to use again. */
    size_t change_count;
    size_t change_capacity;
    size_t saved;        /* So many of them. */
    size_t bucket_count; /* Of Java's HashSet. */
    weir_buf order_key;
    weir_buf first_key;
    weir_buf value;   /* What was read of the store. */
    weir_buf encoded; /* What will be the value of an entry. */
    weir_held_reader reader;
};

/* What Kafka Streams says that an entry takes. */
static size_t counted_bytes(weir_bytes key, const weir_held_change *held, size_t topic_bytes)
{
    size_t bytes = TIME_BYTES + key.size + PLACE_BYTES + topic_bytes + held->prior.size +
                   held->change.new_value.size;
    if (!weir_bytes_equal(held->prior, held->change.old_value)) {
        bytes += held->change.old_value.size;
    }
    for (size_t i = 0; i < held->record.header_count; i++) {
        bytes += held->record.headers[i].key.size + held->record.headers[i].value.size;
    }
    return bytes;
}

/* The length of the topic in a value. */
static size_t topic_bytes_of(weir_bytes value)
{
    return weir_get_u32_be((const uint8_t *)value.data + TIME_BYTES + TIME_BYTES);
}

/* Entries. */

static weir_bytes order_key(weir_suppress_buffer *buffer, int64_t time_ms, weir_bytes key)
{
    weir_buf_clear(&buffer->order_key);
    weir_buf_append_i64_be(&buffer->order_key, time_ms);
    weir_buf_append(&buffer->order_key, key.data, key.size);
    return weir_buf_bytes(&buffer->order_key);
}

static bool is_over(const weir_suppress_buffer *buffer)
{
    return buffer->memory_count > buffer->spec->records_max ||
           buffer->memory_bytes > buffer->spec->bytes_max;
}

static void leave_memory(weir_suppress_buffer *buffer, const entry *left)
{
    if (!left->is_spilled) {
        buffer->memory_count--;
        buffer->memory_bytes -= left->bytes;
    }
}

static void enter_memory(weir_suppress_buffer *buffer, entry *entered, size_t bytes)
{
    entered->is_spilled = false;
    entered->bytes = bytes;
    buffer->memory_count++;
    buffer->memory_bytes += bytes;
}

/* The value is in the store: it leaves memory. */
static void spill(weir_suppress_buffer *buffer, entry *spilled)
{
    leave_memory(buffer, spilled);
    spilled->is_spilled = true;
    weir_buf_cleanup(&spilled->value);
}

static bool spills(const weir_suppress_buffer *buffer)
{
    return buffer->spec->when_full == WEIR_BUFFER_SPILLS && is_over(buffer);
}

static entry *add_entry(weir_suppress_buffer *buffer, weir_bytes key, int64_t time_ms)
{
    entry *added = weir_alloc(sizeof(*added));
    added->time_ms = time_ms;
    (void)weir_map_put(buffer->entries, key, added);
    return added;
}

static weir_status load_entry(weir_suppress_buffer *buffer, weir_bytes key, weir_bytes value,
                              weir_error *err)
{
    weir_held_change held = {0};
    int64_t time_ms = 0;
    WEIR_TRY(weir_held_change_decode(&buffer->reader, value, &held, &time_ms, err));
    WEIR_TRY(weir_kv_put(buffer->order, order_key(buffer, time_ms, key), WEIR_BYTES(""), err));
    entry *loaded = add_entry(buffer, key, time_ms);
    weir_buf_set(&loaded->value, value);
    enter_memory(buffer, loaded, counted_bytes(key, &held, topic_bytes_of(value)));
    buffer->bytes += loaded->bytes;
    if (spills(buffer)) {
        spill(buffer, loaded);
    }
    return WEIR_OK;
}

weir_status weir_suppress_buffer_load(weir_kv *store, const weir_suppress *spec,
                                      weir_suppress_buffer **out_buffer, weir_error *err)
{
    WEIR_AUTO_PTR(weir_suppress_buffer) buffer = weir_alloc(sizeof(*buffer));
    buffer->store = store;
    buffer->spec = spec;
    buffer->entries = weir_map_new();
    buffer->dirty = weir_map_new();
    buffer->order = weir_mem_store_new("order");
    buffer->bucket_count = BUCKETS_MIN;
    WEIR_AUTO_PTR(weir_kv_iterator) iterator = NULL;
    WEIR_TRY(weir_kv_range(store, WEIR_BYTES_NULL, WEIR_BYTES_NULL, false, &iterator, err));
    weir_bytes key = {0};
    weir_bytes value = {0};
    weir_status status = WEIR_OK;
    while ((status = weir_kv_iterator_next(iterator, &key, &value, err)) == WEIR_OK) {
        WEIR_TRY(load_entry(buffer, key, value, err));
    }
    if (status != WEIR_NOT_FOUND) {
        return status;
    }
    *out_buffer = weir_take(&buffer);
    return WEIR_OK;
}

void weir_suppress_buffer_free(weir_suppress_buffer *buffer)
{
    if (buffer == NULL) {
        return;
    }
    size_t position = 0;
    void *value = NULL;
    while (weir_map_next(buffer->entries, &position, NULL, &value)) {
        weir_buf_cleanup(&((entry *)value)->value);
        free(value);
    }
    for (size_t i = 0; i < buffer->change_capacity; i++) {
        weir_buf_cleanup(&buffer->changes[i].key);
    }
    weir_map_free(buffer->entries);
    weir_map_free(buffer->dirty);
    weir_kv_free(buffer->order);
    weir_buf_cleanup(&buffer->order_key);
    weir_buf_cleanup(&buffer->first_key);
    weir_buf_cleanup(&buffer->value);
    weir_buf_cleanup(&buffer->encoded);
    weir_held_reader_cleanup(&buffer->reader);
    free(buffer->changes);
    free(buffer);
}

/* Changes that are not saved. */

/* Bytes.hashCode() of Kafka, spread as Java's HashMap does it. */
static uint32_t java_hash(weir_bytes key)
{
    uint32_t hash = 1;
    for (size_t i = 0; i < key.size; i++) {
        uint8_t byte = ((const uint8_t *)key.data)[i]; /* Signed, in Java. */
        hash = 31 * hash + byte - (byte > INT8_MAX ? UINT8_MAX + 1U : 0U);
    }
    return hash ^ (hash >> 16);
}

static void note_change(weir_suppress_buffer *buffer, weir_bytes key)
{
    if (weir_map_put(buffer->dirty, key, buffer) != NULL) {
        return;
    }
    size_t capacity = buffer->change_capacity;
    buffer->changes = weir_grow(buffer->changes, buffer->change_count, &buffer->change_capacity,
                                sizeof(*buffer->changes));
    memset(buffer->changes + capacity, 0,
           (buffer->change_capacity - capacity) * sizeof(*buffer->changes));
    changed *added = &buffer->changes[buffer->change_count];
    *added = (changed){added->key, .hash = java_hash(key), .number = buffer->change_count};
    weir_buf_set(&added->key, key);
    buffer->change_count++;
    if (buffer->change_count > buffer->bucket_count / 4 * 3) {
        buffer->bucket_count *= 2; /* It never shrinks. */
    }
}

static int compare_changes(const void *a, const void *b)
{
    const changed *left = a;
    const changed *right = b;
    if (left->bucket != right->bucket) {
        return left->bucket < right->bucket ? -1 : 1;
    }
    return left->number < right->number ? -1 : left->number > right->number;
}

static void sort_changes(weir_suppress_buffer *buffer)
{
    for (size_t i = 0; i < buffer->change_count; i++) {
        buffer->changes[i].bucket = buffer->changes[i].hash & (buffer->bucket_count - 1);
    }
    if (buffer->change_count > 1) {
        qsort(buffer->changes, buffer->change_count, sizeof(*buffer->changes), compare_changes);
    }
}

weir_status weir_suppress_buffer_save(weir_suppress_buffer *buffer, weir_error *err)
{
    if (buffer->saved == 0) {
        sort_changes(buffer);
    }
    while (buffer->saved < buffer->change_count) {
        changed *change = &buffer->changes[buffer->saved++];
        weir_bytes key = weir_buf_bytes(&change->key);
        const entry *held = weir_map_get(buffer->entries, key);
        (void)weir_map_remove(buffer->dirty, key);
        if (held == NULL) {
            return weir_kv_remove(buffer->store, key, err);
        }
        if (!held->is_spilled) {
            return weir_kv_put(buffer->store, key, weir_buf_bytes(&held->value), err);
        }
    }
    for (size_t i = 0; i < buffer->change_count; i++) {
        weir_buf_rest(&buffer->changes[i].key);
    }
    buffer->change_count = 0;
    buffer->saved = 0;
    return WEIR_NOT_FOUND;
}

/* What others call. */

static weir_status value_of(weir_suppress_buffer *buffer, const entry *held, weir_bytes key,
                            weir_bytes *out_value, weir_error *err)
{
    if (!held->is_spilled) {
        *out_value = weir_buf_bytes(&held->value);
        return WEIR_OK;
    }
    weir_status status = weir_kv_get(buffer->store, key, &buffer->value, err);
    if (status == WEIR_NOT_FOUND) {
        return weir_error_set(err, WEIR_CORRUPT, "%s: a change that was held back is gone",
                              buffer->store->name);
    }
    *out_value = weir_buf_bytes(&buffer->value);
    return status;
}

weir_status weir_suppress_buffer_get(weir_suppress_buffer *buffer, weir_bytes key,
                                     weir_held_change *out_held, weir_error *err)
{
    const entry *held = weir_map_get(buffer->entries, key);
    if (held == NULL) {
        return WEIR_NOT_FOUND;
    }
    weir_bytes value = {0};
    int64_t time_ms = 0;
    WEIR_TRY(value_of(buffer, held, key, &value, err));
    WEIR_TRY(weir_held_change_decode(&buffer->reader, value, out_held, &time_ms, err));
    out_held->record.key = key;
    return WEIR_OK;
}

weir_status weir_suppress_buffer_put(weir_suppress_buffer *buffer, int64_t time_ms,
                                     const weir_record *record, const weir_change *change,
                                     weir_error *err)
{
    weir_held_change held = {0};
    weir_status status = weir_suppress_buffer_get(buffer, record->key, &held, err);
    entry *held_back = weir_map_get(buffer->entries, record->key);
    if (status == WEIR_NOT_FOUND) {
        held.prior = change->old_value;
        WEIR_TRY(weir_kv_put(buffer->order, order_key(buffer, time_ms, record->key), WEIR_BYTES(""),
                             err));
        held_back = add_entry(buffer, record->key, time_ms);
    } else if (status != WEIR_OK) {
        return status;
    } else {
        leave_memory(buffer, held_back);
        buffer->bytes -= held_back->bytes;
    }
    held.record = *record;
    held.change = *change;
    /* What held has is in the old value still. */
    weir_held_change_encode(&held, held_back->time_ms, &buffer->encoded);
    weir_bytes value = weir_buf_bytes(&buffer->encoded);
    size_t topic_bytes = topic_bytes_of(value);
    weir_buf_set(&held_back->value, value);
    enter_memory(buffer, held_back, counted_bytes(record->key, &held, topic_bytes));
    buffer->bytes += held_back->bytes;
    note_change(buffer, record->key);
    if (!spills(buffer)) {
        return WEIR_OK;
    }
    WEIR_TRY(weir_kv_put(buffer->store, record->key, weir_buf_bytes(&held_back->value), err));
    spill(buffer, held_back);
    return WEIR_OK;
}

weir_status weir_suppress_buffer_first(weir_suppress_buffer *buffer, weir_bytes *out_key,
                                       int64_t *out_time_ms, weir_error *err)
{
    WEIR_AUTO_PTR(weir_kv_iterator) iterator = NULL;
    WEIR_TRY(weir_kv_range(buffer->order, WEIR_BYTES_NULL, WEIR_BYTES_NULL, false, &iterator, err));
    weir_bytes key = {0};
    weir_bytes unused = {0};
    WEIR_TRY(weir_kv_iterator_next(iterator, &key, &unused, err));
    *out_time_ms = (int64_t)weir_get_u64_be(key.data);
    weir_buf_set(&buffer->first_key,
                 weir_bytes_of((const uint8_t *)key.data + TIME_BYTES, key.size - TIME_BYTES));
    *out_key = weir_buf_bytes(&buffer->first_key);
    return WEIR_OK;
}

weir_status weir_suppress_buffer_remove(weir_suppress_buffer *buffer, weir_bytes key,
                                        weir_error *err)
{
    entry *held = weir_map_get(buffer->entries, key);
    WEIR_ASSERT(held != NULL);

    WEIR_TRY(weir_kv_remove(buffer->order, order_key(buffer, held->time_ms, key), err));
    note_change(buffer, key);
    leave_memory(buffer, held);
    buffer->bytes -= held->bytes;
    (void)weir_map_remove(buffer->entries, key);
    weir_buf_cleanup(&held->value);
    free(held);
    return WEIR_OK;
}

size_t weir_suppress_buffer_count(const weir_suppress_buffer *buffer)
{
    return weir_map_count(buffer->entries);
}

size_t weir_suppress_buffer_bytes(const weir_suppress_buffer *buffer)
{
    return buffer->bytes;
}
