/* SPDX-License-Identifier: Apache-2.0
 *
 * kafka_jaas.h - the line in which Kafka's Java clients keep their credentials:
 *
 *   org.apache.kafka.common.security.plain.PlainLoginModule required username="a" password="b";
 *
 * Ownership  A weir_jaas owns its texts.
 * Errors     WEIR_INVALID says what was expected; no value is in a message.
 * Threads    Any.
 */
#ifndef WEIR_CONNECTORS_KAFKA_JAAS_H
#define WEIR_CONNECTORS_KAFKA_JAAS_H

#include "streams/base/status.h"

/* What was said; NULL: it was not. */
typedef struct weir_jaas {
    char *username; /* username, or an OAuth client's clientId */
    char *password; /* password, or clientSecret */
    char *scope;
    char *principal; /* unsecuredLoginStringClaim_sub */
} weir_jaas;

/* Reads a line of PlainLoginModule, ScramLoginModule or OAuthBearerLoginModule. *out_jaas, which
 * is all-zero, is to be cleaned up in any case. */
weir_status weir_jaas_parse(const char *line, weir_jaas *out_jaas, weir_error *err);
void weir_jaas_cleanup(weir_jaas *jaas);

#endif
