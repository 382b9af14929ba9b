/* SPDX-License-Identifier: Apache-2.0
 *
 * sessions.h - aggregates of the records of one key that follow each other without a long pause
 * (SessionWindowedKStream).
 *
 *   --a-b----c-d-e--------f--    three sessions, as long as the inactivity gap
 *
 * A record that closes the gap between two sessions makes them one: the rows of both go and a new
 * one comes. The key of the table is Kafka's: the key, then end and start as 8 bytes each;
 * weir_session_of (statestore/session_store.h) takes it apart.
 *
 * Ownership  As in builder.h, like errors.
 * Threads    One.
 */
#ifndef WEIR_STREAMS_DSL_SESSIONS_H
#define WEIR_STREAMS_DSL_SESSIONS_H

#include "streams/dsl/builder.h"
#include "streams/dsl/function.h"
#include "streams/dsl/windowed.h"

/* Records at most inactivity_gap_ms apart; one may come grace_ms after its session could end. */
typedef struct weir_session_windows {
    int64_t inactivity_gap_ms;
    int64_t grace_ms;
} weir_session_windows;

typedef struct weir_session_windowed_kstream weir_session_windowed_kstream;

/* The records of each key by session. */
weir_session_windowed_kstream *
weir_kgrouped_stream_windowed_by_session(weir_kgrouped_stream *grouped,
                                         const weir_session_windows *windows);

/* As weir_time_windowed_emit_strategy. */
weir_session_windowed_kstream *
weir_session_windowed_emit_strategy(weir_session_windowed_kstream *windowed,
                                    weir_emit_strategy strategy);

/* The aggregate of two sessions that become one. */
typedef weir_status (*weir_merger)(weir_call *call, weir_bytes key, weir_bytes one, weir_bytes two,
                                   weir_bytes *out_aggregate);

/* As weir_kgrouped_stream_count, _reduce and _aggregate, a row for each key and session.
 * materialized->retention_ms 0: gap and grace. */
weir_ktable *weir_session_windowed_count(weir_session_windowed_kstream *windowed,
                                         const weir_materialized *materialized,
                                         const weir_operator_options *options);
weir_ktable *weir_session_windowed_reduce(weir_session_windowed_kstream *windowed,
                                          weir_reducer reducer,
                                          const weir_materialized *materialized,
                                          const weir_operator_options *options);

/* What a session aggregate is made with; initializer NULL: null bytes. */
typedef struct weir_session_aggregate {
    weir_initializer initializer;
    weir_aggregator aggregator;
    weir_merger merger;
} weir_session_aggregate;
weir_ktable *weir_session_windowed_aggregate(weir_session_windowed_kstream *windowed,
                                             const weir_session_aggregate *functions,
                                             const weir_materialized *materialized,
                                             const weir_operator_options *options);

#endif
