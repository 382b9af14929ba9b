/* SPDX-License-Identifier: Apache-2.0
 *
 * schema.c - from the JSON of an .avsc to a tree of nodes.
 *
 * avro-c parses schemas too, but drops defaults and docs, and its readers say "NIY: Default values"
 * where a writer did not know a field; so the tree is ours and avro-c judges it in codec.c. A
 * default is kept as the datum that a writer would have written: whoever misses a field decodes
 * the default instead, through the same code.
 *
 * A named type that is used twice is one node with two parents. It may reach itself through a
 * union, an array or a map, never directly, so every walk that consumes a byte per union, array
 * and map ends with its input.
 */
#include "avro/schema_internal.h"

#include "streams/base/map.h"
#include "streams/base/serde.h"

#include <jansson.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* What one parse carries along. */
typedef struct schema_parser {
    weir_schema *schema;
    weir_map *names; /* Full name -> node. */
    size_t depth;
    weir_error *err;
} schema_parser;

static const char *const kind_names[] = {"null",   "boolean", "int",    "long",   "float",
                                         "double", "bytes",   "string", "record", "enum",
                                         "fixed",  "array",   "map",    "union"};
static const size_t kind_bytes_min[] = {0, 1, 1, 1, 4, 8, 1, 1, 0, 1, 0, 1, 1, 1};
static_assert(WEIR_COUNT_OF(kind_names) == WEIR_SCHEMA_UNION + 1, "a name for each kind");
static_assert(WEIR_COUNT_OF(kind_bytes_min) == WEIR_SCHEMA_UNION + 1, "a size for each kind");

static weir_status parse_type(schema_parser *parser, const json_t *json, const char *space,
                              weir_schema_node **out_node);

const char *weir_schema_kind_name(weir_schema_kind kind)
{
    WEIR_ASSERT((size_t)kind < WEIR_COUNT_OF(kind_names));
    return kind_names[kind];
}

const weir_schema_field *weir_schema_field_of(const weir_schema_node *record, const char *name)
{
    WEIR_ASSERT(record->kind == WEIR_SCHEMA_RECORD);
    for (size_t i = 0; i < record->field_count; i++) {
        if (strcmp(record->fields[i].name, name) == 0) {
            return &record->fields[i];
        }
    }
    return NULL;
}

/* A name of the specification: letters, digits and underscores, no digit first. */
static bool name_is_valid(const char *name, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        bool letter = ((name[i] | 0x20) >= 'a' && (name[i] | 0x20) <= 'z') || name[i] == '_';
        bool digit = name[i] >= '0' && name[i] <= '9';
        if (!letter && (!digit || i == 0)) {
            return false;
        }
    }
    return size > 0;
}

/* Names with dots in between, and not that of a primitive type. */
static bool full_name_is_valid(const char *name)
{
    for (size_t kind = 0; kind <= WEIR_SCHEMA_STRING; kind++) {
        if (strcmp(name, kind_names[kind]) == 0) {
            return false;
        }
    }
    const char *dot = strchr(name, '.');
    while (dot != NULL && name_is_valid(name, (size_t)(dot - name))) {
        name = dot + 1;
        dot = strchr(name, '.');
    }
    return dot == NULL && name_is_valid(name, strlen(name));
}

static weir_status node_new(schema_parser *parser, weir_schema_kind kind,
                            weir_schema_node **out_node)
{
    weir_schema *schema = parser->schema;
    if (schema->node_count >= WEIR_SCHEMA_NODES_MAX) {
        return weir_error_set(parser->err, WEIR_INVALID, "the schema has more than %d types",
                              WEIR_SCHEMA_NODES_MAX);
    }
    schema->nodes =
        weir_grow(schema->nodes, schema->node_count, &schema->node_capacity, sizeof *schema->nodes);
    weir_schema_node *node = weir_alloc(sizeof *node);
    schema->nodes[schema->node_count++] = node;
    node->kind = kind;
    node->bytes_min = kind_bytes_min[kind];
    node->weight = 1;
    node->complete = true;
    *out_node = node;
    return WEIR_OK;
}

