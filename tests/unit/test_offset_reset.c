/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a source begins of which nothing is committed (streams/auto_offset_reset.h): its texts, and
 * applications on an embedded and on a simulated broker.
 */
#include "connectors/broker_embedded.h"
#include "streams/dsl/dsl.h"
#include "streams/producer.h"
#include "tests/harness/check.h"
#include "tests/harness/sim_broker.h"

#include <string.h>

static void check_read(const char *text, weir_auto_offset_reset_kind kind, int64_t duration_ms)
{
    weir_error err = {0};
    weir_auto_offset_reset reset = {0};
    CHECK_OK(weir_auto_offset_reset_parse(text, &reset, &err), &err);
    CHECK_I64(reset.kind, ==, kind);
    CHECK_I64(reset.duration_ms, ==, duration_ms);
}

TEST(reset_is_a_word_or_a_duration_as_java_writes_it)
{
    check_read(NULL, WEIR_AUTO_OFFSET_RESET_UNSET, 0);
    check_read("earliest", WEIR_AUTO_OFFSET_RESET_EARLIEST, 0);
    check_read("latest", WEIR_AUTO_OFFSET_RESET_LATEST, 0);
    check_read("none", WEIR_AUTO_OFFSET_RESET_NONE, 0);
    static const struct {
        const char *text;
        int64_t ms;
    } durations[] = {
        {"PT1H30M", 5400000}, {"P7D", 7 * 86400000},    {"P1DT1S", 86401000},
        {"PT0.25S", 250},     {"pt2m", 120000},         {"PT0S", 0},
        {"PT1.0009S", 1000},  {"PT90M0.001S", 5400001}, {"PT1H0M2,5S", 3602500},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(durations); i++) {
        WEIR_AUTO_FREE char *text = weir_format("by_duration:%s", durations[i].text);
        check_read(text, WEIR_AUTO_OFFSET_RESET_BY_DURATION, durations[i].ms);
    }
}

TEST(what_is_no_reset_is_told_with_what_is_allowed)
{
    static const char *const texts[] = {
        "",
        "smallest",
        "by_duration",
        "by_duration:",
        "by_duration:P",
        "by_duration:PT",
        "by_duration:P1DT",
        "by_duration:1H",
        "by_duration:PT1H1H",
        "by_duration:PT1M1H",
        "by_duration:PT-1H",
        "by_duration:PT1.5M",
        "by_duration:PT1S ",
        "by_duration:P1000000D",
        "by_duration:PT99999999999999999999S",
        "by_duration:PT99999999999999999999.5S",
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(texts); i++) {
        weir_error err = {0};
        weir_auto_offset_reset reset = {0};
        CHECK_STATUS(weir_auto_offset_reset_parse(texts[i], &reset, &err), WEIR_INVALID);
        CHECK(strstr(err.message, "allowed is earliest, latest, none or by_duration:") != NULL);
    }
}

/* Running applications: records at 1000, 2000, … 5000 are there before them, it is 6000. */

typedef struct fixture {
    weir_broker *broker;
    weir_builder *builder;
    const weir_topology *topology;
    weir_test_driver *driver;
    const char *setting; /* Of auto.offset.reset; NULL: unset. */
    weir_error err;
} fixture;

static void send_five(fixture *f)
{
    static const weir_topic_config in = {.name = "in", .partition_count = 1};
    CHECK_OK(weir_broker_create_topic(f->broker, &in, &f->err), &f->err);
    WEIR_AUTO_PTR(weir_producer) producer = NULL;
    CHECK_OK(weir_producer_new(f->broker, &(weir_producer_options){0}, &producer, &f->err),
             &f->err);
    int32_t topic = 0;
    int32_t count = 0;
    CHECK_OK(weir_producer_topic(producer, "in", &topic, &count, &f->err), &f->err);
    for (int64_t i = 1; i <= 5; i++) {
        const weir_record record = {
            .timestamp_ms = i * 1000, .key = WEIR_BYTES("k"), .value = WEIR_BYTES("v")};
        CHECK_OK(weir_producer_send(producer, topic, &record, &f->err), &f->err);
        CHECK_OK(weir_producer_flush(producer, 0, &f->err), &f->err);
    }
}

static void begin(fixture *f, weir_broker *owned_broker, const weir_consumed *consumed)
{
    f->broker = owned_broker;
    f->builder = weir_builder_new();
    weir_kstream_to(weir_builder_stream(f->builder, "in", consumed), "out", NULL);
    CHECK_OK(weir_builder_build(f->builder, &f->topology, &f->err), &f->err);
    send_five(f);
}

