/* SPDX-License-Identifier: Apache-2.0
 *
 * specs_internal.h - what the files of specs share: functions over short texts.
 *
 * Threads    One; one topology is made at a time.
 */
#ifndef WEIR_TESTS_CONFORMANCE_SPECS_INTERNAL_H
#define WEIR_TESTS_CONFORMANCE_SPECS_INTERNAL_H

#include "streams/dsl/kstream.h"
#include "streams/dsl/ktable.h"
#include "streams/dsl/windowed.h"
#include "tests/conformance/specs.h"

/* A parameter of the file; 0 where there is none. */
int64_t conformance_parameter(const weir_json_value *params, const char *name);

/* The text after its first letter. */
weir_bytes conformance_tail_of(weir_bytes value);

/* A topic as a table in the store of that name. */
weir_ktable *conformance_table(weir_builder *builder, const char *topic, const char *store);

/* A value that begins with "v1" also comes twice over. */
weir_status conformance_double_ones(weir_call *call, const weir_record *record,
                                    weir_emitter *emitter);

/* One of the keys k0 to k4, by the digit of the value. */
weir_status conformance_key_of_value(weir_call *call, const weir_record *record,
                                     weir_bytes *out_key);

/* The records of a topic by their keys. */
weir_kgrouped_stream *conformance_grouped(weir_builder *builder, const char *topic);

/* The changes of a table with windows under the keys KEY@START/END, for windows of size_ms, which
 * holds until the next call; of one with sessions. */
weir_kstream *conformance_windows_as_text(weir_ktable *table, int64_t size_ms);
weir_kstream *conformance_sessions_as_text(weir_ktable *table);

/* Windows of one's own by the parameters of the file; they hold until the next call. */
weir_windows conformance_own_windows(const weir_json_value *params);

/* Writes 8-byte counts as decimals. */
void conformance_counts_to(weir_kstream *counts, const char *topic);

#endif
