/* SPDX-License-Identifier: Apache-2.0
 *
 * kafka_connect.c - the first conversation with a cluster, and why it failed.
 *
 * librdkafka goes on trying whatever happens, and a request that nobody answers only times out: a
 * wrong password looks like a slow network. What it knows of the reason comes to a callback. A
 * refusal may be that of one broker of several, so there is some time for another to accept us.
 */
#include "connectors/kafka_admin.h"

#include "streams/base/clock.h"
#include "streams/base/logging.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    REFUSAL_WAIT_MS = 3000,
    METADATA_TIMEOUT_MS = 500,
    SCRAM_REPAIRED_VERSION = 0x020601ff, /* Before it the nonce was sent twice. */
};

bool weir_kafka_library_has_scram(void)
{
    return rd_kafka_version() >= SCRAM_REPAIRED_VERSION;
}

/* True for the words of a client that talks to a listener of another protocol. */
static bool is_wrong_listener(const char *text)
{
    return strstr(text, "security.protocol") != NULL || strstr(text, "PLAINTEXT broker") != NULL;
}

/* True for what trying again does not change. Some of it has only its words: a broker that ends a
 * connection without a word of its own. */
static bool is_refusal(rd_kafka_resp_err_t code, const char *text)
{
    return code == RD_KAFKA_RESP_ERR__AUTHENTICATION || code == RD_KAFKA_RESP_ERR__SSL ||
           code == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED ||
           code == RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM ||
           strstr(text, "SSL routines") != NULL || is_wrong_listener(text);
}

/* "…/bootstrap: ": the broker that a message is about is of no help to whoever reads it. */
static const char *without_broker(const char *text)
{
    const char *found = strstr(text, "/bootstrap: ");
    return found == NULL ? text : found + strlen("/bootstrap: ");
}

static void take_error(rd_kafka_t *handle, int code, const char *text, void *opaque)
{
    weir_kafka *kafka = opaque;
    pthread_mutex_lock(&kafka->lock);
    bool is_connected = kafka->is_connected;
    if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN &&
        !is_refusal(kafka->failure, kafka->failure_text)) {
        kafka->failure = (rd_kafka_resp_err_t)code;
        (void)snprintf(kafka->failure_text, sizeof kafka->failure_text, "%s", without_broker(text));
    }
    pthread_mutex_unlock(&kafka->lock);
    if (is_connected) {
        WEIR_LOG(WEIR_LOG_WARN, NULL, "kafka client=%s %s", rd_kafka_name(handle), text);
    }
}

void weir_kafka_hear_errors(weir_kafka *kafka, rd_kafka_conf_t *conf)
{
    rd_kafka_conf_set_opaque(conf, kafka);
    rd_kafka_conf_set_error_cb(conf, take_error);
}

/* What to do about a failure, for want of words of the cluster. */
static const char *advice_on(rd_kafka_resp_err_t code, const char *text)
{
    if (strstr(text, "SCRAM") != NULL && !weir_kafka_library_has_scram()) {
        return "Kafka 4 refuses SCRAM of librdkafka before 2.6.1 even with the right password: "
               "build "
               "with a later one, or use PLAIN over TLS";
    }
    if (strstr(text, "certificate verify failed") != NULL) {
        return "set KAFKA_SSL_CA_LOCATION to the authority of the brokers' certificates";
    }
    if (strstr(text, "alert") != NULL && strstr(text, "certificate") != NULL) {
        return "the broker wants a client certificate that it trusts: see "
               "KAFKA_SSL_CERTIFICATE_LOCATION";
    }
    if (code == RD_KAFKA_RESP_ERR__SSL || is_wrong_listener(text) || text[0] == '\0') {
        return "the listener of that port may have another protocol: see KAFKA_SECURITY_PROTOCOL";
    }
    if (is_refusal(code, text)) {
        return "see KAFKA_USERNAME, KAFKA_PASSWORD and KAFKA_SASL_MECHANISM";
    }
    return "see whether the brokers run, and KAFKA_BOOTSTRAP_SERVERS";
}

/* Fails with what librdkafka has said last. */
static weir_status fail(weir_kafka *kafka, weir_error *err)
{
    char text[sizeof kafka->failure_text];
    pthread_mutex_lock(&kafka->lock);
    rd_kafka_resp_err_t code = kafka->failure;
    (void)snprintf(text, sizeof text, "%s", kafka->failure_text);
    pthread_mutex_unlock(&kafka->lock);
    return weir_error_set(err, is_refusal(code, text) ? WEIR_INVALID : WEIR_IO,
                          "Kafka at %s: %.110s; %s", kafka->bootstrap_servers,
                          text[0] == '\0' ? "no answer" : text, advice_on(code, text));
}

static bool was_refused(weir_kafka *kafka)
{
    pthread_mutex_lock(&kafka->lock);
    bool refused = is_refusal(kafka->failure, kafka->failure_text);
    pthread_mutex_unlock(&kafka->lock);
    return refused;
}

/* One try; true: the cluster has answered. */
static bool answers(weir_kafka *kafka)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code =
        rd_kafka_metadata(kafka->admin, 0, NULL, &metadata, METADATA_TIMEOUT_MS);
    (void)rd_kafka_poll(kafka->admin, 0);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_metadata_destroy(metadata);
    }
    return code == RD_KAFKA_RESP_ERR_NO_ERROR;
}

weir_status weir_broker_kafka_connect(weir_broker *broker, int32_t timeout_ms, weir_error *err)
{
    weir_kafka *kafka = weir_kafka_of(broker);
    uint64_t start_ns = weir_clock_monotonic_ns();
    uint64_t refused_ns = 0;
    while (!answers(kafka)) {
        uint64_t now_ns = weir_clock_monotonic_ns();
        if (refused_ns == 0 && was_refused(kafka)) {
            refused_ns = now_ns;
        }
        bool is_over = (now_ns - start_ns) / WEIR_NS_PER_MS >= (uint64_t)timeout_ms;
        bool is_refused =
            refused_ns != 0 && (now_ns - refused_ns) / WEIR_NS_PER_MS >= REFUSAL_WAIT_MS;
        if (is_over || is_refused) {
            return fail(kafka, err);
        }
    }
    pthread_mutex_lock(&kafka->lock);
    kafka->is_connected = true;
    pthread_mutex_unlock(&kafka->lock);
    return WEIR_OK;
}
