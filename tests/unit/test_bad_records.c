/* SPDX-License-Identifier: Apache-2.0
 *
 * Whatever lies in a topic that a stage reads, each record that it cannot use becomes a dead letter
 * with the raw record untouched and headers that say where it was and why; the stage goes on.
 */
#include "avro/records.h"
#include "streams/base/file.h"
#include "tests/harness/check.h"
#include "tests/harness/stage_run.h"
#include "topologies/dedup.h"
#include "topologies/extract.h"
#include "topologies/fetch.h"
#include "topologies/frontier.h"
#include "topologies/quality.h"
#include "topologies/tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEAD_LETTERS "dlq.dedup.v1" /* Of every stage_run application. */

/* A stage and a topic that it reads. */
typedef struct intake {
    const char *application_id;
    const char *topic;
    const weir_record_type *type;
} intake;

static const intake intakes[] = {
    {WEIR_FRONTIER_APPLICATION, "crawl.raw_fetch.v1", &weir_raw_fetch_type},
    {WEIR_FRONTIER_APPLICATION, "extract.page.v1", &weir_page_type},
    {WEIR_FRONTIER_APPLICATION, "weir-frontier-frontier-events-repartition",
     &weir_frontier_event_type},
    {WEIR_FETCH_APPLICATION, "crawl.fetch.tasks.v1", &weir_fetch_task_type},
    {WEIR_EXTRACT_APPLICATION, "crawl.raw_fetch.v1", &weir_raw_fetch_type},
    {WEIR_QUALITY_APPLICATION, "extract.page.v1", &weir_page_type},
    {WEIR_DEDUP_APPLICATION, "quality.page_scored.v1", &weir_page_scored_type},
    {WEIR_DEDUP_APPLICATION, "weir-dedup-dedup-messages-repartition", &weir_dedup_message_type},
    {WEIR_DEDUP_APPLICATION, "weir-dedup-dedup-bands-by-key-repartition", &weir_dedup_message_type},
    {WEIR_TABLES_APPLICATION, "crawl.raw_fetch.v1", &weir_raw_fetch_type},
    {WEIR_TABLES_APPLICATION, "extract.page.v1", &weir_page_type},
    {WEIR_TABLES_APPLICATION, "quality.page_scored.v1", &weir_page_scored_type},
    {WEIR_TABLES_APPLICATION, "dedup.text_decision.v1", &weir_text_decision_type},
    {WEIR_TABLES_APPLICATION, "weir-tables-decisions-by-url-repartition", &weir_text_decision_type},
    {WEIR_TABLES_APPLICATION, "weir-tables-membership-changes-repartition",
     &weir_membership_change_type},
};

typedef struct fixture {
    stage_run run;
    weir_fetch_client client;
    weir_error err;
} fixture;

static weir_topology *topology_of(fixture *f, const char *application_id)
{
    static const struct {
        const char *id;
        weir_status (*make)(weir_stage_services *services, weir_topology **out, weir_error *err);
    } makers[] = {{WEIR_FRONTIER_APPLICATION, weir_frontier_topology},
                  {WEIR_EXTRACT_APPLICATION, weir_extract_topology},
                  {WEIR_QUALITY_APPLICATION, weir_quality_topology},
                  {WEIR_DEDUP_APPLICATION, weir_dedup_topology},
                  {WEIR_TABLES_APPLICATION, weir_tables_topology}};
    weir_topology *made = NULL;
    for (size_t i = 0; i < WEIR_COUNT_OF(makers); i++) {
        if (strcmp(makers[i].id, application_id) == 0) {
            CHECK_OK(makers[i].make(&f->run.services, &made, &f->err), &f->err);
            return made;
        }
    }
    f->client = (weir_fetch_client){weir_fetch_open_curl, &f->run.services};
    CHECK_OK(weir_fetch_topology(&f->run.services, &f->client, &made, &f->err), &f->err);
    return made;
}

static void start(fixture *f, const char *application_id)
{
    stage_run_start(&f->run, &(stage_run_options){.partition_count = 2, .seed = 1});
    stage_run_add(&f->run, application_id, topology_of(f, application_id));
    stage_run_settle(&f->run);
}

static void fixture_cleanup(fixture *f)
{
    stage_run_cleanup(&f->run);
}

/* Dead letters. */

static weir_bytes header_of(const weir_record *record, const char *name)
{
    WEIR_AUTO_FREE char *full = weir_format("__streams.errors.%s", name);
    for (size_t i = 0; i < record->header_count; i++) {
        if (weir_bytes_equal(record->headers[i].key, weir_bytes_of_text(full))) {
            return record->headers[i].value;
        }
    }
    check_fail(__FILE__, __LINE__, "a dead letter without %s", full);
}

typedef struct expected_letter {
    const char *topic;
    const char *stage;
    const char *message; /* A part of it; NULL: any. */
    weir_bytes key;
    weir_bytes value;
    size_t count;
} expected_letter;

