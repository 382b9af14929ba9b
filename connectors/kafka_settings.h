/* SPDX-License-Identifier: Apache-2.0
 *
 * kafka_settings.h - how to reach a Kafka cluster and who we are there, from the environment and
 * from properties with Kafka's own names, as the client library wants it.
 *
 * A variable of the environment (KAFKA_BOOTSTRAP_SERVERS, …) is another name of a property
 * (bootstrap.servers), and a property of the file or command line wins over it. Names that begin
 * with "librdkafka." go to the client library as they are, without that beginning.
 *
 * Ownership  The settings own their strings.
 * Errors     WEIR_INVALID says which setting is wrong, where it comes from and what to do. Secrets
 *            are in no message.
 * Threads    Immutable once made.
 */
#ifndef WEIR_CONNECTORS_KAFKA_SETTINGS_H
#define WEIR_CONNECTORS_KAFKA_SETTINGS_H

#include "streams/base/properties.h"

enum { WEIR_KAFKA_CLIENT_SETTINGS_MAX = 64 };

/* A setting of the client library. */
typedef struct weir_kafka_client_setting {
    char *name;
    char *value;
    char *origin; /* What the user wrote, for messages: "ssl.ca.location". */
} weir_kafka_client_setting;

/* With sasl.mechanism OAUTHBEARER: where tokens come from. Either a principal, whose token is not
 * signed (for tests), or an endpoint that gives tokens to clients with credentials. */
typedef struct weir_kafka_oauth {
    char *principal;
    char *token_url;
    char *client_id;
    char *client_secret;
    char *scope; /* May be NULL. */
} weir_kafka_oauth;

/* A copy, and its end. */
weir_kafka_oauth weir_kafka_oauth_copy(const weir_kafka_oauth *oauth);
void weir_kafka_oauth_cleanup(weir_kafka_oauth *oauth);

typedef struct weir_kafka_settings {
    char *bootstrap_servers; /* NULL: no cluster is named. */
    weir_kafka_client_setting client[WEIR_KAFKA_CLIENT_SETTINGS_MAX];
    size_t client_count;
    weir_kafka_oauth oauth;
} weir_kafka_settings;

/* Sets in properties what the environment says. environment gives the value of a variable, or
 * NULL. */
weir_status weir_kafka_settings_read_environment(const char *(*environment)(const char *name),
                                                 weir_properties *properties, weir_error *err);

/* Makes settings of those properties that weir_kafka_settings_knows; the others are not looked
 * at. */
weir_status weir_kafka_settings_init(weir_kafka_settings *out_settings,
                                     const weir_properties *properties, weir_error *err);
void weir_kafka_settings_cleanup(weir_kafka_settings *settings);

/* True for the name of a property that is about the connection to Kafka. */
bool weir_kafka_settings_knows(const char *name);

/* Appends a line for each: property, variable of the environment, meaning. */
void weir_kafka_settings_describe(weir_buf *out_text);

#endif
