/* SPDX-License-Identifier: Apache-2.0
 *
 * stage.c - Avro at the borders of a stage: sources, stores, and what goes out.
 */
#include "topologies/stage.h"

#include "topologies/extract_page.h"
#include "topologies/quality_rules.h"

#include <string.h>

#define OBJECTS "objects" /* The resource of a worker. */

enum {
    DEFAULT_DEPTH_MAX = 10,
    DEFAULT_DELAY_MS = 1000,
    DEFAULT_REQUEST_TIMEOUT_MS = 30 * 1000,
    DEFAULT_BODY_BYTES_MAX = 8 << 20,
    DEFAULT_HOST_URLS_MAX = 100000,
    DEFAULT_ATTEMPTS_MAX = 3,
    DEFAULT_RETRY_BACKOFF_MS = 60 * 1000,
};

static int64_t or_default(int64_t value, int64_t fallback)
{
    return value == 0 ? fallback : value;
}

static void complete_settings(weir_crawl_settings *settings)
{
    if (settings->user_agent == NULL) {
        settings->user_agent = "weir";
    }
    settings->depth_max = (int32_t)or_default(settings->depth_max, DEFAULT_DEPTH_MAX);
    settings->delay_ms = or_default(settings->delay_ms, DEFAULT_DELAY_MS);
    if (settings->delay_ms < 0) {
        settings->delay_ms = 0;
    }
    settings->request_timeout_ms =
        or_default(settings->request_timeout_ms, DEFAULT_REQUEST_TIMEOUT_MS);
    settings->body_bytes_max = or_default(settings->body_bytes_max, DEFAULT_BODY_BYTES_MAX);
    settings->page_cpu_ms_max = or_default(settings->page_cpu_ms_max, WEIR_EXTRACT_CPU_MS_MAX);
    settings->host_urls_max = or_default(settings->host_urls_max, DEFAULT_HOST_URLS_MAX);
    settings->attempts_max = (int32_t)or_default(settings->attempts_max, DEFAULT_ATTEMPTS_MAX);
    settings->retry_backoff_ms = or_default(settings->retry_backoff_ms, DEFAULT_RETRY_BACKOFF_MS);
}

void weir_stage_services_prepare(weir_stage_services *services)
{
    WEIR_ASSERT(weir_record_type_count <= WEIR_STAGE_TYPES_MAX);
    WEIR_ASSERT(services->codec != NULL);
    WEIR_ASSERT(services->profile != NULL);

    complete_settings(&services->crawl);
    if (services->rules == NULL) {
        services->rules = weir_rule_set_of(WEIR_BYTES("default"));
    }
    for (size_t i = 0; i < weir_record_type_count; i++) {
        services->bindings[i] = (weir_avro_binding){services->codec, weir_record_types[i]};
    }
}

weir_avro_binding *weir_stage_binding(weir_stage_services *services, const weir_record_type *type)
{
    for (size_t i = 0; i < weir_record_type_count; i++) {
        if (services->bindings[i].type == type) {
            return &services->bindings[i];
        }
    }
    WEIR_ASSERT(false && "a record type that is not in weir_record_types");
    return NULL;
}

static weir_status decode_value(void *user, const weir_record *record, weir_arena *arena,
                                void **out_object, weir_error *err)
{
    const weir_avro_binding *binding = user;
    if (record->key.size == 0) {
        return weir_error_set(err, WEIR_BAD_RECORD, "%s: without a key", binding->type->name);
    }
    if (record->value.data == NULL) {
        return weir_error_set(err, WEIR_BAD_RECORD, "%s: the value is null", binding->type->name);
    }
    void *object = weir_arena_alloc(arena, binding->type->bytes);
    if (object == NULL) {
        return weir_error_set(err, WEIR_BAD_RECORD, "%s: does not fit the arena",
                              binding->type->name);
    }
    WEIR_TRY(weir_codec_decode(binding->codec, binding->type, record->value, arena, object, err));
    *out_object = object;
    return WEIR_OK;
}

