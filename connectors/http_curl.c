/* SPDX-License-Identifier: Apache-2.0
 *
 * http_curl.c - libcurl's multi interface on one epoll descriptor.
 *
 *   weir_http_fd() = epoll --+-- every socket that libcurl watches   (on_socket)
 *                            +-- a timerfd with libcurl's next timer (on_timer)
 *
 * so that a caller waits for this client and for other things with one poll. libcurl's callbacks
 * only record; requests end, and users are called back, in finish_*(), outside of libcurl, where
 * starting and cancelling is allowed.
 *
 * A request that ends before it starts (a private address behind a proxy) is put on the ready
 * list, so that its callback too comes from weir_http_poll.
 */
#include "connectors/http_curl.h"

#include "connectors/address.h"
#include "streams/base/clock.h"
#include "streams/base/map.h"

#include <curl/curl.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
    EVENTS_PER_POLL = 64,
    CONNECTIONS_KEPT_MIN = 64,
    NAME_CACHE_S = 3600,
    REASON_BYTES_MAX = 320,
    TIMEOUT_SLACK_US = 5000, /* libcurl's timers may fire this much early. */
    NS_PER_US = 1000,
};

typedef struct curl_client {
    weir_http base;
    weir_http_curl_options options;
    CURLM *multi;
    int epoll_fd;
    int timer_fd;
    weir_map *transfers; /* By id, 8 bytes as they lie in memory. */
    uint64_t next_id;
    uint64_t *ready; /* Ids of transfers that end at the next poll. */
    size_t ready_count;
    size_t ready_capacity;
} curl_client;

/* Where a header lies in transfer.header_text. */
typedef struct header_span {
    size_t name_at;
    size_t name_bytes;
    size_t value_at;
    size_t value_bytes;
} header_span;

typedef struct transfer {
    curl_client *client;
    CURL *easy;
    struct curl_slist *headers;
    uint64_t id;
    uint64_t timeout_ms;
    size_t body_bytes_max;
    bool cuts_body;
    bool body_is_cut;
    weir_http_done done;
    void *user;
    weir_buf body;
    weir_buf header_text;
    header_span *spans;
    size_t span_count;
    size_t span_capacity;
    bool private_allowed;
    bool refused_private;
    bool too_large;
    char error[CURL_ERROR_SIZE];
} transfer;

static weir_bytes key_of(const uint64_t *id)
{
    return weir_bytes_of(id, sizeof *id);
}

static curl_client *client_of(weir_http *http)
{
    return (curl_client *)http;
}

static void transfer_free(transfer *t)
{
    if (t->easy != NULL) {
        /* OK also for a handle that was never added. */
        (void)curl_multi_remove_handle(t->client->multi, t->easy);
        curl_easy_cleanup(t->easy);
    }
    curl_slist_free_all(t->headers);
    weir_buf_cleanup(&t->body);
    weir_buf_cleanup(&t->header_text);
    free(t->spans);
    free(t);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *known)
{
    (void)easy;
    curl_client *client = user;
    if (what == CURL_POLL_REMOVE) {
        (void)epoll_ctl(client->epoll_fd, EPOLL_CTL_DEL, fd, NULL); /* It may be closed already. */
        return 0;
    }
    struct epoll_event event = {.data.fd = fd};
    event.events = (what & CURL_POLL_IN ? EPOLLIN : 0U) | (what & CURL_POLL_OUT ? EPOLLOUT : 0U);
    int operation = known != NULL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (epoll_ctl(client->epoll_fd, operation, fd, &event) != 0) {
        /* A descriptor that was closed and reused leaves the other operation. */
        operation = errno == EEXIST ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
        (void)epoll_ctl(client->epoll_fd, operation, fd, &event);
    }
    (void)curl_multi_assign(client->multi, fd, client);
    return 0;
}

static void arm_timer(curl_client *client, long timeout_ms)
{
    struct itimerspec when = {0};
    if (timeout_ms == 0 || client->ready_count > 0) {
        when.it_value.tv_nsec = 1;
    } else if (timeout_ms > 0) {
        when.it_value.tv_sec = timeout_ms / 1000;
        when.it_value.tv_nsec = timeout_ms % 1000 * 1000 * 1000;
    }
    int result = timerfd_settime(client->timer_fd, 0, &when, NULL);
    WEIR_ASSERT(result == 0);
}

static int on_timer(CURLM *multi, long timeout_ms, void *user)
{
    (void)multi;
    arm_timer(user, timeout_ms);
    return 0;
}

