/* SPDX-License-Identifier: Apache-2.0
 *
 * Every record goes to bytes and comes back (avro/codec.h), the bytes are those that avro-c writes,
 * and bytes from outside end in WEIR_BAD_RECORD whatever they are.
 */
#include "avro/codec_internal.h"
#include "avro/records.h"
#include "streams/base/random.h"
#include "tests/harness/check.h"

#include <avro.h>

#include <stdlib.h>
#include <string.h>

enum { ARENA_BYTES_MAX = 16 << 20, ROUNDS = 100, HEADER_BYTES = 5 };

typedef struct codec_fixture {
    weir_registry *registry;
    weir_codec *codec;
    weir_arena *arena;
    weir_buf bytes;
    weir_error err;
} codec_fixture;

static codec_fixture codec_fixture_start(void)
{
    codec_fixture f = {.arena = weir_arena_new(ARENA_BYTES_MAX)};
    CHECK_OK(weir_registry_open(NULL, &f.registry, &f.err), &f.err);
    CHECK_OK(weir_codec_new(f.registry, &f.codec, &f.err), &f.err);
    return f;
}

static void codec_fixture_cleanup(codec_fixture *f)
{
    weir_codec_free(f->codec);
    weir_registry_free(f->registry);
    weir_arena_free(f->arena);
    weir_buf_cleanup(&f->bytes);
}

static weir_bytes random_text(weir_random *random, weir_arena *arena)
{
    size_t size = (size_t)weir_random_below(random, weir_random_chance(random, 50000) ? 300 : 12);
    uint8_t *text = weir_arena_alloc(arena, size + 1);
    for (size_t i = 0; i < size; i++) {
        text[i] = (uint8_t)weir_random_u64(random);
    }
    return weir_bytes_of(text, size);
}

static int64_t random_number(weir_random *random)
{
    return (int64_t)(weir_random_u64(random) >> weir_random_below(random, 64));
}

static void fill_random(weir_random *random, weir_arena *arena, const weir_record_type *type,
                        void *record);

static void fill_list(weir_random *random, weir_arena *arena, const weir_field *field, void *value)
{
    weir_list list = {.count = (size_t)weir_random_below(random, 4)};
    size_t bytes = field->kind == WEIR_FIELD_RECORDS ? field->items->bytes : sizeof(weir_pair);
    uint8_t *items = weir_arena_alloc(arena, (list.count + 1) * bytes);
    list.items = items;
    for (size_t i = 0; i < list.count; i++) {
        if (field->kind == WEIR_FIELD_RECORDS) {
            fill_random(random, arena, field->items, items + i * bytes);
        } else if (field->kind == WEIR_FIELD_STRINGS) {
            ((weir_bytes *)(void *)items)[i] = random_text(random, arena);
        } else { /* avro-c keeps one entry a name, so names differ. */
            static const char *const names[] = {"a", "b\xc3\xa9", "c\x01"};
            weir_pair pair = {weir_bytes_of_text(names[i % WEIR_COUNT_OF(names)]),
                              random_text(random, arena)};
            ((weir_pair *)(void *)items)[i] = pair;
        }
    }
    memcpy(value, &list, sizeof list);
}

static void fill_field(weir_random *random, weir_arena *arena, const weir_field *field, void *value)
{
    switch (field->kind) {
    case WEIR_FIELD_STRING:
    case WEIR_FIELD_BYTES:
        *(weir_bytes *)value = random_text(random, arena);
        return;
    case WEIR_FIELD_OPTIONAL_STRING:
        *(weir_bytes *)value =
            weir_random_chance(random, 500000) ? WEIR_BYTES_NULL : random_text(random, arena);
        return;
    case WEIR_FIELD_LONG:
        *(int64_t *)value = random_number(random);
        return;
    case WEIR_FIELD_INT:
        *(int32_t *)value = (int32_t)random_number(random);
        return;
    case WEIR_FIELD_DOUBLE:
        *(double *)value = (double)random_number(random) / 7;
        return;
    case WEIR_FIELD_BOOLEAN:
        *(bool *)value = weir_random_chance(random, 500000);
        return;
    case WEIR_FIELD_STRINGS:
    case WEIR_FIELD_MAP:
    case WEIR_FIELD_RECORDS:
        fill_list(random, arena, field, value);
        return;
    }
}

