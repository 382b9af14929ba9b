/* SPDX-License-Identifier: Apache-2.0
 *
 * error_handler.h - what happens to a record that cannot be decoded, processed or produced, and the
 * dead letter that tells of it.
 *
 * A dead letter is the raw source record (key, value, headers) with headers that Kafka Streams adds
 * (__streams.errors.exception, .stacktrace, .message, .topic, .partition, .offset) and four of our
 * own: .task.id, .processor.node.id, .stage, .attempt. It is sent through the worker's collector,
 * so inside the transaction that skips the record.
 *
 * Threads    The worker's.
 */
#ifndef WEIR_STREAMS_ERROR_HANDLER_H
#define WEIR_STREAMS_ERROR_HANDLER_H

#include "streams/collector.h"
#include "streams/config.h"

typedef enum weir_stage {
    WEIR_STAGE_DESERIALIZATION,
    WEIR_STAGE_PROCESSING,
    WEIR_STAGE_PRODUCTION,
} weir_stage;

/* A record and who refused it, why. */
typedef struct weir_refusal {
    weir_stage stage;
    const weir_record *record; /* As it was read; NULL: a punctuation had no record. */
    const weir_error *cause;
    const char *task_id;
    const char *node;
    int64_t attempt; /* 1: the first. */
} weir_refusal;

/* The reaction to the refusal: RETRY only while attempts are left, else what follows it. */
weir_reaction weir_error_handler_react(const weir_config *config, const weir_refusal *refusal);

/* Sends the dead letter. */
weir_status weir_error_handler_send(weir_collector *collector, const weir_config *config,
                                    const weir_refusal *refusal, weir_error *err);

/* "deserialization", "processing", "production". */
const char *weir_stage_name(weir_stage stage);

#endif