/* One of the eight primitive names, or a name that was defined earlier. */
static weir_status parse_name(schema_parser *parser, const char *name, const char *space,
                              weir_schema_node **out_node)
{
    for (size_t kind = 0; kind <= WEIR_SCHEMA_STRING; kind++) {
        if (strcmp(name, kind_names[kind]) == 0) {
            return node_new(parser, (weir_schema_kind)kind, out_node);
        }
    }
    weir_schema_node *node = NULL;
    if (space[0] != '\0' && strchr(name, '.') == NULL) {
        WEIR_AUTO_FREE char *full = weir_format("%s.%s", space, name);
        node = weir_map_get(parser->names, weir_bytes_of_text(full));
    }
    node = node != NULL ? node : weir_map_get(parser->names, weir_bytes_of_text(name));
    if (node == NULL) {
        return weir_error_set(parser->err, WEIR_INVALID, "type \"%.100s\" is not defined", name);
    }
    *out_node = node;
    return WEIR_OK;
}

/* Gives node the full name of json and makes it known. */
static weir_status define_name(schema_parser *parser, const json_t *json, const char *space,
                               weir_schema_node *node)
{
    const char *name = json_string_value(json_object_get(json, "name"));
    const char *own_space = json_string_value(json_object_get(json, "namespace"));
    if (name == NULL || name[0] == '\0') {
        return weir_error_set(parser->err, WEIR_INVALID, "a %s has no name",
                              weir_schema_kind_name(node->kind));
    }
    if (own_space != NULL && own_space[0] == '\0' && space[0] != '\0') {
        return weir_error_set(parser->err, WEIR_INVALID, "%.60s leaves the namespace %.60s", name,
                              space); /* The canonical form could not say so. */
    }
    space = own_space != NULL ? own_space : space;
    bool is_full = strchr(name, '.') != NULL || space[0] == '\0';
    node->name = is_full ? weir_strdup(name) : weir_format("%s.%s", space, name);
    node->has_doc = json_string_length(json_object_get(json, "doc")) > 0;
    if (!full_name_is_valid(node->name)) {
        return weir_error_set(parser->err, WEIR_INVALID, "\"%.100s\" is no name for a type",
                              node->name);
    }
    if (weir_map_put(parser->names, weir_bytes_of_text(node->name), node) != NULL) {
        return weir_error_set(parser->err, WEIR_INVALID, "type \"%.100s\" is defined twice",
                              node->name);
    }
    return WEIR_OK;
}

static weir_status encode_default(schema_parser *parser, const weir_schema_node *node,
                                  const json_t *json, weir_buf *out);

static weir_status default_refused(schema_parser *parser, const weir_schema_node *node)
{
    return weir_error_set(parser->err, WEIR_INVALID, "the default is not a %s",
                          weir_schema_kind_name(node->kind));
}

static weir_status encode_default_number(schema_parser *parser, const weir_schema_node *node,
                                         const json_t *json, weir_buf *out)
{
    if (node->kind == WEIR_SCHEMA_DOUBLE || node->kind == WEIR_SCHEMA_FLOAT) {
        if (!json_is_number(json)) {
            return default_refused(parser, node);
        }
        double value = json_number_value(json);
        float narrow = (float)value;
        if (node->kind == WEIR_SCHEMA_DOUBLE) {
            weir_buf_append(out, &value, sizeof value);
        } else {
            weir_buf_append(out, &narrow, sizeof narrow);
        }
        return WEIR_OK;
    }
    int64_t value = json_integer_value(json);
    bool fits = node->kind == WEIR_SCHEMA_LONG || (value >= INT32_MIN && value <= INT32_MAX);
    if (!json_is_integer(json) || !fits) {
        return default_refused(parser, node);
    }
    weir_buf_append_varint(out, value);
    return WEIR_OK;
}

static weir_status encode_default_text(schema_parser *parser, const weir_schema_node *node,
                                       const json_t *json, weir_buf *out)
{
    if (!json_is_string(json)) {
        return default_refused(parser, node);
    }
    const char *text = json_string_value(json);
    size_t size = json_string_length(json);
    if (node->kind == WEIR_SCHEMA_ENUM) {
        for (size_t i = 0; i < node->symbol_count; i++) {
            if (strcmp(node->symbols[i], text) == 0) {
                weir_buf_append_varint(out, (int64_t)i);
                return WEIR_OK;
            }
        }
        return default_refused(parser, node);
    }
    for (size_t i = 0; i < size && node->kind != WEIR_SCHEMA_STRING; i++) {
        if ((unsigned char)text[i] >
            0x7f) { /* A code point a byte: beyond ASCII nobody needs it. */
            return default_refused(parser, node);
        }
    }
    if (node->kind == WEIR_SCHEMA_FIXED) {
        if (size != node->fixed_bytes) {
            return default_refused(parser, node);
        }
    } else {
        weir_buf_append_varint(out, (int64_t)size);
    }
    weir_buf_append(out, text, size);
    return WEIR_OK;
}

