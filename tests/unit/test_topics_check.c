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
