/* SPDX-License-Identifier: Apache-2.0
 *
 * logging_internal.h - how a log line looks, with the time as an argument, for its test.
 *
 * Threads    Any, one at a time per site.
 */
#ifndef WEIR_STREAMS_BASE_LOGGING_INTERNAL_H
#define WEIR_STREAMS_BASE_LOGGING_INTERNAL_H

#include "streams/base/logging.h"

/* Whether site may write a line at now_ms; counts it either way. *out_suppressed is how many it
 * left out since its last line. */
bool weir_log_site_admit(weir_log_site *site, int64_t now_ms, uint64_t *out_suppressed);

typedef struct weir_log_entry {
    int64_t now_ms;
    weir_log_level level;
    const weir_log_place *place; /* May be NULL. */
    uint64_t suppressed;
    const char *message;
} weir_log_entry;

/* Appends the line of entry, line feed included. */
void weir_log_format(weir_buf *to, const weir_log_entry *entry);

#endif
