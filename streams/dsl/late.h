/* SPDX-License-Identifier: Apache-2.0
 *
 * late.h - the records that came too late, as a stream of their own (Flink's side output of late
 * data; Kafka Streams only counts them).
 *
 *   counts = weir_time_windowed_count(windowed, NULL, NULL);
 *   weir_kstream_to(weir_ktable_late_records(counts, NULL), "late-views", NULL);
 *
 * A late record is passed on as the operator got it, and still counted as dropped. Of the record
 * that was read it has topic, partition and offset, for the functions that follow at once, and in
 * headers, for what reads the topic that it goes to: those of a dead letter,
 * __streams.errors.topic, .partition and .offset.
 *
 * Ownership  As in builder.h, like errors.
 * Threads    One.
 */
#ifndef WEIR_STREAMS_DSL_LATE_H
#define WEIR_STREAMS_DSL_LATE_H

#include "streams/dsl/builder.h"

/* The records that are in no window of a windowed aggregate, because all that they belong to had
 * closed. table: what the aggregate has answered. */
weir_kstream *weir_ktable_late_records(weir_ktable *table, const weir_operator_options *options);

/* The records of both sides that a join of two streams did not keep for partners to come, because
 * none can come in time. They still met those that wait. joined: what the join has answered. */
weir_kstream *weir_kstream_late_records(weir_kstream *joined, const weir_operator_options *options);

#endif
