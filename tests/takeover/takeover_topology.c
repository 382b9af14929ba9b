/* SPDX-License-Identifier: Apache-2.0
 *
 * takeover_topology.c - what the DSL of Kafka Streams makes of four lines, by hand: names are those
 * that Topology.describe() prints there, entries and times those that its operators write.
 */
#include "tests/takeover/takeover_topology.h"

#include "streams/base/hash.h"
#include "streams/base/serde.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WINDOW_MS = 10000,
    GRACE_MS = 3600 * 1000,
    LONG_BYTES = 8,
    SUM_BYTES_MAX = 24,
    SUM_FACTOR = 31,
    SUM_MODULUS = 1000003,
};

/* A processor with at most one store. */
typedef struct node {
    weir_processor base;
    weir_kv *store;
    weir_window_store *windows;
    weir_buf old;
    weir_buf stored;
} node;

static node *node_of(weir_processor *processor)
{
    return (node *)(void *)processor;
}

static void free_node(weir_processor *processor)
{
    weir_buf_cleanup(&node_of(processor)->old);
    weir_buf_cleanup(&node_of(processor)->stored);
    free(processor);
}

static weir_processor *new_node(void *user)
{
    node *self = weir_alloc(sizeof(*self));
    self->base.ops = user;
    return &self->base;
}

static weir_status init_counts(weir_processor *processor, weir_error *err)
{
    (void)err;
    node_of(processor)->store = weir_context_store(processor->context, "counts");
    return WEIR_OK;
}

static weir_status init_sums(weir_processor *processor, weir_error *err)
{
    (void)err;
    node_of(processor)->store = weir_context_store(processor->context, "sums");
    return WEIR_OK;
}

static weir_status init_customers(weir_processor *processor, weir_error *err)
{
    (void)err;
    node_of(processor)->store = weir_context_store(processor->context, "customers");
    return WEIR_OK;
}

