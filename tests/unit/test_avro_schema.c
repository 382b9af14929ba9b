/* SPDX-License-Identifier: Apache-2.0
 *
 * Schemas: what is accepted, what a canonical form is, which schema may follow which; and that the
 * committed ones are documented and can read what their earlier versions wrote
 * (tests/golden/schemas keeps those).
 */
#include "avro/embedded_schema.h"
#include "avro/schema_internal.h"
#include "streams/base/file.h"
#include "tests/harness/check.h"

#include <stdlib.h>
#include <string.h>

static weir_schema *parse(const char *json)
{
    weir_error err = {0};
    weir_schema *schema = NULL;
    CHECK_OK(weir_schema_parse(weir_bytes_of_text(json), &schema, &err), &err);
    return schema;
}

static void check_refused(const char *json, const char *message)
{
    weir_error err = {0};
    weir_schema *schema = NULL;
    CHECK_STATUS(weir_schema_parse(weir_bytes_of_text(json), &schema, &err), WEIR_INVALID);
    CHECK_STR(err.message, message);
    CHECK(schema == NULL);
}

/* Can what writer wrote be read by reader? NULL, or the sentence that says why not. */
static const char *can_read(const char *reader, const char *writer, weir_error *err)
{
    WEIR_AUTO_PTR(weir_schema) reads = parse(reader);
    WEIR_AUTO_PTR(weir_schema) wrote = parse(writer);
    weir_status status = weir_schema_can_read(reads, wrote, err);
    CHECK(status == WEIR_OK || status == WEIR_INVALID);
    return status == WEIR_OK ? NULL : err->message;
}

#define RECORD(fields) "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" fields "]}"

TEST(canonical_form_has_full_names_and_nothing_that_does_not_matter)
{
    WEIR_AUTO_PTR(weir_schema)
    schema =
        parse("{\"doc\": \"d\", \"namespace\": \"n\", \"name\": \"R\", \"type\": \"record\","
              " \"fields\": [{\"type\": {\"type\": \"enum\", \"name\": \"E\","
              " \"symbols\": [\"A\", \"B\"]}, \"name\": \"e\", \"default\": \"A\"},"
              " {\"name\": \"again\", \"type\": [\"null\", \"E\"], \"doc\": \"d\"},"
              " {\"name\": \"f\", \"type\": {\"size\": 4, \"type\": \"fixed\", \"name\": \"m.F\"}},"
              " {\"name\": \"l\", \"type\": {\"type\": \"array\", \"items\":"
              " {\"type\": \"map\", \"values\": {\"type\": \"long\"}}}}]}");
    CHECK_STR(weir_buf_text(&schema->canonical),
              "{\"name\":\"n.R\",\"type\":\"record\",\"fields\":["
              "{\"name\":\"e\",\"type\":{\"name\":\"n.E\",\"type\":\"enum\","
              "\"symbols\":[\"A\",\"B\"]}},"
              "{\"name\":\"again\",\"type\":[\"null\",\"n.E\"]},"
              "{\"name\":\"f\",\"type\":{\"name\":\"m.F\",\"type\":\"fixed\",\"size\":4}},"
              "{\"name\":\"l\",\"type\":{\"type\":\"array\",\"items\":"
              "{\"type\":\"map\",\"values\":\"long\"}}}]}");
}

TEST(name_without_a_dot_is_of_the_namespace_around_it_if_it_is_there)
{
    WEIR_AUTO_PTR(weir_schema)
    schema = parse("[{\"type\":\"fixed\",\"name\":\"F\",\"size\":1},"
                   "{\"type\":\"fixed\",\"name\":\"n.F\",\"size\":2},"
                   "{\"type\":\"fixed\",\"name\":\"G\",\"size\":3},"
                   "{\"type\":\"record\",\"name\":\"R\",\"namespace\":\"n\",\"fields\":["
                   "{\"name\":\"f\",\"type\":\"F\"},{\"name\":\"g\",\"type\":\"G\"}]}]");
    const weir_schema_node *record = schema->root->branches[3];
    CHECK_I64(record->fields[0].node->fixed_bytes, ==, 2);
    CHECK_I64(record->fields[1].node->fixed_bytes, ==, 3);
}

