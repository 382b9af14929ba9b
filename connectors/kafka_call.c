/* SPDX-License-Identifier: Apache-2.0
 *
 * kafka_call.c - the frame of a call to the cluster's administration: it waits on a queue of its
 * own, since several threads share the one handle.
 */
#include "connectors/kafka_admin.h"

#include <stdarg.h>
#include <stdio.h>

enum { QUEUE_MARGIN_MS = 5000 }; /* librdkafka gives up first, and says why. */

/* What the user can do about an error, where the words of the cluster do not say. */
static const struct {
    rd_kafka_resp_err_t code;
    const char *advice;
} advices[] = {
    {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
     "the user lacks a permission: add an ACL for this topic"},
    {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
     "the user lacks a permission: add an ACL for this group"},
    {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED,
     "the user lacks a permission: add an ACL for the cluster, or let an administrator run this"},
    {RD_KAFKA_RESP_ERR_TOPIC_DELETION_DISABLED,
     "the brokers run with delete.topic.enable=false: let an administrator delete it"},
    {RD_KAFKA_RESP_ERR_POLICY_VIOLATION,
     "a policy of the cluster forbids it: ask its administrator what is allowed"},
    {RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR,
     "fewer brokers are there now than replicas are wanted: start brokers or ask for fewer"},
    {RD_KAFKA_RESP_ERR_NON_EMPTY_GROUP, "stop the members of the group first"},
    {RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, "stop the members of the group first"},
    {RD_KAFKA_RESP_ERR__TRANSPORT, "see whether the brokers run and can be reached"},
    {RD_KAFKA_RESP_ERR__TIMED_OUT, "see whether the brokers run and can be reached"},
    {RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "see whether the brokers run and can be reached"},
};

static const char *advice_on(rd_kafka_resp_err_t code)
{
    for (size_t i = 0; i < WEIR_COUNT_OF(advices); i++) {
        if (advices[i].code == code) {
            return advices[i].advice;
        }
    }
    return NULL;
}

static weir_status refuse(weir_error *err, rd_kafka_resp_err_t code, const char *words,
                          const char *subject)
{
    const char *advice = advice_on(code);
    return weir_error_set(err, weir_kafka_status(code), "%s: %s%s%s", subject,
                          words == NULL ? rd_kafka_err2str(code) : words,
                          advice == NULL ? "" : "; ", advice == NULL ? "" : advice);
}

weir_status weir_kafka_refuse(weir_error *err, rd_kafka_resp_err_t code, const char *words,
                              const char *format, ...)
{
    char subject[WEIR_ERROR_MESSAGE_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(subject, sizeof subject, format, arguments);
    va_end(arguments);
    return refuse(err, code, words, subject);
}

bool weir_kafka_is_coordinator_error(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS ||
           code == RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE ||
           code == RD_KAFKA_RESP_ERR_NOT_COORDINATOR;
}

weir_status weir_kafka_call_begin(rd_kafka_t *handle, rd_kafka_admin_op_t operation,
                                  weir_kafka_call *out_call, weir_error *err)
{
    char words[WEIR_ERROR_MESSAGE_BYTES_MAX];
    out_call->queue = rd_kafka_queue_new(handle);
    out_call->options = rd_kafka_AdminOptions_new(handle, operation);
    rd_kafka_resp_err_t code = rd_kafka_AdminOptions_set_request_timeout(
        out_call->options, WEIR_KAFKA_CALL_TIMEOUT_MS, words, sizeof words);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? WEIR_OK
                                              : weir_error_set(err, WEIR_INVALID, "%s", words);
}

weir_status weir_kafka_call_end(weir_kafka_call *call, weir_error *err, const char *format, ...)
{
    char subject[WEIR_ERROR_MESSAGE_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(subject, sizeof subject, format, arguments);
    va_end(arguments);
    call->event = rd_kafka_queue_poll(call->queue, WEIR_KAFKA_CALL_TIMEOUT_MS + QUEUE_MARGIN_MS);
    if (call->event == NULL) {
        return refuse(err, RD_KAFKA_RESP_ERR__TIMED_OUT, NULL, subject);
    }
    rd_kafka_resp_err_t code = rd_kafka_event_error(call->event);
    if (weir_kafka_is_coordinator_error(code)) {
        return WEIR_AGAIN;
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return refuse(err, code, rd_kafka_event_error_string(call->event), subject);
    }
    return WEIR_OK;
}

void weir_kafka_call_cleanup(weir_kafka_call *call)
{
    if (call->event != NULL) {
        rd_kafka_event_destroy(call->event);
    }
    if (call->options != NULL) {
        rd_kafka_AdminOptions_destroy(call->options);
    }
    if (call->queue != NULL) {
        rd_kafka_queue_destroy(call->queue);
    }
    *call = (weir_kafka_call){0};
}