static weir_status init_windows(weir_processor *processor, weir_error *err)
{
    (void)err;
    node_of(processor)->windows = weir_context_window_store(processor->context, "windows");
    return WEIR_OK;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The entry that a get has put into self->old; no entry: value is null. */
static weir_status take_old(node *self, weir_status got, weir_timestamped *out_old, weir_error *err)
{
    *out_old = (weir_timestamped){INT64_MIN, WEIR_BYTES_NULL};
    if (got == WEIR_NOT_FOUND) {
        return WEIR_OK;
    }
    WEIR_TRY(got);
    return weir_timestamped_decode(weir_buf_bytes(&self->old), out_old, err);
}

static weir_status pass(weir_processor *processor, const weir_record *record, weir_error *err)
{
    return record->key.data == NULL ? WEIR_OK
                                    : weir_context_forward(processor->context, record, err);
}

static weir_status key_by_value(weir_processor *processor, const weir_record *record,
                                weir_error *err)
{
    weir_record out = *record;
    out.key = record->value;
    return weir_context_forward(processor->context, &out, err);
}

/* One more than an old count. */
static weir_status next_count(const weir_timestamped *old, uint8_t bytes[LONG_BYTES],
                              weir_error *err)
{
    if (old->value.data != NULL && old->value.size != LONG_BYTES) {
        return weir_error_set(err, WEIR_CORRUPT, "a count of %zu bytes", old->value.size);
    }
    uint64_t count = old->value.data == NULL ? 0 : weir_get_u64_be(old->value.data);
    weir_put_u64_be(bytes, count + 1);
    return WEIR_OK;
}

static weir_status count(weir_processor *processor, const weir_record *record, weir_error *err)
{
    node *self = node_of(processor);
    weir_timestamped old = {0};
    WEIR_TRY(take_old(self, weir_kv_get(self->store, record->key, &self->old, err), &old, err));
    uint8_t bytes[LONG_BYTES];
    WEIR_TRY(next_count(&old, bytes, err));
    const weir_timestamped entry = {
        .timestamp_ms = later(old.timestamp_ms, record->timestamp_ms),
        .value = weir_bytes_of(bytes, sizeof(bytes)),
    };
    weir_timestamped_encode(entry, &self->stored);
    WEIR_TRY(weir_kv_put(self->store, record->key, weir_buf_bytes(&self->stored), err));
    const weir_record out = {
        .timestamp_ms = entry.timestamp_ms, .key = record->key, .value = entry.value};
    return weir_context_forward(processor->context, &out, err);
}

/* A windowed key in a topic: key | int64 start. */
static weir_status forward_window(weir_processor *processor, weir_bytes key, int64_t start_ms,
                                  const weir_timestamped *entry, weir_error *err)
{
    WEIR_AUTO(weir_buf) windowed = {0};
    weir_buf_append(&windowed, key.data, key.size);
    weir_buf_append_i64_be(&windowed, start_ms);
    const weir_record out = {.timestamp_ms = entry->timestamp_ms,
                             .key = weir_buf_bytes(&windowed),
                             .value = entry->value};
    return weir_context_forward(processor->context, &out, err);
}

static weir_status count_in_window(weir_processor *processor, const weir_record *record,
                                   weir_error *err)
{
    node *self = node_of(processor);
    int64_t start_ms = record->timestamp_ms / WINDOW_MS * WINDOW_MS;
    weir_timestamped old = {0};
    weir_status got = weir_window_store_get(self->windows, record->key, start_ms, &self->old, err);
    WEIR_TRY(take_old(self, got, &old, err));
    uint8_t bytes[LONG_BYTES];
    WEIR_TRY(next_count(&old, bytes, err));
    const weir_timestamped entry = {
        .timestamp_ms = later(old.timestamp_ms, record->timestamp_ms),
        .value = weir_bytes_of(bytes, sizeof(bytes)),
    };
    weir_timestamped_encode(entry, &self->stored);
    weir_status put = weir_window_store_put(self->windows, record->key, start_ms,
                                            weir_buf_bytes(&self->stored), err);
    if (put == WEIR_NOT_FOUND) {
        return WEIR_OK; /* Past its grace. */
    }
    WEIR_TRY(put);
    return forward_window(processor, record->key, start_ms, &entry, err);
}

static int64_t number_of(weir_bytes text)
{
    char digits[SUM_BYTES_MAX] = {0};
    memcpy(digits, text.data, text.size < sizeof(digits) ? text.size : sizeof(digits) - 1);
    return strtoll(digits, NULL, 10);
}

static weir_status sum(weir_processor *processor, const weir_record *record, weir_error *err)
{
    node *self = node_of(processor);
    weir_timestamped old = {0};
    WEIR_TRY(take_old(self, weir_kv_get(self->store, record->key, &self->old, err), &old, err));
    char text[SUM_BYTES_MAX];
    weir_timestamped entry = {later(old.timestamp_ms, record->timestamp_ms), record->value};
    if (old.value.data != NULL) {
        int64_t total =
            (number_of(old.value) * SUM_FACTOR + number_of(record->value)) % SUM_MODULUS;
        (void)snprintf(text, sizeof(text), "%" PRId64, total);
        entry.value = weir_bytes_of_text(text);
    }
    weir_timestamped_encode(entry, &self->stored);
    WEIR_TRY(weir_kv_put(self->store, record->key, weir_buf_bytes(&self->stored), err));
    const weir_record out = {
        .timestamp_ms = entry.timestamp_ms, .key = record->key, .value = entry.value};
    return weir_context_forward(processor->context, &out, err);
}

static weir_status keep_customer(weir_processor *processor, const weir_record *record,
                                 weir_error *err)
{
    node *self = node_of(processor);
    if (record->value.data == NULL) {
        return weir_kv_remove(self->store, record->key, err);
    }
    weir_timestamped_encode((weir_timestamped){record->timestamp_ms, record->value}, &self->stored);
    return weir_kv_put(self->store, record->key, weir_buf_bytes(&self->stored), err);
}

static weir_status join(weir_processor *processor, const weir_record *record, weir_error *err)
{
    node *self = node_of(processor);
    weir_timestamped customer = {0};
    weir_status got = weir_kv_get(self->store, record->key, &self->old, err);
    WEIR_TRY(take_old(self, got, &customer, err));
    if (customer.value.data == NULL) {
        return WEIR_OK;
    }
    weir_buf_set(&self->stored, record->value);
    weir_buf_append_byte(&self->stored, '|');
    weir_buf_append(&self->stored, customer.value.data, customer.value.size);
    weir_record out = *record;
    out.value = weir_buf_bytes(&self->stored);
    return weir_context_forward(processor->context, &out, err);
}

static const weir_processor_ops passes = {.process = pass, .free = free_node};
static const weir_processor_ops keys = {.process = key_by_value, .free = free_node};
static const weir_processor_ops counts = {init_counts, count, free_node};
static const weir_processor_ops windows = {init_windows, count_in_window, free_node};
static const weir_processor_ops sums = {init_sums, sum, free_node};
static const weir_processor_ops tables = {init_customers, keep_customer, free_node};
static const weir_processor_ops joins = {init_customers, join, free_node};

static void add(weir_topology *topology, const char *name, const weir_processor_ops *ops,
                const char *parent)
{
    const weir_processor_options options = {new_node, (void *)ops};
    weir_topology_add_processor(topology, name, &options, parent, NULL);
}

/* Of a windowed key the partition is that of the key without its window. */
static int32_t partition_by_inner_key(void *user, const weir_record *record,
                                      int32_t partition_count)
{
    (void)user;
    weir_bytes inner = weir_bytes_of(record->key.data, record->key.size - LONG_BYTES);
    return weir_partition_of(inner, partition_count);
}

static void add_sink(weir_topology *topology, const char *application_id, const char *suffix,
                     const char *name, const char *parent)
{
    WEIR_AUTO_FREE char *topic = weir_format("%s.%s", application_id, suffix);
    weir_sink_options options = {.topic = topic};
    if (strcmp(suffix, "windows") == 0) {
        options.partitioner = partition_by_inner_key;
    }
    weir_topology_add_sink(topology, name, &options, parent, NULL);
}

static void add_source(weir_topology *topology, const char *name, const char *topic)
{
    weir_topology_add_source(topology, name, &(weir_source_options){.topic = topic});
}

static void add_count(weir_topology *topology, const char *id)
{
    const char *by_word = weir_topology_repartition(topology, "by-word", 0);
    add_source(topology, "KSTREAM-SOURCE-0000000000", "takeover.words");
    add(topology, "by-word", &keys, "KSTREAM-SOURCE-0000000000");
    add(topology, "by-word-repartition-filter", &passes, "by-word");
    weir_topology_add_sink(topology, "by-word-repartition-sink",
                           &(weir_sink_options){.topic = by_word}, "by-word-repartition-filter",
                           NULL);
    add_source(topology, "by-word-repartition-source", by_word);
    add(topology, "KSTREAM-AGGREGATE-0000000002", &counts, "by-word-repartition-source");
    const weir_store_options store = {.name = "counts", .timestamped = true};
    weir_topology_add_store(topology, &store, "KSTREAM-AGGREGATE-0000000002", NULL);
    add(topology, "KTABLE-TOSTREAM-0000000006", &passes, "KSTREAM-AGGREGATE-0000000002");
    add_sink(topology, id, "counts", "KSTREAM-SINK-0000000007", "KTABLE-TOSTREAM-0000000006");
}

/* "?": the record happened when its partition's last did. */
static int64_t click_time(const weir_record *record, int64_t partition_time_ms)
{
    return weir_bytes_equal(record->value, WEIR_BYTES("?")) ? partition_time_ms
                                                            : record->timestamp_ms;
}

static void add_window(weir_topology *topology, const char *id)
{
    const weir_source_options source = {.topic = "takeover.clicks", .timestamp = click_time};
    weir_topology_add_source(topology, "clicks", &source);
    add(topology, "KSTREAM-AGGREGATE-0000000009", &windows, "clicks");
    const weir_store_options store = {
        .name = "windows",
        .kind = WEIR_STORE_WINDOW,
        .retention_ms = WINDOW_MS + GRACE_MS,
        .timestamped = true,
    };
    weir_topology_add_store(topology, &store, "KSTREAM-AGGREGATE-0000000009", NULL);
    add(topology, "KTABLE-TOSTREAM-0000000010", &passes, "KSTREAM-AGGREGATE-0000000009");
    add_sink(topology, id, "windows", "KSTREAM-SINK-0000000011", "KTABLE-TOSTREAM-0000000010");
}

static void add_reduce(weir_topology *topology, const char *id)
{
    add_source(topology, "KSTREAM-SOURCE-0000000012", "takeover.amounts");
    add(topology, "KSTREAM-REDUCE-0000000013", &sums, "KSTREAM-SOURCE-0000000012");
    const weir_store_options store = {.name = "sums", .timestamped = true};
    weir_topology_add_store(topology, &store, "KSTREAM-REDUCE-0000000013", NULL);
    add(topology, "KTABLE-TOSTREAM-0000000014", &passes, "KSTREAM-REDUCE-0000000013");
    add_sink(topology, id, "sums", "KSTREAM-SINK-0000000015", "KTABLE-TOSTREAM-0000000014");
}

static void add_join(weir_topology *topology, const char *id, bool optimized)
{
    add_source(topology, "KSTREAM-SOURCE-0000000016", "takeover.customers");
    add(topology, "KTABLE-SOURCE-0000000017", &tables, "KSTREAM-SOURCE-0000000016");
    add_source(topology, "KSTREAM-SOURCE-0000000018", "takeover.orders");
    add(topology, "KSTREAM-JOIN-0000000019", &joins, "KSTREAM-SOURCE-0000000018");
    const weir_store_options store = {
        .name = "customers",
        .timestamped = true,
        .changelog_topic = optimized ? "takeover.customers" : NULL,
        .changelog_is_source = optimized,
    };
    weir_topology_add_store(topology, &store, "KTABLE-SOURCE-0000000017", "KSTREAM-JOIN-0000000019",
                            NULL);
    add_sink(topology, id, "joined", "KSTREAM-SINK-0000000020", "KSTREAM-JOIN-0000000019");
}

weir_topology *takeover_topology_new(const char *application_id, bool optimized)
{
    weir_topology *topology = weir_topology_new();
    add_count(topology, application_id);
    add_window(topology, application_id);
    add_reduce(topology, application_id);
    add_join(topology, application_id, optimized);
    weir_error err = {0};
    weir_status status = weir_topology_build(topology, &err);
    WEIR_ASSERT(status == WEIR_OK);
    return topology;
}
