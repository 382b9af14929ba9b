/* SPDX-License-Identifier: Apache-2.0
 *
 * must.h - a benchmark ends where something fails: there is nobody whom it could tell.
 *
 * Threads    Any.
 */
#ifndef WEIR_TESTS_PERF_MUST_H
#define WEIR_TESTS_PERF_MUST_H

#include "streams/base/status.h"

#include <errno.h> /* program_invocation_short_name */
#include <stdio.h>
#include <stdlib.h>

static inline void must(weir_status status, const weir_error *err)
{
    if (status != WEIR_OK) {
        fprintf(stderr, "%s: %s %s\n", program_invocation_short_name, weir_status_name(status),
                err->message);
        exit(1);
    }
}

#endif
