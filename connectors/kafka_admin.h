/* SPDX-License-Identifier: Apache-2.0
 *
 * kafka_admin.h - a call of librdkafka's administration, from its options to its answer, and what
 * an error of one asks the user to do (kafka_admin.c and kafka_groups.c alone).
 *
 *   WEIR_AUTO(weir_kafka_call) call = {0};
 *   WEIR_TRY(weir_kafka_call_begin(kafka->admin, RD_KAFKA_ADMIN_OP_…, &call, err));
 *   rd_kafka_…(kafka->admin, …, call.options, call.queue);
 *   WEIR_TRY(weir_kafka_call_end(&call, err, "topic %s", topic));
 *
 * Threads    One a call.
 */
#ifndef WEIR_CONNECTORS_KAFKA_ADMIN_H
#define WEIR_CONNECTORS_KAFKA_ADMIN_H

#include "connectors/kafka_internal.h"

typedef struct weir_kafka_call {
    rd_kafka_queue_t *queue;
    rd_kafka_AdminOptions_t *options;
    rd_kafka_event_t *event; /* The answer, once it is there. */
} weir_kafka_call;

/* Makes options, with our time limit, and a queue for the answer. */
weir_status weir_kafka_call_begin(rd_kafka_t *handle, rd_kafka_admin_op_t operation,
                                  weir_kafka_call *out_call, weir_error *err);

/* Waits for the answer; AGAIN where a coordinator is not ready. An error of the whole call is
 * wrapped in the formatted text; those of its parts are in the event. */
weir_status weir_kafka_call_end(weir_kafka_call *call, weir_error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void weir_kafka_call_cleanup(weir_kafka_call *call);

/* Fills *err with "<text>: <words>; <what to do>" and returns the status of code. words may be
 * NULL: librdkafka's own. */
weir_status weir_kafka_refuse(weir_error *err, rd_kafka_resp_err_t code, const char *words,
                              const char *format, ...) __attribute__((format(printf, 4, 5)));

/* True for what passes by itself: a coordinator moves, or reads its log. */
bool weir_kafka_is_coordinator_error(rd_kafka_resp_err_t code);

#endif
