/* SPDX-License-Identifier: Apache-2.0
 *
 * plan.c - matches a writer's fields with a struct's, once for each pair of schemas.
 *
 *   writer   url  charset  depth(long -> double)       the order of the bytes
 *   steps    url  skip     depth, not exact
 *   defaults                                   title   what the writer lacks
 *
 * Where writer and reader are the same, every step is exact and there is no default: the usual
 * case needs no path of its own. Plans are made when the codec is, so that a record costs no
 * comparison of names.
 */
#include "avro/codec_internal.h"

#include <stdlib.h>
#include <string.h>

static bool is_optional_string(const weir_schema_node *node)
{
    return node->kind == WEIR_SCHEMA_UNION && node->branch_count == 2 &&
           node->branches[0]->kind == WEIR_SCHEMA_NULL &&
           node->branches[1]->kind == WEIR_SCHEMA_STRING;
}

/* Is node what a table of ours means by kind? */
static bool is_exact(weir_field_kind kind, const weir_schema_node *node)
{
    switch (kind) {
    case WEIR_FIELD_STRING:
        return node->kind == WEIR_SCHEMA_STRING;
    case WEIR_FIELD_OPTIONAL_STRING:
        return is_optional_string(node);
    case WEIR_FIELD_BYTES:
        return node->kind == WEIR_SCHEMA_BYTES;
    case WEIR_FIELD_LONG:
        return node->kind == WEIR_SCHEMA_LONG;
    case WEIR_FIELD_INT:
        return node->kind == WEIR_SCHEMA_INT;
    case WEIR_FIELD_DOUBLE:
        return node->kind == WEIR_SCHEMA_DOUBLE;
    case WEIR_FIELD_BOOLEAN:
        return node->kind == WEIR_SCHEMA_BOOLEAN;
    case WEIR_FIELD_STRINGS:
        return node->kind == WEIR_SCHEMA_ARRAY && node->items->kind == WEIR_SCHEMA_STRING;
    case WEIR_FIELD_MAP:
        return node->kind == WEIR_SCHEMA_MAP && node->items->kind == WEIR_SCHEMA_STRING;
    case WEIR_FIELD_RECORDS:
        return node->kind == WEIR_SCHEMA_ARRAY && node->items->kind == WEIR_SCHEMA_RECORD;
    }
    return false;
}

weir_status weir_record_type_check(const weir_record_type *type, const weir_schema_node *schema,
                                   weir_error *err)
{
    WEIR_ASSERT(type != NULL && schema != NULL);
    if (schema->kind != WEIR_SCHEMA_RECORD || schema->field_count != type->field_count) {
        return weir_error_set(err, WEIR_INVALID, "the table of %s has %zu fields, its schema %zu",
                              type->name, type->field_count, schema->field_count);
    }
    for (size_t i = 0; i < type->field_count; i++) {
        const weir_field *field = &type->fields[i];
        const weir_schema_field *declared = &schema->fields[i];
        if (strcmp(field->name, declared->name) != 0 || !is_exact(field->kind, declared->node)) {
            return weir_error_set(err, WEIR_INVALID,
                                  "field %zu of the table of %s is %s, the schema says %s, or they "
                                  "differ in type",
                                  i, type->name, field->name, declared->name);
        }
        if (field->kind == WEIR_FIELD_RECORDS) {
            WEIR_TRY(weir_record_type_check(field->items, declared->node->items, err));
        }
    }
    return WEIR_OK;
}

/* The array that a field's value is, where the writer may have wrapped it in a union. */
static const weir_schema_node *array_of(const weir_schema_node *node)
{
    for (size_t i = 0; node->kind == WEIR_SCHEMA_UNION && i < node->branch_count; i++) {
        if (node->branches[i]->kind == WEIR_SCHEMA_ARRAY) {
            return node->branches[i];
        }
    }
    return node;
}

static const weir_schema_node *record_of(const weir_schema_node *node)
{
    return node->kind == WEIR_SCHEMA_UNION ? node->branches[0] : node;
}

static weir_decode_plan_step step_of(const weir_field *field, const weir_schema_node *reader,
                                     const weir_schema_node *writer)
{
    weir_decode_plan_step step = {.field = field, .writer = writer};
    step.exact = is_exact(field->kind, writer);
    if (field->kind == WEIR_FIELD_RECORDS) {
        const weir_schema_node *items = record_of(array_of(writer)->items);
        step.items = weir_decode_plan_new(field->items, reader->items, items);
    }
    return step;
}

static const weir_field *field_named(const weir_record_type *type, const char *name)
{
    for (size_t i = 0; i < type->field_count; i++) {
        if (strcmp(type->fields[i].name, name) == 0) {
            return &type->fields[i];
        }
    }
    return NULL;
}

weir_decode_plan *weir_decode_plan_new(const weir_record_type *type, const weir_schema_node *reader,
                                       const weir_schema_node *writer)
{
    WEIR_ASSERT(reader->kind == WEIR_SCHEMA_RECORD);
    WEIR_ASSERT(writer->kind == WEIR_SCHEMA_RECORD);
    WEIR_ASSERT(reader->field_count == type->field_count);

    weir_decode_plan *plan = weir_alloc(sizeof *plan);
    plan->type = type;
    plan->step_count = writer->field_count;
    plan->steps = weir_alloc_array(writer->field_count + 1, sizeof *plan->steps);
    plan->defaults = weir_alloc_array(type->field_count + 1, sizeof *plan->defaults);
    for (size_t i = 0; i < writer->field_count; i++) {
        const weir_schema_field *written = &writer->fields[i];
        const weir_field *field = field_named(type, written->name);
        if (field == NULL) {
            plan->steps[i].writer = written->node;
        } else {
            const weir_schema_field *declared = &reader->fields[field - type->fields];
            plan->steps[i] = step_of(field, declared->node, written->node);
        }
    }
    for (size_t i = 0; i < type->field_count; i++) {
        const weir_schema_field *declared = &reader->fields[i];
        if (weir_schema_field_of(writer, declared->name) == NULL) {
            WEIR_ASSERT(declared->has_default);
            weir_decode_plan_step *step = &plan->defaults[plan->default_count++];
            *step = step_of(&type->fields[i], declared->node, declared->node);
            step->default_datum = weir_buf_bytes(&declared->default_datum);
        }
    }
    WEIR_ASSERT(plan->default_count <= type->field_count);
    return plan;
}

static void steps_free(weir_decode_plan_step *steps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        weir_decode_plan_free(steps[i].items);
    }
    free(steps);
}

void weir_decode_plan_free(weir_decode_plan *plan)
{
    if (plan == NULL) {
        return;
    }
    steps_free(plan->steps, plan->step_count);
    steps_free(plan->defaults, plan->default_count);
    free(plan);
}
