/* SPDX-License-Identifier: Apache-2.0
 *
 * stage.h - what every stage of the pipeline is made with: codec, objects, settings; and the
 * two things that every stage does: decode a value, send a record on.
 *
 * Ownership  A weir_stage_services outlives the topologies that are made with it.
 * Threads    Immutable once the topologies run. Each worker opens its own object store.
 */
#ifndef WEIR_TOPOLOGIES_STAGE_H
#define WEIR_TOPOLOGIES_STAGE_H

#include "avro/record.h"
#include "connectors/object_store.h"
#include "streams/topology.h"
#include "topologies/topic_map.h"

/* Which links of a page are followed. */
typedef enum weir_crawl_scope {
    WEIR_SCOPE_HOST,   /* To the page's own host. */
    WEIR_SCOPE_DOMAIN, /* To hosts of the same registrable domain. */
    WEIR_SCOPE_ANY,
} weir_crawl_scope;

/* Zero in a number means the default that stands behind it. */
typedef struct weir_crawl_settings {
    const char *user_agent; /* Sent, and matched against robots.txt; NULL: "weir". */
    weir_crawl_scope scope;
    int32_t depth_max;          /* 10 */
    int64_t delay_ms;           /* Between two requests to a host; -1: none. 1,000 */
    int64_t request_timeout_ms; /* 30,000 */
    int64_t body_bytes_max;     /* 8 MiB */
    int64_t page_cpu_ms_max;    /* CPU time for one page; what takes more is "too_slow". 250 */
    int64_t host_urls_max;      /* URLs of one host that may be known. 100,000 */
    int32_t attempts_max;       /* 3 */
    int64_t retry_backoff_ms;   /* Doubled with each attempt. 60,000 */
    const char *proxy_url;      /* All requests go through it; NULL: none. */
    const char *allow_private;  /* "host:port,…" that may be private addresses; "*": all. */
} weir_crawl_settings;

/* A codec and the type of the values of one source or store. */
typedef struct weir_avro_binding {
    const weir_codec *codec;
    const weir_record_type *type;
} weir_avro_binding;

enum { WEIR_STAGE_TYPES_MAX = 64 };

typedef struct weir_stage_services {
    const weir_codec *codec;
    const char *objects_directory; /* Where bodies and texts lie. */
    const weir_topic_profile *profile;
    const struct weir_rule_set *rules; /* Of quality; NULL: the default set. */
    weir_crawl_settings crawl;
    uint64_t (*cpu_now_ns)(void); /* CPU time of the calling thread; NULL: pages have no budget. */
    weir_avro_binding bindings[WEIR_STAGE_TYPES_MAX]; /* One a record type; made by _prepare. */
} weir_stage_services;

/* Prepares services, whose codec, objects_directory, profile and crawl are set: completes the
 * settings. */
void weir_stage_services_prepare(weir_stage_services *services);

/* The binding of type, one of weir_record_types. */
weir_avro_binding *weir_stage_binding(weir_stage_services *services, const weir_record_type *type);

/* The serde of a source whose values are of type, one of weir_record_types. */
weir_serde weir_stage_serde(weir_stage_services *services, const weir_record_type *type);

/* A record on its way out of a processor: value is a struct of type. */
typedef struct weir_stage_output {
    const char *child; /* NULL: every child. */
    const weir_record_type *type;
    const void *value; /* NULL: a tombstone. */
    weir_bytes key;
    int64_t timestamp_ms;
} weir_stage_output;

/* Encodes and forwards. */
weir_status weir_stage_forward(weir_processor *processor, const weir_codec *codec,
                               const weir_stage_output *output, weir_error *err);

/* Reads and writes Avro values of a store. A value that does not decode is WEIR_CORRUPT: nobody but
 * us wrote it. The struct borrows from the context's arena. */
weir_status weir_stage_get(weir_context *context, weir_kv *kv, const weir_avro_binding *binding,
                           weir_bytes key, void *out_value, weir_error *err);
weir_status weir_stage_get_or_zero(weir_context *context, weir_kv *kv,
                                   const weir_avro_binding *binding, weir_bytes key,
                                   void *out_value, weir_error *err);
weir_status weir_stage_put(weir_kv *kv, const weir_avro_binding *binding, weir_bytes key,
                           const void *value, weir_error *err);

/* Replaces *out_content by the object that a record refers to. Where it is missing or damaged the
 * record is a dead letter: WEIR_BAD_RECORD, "object_missing: …" or "object_corrupt: …". */
weir_status weir_stage_read_object(weir_context *context, weir_bytes ref, size_t bytes_max,
                                   weir_buf *out_content, weir_error *err);

/* Gives each worker of topology an object store, for the function above and the one below. */
void weir_stage_add_objects(weir_topology *topology, weir_stage_services *services);
weir_object_store *weir_stage_objects(weir_context *context);

#endif
