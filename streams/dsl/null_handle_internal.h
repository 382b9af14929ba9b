/* SPDX-License-Identifier: Apache-2.0
 *
 * null_handle_internal.h - NULL for a builder, a stream or a table: mostly a variable that nobody
 * has set.
 *
 * There is no builder then that could keep the mistake, so the thread does, until the next
 * weir_builder_build on it tells. The call answers NULL, which the next one in the chain takes.
 *
 * Threads    Each keeps its own.
 */
#ifndef WEIR_STREAMS_DSL_NULL_HANDLE_INTERNAL_H
#define WEIR_STREAMS_DSL_NULL_HANDLE_INTERNAL_H

#include "streams/base/status.h"

#include <stdbool.h>
#include <stddef.h>

/* Whether one of count handles is NULL: that is the mistake of call then, unless the thread has one
 * already. */
bool weir_null_handle_among(const char *call, const char *names, const void *const *handles,
                            size_t count);

/* The mistake of this thread, which is forgotten. */
weir_status weir_null_handle_tell(weir_error *err);
void weir_null_handle_forget(void);

#define WEIR_ANY_IS_NULL(...)                                                                      \
    weir_null_handle_among(__func__, #__VA_ARGS__, (const void *const[]){__VA_ARGS__},             \
                           sizeof((const void *const[]){__VA_ARGS__}) / sizeof(void *))

/* First in a public function: ends it with NULL where one of its handles is. */
#define WEIR_REFUSE_NULL(...)                                                                      \
    do {                                                                                           \
        if (WEIR_ANY_IS_NULL(__VA_ARGS__)) {                                                       \
            return NULL;                                                                           \
        }                                                                                          \
    } while (0)

#endif
