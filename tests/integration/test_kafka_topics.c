/* SPDX-License-Identifier: Apache-2.0
 *
 * test_kafka_topics.c - weir topics and the start of weir run on a real cluster; sources of several
 * topics.
 */
#include "connectors/broker_kafka.h"
#include "tests/harness/check.h"
#include "tests/harness/command.h"
#include "tests/harness/kafka_application.h"
#include "tests/harness/kafka_cluster.h"

#include <string.h>

enum { STEP_MS = 300 };

static weir_buf out;

/* Runs weir on the cluster; its exit code. What it prints is in out. */
static int weir(const char *arguments)
{
    WEIR_AUTO_FREE char *directory = check_directory();
    WEIR_AUTO_FREE char *line =
        weir_format("cd %s && KAFKA_BOOTSTRAP_SERVERS=%s LOG_LEVEL=error %s/weir %s 2>&1",
                    directory, kafka_cluster_shared(), WEIR_BINARY_DIR, arguments);
    return command_run(line, &out);
}

static size_t line_count(const char *ending)
{
    size_t count = 0;
    for (const char *at = weir_buf_text(&out); (at = strstr(at, ending)) != NULL; at++) {
        count++;
    }
    return count;
}

static bool says(const char *words)
{
    return strstr(weir_buf_text(&out), words) != NULL;
}

TEST(map_is_made_exactly_and_differences_are_printed)
{
    CHECK_I64(weir("run all"), ==, 1);
    CHECK(says("topic crawl.fetch.tasks.v1 does not exist: weir topics create --profile local"));
    CHECK_I64(weir("topics plan --profile local"), ==, 2);
    CHECK_I64(line_count(" missing\n"), ==, 16);
    CHECK_I64(weir("topics create --profile local --dry-run"), ==, 0);
    CHECK_I64(line_count(".v1\n"), ==, 16);
    CHECK_I64(weir("topics list"), ==, 0);
    CHECK_STR(weir_buf_text(&out), "");
    CHECK_I64(weir("topics create --profile local"), ==, 0);
    CHECK_I64(weir("topics plan --profile local"), ==, 0);
    CHECK_STR(weir_buf_text(&out), "the topics are those of profile local\n");
    CHECK_I64(weir("topics list"), ==, 0);
    CHECK_I64(line_count(".v1"), ==, 16);
    CHECK_I64(weir("topics plan --profile A"), ==, 2);
    CHECK(says("index.url_latest.v1              partitions is 4, wanted 24\n"));
    CHECK(says("index.url_latest.v1              min.insync.replicas is 1, wanted 2\n"));
    CHECK_I64(weir("topics create --profile A"), ==, 1);
    CHECK(says("topic crawl.fetch.tasks.v1 has 4 partitions, not 48"));
    CHECK_I64(weir("run all --profile A"), ==, 1);
    CHECK(says("profile A wants 48: run with the profile"));
    weir_buf_cleanup(&out);
}

TEST(internal_topic_with_other_partitions_is_refused_at_the_start)
{
    static weir_error err;
    WEIR_AUTO_PTR(weir_broker) broker = NULL;
    const weir_kafka_options options = {.bootstrap_servers = kafka_cluster_shared()};
    CHECK_OK(weir_broker_kafka_open(&options, &broker, &err), &err);
    CHECK_I64(weir("topics create --profile local"), ==, 0);
    const weir_topic_config wrong = {.name = "weir-fetch-fetch-robots-changelog",
                                     .partition_count = 3,
                                     .cleanup_policy = WEIR_CLEANUP_COMPACT};
    CHECK_OK(weir_broker_create_topic(broker, &wrong, &err), &err);
    CHECK_I64(weir("run fetch"), ==, 1);
    CHECK(says("reset the application): topic weir-fetch-fetch-robots-changelog has 3 partitions, "
               "not 4"));
    CHECK_OK(weir_broker_delete_topic(broker, wrong.name, &err), &err);
    const weir_topic_config deleted = {
        .name = wrong.name, .partition_count = 4, .cleanup_policy = WEIR_CLEANUP_DELETE};
    CHECK_OK(weir_broker_create_topic(broker, &deleted, &err), &err);
    CHECK_I64(weir("run fetch"), ==, 1);
    CHECK(says("has cleanup.policy=delete, not compact"));
    weir_buf_cleanup(&out);
}

