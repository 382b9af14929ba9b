/* SPDX-License-Identifier: Apache-2.0
 *
 * broker_embedded_internal.h - the embedded broker to its own files: what they share, and how its
 * parts call each other.
 *
 * Threads    Locks are taken in this order: commits, append_lock of partitions (by address),
 *            groups_lock, topics_lock, lock of a partition, the journal's.
 */
#ifndef WEIR_CONNECTORS_BROKER_EMBEDDED_INTERNAL_H
#define WEIR_CONNECTORS_BROKER_EMBEDDED_INTERNAL_H

#include "connectors/broker_embedded.h"
#include "connectors/embedded_cleaner.h"
#include "connectors/embedded_journal.h"
#include "connectors/embedded_partition.h"
#include "streams/base/map.h"
#include "streams/broker_ops.h"

/* Lives until the broker is freed, so that names and partitions can be borrowed. */
typedef struct weir_embedded_topic {
    char *name;
    char *directory;
    int32_t id;
    bool deleted; /* topics_lock */
    weir_topic_config config;
    weir_partition *partitions; /* config.partition_count of them. */
} weir_embedded_topic;

typedef struct weir_embedded {
    weir_broker base;
    weir_disk disk;
    char *directory;
    bool is_temporary; /* The directory goes with the broker. */
    int lock_fd;
    weir_broker_sync sync;
    int64_t sync_interval_ms;
    int64_t synced_ms; /* housekeep_lock */
    weir_topic_config topic_defaults;
    weir_journal *journal;
    pthread_rwlock_t commits; /* Read: a transaction is being committed. Write: none is. */
    pthread_mutex_t topics_lock;
    weir_map *topics;           /* By name, those that were not deleted. */
    weir_embedded_topic **kept; /* All of them, in the order of creation. */
    size_t kept_count;
    size_t kept_capacity;
    int32_t next_topic_id;
    pthread_mutex_t groups_lock;
    weir_map *groups; /* By name; embedded_group.c. */
    pthread_mutex_t housekeep_lock;
    weir_cleaner *cleaner; /* housekeep_lock; NULL: nothing is being compacted. */
} weir_embedded;

static inline weir_embedded *weir_embedded_of(weir_broker *broker)
{
    return (weir_embedded *)(void *)broker;
}

/* Lock and unlock; what cannot fail but by a mistake of ours is asserted. */
void weir_embedded_lock(pthread_mutex_t *mutex);
void weir_embedded_unlock(pthread_mutex_t *mutex);

/* embedded_topic.c: reads the topics of the directory and recovers their partitions. */
weir_status weir_embedded_topics_open(weir_embedded *embedded, weir_error *err);
void weir_embedded_topics_free(weir_embedded *embedded);

/* The topic of a name, NULL where there is none. */
weir_embedded_topic *weir_embedded_topic_get(weir_embedded *embedded, const char *name);

/* WEIR_NOT_FOUND, without a message, where there is no such topic or partition; out_topic may be
 * NULL. */
weir_status weir_embedded_partition_get(weir_embedded *embedded, weir_topic_partition name,
                                        weir_embedded_topic **out_topic,
                                        weir_partition **out_partition);

/* The operations of broker_ops.h on topics. */
weir_status weir_embedded_create_topics(weir_broker *broker, const weir_topic_config *configs,
                                        size_t count, weir_error *err);
weir_status weir_embedded_describe_topics(weir_broker *broker, weir_topic_query *queries,
                                          size_t count, weir_error *err);
weir_status weir_embedded_list_topics(weir_broker *broker,
                                      weir_status (*visit)(void *user,
                                                           const weir_topic_config *topic,
                                                           weir_error *err),
                                      void *user, weir_error *err);
weir_status weir_embedded_delete_topic(weir_broker *broker, const char *topic, weir_error *err);

/* embedded_group.c: groups, and the operations on them. */
void weir_embedded_groups_free(weir_embedded *embedded);
weir_status weir_embedded_member_join(weir_broker *broker, const weir_member_options *options,
                                      weir_member **out_member, weir_error *err);
weir_status weir_embedded_group_member_count(weir_broker *broker, const char *group,
                                             int32_t *out_count, weir_error *err);
weir_status weir_embedded_group_offsets(weir_broker *broker, const char *group,
                                        weir_committed_query *queries, size_t count,
                                        weir_error *err);
weir_status weir_embedded_alter_group_offset(weir_broker *broker, const char *group,
                                             const weir_group_offset *offset, weir_error *err);

/* WEIR_FENCED unless the group knows the member; groups_lock is held. */
weir_status weir_embedded_member_check(const weir_member *member, weir_error *err);
/* The same, and WEIR_AGAIN where the member is in another generation. */
weir_status weir_embedded_member_check_generation(const weir_member *member, int32_t generation,
                                                  weir_error *err);

/* Adds the commit of offsets by the group of member to a change of the journal. */
weir_status weir_embedded_member_put_offsets(const weir_member *member,
                                             const weir_group_offset *offsets, size_t count,
                                             weir_journal_change *change, weir_error *err);

/* embedded_consumer.c, embedded_producer.c, embedded_housekeeping.c */
weir_status weir_embedded_consumer_new(weir_broker *broker, const weir_consumer_options *options,
                                       weir_consumer **out_consumer, weir_error *err);
weir_status weir_embedded_producer_new(weir_broker *broker, const weir_producer_options *options,
                                       weir_producer **out_producer, weir_error *err);
weir_status weir_embedded_delete_records(weir_broker *broker, weir_topic_partition partition,
                                         int64_t before_offset, weir_error *err);
weir_status weir_embedded_housekeep(weir_broker *broker, int64_t now_ms, bool *out_more,
                                    weir_error *err);

/* Tests: the files of a broker, to plan a crash. */
weir_disk *weir_broker_embedded_disk(weir_broker *broker);

#endif
