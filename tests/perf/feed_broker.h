/* SPDX-License-Identifier: Apache-2.0
 *
 * feed_broker.h - a broker that costs nothing: batches lie ready in memory, and what is produced is
 * counted and forgotten. Topics, groups and offsets are those of a simulated broker behind it.
 *
 * A topic that is fed has one partition, which is read once, from the beginning. Others are empty.
 *
 * Ownership  Records are borrowed and outlive the broker.
 * Threads    One.
 */
#ifndef WEIR_TESTS_PERF_FEED_BROKER_H
#define WEIR_TESTS_PERF_FEED_BROKER_H

#include "streams/broker.h"

weir_broker *feed_broker_new(void);

/* The records of a topic; they have all but topic, partition and offset, which are set here. None
 * of them is there yet. */
void feed_broker_add(weir_broker *broker, const char *topic, weir_record *records, size_t count);

/* Of each topic so many records in a thousand are there now. */
void feed_broker_release(weir_broker *broker, size_t per_thousand);

/* How many records consumers have read of all topics; whether these are all that are there. */
uint64_t feed_broker_read(const weir_broker *broker);
bool feed_broker_is_read(const weir_broker *broker);

/* How many records were produced to topics of any name. */
uint64_t feed_broker_produced(const weir_broker *broker);

#endif