static weir_status encode_default_record(schema_parser *parser, const weir_schema_node *node,
                                         const json_t *json, weir_buf *out)
{
    if (!json_is_object(json) || !node->complete) {
        return default_refused(parser, node);
    }
    for (size_t i = 0; i < node->field_count; i++) {
        const weir_schema_field *field = &node->fields[i];
        const json_t *value = json_object_get(json, field->name);
        if (value != NULL) {
            WEIR_TRY(encode_default(parser, field->node, value, out));
        } else if (field->has_default) {
            weir_buf_append(out, field->default_datum.data, field->default_datum.size);
        } else {
            return default_refused(parser, node);
        }
    }
    return WEIR_OK;
}

/* Only the empty array and the empty map: no schema of ours needs another. */
static weir_status encode_default_list(schema_parser *parser, const weir_schema_node *node,
                                       const json_t *json, weir_buf *out)
{
    bool is_array = node->kind == WEIR_SCHEMA_ARRAY;
    bool fits = is_array ? json_is_array(json) : json_is_object(json);
    if (!fits || (is_array ? json_array_size(json) : json_object_size(json)) != 0) {
        return weir_error_set(parser->err, WEIR_INVALID,
                              "the default of an array or a map must be empty");
    }
    weir_buf_append_byte(out, 0);
    return WEIR_OK;
}

static weir_status encode_default(schema_parser *parser, const weir_schema_node *node,
                                  const json_t *json, weir_buf *out)
{
    switch (node->kind) {
    case WEIR_SCHEMA_NULL:
        return json_is_null(json) ? WEIR_OK : default_refused(parser, node);
    case WEIR_SCHEMA_BOOLEAN:
        if (!json_is_boolean(json)) {
            return default_refused(parser, node);
        }
        weir_buf_append_byte(out, json_is_true(json) ? 1 : 0);
        return WEIR_OK;
    case WEIR_SCHEMA_INT:
    case WEIR_SCHEMA_LONG:
    case WEIR_SCHEMA_FLOAT:
    case WEIR_SCHEMA_DOUBLE:
        return encode_default_number(parser, node, json, out);
    case WEIR_SCHEMA_BYTES:
    case WEIR_SCHEMA_STRING:
    case WEIR_SCHEMA_ENUM:
    case WEIR_SCHEMA_FIXED:
        return encode_default_text(parser, node, json, out);
    case WEIR_SCHEMA_RECORD:
        return encode_default_record(parser, node, json, out);
    case WEIR_SCHEMA_ARRAY:
    case WEIR_SCHEMA_MAP:
        return encode_default_list(parser, node, json, out);
    case WEIR_SCHEMA_UNION: /* The default of a union is of its first branch. */
        weir_buf_append_byte(out, 0);
        return encode_default(parser, node->branches[0], json, out);
    }
    return default_refused(parser, node);
}

static weir_status parse_field(schema_parser *parser, const json_t *json, const char *space,
                               weir_schema_field *field)
{
    const char *name = json_string_value(json_object_get(json, "name"));
    if (name == NULL || !name_is_valid(name, strlen(name))) {
        return weir_error_set(parser->err, WEIR_INVALID, "a field has no valid name");
    }
    field->name = weir_strdup(name);
    field->has_doc = json_string_length(json_object_get(json, "doc")) > 0;
    weir_status status = parse_type(parser, json_object_get(json, "type"), space, &field->node);
    if (status == WEIR_OK && !field->node->complete) {
        status = weir_error_set(parser->err, WEIR_INVALID, "the record contains itself");
    }
    const json_t *value = json_object_get(json, "default");
    if (status == WEIR_OK && value != NULL) {
        field->has_default = true;
        status = encode_default(parser, field->node, value, &field->default_datum);
    }
    return status == WEIR_OK ? WEIR_OK : weir_error_wrap(parser->err, status, "field %.60s", name);
}

