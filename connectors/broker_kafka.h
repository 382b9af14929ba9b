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

#include "streams/broker.h"
#include "streams/config.h"

/* How to reach the cluster, and as who. All-zero is plain text and nobody. */
typedef struct weir_kafka_security {
    const char *protocol;             /* "plaintext", "ssl", "sasl_plaintext", "sasl_ssl". */
    const char *sasl_mechanism;       /* "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", … */
    const char *username;             /* For PLAIN and SCRAM. */
    const char *password;             /* The same. */
    const char *oauthbearer_method;   /* "oidc", or NULL for unsecured tokens. */
    const char *oauthbearer_config;   /* Of unsecured tokens, as in librdkafka. */
    const char *oauthbearer_endpoint; /* Of oidc: the URL that gives tokens. */
    const char *oauthbearer_id;       /* Of oidc. */
    const char *oauthbearer_secret;   /* Of oidc. */
    const char *ca_location;          /* File or directory of certificates; NULL: the system's. */
    const char *certificate_location; /* Ours, as a PEM file; NULL: none. */
    const char *key_location;         /* Of our certificate. */
    const char *key_password;         /* Of the key. */
    const char
        *hostname_identification; /* "https" (as NULL), or "none": the name is not checked. */
} weir_kafka_security;

typedef struct weir_kafka_options {
    const char *bootstrap_servers; /* "host:port,host:port". */
    const char *client_id;         /* Of handles that name none; NULL: "weir". */
    weir_kafka_security security;

    /* librdkafka's own settings, which win; may be NULL. A name that begins with "admin.",
     * "consumer.", "producer." or "member." is for handles of that sort alone. */
    const weir_setting *librdkafka;
    size_t librdkafka_count;
} weir_kafka_options;

/* A broker. It connects when something is asked of it. */
weir_status weir_broker_kafka_open(const weir_kafka_options *options, weir_broker **out_broker,
                                   weir_error *err);

#endif
