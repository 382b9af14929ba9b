/* SPDX-License-Identifier: Apache-2.0
 *
 * Settings by Kafka Streams' names (streams/config.c): defaults, limits, and messages that help.
 */
#include "streams/config.h"
#include "tests/harness/check.h"

static weir_status init(weir_config *config, const char *name, const char *value, weir_error *err)
{
    const weir_setting settings[] = {{"application.id", "app"}, {name, value}};
    return weir_config_init(config, settings, WEIR_COUNT_OF(settings), err);
}

TEST(commit_interval_follows_the_guarantee_unless_it_is_set)
{
    weir_error err = {0};
    weir_config config = {0};
    CHECK_OK(init(&config, "processing.guarantee", "exactly_once_v2", &err), &err);
    CHECK_I64(config.commit_interval_ms, ==, 100);
    weir_config_cleanup(&config);
    CHECK_OK(init(&config, "processing.guarantee", "at_least_once", &err), &err);
    CHECK_I64(config.commit_interval_ms, ==, 30000);
    weir_config_cleanup(&config);
    CHECK_OK(init(&config, "commit.interval.ms", "7", &err), &err);
    CHECK_I64(config.commit_interval_ms, ==, 7);
    CHECK_I64(config.buffered_records_per_partition, ==, 1000);
    weir_config_cleanup(&config);
}

static const struct {
    const char *name;
    const char *value;
    const char *message;
} mistakes[] = {
    {"num.stream.thread", "2",
     "'num.stream.thread' (= '2') is no setting; the nearest name is 'num.stream.threads'"},
    {"num.stream.threads", "0",
     "num.stream.threads = '0': a whole number from 1 to 256 is allowed"},
    {"weir.stream.threads.max", "257",
     "weir.stream.threads.max = '257': a whole number from 0 to 256 is allowed"},
    {"poll.ms", "1s", "poll.ms = '1s': a whole number from 0 to 60000 ms is allowed"},
    {"processing.guarantee", "exactly_once",
     "processing.guarantee = 'exactly_once': allowed is exactly_once_v2|at_least_once"},
    {"state.dir", "", "state.dir is empty: give it a value or leave it out"},
    {"topic.retention.ms", "x", "topic.retention.ms = 'x': a whole number, -1 or more, is allowed"},
    {"processing.exception.handler", "dead-letter",
     "a handler is 'dead-letter': name the topic in errors.dead.letter.queue.topic.name"},
};

TEST(message_names_the_setting_its_value_and_what_is_allowed)
{
    for (size_t i = 0; i < WEIR_COUNT_OF(mistakes); i++) {
        weir_error err = {0};
        weir_config config = {0};
        CHECK_STATUS(init(&config, mistakes[i].name, mistakes[i].value, &err), WEIR_INVALID);
        CHECK_STR(err.message, mistakes[i].message);
        CHECK(config.application_id == NULL); /* Nothing is left to free. */
    }
}

TEST(later_setting_wins_and_topic_settings_are_kept)
{
    weir_error err = {0};
    const weir_setting settings[] = {
        {"application.id", "first"},
        {"topic.segment.bytes", "1"},
        {"topic.segment.bytes", "1024"},
        {"application.id", "second"},
    };
    weir_config config = {0};
    CHECK_OK(weir_config_init(&config, settings, WEIR_COUNT_OF(settings), &err), &err);
    CHECK_STR(config.application_id, "second");
    CHECK_I64(config.topic_override_count, ==, 1);
    CHECK_STR(config.topic_overrides[0].name, "segment.bytes");
    CHECK_I64(config.topic_overrides[0].value, ==, 1024);
    weir_config_cleanup(&config);
}

TEST(no_more_workers_at_the_start_than_there_may_be)
{
    weir_error err = {0};
    const weir_setting settings[] = {
        {"application.id", "a"},
        {"num.stream.threads", "3"},
        {"weir.stream.threads.max", "2"},
    };
    weir_config config = {0};
    CHECK_STATUS(weir_config_init(&config, settings, WEIR_COUNT_OF(settings), &err), WEIR_INVALID);
    CHECK_STR(err.message, "weir.stream.threads.max = 2 is less than num.stream.threads = 3: raise "
                           "it, or leave it out");
    CHECK_OK(weir_config_init(&config, settings, 2, &err), &err);
    CHECK_I64(config.stream_threads_max, ==, 3);
    weir_config_cleanup(&config);
}

TEST(application_id_is_required_and_names_are_known)
{
    weir_error err = {0};
    weir_config config = {0};
    CHECK_STATUS(weir_config_init(&config, NULL, 0, &err), WEIR_INVALID);
    CHECK(weir_config_knows("poll.ms"));
    CHECK(weir_config_knows("topic.retention.ms"));
    CHECK(!weir_config_knows("topic.anything"));
    CHECK(!weir_config_knows("crawl.scope"));
}
