/* SPDX-License-Identifier: Apache-2.0
 *
 * What goes wrong with topics and offsets below an application on a real cluster: it says which and
 * what to do, and what it says helps; others of the same process go on (the bystander).
 */
#include "streams/base/hash.h"
#include "streams/base/serde.h"
#include "streams/producer.h"
#include "streams/term.h"
#include "tests/harness/check.h"
#include "tests/harness/kafka_application.h"

#include <inttypes.h>
#include <string.h>

enum { KEYS = 20 };

static void start(kafka_application *a, kafka_application *bystander, const char *name)
{
    static const weir_setting settings[] = {{"weir.topics.check.interval.ms", "1000"}};
    kafka_application_start(bystander, &(kafka_application_options){.name = "bystander"});
    kafka_application_start(
        a, &(kafka_application_options){.name = name, .settings = settings, .setting_count = 1});
    a->peer = bystander;
    kafka_application_feed(a, 0, KEYS);
    kafka_application_run(a);
}

/* The bystander has done nothing but go on. */
static void end(kafka_application *a, kafka_application *bystander)
{
    kafka_application_feed(bystander, 0, KEYS);
    kafka_application_run(bystander);
    CHECK_I64(kafka_application_metric(bystander, "weir_stream_thread_rollback_total"), ==, 0);
    kafka_application_close(bystander);
    kafka_application_cleanup(a);
    kafka_application_cleanup(bystander);
}

static void check_says(const kafka_application *a, const char *text)
{
    if (strstr(a->err.message, text) == NULL) {
        check_fail(__FILE__, __LINE__, "'%s' is not in: %s", text, a->err.message);
    }
}

static void check_counts(kafka_application *a, int64_t expected)
{
    WEIR_AUTO_FREE char *output = kafka_application_topic(a, "out");
    for (int i = 0; i < KEYS; i += KEYS / 4) {
        WEIR_AUTO_FREE char *key = weir_format("k%d", i);
        CHECK_I64(kafka_application_last(a, output, key).count, ==, expected);
    }
}

/* Poison. */

/* The worker tells it when it is done with the pass. */
static bool one_is_left_out(kafka_application *a, void *user)
{
    (void)user;
    return kafka_application_metric(a, "weir_stream_thread_restore_refused_records_total") == 1;
}

TEST(record_that_its_changelog_cannot_have_is_named_and_left_out_where_that_is_asked_for)
{
    kafka_application a = {0};
    kafka_application bystander = {0};
    start(&a, &bystander, "poisoned");
    kafka_application_close(&a);
    const weir_header header = {WEIR_BYTES(WEIR_TERM_HEADER), WEIR_BYTES("1234567")};
    const weir_record foreign = {
        .partition = weir_partition_of(WEIR_BYTES("k0"), KAFKA_PARTITIONS),
        .timestamp_ms = 1,
        .key = WEIR_BYTES("k0"),
        .value = WEIR_BYTES("12345678"),
        .headers = &header,
        .header_count = 1,
    };
    WEIR_AUTO_FREE char *changelog = kafka_application_topic(&a, "counts-changelog");
    int64_t offset = kafka_application_send(&a, changelog, &foreign);
    kafka_application_feed(&a, 0, KEYS);
    kafka_application_open(&a);
    CHECK_STATUS(kafka_application_fail(&a), WEIR_INVALID);
    WEIR_AUTO_FREE char *place = weir_format("%s[%" PRId32 "]@%" PRId64 " is no record of store",
                                             changelog, foreign.partition, offset);
    check_says(&a, place);
    check_says(&a, "weir.changelog.exception.handler=continue");

    static const weir_setting leave_out[] = {{"weir.changelog.exception.handler", "continue"}};
    kafka_application_set(&a, leave_out, 1);
    kafka_application_open(&a);
    kafka_application_run(&a);
    kafka_application_await(&a, one_is_left_out, NULL, "one record is left out");
    check_counts(&a, 2);
    end(&a, &bystander);
}

