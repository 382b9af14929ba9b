/* SPDX-License-Identifier: Apache-2.0
 *
 * rest.c - the socket side of the REST server, on libmicrohttpd.
 *
 *   request line -> exchange_new       the target is kept as it came, percent signs and all
 *   headers      -> first call         a body that is announced too large is refused here
 *   body         -> more calls         collected up to the limit, beyond it counted and dropped
 *   end          -> last call          rest_dispatch.c answers
 *
 * libmicrohttpd waits and parses on a small pool of its own threads; a handler holds one of them
 * while it runs. Every wait is bounded by the connection's timeout, every buffer by a limit, so a
 * peer that is slow or sends without end costs one of connections_max and no more.
 */
#include "connectors/rest_internal.h"
#include "connectors/rest_stream_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum {
    CONNECTION_MEMORY_BYTES = 32 << 10, /* For the head of a request: longer is refused. */
    DROPPED_BODIES_MAX = 8,             /* Times the limit, before the connection is cut. */
    OPTIONS_MAX = 8,
};

struct weir_rest {
    struct MHD_Daemon *daemon;  /* NULL until the start. */
    weir_rest_streams *streams; /* As long as the daemon. */
    weir_rest_routes table;
    weir_rest_guard guard;
    weir_rest_options options; /* Defaults filled in; address is ours. */
    char *address;
    char *host_names; /* May be NULL. */
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } socket_address;
};

/* One request while it comes in. */
typedef struct exchange {
    weir_buf target;
    weir_buf body;
    size_t body_bytes; /* Received, dropped ones included. */
    bool started;
} exchange;

static void *exchange_new(void *user, const char *uri, struct MHD_Connection *connection)
{
    (void)user;
    (void)connection;
    exchange *owned = weir_alloc(sizeof *owned);
    size_t size = strnlen(uri, WEIR_REST_TARGET_BYTES_MAX + 1);
    weir_buf_append(&owned->target, uri, size);
    return owned;
}

static void exchange_free(void *user, struct MHD_Connection *connection, void **kept,
                          enum MHD_RequestTerminationCode why)
{
    (void)user;
    (void)connection;
    (void)why;
    exchange *ended = *kept;
    *kept = NULL;
    if (ended != NULL) {
        weir_buf_cleanup(&ended->target);
        weir_buf_cleanup(&ended->body);
        free(ended);
    }
}

static struct MHD_Response *make_answer(weir_rest_response *response)
{
    size_t size = response->body.size;
    void *body = weir_take(&response->body.data);
    response->body = (weir_buf){0};
    struct MHD_Response *answer =
        MHD_create_response_from_buffer(size, body, MHD_RESPMEM_MUST_FREE);
    if (answer == NULL) {
        free(body);
    }
    return answer;
}

static struct MHD_Response *make_stream(const weir_rest *rest, struct MHD_Connection *connection,
                                        weir_rest_response *response)
{
    struct MHD_Response *answer =
        weir_rest_streams_start(rest->streams, connection, &response->stream);
    if (answer != NULL) {
        return answer;
    }
    (void)weir_rest_fail(response, 503, "too_many_streams",
                         "As many answers without an end as there may be are under way: try again "
                         "when one of them has ended.");
    return make_answer(response);
}