weir_serde weir_stage_serde(weir_stage_services *services, const weir_record_type *type)
{
    return (weir_serde){decode_value, weir_stage_binding(services, type)};
}

weir_status weir_stage_forward(weir_processor *processor, const weir_codec *codec,
                               const weir_stage_output *output, weir_error *err)
{
    WEIR_ASSERT(output->key.data != NULL);

    WEIR_AUTO(weir_buf) value = {0};
    weir_record record = {.key = output->key, .timestamp_ms = output->timestamp_ms};
    if (output->value != NULL) {
        WEIR_TRY(weir_codec_encode(codec, output->type, output->value, &value, err));
        record.value = weir_buf_bytes(&value);
    }
    return output->child == NULL
               ? weir_context_forward(processor->context, &record, err)
               : weir_context_forward_to(processor->context, output->child, &record, err);
}

weir_status weir_stage_get(weir_context *context, weir_kv *kv, const weir_avro_binding *binding,
                           weir_bytes key, void *out_value, weir_error *err)
{
    WEIR_AUTO(weir_buf) stored = {0};
    WEIR_TRY(weir_kv_get(kv, key, &stored, err));
    weir_arena *arena = weir_context_arena(context);
    weir_bytes copy = weir_arena_copy(arena, weir_buf_bytes(&stored));
    if (copy.data == NULL) {
        return weir_error_set(err, WEIR_BAD_RECORD, "%s: %zu bytes do not fit the arena", kv->name,
                              stored.size);
    }
    weir_status status =
        weir_codec_decode(binding->codec, binding->type, copy, arena, out_value, err);
    return status == WEIR_OK ? WEIR_OK : weir_error_wrap(err, WEIR_CORRUPT, "store %s", kv->name);
}

weir_status weir_stage_get_or_zero(weir_context *context, weir_kv *kv,
                                   const weir_avro_binding *binding, weir_bytes key,
                                   void *out_value, weir_error *err)
{
    weir_status status = weir_stage_get(context, kv, binding, key, out_value, err);
    if (status != WEIR_NOT_FOUND) {
        return status;
    }
    memset(out_value, 0, binding->type->bytes);
    return WEIR_OK;
}

weir_status weir_stage_put(weir_kv *kv, const weir_avro_binding *binding, weir_bytes key,
                           const void *value, weir_error *err)
{
    WEIR_AUTO(weir_buf) encoded = {0};
    WEIR_TRY(weir_codec_encode(binding->codec, binding->type, value, &encoded, err));
    return weir_kv_put(kv, key, weir_buf_bytes(&encoded), err);
}

static weir_status open_objects(void *user, void **out_resource, weir_error *err)
{
    const weir_stage_services *services = user;
    weir_object_store *objects = NULL;
    WEIR_TRY(weir_object_store_file_open(services->objects_directory, false, &objects, err));
    *out_resource = objects;
    return WEIR_OK;
}

static void close_objects(void *resource)
{
    weir_object_store_free(resource);
}

void weir_stage_add_objects(weir_topology *topology, weir_stage_services *services)
{
    WEIR_ASSERT(services->objects_directory != NULL);

    weir_topology_add_resource(
        topology, OBJECTS,
        &(weir_resource_options){.open = open_objects, .close = close_objects, .user = services});
}

weir_object_store *weir_stage_objects(weir_context *context)
{
    weir_object_store *objects = weir_context_resource(context, OBJECTS);
    WEIR_ASSERT(objects != NULL);
    return objects;
}

weir_status weir_stage_read_object(weir_context *context, weir_bytes ref, size_t bytes_max,
                                   weir_buf *out_content, weir_error *err)
{
    WEIR_AUTO_FREE char *key = weir_bytes_to_text(ref);
    weir_status status =
        weir_object_get(weir_stage_objects(context), key, bytes_max, out_content, err);
    if (status == WEIR_NOT_FOUND) {
        return weir_error_set(err, WEIR_BAD_RECORD, "object_missing: there is no %s", key);
    }
    if (status == WEIR_CORRUPT) {
        return weir_error_wrap(err, WEIR_BAD_RECORD, "object_corrupt");
    }
    return status;
}
