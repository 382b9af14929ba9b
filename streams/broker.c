/* SPDX-License-Identifier: Apache-2.0
 *
 * broker.c - the front door of broker.h: checks the contract once for all implementations.
 *
 * What only a mistake in the code can cause is an assertion; names and numbers that a user may have
 * configured are WEIR_INVALID.
 */
#include "streams/broker_ops.h"

#include <inttypes.h>
#include <string.h>

static weir_status check_topic_name(const char *name, weir_error *err)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t length = strlen(name);
    if (length == 0 || length > WEIR_TOPIC_NAME_BYTES_MAX) {
        return weir_error_set(err, WEIR_INVALID,
                              "a topic name has 1 to %d characters, \"%.20s\"… has %zu",
                              WEIR_TOPIC_NAME_BYTES_MAX, name, length);
    }
    if (strspn(name, allowed) != length || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        return weir_error_set(err, WEIR_INVALID,
                              "topic \"%s\": letters, digits, '.', '_' and '-' are allowed", name);
    }
    return WEIR_OK;
}

static weir_status check_topic_config(const weir_topic_config *config, weir_error *err)
{
    WEIR_TRY(check_topic_name(config->name, err));
    if (config->partition_count < 0 || config->partition_count > WEIR_TOPIC_PARTITIONS_MAX) {
        return weir_error_set(err, WEIR_INVALID, "topic %s: %" PRId32 " partitions, at most %d",
                              config->name, config->partition_count, WEIR_TOPIC_PARTITIONS_MAX);
    }
    if ((config->cleanup_policy & ~(uint32_t)(WEIR_CLEANUP_DELETE | WEIR_CLEANUP_COMPACT)) != 0) {
        return weir_error_set(err, WEIR_INVALID, "topic %s: unknown clean-up policy %" PRIu32,
                              config->name, config->cleanup_policy);
    }
    if (config->retention_ms < -1 || config->retention_bytes < -1 || config->segment_bytes < 0 ||
        config->segment_ms < 0 || config->min_compaction_lag_ms < 0 ||
        config->delete_retention_ms < 0) {
        return weir_error_set(err, WEIR_INVALID, "topic %s: a negative limit in its configuration",
                              config->name);
    }
    return WEIR_OK;
}

weir_status weir_broker_create_topics(weir_broker *broker, const weir_topic_config *configs,
                                      size_t count, weir_error *err)
{
    WEIR_ASSERT(broker != NULL);
    WEIR_ASSERT(count == 0 || configs != NULL);
    for (size_t i = 0; i < count; i++) {
        WEIR_ASSERT(configs[i].name != NULL);
        WEIR_TRY(check_topic_config(&configs[i], err));
    }
    return count == 0 ? WEIR_OK : broker->ops->create_topics(broker, configs, count, err);
}

weir_status weir_broker_create_topic(weir_broker *broker, const weir_topic_config *config,
                                     weir_error *err)
{
    WEIR_ASSERT(config != NULL);
    return weir_broker_create_topics(broker, config, 1, err);
}

weir_status weir_broker_describe_topics(weir_broker *broker, weir_topic_query *queries,
                                        size_t count, weir_error *err)
{
    WEIR_ASSERT(broker != NULL);
    WEIR_ASSERT(count == 0 || queries != NULL);
    for (size_t i = 0; i < count; i++) {
        WEIR_ASSERT(queries[i].topic != NULL);
    }
    return count == 0 ? WEIR_OK : broker->ops->describe_topics(broker, queries, count, err);
}

weir_status weir_broker_describe_topic(weir_broker *broker, const char *topic,
                                       weir_topic_config *out_config, weir_error *err)
{
    WEIR_ASSERT(out_config != NULL);
    weir_topic_query query = {.topic = topic};
    WEIR_TRY(weir_broker_describe_topics(broker, &query, 1, err));
    if (query.status == WEIR_OK) {
        *out_config = query.config;
        return WEIR_OK;
    }
    return weir_error_set(err, query.status, "there is no topic %s", topic);
}

weir_status weir_broker_list_topics(weir_broker *broker,
                                    weir_status (*visit)(void *user, const weir_topic_config *topic,
                                                         weir_error *err),
                                    void *user, weir_error *err)
{
    WEIR_ASSERT(broker != NULL);
    WEIR_ASSERT(visit != NULL);
    return broker->ops->list_topics(broker, visit, user, err);
}

weir_status weir_broker_delete_topic(weir_broker *broker, const char *topic, weir_error *err)
{
    WEIR_ASSERT(broker != NULL);
    WEIR_ASSERT(topic != NULL);
    return broker->ops->delete_topic(broker, topic, err);
}