TEST(malformed_schema_is_refused_with_the_place)
{
    check_refused("{\"type\":",
                  "the schema is not JSON: line 1: unexpected token near end of file");
    check_refused("\"strin\"", "type \"strin\" is not defined");
    check_refused("3", "a type is missing");
    check_refused("{\"type\":\"record\",\"fields\":[]}", "a record has no name");
    check_refused("{\"type\":\"record\",\"name\":\"R\"}", "record R has no fields");
    check_refused(RECORD("{\"type\":\"int\"}"), "a field has no valid name");
    check_refused(RECORD("{\"name\":\"a\"}"), "field a: a type is missing");
    check_refused(RECORD("{\"name\":\"a\",\"type\":\"int\"},{\"name\":\"a\",\"type\":\"int\"}"),
                  "field a comes twice");
    check_refused(RECORD("{\"name\":\"a\",\"type\":\"R\"}"), "field a: the record contains itself");
    check_refused("{\"type\":\"record\",\"name\":\"a.3\",\"fields\":[]}",
                  "\"a.3\" is no name for a type");
    check_refused("{\"type\":\"fixed\",\"name\":\"int\",\"size\":1}",
                  "\"int\" is no name for a type");
    check_refused("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"a\\n\"]}",
                  "a symbol of enum E is not a name");
    check_refused("{\"type\":\"record\",\"name\":\"n.R\",\"fields\":[{\"name\":\"a\",\"type\":"
                  "{\"type\":\"fixed\",\"name\":\"F\",\"namespace\":\"\",\"size\":1}}]}",
                  "field a: F leaves the namespace n");
    check_refused("[\"int\",[\"null\"]]", "a union is in a union");
    check_refused("[]", "a union has no branches");
    check_refused("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[]}", "enum E has no symbols");
    check_refused("{\"type\":\"fixed\",\"name\":\"F\",\"size\":-1}",
                  "size of fixed F is not 1 to 262144");
    check_refused("[{\"type\":\"fixed\",\"name\":\"F\",\"size\":1},"
                  "{\"type\":\"fixed\",\"name\":\"F\",\"size\":1}]",
                  "type \"F\" is defined twice");
}

TEST(default_must_be_of_the_fields_type)
{
    static const char *const wrong[] = {
        "\"int\",\"default\":2147483648", "\"int\",\"default\":1.5",
        "\"string\",\"default\":null",    "\"boolean\",\"default\":0",
        "\"double\",\"default\":\"1\"",   "[\"null\",\"int\"],\"default\":1",
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(wrong); i++) {
        WEIR_AUTO_FREE char *json = weir_format("{\"type\":\"record\",\"name\":\"R\",\"fields\":"
                                                "[{\"name\":\"a\",\"type\":%s}]}",
                                                wrong[i]);
        weir_schema *schema = NULL;
        weir_error err = {0};
        CHECK_STATUS(weir_schema_parse(weir_bytes_of_text(json), &schema, &err), WEIR_INVALID);
        CHECK(strncmp(err.message, "field a: the default is not a ", 30) == 0);
    }
}

TEST(default_is_kept_as_the_datum_of_a_writer)
{
    WEIR_AUTO_PTR(weir_schema)
    schema = parse(RECORD("{\"name\":\"i\",\"type\":\"int\",\"default\":-3},"
                          "{\"name\":\"s\",\"type\":\"string\",\"default\":\"ab\"},"
                          "{\"name\":\"d\",\"type\":\"double\",\"default\":1},"
                          "{\"name\":\"u\",\"type\":[\"null\",\"int\"],\"default\":null},"
                          "{\"name\":\"e\",\"default\":\"B\",\"type\":"
                          "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}},"
                          "{\"name\":\"r\",\"default\":{\"x\":true},\"type\":{\"type\":\"record\","
                          "\"name\":\"X\",\"fields\":[{\"name\":\"x\",\"type\":\"boolean\"},"
                          "{\"name\":\"y\",\"type\":\"float\",\"default\":0}]}}"));
    static const struct {
        const char *data;
        size_t size;
    } wanted[] = {{"\x05", 1},
                  {"\x04"
                   "ab",
                   3},
                  {"\0\0\0\0\0\0\xf0\x3f", 8},
                  {"\0", 1},
                  {"\x02", 1},
                  {"\x01\0\0\0\0", 5}};
    for (size_t i = 0; i < WEIR_COUNT_OF(wanted); i++) {
        const weir_schema_field *field = &schema->root->fields[i];
        CHECK(field->has_default);
        CHECK_BYTES(weir_buf_bytes(&field->default_datum),
                    weir_bytes_of(wanted[i].data, wanted[i].size));
    }
}

