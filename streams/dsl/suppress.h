/* SPDX-License-Identifier: Apache-2.0
 *
 * suppress.h - tables whose changes are held back (KTable.suppress): until a window closes, or for
 * a time, of each key only the last one.
 *
 *   counts ─▶ [buffer: key, last change, when it may go] ─▶ changes
 *
 * The buffer is kept in a changelog in Kafka Streams' form (version 3, since 2.4). Where it is
 * full it goes on in the store by default; Kafka Streams emits early or stops.
 *
 * Ownership  As in builder.h, like errors.
 * Threads    One.
 */
#ifndef WEIR_STREAMS_DSL_SUPPRESS_H
#define WEIR_STREAMS_DSL_SUPPRESS_H

#include "streams/dsl/ktable.h"

/* What a full buffer does. */
typedef enum weir_buffer_full {
    WEIR_BUFFER_SPILLS,      /* Values of further keys lie in the store alone. */
    WEIR_BUFFER_EMITS_EARLY, /* The oldest go now. Not until windows close. */
    WEIR_BUFFER_STOPS,       /* The application fails. */
} weir_buffer_full;

typedef struct weir_suppressed {
    const char *name;   /* Of the node; its store is "<name>-store". NULL: generated. */
    size_t records_max; /* Keys whose values are in memory; 0: no limit. */
    size_t bytes_max;   /* What they take, as Kafka Streams counts it; 0: no limit. */
    weir_buffer_full when_full;
    bool logging_disabled;
    weir_topic_config changelog; /* Settings of its changelog. */
} weir_suppressed;

/* The last change of each window, once it has closed; removals are dropped. Something upstream of
 * table must have made windows. */
weir_ktable *weir_ktable_suppress_until_window_closes(weir_ktable *table,
                                                      const weir_suppressed *options);

/* The last change of each key, time_limit_ms after the first that was held back. */
weir_ktable *weir_ktable_suppress_until_time_limit(weir_ktable *table, int64_t time_limit_ms,
                                                   const weir_suppressed *options);

#endif
