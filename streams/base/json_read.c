/* SPDX-License-Identifier: Apache-2.0
 *
 * json_read.c - the only file that sees jansson.
 *
 * A weir_json_value is a json_t under another name, so nothing is copied. Jansson wants its root
 * mutable only to count references, which the borrowed values of our interface never do.
 */
#include "streams/base/json_read.h"

#include <jansson.h>

static const json_t *inside(const weir_json_value *value)
{
    return (const json_t *)(const void *)value;
}

static const weir_json_value *outside(const json_t *value)
{
    return (const weir_json_value *)(const void *)value;
}

weir_status weir_json_parse(weir_bytes text, size_t bytes_max, weir_json_value **out_root,
                            weir_error *err)
{
    WEIR_ASSERT(out_root != NULL);
    if (text.size > bytes_max) {
        return weir_error_set(err, WEIR_BAD_RECORD, "JSON of %zu bytes, at most %zu", text.size,
                              bytes_max);
    }
    json_error_t why;
    json_t *root = json_loadb(text.data == NULL ? "" : text.data, text.size,
                              JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
    if (root == NULL) {
        return weir_error_set(err, WEIR_BAD_RECORD, "not JSON: line %d, column %d: %s", why.line,
                              why.column, why.text);
    }
    *out_root = (weir_json_value *)(void *)root;
    return WEIR_OK;
}

void weir_json_value_free(weir_json_value *root)
{
    json_decref((json_t *)(void *)root);
}

bool weir_json_is_object(const weir_json_value *value)
{
    return json_is_object(inside(value));
}

bool weir_json_is_array(const weir_json_value *value)
{
    return json_is_array(inside(value));
}

const weir_json_value *weir_json_get(const weir_json_value *object, const char *key)
{
    const json_t *member = json_object_get(inside(object), key);
    return json_is_null(member) ? NULL : outside(member);
}

size_t weir_json_count(const weir_json_value *array)
{
    return json_array_size(inside(array));
}

const weir_json_value *weir_json_at(const weir_json_value *array, size_t index)
{
    WEIR_ASSERT(index < weir_json_count(array));
    return outside(json_array_get(inside(array), index));
}

bool weir_json_next(const weir_json_value *object, void **position, const char **out_key,
                    const weir_json_value **out_value)
{
    json_t *members = (json_t *)(void *)inside(object); /* Not changed; jansson's type says so. */
    *position =
        *position == NULL ? json_object_iter(members) : json_object_iter_next(members, *position);
    if (*position == NULL) {
        return false;
    }
    *out_key = json_object_iter_key(*position);
    *out_value = outside(json_object_iter_value(*position));
    return true;
}

weir_bytes weir_json_value_text(const weir_json_value *value)
{
    if (!json_is_string(inside(value))) {
        return WEIR_BYTES_NULL;
    }
    return weir_bytes_of(json_string_value(inside(value)), json_string_length(inside(value)));
}

static weir_status refuse_type(const char *key, const char *wanted, weir_error *err)
{
    return weir_error_set(err, WEIR_BAD_RECORD, "\"%s\" is not %s", key, wanted);
}

weir_status weir_json_get_text(const weir_json_value *object, const char *key, weir_bytes *out_text,
                               weir_error *err)
{
    const weir_json_value *member = weir_json_get(object, key);
    if (member == NULL) {
        return WEIR_NOT_FOUND;
    }
    if (!json_is_string(inside(member))) {
        return refuse_type(key, "a string", err);
    }
    *out_text = weir_json_value_text(member);
    return WEIR_OK;
}

weir_status weir_json_get_i64(const weir_json_value *object, const char *key, int64_t *out_value,
                              weir_error *err)
{
    const weir_json_value *member = weir_json_get(object, key);
    if (member == NULL) {
        return WEIR_NOT_FOUND;
    }
    if (!json_is_integer(inside(member))) {
        return refuse_type(key, "an integer", err);
    }
    *out_value = json_integer_value(inside(member));
    return WEIR_OK;
}

weir_status weir_json_get_f64(const weir_json_value *object, const char *key, double *out_value,
                              weir_error *err)
{
    const weir_json_value *member = weir_json_get(object, key);
    if (member == NULL) {
        return WEIR_NOT_FOUND;
    }
    if (!json_is_number(inside(member))) {
        return refuse_type(key, "a number", err);
    }
    *out_value = json_number_value(inside(member));
    return WEIR_OK;
}

weir_status weir_json_get_bool(const weir_json_value *object, const char *key, bool *out_value,
                               weir_error *err)
{
    const weir_json_value *member = weir_json_get(object, key);
    if (member == NULL) {
        return WEIR_NOT_FOUND;
    }
    if (!json_is_boolean(inside(member))) {
        return refuse_type(key, "true or false", err);
    }
    *out_value = json_is_true(inside(member));
    return WEIR_OK;
}
