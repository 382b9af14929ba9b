/* SPDX-License-Identifier: Apache-2.0
 *
 * windowed.h - aggregates of the records of one key in a window of time (TimeWindowedKStream).
 *
 *   tumbling  |----|----|----|      size
 *   hopping   |----|                size, advance
 *               |----|
 *   sliding   each record ends one window and, with those that follow it, begins another
 *   own       whatever a function says: days of a time zone, shifts, months, windows with gaps
 *
 * A record that comes later than the end of its window and grace_ms is skipped. The key of a
 * windowed table is Kafka's: the key, then the start as 8 bytes; weir_windowed_of takes it apart.
 *
 * Ownership  As in builder.h, like errors.
 * Threads    One.
 */
#ifndef WEIR_STREAMS_DSL_WINDOWED_H
#define WEIR_STREAMS_DSL_WINDOWED_H

#include "streams/dsl/builder.h"
#include "streams/dsl/function.h"

/* Windows [start, start + size_ms), one every advance_ms from 0 on (0: every size_ms). */
typedef struct weir_time_windows {
    int64_t size_ms;
    int64_t advance_ms;
    int64_t grace_ms;
} weir_time_windows;

/* Windows of records that lie at most time_difference_ms apart; both ends belong to them. */
typedef struct weir_sliding_windows {
    int64_t time_difference_ms;
    int64_t grace_ms;
} weir_sliding_windows;

/* Windows of one's own (a subclass of Windows): [start_ms, end_ms). */
typedef struct weir_window {
    int64_t start_ms; /* 0 or later. */
    int64_t end_ms;   /* After it, by size_ms of weir_windows at most. */
} weir_window;

/* Windows.windowsFor: the windows that a time belongs to; none is fine. They live in call->arena,
 * or longer. It answers the same each time, in any process and thread: a window is known by its
 * start, and no two begin together. WEIR_BAD_RECORD refuses the record. */
typedef weir_status (*weir_windows_for)(weir_call *call, int64_t timestamp_ms,
                                        const weir_window **out_windows, size_t *out_count);

typedef struct weir_windows {
    weir_windows_for windows_for;
    void *user;      /* call->user. */
    int64_t size_ms; /* Windows.size: of the longest. */
    int64_t grace_ms;
} weir_windows;

typedef struct weir_time_windowed_kstream weir_time_windowed_kstream;

/* The records of each key by window. */
weir_time_windowed_kstream *weir_kgrouped_stream_windowed_by(weir_kgrouped_stream *grouped,
                                                             const weir_time_windows *windows);
weir_time_windowed_kstream *
weir_kgrouped_stream_windowed_by_sliding(weir_kgrouped_stream *grouped,
                                         const weir_sliding_windows *windows);

/* They are passed on at each change: WEIR_EMIT_ON_WINDOW_CLOSE is for those above (as there). */
weir_time_windowed_kstream *weir_kgrouped_stream_windowed_by_own(weir_kgrouped_stream *grouped,
                                                                 const weir_windows *windows);

/* When results are passed on: at each change of a window, or once, when it has closed: stream time
 * is past its end and its grace. Windows that close are looked for with a record, every
 * weir.emit.interval.ms of wall-clock time. Returns windowed. */
typedef enum weir_emit_strategy {
    WEIR_EMIT_ON_WINDOW_UPDATE,
    WEIR_EMIT_ON_WINDOW_CLOSE,
} weir_emit_strategy;
weir_time_windowed_kstream *weir_time_windowed_emit_strategy(weir_time_windowed_kstream *windowed,
                                                             weir_emit_strategy strategy);

/* As weir_kgrouped_stream_count, _reduce and _aggregate, a row for each key and window.
 * materialized->retention_ms 0: size and grace. */
weir_ktable *weir_time_windowed_count(weir_time_windowed_kstream *windowed,
                                      const weir_materialized *materialized,
                                      const weir_operator_options *options);
weir_ktable *weir_time_windowed_reduce(weir_time_windowed_kstream *windowed, weir_reducer reducer,
                                       const weir_materialized *materialized,
                                       const weir_operator_options *options);
weir_ktable *weir_time_windowed_aggregate(weir_time_windowed_kstream *windowed,
                                          weir_initializer initializer, weir_aggregator aggregator,
                                          const weir_materialized *materialized,
                                          const weir_operator_options *options);

/* The key of a windowed table, taken apart: windows of size_ms (of sliding windows: the time
 * difference). False: these bytes are none. */
typedef struct weir_windowed {
    weir_bytes key;
    int64_t start_ms;
    int64_t end_ms;
} weir_windowed;
bool weir_windowed_of(weir_bytes bytes, int64_t size_ms, weir_windowed *out_windowed);

#endif
