/* SPDX-License-Identifier: Apache-2.0
 *
 * wrapping.h - a processor around each one of a topology, as the oracle has it: which ones it gets
 * to see is compared, and that they answer as they do without it shows in all that follows.
 *
 * Threads    One.
 */
#ifndef WEIR_TESTS_CONFORMANCE_WRAPPING_H
#define WEIR_TESTS_CONFORMANCE_WRAPPING_H

#include "streams/base/json_read.h"
#include "streams/dsl/builder.h"

/* Names of processors, a line each, in the order in which they were wrapped. */
typedef struct conformance_wrapping {
    weir_buf processors;
    weir_buf fixed_key_processors;
} conformance_wrapping;

/* Before anything else is added to the builder; wrapping outlives its build. */
void conformance_wrap(weir_builder *builder, conformance_wrapping *wrapping);
void conformance_wrapping_cleanup(conformance_wrapping *wrapping);

/* Compares with the first line of a file, which need not say. WEIR_INVALID: others were wrapped. */
weir_status conformance_wrapping_check(conformance_wrapping *wrapping, const weir_json_value *head,
                                       weir_error *err);

#endif
