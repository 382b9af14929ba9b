/* SPDX-License-Identifier: Apache-2.0
 *
 * names_internal.h - the names of operators, stores and topics: given ones, and new ones out of the
 * builder's one counter. Operators draw numbers in exactly Kafka Streams' order, for topics and
 * stores of a running application bear them.
 *
 * Ownership  Names live in the builder's arena, as long as the builder; arguments are borrowed.
 * Threads    One.
 */
#ifndef WEIR_STREAMS_DSL_NAMES_INTERNAL_H
#define WEIR_STREAMS_DSL_NAMES_INTERNAL_H

#include "streams/dsl/builder.h"

/* "<prefix><number, ten digits>", and the number is used up. */
const char *weir_builder_new_name(weir_builder *builder, const char *prefix);
const char *weir_builder_new_store_name(weir_builder *builder, const char *prefix);

/* One name out of two pieces. */
const char *weir_builder_join_names(weir_builder *builder, const char *name, const char *suffix);

/* A copy of name; without one a new name with this prefix. Kafka Streams uses the number up in both
 * cases, and it shows in later names. The second adds suffix to a name that is given. */
const char *weir_builder_name_or_new(weir_builder *builder, const char *name, const char *prefix);
const char *weir_builder_suffixed_or_new(weir_builder *builder, const char *name,
                                         const char *suffix, const char *prefix);

/* For the few operators with which Kafka Streams uses no number up where a name is given. */
const char *weir_builder_given_or_new(weir_builder *builder, const char *name, const char *suffix,
                                      const char *prefix);

/* A copy of a list that ends with NULL, and of its names; NULL is an empty one. */
const char *const *weir_builder_copy_names(weir_builder *builder, const char *const *names);

#endif
