/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a record of any type: the first byte picks the type, or the older FetchTask whose
 * schema has every kind of Avro's; the rest is the datum. What decodes must encode, and the
 * encoding decode to the same again; what one reader refuses must not print either.
 */
#include "avro/records.h"

#include <stdlib.h>
#include <string.h>

enum { ARENA_BYTES_MAX = 64 << 20 };

static const char old_task_json[] =
    "{\"type\":\"record\",\"name\":\"FetchTask\",\"fields\":["
    "{\"name\":\"gone\",\"type\":{\"type\":\"record\",\"name\":\"Gone\",\"fields\":["
    "{\"name\":\"next\",\"type\":[\"null\",\"Gone\"]},"
    "{\"name\":\"nulls\",\"type\":{\"type\":\"array\",\"items\":\"null\"}},"
    "{\"name\":\"map\",\"type\":{\"type\":\"map\",\"values\":\"float\"}},"
    "{\"name\":\"fixed\",\"type\":{\"type\":\"fixed\",\"name\":\"F\",\"size\":3}},"
    "{\"name\":\"colour\",\"type\":{\"type\":\"enum\",\"name\":\"C\",\"symbols\":[\"A\"]}}]}},"
    "{\"name\":\"host_id\",\"type\":[\"bytes\",\"string\"]},"
    "{\"name\":\"url_hash\",\"type\":\"bytes\"},{\"name\":\"url\",\"type\":\"string\"},"
    "{\"name\":\"scheduled_at_ms\",\"type\":\"int\"},{\"name\":\"flag\",\"type\":\"boolean\"}]}";

static weir_codec *codec;
static weir_arena *arena;
static int32_t old_id;

/* Once: the sanitizer counts what is reachable at exit as kept, not as lost. */
static void set_up(void)
{
    static weir_registry *registry;
    weir_error err = {0};
    weir_status status = weir_registry_open(NULL, &registry, &err);
    WEIR_ASSERT(status == WEIR_OK);
    status = weir_registry_register(registry, "crawl.fetch.tasks.v1-value",
                                    weir_bytes_of_text(old_task_json), &old_id, &err);
    WEIR_ASSERT(status == WEIR_OK);
    status = weir_codec_new(registry, &codec, &err);
    WEIR_ASSERT(status == WEIR_OK);
    arena = weir_arena_new(ARENA_BYTES_MAX);
}

static void check_again(const weir_record_type *type, const void *record)
{
    WEIR_AUTO(weir_buf) once = {0};
    WEIR_AUTO(weir_buf) twice = {0};
    WEIR_AUTO_FREE void *back = weir_alloc(type->bytes);
    weir_error err = {0};
    weir_status status = weir_codec_encode(codec, type, record, &once, &err);
    WEIR_ASSERT(status == WEIR_OK);
    status = weir_codec_decode(codec, type, weir_buf_bytes(&once), arena, back, &err);
    WEIR_ASSERT(status == WEIR_OK || strstr(err.message, "memory of one record") != NULL);
    if (status == WEIR_OK) {
        status = weir_codec_encode(codec, type, back, &twice, &err);
        WEIR_ASSERT(status == WEIR_OK);
        WEIR_ASSERT(weir_bytes_equal(weir_buf_bytes(&once), weir_buf_bytes(&twice)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (codec == NULL) {
        set_up();
    }
    if (size == 0) {
        return 0;
    }
    size_t choice = data[0] % (weir_record_type_count + 1);
    bool is_old = choice == weir_record_type_count;
    const weir_record_type *type = is_old ? &weir_fetch_task_type : weir_record_types[choice];
    WEIR_AUTO(weir_buf) bytes = {0};
    WEIR_AUTO(weir_buf) json = {0};
    WEIR_AUTO_FREE void *record = weir_alloc(type->bytes);
    weir_buf_append_byte(&bytes, 0);
    int32_t id = is_old ? old_id : weir_codec_schema_id(codec, type);
    for (int shift = 24; shift >= 0; shift -= 8) {
        weir_buf_append_byte(&bytes, (uint8_t)((uint32_t)id >> shift));
    }
    weir_buf_append(&bytes, data + 1, size - 1);

    weir_arena_reset(arena);
    weir_status status =
        weir_codec_decode(codec, type, weir_buf_bytes(&bytes), arena, record, NULL);
    WEIR_ASSERT(status == WEIR_OK || status == WEIR_BAD_RECORD);
    if (status == WEIR_OK) {
        check_again(type, record);
    }
    weir_status printed = weir_codec_to_json(codec, weir_buf_bytes(&bytes), &json, NULL);
    WEIR_ASSERT(printed == WEIR_OK || printed == WEIR_BAD_RECORD);
    return 0;
}
