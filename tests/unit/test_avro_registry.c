/* SPDX-License-Identifier: Apache-2.0
 *
 * The local registry: one id a schema, versions in order, nothing incompatible, all of it there
 * after a restart; and records of other versions, read through the codec.
 */
#include "avro/codec_internal.h"
#include "avro/embedded_schema.h"
#include "avro/records.h"
#include "streams/base/file.h"
#include "tests/harness/check.h"

#include <stdlib.h>
#include <string.h>

enum { ARENA_BYTES_MAX = 1 << 20 };

static const char first_json[] = "{\"type\":\"record\",\"name\":\"R\",\"fields\":["
                                 "{\"name\":\"a\",\"type\":\"int\"}]}";
static const char first_json_again[] = "{\"name\":\"R\", \"doc\":\"Documented.\",\n"
                                       "\"type\":\"record\",\"fields\":["
                                       "{\"name\":\"a\",\"type\":\"int\",\"default\":1}]}";
static const char second_json[] = "{\"type\":\"record\",\"name\":\"R\",\"fields\":["
                                  "{\"name\":\"a\",\"type\":\"long\"}]}";
static const char refused_json[] = "{\"type\":\"record\",\"name\":\"R\",\"fields\":["
                                   "{\"name\":\"a\",\"type\":\"string\"}]}";

static weir_registry *open_registry(const char *directory)
{
    weir_error err = {0};
    weir_registry *registry = NULL;
    CHECK_OK(weir_registry_open(directory, &registry, &err), &err);
    return registry;
}

static int32_t register_json(weir_registry *registry, const char *subject, const char *json)
{
    weir_error err = {0};
    int32_t id = 0;
    CHECK_OK(weir_registry_register(registry, subject, weir_bytes_of_text(json), &id, &err), &err);
    CHECK(id > 0);
    CHECK(weir_registry_schema(registry, id) != NULL);
    return id;
}

TEST(schema_has_one_id_whatever_its_docs_defaults_and_subject)
{
    WEIR_AUTO_PTR(weir_registry) registry = open_registry(NULL);
    int32_t id = register_json(registry, "t-value", first_json);
    CHECK_I64(register_json(registry, "t-value", first_json_again), ==, id);
    CHECK_I64(register_json(registry, "other-value", first_json), ==, id);
    CHECK_I64(weir_registry_version_count(registry, "t-value"), ==, 1);

    WEIR_AUTO_PTR(weir_registry) other = open_registry(NULL);
    CHECK(register_json(other, "t-value", second_json) != id);
    CHECK_I64(register_json(other, "s-value", first_json), ==, id); /* In any order. */
}

TEST(change_that_cannot_read_the_past_is_refused_with_a_sentence)
{
    WEIR_AUTO_PTR(weir_registry) registry = open_registry(NULL);
    weir_error err = {0};
    int32_t id = 0;
    (void)register_json(registry, "t-value", second_json);
    CHECK_STATUS(
        weir_registry_register(registry, "t-value", weir_bytes_of_text(refused_json), &id, &err),
        WEIR_INVALID);
    CHECK_STR(err.message, "schema of t-value: cannot read what version 0 wrote: "
                           "field a: a long cannot be read as string");
    CHECK_STATUS(weir_registry_register(registry, "t-value", WEIR_BYTES("{"), &id, &err),
                 WEIR_INVALID);
    CHECK_I64(weir_registry_version_count(registry, "t-value"), ==, 1);
}

TEST(subject_that_is_no_file_name_is_refused)
{
    WEIR_AUTO_PTR(weir_registry) registry = open_registry(NULL);
    static const char *const names[] = {"", "../t", ".t", "a/b", "a b", "t.tmp"};
    for (size_t i = 0; i < WEIR_COUNT_OF(names); i++) {
        int32_t id = 0;
        CHECK_STATUS(
            weir_registry_register(registry, names[i], weir_bytes_of_text(first_json), &id, NULL),
            WEIR_INVALID);
    }
}

TEST(subject_with_tmp_inside_its_name_is_there_after_a_restart)
{
    WEIR_AUTO_FREE char *directory = check_directory();
    weir_registry *registry = open_registry(directory);
    (void)register_json(registry, "a.tmp-value", first_json);
    weir_registry_free(registry);
    registry = open_registry(directory);
    CHECK_I64(weir_registry_version_count(registry, "a.tmp-value"), ==, 1);
    weir_registry_free(registry);
}