/* space is that of the record's full name: what precedes its last dot. */
static weir_status parse_record(schema_parser *parser, const json_t *json, weir_schema_node *node)
{
    const json_t *fields = json_object_get(json, "fields");
    if (!json_is_array(fields)) {
        return weir_error_set(parser->err, WEIR_INVALID, "record %.60s has no fields", node->name);
    }
    WEIR_AUTO_FREE char *space = weir_strdup(node->name);
    char *dot = strrchr(space, '.');
    *(dot != NULL ? dot : space) = '\0';

    node->complete = false;
    node->fields = weir_alloc_array(json_array_size(fields), sizeof *node->fields);
    for (size_t i = 0; i < json_array_size(fields); i++) {
        weir_schema_field *field = &node->fields[i];
        node->field_count = i + 1;
        WEIR_TRY(parse_field(parser, json_array_get(fields, i), space, field));
        if (weir_schema_field_of(node, field->name) != field) {
            return weir_error_set(parser->err, WEIR_INVALID, "field %.60s comes twice",
                                  field->name);
        }
        node->bytes_min += field->node->bytes_min;
        node->weight += field->node->weight;
        if (node->weight > WEIR_SCHEMA_WEIGHT_MAX) {
            return weir_error_set(parser->err, WEIR_INVALID,
                                  "record %.60s expands to more than %d values", node->name,
                                  WEIR_SCHEMA_WEIGHT_MAX);
        }
    }
    node->complete = true;
    return WEIR_OK;
}

static weir_status parse_enum(schema_parser *parser, const json_t *json, weir_schema_node *node)
{
    const json_t *symbols = json_object_get(json, "symbols");
    if (json_array_size(symbols) == 0) {
        return weir_error_set(parser->err, WEIR_INVALID, "enum %.60s has no symbols", node->name);
    }
    node->symbols = weir_alloc_array(json_array_size(symbols), sizeof *node->symbols);
    for (size_t i = 0; i < json_array_size(symbols); i++) {
        const char *symbol = json_string_value(json_array_get(symbols, i));
        if (symbol == NULL || !name_is_valid(symbol, strlen(symbol))) {
            return weir_error_set(parser->err, WEIR_INVALID, "a symbol of enum %.60s is not a name",
                                  node->name);
        }
        node->symbols[node->symbol_count++] = weir_strdup(symbol);
    }
    return WEIR_OK;
}

static weir_status parse_fixed(schema_parser *parser, const json_t *json, weir_schema_node *node)
{
    int64_t size = json_integer_value(json_object_get(json, "size"));
    if (size <= 0 || size > WEIR_SCHEMA_BYTES_MAX) {
        return weir_error_set(parser->err, WEIR_INVALID, "size of fixed %.60s is not 1 to %d",
                              node->name, WEIR_SCHEMA_BYTES_MAX);
    }
    node->fixed_bytes = (size_t)size;
    node->bytes_min = (size_t)size;
    return WEIR_OK;
}

static weir_status parse_union(schema_parser *parser, const json_t *json, const char *space,
                               weir_schema_node **out_node)
{
    weir_schema_node *node = NULL;
    WEIR_TRY(node_new(parser, WEIR_SCHEMA_UNION, &node));
    if (json_array_size(json) == 0) {
        return weir_error_set(parser->err, WEIR_INVALID, "a union has no branches");
    }
    node->branches = weir_alloc_array(json_array_size(json), sizeof *node->branches);
    for (size_t i = 0; i < json_array_size(json); i++) {
        weir_schema_node **branch = &node->branches[node->branch_count];
        WEIR_TRY(parse_type(parser, json_array_get(json, i), space, branch));
        if ((*branch)->kind == WEIR_SCHEMA_UNION) {
            return weir_error_set(parser->err, WEIR_INVALID, "a union is in a union");
        }
        node->branch_count++;
    }
    *out_node = node;
    return WEIR_OK;
}

