/* SPDX-License-Identifier: Apache-2.0
 *
 * test_driver.h - runs a topology in a unit test, as Kafka Streams' TopologyTestDriver does: a
 * record in, everything that it leads to, records out; the clock moves when the test says so.
 *
 * It is the runtime itself, stepped: what passes here passes commit, changelog and repartition
 * topics too. The broker is the caller's: an embedded one in a temporary directory
 * (connectors/broker_embedded.h, all options zero), or another one. Stores are in memory unless
 * there is a database. docs/examples has a test of this kind for each example.
 *
 * Ownership  Topology, broker and database are borrowed and outlive the driver.
 * Errors     base/status.h; what stopped the application, if something did.
 * Threads    One.
 */
#ifndef WEIR_STREAMS_TEST_DRIVER_H
#define WEIR_STREAMS_TEST_DRIVER_H

#include "statestore/session_store.h"
#include "streams/application.h"

typedef struct weir_test_driver weir_test_driver;

typedef struct weir_test_driver_options {
    const weir_topology *topology; /* Built. */
    weir_broker *broker;
    weir_database *database; /* NULL: stores are in memory. */
    weir_metrics *metrics;   /* NULL: none. */
    /* Unless set: application.id is "test", commit.interval.ms 0, a commit after each record, and
     * weir.emit.interval.ms 0, closed windows are told of at once. */
    const weir_setting *settings;
    size_t setting_count;
    int32_t partition_count; /* Of source, sink and dead letter topics, made if missing; 0: 1. */
    int64_t now_ms;          /* The wall clock at the start. */
    /* What sinks with a function write to, made as well; ends with a NULL, or is NULL. */
    const char *const *more_topics;
} weir_test_driver_options;

/* Starts the topology; its tasks run when the call returns. */
weir_status weir_test_driver_new(const weir_test_driver_options *options,
                                 weir_test_driver **out_driver, weir_error *err);
/* Ends without a commit, as a crash does; a new driver on the same broker goes on from there. */
void weir_test_driver_free(weir_test_driver *driver);
WEIR_DEFINE_AUTO_PTR(weir_test_driver);

/* Sends record to its topic (record->topic; the partition follows from the key) and processes
 * until nothing is left to do but wait for deferred records. */
weir_status weir_test_driver_pipe(weir_test_driver *driver, const weir_record *record,
                                  weir_error *err);

/* The same for count records, one after the other; the first that fails ends it. */
weir_status weir_test_driver_pipe_all(weir_test_driver *driver, const weir_record *records,
                                      size_t count, weir_error *err);

/* A topic to feed with keys and values alone (TestInputTopic): each record has timestamp_ms, which
 * then goes on by advance_ms. */
typedef struct weir_test_input {
    const char *topic;
    int64_t timestamp_ms;
    int64_t advance_ms;
} weir_test_input;
weir_status weir_test_input_pipe(weir_test_input *input, weir_test_driver *driver, weir_bytes key,
                                 weir_bytes value, weir_error *err);

/* Moves the wall clock, runs what is due and what follows from it. 0: processes only, after a test
 * has ended a deferred record. */
weir_status weir_test_driver_advance(weir_test_driver *driver, int64_t ms, weir_error *err);

/* The next committed record of a topic that was not read before, partitions in turn, borrowed until
 * the next read of the topic. WEIR_NOT_FOUND: there is none. */
weir_status weir_test_driver_read(weir_test_driver *driver, const char *topic,
                                  const weir_record **out_record, weir_error *err);

/* How many committed records of a topic were not read yet. */
weir_status weir_test_driver_left(weir_test_driver *driver, const char *topic, size_t *out_count,
                                  weir_error *err);

/* Copies the committed value of key in a store, as operators see it: without the time
 * that rows of tables keep with them. WEIR_NOT_FOUND: no such row. WEIR_INVALID: no such store. */
weir_status weir_test_driver_get(weir_test_driver *driver, const char *store, weir_bytes key,
                                 weir_buf *out_value, weir_error *err);

/* The same of one window by its start, of one session, and of the version that was valid at a time.
 * WEIR_INVALID: the store is of another kind. */
weir_status weir_test_driver_get_window(weir_test_driver *driver, const char *store, weir_bytes key,
                                        int64_t start_ms, weir_buf *out_value, weir_error *err);
weir_status weir_test_driver_get_session(weir_test_driver *driver, const char *store,
                                         const weir_session *session, weir_buf *out_value,
                                         weir_error *err);
weir_status weir_test_driver_get_version(weir_test_driver *driver, const char *store,
                                         weir_bytes key, int64_t as_of_ms, weir_buf *out_value,
                                         weir_error *err);

/* Puts value under key in a key-value or versioned store, or removes the key where value is null,
 * as a processor would: through the cache and to the changelog, with this time, which is also the
 * row's where rows have times. What follows is done and committed. WEIR_BAD_RECORD: a key or value
 * is too large. The other errors as below. */
weir_status weir_test_driver_put(weir_test_driver *driver, const char *store, weir_bytes key,
                                 weir_bytes value, int64_t timestamp_ms, weir_error *err);
/* The same of a window, with the time of its start, and of a session, with that of its end.
 * WEIR_NOT_FOUND: it has expired, and is not put. */
weir_status weir_test_driver_put_window(weir_test_driver *driver, const char *store, weir_bytes key,
                                        int64_t start_ms, weir_bytes value, weir_error *err);
weir_status weir_test_driver_put_session(weir_test_driver *driver, const char *store,
                                         const weir_session *session, weir_bytes value,
                                         weir_error *err);

/* A store of one task, and the time that its changelog's records get. */
typedef struct weir_test_store {
    const char *name;
    int32_t partition;
    int64_t timestamp_ms;
} weir_test_store;

/* Runs edit with the context of a processor that has the store, which it reaches by
 * weir_context_store and its like, of any kind; then what follows is done and committed. What an
 * edit did before it failed stays done. WEIR_INVALID: there is no such store or partition.
 * WEIR_AGAIN: the task does not run. */
typedef weir_status (*weir_test_edit)(void *user, weir_context *context, weir_error *err);
weir_status weir_test_driver_edit(weir_test_driver *driver, const weir_test_store *store,
                                  weir_test_edit edit, void *user, weir_error *err);

/* For weir_query_rows, weir_query_windows_visit, weir_query_stores and their like. */
weir_application *weir_test_driver_application(weir_test_driver *driver);

#endif