static bool is_public(const struct curl_sockaddr *address)
{
    if (address->family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, &address->addr, sizeof in);
        return weir_address_ipv4_is_public((const uint8_t *)&in.sin_addr);
    }
    if (address->family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, &address->addr, sizeof in6);
        return weir_address_ipv6_is_public(in6.sin6_addr.s6_addr);
    }
    return false;
}

static curl_socket_t on_open(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
    transfer *t = user;
    (void)purpose;
    if (!t->private_allowed && !is_public(address)) {
        t->refused_private = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t on_body(char *data, size_t one, size_t size, void *user)
{
    transfer *t = user;
    (void)one;
    size_t left = t->body_bytes_max - t->body.size;
    if (size > left) {
        t->body_is_cut = t->cuts_body;
        t->too_large = !t->cuts_body;
        weir_buf_append(&t->body, data, t->cuts_body ? left : 0);
        return 0; /* Ends the transfer. */
    }
    weir_buf_append(&t->body, data, size);
    return size;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Notes a header line "Name: value"; other lines are passed over. */
static void note_header(transfer *t, const char *line, size_t size)
{
    const char *colon = memchr(line, ':', size);
    if (colon == NULL || colon == line || is_space(line[0])) {
        return;
    }
    size_t name_bytes = (size_t)(colon - line);
    size_t start = name_bytes + 1;
    while (start < size && is_space(line[start])) {
        start++;
    }
    while (size > start && is_space(line[size - 1])) {
        size--;
    }
    t->spans = weir_grow(t->spans, t->span_count, &t->span_capacity, sizeof *t->spans);
    header_span *span = &t->spans[t->span_count++];
    span->name_at = t->header_text.size;
    span->name_bytes = name_bytes;
    span->value_at = span->name_at + name_bytes;
    span->value_bytes = size - start;
    for (size_t i = 0; i < name_bytes; i++) {
        bool upper = line[i] >= 'A' && line[i] <= 'Z';
        weir_buf_append_byte(&t->header_text, (uint8_t)(upper ? line[i] | 0x20 : line[i]));
    }
    weir_buf_append(&t->header_text, line + start, size - start);
}

static size_t on_header(char *line, size_t one, size_t size, void *user)
{
    transfer *t = user;
    (void)one;
    if (size >= 5 && memcmp(line, "HTTP/", 5) == 0) {
        t->span_count = 0; /* What came before was a 1xx, or the proxy's. */
        weir_buf_clear(&t->header_text);
        return size;
    }
    if (t->span_count == WEIR_HTTP_HEADERS_MAX ||
        t->header_text.size + size > WEIR_HTTP_HEADER_BYTES_MAX) {
        t->too_large = true;
        return 0;
    }
    note_header(t, line, size);
    return size;
}

/* "host:port" of url as the allow list writes it, in *out; *out_host alone. False where url has
 * none. */
static bool target_of(const char *url, char **out_host, char **out_target)
{
    CURLU *parts = curl_url();
    char *host = NULL;
    char *port = NULL;
    bool ok = curl_url_set(parts, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
              curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
              curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK;
    if (ok) {
        *out_host = weir_strdup(host);
        *out_target = weir_format("%s:%s", host, port);
    }
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(parts);
    return ok;
}

/* Whether target is an entry of a comma-separated list. */
static bool is_listed(const char *list, const char *target)
{
    size_t length = strlen(target);
    for (const char *at = list; at != NULL; at = strchr(at, ',')) {
        at += *at == ',' ? 1 : 0;
        at += strspn(at, " ");
        size_t entry = strcspn(at, ", ");
        if (entry == length && strncasecmp(at, target, length) == 0) {
            return true;
        }
    }
    return false;
}

/* Decides what the addresses of the target may be; refuses it where that is known already. */
static void judge_target(transfer *t, const char *url)
{
    const weir_http_curl_options *options = &t->client->options;
    WEIR_AUTO_FREE char *host = NULL;
    WEIR_AUTO_FREE char *target = NULL;
    bool has_target = target_of(url, &host, &target);
    t->private_allowed = options->private_allowed ||
                         (has_target && is_listed(options->private_allowed_list, target));
    if (options->proxy_url != NULL) {
        t->refused_private =
            has_target && !t->private_allowed && weir_address_host_is_private(host);
        t->private_allowed = true; /* The one address that is connected to is the proxy's. */
    }
}

static void set_headers(transfer *t, const weir_http_request *request)
{
    for (size_t i = 0; i < request->header_count; i++) {
        const weir_http_header *header = &request->headers[i];
        bool is_empty = header->value.size == 0; /* libcurl's form of that ends in ';'. */
        WEIR_AUTO_FREE char *line =
            weir_format("%.*s%s%.*s", (int)header->name.size, (const char *)header->name.data,
                        is_empty ? ";" : ": ", (int)header->value.size,
                        is_empty ? "" : (const char *)header->value.data);
        struct curl_slist *longer = curl_slist_append(t->headers, line);
        WEIR_ASSERT(longer != NULL);
        t->headers = longer;
    }
}

static CURLcode set_limits(transfer *t)
{
    const weir_http_curl_options *options = &t->client->options;
    CURL *easy = t->easy;
    CURLcode code = curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)t->timeout_ms);
    code |= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)options->connect_timeout_ms);
    code |= curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, (long)options->speed_bytes_min);
    code |= curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)options->speed_window_s);
    code |= curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE,
                             t->cuts_body ? 0 : (curl_off_t)t->body_bytes_max);
    code |= curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, (long)NAME_CACHE_S);
    return code;
}

