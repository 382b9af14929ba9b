/* SPDX-License-Identifier: Apache-2.0
 *
 * auto_offset_reset.h - where a source begins in a partition of which its group has committed
 * nothing (AutoOffsetReset).
 *
 * Threads    Any.
 */
#ifndef WEIR_STREAMS_AUTO_OFFSET_RESET_H
#define WEIR_STREAMS_AUTO_OFFSET_RESET_H

#include "streams/base/status.h"

#include <stdint.h>

typedef enum weir_auto_offset_reset_kind {
    WEIR_AUTO_OFFSET_RESET_UNSET,       /* As the setting auto.offset.reset says: earliest. */
    WEIR_AUTO_OFFSET_RESET_EARLIEST,    /* At its first record. */
    WEIR_AUTO_OFFSET_RESET_LATEST,      /* Behind its last one. */
    WEIR_AUTO_OFFSET_RESET_BY_DURATION, /* At the first not older than that; else as latest. */
    WEIR_AUTO_OFFSET_RESET_NONE,        /* The application stops, and says what to commit. */
} weir_auto_offset_reset_kind;

typedef struct weir_auto_offset_reset {
    weir_auto_offset_reset_kind kind;
    int64_t duration_ms; /* Of BY_DURATION, before now; 0 or more. */
} weir_auto_offset_reset;

/* Reads "earliest", "latest", "none" or "by_duration:<ISO 8601 duration>", such as
 * "by_duration:PT1H30M" or "by_duration:P7D"; text may be NULL, which is UNSET. WEIR_INVALID says
 * what is allowed. */
weir_status weir_auto_offset_reset_parse(const char *text, weir_auto_offset_reset *out_reset,
                                         weir_error *err);

#endif
