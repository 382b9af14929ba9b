/* SPDX-License-Identifier: Apache-2.0
 *
 * broker_embedded.h - the broker in a directory of this process: durable, without a server.
 *
 * Whatever a call has acknowledged survives the end of the process at any instant (kill -9). With
 * WEIR_SYNC_EACH_COMMIT it survives a loss of power as well. Transactions are atomic and readers of
 * either isolation see committed records only; offsets have neither gaps nor markers.
 *
 * Beyond the contract of broker.h: a member whose instance_id another member takes over hears of
 * the loss, then WEIR_FENCED for good. Groups live as long as the broker is open, their offsets for
 * ever. A producer writes when a frame is full (64 KiB) or when it is flushed.
 *
 * Ownership  The options are borrowed for the call.
 * Errors     WEIR_INVALID where another process uses the directory, WEIR_CORRUPT with file and
 *            position where a file is damaged. Unfinished writes are cut, with a log line.
 * Threads    As in broker.h.
 */
#ifndef WEIR_CONNECTORS_BROKER_EMBEDDED_H
#define WEIR_CONNECTORS_BROKER_EMBEDDED_H

#include "streams/broker.h"

/* When written records are forced out of the system's memory on to the disk. */
typedef enum weir_broker_sync {
    WEIR_SYNC_NEVER,       /* When the system likes: survives kill -9, not a loss of power. */
    WEIR_SYNC_INTERVAL,    /* By weir_broker_housekeep, once sync_interval_ms have passed. */
    WEIR_SYNC_EACH_COMMIT, /* Before a flush or a commit is acknowledged. */
} weir_broker_sync;

typedef struct weir_broker_embedded_options {
    /* Made where it is not there. NULL: a fresh temporary one, which goes with the broker:
     * for tests, and for a first look. */
    const char *directory;
    weir_broker_sync sync;
    int64_t sync_interval_ms; /* 0: 1,000. */

    /* What a topic gets that does not say: zeros mean 1 partition, clean-up by deletion after
     * 7 days, segments of 16 MiB or 7 days, tombstones kept for a day. */
    weir_topic_config topic_defaults;
} weir_broker_embedded_options;

/* Opens the broker of a directory, which it makes, locks and recovers. */
weir_status weir_broker_embedded_open(const weir_broker_embedded_options *options,
                                      weir_broker **out_broker, weir_error *err);

#endif