static CURLcode set_callbacks(transfer *t)
{
    CURL *easy = t->easy;
    CURLcode code = curl_easy_setopt(easy, CURLOPT_PRIVATE, t);
    code |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->error);
    code |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    code |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
    code |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    code |= curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
    code |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
    code |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, t);
    return code;
}

static CURLcode set_protocol(transfer *t, const char *url)
{
    const weir_http_curl_options *options = &t->client->options;
    CURL *easy = t->easy;
    CURLcode code = curl_easy_setopt(easy, CURLOPT_URL, url);
    code |= curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    code |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    code |= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    code |= curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);
    code |= curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    code |= curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
    code |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    code |= curl_easy_setopt(easy, CURLOPT_USERAGENT, options->user_agent);
    code |= curl_easy_setopt(easy, CURLOPT_HTTPHEADER, t->headers);
    code |= curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
    code |= curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    /* Empty rather than unset: else the environment decides. */
    code |=
        curl_easy_setopt(easy, CURLOPT_PROXY, options->proxy_url != NULL ? options->proxy_url : "");
    return code;
}

static weir_status start(curl_client *client, transfer *t, const weir_http_request *request,
                         weir_error *err)
{
    set_headers(t, request);
    judge_target(t, request->url);
    CURLcode code = set_protocol(t, request->url) | set_limits(t) | set_callbacks(t);
    if (request->form.data != NULL) {
        code |=
            curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->form.size);
        code |= curl_easy_setopt(t->easy, CURLOPT_COPYPOSTFIELDS, request->form.data);
    }
    if (code != CURLE_OK) {
        return weir_error_set(err, WEIR_INVALID, "libcurl refuses an option of the request");
    }
    if (t->refused_private) {
        client->ready = weir_grow(client->ready, client->ready_count, &client->ready_capacity,
                                  sizeof *client->ready);
        client->ready[client->ready_count++] = t->id;
        arm_timer(client, 0);
        return WEIR_OK;
    }
    CURLMcode added = curl_multi_add_handle(client->multi, t->easy);
    if (added != CURLM_OK) {
        return weir_error_set(err, WEIR_IO, "libcurl: %s", curl_multi_strerror(added));
    }
    return WEIR_OK;
}

static weir_status curl_client_start(weir_http *http, const weir_http_request *request,
                                     uint64_t *out_id, weir_error *err)
{
    curl_client *client = client_of(http);
    if (weir_map_count(client->transfers) >= client->options.in_flight_max) {
        return WEIR_AGAIN;
    }
    transfer *t = weir_alloc(sizeof *t);
    t->client = client;
    t->easy = curl_easy_init();
    WEIR_ASSERT(t->easy != NULL);
    t->id = client->next_id++;
    t->done = request->done;
    t->user = request->user;
    t->cuts_body = request->cuts_body;
    t->timeout_ms = request->timeout_ms > 0 ? request->timeout_ms : client->options.timeout_ms;
    t->body_bytes_max =
        request->body_bytes_max > 0 ? request->body_bytes_max : client->options.body_bytes_max;
    weir_status status = start(client, t, request, err);
    if (status != WEIR_OK) {
        transfer_free(t);
        return status;
    }
    (void)weir_map_put(client->transfers, key_of(&t->id), t); /* The id is new: none is replaced. */
    *out_id = t->id;
    return WEIR_OK;
}