TEST(value_that_no_processor_can_read_is_restored_a_few_times_and_then_named)
{
    kafka_application a = {0};
    kafka_application bystander = {0};
    start(&a, &bystander, "unreadable");
    kafka_application_close(&a);
    weir_record value = {
        .partition = weir_partition_of(WEIR_BYTES("k0"), KAFKA_PARTITIONS),
        .timestamp_ms = 1,
        .key = WEIR_BYTES("k0"),
        .value = WEIR_BYTES("123"),
    };
    WEIR_AUTO_FREE char *changelog = kafka_application_topic(&a, "counts-changelog");
    (void)kafka_application_send(&a, changelog, &value);
    kafka_application_feed(&a, 0, KEYS);
    kafka_application_open(&a);
    CHECK_STATUS(kafka_application_fail(&a), WEIR_INVALID);
    check_says(&a, "a count of 3 bytes");
    check_says(&a, "see who else writes its changelogs");

    value.value =
        WEIR_BYTES("\0\0\0\0\0\0\0\1"); /* What docs/KAFKA.md says: write the right one. */
    (void)kafka_application_send(&a, changelog, &value);
    kafka_application_open(&a);
    kafka_application_run(&a);
    check_counts(&a, 2);
    end(&a, &bystander);
}

/* Offsets. */

static void reset_group(kafka_application *a, int64_t (*to)(kafka_application *a, int32_t p))
{
    WEIR_AUTO_FREE char *input = kafka_application_topic(a, "in");
    for (int32_t p = 0; p < KAFKA_PARTITIONS; p++) {
        const weir_group_offset offset = {.partition = {input, p}, .offset = to(a, p)};
        CHECK_OK(weir_broker_alter_group_offset(a->broker, a->name, &offset, &a->err), &a->err);
    }
}

static int64_t to_the_first(kafka_application *a, int32_t partition)
{
    (void)a;
    (void)partition;
    return 0;
}

static int64_t to_the_first_there_is(kafka_application *a, int32_t partition)
{
    WEIR_AUTO_FREE char *input = kafka_application_topic(a, "in");
    int64_t first = -1;
    CHECK_OK(weir_broker_offset(a->broker, (weir_topic_partition){input, partition},
                                WEIR_OFFSET_EARLIEST, 0, &first, &a->err),
             &a->err);
    return first;
}

static void forget_input(kafka_application *a)
{
    WEIR_AUTO_FREE char *input = kafka_application_topic(a, "in");
    for (int32_t p = 0; p < KAFKA_PARTITIONS; p++) {
        CHECK_OK(weir_broker_delete_records(a->broker, (weir_topic_partition){input, p},
                                            kafka_application_end(a, p), &a->err),
                 &a->err);
    }
}

TEST(offsets_that_were_reset_to_before_retention_are_named_and_reset_again)
{
    kafka_application a = {0};
    kafka_application bystander = {0};
    start(&a, &bystander, "retained");
    kafka_application_close(&a);
    forget_input(&a);
    reset_group(&a, to_the_first);
    kafka_application_feed(&a, 0, KEYS);
    kafka_application_open(&a);
    CHECK_STATUS(kafka_application_fail(&a), WEIR_INVALID);
    check_says(&a, "retained-in[");
    check_says(&a, "offset 0 is not in the log");
    check_says(&a, "reset the group's offsets");
    reset_group(&a, to_the_first_there_is);
    kafka_application_open(&a);
    kafka_application_run(&a);
    check_counts(&a, 2);
    end(&a, &bystander);
}

/* Topics. */

/* Whether the check of the topics meets it first, a producer, a consumer or the group. */
static void delete_and_check(const char *name, const char *suffix, const char *advice)
{
    kafka_application a = {0};
    kafka_application bystander = {0};
    start(&a, &bystander, name);
    WEIR_AUTO_FREE char *topic = kafka_application_topic(&a, suffix);
    CHECK_OK(weir_broker_delete_topic(a.broker, topic, &a.err), &a.err);
    kafka_application_feed(&bystander, 0, KEYS);
    if (strcmp(suffix, "in") != 0) {
        kafka_application_feed(&a, 0, KEYS);
    }
    CHECK_STATUS(kafka_application_fail(&a), WEIR_INVALID);
    check_says(&a, topic);
    check_says(&a, advice);
    end(&a, &bystander);
}

TEST(deleted_changelog_is_named_with_what_to_do)
{
    delete_and_check("changeless", "counts-changelog", "Bring it back, or reset the application");
}

TEST(deleted_source_topic_is_named_with_what_to_do)
{
    delete_and_check("sourceless", "in", "make it again and reset the group's offsets");
}

TEST(deleted_task_topic_is_named_with_what_to_do)
{
    delete_and_check("taskless", "weir-tasks", "start the application again");
}

