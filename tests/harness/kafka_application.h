/* SPDX-License-Identifier: Apache-2.0
 *
 * kafka_application.h - a process of an application on the shared Kafka of a test, stepped by the
 * test: the cluster is real, and the runtime's clock can be moved on.
 *
 * An application NAME reads "NAME-in" and, where it counts (count_topology.h), writes "NAME-out",
 * each with KAFKA_PARTITIONS partitions.
 *
 * Ownership  kafka_application_cleanup frees everything; all-zero is fine.
 * Errors     What a test does not ask for ends it.
 * Threads    One.
 */
#ifndef WEIR_TESTS_HARNESS_KAFKA_APPLICATION_H
#define WEIR_TESTS_HARNESS_KAFKA_APPLICATION_H

#include "streams/application.h"
#include "streams/record.h"

enum { KAFKA_PARTITIONS = 2 };

typedef struct kafka_application {
    const char *name;
    const char *process_id;
    weir_broker *broker;
    weir_topology *topology;
    weir_config config;
    char *directory;
    weir_database *database; /* This and what follows: NULL while it is closed. */
    weir_metrics *metrics;
    weir_application *application;
    struct kafka_application *peer; /* Takes its steps with this one; NULL: none. */
    int64_t ahead_ms;               /* Of the wall clock. */
    weir_error err;                 /* What stopped it. */
} kafka_application;

typedef struct kafka_application_options {
    const char *name;                             /* application.id; it outlives the application. */
    const char *process_id;                       /* NULL: "0". */
    weir_topology *(*topology)(const char *name); /* NULL: it counts. */
    const weir_setting *settings;                 /* Besides application.id. */
    size_t setting_count;
} kafka_application_options;

/* Makes the topics that are missing and opens the first life, with a directory of its own. */
void kafka_application_start(kafka_application *a, const kafka_application_options *options);
void kafka_application_cleanup(kafka_application *a);

/* Ends a life by a clean close, while the peer goes on. */
void kafka_application_close(kafka_application *a);
/* The next life begins, on the same directory. */
void kafka_application_open(kafka_application *a);
/* The settings of the next life, instead of those of the start. */
void kafka_application_set(kafka_application *a, const weir_setting *settings, size_t count);

/* A step of both; what stopped this one, if something did. The peer must not stop. */
weir_status kafka_application_step(kafka_application *a);
/* Steps until all of the input is committed. */
void kafka_application_run(kafka_application *a);
/* Steps until it stops; by what. Its life is then closed. */
weir_status kafka_application_fail(kafka_application *a);

/* Steps until done answers true; what it waits for is for the message of a test that waits in vain.
 */
void kafka_application_await(kafka_application *a, bool (*done)(kafka_application *a, void *user),
                             void *user, const char *what);

/* "NAME-suffix"; the caller's. */
char *kafka_application_topic(const kafka_application *a, const char *suffix);
/* Sends a record to a topic, into the partition that it names; its offset. */
int64_t kafka_application_send(kafka_application *a, const char *topic, const weir_record *record);
/* Sends count records with keys "k<first>" … to the input, partitioned by key. */
void kafka_application_feed(kafka_application *a, size_t first, size_t count);
/* Where a partition of the input ends. */
int64_t kafka_application_end(kafka_application *a, int32_t partition);

/* The last committed record of key in a topic. */
typedef struct kafka_last {
    int64_t count; /* The value as a count; -1: none. */
    int64_t term;
} kafka_last;
kafka_last kafka_application_last(kafka_application *a, const char *topic, const char *key);

/* How many records of a topic of KAFKA_PARTITIONS partitions are committed. */
int64_t kafka_application_records(kafka_application *a, const char *topic);

/* The sum of a metric of this life. */
int64_t kafka_application_metric(const kafka_application *a, const char *name);

#endif
