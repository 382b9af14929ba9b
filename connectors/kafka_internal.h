/* SPDX-License-Identifier: Apache-2.0
 *
 * kafka_internal.h - what the parts of the Kafka broker share (kafka_*.c alone).
 *
 *   kafka_client.c    settings, handles of librdkafka, logs, what its errors ask for
 *   kafka_connect.c   the first conversation, and why it failed
 *   kafka_metadata.h  what is known of topics, where every broker can be asked
 *   kafka_admin.c     topics; kafka_groups.c: offsets, groups
 *   kafka_consumer.c  kafka_producer.c  kafka_member.c
 *
 * Threads    A weir_kafka is not changed after the open, but for what its lock guards. Handles of
 *            librdkafka are safe to use by any thread.
 */
#ifndef WEIR_CONNECTORS_KAFKA_INTERNAL_H
#define WEIR_CONNECTORS_KAFKA_INTERNAL_H

#include "connectors/broker_kafka.h"
#include "streams/base/map.h"
#include "streams/broker_ops.h"

#include <librdkafka/rdkafka.h>
#include <pthread.h>

/* How long a call may wait for the cluster, where its caller does not say. */
enum { WEIR_KAFKA_CALL_TIMEOUT_MS = 60000 };

typedef enum weir_kafka_role {
    WEIR_KAFKA_ADMIN,
    WEIR_KAFKA_CONSUMER,
    WEIR_KAFKA_PRODUCER,
    WEIR_KAFKA_MEMBER,
} weir_kafka_role;

typedef struct weir_kafka_setting {
    char *name;
    char *value;
} weir_kafka_setting;

typedef struct weir_kafka {
    weir_broker base;
    char *bootstrap_servers;
    weir_kafka_setting *overrides; /* The user's, set last; owned. */
    size_t override_count;
    char *client_id;
    rd_kafka_t *admin;       /* For metadata and administration, by any thread. */
    rd_kafka_t *uncommitted; /* For the ends of open transactions; the same. */
    pthread_mutex_t lock;
    weir_map *topics;                             /* name -> what is known; kafka_metadata.c */
    struct weir_kafka_group_client *group_client; /* NULL: none yet; kafka_groups.c */
    struct weir_kafka_watcher *watcher;           /* Of transactional calls; kafka_watch.c */
    weir_kafka_oauth oauth;                       /* Owned. */
    bool is_connected;                            /* It has answered once. */
    rd_kafka_resp_err_t failure; /* What the connection of the admin handle has met last. */
    char failure_text[160];
} weir_kafka;

static inline weir_kafka *weir_kafka_of(weir_broker *broker)
{
    return (weir_kafka *)(void *)broker;
}

/* A new configuration for role: defaults of ours, connection; client_id may be NULL. What the user
 * has set is added by weir_kafka_handle_new. */
weir_status weir_kafka_conf_new(const weir_kafka *kafka, weir_kafka_role role,
                                const char *client_id, rd_kafka_conf_t **out_conf, weir_error *err);

/* Sets one of librdkafka's settings. WEIR_INVALID, in its words, where it does not take it. */
weir_status weir_kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                                weir_error *err);
weir_status weir_kafka_conf_set_number(rd_kafka_conf_t *conf, const char *name, int64_t value,
                                       weir_error *err);

/* A handle with the settings of owned_conf, which is freed where it fails. */
weir_status weir_kafka_handle_new(const weir_kafka *kafka, weir_kafka_role role,
                                  rd_kafka_conf_t *owned_conf, rd_kafka_t **out_handle,
                                  weir_error *err);

/* What code asks of the caller. */
weir_status weir_kafka_status(rd_kafka_resp_err_t code);

/* Fills *err with "<text>: <words of librdkafka>" and returns the status of code. */
weir_status weir_kafka_fail(weir_error *err, rd_kafka_resp_err_t code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same of an error object, which is freed. */
weir_status weir_kafka_fail_with(weir_error *err, rd_kafka_error_t *owned_error, const char *format,
                                 ...) __attribute__((format(printf, 3, 4)));

/* A copy of name that lives as long as the broker. kafka_metadata.c, as what follows. */
const char *weir_kafka_topic_name(weir_kafka *kafka, const char *name);

/* Lets the handle with that configuration, the opaque of which is kafka, and then the handle, get
 * tokens where the cluster wants them (OAUTHBEARER). kafka_oauth.c */
void weir_kafka_oauth_configure(const weir_kafka *kafka, rd_kafka_conf_t *conf);
weir_status weir_kafka_oauth_start(const weir_kafka *kafka, rd_kafka_t *handle, weir_error *err);

/* Lets the handle with that configuration tell kafka of its errors. kafka_connect.c */
void weir_kafka_hear_errors(weir_kafka *kafka, rd_kafka_conf_t *conf);

/* WEIR_INVALID where a member of group has partitions of another topic. */
weir_status weir_kafka_check_group(weir_kafka *kafka, const char *group, const char *topic,
                                   weir_error *err);

/* Adds an offset with its metadata to list, for a commit. */
void weir_kafka_list_add(rd_kafka_topic_partition_list_t *list, const weir_group_offset *offset);

/* Who member is by the event that it was told last, for a transaction; the caller destroys it. Any
 * thread. WEIR_FENCED: it has no generation now; WEIR_AGAIN: it has another one. */
weir_status weir_kafka_member_metadata(weir_member *member, int32_t generation,
                                       rd_kafka_consumer_group_metadata_t **out_metadata,
                                       weir_error *err);

/* kafka_consumer.c, kafka_producer.c, kafka_member.c */
weir_status weir_kafka_consumer_new(weir_broker *broker, const weir_consumer_options *options,
                                    weir_consumer **out_consumer, weir_error *err);
weir_status weir_kafka_producer_new(weir_broker *broker, const weir_producer_options *options,
                                    weir_producer **out_producer, weir_error *err);
weir_status weir_kafka_member_join(weir_broker *broker, const weir_member_options *options,
                                   weir_member **out_member, weir_error *err);

#endif