static void check_letter(void *user, const weir_record *record, const void *object)
{
    (void)object;
    expected_letter *expected = user;
    CHECK_BYTES(header_of(record, "topic"), weir_bytes_of_text(expected->topic));
    CHECK_BYTES(header_of(record, "stage"), weir_bytes_of_text(expected->stage));
    CHECK_BYTES(header_of(record, "attempt"), WEIR_BYTES("1"));
    CHECK_I64(header_of(record, "partition").size, >, 0);
    CHECK_I64(header_of(record, "offset").size, >, 0);
    CHECK_I64(header_of(record, "exception").size, >, 0);
    WEIR_AUTO_FREE char *message = weir_bytes_to_text(header_of(record, "message"));
    CHECK_I64(strlen(message), >, 0);
    if (expected->message != NULL && strstr(message, expected->message) == NULL) {
        check_fail(__FILE__, __LINE__, "\"%s\" does not say \"%s\"", message, expected->message);
    }
    CHECK_BYTES(record->key, expected->key);
    CHECK_BYTES(record->value, expected->value);
    expected->count++;
}

/* Sends value to a topic of a fresh stage and expects exactly one dead letter. */
static void check_dead(const intake *at, weir_bytes value)
{
    fixture f = {0};
    start(&f, at->application_id);
    stage_run_send(&f.run, at->topic, NULL, WEIR_BYTES("key"), &value);
    stage_run_settle(&f.run);
    expected_letter expected = {
        .topic = at->topic, .stage = "deserialization", .key = WEIR_BYTES("key"), .value = value};
    stage_run_visit(&f.run, DEAD_LETTERS, NULL, check_letter, &expected);
    if (expected.count != 1) {
        check_fail(__FILE__, __LINE__, "%s: %zu dead letters for %zu bytes in %s",
                   at->application_id, expected.count, value.size, at->topic);
    }
    CHECK(weir_application_state_now(f.run.applications[0]) == WEIR_APPLICATION_RUNNING);
    fixture_cleanup(&f);
}

/* An Avro value of type with every field empty, as a codec of its own writes it. */
static void empty_value(const weir_record_type *type, weir_buf *out)
{
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_registry) registry = NULL;
    WEIR_AUTO_PTR(weir_codec) codec = NULL;
    CHECK_OK(weir_registry_open(NULL, &registry, &err), &err);
    CHECK_OK(weir_codec_new(registry, &codec, &err), &err);
    WEIR_AUTO_FREE void *value = weir_alloc(type->bytes);
    for (size_t i = 0; i < type->field_count; i++) { /* Strings are never null. */
        if (type->fields[i].kind == WEIR_FIELD_STRING) {
            *(weir_bytes *)(void *)((char *)value + type->fields[i].offset) = WEIR_BYTES("");
        }
    }
    CHECK_OK(weir_codec_encode(codec, type, value, out, &err), &err);
}

TEST(value_that_is_no_record_of_the_topic_is_a_dead_letter_in_every_stage)
{
    for (size_t i = 0; i < WEIR_COUNT_OF(intakes); i++) {
        const weir_bytes values[] = {
            WEIR_BYTES_NULL,
            WEIR_BYTES(""),
            WEIR_BYTES("\0\0"),
            WEIR_BYTES("{\"url\":\"http://a.example/\"}"),
            WEIR_BYTES("\1\0\0\0\1abc"),
            WEIR_BYTES("\0\x7f\xff\xff\xff"),
            WEIR_BYTES("\0\0\0\0\0"),
        };
        for (size_t j = 0; j < WEIR_COUNT_OF(values); j++) {
            check_dead(&intakes[i], values[j]);
        }
        WEIR_AUTO(weir_buf) whole = {0};
        empty_value(intakes[i].type, &whole);
        check_dead(&intakes[i], weir_bytes_of(whole.data, 5)); /* The schema, and no datum. */
        check_dead(&intakes[i], weir_bytes_of(whole.data, whole.size - 1));
        WEIR_AUTO(weir_buf) longer = {0}; /* A text that claims to be very long. */
        weir_buf_append(&longer, whole.data, 5);
        weir_buf_append_text(&longer, "\xfe\xff\xff\xff\xff\xff\xff\xff\x7f text");
        check_dead(&intakes[i], weir_buf_bytes(&longer));
    }
}

TEST(record_of_another_topic_is_a_dead_letter)
{
    for (size_t i = 0; i < WEIR_COUNT_OF(intakes); i++) {
        WEIR_AUTO(weir_buf) other = {0};
        const weir_record_type *type =
            intakes[i].type == &weir_fetch_task_type ? &weir_page_type : &weir_fetch_task_type;
        empty_value(type, &other);
        check_dead(&intakes[i], weir_buf_bytes(&other));
    }
}

/* Objects that are not there. */