static void fill_random(weir_random *random, weir_arena *arena, const weir_record_type *type,
                        void *record)
{
    for (size_t i = 0; i < type->field_count; i++) {
        fill_field(random, arena, &type->fields[i], (uint8_t *)record + type->fields[i].offset);
    }
}

static void oracle_set_text(avro_value_t *to, const weir_field *field, weir_bytes text)
{
    avro_value_t branch = *to;
    if (field->kind == WEIR_FIELD_OPTIONAL_STRING) {
        CHECK(avro_value_set_branch(to, text.data != NULL ? 1 : 0, &branch) == 0);
    }
    if (field->kind == WEIR_FIELD_OPTIONAL_STRING && text.data == NULL) {
        CHECK(avro_value_set_null(&branch) == 0);
        return;
    }
    WEIR_AUTO_FREE char *copy = weir_bytes_to_text(text);
    if (field->kind == WEIR_FIELD_BYTES) {
        CHECK(avro_value_set_bytes(&branch, copy, text.size) == 0);
    } else {
        CHECK(avro_value_set_string_len(&branch, copy, text.size + 1) == 0);
    }
}

static void oracle_set_record(avro_value_t *to, const weir_record_type *type, const void *record);

static void oracle_set_list(avro_value_t *to, const weir_field *field, const void *value)
{
    weir_list list;
    memcpy(&list, value, sizeof list);
    static const weir_field text_field = {.kind = WEIR_FIELD_STRING};
    for (size_t i = 0; i < list.count; i++) {
        avro_value_t item;
        if (field->kind == WEIR_FIELD_MAP) {
            const weir_pair *pair = (const weir_pair *)list.items + i;
            WEIR_AUTO_FREE char *name = weir_bytes_to_text(pair->name);
            CHECK(avro_value_add(to, name, &item, NULL, NULL) == 0);
            oracle_set_text(&item, &text_field, pair->value);
            continue;
        }
        CHECK(avro_value_append(to, &item, NULL) == 0);
        if (field->kind == WEIR_FIELD_STRINGS) {
            oracle_set_text(&item, &text_field, ((const weir_bytes *)list.items)[i]);
        } else {
            const uint8_t *from = (const uint8_t *)list.items + i * field->items->bytes;
            oracle_set_record(&item, field->items, from);
        }
    }
}

static void oracle_set_field(avro_value_t *to, const weir_field *field, const void *value)
{
    switch (field->kind) {
    case WEIR_FIELD_STRING:
    case WEIR_FIELD_BYTES:
    case WEIR_FIELD_OPTIONAL_STRING:
        oracle_set_text(to, field, *(const weir_bytes *)value);
        return;
    case WEIR_FIELD_LONG:
        CHECK(avro_value_set_long(to, *(const int64_t *)value) == 0);
        return;
    case WEIR_FIELD_INT:
        CHECK(avro_value_set_int(to, *(const int32_t *)value) == 0);
        return;
    case WEIR_FIELD_DOUBLE:
        CHECK(avro_value_set_double(to, *(const double *)value) == 0);
        return;
    case WEIR_FIELD_BOOLEAN:
        CHECK(avro_value_set_boolean(to, *(const bool *)value) == 0);
        return;
    case WEIR_FIELD_STRINGS:
    case WEIR_FIELD_MAP:
    case WEIR_FIELD_RECORDS:
        oracle_set_list(to, field, value);
        return;
    }
}

static void oracle_set_record(avro_value_t *to, const weir_record_type *type, const void *record)
{
    for (size_t i = 0; i < type->field_count; i++) {
        const weir_field *field = &type->fields[i];
        avro_value_t member;
        CHECK(avro_value_get_by_name(to, field->name, &member, NULL) == 0);
        oracle_set_field(&member, field, (const uint8_t *)record + field->offset);
    }
}

