/* SPDX-License-Identifier: Apache-2.0
 *
 * topology_stores.h - stores that a topic fills through a processor of their own: global stores, of
 * which every worker has a copy, and read-only stores, whose changelog is the topic (KIP-813).
 *
 *   topic ─▶ source ─▶ filler ─▶ store ◀── read by any processor (global), or those connected to it
 *
 * Errors     Kept as mistakes, told by weir_topology_build.
 * Ownership  Strings are copied, user pointers are borrowed for the topology's life.
 * Threads    One while the topology is built.
 */
#ifndef WEIR_STREAMS_TOPOLOGY_STORES_H
#define WEIR_STREAMS_TOPOLOGY_STORES_H

#include "streams/topology.h"

/* A key-value store of which every worker has a copy in memory, of all partitions of topic: it is
 * read from the beginning before the first task runs, and then followed. Processors of any
 * sub-topology read it with weir_context_global_store.
 *
 * The filler writes what it makes of each record with weir_context_store, also when the topic is
 * read anew after a restart; it has no children, so it forwards to nobody, and neither schedules
 * nor defers. Each worker has one. A record that it refuses (WEIR_BAD_RECORD) stops the application
 * unless processing.exception.handler says otherwise; deserialization.exception.handler is for what
 * the serde refuses. There are no dead letters of these. Without a filler each record is a row, as
 * weir_timestamped, and one with a null value ends it. */
typedef struct weir_global_store_options {
    const char *store;
    const char *topic;
    const char *source; /* Names of its two nodes, which belong to no task. */
    const char *processor;
    weir_processor_options filler; /* supplier == NULL: none. */
    weir_serde serde;              /* For a filler. */
} weir_global_store_options;
void weir_topology_add_global_store(weir_topology *topology,
                                    const weir_global_store_options *options);

/* A store that topic fills, partition by partition, and that has no changelog beside it: a restore
 * reads the topic, past the filler, so the filler puts key and value of each record as they are (a
 * timestamped store takes weir_timestamped with the time of the record). The topic is read from the
 * beginning where nothing is committed. weir_topology_connect_store connects who reads it. */
typedef struct weir_read_only_store_options {
    weir_store_options store; /* Of keys and values; its changelog and logging are not looked at. */
    const char *topic;
    const char *source; /* Names of its two nodes. */
    const char *processor;
    weir_processor_options filler;
    weir_serde serde;
    weir_timestamp_extractor timestamp;
} weir_read_only_store_options;
void weir_topology_add_read_only_store(weir_topology *topology,
                                       const weir_read_only_store_options *options);

#endif
