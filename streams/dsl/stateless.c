/* SPDX-License-Identifier: Apache-2.0
 *
 * stateless.c - the operators without state, as they run: one processor a task for each.
 *
 * They allocate nothing per record but what their functions ask the task's arena for.
 */
#include "streams/dsl/kstream_internal.h"

#include <stdlib.h>

typedef struct stateless_processor {
    weir_processor base;
    const weir_stateless *spec;
} stateless_processor;

/* Where weir_emit sends to. */
struct weir_emitter {
    weir_context *context;
    weir_record out; /* The source's, but for key and value. */
    bool keeps_keys;
    weir_error *err;
};

static const weir_stateless *spec_of(const weir_processor *processor)
{
    return ((const stateless_processor *)(const void *)processor)->spec;
}

static weir_call call_of(const weir_processor *processor, weir_error *err)
{
    return (weir_call){.user = spec_of(processor)->user,
                       .arena = weir_context_arena(processor->context),
                       .err = err};
}

weir_status weir_emit(weir_emitter *emitter, weir_bytes key, weir_bytes value)
{
    if (!emitter->keeps_keys) {
        emitter->out.key = key;
    }
    emitter->out.value = value;
    return weir_context_forward(emitter->context, &emitter->out, emitter->err);
}

static weir_status pass(weir_processor *processor, const weir_record *record, weir_error *err)
{
    return weir_context_forward(processor->context, record, err);
}

static weir_status filter(weir_processor *processor, const weir_record *record, weir_error *err)
{
    const weir_stateless *spec = spec_of(processor);
    return spec->predicate(spec->user, record) == spec->negated
               ? WEIR_OK
               : weir_context_forward(processor->context, record, err);
}

static weir_status map_value(weir_processor *processor, const weir_record *record, weir_error *err)
{
    weir_call call = call_of(processor, err);
    weir_record out = *record;
    out.object = NULL;
    WEIR_TRY(weir_call_check(&call, spec_of(processor)->map_value(&call, record, &out.value)));
    return weir_context_forward(processor->context, &out, err);
}

static weir_status select_key(weir_processor *processor, const weir_record *record, weir_error *err)
{
    weir_call call = call_of(processor, err);
    weir_record out = *record;
    WEIR_TRY(weir_call_check(&call, spec_of(processor)->select_key(&call, record, &out.key)));
    return weir_context_forward(processor->context, &out, err);
}

static weir_status map(weir_processor *processor, const weir_record *record, weir_error *err)
{
    weir_call call = call_of(processor, err);
    weir_record out = *record;
    out.object = NULL;
    WEIR_TRY(weir_call_check(&call, spec_of(processor)->map(&call, record, &out.key, &out.value)));
    return weir_context_forward(processor->context, &out, err);
}

static weir_status flat_map(weir_processor *processor, const weir_record *record, weir_error *err)
{
    weir_call call = call_of(processor, err);
    weir_emitter emitter = {
        .context = processor->context,
        .out = *record,
        .keeps_keys = spec_of(processor)->keeps_keys,
        .err = err,
    };
    emitter.out.object = NULL;
    return weir_call_check(&call, spec_of(processor)->flat_map(&call, record, &emitter));
}

static weir_status act(weir_processor *processor, const weir_record *record, weir_error *err)
{
    const weir_stateless *spec = spec_of(processor);
    spec->action(spec->user, record);
    return spec->ends ? WEIR_OK : weir_context_forward(processor->context, record, err);
}

static void free_processor(weir_processor *processor)
{
    free(processor);
}

static const weir_processor_ops pass_ops = {.process = pass, .free = free_processor};
static const weir_processor_ops filter_ops = {.process = filter, .free = free_processor};
static const weir_processor_ops map_value_ops = {.process = map_value, .free = free_processor};
static const weir_processor_ops select_key_ops = {.process = select_key, .free = free_processor};
static const weir_processor_ops map_ops = {.process = map, .free = free_processor};
static const weir_processor_ops flat_map_ops = {.process = flat_map, .free = free_processor};
static const weir_processor_ops act_ops = {.process = act, .free = free_processor};

static const weir_processor_ops *ops_of(const weir_stateless *spec)
{
    if (spec->predicate != NULL) {
        return &filter_ops;
    }
    if (spec->map_value != NULL) {
        return &map_value_ops;
    }
    if (spec->select_key != NULL) {
        return &select_key_ops;
    }
    if (spec->map != NULL) {
        return &map_ops;
    }
    if (spec->flat_map != NULL) {
        return &flat_map_ops;
    }
    return spec->action != NULL ? &act_ops : &pass_ops;
}

weir_processor *weir_stateless_new(void *user)
{
    stateless_processor *processor = weir_alloc(sizeof(*processor));
    processor->spec = user;
    processor->base.ops = ops_of(user);
    return &processor->base;
}
