/* SPDX-License-Identifier: Apache-2.0
 *
 * topic_records.h - reads the committed records of a topic from any broker, decoded if wanted.
 *
 * Errors     A call that fails ends the test.
 * Threads    Any.
 */
#ifndef WEIR_TESTS_HARNESS_TOPIC_RECORDS_H
#define WEIR_TESTS_HARNESS_TOPIC_RECORDS_H

#include "avro/record.h"
#include "streams/broker.h"

/* What is read; without a type values stay as they are. */
typedef struct topic_records {
    const char *topic;
    const weir_codec *codec;
    const weir_record_type *type; /* NULL: none. */
} topic_records;

/* object is the decoded value, NULL for a tombstone or without a type; borrowed for the call. */
typedef void (*topic_records_visitor)(void *user, const weir_record *record, const void *object);

/* Calls visit for each record, those of a partition in order. */
void topic_records_visit(weir_broker *broker, const topic_records *of, topic_records_visitor visit,
                         void *user);

#endif
