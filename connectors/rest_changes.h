/* SPDX-License-Identifier: Apache-2.0
 *
 * rest_changes.h - the changes of a store as server-sent events, for "curl -N" and EventSource.
 *
 *   event: change
 *   data: {"partition":0,"position":17,"key":"a","value":"1","timestamp_ms":5}
 *
 * Events are those of streams/subscription.h, committed only: "started" and "ended" of a partition,
 * "change" of a row ("value" null: it was removed; "window_start_ms", "window_end_ms" where it has
 * some), "lost" where the client was too slow and is to read the partition's rows anew. A comment
 * comes every few seconds where there is nothing, and the answer ends with the server or the
 * application.
 *
 * Threads    Any.
 */
#ifndef WEIR_CONNECTORS_REST_CHANGES_H
#define WEIR_CONNECTORS_REST_CHANGES_H

#include "connectors/rest.h"
#include "streams/base/json.h"
#include "streams/subscription.h"

/* What a client who does not read may have waiting, and each worker gathers for it. */
enum { WEIR_REST_CHANGES_BYTES = 1 << 20 };

typedef struct weir_rest_changes {
    weir_application *application; /* Outlives the server. */
    const char *store;
    size_t bytes_max; /* 0: WEIR_REST_CHANGES_BYTES. */
    /* Writes the member name, "key", "value" or "old_value", of bytes that are not null. NULL: as
     * text, where what is no UTF-8 becomes U+FFFD. */
    void (*write)(void *user, const char *name, weir_bytes bytes, weir_json *json);
    void *user; /* Outlives the server. */
} weir_rest_changes;

/* For a handler: answers request with the changes from now on; of ?key= or ?prefix= alone, with old
 * values where ?old_values=true. WEIR_INVALID: there is no such store. WEIR_BAD_RECORD: both a key
 * and a prefix. */
weir_status weir_rest_answer_changes(const weir_rest_changes *changes,
                                     const weir_rest_request *request, weir_rest_response *response,
                                     weir_error *err);

#endif
