/* SPDX-License-Identifier: Apache-2.0
 *
 * ktable.h - tables: of each key the last value, and a stream of its changes (KTable).
 *
 * Ownership  As in builder.h, like errors.
 * Threads    One.
 */
#ifndef WEIR_STREAMS_DSL_KTABLE_H
#define WEIR_STREAMS_DSL_KTABLE_H

#include "streams/dsl/builder.h"
#include "streams/dsl/function.h"

/* The changes of the table as records: the new value, or null where the row went. */
weir_kstream *weir_ktable_to_stream(weir_ktable *table, const weir_operator_options *options);

#endif
