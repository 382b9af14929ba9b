/* SPDX-License-Identifier: Apache-2.0
 *
 * snapshot_http.c - one request at a time, polled between two passes of the worker, so that a slow
 * or dead process costs the worker's tasks nothing.
 */
#include "connectors/snapshot_http.h"

#include "connectors/http_curl.h"
#include "streams/snapshot_page.h"

#include <stdlib.h>

enum { ANSWER_TIMEOUT_MS = 30 * 1000, CONNECT_TIMEOUT_MS = 3 * 1000 };

typedef struct http_peer {
    weir_snapshot_peer base; /* Must be first. */
    char *address;
    weir_http *http;
    bool done;
    weir_status status; /* Of the answer, once it is done. */
    weir_error failure;
    weir_buf body;
} http_peer;

static void take_result(void *user, const weir_http_result *result)
{
    http_peer *peer = user;
    peer->done = true;
    if (result->outcome == WEIR_HTTP_FETCHED) {
        weir_buf_set(&peer->body, result->body);
        peer->status = WEIR_OK;
        return;
    }
    weir_status status = result->status == 404 ? WEIR_NOT_FOUND : WEIR_IO;
    peer->status =
        weir_error_set(&peer->failure, status, "%.60s: %s, HTTP status %d: %.100s", peer->address,
                       weir_http_outcome_name(result->outcome), result->status, result->reason);
}

static weir_status peer_ask(weir_snapshot_peer *base, const char *target, weir_error *err)
{
    http_peer *peer = (http_peer *)(void *)base;
    WEIR_AUTO_FREE char *url = weir_format("http://%s%s", peer->address, target);
    peer->done = false;
    return weir_http_start(
        peer->http, &(weir_http_request){.url = url, .done = take_result, .user = peer}, NULL, err);
}

static weir_status peer_answer(weir_snapshot_peer *base, weir_buf *out_body, weir_error *err)
{
    http_peer *peer = (http_peer *)(void *)base;
    if (!peer->done) {
        WEIR_TRY(weir_http_poll(peer->http, 0, err));
    }
    if (!peer->done) {
        return WEIR_AGAIN;
    }
    if (peer->status != WEIR_OK) {
        return weir_error_set(err, peer->status, "%s", peer->failure.message);
    }
    weir_buf whole = *out_body; /* It is handed over, and the old one kept for the next page. */
    *out_body = peer->body;
    peer->body = whole;
    return WEIR_OK;
}

static int peer_fd(const weir_snapshot_peer *base)
{
    return weir_http_fd(((const http_peer *)(const void *)base)->http);
}

static void peer_free(weir_snapshot_peer *base)
{
    http_peer *peer = (http_peer *)(void *)base;
    weir_http_free(peer->http);
    weir_buf_cleanup(&peer->body);
    free(peer->address);
    free(peer);
}

static weir_status connect_http(void *user, const char *address, weir_snapshot_peer **out_peer,
                                weir_error *err)
{
    (void)user;
    static const weir_snapshot_peer_ops ops = {peer_ask, peer_answer, peer_fd, peer_free};
    const weir_http_curl_options options = {
        .timeout_ms = ANSWER_TIMEOUT_MS,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .body_bytes_max = WEIR_SNAPSHOT_PAGE_BYTES_MAX,
        .private_allowed = true, /* Processes of one application are neighbours. */
    };
    weir_http *http = NULL;
    WEIR_TRY(weir_http_curl_new(&options, &http, err));
    http_peer *peer = weir_alloc(sizeof(*peer));
    peer->base.ops = &ops;
    peer->address = weir_strdup(address);
    peer->http = http;
    *out_peer = &peer->base;
    return WEIR_OK;
}

const weir_snapshot_network weir_snapshot_http = {.connect = connect_http};
