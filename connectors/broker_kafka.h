/* SPDX-License-Identifier: Apache-2.0
 *
 * broker_kafka.h - the broker that is an Apache Kafka cluster (2.4 or later), through librdkafka.
 *
 * Beyond the contract of broker.h: nothing here waits for ever. A call that the cluster does not
 * answer is WEIR_IO after about a minute, a poll goes on until its own time is up. Kafka cannot be
 * given the timestamp 0, which librdkafka takes for "now": a record of 1970-01-01T00:00:00.000 is
 * sent as one millisecond later.
 *
 * Ownership  The options are borrowed for the call.
 * Errors     WEIR_INVALID for a setting that librdkafka does not take, with its words, and where
 *            the cluster refuses who we are or what we may; WEIR_IO where it cannot be reached.
 * Threads    As in broker.h.
 */
#ifndef WEIR_CONNECTORS_BROKER_KAFKA_H
#define WEIR_CONNECTORS_BROKER_KAFKA_H

#include "connectors/kafka_settings.h"
#include "streams/broker.h"
#include "streams/config.h"

typedef struct weir_kafka_options {
    const char *bootstrap_servers;       /* "host:port,host:port"; NULL: those of settings. */
    const char *client_id;               /* Of handles that name none; NULL: "weir". */
    const weir_kafka_settings *settings; /* Who we are there; NULL: nobody, in plain text. */

    /* librdkafka's own settings, which win; may be NULL. A name that begins with "admin.",
     * "consumer.", "producer." or "member." is for handles of that sort alone. */
    const weir_setting *librdkafka;
    size_t librdkafka_count;
} weir_kafka_options;

/* A broker. It connects when something is asked of it. */
weir_status weir_broker_kafka_open(const weir_kafka_options *options, weir_broker **out_broker,
                                   weir_error *err);

/* Whether SCRAM of the librdkafka that runs is one that Kafka 4 takes. */
bool weir_kafka_library_has_scram(void);

/* Waits until the cluster answers, timeout_ms at most. WEIR_INVALID where it refuses who we are or
 * we do not trust it, WEIR_IO where it does not answer; the message says what to do. */
weir_status weir_broker_kafka_connect(weir_broker *broker, int32_t timeout_ms, weir_error *err);

#endif