/* What avro-c's generic writer makes of record. */
static void oracle_encode(const codec_fixture *f, const weir_record_type *type, const void *record,
                          weir_buf *out)
{
    int32_t id = weir_codec_schema_id(f->codec, type);
    const weir_schema *ours = weir_registry_schema(f->registry, id);
    avro_schema_t schema = NULL;
    CHECK(avro_schema_from_json_length((const char *)ours->json.data, ours->json.size, &schema) ==
          0);
    avro_value_iface_t *iface = avro_generic_class_from_schema(schema);
    avro_value_t value;
    CHECK(avro_generic_value_new(iface, &value) == 0);
    oracle_set_record(&value, type, record);
    size_t size = 0;
    CHECK(avro_value_sizeof(&value, &size) == 0);
    avro_writer_t writer = avro_writer_memory((char *)weir_buf_reserve(out, size), (int64_t)size);
    CHECK(avro_value_write(writer, &value) == 0);
    out->size += size;
    avro_writer_free(writer);
    avro_value_decref(&value);
    avro_value_iface_decref(iface);
    avro_schema_decref(schema);
}

static weir_bytes datum_of(const codec_fixture *f)
{
    return weir_bytes_of(f->bytes.data + HEADER_BYTES, f->bytes.size - HEADER_BYTES);
}

TEST(records_are_written_as_avro_c_writes_them_and_come_back)
{
    WEIR_AUTO(codec_fixture) f = codec_fixture_start();
    weir_random random = weir_random_of(check_seed(1));
    WEIR_AUTO(weir_buf) again = {0};
    for (size_t i = 0; i < weir_record_type_count * ROUNDS; i++) {
        const weir_record_type *type = weir_record_types[i % weir_record_type_count];
        WEIR_AUTO_FREE void *record = weir_alloc(type->bytes);
        WEIR_AUTO_FREE void *back = weir_alloc(type->bytes);
        weir_buf_clear(&f.bytes);
        weir_buf_clear(&again);
        weir_arena_reset(f.arena);
        fill_random(&random, f.arena, type, record);

        CHECK_OK(weir_codec_encode(f.codec, type, record, &f.bytes, &f.err), &f.err);
        oracle_encode(&f, type, record, &again);
        CHECK_BYTES(datum_of(&f), weir_buf_bytes(&again));

        /* back is filled with other values first: the next encoding shows what decode set. */
        memset(back, 0x55, type->bytes);
        CHECK_OK(weir_codec_decode(f.codec, type, weir_buf_bytes(&f.bytes), f.arena, back, &f.err),
                 &f.err);
        weir_buf_clear(&again);
        CHECK_OK(weir_codec_encode(f.codec, type, back, &again, &f.err), &f.err);
        CHECK_BYTES(weir_buf_bytes(&again), weir_buf_bytes(&f.bytes));
    }
}

TEST(fetch_task_comes_back_field_by_field)
{
    WEIR_AUTO(codec_fixture) f = codec_fixture_start();
    weir_fetch_task task = {.url = WEIR_BYTES("http://a.example/"),
                            .url_hash = WEIR_BYTES("00ff"),
                            .host_id = WEIR_BYTES("a.example"),
                            .depth = 2,
                            .priority = 5,
                            .attempt = 3,
                            .scheduled_at_ms = INT64_C(1700000000000),
                            .redirect_count = -1,
                            .etag = WEIR_BYTES("")};
    CHECK_OK(weir_fetch_task_encode(f.codec, &task, &f.bytes, &f.err), &f.err);
    weir_fetch_task back;
    CHECK_OK(weir_fetch_task_decode(f.codec, weir_buf_bytes(&f.bytes), f.arena, &back, &f.err),
             &f.err);
    CHECK_BYTES(back.url, task.url);
    CHECK_BYTES(back.url_hash, task.url_hash);
    CHECK_BYTES(back.host_id, task.host_id);
    CHECK_I64(back.depth, ==, 2);
    CHECK_I64(back.priority, ==, 5);
    CHECK_I64(back.attempt, ==, 3);
    CHECK_I64(back.scheduled_at_ms, ==, INT64_C(1700000000000));
    CHECK_I64(back.redirect_count, ==, -1);
    CHECK(back.etag.data != NULL && back.etag.size == 0); /* Empty is not absent. */
    CHECK(back.last_modified.data == NULL);
    CHECK(back.job_id.data == NULL);
}