static void curl_client_cancel(weir_http *http, uint64_t id)
{
    transfer *t = weir_map_remove(client_of(http)->transfers, key_of(&id));
    if (t != NULL) {
        transfer_free(t);
    }
}

static uint64_t info_ns(CURL *easy, CURLINFO info)
{
    curl_off_t us = 0;
    CURLcode code = curl_easy_getinfo(easy, info, &us);
    return code == CURLE_OK && us > 0 ? (uint64_t)us * NS_PER_US : 0;
}

static weir_http_outcome outcome_of_status(const weir_http_result *result)
{
    int status = result->status;
    if (status >= 200 && status < 300) {
        return WEIR_HTTP_FETCHED;
    }
    if (status == 304) {
        return WEIR_HTTP_NOT_MODIFIED;
    }
    bool redirects =
        status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
    if (redirects && weir_http_result_header(result, "location").size > 0) {
        return WEIR_HTTP_REDIRECTED;
    }
    return WEIR_HTTP_ERROR;
}

/* libcurl has one code for all kinds of waiting too long; only its message tells that of names. */
static weir_http_outcome outcome_of_timeout(const transfer *t, const weir_http_result *result)
{
    static const char resolving[] = "Resolving timed out";
    if (strncmp(t->error, resolving, sizeof resolving - 1) == 0) {
        return WEIR_HTTP_DNS_ERROR;
    }
    uint64_t slack_ns = (uint64_t)TIMEOUT_SLACK_US * NS_PER_US;
    bool deadline = result->duration_ns + slack_ns >= t->timeout_ms * 1000 * 1000;
    bool connected = info_ns(t->easy, CURLINFO_PRETRANSFER_TIME_T) > 0;
    return deadline || !connected ? WEIR_HTTP_TIMEOUT : WEIR_HTTP_TOO_SLOW;
}

static weir_http_outcome outcome_of_failure(const transfer *t, CURLcode code,
                                            const weir_http_result *result)
{
    bool answered = result->ip[0] != '\0';
    switch ((int)code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_URL_MALFORMAT: /* A host of characters that no name has. */
        return WEIR_HTTP_DNS_ERROR;
    case CURLE_UNSUPPORTED_PROTOCOL: /* Also an answer without a status line. */
        return answered ? WEIR_HTTP_PROTOCOL_ERROR : WEIR_HTTP_UNSUPPORTED_SCHEME;
    case CURLE_COULDNT_CONNECT:
        return t->refused_private ? WEIR_HTTP_PRIVATE_ADDRESS : WEIR_HTTP_CONNECT_ERROR;
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
        return WEIR_HTTP_CONNECT_ERROR;
    case CURLE_OPERATION_TIMEDOUT:
        return outcome_of_timeout(t, result);
    case CURLE_FILESIZE_EXCEEDED:
        return WEIR_HTTP_TOO_LARGE;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_CLIENTCERT:
        return WEIR_HTTP_TLS_ERROR;
    default:
        return t->too_large ? WEIR_HTTP_TOO_LARGE : WEIR_HTTP_PROTOCOL_ERROR;
    }
}

static void describe(const transfer *t, CURLcode code, weir_http_result *result, char *reason)
{
    if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && t->body_is_cut)) {
        result->outcome = outcome_of_status(result);
        result->body_is_cut = t->body_is_cut;
        result->body = weir_buf_bytes(&t->body);
        snprintf(reason, REASON_BYTES_MAX, "HTTP status %d", result->status);
        return;
    }
    result->outcome = outcome_of_failure(t, code, result);
    result->body = WEIR_BYTES("");
    if (result->outcome == WEIR_HTTP_PRIVATE_ADDRESS) {
        snprintf(reason, REASON_BYTES_MAX, "the host has a private address, which is not allowed");
    } else if (result->outcome == WEIR_HTTP_TOO_LARGE) {
        snprintf(reason, REASON_BYTES_MAX,
                 "the headers or the body (at most %zu bytes) are too large", t->body_bytes_max);
    } else {
        snprintf(reason, REASON_BYTES_MAX, "%s",
                 t->error[0] != '\0' ? t->error : curl_easy_strerror(code));
    }
}

