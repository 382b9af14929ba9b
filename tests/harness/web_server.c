/* SPDX-License-Identifier: Apache-2.0
 *
 * web_server.c - one thread with poll() over plain sockets, because a library for servers would
 * not send the nonsense that some scripts ask for.
 *
 *   accept -> read until an empty line -> note the request -> wait delay_ms -> send -> note the end
 *
 * A mutex guards scripts and notes; connections belong to the thread alone.
 */
#include "tests/harness/web_server.h"

#include "streams/base/clock.h"
#include "streams/base/file.h"
#include "streams/base/status.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAX = 512,
    HEAD_BYTES_MAX = 64 << 10,
    FILE_BYTES_MAX = 64 << 20,
    SEND_BYTES_MAX = 64 << 10,
};

typedef struct script {
    char *host; /* NULL: every host. */
    char *path;
    web_reply reply;
} script;

typedef struct site {
    char *host;
    char *root;
} site;

typedef struct connection {
    int fd;
    size_t number;
    weir_buf in;
    size_t request; /* Index of the request that is being answered, */
    bool answering; /* if there is one. */
    web_reply reply;
    weir_buf head;
    weir_buf file;
    size_t sent;
    size_t total;
    uint64_t send_at_ns;
} connection;

struct web_server {
    int listen_fd;
    int wake_fd;
    uint16_t port;
    char *url;
    pthread_t thread;
    pthread_mutex_t lock;
    script *scripts;
    size_t script_count;
    size_t script_capacity;
    site *sites;
    size_t site_count;
    size_t site_capacity;
    web_request *requests;
    size_t request_count;
    size_t request_capacity;
    size_t opened;
    connection connections[CONNECTIONS_MAX];
    size_t connection_count;
};

static bool host_fits(const char *wanted, const char *host)
{
    return wanted == NULL || strcasecmp(wanted, host) == 0;
}

static bool path_fits(const char *pattern, const char *path)
{
    size_t length = strlen(pattern);
    if (length > 0 && pattern[length - 1] == '*') {
        return strncmp(pattern, path, length - 1) == 0;
    }
    return strcmp(pattern, path) == 0;
}

static const char *type_of(const char *path)
{
    static const char *const types[][2] = {
        {".html", "text/html; charset=utf-8"},
        {".htm", "text/html"},
        {".txt", "text/plain; charset=utf-8"},
        {".xml", "application/xml"},
        {".js", "text/javascript"},
        {".css", "text/css"},
        {".png", "image/png"},
        {".svg", "image/svg+xml"},
    };
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot != NULL && i < WEIR_COUNT_OF(types); i++) {
        if (strcmp(dot, types[i][0]) == 0) {
            return types[i][1];
        }
    }
    return "application/octet-stream";
}

/* Answers with the file of path below root; false where there is none. */
static bool answer_with_file(connection *c, const char *root, const char *path)
{
    size_t length = strcspn(path, "?#");
    bool is_directory = length > 0 && path[length - 1] == '/';
    WEIR_AUTO_FREE char *name =
        weir_format("%s%.*s%s", root, (int)length, path, is_directory ? "index.html" : "");
    if (strstr(name, "/../") != NULL ||
        weir_file_read(name, FILE_BYTES_MAX, &c->file, NULL) != WEIR_OK) {
        return false;
    }
    c->reply = (web_reply){.body = weir_buf_bytes(&c->file), .content_type = type_of(name)};
    return true;
}

static void choose_reply(web_server *server, connection *c, const char *host, const char *path)
{
    for (size_t i = server->script_count; i-- > 0;) {
        const script *s = &server->scripts[i];
        if (host_fits(s->host, host) && path_fits(s->path, path)) {
            c->reply = s->reply;
            return;
        }
    }
    for (size_t i = server->site_count; i-- > 0;) {
        const site *s = &server->sites[i];
        if (host_fits(s->host, host) && answer_with_file(c, s->root, path)) {
            return;
        }
    }
    c->reply = (web_reply){.status = 404, .body = WEIR_BYTES("there is nothing here")};
}

static size_t body_bytes(const web_reply *reply)
{
    return reply->body_bytes > 0 ? reply->body_bytes : reply->body.size;
}

static void write_head(connection *c, const web_request *request)
{
    const web_reply *r = &c->reply;
    weir_buf_clear(&c->head);
    if (r->raw.data != NULL) {
        weir_buf_set(&c->head, r->raw);
        c->total = c->head.size;
        return;
    }
    int status = r->redirects_to_longer ? 302 : r->status > 0 ? r->status : 200;
    size_t told = r->claimed_bytes > 0 ? r->claimed_bytes : body_bytes(r);
    weir_buf_append_format(&c->head, "HTTP/1.1 %d Scripted\r\n", status);
    if (status != 304) {
        weir_buf_append_format(&c->head, "Content-Length: %zu\r\nContent-Type: %s\r\n", told,
                               r->content_type != NULL ? r->content_type
                                                       : "text/html; charset=utf-8");
    }
    if (r->redirects_to_longer) {
        weir_buf_append_format(&c->head, "Location: http://%s%sx\r\n", request->host,
                               request->path);
    }
    weir_buf_append_text(&c->head, r->headers != NULL ? r->headers : "");
    weir_buf_append_text(&c->head, r->closes ? "Connection: close\r\n\r\n" : "\r\n");
    c->total = c->head.size + (status == 304 ? 0 : body_bytes(r));
}

