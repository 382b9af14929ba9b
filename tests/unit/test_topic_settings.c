/* SPDX-License-Identifier: Apache-2.0
 *
 * Settings of a topic by name (streams/topic_settings.c).
 */
#include "streams/topic_settings.h"
#include "tests/harness/check.h"

TEST(each_setting_is_a_member_of_its_own)
{
    weir_topic_config config = {0};
    for (size_t i = 0; i < WEIR_TOPIC_SETTINGS; i++) {
        CHECK_I64((int64_t)weir_topic_setting_find(weir_topic_setting_name(i)), ==, (int64_t)i);
        weir_topic_setting_set(&config, i, (int64_t)i + 1);
    }
    for (size_t i = 0; i < WEIR_TOPIC_SETTINGS; i++) {
        CHECK_I64(weir_topic_setting_get(&config, i), ==, (int64_t)i + 1);
    }
    CHECK_I64(config.partition_count, ==, 0);
    CHECK_I64(config.replication_factor, ==, 0);
    CHECK_I64((int64_t)config.cleanup_policy, ==, 0);
}

TEST(settings_have_the_names_of_kafka)
{
    weir_topic_config config = {0};
    weir_topic_setting_set(&config, weir_topic_setting_find("retention.ms"), -1);
    CHECK_I64(config.retention_ms, ==, -1);
    weir_topic_setting_set(&config, weir_topic_setting_find("min.insync.replicas"), 2);
    CHECK_I64(config.min_insync_replicas, ==, 2);
    weir_topic_setting_set(&config, weir_topic_setting_find("min.insync.replicas"), 70000);
    CHECK_I64(config.min_insync_replicas, ==, INT16_MAX);
    CHECK_I64((int64_t)weir_topic_setting_find("cleanup.policy"), ==, WEIR_TOPIC_SETTINGS);
}