TEST(versions_are_there_after_a_restart)
{
    WEIR_AUTO_FREE char *directory = check_directory();
    weir_registry *registry = open_registry(directory);
    int32_t first = register_json(registry, "t-value", first_json);
    int32_t second = register_json(registry, "t-value", second_json);
    weir_registry_free(registry);

    registry = open_registry(directory);
    CHECK_I64(weir_registry_version_count(registry, "t-value"), ==, 2);
    CHECK_I64(weir_registry_version_id(registry, "t-value", 0), ==, first);
    CHECK_I64(weir_registry_version_id(registry, "t-value", 1), ==, second);
    CHECK_BYTES(weir_buf_bytes(&weir_registry_schema(registry, first)->json),
                weir_bytes_of_text(first_json));
    CHECK_I64(register_json(registry, "t-value", second_json), ==, second);
    CHECK_I64(weir_registry_version_count(registry, "t-value"), ==, 2);
    weir_registry_free(registry);
}

TEST(damaged_file_is_corrupt_and_named)
{
    WEIR_AUTO_FREE char *directory = check_directory();
    weir_registry *registry = open_registry(directory);
    (void)register_json(registry, "t-value", first_json);
    weir_registry_free(registry);

    weir_error err = {0};
    WEIR_AUTO_FREE char *subject = weir_format("%s/subjects/t-value", directory);
    static const char *const damages[] = {"1\n", "x", "\n", "99999999999999999999\n"};
    for (size_t i = 0; i < WEIR_COUNT_OF(damages); i++) {
        CHECK_OK(weir_file_replace(subject, weir_bytes_of_text(damages[i]), false, &err), &err);
        CHECK_STATUS(weir_registry_open(directory, &registry, &err), WEIR_CORRUPT);
        CHECK(strstr(err.message, "t-value: line 1 is not the id of a schema") != NULL);
    }
    CHECK_OK(weir_file_replace(subject, WEIR_BYTES(""), false, &err), &err);
    WEIR_AUTO_FREE char *schema = weir_format("%s/ids/7.avsc", directory);
    CHECK_OK(weir_file_replace(schema, WEIR_BYTES("{\"type\""), false, &err), &err);
    CHECK_STATUS(weir_registry_open(directory, &registry, &err), WEIR_CORRUPT);
    CHECK(strstr(err.message, "7.avsc: damaged: the schema is not JSON") != NULL);
}

TEST(crash_between_schema_and_subject_is_made_good)
{
    WEIR_AUTO_FREE char *directory = check_directory();
    weir_registry *registry = open_registry(directory);
    int32_t id = register_json(registry, "t-value", first_json);
    weir_registry_free(registry);
    weir_error err = {0};
    WEIR_AUTO_FREE char *subjects = weir_format("%s/subjects", directory);
    CHECK_OK(weir_directory_remove(subjects, &err), &err);

    registry = open_registry(directory);
    CHECK_I64(weir_registry_version_count(registry, "t-value"), ==, 0);
    CHECK_I64(register_json(registry, "t-value", first_json), ==, id);
    CHECK_I64(weir_registry_version_count(registry, "t-value"), ==, 1);
    weir_registry_free(registry);
}

/* An older FetchTask: no redirect_count, etag, last_modified or job_id; depth was a long's int,
 * scheduled_at_ms an int, host_id optional with a branch for bytes; and fields that are gone. */
static const char old_task_json[] =
    "{\"type\":\"record\",\"name\":\"FetchTask\",\"namespace\":\"old\",\"fields\":["
    "{\"name\":\"gone\",\"type\":{\"type\":\"record\",\"name\":\"Gone\",\"fields\":["
    "  {\"name\":\"next\",\"type\":[\"null\",\"Gone\"]},"
    "  {\"name\":\"map\",\"type\":{\"type\":\"map\",\"values\":\"float\"}},"
    "  {\"name\":\"fixed\",\"type\":{\"type\":\"fixed\",\"name\":\"F\",\"size\":3}},"
    "  {\"name\":\"colour\",\"type\":{\"type\":\"enum\",\"name\":\"C\",\"symbols\":[\"A\"]}}]}},"
    "{\"name\":\"host_id\",\"type\":[\"bytes\",\"string\"]},"
    "{\"name\":\"url_hash\",\"type\":\"bytes\"},"
    "{\"name\":\"url\",\"type\":\"string\"},"
    "{\"name\":\"scheduled_at_ms\",\"type\":\"int\"},"
    "{\"name\":\"etag\",\"type\":\"string\"},"
    "{\"name\":\"depth\",\"type\":\"int\"}]}";