static weir_status start(fixture *f)
{
    const weir_setting settings[] = {{"auto.offset.reset", f->setting}};
    const weir_test_driver_options options = {
        .topology = f->topology,
        .broker = f->broker,
        .settings = settings,
        .setting_count = f->setting == NULL ? 0 : 1,
        .now_ms = 6000,
    };
    return weir_test_driver_new(&options, &f->driver, &f->err);
}

static void end(fixture *f)
{
    weir_test_driver_free(f->driver);
    weir_broker_free(f->broker);
    weir_builder_free(f->builder);
}

static weir_broker *embedded_broker(void)
{
    weir_error err = {0};
    weir_broker *broker = NULL;
    CHECK_OK(weir_broker_embedded_open(&(weir_broker_embedded_options){0}, &broker, &err), &err);
    return broker;
}

/* The records that have come out. */
static void check_count(fixture *f, size_t wanted)
{
    size_t left = 0;
    CHECK_OK(weir_test_driver_left(f->driver, "out", &left, &f->err), &f->err);
    CHECK_I64(left, ==, wanted);
}

static void check_reset(const char *setting, weir_auto_offset_reset reset, size_t wanted)
{
    const weir_consumed consumed = {.reset = reset};
    for (int sim = 0; sim < 2; sim++) {
        fixture f = {.setting = setting};
        begin(&f, sim ? sim_broker_new(1) : embedded_broker(), &consumed);
        CHECK_OK(start(&f), &f.err);
        check_count(&f, wanted);
        const weir_record after = {
            .topic = "in", .timestamp_ms = 7000, .key = WEIR_BYTES("k"), .value = WEIR_BYTES("v")};
        CHECK_OK(weir_test_driver_pipe(f.driver, &after, &f.err), &f.err);
        check_count(&f, wanted + 1);
        end(&f);
    }
}

TEST(source_begins_where_its_own_reset_or_else_the_setting_says)
{
    const weir_auto_offset_reset unset = {0};
    const weir_auto_offset_reset earliest = {WEIR_AUTO_OFFSET_RESET_EARLIEST, 0};
    const weir_auto_offset_reset two_seconds = {WEIR_AUTO_OFFSET_RESET_BY_DURATION, 2000};
    check_reset(NULL, unset, 5);
    check_reset("latest", unset, 0);
    check_reset("latest", earliest, 5);
    check_reset("none", two_seconds, 2); /* 4000 and 5000. */
    check_reset("by_duration:PT2.001S", unset, 2);
    check_reset("by_duration:PT3S", unset, 3);
    check_reset("by_duration:PT0.999S", unset, 0); /* None is so young: as latest. */
    check_reset("by_duration:P1D", unset, 5);
}

TEST(source_without_a_reset_says_what_to_commit)
{
    fixture f = {.setting = "none"};
    begin(&f, embedded_broker(), NULL);
    CHECK_STATUS(start(&f), WEIR_INVALID);
    CHECK(strstr(f.err.message, "source 'KSTREAM-SOURCE-0000000000': group test has committed "
                                "nothing of in[0]") != NULL);
    const weir_group_offset offset = {.partition = {"in", 0}, .offset = 3};
    CHECK_OK(weir_broker_alter_group_offset(f.broker, "test", &offset, &f.err), &f.err);
    CHECK_OK(start(&f), &f.err);
    check_count(&f, 2);
    end(&f);
}

TEST(group_that_has_committed_goes_on_whatever_the_reset_is)
{
    fixture f = {.setting = "by_duration:PT3S"};
    begin(&f, embedded_broker(), NULL);
    CHECK_OK(start(&f), &f.err);
    check_count(&f, 3);
    weir_test_driver_free(weir_take(&f.driver));
    f.setting = "none";
    CHECK_OK(start(&f), &f.err);
    check_count(&f, 3);
    end(&f);
}

TEST(streams_of_one_topic_begin_at_one_place)
{
    WEIR_AUTO_PTR(weir_builder) builder = weir_builder_new();
    const weir_topology *topology = NULL;
    weir_error err = {0};
    const weir_consumed day = {.reset = {WEIR_AUTO_OFFSET_RESET_BY_DURATION, 86400000}};
    const weir_consumed hour = {.reset = {WEIR_AUTO_OFFSET_RESET_BY_DURATION, 3600000}};
    weir_kstream_to(weir_builder_stream(builder, "in", &day), "days", NULL);
    weir_kstream_to(weir_builder_stream(builder, "in", &hour), "hours", NULL);
    CHECK_STATUS(weir_builder_build(builder, &topology, &err), WEIR_INVALID);
    CHECK(strstr(err.message, "begin at different offsets") != NULL);
}