/* Calls back for t, which has left the table, and frees it. */
static void finish(transfer *t, CURLcode code)
{
    weir_http_header headers[WEIR_HTTP_HEADERS_MAX];
    char reason[REASON_BYTES_MAX];
    long status = 0;
    char *ip = NULL;
    weir_http_result result = {.headers = headers, .header_count = t->span_count, .reason = reason};
    for (size_t i = 0; i < t->span_count; i++) {
        const header_span *span = &t->spans[i];
        const uint8_t *text = t->header_text.data;
        headers[i].name = weir_bytes_of(text + span->name_at, span->name_bytes);
        headers[i].value = weir_bytes_of(text + span->value_at, span->value_bytes);
    }
    CURLcode got = curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    got |= curl_easy_getinfo(t->easy, CURLINFO_PRIMARY_IP, &ip);
    WEIR_ASSERT(got == CURLE_OK);
    result.status = (int)status;
    result.ip = ip != NULL ? ip : "";
    result.name_lookup_ns = info_ns(t->easy, CURLINFO_NAMELOOKUP_TIME_T);
    result.first_byte_ns = info_ns(t->easy, CURLINFO_STARTTRANSFER_TIME_T);
    result.duration_ns = info_ns(t->easy, CURLINFO_TOTAL_TIME_T);
    result.ended_at_ms = weir_clock_now_ms() + 1;
    describe(t, code, &result, reason);
    t->done(t->user, &result);
    transfer_free(t);
}

/* Ends what was ready before this poll; what a callback adds comes next time. */
static void finish_ready(curl_client *client)
{
    size_t count = client->ready_count;
    if (count == 0) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        transfer *t = weir_map_remove(client->transfers, key_of(&client->ready[i]));
        if (t != NULL) { /* Else it was cancelled. */
            finish(t, CURLE_COULDNT_CONNECT);
        }
    }
    client->ready_count -= count;
    memmove(client->ready, client->ready + count, client->ready_count * sizeof *client->ready);
}

static void finish_done(curl_client *client)
{
    int left = 0;
    for (CURLMsg *message = curl_multi_info_read(client->multi, &left); message != NULL;
         message = curl_multi_info_read(client->multi, &left)) {
        WEIR_ASSERT(message->msg == CURLMSG_DONE);
        CURLcode code = message->data.result;
        transfer *t = NULL;
        CURLcode got = curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&t);
        WEIR_ASSERT(got == CURLE_OK);
        void *removed = weir_map_remove(client->transfers, key_of(&t->id));
        WEIR_ASSERT(removed == t);
        finish(t, code);
    }
}