TEST(record_of_an_older_writer_is_resolved_to_our_struct)
{
    WEIR_AUTO_PTR(weir_registry) registry = open_registry(NULL);
    int32_t old_id = register_json(registry, "crawl.fetch.tasks.v1-value", old_task_json);
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_codec) codec = NULL;
    CHECK_OK(weir_codec_new(registry, &codec, &err), &err);
    CHECK_I64(weir_registry_version_count(registry, "crawl.fetch.tasks.v1-value"), ==, 2);

    static const char datum[] = "\x02"                              /* gone.next: another Gone */
                                "\x00\x01\x0e\x02m\0\0\x80\x3f\x00" /* no next; a sized block */
                                "FFF\x00"
                                "\x00"
                                "FFF\x00"   /* the outer map is empty */
                                "\x02\x02h" /* host_id: branch string */
                                "\x04uh\x02u\x0a\x02"
                                "e\x06";
    WEIR_AUTO(weir_buf) bytes = {0};
    weir_buf_append_byte(&bytes, 0);
    weir_buf_append_i32_be(&bytes, old_id);
    weir_buf_append(&bytes, datum, sizeof datum - 1);
    WEIR_AUTO_PTR(weir_arena) arena = weir_arena_new(ARENA_BYTES_MAX);
    weir_fetch_task task;
    memset(&task, 0x55, sizeof task);
    CHECK_OK(weir_fetch_task_decode(codec, weir_buf_bytes(&bytes), arena, &task, &err), &err);
    CHECK_BYTES(task.url, WEIR_BYTES("u"));
    CHECK_BYTES(task.url_hash, WEIR_BYTES("uh"));
    CHECK_BYTES(task.host_id, WEIR_BYTES("h"));
    CHECK_BYTES(task.etag, WEIR_BYTES("e"));
    CHECK_I64(task.scheduled_at_ms, ==, 5);
    CHECK_I64(task.depth, ==, 3);
    CHECK_I64(task.priority, ==, 3); /* The default of our schema. */
    CHECK_I64(task.attempt, ==, 1);
    CHECK_I64(task.redirect_count, ==, 0);
    CHECK(task.last_modified.data == NULL);
    CHECK(task.job_id.data == NULL);

    WEIR_AUTO(weir_buf) json = {0};
    CHECK_OK(weir_codec_to_json(codec, weir_buf_bytes(&bytes), &json, &err), &err);
    CHECK_STR(weir_buf_text(&json),
              "{\"gone\":{\"next\":{\"next\":null,\"map\":{\"m\":1},\"fixed\":\"464646\","
              "\"colour\":\"A\"},\"map\":{},\"fixed\":\"464646\",\"colour\":\"A\"},"
              "\"host_id\":\"h\",\"url_hash\":\"7568\",\"url\":\"u\",\"scheduled_at_ms\":5,"
              "\"etag\":\"e\",\"depth\":3}");
}

TEST(skipped_values_that_are_nested_without_end_are_a_bad_record)
{
    WEIR_AUTO_PTR(weir_registry) registry = open_registry(NULL);
    int32_t old_id = register_json(registry, "crawl.fetch.tasks.v1-value", old_task_json);
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_codec) codec = NULL;
    CHECK_OK(weir_codec_new(registry, &codec, &err), &err);
    WEIR_AUTO(weir_buf) bytes = {0};
    weir_buf_append_byte(&bytes, 0);
    weir_buf_append_i32_be(&bytes, old_id);
    memset(weir_buf_reserve(&bytes, 1 << 20), 0x02, 1 << 20); /* gone.next.next.next… */
    bytes.size += 1 << 20;
    WEIR_AUTO_PTR(weir_arena) arena = weir_arena_new(ARENA_BYTES_MAX);
    weir_fetch_task task;
    CHECK_STATUS(weir_fetch_task_decode(codec, weir_buf_bytes(&bytes), arena, &task, &err),
                 WEIR_BAD_RECORD);
    CHECK_STR(err.message, "FetchTask.(skipped): values are nested deeper than 32");
}

