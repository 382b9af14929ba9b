/* SPDX-License-Identifier: Apache-2.0
 *
 * processor_wrapper.h - a function that sees every processor of a topology as it is added, and may
 * put another one around it (Kafka Streams' ProcessorWrapper and its processor.wrapper.class).
 *
 *   weir_topology_set_wrapper(topology, &(weir_processor_wrapper){.wrap_processor = count_all});
 *
 *   static void count_all(void *user, weir_wrapping *wrapping)
 *   {
 *       counting *around = weir_arena_alloc(wrapping->arena, sizeof(*around));
 *       *around = (counting){.name = wrapping->name, .inner = wrapping->processor};
 *       wrapping->processor = (weir_processor_options){new_counting, around};
 *   }
 *
 * The processor that new_counting makes has the inner one made by its supplier, passes init and
 * process on by the functions below, and frees it with itself.
 *
 * As in Kafka Streams, processors of the DSL are wrapped too, under their generated names; sources,
 * sinks, and what fills global and read-only stores are not.
 *
 * Threads    A wrapper: the one that builds the topology. Processors: that of their task.
 */
#ifndef WEIR_STREAMS_PROCESSOR_WRAPPER_H
#define WEIR_STREAMS_PROCESSOR_WRAPPER_H

#include "streams/topology.h"

/* A processor that is being added. */
typedef struct weir_wrapping {
    const char *name;                 /* Of its node; it lives as long as the topology. */
    weir_processor_options processor; /* What was given, to be replaced or left as it is. */
    /* What the new one uses besides (ProcessorSupplier.stores): each is added, unless one of that
     * name is there already, and connected to it. Ends with a NULL; NULL: none. */
    const weir_store_options *const *stores;
    weir_arena *arena; /* For what lives as long as the topology. */
} weir_wrapping;

/* Either function may be NULL: those processors are left as they are. user is what configure() is
 * given in Java. */
typedef struct weir_processor_wrapper {
    void (*wrap_processor)(void *user, weir_wrapping *wrapping);
    /* Of operators that keep keys: filters, mappers of values, peek, process_values, … */
    void (*wrap_fixed_key_processor)(void *user, weir_wrapping *wrapping);
    void *user;
} weir_processor_wrapper;

/* From now on processors are wrapped; a mistake where there are some already. For the DSL:
 * weir_builder_set_wrapper (dsl/builder.h). */
void weir_topology_set_wrapper(weir_topology *topology, const weir_processor_wrapper *wrapper);

/* As weir_topology_add_processor_to, for wrap_fixed_key_processor. */
void weir_topology_add_fixed_key_processor_to(weir_topology *topology, const char *name,
                                              const weir_processor_options *options,
                                              const char *const *parents);

/* For the processor around another one, in its own init and process: what the inner one asks of
 * context (a punctuation, a completion, …) then comes back to the inner one. */
weir_status weir_processor_init(weir_processor *inner, weir_context *context, weir_error *err);
weir_status weir_processor_process(weir_processor *inner, const weir_record *record,
                                   weir_error *err);
void weir_processor_free(weir_processor *inner); /* NULL is fine. */

#endif
