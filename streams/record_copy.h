/* SPDX-License-Identifier: Apache-2.0
 *
 * record_copy.h - a record that outlives its batch or its call.
 *
 * Ownership  One block of memory, the caller's; free() releases it.
 * Threads    Any.
 */
#ifndef WEIR_STREAMS_RECORD_COPY_H
#define WEIR_STREAMS_RECORD_COPY_H

#include "streams/record.h"

/* A deep copy of record, without its object. *out_bytes (may be NULL) is what the copy takes. */
weir_record *weir_record_copy(const weir_record *record, size_t *out_bytes);

#endif