/* Those of even keys go to one topic, the others to one that nobody has made yet. */
static const char *topic_by_key(void *user, const weir_record *record, weir_arena *arena)
{
    (void)user;
    (void)arena;
    const char *key = record->key.data;
    return key[record->key.size - 1] % 2 == 0 ? "routed-out" : "routed-made";
}

static weir_topology *routing_topology(const char *name)
{
    weir_error err = {0};
    WEIR_AUTO_FREE char *input = weir_format("%s-in", name);
    weir_topology *topology = weir_topology_new();
    weir_topology_add_source(topology, "source", &(weir_source_options){.topic = input});
    weir_topology_add_sink(topology, "route", &(weir_sink_options){.topic_of = topic_by_key},
                           "source", NULL);
    CHECK_OK(weir_topology_build(topology, &err), &err);
    return topology;
}

enum { ROUTED = 6 };

static void send_routed(kafka_application *a)
{
    WEIR_AUTO_FREE char *input = kafka_application_topic(a, "in");
    for (uint64_t i = 0; i < ROUTED; i++) {
        WEIR_AUTO_FREE char *key = weir_format("k%d", (int)i);
        uint8_t number[sizeof(i)];
        weir_put_u64_be(number, i);
        weir_record record = {.timestamp_ms = 1000,
                              .key = weir_bytes_of_text(key),
                              .value = weir_bytes_of(number, sizeof(number))};
        record.partition = weir_partition_of(record.key, KAFKA_PARTITIONS);
        (void)kafka_application_send(a, input, &record);
    }
}

static bool each_is_where_it_belongs(kafka_application *a, void *user)
{
    (void)user;
    bool are_there = true;
    for (int i = 0; i < ROUTED; i++) {
        WEIR_AUTO_FREE char *key = weir_format("k%d", i);
        int64_t in_out = kafka_application_last(a, "routed-out", key).count;
        int64_t in_made = kafka_application_last(a, "routed-made", key).count;
        CHECK_I64(i % 2 == 0 ? in_made : in_out, ==, -1);
        are_there = are_there && (i % 2 == 0 ? in_out : in_made) == i;
    }
    return are_there;
}

TEST(topic_that_a_function_names_and_nobody_made_is_named_and_made_it_gets_its_records)
{
    kafka_application a = {0};
    kafka_application_start(
        &a, &(kafka_application_options){.name = "routed", .topology = routing_topology});
    send_routed(&a);
    CHECK(kafka_application_fail(&a) != WEIR_OK);
    check_says(&a, "topic 'routed-made' does not exist: create it");
    const weir_topic_config topic = {.name = "routed-made", .partition_count = KAFKA_PARTITIONS};
    CHECK_OK(weir_broker_create_topic(a.broker, &topic, &a.err), &a.err);
    kafka_application_open(&a);
    kafka_application_run(&a);
    kafka_application_await(&a, each_is_where_it_belongs, NULL, "each record is in its topic");
    kafka_application_close(&a);
    kafka_application_cleanup(&a);
}

TEST(changelog_that_was_deleted_while_nobody_ran_refuses_the_start_until_that_is_accepted)
{
    kafka_application a = {0};
    kafka_application bystander = {0};
    start(&a, &bystander, "lost");
    kafka_application_close(&a);
    WEIR_AUTO_FREE char *changelog = kafka_application_topic(&a, "counts-changelog");
    CHECK_OK(weir_broker_delete_topic(a.broker, changelog, &a.err), &a.err);
    const weir_application_options options = {
        .topology = a.topology, .config = &a.config, .broker = a.broker};
    weir_application *refused = NULL;
    CHECK_STATUS(weir_application_new(&options, &refused, &a.err), WEIR_INVALID);
    check_says(&a, changelog);
    check_says(&a, "weir.missing.topics=create");

    static const weir_setting accept[] = {{"weir.missing.topics", "create"}};
    kafka_application_set(&a, accept, 1);
    kafka_application_open(&a);
    kafka_application_feed(&a, 0, KEYS);
    kafka_application_run(&a);
    check_counts(&a, 1); /* The rows of the disk went with their changelog. */
    kafka_application_close(&a);
    kafka_application_set(&a, NULL, 0);
    kafka_application_open(&a);
    kafka_application_feed(&a, 0, KEYS);
    kafka_application_run(&a);
    check_counts(&a, 2);
    end(&a, &bystander);
}