TEST(settings_of_the_connection_are_refused_before_anything_is_asked)
{
    CHECK_I64(weir("topics list --set sasl.password=hidden"), ==, 2);
    CHECK(says("sasl.password is without effect: set security.protocol"));
    CHECK(!says("hidden"));
    CHECK_I64(weir("run all --set security.protocol=SASL_SSL"), ==, 2);
    CHECK(says("needs KAFKA_SASL_MECHANISM"));
    CHECK_I64(weir("topics list --set bootstrap.servers=127.0.0.1"), ==, 2);
    CHECK(says("--set: bootstrap.servers is a list of host:port"));
    weir_buf_cleanup(&out);
}

static const char *const several[] = {"several-in", "listed-more", NULL};
static const char *const copied[] = {"several-in", "listed-more", "like-1", "like-2", NULL};

/* A list, and a pattern. */
static weir_topology *copying(const char *name)
{
    weir_error err = {0};
    (void)name;
    weir_topology *topology = weir_topology_new();
    weir_topology_add_source(topology, "listed", &(weir_source_options){.topics = several});
    weir_topology_add_source(topology, "like", &(weir_source_options){.pattern = "like-[0-9]"});
    weir_topology_add_sink(topology, "out", &(weir_sink_options){.topic = "several-out"}, "listed",
                           "like", NULL);
    CHECK_OK(weir_topology_build(topology, &err), &err);
    return topology;
}

static bool all_are_copied(kafka_application *a, void *user)
{
    return kafka_application_records(a, "several-out") >= *(const int64_t *)user;
}

static void send_to(kafka_application *a, const char *topic)
{
    for (int32_t p = 0; p < KAFKA_PARTITIONS; p++) {
        const weir_record record = {.topic = topic,
                                    .partition = p,
                                    .timestamp_ms = 1,
                                    .key = WEIR_BYTES("k"),
                                    .value = WEIR_BYTES("v")};
        (void)kafka_application_send(a, topic, &record);
    }
}

/* While time goes by. */
static bool new_topic_is_copied(kafka_application *a, void *user)
{
    a->ahead_ms += STEP_MS;
    return all_are_copied(a, user);
}

/* A topic that the pattern matches later is read by the application that runs, too. */
static void add_topic(kafka_application *a, weir_broker *broker, int64_t copied_before)
{
    const weir_topic_config topic = {.name = "like-3", .partition_count = KAFKA_PARTITIONS};
    CHECK_OK(weir_broker_create_topic(broker, &topic, &a->err), &a->err);
    send_to(a, topic.name);
    int64_t wanted = copied_before + KAFKA_PARTITIONS;
    kafka_application_await(a, new_topic_is_copied, &wanted, "copies of a new topic");
    CHECK_I64(kafka_application_records(a, "several-out"), ==, wanted);
}

TEST(topics_of_a_list_and_of_a_pattern_are_read_and_go_on_after_a_restart)
{
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_broker) broker = NULL;
    const weir_kafka_options kafka = {.bootstrap_servers = kafka_cluster_shared()};
    CHECK_OK(weir_broker_kafka_open(&kafka, &broker, &err), &err);
    for (const char *const *name = copied; *name != NULL; name++) {
        const weir_topic_config topic = {.name = *name, .partition_count = KAFKA_PARTITIONS};
        CHECK_OK(weir_broker_create_topic(broker, &topic, &err), &err);
    }
    kafka_application a = {0};
    const kafka_application_options options = {.name = "several", .topology = copying};
    kafka_application_start(&a, &options);
    for (int64_t life = 1; life <= 2; life++) {
        for (const char *const *name = copied; *name != NULL; name++) {
            send_to(&a, *name);
        }
        int64_t wanted = (life * 4 + life - 1) * KAFKA_PARTITIONS;
        kafka_application_await(&a, all_are_copied, &wanted, "copies of all topics");
        CHECK_I64(kafka_application_records(&a, "several-out"), ==, wanted); /* None twice. */
        if (life == 1) {
            add_topic(&a, broker, wanted);
        }
        kafka_application_close(&a);
        if (life == 1) {
            kafka_application_open(&a);
        }
    }
    kafka_application_cleanup(&a);
}
