/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_canonical.c - Avro's parsing canonical form: what of a schema decides how bytes are read.
 *
 * Docs, defaults, attributes of others and white space go; names become full; members come in the
 * order of the specification. A named type is written where it first occurs and named afterwards.
 */
#include "avro/schema_internal.h"

#include <stdlib.h>
#include <string.h>

/* The named types that were written already. */
typedef struct written_names {
    const weir_schema_node **nodes;
    size_t count;
    size_t capacity;
} written_names;

static void write_node(const weir_schema_node *node, written_names *written, weir_buf *out);

/* Names need no escapes: the parser let only letters, digits, dots and underscores through. */
static void write_text(const char *text, weir_buf *out)
{
    weir_buf_append_byte(out, '"');
    weir_buf_append_text(out, text);
    weir_buf_append_byte(out, '"');
}

static void write_fields(const weir_schema_node *node, written_names *written, weir_buf *out)
{
    weir_buf_append_text(out, ",\"fields\":[");
    for (size_t i = 0; i < node->field_count; i++) {
        weir_buf_append_text(out, i > 0 ? ",{\"name\":" : "{\"name\":");
        write_text(node->fields[i].name, out);
        weir_buf_append_text(out, ",\"type\":");
        write_node(node->fields[i].node, written, out);
        weir_buf_append_byte(out, '}');
    }
    weir_buf_append_byte(out, ']');
}

static void write_symbols(const weir_schema_node *node, weir_buf *out)
{
    weir_buf_append_text(out, ",\"symbols\":[");
    for (size_t i = 0; i < node->symbol_count; i++) {
        if (i > 0) {
            weir_buf_append_byte(out, ',');
        }
        write_text(node->symbols[i], out);
    }
    weir_buf_append_byte(out, ']');
}

static void write_named(const weir_schema_node *node, written_names *written, weir_buf *out)
{
    for (size_t i = 0; i < written->count; i++) {
        if (written->nodes[i] == node) {
            write_text(node->name, out);
            return;
        }
    }
    written->nodes =
        weir_grow(written->nodes, written->count, &written->capacity, sizeof *written->nodes);
    written->nodes[written->count++] = node;
    weir_buf_append_text(out, "{\"name\":");
    write_text(node->name, out);
    weir_buf_append_format(out, ",\"type\":\"%s\"", weir_schema_kind_name(node->kind));
    if (node->kind == WEIR_SCHEMA_RECORD) {
        write_fields(node, written, out);
    } else if (node->kind == WEIR_SCHEMA_ENUM) {
        write_symbols(node, out);
    } else {
        weir_buf_append_format(out, ",\"size\":%zu", node->fixed_bytes);
    }
    weir_buf_append_byte(out, '}');
}

static void write_node(const weir_schema_node *node, written_names *written, weir_buf *out)
{
    if (node->name != NULL) {
        write_named(node, written, out);
    } else if (node->kind == WEIR_SCHEMA_UNION) {
        weir_buf_append_byte(out, '[');
        for (size_t i = 0; i < node->branch_count; i++) {
            if (i > 0) {
                weir_buf_append_byte(out, ',');
            }
            write_node(node->branches[i], written, out);
        }
        weir_buf_append_byte(out, ']');
    } else if (node->items != NULL) {
        bool is_array = node->kind == WEIR_SCHEMA_ARRAY;
        weir_buf_append_text(out, is_array ? "{\"type\":\"array\",\"items\":"
                                           : "{\"type\":\"map\",\"values\":");
        write_node(node->items, written, out);
        weir_buf_append_byte(out, '}');
    } else {
        write_text(weir_schema_kind_name(node->kind), out);
    }
}

void weir_schema_canonicalise(weir_schema *schema)
{
    WEIR_ASSERT(schema->root != NULL);
    WEIR_ASSERT(schema->canonical.size == 0);
    written_names written = {0};
    write_node(schema->root, &written, &schema->canonical);
    free(written.nodes);
}