/* Hands response to the connection; its body, or its stream, becomes the daemon's to free. */
static enum MHD_Result send_response(const weir_rest *rest, struct MHD_Connection *connection,
                                     weir_rest_response *response)
{
    struct MHD_Response *answer = response->stream.read != NULL
                                      ? make_stream(rest, connection, response)
                                      : make_answer(response);
    if (answer == NULL) {
        return MHD_NO;
    }
    const char *type = response->content_type != NULL ? response->content_type : "application/json";
    (void)MHD_add_response_header(answer, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    (void)MHD_add_response_header(answer, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    (void)MHD_add_response_header(answer, "X-Content-Type-Options", "nosniff");
    if (response->header_name != NULL) { /* A value that is no header value is left out. */
        (void)MHD_add_response_header(answer, response->header_name,
                                      weir_buf_text(&response->header_value));
    }
    unsigned status = response->status != 0 ? (unsigned)response->status : MHD_HTTP_OK;
    enum MHD_Result result = MHD_queue_response(connection, status, answer);
    MHD_destroy_response(answer);
    return result;
}

static enum MHD_Result refuse_body(const weir_rest *rest, struct MHD_Connection *connection)
{
    WEIR_AUTO(weir_rest_response) response = {0};
    WEIR_AUTO_FREE char *message =
        weir_format("The body is longer than %zu bytes.", rest->options.body_bytes_max);
    (void)weir_rest_fail(&response, 413, "body_too_large", message);
    return send_response(rest, connection, &response);
}

static const char *header_of(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static bool announces_too_much(const weir_rest *rest, struct MHD_Connection *connection)
{
    const char *length = header_of(connection, MHD_HTTP_HEADER_CONTENT_LENGTH);
    return length != NULL && strtoull(length, NULL, 10) > rest->options.body_bytes_max;
}

static enum MHD_Result collect_body(const weir_rest *rest, exchange *current, const char *data,
                                    size_t size)
{
    size_t max = rest->options.body_bytes_max;
    current->body_bytes += size;
    if (current->body_bytes <= max) {
        weir_buf_append(&current->body, data, size);
    }
    return current->body_bytes / DROPPED_BODIES_MAX <= max ? MHD_YES : MHD_NO;
}

/* libmicrohttpd calls it once after the headers, once for each piece of the body, once at the end.
 */
/* NOLINTNEXTLINE(readability-function-size): the parameters are libmicrohttpd's. */
static enum MHD_Result handle_request(void *user, struct MHD_Connection *connection,
                                      const char *url, const char *method, const char *version,
                                      const char *upload, size_t *upload_bytes, void **kept)
{
    (void)url; /* Decoded, so that a slash in a key could not be told from one around it. */
    (void)version;
    const weir_rest *rest = user;
    exchange *current = *kept;
    if (!current->started) {
        current->started = true;
        return announces_too_much(rest, connection) ? refuse_body(rest, connection) : MHD_YES;
    }
    if (*upload_bytes > 0) {
        size_t size = *upload_bytes;
        *upload_bytes = 0;
        return collect_body(rest, current, upload, size);
    }
    if (current->body_bytes > rest->options.body_bytes_max) {
        return refuse_body(rest, connection);
    }
    WEIR_AUTO(weir_rest_response) response = {0};
    const weir_rest_call call = {
        .method = method,
        .target = weir_buf_bytes(&current->target),
        .body = weir_buf_bytes(&current->body),
        .host = header_of(connection, MHD_HTTP_HEADER_HOST),
        .content_type = header_of(connection, MHD_HTTP_HEADER_CONTENT_TYPE),
    };
    weir_rest_dispatch(rest, &call, &response);
    return send_response(rest, connection, &response);
}

static bool parse_address(weir_rest *rest)
{
    uint16_t port = htons(rest->options.port);
    if (inet_pton(AF_INET, rest->address, &rest->socket_address.v4.sin_addr) == 1) {
        rest->socket_address.v4.sin_family = AF_INET;
        rest->socket_address.v4.sin_port = port;
        return true;
    }
    if (inet_pton(AF_INET6, rest->address, &rest->socket_address.v6.sin6_addr) == 1) {
        rest->socket_address.v6.sin6_family = AF_INET6;
        rest->socket_address.v6.sin6_port = port;
        return true;
    }
    return false;
}

weir_status weir_rest_new(const weir_rest_options *options, weir_rest **out_rest, weir_error *err)
{
    WEIR_ASSERT(options != NULL && out_rest != NULL);
    WEIR_AUTO_PTR(weir_rest) rest = weir_alloc(sizeof *rest);
    weir_rest_options *own = &rest->options;
    *own = *options;
    own->thread_count = own->thread_count != 0 ? own->thread_count : 2;
    own->connections_max = own->connections_max != 0 ? own->connections_max : 64;
    own->streams_max = own->streams_max != 0 ? own->streams_max : 16;
    own->stream_idle_ms = own->stream_idle_ms != 0 ? own->stream_idle_ms : 15000;
    own->timeout_s = own->timeout_s != 0 ? own->timeout_s : 10;
    own->body_bytes_max = own->body_bytes_max != 0 ? own->body_bytes_max : WEIR_REST_BODY_BYTES_MAX;
    rest->address = weir_strdup(options->address != NULL ? options->address : "127.0.0.1");
    if (!parse_address(rest)) {
        return weir_error_set(err, WEIR_INVALID,
                              "REST: \"%.60s\" is not an IPv4 or IPv6 address to listen on",
                              rest->address);
    }
    rest->host_names = weir_strdup(options->host_names);
    rest->guard = (weir_rest_guard){
        .checks_host = options->host_names != NULL || weir_rest_is_loopback(rest->address),
        .host_names = rest->host_names,
        .json_only = options->json_only,
    };
    *out_rest = weir_take(&rest);
    return WEIR_OK;
}

void weir_rest_add(weir_rest *rest, const weir_rest_route *routes, size_t count)
{
    WEIR_ASSERT(rest != NULL && rest->daemon == NULL);
    weir_rest_routes *table = &rest->table;
    for (size_t i = 0; i < count; i++) {
        WEIR_ASSERT(table->count < WEIR_REST_ROUTES_MAX);
        WEIR_ASSERT(routes[i].method != NULL && routes[i].handle != NULL);
        WEIR_ASSERT(routes[i].pattern != NULL && routes[i].pattern[0] == '/');
        table->routes =
            weir_grow(table->routes, table->count, &table->capacity, sizeof *table->routes);
        table->routes[table->count++] = routes[i];
    }
}

weir_status weir_rest_start(weir_rest *rest, weir_error *err)
{
    WEIR_ASSERT(rest != NULL && rest->daemon == NULL);
    const weir_rest_options *own = &rest->options;
    struct MHD_OptionItem options[OPTIONS_MAX] = {
        {MHD_OPTION_SOCK_ADDR, 0, &rest->socket_address},
        {MHD_OPTION_CONNECTION_LIMIT, own->connections_max, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, own->timeout_s, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY_BYTES, NULL},
        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)exchange_new, rest},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)exchange_free, rest},
    };
    size_t count = 6;
    if (own->thread_count > 1) { /* One is the daemon's own, and no pool. */
        options[count++] =
            (struct MHD_OptionItem){MHD_OPTION_THREAD_POOL_SIZE, own->thread_count, NULL};
    }
    options[count] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    WEIR_ASSERT(count < OPTIONS_MAX);

    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME;
    flags |= rest->socket_address.any.sa_family == AF_INET6 ? (unsigned)MHD_USE_IPv6 : 0;
    rest->streams = weir_rest_streams_new(own->streams_max, own->stream_idle_ms);
    errno = 0;
    rest->daemon = MHD_start_daemon(flags, own->port, NULL, NULL, handle_request, rest,
                                    MHD_OPTION_ARRAY, options, MHD_OPTION_END);
    if (rest->daemon == NULL) {
        int code = errno;
        weir_rest_streams_free(weir_take(&rest->streams));
        return weir_error_set(err, WEIR_INVALID,
                              "REST: cannot listen on %s port %u: %s; choose another port",
                              rest->address, own->port, strerror(code));
    }
    return WEIR_OK;
}

uint16_t weir_rest_port(const weir_rest *rest)
{
    WEIR_ASSERT(rest != NULL);
    if (rest->daemon == NULL) {
        return 0;
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(rest->daemon, MHD_DAEMON_INFO_BIND_PORT);
    WEIR_ASSERT(info != NULL);
    return info->port;
}

void weir_rest_dispatch(const weir_rest *rest, const weir_rest_call *call,
                        weir_rest_response *response)
{
    WEIR_ASSERT(rest != NULL);
    if (!weir_rest_guard_refuses(&rest->guard, call, response)) {
        weir_rest_routes_dispatch(&rest->table, call, response);
    }
}

void weir_rest_free(weir_rest *rest)
{
    if (rest == NULL) {
        return;
    }
    if (rest->daemon != NULL) {
        weir_rest_streams_stop(rest->streams); /* Their clients see a whole answer. */
        MHD_stop_daemon(rest->daemon);
    }
    weir_rest_streams_free(rest->streams);
    free(rest->table.routes);
    free(rest->address);
    free(rest->host_names);
    free(rest);
}