TEST(all_zero_record_is_valid_and_null_becomes_the_empty_string_where_null_may_not_be)
{
    WEIR_AUTO(codec_fixture) f = codec_fixture_start();
    for (size_t i = 0; i < weir_record_type_count; i++) {
        const weir_record_type *type = weir_record_types[i];
        WEIR_AUTO_FREE void *record = weir_alloc(type->bytes);
        weir_buf_clear(&f.bytes);
        CHECK_OK(weir_codec_encode(f.codec, type, record, &f.bytes, &f.err), &f.err);
        CHECK_OK(
            weir_codec_decode(f.codec, type, weir_buf_bytes(&f.bytes), f.arena, record, &f.err),
            &f.err);
    }
    weir_content_cluster row = {0};
    weir_buf_clear(&f.bytes);
    CHECK_OK(weir_content_cluster_encode(f.codec, &row, &f.bytes, &f.err), &f.err);
    CHECK_OK(weir_content_cluster_decode(f.codec, weir_buf_bytes(&f.bytes), f.arena, &row, &f.err),
             &f.err);
    CHECK_BYTES(row.content_hash, WEIR_BYTES(""));
    CHECK(row.kept_url.data == NULL);
}

/* Topics are read for years: these bytes change only with a new version of the schema. */
TEST(golden_bytes_of_a_content_cluster)
{
    WEIR_AUTO(codec_fixture) f = codec_fixture_start();
    const weir_content_cluster row = {.content_hash = WEIR_BYTES("bb"),
                                      .cluster_id = WEIR_BYTES("aa"),
                                      .kept_url = WEIR_BYTES("http://a/"),
                                      .document_count = 2,
                                      .url_count = 300,
                                      .updated_at_ms = INT64_C(1700000000000)};
    static const char golden[] = "\x00\x41\x4f\x42\x6d"      /* Magic, schema id. */
                                 "\x04"                      /* content_hash */
                                 "bb\x04"                    /* cluster_id */
                                 "aa\x00\x02\x12http://a/"   /* No hash; branch 1, 9 bytes. */
                                 "\x04\xd8\x04"              /* 2, 300 */
                                 "\x80\xa0\xab\xfe\xf9\x62"; /* updated_at_ms */
    CHECK_OK(weir_content_cluster_encode(f.codec, &row, &f.bytes, &f.err), &f.err);
    CHECK_BYTES(weir_buf_bytes(&f.bytes), weir_bytes_of(golden, sizeof golden - 1));
}

/* A random record of each type in turn, encoded in f->bytes. */
static const weir_record_type *encode_random(codec_fixture *f, weir_random *random, size_t turn)
{
    const weir_record_type *type = weir_record_types[turn % weir_record_type_count];
    WEIR_AUTO_FREE void *record = weir_alloc(type->bytes);
    weir_arena_reset(f->arena);
    weir_buf_clear(&f->bytes);
    fill_random(random, f->arena, type, record);
    CHECK_OK(weir_codec_encode(f->codec, type, record, &f->bytes, &f->err), &f->err);
    return type;
}

