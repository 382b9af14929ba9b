/* SPDX-License-Identifier: Apache-2.0
 *
 * rest_stream_internal.h - answers without an end, between the server (rest.c) and the thread that
 * wakes them (rest_stream.c).
 *
 * Ownership  A stream belongs to libmicrohttpd's response from its start on.
 * Threads    Any of the server's; one stops and frees.
 */
#ifndef WEIR_CONNECTORS_REST_STREAM_INTERNAL_H
#define WEIR_CONNECTORS_REST_STREAM_INTERNAL_H

#include "connectors/rest.h"

#include <microhttpd.h>

typedef struct weir_rest_streams weir_rest_streams;

/* Room for count_max streams at a time; one that has nothing for idle_ms says so to its client. */
weir_rest_streams *weir_rest_streams_new(size_t count_max, uint32_t idle_ms);

/* A response that tells what *stream has, which it takes. NULL: there are too many already, or the
 * server ends. */
struct MHD_Response *weir_rest_streams_start(weir_rest_streams *streams,
                                             struct MHD_Connection *connection,
                                             weir_rest_stream *stream);

/* Ends each stream where it is, and waits a moment until their clients have been told. */
void weir_rest_streams_stop(weir_rest_streams *streams);

/* After the daemon. NULL is fine. */
void weir_rest_streams_free(weir_rest_streams *streams);

#endif
