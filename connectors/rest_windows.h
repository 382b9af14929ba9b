/* SPDX-License-Identifier: Apache-2.0
 *
 * rest_windows.h - the windows, the sessions and the versions of keys of a store over HTTP, for the
 * handlers of an application's own server.
 *
 *   {"windows":[{"key":"a","start_ms":0,"end_ms":60000,"value":"1","timestamp_ms":5}],
 *    "next_cursor":null}
 *   {"versions":[{"from_ms":5,"to_ms":9,"value":"1"}]}
 *
 * A member that nobody knows is null: the end of a window of unknown size or of the latest version,
 * the time of a session's row.
 *
 * Errors     Those of weir_query_windows_visit and weir_query_versions; WEIR_BAD_RECORD: an
 *            argument is malformed.
 * Threads    Any.
 */
#ifndef WEIR_CONNECTORS_REST_WINDOWS_H
#define WEIR_CONNECTORS_REST_WINDOWS_H

#include "connectors/rest.h"
#include "streams/base/json.h"
#include "streams/query_windows.h"

enum { WEIR_REST_WINDOWS_MAX = 1000, WEIR_REST_WINDOWS_DEFAULT = 100 };

typedef struct weir_rest_windows {
    weir_application *application;
    const char *store;
    const weir_query_terms *terms; /* NULL: the defaults. */
    /* Writes the member name, "key" or "value", of bytes that are not null. NULL: as text, where
     * what is no UTF-8 becomes U+FFFD. */
    void (*write)(void *user, const char *name, weir_bytes bytes, weir_json *json);
    void *user;
} weir_rest_windows;

/* For a handler: answers request with a page of windows or sessions: of ?key=, or of those from
 * ?from_key= to ?to_key= (not included), or of all; that start (sessions: that had something) from
 * ?from_ms= to ?to_ms=, both included; ?limit= of them, the last first with ?order=desc; behind
 * ?cursor=, the next_cursor of the page before. */
weir_status weir_rest_answer_windows(const weir_rest_windows *windows,
                                     const weir_rest_request *request, weir_rest_response *response,
                                     weir_error *err);

/* The same with the versions of ?key= that were valid at some time from ?from_ms= to ?to_ms=, or at
 * ?as_of_ms=; the latest first unless ?order=asc. */
weir_status weir_rest_answer_versions(const weir_rest_windows *windows,
                                      const weir_rest_request *request,
                                      weir_rest_response *response, weir_error *err);

#endif
