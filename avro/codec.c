/* SPDX-License-Identifier: Apache-2.0
 *
 * codec.c - the front door: the header of the wire format, and which plan reads which schema id.
 *
 *   bytes -> magic, id -> version of the type with that id -> its plan -> decode.c -> struct
 *   struct -> encode.c -> bytes, always with the newest schema
 *
 * avro-c is the judge of schemas: what it does not accept is not used, so that every program on
 * avro-c or Java can read our topics. It doesn't touch data: version 1.11 has no defaults for
 * fields that a writer did not know, and allocates what a hostile count claims.
 */
#include "avro/codec.h"

#include "avro/codec_internal.h"
#include "avro/embedded_schema.h"

#include <avro.h>

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_BYTES = 5 }; /* Magic 0, schema id. */
static_assert(HEADER_BYTES == sizeof(uint8_t) + sizeof(int32_t), "Confluent's wire format");

typedef struct codec_version {
    int32_t schema_id;
    weir_decode_plan *plan; /* From this writer's schema to our struct. */
} codec_version;

typedef struct codec_type {
    const weir_record_type *type;
    int32_t schema_id;       /* Of what we write. */
    weir_schema *schema;     /* Ours, with defaults; the registry may keep an older text of it. */
    codec_version *versions; /* What we can read. */
    size_t version_count;
} codec_type;

struct weir_codec {
    const weir_registry *registry;
    codec_type *types; /* In the order of weir_record_types. */
};

static weir_status accept_by_avro(weir_bytes json, weir_error *err)
{
    avro_schema_t schema = NULL;
    if (avro_schema_from_json_length(json.data, json.size, &schema) != 0) {
        return weir_error_set(err, WEIR_INVALID, "avro-c refuses the schema: %.150s",
                              avro_strerror());
    }
    avro_schema_decref(schema);
    return WEIR_OK;
}

static weir_status embedded_of(const char *topic, weir_bytes *out_json, weir_error *err)
{
    for (size_t i = 0; i < weir_embedded_schema_count; i++) {
        if (strcmp(weir_embedded_schemas[i].topic, topic) == 0) {
            *out_json = weir_embedded_schemas[i].json;
            return WEIR_OK;
        }
    }
    return weir_error_set(err, WEIR_INVALID, "avro/schemas/%s.avsc is missing", topic);
}

/* A plan for each version that the subject has had: a topic may hold records of all of them. */
static weir_status plan_versions(codec_type *entry, const weir_registry *registry,
                                 const char *subject, weir_error *err)
{
    size_t count = weir_registry_version_count(registry, subject);
    WEIR_ASSERT(count > 0); /* The one that was just registered. */
    entry->versions = weir_alloc_array(count, sizeof *entry->versions);
    for (size_t i = 0; i < count; i++) {
        int32_t id = weir_registry_version_id(registry, subject, i);
        const weir_schema *writer = weir_registry_schema(registry, id);
        weir_status status = accept_by_avro(weir_buf_bytes(&writer->json), err);
        if (status == WEIR_OK) {
            status = weir_schema_can_read(entry->schema, writer, err);
        }
        if (status != WEIR_OK) {
            return weir_error_wrap(err, status,
                                   "version %zu, which another program has written, is beyond this "
                                   "one: run the newer program",
                                   i);
        }
        entry->versions[i].schema_id = id;
        entry->versions[i].plan =
            weir_decode_plan_new(entry->type, entry->schema->root, writer->root);
        entry->version_count = i + 1;
    }
    return WEIR_OK;
}

static weir_status set_up_type(codec_type *entry, weir_registry *registry, weir_error *err)
{
    weir_bytes json = WEIR_BYTES_NULL;
    WEIR_AUTO_FREE char *subject = weir_format("%s-value", entry->type->topic);
    WEIR_TRY(embedded_of(entry->type->topic, &json, err));
    WEIR_TRY(accept_by_avro(json, err));
    WEIR_TRY(weir_schema_parse(json, &entry->schema, err));
    WEIR_TRY(weir_record_type_check(entry->type, entry->schema->root, err));
    WEIR_TRY(weir_registry_register(registry, subject, json, &entry->schema_id, err));
    return plan_versions(entry, registry, subject, err);
}

weir_status weir_codec_new(weir_registry *registry, weir_codec **out_codec, weir_error *err)
{
    WEIR_ASSERT(registry != NULL && out_codec != NULL);
    WEIR_AUTO_PTR(weir_codec) codec = weir_alloc(sizeof *codec);
    codec->registry = registry;
    codec->types = weir_alloc_array(weir_record_type_count, sizeof *codec->types);
    for (size_t i = 0; i < weir_record_type_count; i++) {
        codec->types[i].type = weir_record_types[i];
        weir_status status = set_up_type(&codec->types[i], registry, err);
        if (status != WEIR_OK) {
            return weir_error_wrap(err, status, "%s", weir_record_types[i]->topic);
        }
    }
    *out_codec = weir_take(&codec);
    return WEIR_OK;
}

