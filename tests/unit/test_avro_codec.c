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
