/* SPDX-License-Identifier: Apache-2.0
 *
 * script.c - a file of the oracle in memory: what goes in, and per topic what must come out.
 */
#include "tests/conformance/script.h"

#include "streams/base/file.h"

#include <stdlib.h>
#include <string.h>

/* Texts of parsed objects end with a NUL. */
static const char *text_in(const weir_json_value *object, const char *name)
{
    return weir_json_value_text(weir_json_get(object, name)).data;
}

static void add_input(conformance_script *script, const weir_json_value *object)
{
    script->inputs = weir_grow(script->inputs, script->input_count, &script->input_capacity,
                               sizeof(*script->inputs));
    conformance_input input = {.record = conformance_record_of(object)};
    input.record.header_count = conformance_headers_of(object, input.headers);
    if (weir_json_get_i64(object, "wall", &input.wall_ms, NULL) != WEIR_OK) {
        input.topic = text_in(object, "in");
        input.record.topic = input.topic;
    }
    script->inputs[script->input_count++] = input;
}

const conformance_topic *conformance_script_topic(const conformance_script *script,
                                                  const char *name)
{
    for (size_t i = 0; i < script->topic_count; i++) {
        if (strcmp(script->topics[i].name, name) == 0) {
            return &script->topics[i];
        }
    }
    return NULL;
}

static void add_record(conformance_script *script, const char *kind, const weir_json_value *object)
{
    const char *name = text_in(object, kind);
    conformance_topic *topic =
        (conformance_topic *)(uintptr_t)conformance_script_topic(script, name);
    if (topic == NULL) {
        script->topics = weir_grow(script->topics, script->topic_count, &script->topic_capacity,
                                   sizeof(*script->topics));
        topic = &script->topics[script->topic_count++];
        *topic = (conformance_topic){.name = weir_strdup(name),
                                     .is_internal = strcmp(kind, "internal") == 0};
    }
    const weir_record record = conformance_record_of(object);
    WEIR_AUTO(weir_buf) line = {0};
    conformance_append_expected(&line, kind, object);
    conformance_lines_add(&topic->lines, record.key, record.value.data == NULL,
                          weir_buf_text(&line));
}

static weir_status take_head(conformance_script *script, const weir_json_value *object,
                             weir_error *err)
{
    weir_bytes name = weir_json_value_text(weir_json_get(object, "spec"));
    script->head = object;
    script->params = weir_json_get(object, "params");
    script->spec = conformance_spec_named(name);
    return script->spec != NULL
               ? WEIR_OK
               : weir_error_set(err, WEIR_INVALID, "no topology is called '%.*s'", (int)name.size,
                                name.size == 0 ? "" : (const char *)name.data);
}

static weir_status take_object(conformance_script *script, const weir_json_value *object,
                               weir_error *err)
{
    if (script->head == NULL) {
        return take_head(script, object, err);
    }
    if (weir_json_get(object, "out") != NULL) {
        add_record(script, "out", object);
    } else if (weir_json_get(object, "internal") != NULL) {
        add_record(script, "internal", object);
    } else if (weir_json_get(object, "as_of") != NULL) {
        return WEIR_OK; /* Of a versioned store, which is looked at only where nothing crashes. */
    } else if (weir_json_get(object, "store") != NULL) {
        conformance_append_expected(&script->rows, "store", object);
        weir_buf_append_byte(&script->rows, '\n');
        script->has_rows = true;
    } else {
        add_input(script, object);
    }
    return WEIR_OK;
}

weir_status conformance_script_read(conformance_script *script, const char *path, weir_error *err)
{
    WEIR_TRY(weir_file_read(path, CONFORMANCE_FILE_BYTES_MAX, &script->text, err));
    const char *at = weir_buf_text(&script->text);
    while (*at != '\0') {
        size_t length = strcspn(at, "\n");
        weir_json_value *object = NULL;
        WEIR_TRY(
            weir_json_parse(weir_bytes_of(at, length), CONFORMANCE_LINE_BYTES_MAX, &object, err));
        script->objects = weir_grow(script->objects, script->object_count, &script->object_capacity,
                                    sizeof(weir_json_value *));
        script->objects[script->object_count++] = object;
        WEIR_TRY(take_object(script, object, err));
        at += length + (at[length] == '\n');
    }
    return script->head != NULL ? WEIR_OK : weir_error_set(err, WEIR_INVALID, "the file is empty");
}

void conformance_script_cleanup(conformance_script *script)
{
    for (size_t i = 0; i < script->topic_count; i++) {
        free(script->topics[i].name);
        conformance_lines_cleanup(&script->topics[i].lines);
    }
    for (size_t i = 0; i < script->object_count; i++) {
        weir_json_value_free(script->objects[i]);
    }
    free(script->topics);
    free(script->objects);
    free(script->inputs);
    weir_buf_cleanup(&script->rows);
    weir_buf_cleanup(&script->text);
}

bool conformance_script_is_uncached(const conformance_script *script)
{
    const weir_json_value *settings = weir_json_get(script->head, "settings");
    return settings != NULL && weir_bytes_equal(weir_json_value_text(weir_json_get(
                                                    settings, "statestore.cache.max.bytes")),
                                                WEIR_BYTES("0"));
}
