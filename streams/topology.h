/* SPDX-License-Identifier: Apache-2.0
 *
 * topology.h - sources, processors, stores and sinks by name, in Kafka Streams' sub-topologies.
 *
 *   weir_topology *t = weir_topology_new();
 *   weir_topology_add_source(t, "pages", &(weir_source_options){.topic = "pages"});
 *   weir_topology_add_processor(t, "count", &(weir_processor_options){new_count}, "pages", NULL);
 *   weir_topology_add_store(t, &(weir_store_options){.name = "counts"}, "count", NULL);
 *   weir_topology_add_sink(t, "out", &(weir_sink_options){.topic = "counts"}, "count", NULL);
 *   weir_topology_build(t, &err)
 *
 * Errors     The first mistake (a name used twice, an unknown parent, …) is kept, told by build.
 * Ownership  Strings and options are copied, user pointers are borrowed for the topology's life.
 * Threads    One while it is built; immutable and shared afterwards.
 */
#ifndef WEIR_STREAMS_TOPOLOGY_H
#define WEIR_STREAMS_TOPOLOGY_H

#include "statestore/task_state.h"
#include "statestore/timestamped.h"
#include "streams/auto_offset_reset.h"
#include "streams/broker_topics.h"
#include "streams/processor.h"
#include "streams/store_options.h"

typedef struct weir_topology weir_topology;

/* Decodes the value of a record into an object in arena, which the record then carries. Anything
 * but WEIR_OK goes to the deserialization exception handler with the raw record. */
typedef struct weir_serde {
    weir_status (*decode)(void *user, const weir_record *record, weir_arena *arena,
                          void **out_object, weir_error *err);
    void *user;
} weir_serde;

/* The event time of a record read, from itself and the largest one seen in its partition (-1:
 * none). A negative answer drops the record, which is counted. */
typedef int64_t (*weir_timestamp_extractor)(const weir_record *record, int64_t partition_time_ms);

typedef struct weir_source_options {
    const char *topic;
    const char *const *topics;          /* Or several, which end with a NULL; */
    const char *pattern;                /* or all topics of such names (topic_pattern.h). */
    weir_serde serde;                   /* decode == NULL: records carry no object. */
    weir_timestamp_extractor timestamp; /* NULL: the record's own timestamp. */
    weir_auto_offset_reset reset;       /* Where nothing is committed. */
} weir_source_options;

typedef struct weir_processor_options {
    weir_processor_supplier supplier;
    void *user;
} weir_processor_options;

/* The topic for a record: its name in arena or longer-lived memory. NULL: it has none, which is for
 * the production exception handler. A topic that does not exist stops the task. */
typedef const char *(*weir_topic_extractor)(void *user, const weir_record *record,
                                            weir_arena *arena);

typedef struct weir_sink_options {
    const char *topic;
    weir_topic_extractor topic_of; /* Names a topic for each record; topic is NULL then. */
    void *topic_user;
    weir_partitioner partitioner; /* NULL: murmur2 of the key; without a key, round robin. */
    weir_multicast multicast;     /* In place of a partitioner. */
    void *partitioner_user;       /* Of either. */
} weir_sink_options;

weir_topology *weir_topology_new(void);
void weir_topology_free(weir_topology *topology);
WEIR_DEFINE_AUTO_PTR(weir_topology);

/* The names of parents and of processors end with a NULL. */
void weir_topology_add_source(weir_topology *topology, const char *name,
                              const weir_source_options *options);
void weir_topology_add_processor(weir_topology *topology, const char *name,
                                 const weir_processor_options *options, ...)
    __attribute__((sentinel));
void weir_topology_add_sink(weir_topology *topology, const char *name,
                            const weir_sink_options *options, ...) __attribute__((sentinel));
void weir_topology_add_store(weir_topology *topology, const weir_store_options *options, ...)
    __attribute__((sentinel));

/* The same with parents in an array that ends with a NULL; one processor more for a store. */
void weir_topology_add_processor_to(weir_topology *topology, const char *name,
                                    const weir_processor_options *options,
                                    const char *const *parents);
void weir_topology_add_sink_to(weir_topology *topology, const char *name,
                               const weir_sink_options *options, const char *const *parents);
void weir_topology_connect_store(weir_topology *topology, const char *processor_name,
                                 const char *store_name);
/* The processor of that name, which has been added, forwards no other key than that of its record
 * (process_values): it is WEIR_INVALID where it does. */
void weir_topology_keep_keys(weir_topology *topology, const char *processor_name);

/* Declares `<application.id>-<name>-repartition`; sinks and sources name the topic by the answer.
 * partition_count 0: as many as the sources with which it is co-partitioned, or that feed it. */
const char *weir_topology_repartition(weir_topology *topology, const char *name,
                                      int32_t partition_count);

/* The same for a topic called `<application.id>-<name>`, as those of foreign-key joins are. */
const char *weir_topology_internal_topic(weir_topology *topology, const char *name);

/* Something that each worker has one of (an HTTP client, a codec), for weir_context_resource. */
typedef struct weir_resource_options {
    weir_status (*open)(void *user, void **out_resource, weir_error *err);
    void (*close)(void *resource);
    /* Both NULL unless the resource does I/O: a descriptor to wait on, and what to do when it is
     * ready or a wait ended; completions (weir_async_end) happen in there. */
    int (*fd)(void *resource);
    weir_status (*poll)(void *resource, int64_t now_ms, weir_error *err);
    void *user;
} weir_resource_options;
void weir_topology_add_resource(weir_topology *topology, const char *name,
                                const weir_resource_options *options);

/* Checks the whole and cuts it into sub-topologies. WEIR_INVALID tells the first mistake. */
weir_status weir_topology_build(weir_topology *topology, weir_error *err);

/* The text of Kafka Streams' TopologyDescription.toString(), appended. After build. */
void weir_topology_describe(const weir_topology *topology, weir_buf *out_text);

#endif
