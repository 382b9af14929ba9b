/* SPDX-License-Identifier: Apache-2.0
 *
 * What an application does when a topic goes while it runs, or records that it had still to read:
 * it stops and says what to do.
 */
#include "tests/harness/check.h"
#include "tests/harness/count_application.h"
#include "tests/harness/count_topology.h"

#include <string.h>

enum { KEYS = 30, STEPS_A_CHECK = 200, RECORDS_GONE = 5 };

static const weir_setting settings[] = {{"weir.topics.check.interval.ms", "1000"}};

static void start(count_application *a)
{
    count_application_start(a, false, settings, WEIR_COUNT_OF(settings));
    count_topology_feed(a->broker, 0, KEYS);
    count_application_run(a);
}

static void check_stops(count_application *a, const char *first, const char *second)
{
    weir_status status = WEIR_OK;
    for (int i = 0; i < STEPS_A_CHECK && status == WEIR_OK; i++) {
        status = count_application_step(a);
    }
    CHECK_STATUS(status, WEIR_INVALID);
    CHECK(strstr(a->err.message, first) != NULL);
    CHECK(strstr(a->err.message, second) != NULL);
}

static void delete_and_check(const char *topic, const char *advice)
{
    count_application a = {0};
    start(&a);
    CHECK_OK(weir_broker_delete_topic(a.broker, topic, &a.err), &a.err);
    check_stops(&a, topic, advice);
    count_application_cleanup(&a);
}

TEST(a_deleted_changelog_stops_the_application_with_what_to_do)
{
    delete_and_check("counter-counts-changelog", "Bring it back, or reset the application");
}

TEST(a_deleted_source_topic_stops_the_application_with_what_to_do)
{
    delete_and_check("in", "make it again and reset the group's offsets");
}

TEST(a_deleted_task_topic_stops_the_application_with_what_to_do)
{
    delete_and_check("counter-weir-tasks", "start the application again");
}

TEST(topics_are_not_looked_at_while_the_broker_does_not_answer)
{
    count_application a = {0};
    start(&a);
    sim_cluster_set_faults(a.cluster, &(sim_faults){.admin_fails = 1000000});
    for (int i = 0; i < STEPS_A_CHECK; i++) {
        CHECK_OK(count_application_step(&a), &a.err);
    }
    count_application_cleanup(&a);
}

TEST(records_that_are_gone_before_they_were_read_stop_the_application)
{
    count_application a = {0};
    start(&a);
    weir_application_free(weir_take(&a.application));
    sim_broker_forget_members(a.broker);
    count_topology_feed(a.broker, 0, KEYS * RECORDS_GONE);
    for (int32_t p = 0; p < COUNT_PARTITIONS; p++) {
        const weir_topic_partition partition = {"in", p};
        int64_t end = 0;
        CHECK_OK(weir_broker_offset(a.broker, partition, WEIR_OFFSET_LATEST, 0, &end, &a.err),
                 &a.err);
        CHECK_OK(weir_broker_delete_records(a.broker, partition, end - 1, &a.err), &a.err);
    }
    count_application_crash(&a);
    check_stops(&a, "input", "in[");
    count_application_cleanup(&a);
}

/* A start after changelogs were deleted while nobody ran. */

static weir_status start_again(count_application *a)
{
    const weir_application_options options = {
        .topology = a->topology, .config = &a->config, .broker = a->broker, .never_waits = true};
    WEIR_AUTO_PTR(weir_application) application = NULL;
    return weir_application_new(&options, &application, &a->err);
}

static void stop_and_delete(count_application *a, const char *topic)
{
    weir_application_free(weir_take(&a->application));
    sim_broker_forget_members(a->broker);
    CHECK_OK(weir_broker_delete_topic(a->broker, topic, &a->err), &a->err);
}

TEST(a_changelog_that_was_deleted_while_nobody_ran_refuses_the_start)
{
    count_application a = {0};
    start(&a);
    stop_and_delete(&a, "counter-counts-changelog");
    CHECK_STATUS(start_again(&a), WEIR_INVALID);
    CHECK(strstr(a.err.message, "counter-counts-changelog is not there") != NULL);
    CHECK(strstr(a.err.message, "its application has committed") != NULL);
    CHECK(strstr(a.err.message, "weir.missing.topics=create") != NULL);
    weir_topic_config topic = {0};
    CHECK_STATUS(weir_broker_describe_topic(a.broker, "counter-counts-changelog", &topic, &a.err),
                 WEIR_NOT_FOUND);
    count_application_cleanup(&a);
}

TEST(a_deleted_changelog_is_made_anew_where_that_is_asked_for)
{
    count_application a = {0};
    start(&a);
    stop_and_delete(&a, "counter-counts-changelog");
    a.config.missing_topics = WEIR_MISSING_TOPICS_CREATE;
    count_application_crash(&a);
    count_topology_feed(a.broker, 0, KEYS);
    count_application_run(&a);
    CHECK_I64(count_topology_last(a.broker, "out", "k7"), ==, 1); /* It counts anew. */
    a.config.missing_topics = WEIR_MISSING_TOPICS_FAIL;
    count_application_crash(&a);
    count_application_cleanup(&a);
}

TEST(a_group_that_was_reset_starts_without_its_topics)
{
    count_application a = {0};
    start(&a);
    stop_and_delete(&a, "counter-counts-changelog");
    for (int32_t p = 0; p < COUNT_PARTITIONS; p++) {
        const weir_group_offset first = {.partition = {"in", p}};
        CHECK_OK(weir_broker_alter_group_offset(a.broker, "counter", &first, &a.err), &a.err);
    }
    count_application_crash(&a);
    count_application_run(&a);
    CHECK_I64(count_topology_last(a.broker, "out", "k7"), ==, 1);
    count_application_cleanup(&a);
}

TEST(state_on_disk_without_its_changelog_refuses_the_start_of_a_group_that_was_reset)
{
    static const weir_setting applied[] = {{"weir.apply.interval.ms", "100"}};
    count_application a = {0};
    count_application_start(&a, true, applied, WEIR_COUNT_OF(applied));
    count_topology_feed(a.broker, 0, KEYS);
    count_application_run(&a);
    count_application_steps(&a, STEPS_A_CHECK); /* So that the database has it. */
    stop_and_delete(&a, "counter-counts-changelog");
    for (int32_t p = 0; p < COUNT_PARTITIONS; p++) {
        const weir_group_offset first = {.partition = {"in", p}};
        CHECK_OK(weir_broker_alter_group_offset(a.broker, "counter", &first, &a.err), &a.err);
    }
    const weir_application_options options = {.topology = a.topology,
                                              .config = &a.config,
                                              .broker = a.broker,
                                              .database = a.database,
                                              .never_waits = true};
    weir_application *application = NULL;
    CHECK_STATUS(weir_application_new(&options, &application, &a.err), WEIR_INVALID);
    CHECK(strstr(a.err.message, "this disk has its store") != NULL);
    count_application_cleanup(&a);
}