static void check_object(const intake *at, const char *ref, const char *message)
{
    fixture f = {0};
    start(&f, at->application_id);
    WEIR_AUTO_FREE char *corrupt = weir_format("%s/raw/co", f.run.directory);
    CHECK_OK(weir_directory_make(corrupt, &f.err), &f.err);
    WEIR_AUTO_FREE char *path = weir_format("%s/corrupt.zst", corrupt);
    CHECK_OK(weir_file_replace(path, WEIR_BYTES("not zstd"), false, &f.err), &f.err);
    weir_bytes name = weir_bytes_of_text(ref);
    weir_raw_fetch fetch = {.url = WEIR_BYTES("http://a.example/"),
                            .url_hash = WEIR_BYTES("h"),
                            .host_id = WEIR_BYTES("a.example"),
                            .outcome = WEIR_BYTES("fetched"),
                            .reason = WEIR_BYTES(""),
                            .content_type = WEIR_BYTES("text/html"),
                            .ip = WEIR_BYTES(""),
                            .body_ref = name};
    weir_page page = {.url = fetch.url,
                      .url_hash = fetch.url_hash,
                      .host_id = fetch.host_id,
                      .outcome = WEIR_BYTES("extracted"),
                      .reason = WEIR_BYTES(""),
                      .title = WEIR_BYTES(""),
                      .language = WEIR_BYTES("en"),
                      .charset = WEIR_BYTES("utf-8"),
                      .content_hash = WEIR_BYTES("c"),
                      .text_ref = name};
    weir_page_scored scored = {.url = fetch.url,
                               .url_hash = fetch.url_hash,
                               .host_id = fetch.host_id,
                               .language = WEIR_BYTES("en"),
                               .rule_set = WEIR_BYTES("default"),
                               .title = WEIR_BYTES(""),
                               .content_hash = WEIR_BYTES("c"),
                               .text_ref = name};
    const void *value = at->type == &weir_raw_fetch_type ? (const void *)&fetch
                        : at->type == &weir_page_type    ? (const void *)&page
                                                         : (const void *)&scored;
    stage_run_send(&f.run, at->topic, at->type, fetch.url_hash, value);
    stage_run_settle(&f.run);
    CHECK_I64(stage_run_count(&f.run, DEAD_LETTERS), ==, 1);
    bool is_dedup = at->type == &weir_page_scored_type; /* Its text is read a topic later. */
    WEIR_AUTO(weir_buf) encoded = {0};
    CHECK_OK(weir_codec_encode(f.run.codec, at->type, value, &encoded, &f.err), &f.err);
    expected_letter expected = {.topic = at->topic,
                                .stage = "processing",
                                .message = message,
                                .key = fetch.url_hash,
                                .value = weir_buf_bytes(&encoded)};
    if (!is_dedup) {
        stage_run_visit(&f.run, DEAD_LETTERS, NULL, check_letter, &expected);
    }
    CHECK(weir_application_state_now(f.run.applications[0]) == WEIR_APPLICATION_RUNNING);
    fixture_cleanup(&f);
}

TEST(missing_or_corrupt_object_is_a_dead_letter_with_its_reason)
{
    static const intake readers[] = {
        {WEIR_EXTRACT_APPLICATION, "crawl.raw_fetch.v1", &weir_raw_fetch_type},
        {WEIR_QUALITY_APPLICATION, "extract.page.v1", &weir_page_type},
        {WEIR_DEDUP_APPLICATION, "quality.page_scored.v1", &weir_page_scored_type},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(readers); i++) {
        check_object(&readers[i], "raw/no/nothing.zst", "object_missing");
        check_object(&readers[i], "raw/co/corrupt.zst", "object_corrupt");
        check_object(&readers[i], "../../../../etc/passwd", NULL);
        check_object(&readers[i], "", NULL);
        WEIR_AUTO(weir_buf) lengthy = {0};
        weir_buf_append_format(&lengthy, "raw/%05000d", 1);
        check_object(&readers[i], weir_buf_text(&lengthy), NULL);
    }
}

/* Sends an empty record of the topic's own type, under key. */
static void check_survives(const intake *at, weir_bytes key)
{
    fixture f = {0};
    start(&f, at->application_id);
    WEIR_AUTO(weir_buf) value = {0};
    empty_value(at->type, &value);
    weir_bytes bytes = weir_buf_bytes(&value);
    stage_run_send(&f.run, at->topic, NULL, key, &bytes);
    stage_run_settle(&f.run);
    CHECK(weir_application_state_now(f.run.applications[0]) == WEIR_APPLICATION_RUNNING);
    fixture_cleanup(&f);
}

TEST(record_without_key_or_content_stops_nothing)
{
    WEIR_AUTO(weir_buf) lengthy = {0};
    weir_buf_append_format(&lengthy, "%065536d", 1);
    for (size_t i = 0; i < WEIR_COUNT_OF(intakes); i++) {
        check_survives(&intakes[i], WEIR_BYTES_NULL);
        check_survives(&intakes[i], WEIR_BYTES(""));
        check_survives(&intakes[i], WEIR_BYTES("key"));
        check_survives(&intakes[i], weir_buf_bytes(&lengthy));
    }
}
