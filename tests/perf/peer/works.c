/* SPDX-License-Identifier: Apache-2.0
 *
 * works.c - pass, count, count in windows of a minute, stream-table join; heavy, which is weir's
 * alone.
 *
 *   input ─▶ tap ─▶ (nothing | count | window | join ◀─ table) ─▶ output
 *
 * tap stands for the processor with which the Java peer counts its records, so that both sides have
 * the same number of nodes. Counts are eight bytes, big-endian, as Java's Long.
 */
#include "tests/perf/peer/works.h"

#include "streams/base/clock.h"
#include "streams/base/hash.h"
#include "streams/base/serde.h"

#include <stdlib.h>
#include <string.h>

typedef struct work {
    weir_processor base;
    weir_kv *kv;
    weir_window_store *windows;
    bool is_cached; /* Forwards when the cache lets go. */
    weir_buf value;
    weir_buf key;
} work;

typedef struct tap {
    weir_processor base;
    void (*first)(void *user);
    void *user;
} tap;

typedef struct tap_options {
    void (*first)(void *user);
    void *user;
} tap_options;

static work *work_of(weir_processor *processor)
{
    return (work *)(void *)processor;
}

static void work_free(weir_processor *processor)
{
    work *self = work_of(processor);
    weir_buf_cleanup(&self->value);
    weir_buf_cleanup(&self->key);
    free(self);
}

static weir_processor *work_new(const weir_processor_ops *ops)
{
    work *self = weir_alloc(sizeof(*self));
    self->base.ops = ops;
    return &self->base;
}