static CURLMcode act(curl_client *client, const struct epoll_event *event)
{
    int running = 0;
    if (event->data.fd == client->timer_fd) {
        uint64_t expirations = 0;
        ssize_t bytes = read(client->timer_fd, &expirations, sizeof expirations);
        (void)bytes; /* EAGAIN when on_timer set it anew: nothing is lost. */
        return curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    int what = (event->events & EPOLLIN ? CURL_CSELECT_IN : 0) |
               (event->events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
               (event->events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
    return curl_multi_socket_action(client->multi, event->data.fd, what, &running);
}

static weir_status curl_client_poll(weir_http *http, int timeout_ms, weir_error *err)
{
    curl_client *client = client_of(http);
    struct epoll_event events[EVENTS_PER_POLL];
    int wait_ms = client->ready_count > 0 ? 0 : timeout_ms;
    int count = epoll_wait(client->epoll_fd, events, EVENTS_PER_POLL, wait_ms);
    if (count < 0 && errno != EINTR) {
        return weir_error_set(err, WEIR_IO, "epoll_wait: %s", strerror(errno));
    }
    for (int i = 0; i < count; i++) {
        CURLMcode code = act(client, &events[i]);
        if (code != CURLM_OK) {
            return weir_error_set(err, WEIR_IO, "libcurl: %s", curl_multi_strerror(code));
        }
    }
    finish_ready(client);
    finish_done(client);
    return WEIR_OK;
}

static int curl_client_fd(const weir_http *http)
{
    return ((const curl_client *)http)->epoll_fd;
}

static size_t curl_client_in_flight(const weir_http *http)
{
    return weir_map_count(((const curl_client *)http)->transfers);
}

static void curl_client_free(weir_http *http)
{
    curl_client *client = client_of(http);
    size_t position = 0;
    void *value = NULL;
    while (weir_map_next(client->transfers, &position, NULL, &value)) {
        transfer_free(value);
    }
    weir_map_free(client->transfers);
    if (client->multi != NULL) {
        curl_multi_cleanup(client->multi);
    }
    if (client->timer_fd >= 0) {
        close(client->timer_fd);
    }
    if (client->epoll_fd >= 0) {
        close(client->epoll_fd);
    }
    free(client->ready);
    free((char *)client->options.user_agent);
    free((char *)client->options.proxy_url);
    free((char *)client->options.private_allowed_list);
    free(client);
    curl_global_cleanup();
}

static const weir_http_ops curl_client_ops = {
    .start = curl_client_start,
    .cancel = curl_client_cancel,
    .poll = curl_client_poll,
    .fd = curl_client_fd,
    .in_flight = curl_client_in_flight,
    .free = curl_client_free,
};

static weir_http_curl_options with_defaults(const weir_http_curl_options *options)
{
    weir_http_curl_options o = *options;
    o.user_agent = weir_strdup(o.user_agent != NULL ? o.user_agent : "weir");
    o.proxy_url = weir_strdup(o.proxy_url);
    o.private_allowed_list = weir_strdup(o.private_allowed_list);
    o.timeout_ms = o.timeout_ms > 0 ? o.timeout_ms : 30 * 1000;
    o.connect_timeout_ms = o.connect_timeout_ms > 0 ? o.connect_timeout_ms : 10 * 1000;
    o.body_bytes_max = o.body_bytes_max > 0 ? o.body_bytes_max : 10 << 20;
    o.speed_bytes_min = o.speed_bytes_min > 0 ? o.speed_bytes_min : 64;
    o.speed_window_s = o.speed_window_s > 0 ? o.speed_window_s : 15;
    o.connections_per_host = o.connections_per_host > 0 ? o.connections_per_host : 1;
    o.in_flight_max = o.in_flight_max > 0 ? o.in_flight_max : 4096;
    return o;
}

static weir_status open_descriptors(curl_client *client, weir_error *err)
{
    client->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    client->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = client->timer_fd};
    if (client->epoll_fd < 0 || client->timer_fd < 0 ||
        epoll_ctl(client->epoll_fd, EPOLL_CTL_ADD, client->timer_fd, &event) != 0) {
        return weir_error_set(err, WEIR_IO, "HTTP client: epoll or timerfd: %s", strerror(errno));
    }
    return WEIR_OK;
}

/* Above so many connections, idle ones are closed: a quarter of the descriptors that this process
 * may open, for its stores and logs want theirs. */
static long connections_kept_max(void)
{
    struct rlimit limit = {0};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur / 4 < CONNECTIONS_KEPT_MIN) {
        return CONNECTIONS_KEPT_MIN;
    }
    return limit.rlim_cur / 4 < INT16_MAX ? (long)(limit.rlim_cur / 4) : INT16_MAX;
}

static weir_status open_multi(curl_client *client, weir_error *err)
{
    client->multi = curl_multi_init();
    WEIR_ASSERT(client->multi != NULL);
    /* libcurl counts all connections to a proxy as those of one host. */
    long per_host =
        client->options.proxy_url == NULL ? (long)client->options.connections_per_host : 0;
    CURLMcode code = curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    code |= curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
    code |= curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    code |= curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
    code |= curl_multi_setopt(client->multi, CURLMOPT_MAX_HOST_CONNECTIONS, per_host);
    code |= curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, connections_kept_max());
    if (code != CURLM_OK) {
        return weir_error_set(err, WEIR_INVALID, "libcurl refuses an option of the HTTP client");
    }
    return WEIR_OK;
}

weir_status weir_http_curl_new(const weir_http_curl_options *options, weir_http **out_http,
                               weir_error *err)
{
    WEIR_ASSERT(options != NULL);
    WEIR_ASSERT(out_http != NULL);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0) {
        return weir_error_set(err, WEIR_IO, "libcurl or its TLS library cannot be initialised");
    }
    curl_client *client = weir_alloc(sizeof *client);
    WEIR_AUTO_PTR(weir_http) http = &client->base;
    client->base.ops = &curl_client_ops;
    client->options = with_defaults(options);
    client->transfers = weir_map_new();
    client->next_id = 1;
    client->epoll_fd = client->timer_fd = -1;
    WEIR_TRY(open_descriptors(client, err));
    WEIR_TRY(open_multi(client, err));
    *out_http = weir_take(&http);
    return WEIR_OK;
}
