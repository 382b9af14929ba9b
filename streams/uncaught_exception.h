/* SPDX-License-Identifier: Apache-2.0
 *
 * uncaught_exception.h - who decides when a worker cannot go on: a processor has failed, a record
 * was refused by a handler that says "fail", a resource does not open (StreamsUncaughtException-
 * Handler). What the coordinator meets, such as a topic that was deleted, ends the process anyway.
 *
 * Threads    The worker that has failed, with no lock held.
 */
#ifndef WEIR_STREAMS_UNCAUGHT_EXCEPTION_H
#define WEIR_STREAMS_UNCAUGHT_EXCEPTION_H

#include "streams/base/status.h"

/* StreamThreadExceptionResponse. */
typedef enum weir_thread_exception_response {
    WEIR_SHUTDOWN_CLIENT, /* This process ends in state ERROR; others take its tasks over. */
    /* A new worker takes the place of this one, with resources, connections and processors of its
     * own, after retry.backoff.ms, which doubles with each failure until a commit. Its tasks go on
     * from the last commit, on any worker. A worker that fails while it fills a global table is not
     * replaced: the process ends (as does that of Kafka Streams). */
    WEIR_REPLACE_THREAD,
    WEIR_SHUTDOWN_APPLICATION, /* Every process of the application that runs now ends in ERROR. */
} weir_thread_exception_response;

/* What was done since the last commit is undone when it is asked. The exception is borrowed for the
 * call. It may ask for a close (weir_application_request_close), and waits for nothing. */
typedef weir_thread_exception_response (*weir_uncaught_exception_handler)(
    void *user, const weir_error *exception);

#endif