/* Value of a header in head, in a string of the caller's; "" where it is missing. */
static char *header_value(const char *head, const char *name)
{
    WEIR_AUTO_FREE char *start = weir_format("\r\n%s:", name);
    const char *at = strcasestr(head, start);
    if (at == NULL) {
        return weir_strdup("");
    }
    at += strlen(start);
    at += strspn(at, " ");
    return weir_bytes_to_text(weir_bytes_of(at, strcspn(at, "\r\n")));
}

/* Reads "GET target HTTP/1.1" in origin or absolute form. */
static web_request request_of(const char *head)
{
    web_request request = {.head = weir_strdup(head)};
    const char *target = head + strcspn(head, " \r\n");
    target += *target == ' ' ? 1 : 0;
    size_t length = strcspn(target, " \r\n");
    if (strncmp(target, "http://", 7) == 0) {
        size_t host_length = strcspn(target + 7, "/ \r\n");
        request.host = weir_bytes_to_text(weir_bytes_of(target + 7, host_length));
        request.path =
            weir_bytes_to_text(weir_bytes_of(target + 7 + host_length, length - 7 - host_length));
    } else {
        request.host = header_value(head, "Host");
        request.path = weir_bytes_to_text(weir_bytes_of(target, length));
    }
    for (char *c = request.host; *c != '\0'; c++) {
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c | 0x20 : *c);
    }
    request.start_ns = weir_clock_monotonic_ns();
    return request;
}

/* Takes the first request out of what was read; false where it is not complete yet. */
static bool take_request(web_server *server, connection *c)
{
    const uint8_t *end = c->in.size > 0 ? memmem(c->in.data, c->in.size, "\r\n\r\n", 4) : NULL;
    if (end == NULL) {
        return false;
    }
    size_t bytes = (size_t)(end - c->in.data) + 4;
    WEIR_AUTO_FREE char *head = weir_bytes_to_text(weir_bytes_of(c->in.data, bytes));
    memmove(c->in.data, c->in.data + bytes, c->in.size - bytes);
    c->in.size -= bytes;

    web_request request = request_of(head);
    request.connection = c->number;
    pthread_mutex_lock(&server->lock);
    choose_reply(server, c, request.host, request.path);
    server->requests = weir_grow(server->requests, server->request_count, &server->request_capacity,
                                 sizeof *server->requests);
    c->request = server->request_count;
    server->requests[server->request_count++] = request;
    pthread_mutex_unlock(&server->lock);

    write_head(c, &request);
    c->answering = true;
    c->sent = 0;
    c->send_at_ns = request.start_ns + c->reply.delay_ms * WEIR_NS_PER_MS;
    return true;
}

static void end_request(web_server *server, connection *c, uint64_t end_ns)
{
    if (c->answering) {
        pthread_mutex_lock(&server->lock);
        server->requests[c->request].end_ns = end_ns;
        pthread_mutex_unlock(&server->lock);
    }
    c->answering = false;
}

static void close_connection(web_server *server, size_t index)
{
    connection *c = &server->connections[index];
    end_request(server, c, weir_clock_monotonic_ns());
    close(c->fd);
    weir_buf_cleanup(&c->in);
    weir_buf_cleanup(&c->head);
    weir_buf_cleanup(&c->file);
    server->connections[index] = server->connections[--server->connection_count];
}

/* The bytes that come next, up to limit. */
static weir_bytes next_bytes(const connection *c, size_t limit)
{
    weir_bytes part;
    if (c->sent < c->head.size) {
        part = weir_bytes_of(c->head.data + c->sent, c->head.size - c->sent);
    } else if (c->reply.body.size == 0) {
        static const char spaces[4096];
        part = weir_bytes_of(spaces, sizeof spaces);
    } else {
        size_t at = (c->sent - c->head.size) % c->reply.body.size;
        part = weir_bytes_of((const uint8_t *)c->reply.body.data + at, c->reply.body.size - at);
    }
    size_t left = c->total - c->sent;
    part.size = part.size < left ? part.size : left;
    part.size = part.size < limit ? part.size : limit;
    return part;
}

/*
 * Sends what may be sent now. False when the connection is to be closed. An answer ends at now_ns,
 * taken before its last byte is sent: a client that sees the byte first must not seem hasty.
 */