void weir_codec_free(weir_codec *codec)
{
    if (codec == NULL) {
        return;
    }
    for (size_t i = 0; i < weir_record_type_count; i++) {
        codec_type *entry = &codec->types[i];
        for (size_t v = 0; v < entry->version_count; v++) {
            weir_decode_plan_free(entry->versions[v].plan);
        }
        free(entry->versions);
        weir_schema_free(entry->schema);
    }
    free(codec->types);
    free(codec);
}

static const codec_type *entry_of(const weir_codec *codec, const weir_record_type *type)
{
    size_t i = 0;
    while (i < weir_record_type_count && codec->types[i].type != type) {
        i++;
    }
    WEIR_ASSERT(i < weir_record_type_count); /* A record inside another has no topic. */
    return &codec->types[i];
}

int32_t weir_codec_schema_id(const weir_codec *codec, const weir_record_type *type)
{
    WEIR_ASSERT(codec != NULL && type != NULL);
    return entry_of(codec, type)->schema_id;
}

weir_status weir_codec_encode(const weir_codec *codec, const weir_record_type *type,
                              const void *record, weir_buf *out, weir_error *err)
{
    WEIR_ASSERT(codec != NULL && type != NULL && record != NULL && out != NULL);
    size_t start = out->size;
    weir_buf_append_byte(out, 0);
    weir_buf_append_i32_be(out, entry_of(codec, type)->schema_id);
    WEIR_ASSERT(out->size == start + HEADER_BYTES);
    weir_status status = weir_record_write(type, record, out, err);
    if (status == WEIR_OK && out->size - start > WEIR_AVRO_RECORD_BYTES_MAX) {
        status = weir_error_set(err, WEIR_BAD_RECORD, "a record of %zu bytes, at most %d",
                                out->size - start, WEIR_AVRO_RECORD_BYTES_MAX);
    }
    if (status != WEIR_OK) {
        out->size = start;
        return weir_error_wrap(err, status, "%s", type->name);
    }
    return WEIR_OK;
}

/* Reads the header: the schema id, and the datum that follows. */
static weir_status split(weir_bytes bytes, int32_t *out_id, weir_bytes *out_datum, weir_error *err)
{
    if (bytes.data == NULL || bytes.size < HEADER_BYTES) {
        return weir_error_set(err, WEIR_BAD_RECORD, "truncated: %zu bytes, the header has %d",
                              bytes.size, HEADER_BYTES);
    }
    if (bytes.size > WEIR_AVRO_RECORD_BYTES_MAX) {
        return weir_error_set(err, WEIR_BAD_RECORD, "a record of %zu bytes, at most %d", bytes.size,
                              WEIR_AVRO_RECORD_BYTES_MAX);
    }
    weir_reader reader = weir_reader_of(bytes);
    uint8_t magic = weir_read_byte(&reader);
    if (magic != 0) {
        return weir_error_set(err, WEIR_BAD_RECORD,
                              "magic byte %u, not 0: this is not Confluent's wire format", magic);
    }
    *out_id = weir_read_i32_be(&reader);
    WEIR_ASSERT(!reader.failed && reader.left.size == bytes.size - HEADER_BYTES);
    *out_datum = reader.left;
    return WEIR_OK;
}

weir_status weir_codec_decode(const weir_codec *codec, const weir_record_type *type,
                              weir_bytes bytes, weir_arena *arena, void *out_record,
                              weir_error *err)
{
    WEIR_ASSERT(codec != NULL && type != NULL && arena != NULL && out_record != NULL);
    const codec_type *entry = entry_of(codec, type);
    weir_bytes datum = WEIR_BYTES_NULL;
    int32_t id = 0;
    weir_status status = split(bytes, &id, &datum, err);
    if (status != WEIR_OK) {
        return weir_error_wrap(err, status, "%s", type->name);
    }
    for (size_t i = entry->version_count; i > 0; i--) { /* The newest is the likeliest. */
        if (entry->versions[i - 1].schema_id == id) {
            return weir_decode_plan_read(entry->versions[i - 1].plan, datum, arena, out_record,
                                         err);
        }
    }
    return weir_error_set(err, WEIR_BAD_RECORD, "%s: schema id %" PRId32 " is not one of %s-value",
                          type->name, id, type->topic);
}

weir_status weir_codec_to_json(const weir_codec *codec, weir_bytes bytes, weir_buf *out,
                               weir_error *err)
{
    WEIR_ASSERT(codec != NULL && out != NULL);
    weir_bytes datum = WEIR_BYTES_NULL;
    int32_t id = 0;
    WEIR_TRY(split(bytes, &id, &datum, err));
    const weir_schema *schema = weir_registry_schema(codec->registry, id);
    if (schema == NULL) {
        return weir_error_set(err, WEIR_BAD_RECORD, "schema id %" PRId32 " is not registered", id);
    }
    return weir_datum_print(schema->root, datum, out, err);
}
