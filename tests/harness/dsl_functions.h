/* SPDX-License-Identifier: Apache-2.0
 *
 * dsl_functions.h - what tests hand to operators of the DSL: small functions over short texts.
 *
 * Ownership  What a function answers is its argument's, a constant's, or the call's arena's.
 * Threads    Any.
 */
#ifndef WEIR_TESTS_HARNESS_DSL_FUNCTIONS_H
#define WEIR_TESTS_HARNESS_DSL_FUNCTIONS_H

#include "streams/dsl/function.h"

/* New keys: the value; the first letter of the key, such as a window's key without the window. */
weir_status dsl_value_as_key(weir_call *call, const weir_record *record, weir_bytes *out_key);
weir_status dsl_first_letter(weir_call *call, const weir_record *record, weir_bytes *out_key);

/* New values: the text with "!" after it; a count of eight bytes as decimals, null for a null. */
weir_status dsl_exclaim(weir_call *call, const weir_record *record, weir_bytes *out_value);
weir_status dsl_count_as_text(weir_call *call, const weir_record *record, weir_bytes *out_value);

/* Joins: the left value; "leftright"; "left|right", where a null is "null" as Java writes it. */
weir_status dsl_left_value(weir_call *call, weir_bytes key, weir_bytes left, weir_bytes right,
                           weir_bytes *out_value);
weir_status dsl_pair(weir_call *call, weir_bytes key, weir_bytes left, weir_bytes right,
                     weir_bytes *out_value);
weir_status dsl_pair_with_bar(weir_call *call, weir_bytes key, weir_bytes left, weir_bytes right,
                              weir_bytes *out_value);

/* Aggregates: "" to begin with; the newest value of a reduce; the aggregate with the value behind
 * it. Two of sessions that become one are joined by dsl_pair(). */
weir_status dsl_empty_text(weir_call *call, weir_bytes *out_aggregate);
weir_status dsl_last_value(weir_call *call, weir_bytes aggregate, weir_bytes value,
                           weir_bytes *out_aggregate);
weir_status dsl_concat(weir_call *call, weir_bytes aggregate, weir_bytes value,
                       weir_bytes *out_aggregate);

#endif