/* A type that is an object with the kind's name in it. */
static weir_status parse_complex(schema_parser *parser, const json_t *json, const char *space,
                                 weir_schema_node **out_node)
{
    const char *type = json_string_value(json_object_get(json, "type"));
    if (type == NULL) { /* {"type": {"type": …}}: one level more says nothing. */
        return parse_type(parser, json_object_get(json, "type"), space, out_node);
    }
    size_t kind = WEIR_SCHEMA_RECORD;
    while (kind < WEIR_SCHEMA_UNION && strcmp(type, kind_names[kind]) != 0) {
        kind++;
    }
    if (kind == WEIR_SCHEMA_UNION) {
        return parse_name(parser, type, space, out_node);
    }
    weir_schema_node *node = NULL;
    WEIR_TRY(node_new(parser, (weir_schema_kind)kind, &node));
    *out_node = node;
    if (kind == WEIR_SCHEMA_ARRAY || kind == WEIR_SCHEMA_MAP) {
        const char *member = kind == WEIR_SCHEMA_ARRAY ? "items" : "values";
        return parse_type(parser, json_object_get(json, member), space, &node->items);
    }
    WEIR_TRY(define_name(parser, json, space, node));
    if (kind == WEIR_SCHEMA_RECORD) {
        return parse_record(parser, json, node);
    }
    return kind == WEIR_SCHEMA_ENUM ? parse_enum(parser, json, node)
                                    : parse_fixed(parser, json, node);
}

static weir_status parse_type(schema_parser *parser, const json_t *json, const char *space,
                              weir_schema_node **out_node)
{
    if (parser->depth >= WEIR_SCHEMA_DEPTH_MAX) {
        return weir_error_set(parser->err, WEIR_INVALID, "types are nested deeper than %d",
                              WEIR_SCHEMA_DEPTH_MAX);
    }
    parser->depth++;
    weir_status status = WEIR_OK;
    if (json_is_string(json)) {
        status = parse_name(parser, json_string_value(json), space, out_node);
    } else if (json_is_array(json)) {
        status = parse_union(parser, json, space, out_node);
    } else if (json_is_object(json)) {
        status = parse_complex(parser, json, space, out_node);
    } else {
        status = weir_error_set(parser->err, WEIR_INVALID, "a type is missing");
    }
    parser->depth--;
    return status;
}

weir_status weir_schema_parse(weir_bytes json, weir_schema **out_schema, weir_error *err)
{
    WEIR_ASSERT(out_schema != NULL);
    if (json.size > WEIR_SCHEMA_BYTES_MAX) {
        return weir_error_set(err, WEIR_INVALID, "a schema of %zu bytes, at most %d", json.size,
                              WEIR_SCHEMA_BYTES_MAX);
    }
    json_error_t problem = {0};
    json_t *tree = json_loadb(json.data != NULL ? json.data : "", json.size,
                              JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &problem);
    if (tree == NULL) {
        return weir_error_set(err, WEIR_INVALID, "the schema is not JSON: line %d: %s",
                              problem.line, problem.text);
    }
    WEIR_AUTO_PTR(weir_schema) schema = weir_alloc(sizeof *schema);
    WEIR_AUTO_PTR(weir_map) names = weir_map_new();
    schema_parser parser = {.schema = schema, .names = names, .err = err};
    weir_status status = parse_type(&parser, tree, "", &schema->root);
    json_decref(tree);
    WEIR_TRY(status);
    WEIR_ASSERT(schema->root->complete);
    weir_buf_set(&schema->json, json);
    weir_schema_canonicalise(schema);
    *out_schema = weir_take(&schema);
    return WEIR_OK;
}

static void node_free(weir_schema_node *node)
{
    for (size_t i = 0; i < node->field_count; i++) {
        free(node->fields[i].name);
        weir_buf_cleanup(&node->fields[i].default_datum);
    }
    for (size_t i = 0; i < node->symbol_count; i++) {
        free(node->symbols[i]);
    }
    free(node->fields);
    free(node->branches);
    free(node->symbols);
    free(node->name);
    free(node);
}

void weir_schema_free(weir_schema *schema)
{
    if (schema == NULL) {
        return;
    }
    for (size_t i = 0; i < schema->node_count; i++) {
        node_free(schema->nodes[i]);
    }
    free(schema->nodes);
    weir_buf_cleanup(&schema->json);
    weir_buf_cleanup(&schema->canonical);
    free(schema);
}