TEST(schema_that_would_take_long_to_walk_is_refused)
{
    WEIR_AUTO(weir_buf) json = {0};
    for (int i = 0; i < WEIR_SCHEMA_DEPTH_MAX; i++) {
        weir_buf_append_text(&json, "{\"type\":\"array\",\"items\":");
    }
    weir_buf_append_text(&json, "\"int\"");
    for (int i = 0; i < WEIR_SCHEMA_DEPTH_MAX; i++) {
        weir_buf_append_text(&json, "}");
    }
    check_refused(weir_buf_text(&json), "types are nested deeper than 32");

    /* R0 has ten nulls, R1 ten of R0, …: 10^5 values in no bytes at all. */
    weir_buf_clear(&json);
    weir_buf_append_text(&json, "[\"null\"");
    for (int i = 0; i < 5; i++) {
        weir_buf_append_format(&json, ",{\"type\":\"record\",\"name\":\"R%d\",\"fields\":[", i);
        for (int field = 0; field < 10; field++) {
            weir_buf_append_format(&json, "%s{\"name\":\"f%d\",\"type\":\"", field ? "," : "",
                                   field);
            weir_buf_append_format(&json, i == 0 ? "null\"}" : "R%d\"}", i - 1);
        }
        weir_buf_append_text(&json, "]}");
    }
    weir_buf_append_text(&json, "]");
    check_refused(weir_buf_text(&json), "record R3 expands to more than 10000 values");
}

TEST(numbers_are_promoted_one_way_only)
{
    static const char *const kinds[] = {"\"int\"", "\"long\"", "\"float\"", "\"double\""};
    weir_error err = {0};
    for (size_t reader = 0; reader < WEIR_COUNT_OF(kinds); reader++) {
        for (size_t writer = 0; writer < WEIR_COUNT_OF(kinds); writer++) {
            CHECK((can_read(kinds[reader], kinds[writer], &err) == NULL) == (reader >= writer));
        }
        CHECK(can_read(kinds[reader], "\"boolean\"", &err) != NULL);
        CHECK(can_read("\"string\"", kinds[reader], &err) != NULL);
    }
    CHECK(can_read("\"string\"", "\"bytes\"", &err) == NULL);
    CHECK(can_read("\"bytes\"", "\"string\"", &err) == NULL);
}

TEST(evolution_follows_the_rules_of_avro)
{
    weir_error err = {0};
    const char *one = RECORD("{\"name\":\"a\",\"type\":\"int\"}");
    const char *added = RECORD("{\"name\":\"a\",\"type\":\"long\"},"
                               "{\"name\":\"b\",\"type\":\"string\",\"default\":\"\"}");
    const char *demanding =
        RECORD("{\"name\":\"a\",\"type\":\"int\"},{\"name\":\"b\",\"type\":\"string\"}");
    CHECK(can_read(added, one, &err) == NULL);
    CHECK_STR(can_read(one, added, &err), "field a: a long cannot be read as int");
    CHECK_STR(can_read(demanding, one, &err), "field b is new and has no default: give it one");
    CHECK(can_read(one, demanding, &err) == NULL);

    const char *wide = "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}";
    const char *narrow = "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"B\"]}";
    CHECK(can_read(wide, narrow, &err) == NULL);
    CHECK_STR(can_read(narrow, wide, &err), "symbol A of enum E is gone");

    const char *optional = "[\"null\",\"long\"]";
    CHECK(can_read(optional, "\"int\"", &err) == NULL);
    CHECK_STR(can_read("\"long\"", optional, &err), "a null cannot be read as long");
    CHECK_STR(can_read(optional, "\"string\"", &err), "a string cannot be read as union");

    CHECK(can_read("{\"type\":\"fixed\",\"name\":\"F\",\"size\":4}",
                   "{\"type\":\"fixed\",\"name\":\"F\",\"size\":5}", &err) != NULL);
    CHECK(can_read("{\"type\":\"fixed\",\"name\":\"n.F\",\"size\":4}",
                   "{\"type\":\"fixed\",\"name\":\"F\",\"size\":4}", &err) == NULL);
    CHECK_STR(can_read("{\"type\":\"array\",\"items\":\"int\"}",
                       "{\"type\":\"array\",\"items\":\"string\"}", &err),
              "a string cannot be read as int");
}

