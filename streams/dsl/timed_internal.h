/* SPDX-License-Identifier: Apache-2.0
 *
 * timed_internal.h - what the operators of timed.h have in common: how they come into the graph.
 *
 * Ownership  In the builder's arena.
 * Threads    One.
 */
#ifndef WEIR_STREAMS_DSL_TIMED_INTERNAL_H
#define WEIR_STREAMS_DSL_TIMED_INTERNAL_H

#include "streams/dsl/kstream_internal.h"
#include "streams/dsl/timed.h"

typedef struct weir_timed_operator {
    const char *prefix; /* Of its name, if it was given none. */
    weir_store_kind store_kind;
    const char *store_name; /* As the user gave it. */
    weir_processor_supplier supplier;
    bool by_key; /* Records of a key must meet; those without one are dropped. */
} weir_timed_operator;

/* The stream behind the operator; *out_store is the name of its store, and may be part of user. */
weir_kstream *weir_timed_add(weir_kstream *stream, const weir_timed_operator *timed,
                             const weir_operator_options *options, const char **out_store,
                             void *user);

#endif