TEST(items_of_an_older_writer_take_their_defaults_too)
{
    static const char old_page_json[] =
        "{\"type\":\"record\",\"name\":\"Page\",\"fields\":["
        "{\"name\":\"url\",\"type\":\"string\"},{\"name\":\"url_hash\",\"type\":\"string\"},"
        "{\"name\":\"host_id\",\"type\":\"string\"},{\"name\":\"outcome\",\"type\":\"string\"},"
        "{\"name\":\"language_confidence\",\"type\":\"float\"},"
        "{\"name\":\"links\",\"type\":[{\"type\":\"array\",\"items\":{\"type\":\"record\","
        "\"name\":\"Link\",\"fields\":[{\"name\":\"url\",\"type\":\"string\"}]}}]}]}";
    WEIR_AUTO_PTR(weir_registry) registry = open_registry(NULL);
    int32_t old_id = register_json(registry, "extract.page.v1-value", old_page_json);
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_codec) codec = NULL;
    CHECK_OK(weir_codec_new(registry, &codec, &err), &err);

    static const char datum[] = "\x02u\x02h\x02o\x02x\0\0\x00\x3f\x00\x04\x02p\x02q\x00";
    WEIR_AUTO(weir_buf) bytes = {0};
    weir_buf_append_byte(&bytes, 0);
    weir_buf_append_i32_be(&bytes, old_id);
    weir_buf_append(&bytes, datum, sizeof datum - 1);
    WEIR_AUTO_PTR(weir_arena) arena = weir_arena_new(ARENA_BYTES_MAX);
    weir_page page;
    CHECK_OK(weir_page_decode(codec, weir_buf_bytes(&bytes), arena, &page, &err), &err);
    CHECK(page.language_confidence == 0.5);
    CHECK_I64(page.links.count, ==, 2);
    CHECK_BYTES(page.links.items[1].url, WEIR_BYTES("q"));
    CHECK_BYTES(page.links.items[1].rel, WEIR_BYTES(""));
    CHECK_I64(page.images.count, ==, 0);
}

TEST(program_that_cannot_read_what_a_newer_one_wrote_does_not_start)
{
    WEIR_AUTO_PTR(weir_registry) registry = open_registry(NULL);
    weir_error err = {0};
    weir_codec *codec = NULL;
    CHECK_OK(weir_codec_new(registry, &codec, &err), &err);
    weir_codec_free(codec);
    codec = NULL;
    (void)register_json(registry, "index.content_cluster.v1-value",
                        "{\"type\":\"record\",\"name\":\"ContentCluster\",\"fields\":["
                        "{\"name\":\"content_hash\",\"type\":\"string\"}]}");
    CHECK_STATUS(weir_codec_new(registry, &codec, &err), WEIR_INVALID);
    CHECK_STR(err.message, "index.content_cluster.v1: version 1, which another program has "
                           "written, is beyond this one: run the newer program: "
                           "field cluster_id is new and has no default: give it one");
}

TEST(table_that_is_not_that_of_its_schema_is_refused)
{
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_schema) schema = NULL;
    CHECK_OK(weir_schema_parse(weir_bytes_of_text(first_json), &schema, &err), &err);
    weir_field field = {.name = "a", .kind = WEIR_FIELD_INT};
    weir_record_type type = {.name = "R", .bytes = 4, .fields = &field, .field_count = 1};
    CHECK_OK(weir_record_type_check(&type, schema->root, &err), &err);
    field.kind = WEIR_FIELD_LONG;
    CHECK_STATUS(weir_record_type_check(&type, schema->root, &err), WEIR_INVALID);
    field = (weir_field){.name = "b", .kind = WEIR_FIELD_INT};
    CHECK_STATUS(weir_record_type_check(&type, schema->root, &err), WEIR_INVALID);
    type.field_count = 0;
    CHECK_STATUS(weir_record_type_check(&type, schema->root, &err), WEIR_INVALID);
    CHECK_STR(err.message, "the table of R has 0 fields, its schema 1");
}