TEST(record_cut_anywhere_is_a_bad_record)
{
    WEIR_AUTO(codec_fixture) f = codec_fixture_start();
    weir_random random = weir_random_of(check_seed(2));
    WEIR_AUTO(weir_buf) json = {0};
    for (size_t i = 0; i < weir_record_type_count * 3; i++) {
        const weir_record_type *type = encode_random(&f, &random, i);
        WEIR_AUTO_FREE void *back = weir_alloc(type->bytes);
        for (size_t size = 0; size < f.bytes.size; size++) {
            WEIR_AUTO_FREE uint8_t *cut = weir_alloc(size); /* So that ASan sees a byte too far. */
            memcpy(cut, f.bytes.data, size);
            weir_bytes bytes = weir_bytes_of(cut, size);
            CHECK_STATUS(weir_codec_decode(f.codec, type, bytes, f.arena, back, &f.err),
                         WEIR_BAD_RECORD);
            CHECK_STATUS(weir_codec_to_json(f.codec, bytes, &json, &f.err), WEIR_BAD_RECORD);
            CHECK_I64(json.size, ==, 0);
        }
    }
}

TEST(record_with_flipped_bytes_decodes_or_is_a_bad_record)
{
    WEIR_AUTO(codec_fixture) f = codec_fixture_start();
    weir_random random = weir_random_of(check_seed(3));
    WEIR_AUTO(weir_buf) json = {0};
    for (size_t i = 0; i < 5000; i++) {
        const weir_record_type *type = encode_random(&f, &random, i);
        WEIR_AUTO_FREE void *back = weir_alloc(type->bytes);
        for (int flips = 0; flips < 3; flips++) {
            uint64_t at = HEADER_BYTES + weir_random_below(&random, f.bytes.size - HEADER_BYTES);
            f.bytes.data[at] = (uint8_t)weir_random_u64(&random);
        }
        weir_bytes bytes = weir_buf_bytes(&f.bytes);
        weir_status status = weir_codec_decode(f.codec, type, bytes, f.arena, back, &f.err);
        CHECK(status == WEIR_OK || status == WEIR_BAD_RECORD);
        weir_buf_clear(&json);
        status = weir_codec_to_json(f.codec, bytes, &json, &f.err);
        CHECK(status == WEIR_OK || status == WEIR_BAD_RECORD);
    }
}

static void check_refused(codec_fixture *f, const weir_record_type *type, const char *message)
{
    WEIR_AUTO_FREE void *back = weir_alloc(type->bytes);
    CHECK_STATUS(
        weir_codec_decode(f->codec, type, weir_buf_bytes(&f->bytes), f->arena, back, &f->err),
        WEIR_BAD_RECORD);
    CHECK_STR(f->err.message, message);
}

TEST(header_of_another_format_or_another_record_is_refused_with_a_sentence)
{
    WEIR_AUTO(codec_fixture) f = codec_fixture_start();
    const weir_content_cluster row = {0};
    CHECK_OK(weir_content_cluster_encode(f.codec, &row, &f.bytes, &f.err), &f.err);
    WEIR_AUTO_FREE char *message =
        weir_format("FetchTask: schema id %" PRId32 " is not one of crawl.fetch.tasks.v1-value",
                    weir_codec_schema_id(f.codec, &weir_content_cluster_type));
    check_refused(&f, &weir_fetch_task_type, message);
    weir_buf_append_byte(&f.bytes, 7);
    check_refused(&f, &weir_content_cluster_type, "ContentCluster: 1 bytes after the record");
    f.bytes.data[0] = '{';
    check_refused(&f, &weir_content_cluster_type,
                  "ContentCluster: magic byte 123, not 0: this is not Confluent's wire format");
    f.bytes.size = 3;
    check_refused(&f, &weir_content_cluster_type,
                  "ContentCluster: truncated: 3 bytes, the header has 5");
    f.bytes.data[0] = 0;
    memset(f.bytes.data + 1, 0xff, 4);
    f.bytes.size = 9;
    CHECK_STATUS(weir_codec_to_json(f.codec, weir_buf_bytes(&f.bytes), &(weir_buf){0}, &f.err),
                 WEIR_BAD_RECORD);
    CHECK_STR(f.err.message, "schema id -1 is not registered");
}

