/* SPDX-License-Identifier: Apache-2.0
 *
 * Timers of keys, and rows that end by themselves, in processes that die, leave and take tasks
 * over, in memory and on disk: what comes out is what comes out where nothing happens. Not in the
 * same order, for timers are looked at between batches, and what a crash took back comes in one; so
 * a row may get its next value before its tombstone, which is none then.
 */
#include "streams/dsl/dsl.h"
#include "tests/conformance/world.h"
#include "tests/harness/check.h"
#include "tests/harness/dsl_fixture.h"
#include "tests/harness/text_bag.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUNS = 6, EVENTS = 80, KEYS = 5, STEP_MS_MAX = 15, DELAY_MS_MAX = 60, TTL_MS = 40 };

static const char *const inputs[] = {"in", NULL};
static const char *const outputs[] = {"delayed", "ended", "unique", NULL};

/* The value is how long the record waits. */
static int64_t due_time(void *user, const weir_record *record)
{
    (void)user;
    WEIR_AUTO_FREE char *text = weir_bytes_to_text(record->value);
    return record->timestamp_ms + strtoll(text, NULL, 10);
}

static weir_builder *timed(void)
{
    weir_builder *builder = weir_builder_new();
    weir_kstream *in = weir_builder_stream(builder, "in", NULL);
    weir_kstream_to(weir_kstream_delay(in, &(weir_delay){.due_time = due_time}, NULL), "delayed",
                    NULL);
    weir_kstream_to(weir_kstream_end_after(in, &(weir_time_to_live){.ttl_ms = TTL_MS}, NULL),
                    "ended", NULL);
    weir_kstream_to(
        weir_kstream_deduplicate(in, &(weir_deduplication){.interval_ms = TTL_MS}, NULL), "unique",
        NULL);
    return builder;
}

typedef struct event {
    char key[4];
    char value[8];
    int64_t ms;
} event;

static void make_events(event *events, weir_random *random)
{
    int64_t now_ms = 0;
    for (size_t i = 0; i < EVENTS; i++) {
        now_ms += (int64_t)weir_random_below(random, STEP_MS_MAX);
        (void)snprintf(events[i].key, sizeof(events[i].key), "k%u",
                       (unsigned)weir_random_below(random, KEYS));
        (void)snprintf(events[i].value, sizeof(events[i].value), "%u",
                       (unsigned)weir_random_below(random, DELAY_MS_MAX));
        events[i].ms = now_ms;
    }
}

/* What came out of a topic: each record, in any order; or the last of each key. */
typedef struct told {
    text_bag all;
    weir_buf last[KEYS];
} told;

static void told_cleanup(told *self)
{
    text_bag_cleanup(&self->all);
    for (size_t i = 0; i < KEYS; i++) {
        weir_buf_cleanup(&self->last[i]);
    }
}

static void tell(void *user, const weir_record *record)
{
    told *self = user;
    int key = ((const char *)record->key.data)[1] - '0';
    weir_bytes value = record->value.data == NULL ? WEIR_BYTES("ended") : record->value;
    weir_buf *last = &self->last[key];
    weir_buf_clear(last);
    weir_buf_append_format(last, "k%d=%.*s@%" PRId64, key, (int)value.size,
                           (const char *)value.data, record->timestamp_ms);
    text_bag_add(&self->all, weir_strdup(weir_buf_text(last)));
}

/* What comes out of a topic where nothing happens. */
static void want(const event *events, const char *topic, told *out)
{
    dsl_fixture fixture;
    dsl_fixture_start(&fixture, timed(), "0");
    for (size_t i = 0; i < EVENTS; i++) {
        dsl_send(&fixture, "in", events[i].key, events[i].value, events[i].ms);
    }
    const weir_record *record = NULL;
    while (weir_test_driver_read(fixture.driver, topic, &record, NULL) == WEIR_OK) {
        tell(out, record);
    }
    dsl_fixture_end(&fixture);
}

static void disturb(conformance_world *world, weir_random *random)
{
    weir_error err = {0};
    switch (weir_random_below(random, 8)) {
    case 0:
        CHECK_OK(conformance_world_commit(world, &err), &err);
        break;
    case 1:
    case 2:
        conformance_world_crash(world);
        break;
    case 3:
        CHECK_OK(conformance_world_close(world, &err), &err);
        break;
    case 4:
        CHECK_OK(conformance_world_move(world, &err), &err);
        break;
    default:
        break;
    }
}

static void run(conformance_world *world, const event *events, weir_random *random)
{
    weir_error err = {0};
    for (size_t i = 0; i < EVENTS; i++) {
        const weir_record record = {
            .topic = "in",
            .key = weir_bytes_of_text(events[i].key),
            .value = weir_bytes_of_text(events[i].value),
            .timestamp_ms = events[i].ms,
        };
        disturb(world, random);
        CHECK_OK(conformance_world_feed(world, &record, &err), &err);
        disturb(world, random);
        CHECK_OK(conformance_world_work(world, &err), &err);
    }
    CHECK_OK(conformance_world_commit(world, &err), &err);
    CHECK_I64(world->counts.crashes, >, 0);
    CHECK_I64(world->counts.moves, >, 0);
}

static void check_topic(conformance_world *world, const event *events, const char *topic)
{
    WEIR_AUTO(told) wanted = {0};
    WEIR_AUTO(told) got = {0};
    want(events, topic, &wanted);
    sim_cluster_visit(world->cluster, (weir_topic_partition){topic, 0}, NULL, tell, &got);
    CHECK_I64(wanted.all.count, >, KEYS);
    if (strcmp(topic, "ended") != 0) {
        text_bag_check_same(&got.all, &wanted.all);
        return;
    }
    for (size_t i = 0; i < KEYS; i++) {
        CHECK_STR(weir_buf_text(&got.last[i]), weir_buf_text(&wanted.last[i]));
    }
}

TEST(timers_fire_once_whoever_has_their_task)
{
    uint64_t seed = check_seed(1);
    for (uint64_t i = 0; i < RUNS; i++) {
        weir_random random = weir_random_of(seed + i);
        weir_error err = {0};
        event events[EVENTS];
        make_events(events, &random);
        WEIR_AUTO_PTR(weir_builder) builder = timed();
        const weir_setting settings[] = {
            {"application.id", "oracle"},        {"processing.guarantee", "exactly_once_v2"},
            {"commit.interval.ms", "3000"},      {"weir.placement.wait.ms", "0"},
            {"session.timeout.ms", "500"},       {"num.stream.threads", "2"},
            {"statestore.cache.max.bytes", "0"},
        };
        conformance_world_options options = {
            .inputs = inputs,
            .outputs = outputs,
            .settings = settings,
            .setting_count = WEIR_COUNT_OF(settings),
            .seed = seed + i,
            .on_disk = i % 2 == 0,
        };
        CHECK_OK(weir_builder_build(builder, &options.topology, &err), &err);
        conformance_world world = {0};
        CHECK_OK(conformance_world_open(&world, &options, &err), &err);
        run(&world, events, &random);
        for (const char *const *topic = outputs; *topic != NULL; topic++) {
            check_topic(&world, events, *topic);
        }
        conformance_world_cleanup(&world);
    }
}
