/* SPDX-License-Identifier: Apache-2.0
 *
 * suppress_buffer.c - changes that are held back: by key, and in the order in which they go.
 *
 *   put ─▶ entries (key ─▶ value) ── commit ─▶ store, changelog
 *             │
 *          order (time | key)
 *
 * Processing works on memory alone (held_index_internal.h); the store learns at each commit what
 * has changed, one record a key, as Kafka Streams does it. A value has the form of held_change.c.
 * An entry that is spilled has its value in the store alone, where it was put at once.
 */
#include "streams/dsl/suppress_internal.h"

#include "streams/base/serde.h"
#include "streams/dsl/held_index_internal.h"

#include <stdlib.h>
#include <string.h>

enum {
    TIME_BYTES = 8,
    PLACE_BYTES = 20, /* Timestamp, offset and partition. */
    BUCKETS_MIN = 16,
};

/* A key that has changed, in the order of the changes. */
typedef struct changed {
    weir_held_entry *entry;
    uint32_t hash;
    size_t bucket;
    size_t number;
} changed;

struct weir_suppress_buffer {
    weir_kv *store;
    const weir_suppress *spec;
    weir_held_index index;
    size_t held_count;
    size_t bytes;        /* Of all that are held. */
    size_t memory_count; /* Of those that are not spilled, and what they take. */
    size_t memory_bytes;
    changed *changes; /* That are not saved. */
    size_t change_count;
    size_t change_capacity;
    size_t saved;        /* So many of them. */
    size_t bucket_count; /* Of Java's HashSet. */
    weir_buf value;      /* What was read of the store. */
    weir_buf encoded;    /* What will be the value of an entry. */
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

static bool is_over(const weir_suppress_buffer *buffer)
{
    return buffer->memory_count > buffer->spec->records_max ||
           buffer->memory_bytes > buffer->spec->bytes_max;
}

static void leave_memory(weir_suppress_buffer *buffer, const weir_held_entry *left)
{
    if (!left->is_spilled) {
        buffer->memory_count--;
        buffer->memory_bytes -= left->bytes;
    }
}

static void enter_memory(weir_suppress_buffer *buffer, weir_held_entry *entered, size_t bytes)
{
    entered->is_spilled = false;
    entered->bytes = bytes;
    buffer->memory_count++;
    buffer->memory_bytes += bytes;
}

/* The value is in the store: it leaves memory. */
static void spill(weir_suppress_buffer *buffer, weir_held_entry *spilled)
{
    leave_memory(buffer, spilled);
    spilled->is_spilled = true;
    weir_buf_cleanup(&spilled->value);
}

static bool spills(const weir_suppress_buffer *buffer)
{
    return buffer->spec->when_full == WEIR_BUFFER_SPILLS && is_over(buffer);
}

/* The entry that key has now; NULL: it is not held back. */
static weir_held_entry *find_held(const weir_suppress_buffer *buffer, weir_bytes key)
{
    weir_held_entry *found = weir_held_index_find(&buffer->index, key);
    return found != NULL && found->is_held ? found : NULL;
}

/* One that has gone since the last commit may have left its entry. */
static weir_held_entry *hold(weir_suppress_buffer *buffer, weir_bytes key, int64_t time_ms)
{
    weir_held_entry *held = weir_held_index_find(&buffer->index, key);
    held = held == NULL ? weir_held_index_add(&buffer->index, key) : held;
    held->is_held = true;
    held->time_ms = time_ms;
    weir_held_index_push(&buffer->index, held);
    buffer->held_count++;
    return held;
}

static weir_status load_entry(weir_suppress_buffer *buffer, weir_bytes key, weir_bytes value,
                              weir_error *err)
{
    weir_held_change held = {0};
    int64_t time_ms = 0;
    WEIR_TRY(weir_held_change_decode(&buffer->reader, value, &held, &time_ms, err));
    weir_held_entry *loaded = hold(buffer, key, time_ms);
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
    weir_held_index_cleanup(&buffer->index);
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

static void note_change(weir_suppress_buffer *buffer, weir_held_entry *entry)
{
    if (entry->is_changed) {
        return;
    }
    entry->is_changed = true;
    buffer->changes = weir_grow(buffer->changes, buffer->change_count, &buffer->change_capacity,
                                sizeof(*buffer->changes));
    buffer->changes[buffer->change_count] =
        (changed){.entry = entry,
                  .hash = java_hash(weir_buf_bytes(&entry->key)),
                  .number = buffer->change_count};
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
        weir_held_entry *entry = buffer->changes[buffer->saved++].entry;
        weir_bytes key = weir_buf_bytes(&entry->key);
        entry->is_changed = false;
        if (!entry->is_held) {
            weir_status status = weir_kv_remove(buffer->store, key, err);
            weir_held_index_drop(&buffer->index, entry);
            return status;
        }
        if (!entry->is_spilled) {
            return weir_kv_put(buffer->store, key, weir_buf_bytes(&entry->value), err);
        }
    }
    buffer->change_count = 0;
    buffer->saved = 0;
    return WEIR_NOT_FOUND;
}

/* What others call. */

static weir_status value_of(weir_suppress_buffer *buffer, const weir_held_entry *held,
                            weir_bytes key, weir_bytes *out_value, weir_error *err)
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
    const weir_held_entry *held = find_held(buffer, key);
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
    weir_held_entry *held_back = find_held(buffer, record->key);
    if (status == WEIR_NOT_FOUND) {
        held.prior = change->old_value;
        held_back = hold(buffer, record->key, time_ms);
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
    note_change(buffer, held_back);
    if (!spills(buffer)) {
        return WEIR_OK;
    }
    WEIR_TRY(weir_kv_put(buffer->store, record->key, weir_buf_bytes(&held_back->value), err));
    spill(buffer, held_back);
    return WEIR_OK;
}

bool weir_suppress_buffer_first(const weir_suppress_buffer *buffer, weir_bytes *out_key,
                                int64_t *out_time_ms)
{
    const weir_held_entry *first = weir_held_index_first(&buffer->index);
    if (first == NULL) {
        return false;
    }
    *out_key = weir_buf_bytes(&first->key);
    *out_time_ms = first->time_ms;
    return true;
}

void weir_suppress_buffer_remove_first(weir_suppress_buffer *buffer)
{
    weir_held_entry *gone = weir_held_index_first(&buffer->index);
    WEIR_ASSERT(gone != NULL);

    weir_held_index_pop(&buffer->index);
    leave_memory(buffer, gone);
    buffer->bytes -= gone->bytes;
    buffer->held_count--;
    gone->is_held = false;
    gone->is_spilled = false;
    weir_buf_rest(&gone->value);
    note_change(buffer, gone);
}

size_t weir_suppress_buffer_count(const weir_suppress_buffer *buffer)
{
    return buffer->held_count;
}

size_t weir_suppress_buffer_bytes(const weir_suppress_buffer *buffer)
{
    return buffer->bytes;
}