/* A MembershipChange whose list of reasons starts with the bytes of head. */
static void encode_with_list_head(codec_fixture *f, weir_bytes head)
{
    weir_membership_change change = {0};
    weir_buf_clear(&f->bytes);
    CHECK_OK(weir_membership_change_encode(f->codec, &change, &f->bytes, &f->err), &f->err);
    /* Header; kind, dataset_id, url_hash, url, host_id; two nulls; title, language; accepted;
     * score: then the list. */
    f->bytes.size = HEADER_BYTES + 5 + 2 + 2 + 1 + sizeof(double);
    weir_buf_append(&f->bytes, head.data, head.size);
}

TEST(claimed_sizes_are_refused_before_anything_is_allocated)
{
    WEIR_AUTO(codec_fixture) f = codec_fixture_start();
    static const char *const many = "MembershipChange.reasons: a list has more than 65536 elements";
    static const char *const cut =
        "MembershipChange.reasons: truncated: the bytes end inside a value";
    static const struct {
        weir_bytes head;
        const char *message;
    } cases[] = {
        {{"\x80\x80\x80\x80\x80\x80\x01", 7}, many},                     /* 2^41 */
        {{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02", 11}, many},    /* INT64_MIN */
        {{"\x80\x80\x08", 3}, cut},                                      /* 65536 of nothing */
        {{"\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11}, cut},     /* A negative size. */
        {{"\x02\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11}, cut},     /* 2^63 - 1 bytes. */
        {{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12}, cut}, /* An endless number. */
        {{"\x01\x01\x00\x00", 4}, cut},                                  /* A block of -1 bytes. */
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(cases); i++) {
        encode_with_list_head(&f, cases[i].head);
        weir_arena_reset(f.arena);
        check_refused(&f, &weir_membership_change_type, cases[i].message);
        CHECK_I64(weir_arena_used_bytes(f.arena), <=, 64);
    }
}

TEST(lists_in_several_blocks_are_one_list)
{
    WEIR_AUTO(codec_fixture) f = codec_fixture_start();
    /* Two of one, one of two with its size, the end; then the fields after reasons. */
    static const char blocks[] = "\x02\x02"
                                 "a\x02\x02"
                                 "b\x03\x08\x02"
                                 "c\x02"
                                 "d\x00"
                                 "\x00\x00\x00\x00\x00\x00\x00";
    encode_with_list_head(&f, weir_bytes_of(blocks, sizeof blocks - 1));
    weir_membership_change change;
    CHECK_OK(
        weir_membership_change_decode(f.codec, weir_buf_bytes(&f.bytes), f.arena, &change, &f.err),
        &f.err);
    CHECK_I64(change.reasons.count, ==, 4);
    for (size_t i = 0; i < 4; i++) {
        CHECK_BYTES(change.reasons.items[i], weir_bytes_of(&"abcd"[i], 1));
    }
}

TEST(record_beyond_a_limit_is_not_written_and_leaves_the_buffer_as_it_was)
{
    WEIR_AUTO(codec_fixture) f = codec_fixture_start();
    WEIR_AUTO_FREE weir_bytes *items = weir_alloc_array(WEIR_AVRO_LIST_MAX + 1, sizeof *items);
    weir_page_scored page = {.reasons = {items, WEIR_AVRO_LIST_MAX + 1}};
    weir_buf_append_text(&f.bytes, "before");
    CHECK_STATUS(weir_page_scored_encode(f.codec, &page, &f.bytes, &f.err), WEIR_BAD_RECORD);
    CHECK_STR(f.err.message, "PageScored: field reasons has 65537 elements, at most 65536");

    WEIR_AUTO_FREE char *text = weir_alloc(WEIR_AVRO_RECORD_BYTES_MAX);
    page.reasons.count = 0;
    page.title = weir_bytes_of(text, WEIR_AVRO_RECORD_BYTES_MAX);
    CHECK_STATUS(weir_page_scored_encode(f.codec, &page, &f.bytes, &f.err), WEIR_BAD_RECORD);
    CHECK_BYTES(weir_buf_bytes(&f.bytes), WEIR_BYTES("before"));
    page.title.size -= 100;
    weir_buf_clear(&f.bytes);
    CHECK_OK(weir_page_scored_encode(f.codec, &page, &f.bytes, &f.err), &f.err);
}

TEST(list_that_the_arena_cannot_hold_is_a_bad_record)
{
    WEIR_AUTO(codec_fixture) f = codec_fixture_start();
    WEIR_AUTO_FREE weir_link *links = weir_alloc_array(1000, sizeof *links);
    weir_page page = {.links = {links, 1000}};
    CHECK_OK(weir_page_encode(f.codec, &page, &f.bytes, &f.err), &f.err);
    WEIR_AUTO_PTR(weir_arena) small = weir_arena_new(1000);
    CHECK_STATUS(weir_page_decode(f.codec, weir_buf_bytes(&f.bytes), small, &page, &f.err),
                 WEIR_BAD_RECORD);
    CHECK_STR(f.err.message,
              "Page.links: a list of 1000 elements is more than the memory of one record");
}

TEST(json_is_plain_and_always_valid_utf_8)
{
    WEIR_AUTO(codec_fixture) f = codec_fixture_start();
    WEIR_AUTO(weir_buf) json = {0};
    const weir_content_cluster row = {.content_hash = WEIR_BYTES("\"\\\n\x01\xc3\xa9\xff\xed\xa0"),
                                      .cluster_id = WEIR_BYTES("\xf0\x9f\x98\x80\xe2\x82"),
                                      .kept_url = WEIR_BYTES(""),
                                      .url_count = INT64_MIN};
    CHECK_OK(weir_content_cluster_encode(f.codec, &row, &f.bytes, &f.err), &f.err);
    CHECK_OK(weir_codec_to_json(f.codec, weir_buf_bytes(&f.bytes), &json, &f.err), &f.err);
    CHECK_STR(weir_buf_text(&json),
              "{\"content_hash\":\"\\\"\\\\\\n\\u0001\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf"
              "\xbd\",\"cluster_id\":\"\xf0\x9f\x98\x80\xef\xbf\xbd\xef\xbf\xbd\","
              "\"kept_url_hash\":null,\"kept_url\":\"\",\"document_count\":0,"
              "\"url_count\":-"
              "9223372036854775808,"
              "\"updated_at_ms\":0}");
}

TEST(json_of_lists_maps_bytes_and_doubles)
{
    WEIR_AUTO(codec_fixture) f = codec_fixture_start();
    WEIR_AUTO(weir_buf) json = {0};
    const weir_link link = {.url = WEIR_BYTES("u"), .rel = WEIR_BYTES("r")};
    const weir_pair pairs[] = {{WEIR_BYTES("a"), WEIR_BYTES("1")}, {WEIR_BYTES("b"), {"", 0}}};
    const weir_page page = {
        .links = {&link, 1}, .metadata = {pairs, 2}, .language_confidence = 0.1, .noindex = true};
    CHECK_OK(weir_page_encode(f.codec, &page, &f.bytes, &f.err), &f.err);
    CHECK_OK(weir_codec_to_json(f.codec, weir_buf_bytes(&f.bytes), &json, &f.err), &f.err);
    const char *text = weir_buf_text(&json);
    CHECK(strstr(text, "\"links\":[{\"url\":\"u\",\"rel\":\"r\",\"text\":\"\"}],\"images\":[],"
                       "\"metadata\":{\"a\":\"1\",\"b\":\"\"},\"noindex\":true,") != NULL);
    CHECK(strstr(text, "\"language_confidence\":0.1,") != NULL);

    const weir_dedup_message message = {.signature = WEIR_BYTES("\x00\xff"), .score = -0.0 / 0.0};
    weir_buf_clear(&f.bytes);
    weir_buf_clear(&json);
    CHECK_OK(weir_dedup_message_encode(f.codec, &message, &f.bytes, &f.err), &f.err);
    CHECK_OK(weir_codec_to_json(f.codec, weir_buf_bytes(&f.bytes), &json, &f.err), &f.err);
    CHECK(strstr(weir_buf_text(&json), "\"signature\":\"00ff\"") != NULL);
    CHECK(strstr(weir_buf_text(&json), "\"score\":null") != NULL);
}
