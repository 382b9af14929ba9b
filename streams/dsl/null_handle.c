/* SPDX-License-Identifier: Apache-2.0
 *
 * null_handle.c - see null_handle_internal.h.
 */
#include "streams/dsl/null_handle_internal.h"

/* Of literals: nothing to free. */
typedef struct null_handle {
    const char *call; /* NULL: no mistake. */
    const char *names;
} null_handle;

static _Thread_local null_handle first;

bool weir_null_handle_among(const char *call, const char *names, const void *const *handles,
                            size_t count)
{
    bool found = false;
    for (size_t i = 0; i < count; i++) {
        found |= handles[i] == NULL;
    }
    if (found && first.call == NULL) {
        first = (null_handle){call, names};
    }
    return found;
}

weir_status weir_null_handle_tell(weir_error *err)
{
    const null_handle told = first;
    weir_null_handle_forget();
    return told.call == NULL
               ? WEIR_OK
               : weir_error_set(err, WEIR_INVALID,
                                "%s was given NULL for (%s): give it what a builder or an operator "
                                "has answered",
                                told.call, told.names);
}

void weir_null_handle_forget(void)
{
    first = (null_handle){NULL, NULL};
}
