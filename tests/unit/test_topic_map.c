/* SPDX-License-Identifier: Apache-2.0
 *
 * The topics that stages share are made as the map says (topologies/topic_map.c).
 */
#include "tests/harness/check.h"
#include "tests/harness/sim_broker.h"
#include "topologies/topic_map.h"

#include <string.h>

TEST(every_topic_has_a_name_of_its_own_and_a_key)
{
    for (weir_topic_id id = 0; id < WEIR_TOPIC_COUNT; id++) {
        const weir_topic_entry *entry = weir_topic(id);
        CHECK(entry->name != NULL);
        CHECK_STR(weir_topic_name(id), entry->name);
        CHECK_STR(entry->name + strlen(entry->name) - 3, ".v1");
        CHECK_I64(strlen(entry->key), >, 0);
        for (weir_topic_id other = 0; other < id; other++) {
            CHECK(strcmp(weir_topic_name(other), entry->name) != 0);
        }
    }
}

TEST(profiles_are_found_by_name)
{
    CHECK_I64(weir_topic_profile_of("local")->table_partitions, ==, 4);
    CHECK_I64(weir_topic_profile_of("A")->replication_factor, ==, 3);
    CHECK_I64(weir_topic_profile_of("B")->event_partitions, ==, 384);
    CHECK(weir_topic_profile_of("C") == NULL);
    CHECK(weir_topic_profile_of("") == NULL);
}

TEST(kind_of_a_topic_decides_clean_up_partitions_and_retention)
{
    const weir_topic_profile *profile = weir_topic_profile_of("A");
    const int64_t hour_ms = 3600 * 1000;
    weir_topic_config tasks = weir_topic_config_of(WEIR_TOPIC_FETCH_TASKS, profile);
    CHECK_I64(tasks.partition_count, ==, 48);
    CHECK_I64(tasks.cleanup_policy, ==, WEIR_CLEANUP_DELETE);
    CHECK_I64(tasks.retention_ms, ==, 24 * hour_ms);
    weir_topic_config events = weir_topic_config_of(WEIR_TOPIC_PAGE, profile);
    CHECK_I64(events.partition_count, ==, 96);
    CHECK_I64(events.retention_ms, ==, 7 * 24 * hour_ms);
    weir_topic_config table = weir_topic_config_of(WEIR_TOPIC_URL_LATEST, profile);
    CHECK_I64(table.partition_count, ==, 24);
    CHECK_I64(table.cleanup_policy, ==, WEIR_CLEANUP_COMPACT);
    CHECK_I64(table.retention_ms, ==, -1);
    weir_topic_config dead = weir_topic_config_of(WEIR_TOPIC_DLQ_DEDUP, profile);
    CHECK_I64(dead.retention_ms, ==, 30 * 24 * hour_ms);
    CHECK_I64(dead.min_insync_replicas, ==, 2);
}

TEST(all_topics_are_created_and_found_again_but_not_with_another_size)
{
    WEIR_AUTO_PTR(weir_broker) broker = sim_broker_new(1);
    weir_error err = {0};
    weir_topic_profile small = *weir_topic_profile_of("local");
    CHECK_OK(weir_topic_map_create(broker, &small, &err), &err);
    CHECK_OK(weir_topic_map_create(broker, &small, &err), &err);
    for (weir_topic_id id = 0; id < WEIR_TOPIC_COUNT; id++) {
        weir_topic_config found = {0};
        CHECK_OK(weir_broker_describe_topic(broker, weir_topic_name(id), &found, &err), &err);
        CHECK_I64(found.partition_count, ==, 4);
    }
    small.table_partitions = 5;
    CHECK_STATUS(weir_topic_map_create(broker, &small, &err), WEIR_INVALID);
    CHECK(strstr(err.message, "index.url_latest.v1") != NULL);
}

static void note(void *user, const weir_topic_difference *difference)
{
    static const char *const kinds[] = {"missing", "extra", "other"};
    weir_buf_append_format(user, "%s %s", kinds[difference->kind], difference->topic);
    if (difference->kind == WEIR_TOPIC_OTHER) {
        weir_buf_append_format(user, " %s %s/%s", difference->setting, difference->found,
                               difference->wanted);
    }
    weir_buf_append_text(user, "\n");
}

static void check_differences(weir_broker *broker, const weir_topic_profile *profile,
                              const char *wanted)
{
    weir_error err = {0};
    WEIR_AUTO(weir_buf) text = {0};
    CHECK_OK(weir_topic_map_compare(broker, profile, note, &text, &err), &err);
    CHECK_STR(weir_buf_text(&text), wanted);
}

TEST(differences_between_topics_and_map_are_told)
{
    WEIR_AUTO_PTR(weir_broker) broker = sim_broker_new(1);
    weir_error err = {0};
    weir_topic_profile small = *weir_topic_profile_of("local");
    CHECK_OK(weir_topic_map_create(broker, &small, &err), &err);
    check_differences(broker, &small, "");
    CHECK_OK(weir_topic_map_check(broker, &small, &err), &err);
    CHECK_OK(weir_broker_delete_topic(broker, "dlq.fetch.v1", &err), &err);
    CHECK_OK(weir_broker_delete_topic(broker, "index.url_latest.v1", &err), &err);
    weir_topic_config mistaken = {.name = "index.url_latest.v1",
                                  .partition_count = 3,
                                  .cleanup_policy = WEIR_CLEANUP_DELETE,
                                  .retention_ms = 1000,
                                  .replication_factor = 1,
                                  .min_insync_replicas = 1};
    CHECK_OK(weir_broker_create_topic(broker, &mistaken, &err), &err);
    mistaken.name = "crawl.old.v1";
    CHECK_OK(weir_broker_create_topic(broker, &mistaken, &err), &err);
    mistaken.name = "crawler";
    CHECK_OK(weir_broker_create_topic(broker, &mistaken, &err), &err);
    check_differences(broker, &small,
                      "other index.url_latest.v1 partitions 3/4\n"
                      "other index.url_latest.v1 cleanup.policy delete/compact\n"
                      "other index.url_latest.v1 retention.ms 1000/-1\n"
                      "missing dlq.fetch.v1\n"
                      "extra crawl.old.v1\n");
}

TEST(topics_of_another_layout_are_refused_with_what_to_do)
{
    WEIR_AUTO_PTR(weir_broker) broker = sim_broker_new(1);
    weir_error err = {0};
    const weir_topic_profile *local = weir_topic_profile_of("local");
    CHECK_STATUS(weir_topic_map_check(broker, local, &err), WEIR_INVALID);
    CHECK_STR(err.message, "topic crawl.fetch.tasks.v1 does not exist: weir topics create "
                           "--profile local makes it");
    CHECK_OK(weir_topic_map_create(broker, local, &err), &err);
    CHECK_STATUS(weir_topic_map_check(broker, weir_topic_profile_of("A"), &err), WEIR_INVALID);
    CHECK(strstr(err.message, "has 4 partitions, and profile A wants 48: run with") != NULL);
    CHECK_OK(weir_broker_delete_topic(broker, "index.url_latest.v1", &err), &err);
    weir_topic_config mistaken = {
        .name = "index.url_latest.v1", .partition_count = 4, .cleanup_policy = WEIR_CLEANUP_DELETE};
    CHECK_OK(weir_broker_create_topic(broker, &mistaken, &err), &err);
    CHECK_STATUS(weir_topic_map_check(broker, local, &err), WEIR_INVALID);
    CHECK(strstr(err.message, "has cleanup.policy=delete, and must have compact") != NULL);
}
