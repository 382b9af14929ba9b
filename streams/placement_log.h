/* SPDX-License-Identifier: Apache-2.0
 *
 * placement_log.h - the members topic read and written for a placer: <application.id>-weir-members,
 * one partition, compacted; a record of a process that has gone is forgotten after a day.
 *
 * Errors     Of the opening only. What cannot be read or written now is tried again with
 *            the next step, and logged.
 * Threads    The coordinator's.
 */
#ifndef WEIR_STREAMS_PLACEMENT_LOG_H
#define WEIR_STREAMS_PLACEMENT_LOG_H

#include "streams/broker.h"
#include "streams/placer.h"

typedef struct weir_placement_log weir_placement_log;

/* Begins to read the topic. broker outlives the log; the texts are copied. */
weir_status weir_placement_log_open(weir_broker *broker, const char *topic, const char *client_id,
                                    weir_placement_log **out_log, weir_error *err);
void weir_placement_log_free(weir_placement_log *log); /* NULL is fine. */
WEIR_DEFINE_AUTO_PTR(weir_placement_log);

/* Gives the placer what is new, and its start when all is read that was there at first. True where
 * something was new. */
bool weir_placement_log_read(weir_placement_log *log, weir_placer *placer);

/* Sends a record of process_id; whether it was written, weir_placement_log_settle says. */
void weir_placement_log_send(weir_placement_log *log, const char *process_id, weir_bytes value,
                             int64_t now_ms);

/* WEIR_OK: nothing is on its way. WEIR_AGAIN: it is. WEIR_IO: the last record may not have been
 * written; said once. Waits at most timeout_ms. */
weir_status weir_placement_log_settle(weir_placement_log *log, int32_t timeout_ms);

#endif