weir_status weir_broker_offsets(weir_broker *broker, weir_offset_query *queries, size_t count,
                                weir_error *err)
{
    WEIR_ASSERT(broker != NULL);
    WEIR_ASSERT(count == 0 || queries != NULL);
    for (size_t i = 0; i < count; i++) {
        WEIR_ASSERT(queries[i].partition.topic != NULL);
    }
    return count == 0 ? WEIR_OK : broker->ops->offsets(broker, queries, count, err);
}

weir_status weir_broker_offset(weir_broker *broker, weir_topic_partition partition,
                               weir_offset_spec spec, int64_t timestamp_ms, int64_t *out_offset,
                               weir_error *err)
{
    WEIR_ASSERT(out_offset != NULL);
    weir_offset_query query = {.partition = partition, .spec = spec, .timestamp_ms = timestamp_ms};
    WEIR_TRY(weir_broker_offsets(broker, &query, 1, err));
    if (query.status == WEIR_OK) {
        *out_offset = query.offset;
    }
    return query.status;
}

weir_status weir_broker_delete_records(weir_broker *broker, weir_topic_partition partition,
                                       int64_t before_offset, weir_error *err)
{
    WEIR_ASSERT(broker != NULL);
    WEIR_ASSERT(partition.topic != NULL);
    WEIR_ASSERT(before_offset >= 0);
    return broker->ops->delete_records(broker, partition, before_offset, err);
}

weir_status weir_broker_group_offsets(weir_broker *broker, const char *group,
                                      weir_committed_query *queries, size_t count, weir_error *err)
{
    WEIR_ASSERT(broker != NULL);
    WEIR_ASSERT(group != NULL);
    WEIR_ASSERT(count == 0 || queries != NULL);
    for (size_t i = 0; i < count; i++) {
        WEIR_ASSERT(queries[i].partition.topic != NULL);
    }
    return count == 0 ? WEIR_OK : broker->ops->group_offsets(broker, group, queries, count, err);
}

weir_status weir_broker_group_offset(weir_broker *broker, const char *group,
                                     weir_topic_partition partition, int64_t *out_offset,
                                     weir_buf *out_metadata, weir_error *err)
{
    WEIR_ASSERT(out_offset != NULL);
    WEIR_ASSERT(out_metadata != NULL);
    weir_committed_query query = {.partition = partition, .metadata = *out_metadata};
    weir_status status = weir_broker_group_offsets(broker, group, &query, 1, err);
    *out_metadata = query.metadata;
    WEIR_TRY(status);
    if (query.status == WEIR_OK) {
        *out_offset = query.offset;
    }
    return query.status;
}

weir_status weir_group_offsets_check(const weir_group_offset *offsets, size_t count,
                                     weir_error *err)
{
    for (size_t i = 0; i < count; i++) {
        WEIR_ASSERT(offsets[i].partition.topic != NULL);
        WEIR_ASSERT(offsets[i].offset >= 0);
        if (offsets[i].metadata.size > WEIR_OFFSET_METADATA_BYTES_MAX) {
            return weir_error_set(err, WEIR_INVALID,
                                  "%s[%" PRId32 "]: offset metadata of %zu bytes, at most %d",
                                  offsets[i].partition.topic, offsets[i].partition.partition,
                                  offsets[i].metadata.size, WEIR_OFFSET_METADATA_BYTES_MAX);
        }
    }
    return WEIR_OK;
}

weir_status weir_broker_alter_group_offset(weir_broker *broker, const char *group,
                                           const weir_group_offset *offset, weir_error *err)
{
    WEIR_ASSERT(broker != NULL);
    WEIR_ASSERT(group != NULL);
    WEIR_ASSERT(offset != NULL);
    WEIR_TRY(weir_group_offsets_check(offset, 1, err));
    return broker->ops->alter_group_offset(broker, group, offset, err);
}

weir_status weir_broker_group_member_count(weir_broker *broker, const char *group,
                                           int32_t *out_count, weir_error *err)
{
    WEIR_ASSERT(broker != NULL);
    WEIR_ASSERT(group != NULL);
    WEIR_ASSERT(out_count != NULL);
    return broker->ops->group_member_count(broker, group, out_count, err);
}

weir_status weir_broker_check(weir_broker *broker, int32_t timeout_ms, weir_error *err)
{
    WEIR_ASSERT(broker != NULL);
    WEIR_ASSERT(timeout_ms >= 0);
    return broker->ops->check(broker, timeout_ms, err);
}

weir_status weir_broker_housekeep(weir_broker *broker, int64_t now_ms, bool *out_more,
                                  weir_error *err)
{
    WEIR_ASSERT(broker != NULL);
    WEIR_ASSERT(now_ms >= 0);
    bool more = false;
    WEIR_TRY(broker->ops->housekeep(broker, now_ms, &more, err));
    if (out_more != NULL) {
        *out_more = more;
    }
    return WEIR_OK;
}

void weir_broker_free(weir_broker *broker)
{
    if (broker != NULL) {
        broker->ops->free(broker);
    }
}
