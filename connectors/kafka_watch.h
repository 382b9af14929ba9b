/* SPDX-License-Identifier: Apache-2.0
 *
 * kafka_watch.h - ends calls of librdkafka that wait for what nobody will tell.
 *
 * rd_kafka_send_offsets_to_transaction has no time limit of its own. When a broker is no longer the
 * coordinator of the group, librdkafka asks who is; and where it is answered three times, within
 * some 300 ms, that there is none now, it asks again only when a connection of the handle comes up
 * or goes down (rdkafka_coord.c of 2.0 to 2.11). Where all connections are well, that is never. So
 * a call that has lasted too long gets its handle's connections cut: librdkafka connects anew, asks
 * again, and the call ends.
 *
 * Threads    Any; a watch belongs to the thread between its begin and its end. One thread of its
 *            own looks once a second, from the first watch on.
 */
#ifndef WEIR_CONNECTORS_KAFKA_WATCH_H
#define WEIR_CONNECTORS_KAFKA_WATCH_H

#include "connectors/kafka_internal.h"

#include <stdint.h>

typedef struct weir_kafka_watcher weir_kafka_watcher;

weir_kafka_watcher *weir_kafka_watcher_new(void);

/* No watch is under way any more; NULL is fine. */
void weir_kafka_watcher_free(weir_kafka_watcher *watcher);

/* A call under way, from its begin to its end. */
typedef struct weir_kafka_watch {
    const rd_kafka_t *handle;
    uint64_t since_ns;
    uint64_t limit_ns;
    struct weir_kafka_watch *next;
} weir_kafka_watch;

/* Watches a call to handle until the end: each time that limit_ms have passed, its connections are
 * cut. */
void weir_kafka_watch_begin(weir_kafka_watcher *watcher, weir_kafka_watch *watch,
                            const rd_kafka_t *handle, uint64_t limit_ms);
void weir_kafka_watch_end(weir_kafka_watcher *watcher, weir_kafka_watch *watch);

/* Lets the connections of a handle with that configuration be known, so that they can be cut. */
void weir_kafka_watch_sockets(rd_kafka_conf_t *conf);

#endif
