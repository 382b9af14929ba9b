/* SPDX-License-Identifier: Apache-2.0
 *
 * topic_map_compare.c - how the topics of a broker differ from the map.
 */
#include "topologies/topic_map.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { VALUE_BYTES_MAX = 32 };

typedef struct comparison {
    const weir_topic_profile *profile;
    void (*visit)(void *user, const weir_topic_difference *difference);
    void *user;
} comparison;

static void tell(const comparison *c, weir_topic_difference_kind kind, const char *topic)
{
    c->visit(c->user, &(weir_topic_difference){.kind = kind, .topic = topic});
}

static void compare_numbers(const comparison *c, const char *topic, const char *setting,
                            int64_t wanted, int64_t found)
{
    if (wanted == found) {
        return;
    }
    char wanted_text[VALUE_BYTES_MAX];
    char found_text[VALUE_BYTES_MAX];
    (void)snprintf(wanted_text, sizeof wanted_text, "%" PRId64, wanted);
    (void)snprintf(found_text, sizeof found_text, "%" PRId64, found);
    c->visit(c->user, &(weir_topic_difference){.kind = WEIR_TOPIC_OTHER,
                                               .topic = topic,
                                               .setting = setting,
                                               .wanted = wanted_text,
                                               .found = found_text});
}

static const char *policy_text(uint32_t policy)
{
    static const char *const texts[] = {"none", "delete", "compact", "compact,delete"};
    return texts[policy & (WEIR_CLEANUP_DELETE | WEIR_CLEANUP_COMPACT)];
}

static void compare_topic(const comparison *c, const weir_topic_config *wanted,
                          const weir_topic_config *found)
{
    const char *topic = wanted->name;
    compare_numbers(c, topic, "partitions", wanted->partition_count, found->partition_count);
    if (wanted->cleanup_policy != found->cleanup_policy) {
        c->visit(c->user, &(weir_topic_difference){.kind = WEIR_TOPIC_OTHER,
                                                   .topic = topic,
                                                   .setting = "cleanup.policy",
                                                   .wanted = policy_text(wanted->cleanup_policy),
                                                   .found = policy_text(found->cleanup_policy)});
    }
    compare_numbers(c, topic, "retention.ms", wanted->retention_ms, found->retention_ms);
    if (wanted->segment_ms != 0) {
        compare_numbers(c, topic, "segment.ms", wanted->segment_ms, found->segment_ms);
    }
    compare_numbers(c, topic, "replication", wanted->replication_factor, found->replication_factor);
    compare_numbers(c, topic, "min.insync.replicas", wanted->min_insync_replicas,
                    found->min_insync_replicas);
}

static bool is_in_map(const char *name)
{
    for (weir_topic_id id = 0; id < WEIR_TOPIC_COUNT; id++) {
        if (strcmp(weir_topic_name(id), name) == 0) {
            return true;
        }
    }
    return false;
}

/* True where the first part of the name, "crawl.", is that of a topic of the map. */
static bool is_named_like_map(const char *name)
{
    for (weir_topic_id id = 0; id < WEIR_TOPIC_COUNT; id++) {
        const char *known = weir_topic_name(id);
        if (strncmp(known, name, strcspn(known, ".") + 1) == 0) {
            return true;
        }
    }
    return false;
}

static weir_status tell_if_extra(void *user, const weir_topic_config *topic, weir_error *err)
{
    (void)err;
    if (!is_in_map(topic->name) && is_named_like_map(topic->name)) {
        tell(user, WEIR_TOPIC_EXTRA, topic->name);
    }
    return WEIR_OK;
}

/* Asks for all topics of the map at once. */
static weir_status ask_all(weir_broker *broker, weir_topic_query *queries, weir_error *err)
{
    for (weir_topic_id id = 0; id < WEIR_TOPIC_COUNT; id++) {
        queries[id] = (weir_topic_query){.topic = weir_topic_name(id)};
    }
    return weir_broker_describe_topics(broker, queries, WEIR_TOPIC_COUNT, err);
}

weir_status weir_topic_map_compare(weir_broker *broker, const weir_topic_profile *profile,
                                   void (*visit)(void *user,
                                                 const weir_topic_difference *difference),
                                   void *user, weir_error *err)
{
    WEIR_ASSERT(profile != NULL);
    WEIR_ASSERT(visit != NULL);
    comparison c = {profile, visit, user};
    weir_topic_query queries[WEIR_TOPIC_COUNT];
    WEIR_TRY(ask_all(broker, queries, err));
    for (weir_topic_id id = 0; id < WEIR_TOPIC_COUNT; id++) {
        weir_topic_config wanted = weir_topic_config_of(id, profile);
        if (queries[id].status == WEIR_NOT_FOUND) {
            tell(&c, WEIR_TOPIC_MISSING, wanted.name);
        } else {
            compare_topic(&c, &wanted, &queries[id].config);
        }
    }
    return weir_broker_list_topics(broker, tell_if_extra, &c, err);
}

static weir_status check_topic(const weir_topic_query *query, const weir_topic_config *wanted,
                               const weir_topic_profile *profile, weir_error *err)
{
    const weir_topic_config *found = &query->config;
    if (query->status == WEIR_NOT_FOUND) {
        return weir_error_set(err, WEIR_INVALID,
                              "topic %s does not exist: weir topics create --profile %s makes it",
                              wanted->name, profile->name);
    }
    if (found->partition_count != wanted->partition_count) {
        return weir_error_set(err, WEIR_INVALID,
                              "topic %s has %" PRId32 " partitions, and profile %s wants %" PRId32
                              ": run with the profile that it was made with (topics.profile), or "
                              "delete it and run weir topics create",
                              wanted->name, found->partition_count, profile->name,
                              wanted->partition_count);
    }
    if (found->cleanup_policy != wanted->cleanup_policy) {
        return weir_error_set(err, WEIR_INVALID,
                              "topic %s has cleanup.policy=%s, and must have %s: change it "
                              "(kafka-configs --alter), for with the other one records are lost or "
                              "kept for ever",
                              wanted->name, policy_text(found->cleanup_policy),
                              policy_text(wanted->cleanup_policy));
    }
    return WEIR_OK;
}

weir_status weir_topic_map_check(weir_broker *broker, const weir_topic_profile *profile,
                                 weir_error *err)
{
    WEIR_ASSERT(profile != NULL);
    weir_topic_query queries[WEIR_TOPIC_COUNT];
    WEIR_TRY(ask_all(broker, queries, err));
    for (weir_topic_id id = 0; id < WEIR_TOPIC_COUNT; id++) {
        weir_topic_config wanted = weir_topic_config_of(id, profile);
        WEIR_TRY(check_topic(&queries[id], &wanted, profile, err));
    }
    return WEIR_OK;
}
