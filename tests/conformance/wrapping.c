/* SPDX-License-Identifier: Apache-2.0
 *
 * wrapping.c - notes names, and passes everything on.
 */
#include "tests/conformance/wrapping.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct passing {
    weir_processor base;
    weir_processor *inner;
} passing;

static passing *passing_of(weir_processor *processor)
{
    return (passing *)(void *)processor;
}

static weir_status init(weir_processor *processor, weir_error *err)
{
    return weir_processor_init(passing_of(processor)->inner, processor->context, err);
}

static weir_status process(weir_processor *processor, const weir_record *record, weir_error *err)
{
    return weir_processor_process(passing_of(processor)->inner, record, err);
}

static void free_passing(weir_processor *processor)
{
    weir_processor_free(passing_of(processor)->inner);
    free(processor);
}

static weir_processor *new_passing(void *user)
{
    static const weir_processor_ops ops = {init, process, free_passing};
    const weir_processor_options *inner = user;
    passing *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    self->inner = inner->supplier(inner->user);
    return &self->base;
}

static void wrap(weir_buf *names, weir_wrapping *wrapping)
{
    weir_buf_append_text(names, wrapping->name);
    weir_buf_append_byte(names, '\n');
    weir_processor_options *inner = weir_arena_alloc(wrapping->arena, sizeof(*inner));
    *inner = wrapping->processor;
    wrapping->processor = (weir_processor_options){new_passing, inner};
}

static void wrap_processor(void *user, weir_wrapping *wrapping)
{
    wrap(&((conformance_wrapping *)user)->processors, wrapping);
}

static void wrap_fixed_key_processor(void *user, weir_wrapping *wrapping)
{
    wrap(&((conformance_wrapping *)user)->fixed_key_processors, wrapping);
}

void conformance_wrap(weir_builder *builder, conformance_wrapping *wrapping)
{
    weir_builder_set_wrapper(builder, &(weir_processor_wrapper){
                                          .wrap_processor = wrap_processor,
                                          .wrap_fixed_key_processor = wrap_fixed_key_processor,
                                          .user = wrapping,
                                      });
}

void conformance_wrapping_cleanup(conformance_wrapping *wrapping)
{
    weir_buf_cleanup(&wrapping->processors);
    weir_buf_cleanup(&wrapping->fixed_key_processors);
}

static weir_status compare(weir_buf *names, const weir_json_value *expected, weir_error *err)
{
    WEIR_AUTO(weir_buf) text = {0};
    for (size_t i = 0; i < weir_json_count(expected); i++) {
        weir_bytes name = weir_json_value_text(weir_json_at(expected, i));
        weir_buf_append(&text, name.data, name.size);
        weir_buf_append_byte(&text, '\n');
    }
    if (expected == NULL || weir_bytes_equal(weir_buf_bytes(&text), weir_buf_bytes(names))) {
        return WEIR_OK;
    }
    printf("-- expected\n%s-- got\n%s", weir_buf_text(&text), weir_buf_text(names));
    return weir_error_set(err, WEIR_INVALID, "other processors are wrapped than the oracle's");
}

weir_status conformance_wrapping_check(conformance_wrapping *wrapping, const weir_json_value *head,
                                       weir_error *err)
{
    WEIR_TRY(compare(&wrapping->processors, weir_json_get(head, "wrapped"), err));
    return compare(&wrapping->fixed_key_processors, weir_json_get(head, "wrapped_fixed_key"), err);
}