static bool send_some(web_server *server, connection *c, uint64_t now_ns)
{
    bool drips = c->reply.drip_bytes > 0;
    size_t limit = drips ? c->reply.drip_bytes : SEND_BYTES_MAX;
    if (c->sent < c->total) {
        weir_bytes part = next_bytes(c, limit);
        ssize_t sent = send(c->fd, part.data, part.size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        c->sent += (size_t)sent;
    }
    if (drips) {
        c->send_at_ns = now_ns + c->reply.drip_delay_ms * WEIR_NS_PER_MS;
    }
    if (c->sent < c->total) {
        return true;
    }
    end_request(server, c, now_ns);
    bool lied = c->reply.claimed_bytes > body_bytes(&c->reply);
    return !c->reply.closes && c->reply.raw.data == NULL && !lied;
}

/* Reads what came. False at the end of the connection. */
static bool receive_some(connection *c)
{
    uint8_t *room = weir_buf_reserve(&c->in, 4096);
    ssize_t got = recv(c->fd, room, 4096, MSG_DONTWAIT);
    if (got <= 0) {
        return got < 0 && (errno == EAGAIN || errno == EINTR);
    }
    c->in.size += (size_t)got;
    return c->in.size <= HEAD_BYTES_MAX;
}

static bool serve_connection(web_server *server, connection *c, short events)
{
    if ((events & (POLLIN | POLLHUP | POLLERR)) != 0 && !receive_some(c)) {
        return false;
    }
    if (!c->answering && !take_request(server, c)) {
        return true;
    }
    uint64_t now_ns = weir_clock_monotonic_ns();
    return now_ns < c->send_at_ns || send_some(server, c, now_ns);
}

static void accept_one(web_server *server)
{
    int fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        return;
    }
    if (server->connection_count == CONNECTIONS_MAX) {
        close(fd);
        return;
    }
    pthread_mutex_lock(&server->lock);
    size_t number = server->opened++;
    pthread_mutex_unlock(&server->lock);
    server->connections[server->connection_count++] = (connection){.fd = fd, .number = number};
}

/* Fills fds (listener, wake-up, connections) and says how long poll may wait. */
static int prepare_poll(web_server *server, struct pollfd *fds)
{
    uint64_t now_ns = weir_clock_monotonic_ns();
    uint64_t wait_ms = 60 * 1000;
    fds[0] = (struct pollfd){.fd = server->listen_fd, .events = POLLIN};
    fds[1] = (struct pollfd){.fd = server->wake_fd, .events = POLLIN};
    for (size_t i = 0; i < server->connection_count; i++) {
        const connection *c = &server->connections[i];
        fds[i + 2] = (struct pollfd){.fd = c->fd, .events = POLLIN};
        if (c->answering && c->send_at_ns <= now_ns) {
            fds[i + 2].events |= POLLOUT;
        } else if (c->answering) {
            uint64_t left_ms = (c->send_at_ns - now_ns) / WEIR_NS_PER_MS + 1;
            wait_ms = left_ms < wait_ms ? left_ms : wait_ms;
        } else if (c->in.size > 0 && memmem(c->in.data, c->in.size, "\r\n\r\n", 4) != NULL) {
            wait_ms = 0;
        }
    }
    return (int)wait_ms;
}

static void *run(void *argument)
{
    web_server *server = argument;
    struct pollfd fds[CONNECTIONS_MAX + 2];
    for (;;) {
        int wait_ms = prepare_poll(server, fds);
        size_t polled = server->connection_count;
        if (poll(fds, (nfds_t)polled + 2, wait_ms) < 0 && errno != EINTR) {
            return NULL;
        }
        if (fds[1].revents != 0) {
            return NULL;
        }
        for (size_t i = polled; i-- > 0;) {
            if (!serve_connection(server, &server->connections[i], fds[i + 2].revents)) {
                close_connection(server, i);
            }
        }
        if (fds[0].revents != 0) {
            accept_one(server);
        }
    }
}

web_server *web_server_start(void)
{
    web_server *server = weir_alloc(sizeof *server);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    server->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    server->wake_fd = eventfd(0, EFD_CLOEXEC);
    WEIR_ASSERT(server->listen_fd >= 0);
    WEIR_ASSERT(server->wake_fd >= 0);
    WEIR_ASSERT(bind(server->listen_fd, (struct sockaddr *)&address, length) == 0);
    WEIR_ASSERT(listen(server->listen_fd, 256) == 0);
    WEIR_ASSERT(getsockname(server->listen_fd, (struct sockaddr *)&address, &length) == 0);
    server->port = ntohs(address.sin_port);
    server->url = weir_format("http://127.0.0.1:%u", server->port);
    pthread_mutex_init(&server->lock, NULL);
    WEIR_ASSERT(pthread_create(&server->thread, NULL, run, server) == 0);
    return server;
}