/* The number after the one in *value, which a read that answered status has filled. */
static weir_status next_count(weir_status status, const weir_buf *value, uint64_t *out_count)
{
    *out_count = status == WEIR_OK ? weir_get_u64_be(value->data) + 1 : 1;
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

/* tap */

static weir_status tap_process(weir_processor *processor, const weir_record *record,
                               weir_error *err)
{
    tap *self = (tap *)(void *)processor;
    if (self->first != NULL) {
        self->first(self->user);
        self->first = NULL;
    }
    return weir_context_forward(processor->context, record, err);
}

static void tap_free(weir_processor *processor)
{
    free(processor);
}

static weir_processor *tap_new(void *user)
{
    static const weir_processor_ops ops = {.process = tap_process, .free = tap_free};
    const tap_options *options = user;
    tap *self = weir_alloc(sizeof(*self));
    *self = (tap){{.ops = &ops}, options->first, options->user};
    return &self->base;
}

/* count */

static weir_status count_flushed(weir_processor *processor, const weir_flushed *flushed,
                                 weir_error *err)
{
    const weir_record out = {
        .timestamp_ms = flushed->timestamp_ms,
        .key = flushed->key,
        .value = flushed->value,
    };
    return weir_context_forward(processor->context, &out, err);
}

static weir_status count_init(weir_processor *processor, weir_error *err)
{
    (void)err;
    work *self = work_of(processor);
    self->kv = weir_context_store(processor->context, "counts");
    self->is_cached = weir_context_on_flush(processor->context, "counts", count_flushed, false);
    return WEIR_OK;
}

static weir_status count_process(weir_processor *processor, const weir_record *record,
                                 weir_error *err)
{
    work *self = work_of(processor);
    uint64_t count = 0;
    weir_status found = weir_kv_get(self->kv, record->key, &self->value, err);
    WEIR_TRY(next_count(found, &self->value, &count));
    uint8_t bytes[sizeof(count)];
    weir_put_u64_be(bytes, count);
    weir_record out = *record;
    out.value = weir_bytes_of(bytes, sizeof(bytes));
    WEIR_TRY(weir_kv_put(self->kv, record->key, out.value, err));
    return self->is_cached ? WEIR_OK : weir_context_forward(processor->context, &out, err);
}

static weir_processor *count_new(void *user)
{
    (void)user;
    static const weir_processor_ops ops = {count_init, count_process, work_free};
    return work_new(&ops);
}

/* window */

static weir_status forward_window(work *self, weir_record *out, int64_t start_ms, weir_error *err)
{
    weir_buf_set(&self->key, out->key);
    weir_buf_append_i64_be(&self->key, start_ms);
    out->key = weir_buf_bytes(&self->key);
    return weir_context_forward(self->base.context, out, err);
}

static weir_status window_flushed(weir_processor *processor, const weir_flushed *flushed,
                                  weir_error *err)
{
    weir_record out = {
        .timestamp_ms = flushed->timestamp_ms,
        .key = flushed->key,
        .value = flushed->value,
    };
    if (out.value.data == NULL) {
        return WEIR_OK; /* It has expired. */
    }
    return forward_window(work_of(processor), &out, flushed->window_start_ms, err);
}

static weir_status window_init(weir_processor *processor, weir_error *err)
{
    (void)err;
    work *self = work_of(processor);
    self->windows = weir_context_window_store(processor->context, "windows");
    self->is_cached = weir_context_on_flush(processor->context, "windows", window_flushed, false);
    return WEIR_OK;
}

static weir_status window_process(weir_processor *processor, const weir_record *record,
                                  weir_error *err)
{
    work *self = work_of(processor);
    int64_t start_ms = record->timestamp_ms - record->timestamp_ms % WORK_WINDOW_MS;
    if (start_ms + WORK_WINDOW_MS <= weir_context_stream_time_ms(processor->context)) {
        return WEIR_OK; /* Late: there is no grace. */
    }
    uint64_t count = 0;
    weir_status found =
        weir_window_store_get(self->windows, record->key, start_ms, &self->value, err);
    WEIR_TRY(next_count(found, &self->value, &count));
    uint8_t bytes[sizeof(count)];
    weir_put_u64_be(bytes, count);
    weir_record out = *record;
    out.value = weir_bytes_of(bytes, sizeof(bytes));
    WEIR_TRY(weir_window_store_put(self->windows, record->key, start_ms, out.value, err));
    return self->is_cached ? WEIR_OK : forward_window(self, &out, start_ms, err);
}

static weir_processor *window_new(void *user)
{
    (void)user;
    static const weir_processor_ops ops = {window_init, window_process, work_free};
    return work_new(&ops);
}

/* A windowed key goes where its key went, as Kafka Streams' WindowedStreamPartitioner does it. */
static int32_t partition_by_key(void *user, const weir_record *record, int32_t partition_count)
{
    (void)user;
    weir_bytes key = weir_bytes_of(record->key.data, record->key.size - sizeof(int64_t));
    return weir_partition_of(key, partition_count);
}

/* join */

static weir_status join_init(weir_processor *processor, weir_error *err)
{
    (void)err;
    work_of(processor)->kv = weir_context_store(processor->context, "table");
    return WEIR_OK;
}

static weir_status table_process(weir_processor *processor, const weir_record *record,
                                 weir_error *err)
{
    weir_kv *kv = work_of(processor)->kv;
    return record->value.data == NULL ? weir_kv_remove(kv, record->key, err)
                                      : weir_kv_put(kv, record->key, record->value, err);
}

static weir_status join_process(weir_processor *processor, const weir_record *record,
                                weir_error *err)
{
    work *self = work_of(processor);
    weir_status found = weir_kv_get(self->kv, record->key, &self->value, err);
    if (found == WEIR_NOT_FOUND) {
        return WEIR_OK;
    }
    WEIR_TRY(found);
    return weir_context_forward(processor->context, record, err);
}

static weir_processor *table_new(void *user)
{
    (void)user;
    static const weir_processor_ops ops = {join_init, table_process, work_free};
    return work_new(&ops);
}

static weir_processor *join_new(void *user)
{
    (void)user;
    static const weir_processor_ops ops = {join_init, join_process, work_free};
    return work_new(&ops);
}

/* heavy */

/* Fifty microseconds of CPU time, as parsing a page takes; the record goes on as it came. */
static weir_status heavy_process(weir_processor *processor, const weir_record *record,
                                 weir_error *err)
{
    enum { WORK_NS = 50000, ROUNDS = 100 };
    uint64_t hash = 0;
    uint64_t until_ns = weir_clock_thread_cpu_ns() + WORK_NS;
    while (weir_clock_thread_cpu_ns() < until_ns) {
        for (int i = 0; i < ROUNDS; i++) {
            hash = weir_hash64(record->value, hash);
        }
    }
    return hash == 0 ? WEIR_OK : weir_context_forward(processor->context, record, err);
}

static weir_processor *heavy_new(void *user)
{
    (void)user;
    static const weir_processor_ops ops = {.process = heavy_process, .free = work_free};
    return work_new(&ops);
}

/* Topologies. */

static void add_count(weir_topology *topology, bool cached)
{
    weir_topology_add_processor(topology, "work", &(weir_processor_options){count_new, NULL}, "tap",
                                NULL);
    weir_topology_add_store(
        topology, &(weir_store_options){.name = "counts", .caching_enabled = cached}, "work", NULL);
}

static void add_window(weir_topology *topology, bool cached)
{
    weir_topology_add_processor(topology, "work", &(weir_processor_options){window_new, NULL},
                                "tap", NULL);
    const weir_store_options store = {
        .name = "windows",
        .kind = WEIR_STORE_WINDOW,
        .retention_ms = WORK_WINDOW_MS,
        .caching_enabled = cached,
    };
    weir_topology_add_store(topology, &store, "work", NULL);
}

static void add_join(weir_topology *topology, const char *table)
{
    weir_topology_add_source(topology, "rows", &(weir_source_options){.topic = table});
    weir_topology_add_processor(topology, "table", &(weir_processor_options){table_new, NULL},
                                "rows", NULL);
    weir_topology_add_processor(topology, "work", &(weir_processor_options){join_new, NULL}, "tap",
                                NULL);
    weir_topology_add_store(topology, &(weir_store_options){.name = "table"}, "table", "work",
                            NULL);
}

static bool add_work(weir_topology *topology, const char *name, const work_topics *topics)
{
    const char *last = "work";
    weir_sink_options sink = {.topic = topics->output};
    if (strcmp(name, "pass") == 0) {
        last = "tap";
    } else if (strcmp(name, "heavy") == 0) {
        weir_topology_add_processor(topology, "work", &(weir_processor_options){heavy_new, NULL},
                                    "tap", NULL);
    } else if (strcmp(name, "count") == 0) {
        add_count(topology, topics->cached);
    } else if (strcmp(name, "window") == 0) {
        add_window(topology, topics->cached);
        sink.partitioner = partition_by_key;
    } else if (strcmp(name, "join") == 0) {
        add_join(topology, topics->table);
    } else {
        return false;
    }
    weir_topology_add_sink(topology, "output", &sink, last, NULL);
    return true;
}

weir_topology *work_topology_new(const char *name, const work_topics *topics,
                                 void (*first)(void *user), void *user)
{
    static tap_options options; /* Suppliers keep a pointer to it; there is one work a process. */
    options = (tap_options){first, user};
    WEIR_AUTO_PTR(weir_topology) topology = weir_topology_new();
    weir_topology_add_source(topology, "input", &(weir_source_options){.topic = topics->input});
    weir_topology_add_processor(topology, "tap", &(weir_processor_options){tap_new, &options},
                                "input", NULL);
    if (!add_work(topology, name, topics)) {
        return NULL;
    }
    weir_error err = {0};
    weir_status status = weir_topology_build(topology, &err);
    WEIR_ASSERT(status == WEIR_OK);
    return weir_take(&topology);
}