TEST(recursive_schemas_are_compared_once_around)
{
    weir_error err = {0};
    const char *list = RECORD("{\"name\":\"v\",\"type\":\"int\"},"
                              "{\"name\":\"left\",\"type\":[\"null\",\"R\"]},"
                              "{\"name\":\"right\",\"type\":[\"null\",\"R\"]}");
    const char *wider = RECORD("{\"name\":\"v\",\"type\":\"long\"},"
                               "{\"name\":\"left\",\"type\":[\"null\",\"R\"]},"
                               "{\"name\":\"right\",\"type\":[\"null\",\"R\"]}");
    CHECK(can_read(wider, list, &err) == NULL);
    CHECK(can_read(list, wider, &err) != NULL);
}

static void check_documented(const char *topic, const weir_schema_node *node)
{
    if (node->kind == WEIR_SCHEMA_RECORD && !node->has_doc) {
        check_fail(__FILE__, __LINE__, "%s: record %s has no doc", topic, node->name);
    }
    for (size_t i = 0; i < node->field_count; i++) {
        if (!node->fields[i].has_doc) {
            check_fail(__FILE__, __LINE__, "%s: field %s has no doc", topic, node->fields[i].name);
        }
    }
}

TEST(every_committed_record_and_field_is_documented)
{
    CHECK_I64(weir_embedded_schema_count, >=, 14);
    for (size_t i = 0; i < weir_embedded_schema_count; i++) {
        weir_error err = {0};
        WEIR_AUTO_PTR(weir_schema) schema = NULL;
        CHECK_OK(weir_schema_parse(weir_embedded_schemas[i].json, &schema, &err), &err);
        for (size_t n = 0; n < schema->node_count; n++) {
            check_documented(weir_embedded_schemas[i].topic, schema->nodes[n]);
        }
    }
}

/* The first versions are kept as <topic>.1.avsc; a change that is released adds the next one. */
TEST(every_committed_schema_reads_what_its_first_version_wrote)
{
    size_t compared = 0;
    for (size_t i = 0; i < weir_embedded_schema_count; i++) {
        weir_error err = {0};
        WEIR_AUTO(weir_buf) json = {0};
        WEIR_AUTO_FREE char *path = weir_format("%s/tests/golden/schemas/%s.1.avsc",
                                                WEIR_SOURCE_DIR, weir_embedded_schemas[i].topic);
        if (weir_file_read(path, WEIR_SCHEMA_BYTES_MAX, &json, &err) == WEIR_NOT_FOUND) {
            check_fail(__FILE__, __LINE__, "%s is missing: copy avro/schemas/%s.avsc there", path,
                       weir_embedded_schemas[i].topic);
        }
        WEIR_AUTO_PTR(weir_schema) now = NULL;
        WEIR_AUTO_PTR(weir_schema) before = NULL;
        CHECK_OK(weir_schema_parse(weir_embedded_schemas[i].json, &now, &err), &err);
        CHECK_OK(weir_schema_parse(weir_buf_bytes(&json), &before, &err), &err);
        CHECK_OK(weir_schema_can_read(now, before, &err), &err);
        compared++;
    }
    CHECK_I64(compared, ==, weir_embedded_schema_count);
}