void web_server_stop(web_server *server)
{
    if (server == NULL) {
        return;
    }
    uint64_t one = 1;
    ssize_t written = write(server->wake_fd, &one, sizeof one);
    WEIR_ASSERT(written == sizeof one);
    pthread_join(server->thread, NULL);
    while (server->connection_count > 0) {
        close_connection(server, server->connection_count - 1);
    }
    for (size_t i = 0; i < server->request_count; i++) {
        web_request_cleanup(&server->requests[i]);
    }
    for (size_t i = 0; i < server->script_count; i++) {
        free(server->scripts[i].host);
        free(server->scripts[i].path);
    }
    for (size_t i = 0; i < server->site_count; i++) {
        free(server->sites[i].host);
        free(server->sites[i].root);
    }
    close(server->listen_fd);
    close(server->wake_fd);
    pthread_mutex_destroy(&server->lock);
    free(server->requests);
    free(server->scripts);
    free(server->sites);
    free(server->url);
    free(server);
}

uint16_t web_server_port(const web_server *server)
{
    return server->port;
}

const char *web_server_url(const web_server *server)
{
    return server->url;
}

void web_server_script(web_server *server, const char *host, const char *path,
                       const web_reply *reply)
{
    pthread_mutex_lock(&server->lock);
    server->scripts = weir_grow(server->scripts, server->script_count, &server->script_capacity,
                                sizeof *server->scripts);
    server->scripts[server->script_count++] =
        (script){.host = weir_strdup(host), .path = weir_strdup(path), .reply = *reply};
    pthread_mutex_unlock(&server->lock);
}

void web_server_serve(web_server *server, const char *host, const char *root)
{
    pthread_mutex_lock(&server->lock);
    server->sites =
        weir_grow(server->sites, server->site_count, &server->site_capacity, sizeof *server->sites);
    server->sites[server->site_count++] =
        (site){.host = weir_strdup(host), .root = weir_strdup(root)};
    pthread_mutex_unlock(&server->lock);
}

size_t web_server_request_count(web_server *server)
{
    pthread_mutex_lock(&server->lock);
    size_t count = server->request_count;
    pthread_mutex_unlock(&server->lock);
    return count;
}

web_request web_server_request(web_server *server, size_t index)
{
    pthread_mutex_lock(&server->lock);
    WEIR_ASSERT(index < server->request_count);
    web_request copy = server->requests[index];
    copy.host = weir_strdup(copy.host);
    copy.path = weir_strdup(copy.path);
    copy.head = weir_strdup(copy.head);
    pthread_mutex_unlock(&server->lock);
    return copy;
}

void web_request_cleanup(web_request *request)
{
    free(request->host);
    free(request->path);
    free(request->head);
    *request = (web_request){0};
}

size_t web_server_count_of(web_server *server, const char *host, const char *path)
{
    size_t count = 0;
    pthread_mutex_lock(&server->lock);
    for (size_t i = 0; i < server->request_count; i++) {
        const web_request *request = &server->requests[i];
        count +=
            host_fits(host, request->host) && (path == NULL || strcmp(path, request->path) == 0);
    }
    pthread_mutex_unlock(&server->lock);
    return count;
}

size_t web_server_connection_count(web_server *server)
{
    pthread_mutex_lock(&server->lock);
    size_t count = server->opened;
    pthread_mutex_unlock(&server->lock);
    return count;
}

/* The request to the same host that came before the one at index, or NULL. */
static const web_request *request_before(const web_server *server, size_t index)
{
    const char *host = server->requests[index].host;
    for (size_t i = index; i-- > 0;) {
        if (strcmp(server->requests[i].host, host) == 0) {
            return &server->requests[i];
        }
    }
    return NULL;
}

char *web_server_impoliteness(web_server *server, uint64_t delay_ms)
{
    char *complaint = NULL;
    pthread_mutex_lock(&server->lock);
    for (size_t i = 0; i < server->request_count && complaint == NULL; i++) {
        const web_request *request = &server->requests[i];
        const web_request *before = request_before(server, i);
        bool overlaps =
            before != NULL && (before->end_ns == 0 || request->start_ns < before->end_ns);
        if (overlaps) {
            complaint = weir_format("%s%s was asked while %s was under way", request->host,
                                    request->path, before->path);
        } else if (before != NULL &&
                   request->start_ns - before->end_ns < delay_ms * WEIR_NS_PER_MS) {
            complaint =
                weir_format("%s%s was asked %.3f ms after %s, not %u", request->host, request->path,
                            (double)(request->start_ns - before->end_ns) / WEIR_NS_PER_MS,
                            before->path, (unsigned)delay_ms);
        }
    }
    pthread_mutex_unlock(&server->lock);
    return complaint;
}
