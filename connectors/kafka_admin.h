/* SPDX-License-Identifier: Apache-2.0
 *
 * kafka_admin.h - a call of librdkafka's administration, from its options to its answer, and what
 * an error of one asks the user to do (kafka_admin.c, kafka_groups.c), and what they offer.
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

/* What the broker interface asks of kafka_admin.c and kafka_groups.c. */
weir_status weir_kafka_create_topics(weir_broker *broker, const weir_topic_config *configs,
                                     size_t count, weir_error *err);
weir_status weir_kafka_describe_topics(weir_broker *broker, weir_topic_query *queries, size_t count,
                                       weir_error *err);
weir_status weir_kafka_list_topics(weir_broker *broker,
                                   weir_status (*visit)(void *user, const weir_topic_config *topic,
                                                        weir_error *err),
                                   void *user, weir_error *err);
weir_status weir_kafka_delete_topic(weir_broker *broker, const char *topic, weir_error *err);
weir_status weir_kafka_offsets(weir_broker *broker, weir_offset_query *queries, size_t count,
                               weir_error *err);
weir_status weir_kafka_delete_records(weir_broker *broker, weir_topic_partition partition,
                                      int64_t before_offset, weir_error *err);
weir_status weir_kafka_group_offsets(weir_broker *broker, const char *group,
                                     weir_committed_query *queries, size_t count, weir_error *err);
weir_status weir_kafka_alter_group_offset(weir_broker *broker, const char *group,
                                          const weir_group_offset *offset, weir_error *err);
weir_status weir_kafka_group_member_count(weir_broker *broker, const char *group,
                                          int32_t *out_count, weir_error *err);
void weir_kafka_group_client_free(weir_kafka *kafka); /* By which groups are asked about. */

#endif
