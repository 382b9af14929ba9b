/* SPDX-License-Identifier: Apache-2.0
 *
 * site_server.c - one loop: wait for any connection, take what it sends, note and answer the
 * requests that are complete.
 *
 * It serves people's own files to their own machine, so it is short rather than fast: a file is
 * sent while the others wait. Yet it takes requests from whoever connects, so a request has a
 * maximal size, a reader that does not read a time-out, and a path cannot leave the directory.
 */
#include "connectors/site_server.h"

#include "streams/base/clock.h"
#include "streams/base/hash.h"
#include "streams/base/logging.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SEND_S_MAX = 10, BACKLOG = 64, STATUS_OK = 200 };

static const char robots_text[] = "User-agent: *\nDisallow: /_sources/\nDisallow: /search.html\n";

typedef struct connection {
    int socket;
    uint64_t number;
    char input[WEIR_SITE_REQUEST_BYTES_MAX];
    size_t input_bytes;
} connection;

typedef struct site {
    const weir_site_options *options;
    int log;
    connection *connections[WEIR_SITE_CONNECTIONS_MAX];
    size_t connection_count;
} site;

/* A request as far as it matters here. */
typedef struct request {
    bool is_head;
    bool closes;
    char target[WEIR_SITE_REQUEST_BYTES_MAX];
} request;

typedef struct answer {
    int status;
    const char *phrase;
    const char *content_type;
    char *location; /* NULL: none. Owned. */
    weir_bytes body;
    int file; /* -1: body. Owned. */
    off_t file_bytes;
} answer;

static void answer_cleanup(answer *a)
{
    free(a->location);
    if (a->file >= 0) {
        (void)close(a->file);
    }
}

static bool send_all(int to, weir_bytes bytes)
{
    const char *at = bytes.data;
    size_t left = bytes.size;
    while (left > 0) {
        ssize_t sent = send(to, at, left, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent <= 0) {
            return false;
        }
        at += sent;
        left -= (size_t)sent;
    }
    return true;
}

static bool send_file(int to, int file, off_t bytes)
{
    off_t position = 0;
    while (position < bytes) {
        ssize_t sent = sendfile(to, file, &position, (size_t)(bytes - position));
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent <= 0) {
            return false;
        }
    }
    return true;
}

static const char *content_type_of(const char *path)
{
    static const struct {
        const char *ending;
        const char *type;
    } types[] = {
        {".html", "text/html; charset=utf-8"},
        {".htm", "text/html; charset=utf-8"},
        {".txt", "text/plain; charset=utf-8"},
        {".css", "text/css"},
        {".js", "text/javascript"},
        {".json", "application/json"},
        {".xml", "application/xml"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".gif", "image/gif"},
        {".jpg", "image/jpeg"},
        {".ico", "image/x-icon"},
        {".pdf", "application/pdf"},
    };
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot != NULL && i < WEIR_COUNT_OF(types); i++) {
        if (strcmp(dot, types[i].ending) == 0) {
            return types[i].type;
        }
    }
    return "application/octet-stream";
}

/* Makes target the path in it: without query, percent signs decoded. False for one that is no path
 * or that could leave the directory. */
static bool decode_path(char *target)
{
    target[strcspn(target, "?#")] = '\0';
    char *to = target;
    for (const char *from = target; *from != '\0'; from++) {
        if (*from != '%') {
            *to++ = *from;
            continue;
        }
        int high = weir_hex_digit((uint8_t)from[1]);
        int low = high < 0 ? -1 : weir_hex_digit((uint8_t)from[2]);
        if (low < 0 || (high == 0 && low == 0)) {
            return false;
        }
        *to++ = (char)(high * 16 + low);
        from += 2;
    }
    *to = '\0';
    return target[0] == '/' && strstr(target, "/../") == NULL &&
           (strlen(target) < 3 || strcmp(target + strlen(target) - 3, "/..") != 0);
}

static answer answer_of_text(int status, const char *phrase, weir_bytes text)
{
    return (answer){.status = status,
                    .phrase = phrase,
                    .content_type = "text/plain; charset=utf-8",
                    .body = text,
                    .file = -1};
}

static answer answer_not_found(void)
{
    return answer_of_text(404, "Not Found", WEIR_BYTES("There is no such page.\n"));
}

/* The answer to a request for path, decoded. */
static answer find_file(const site *of, const char *path)
{
    WEIR_AUTO_FREE char *name = weir_format("%s%s", of->options->directory, path);
    struct stat about;
    bool exists = stat(name, &about) == 0;
    if (exists && S_ISDIR(about.st_mode)) {
        if (path[strlen(path) - 1] != '/') {
            answer moved = answer_of_text(301, "Moved Permanently", WEIR_BYTES(""));
            moved.location = weir_format("%s/", path);
            return moved;
        }
        char *index = weir_format("%sindex.html", name);
        free(name);
        name = index;
        exists = stat(name, &about) == 0;
    }
    int file = exists && S_ISREG(about.st_mode) ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) {
        return strcmp(path, "/robots.txt") == 0
                   ? answer_of_text(STATUS_OK, "OK", weir_bytes_of_text(robots_text))
                   : answer_not_found();
    }
    return (answer){.status = STATUS_OK,
                    .phrase = "OK",
                    .content_type = content_type_of(name),
                    .file = file,
                    .file_bytes = about.st_size};
}

static bool send_answer(int to, const request *asked, const answer *a)
{
    WEIR_AUTO(weir_buf) head = {0};
    int64_t bytes = a->file >= 0 ? (int64_t)a->file_bytes : (int64_t)a->body.size;
    weir_buf_append_format(
        &head,
        "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %" PRId64 "\r\nConnection: %s\r\n",
        a->status, a->phrase, a->content_type, bytes, asked->closes ? "close" : "keep-alive");
    if (a->location != NULL) {
        weir_buf_append_format(&head, "Location: %s\r\n", a->location);
    }
    weir_buf_append_text(&head, "\r\n");
    if (!send_all(to, weir_buf_bytes(&head)) || asked->is_head) {
        return asked->is_head;
    }
    return a->file >= 0 ? send_file(to, a->file, a->file_bytes) : send_all(to, a->body);
}

static void note_request(const site *of, const connection *from, const char *target)
{
    if (of->log < 0) {
        return;
    }
    WEIR_AUTO(weir_buf) line = {0};
    weir_buf_append_format(&line, "%" PRId64 " %" PRIu64 " %s\n", weir_clock_now_ms(), from->number,
                           target);
    if (write(of->log, line.data, line.size) < 0) {
        WEIR_LOG(WEIR_LOG_WARN, NULL, "a request could not be noted in %s", of->options->log_path);
    }
}

/* Reads the request whose head is text, which it changes. False for one that is not understood. */
static bool parse_request(char *text, request *out)
{
    char *line_end = strstr(text, "\r\n");
    *line_end = '\0';
    out->closes = strcasestr(line_end + 2, "connection: close") != NULL;
    char *target = strchr(text, ' ');
    char *version = target == NULL ? NULL : strchr(target + 1, ' ');
    if (version == NULL || strncmp(version, " HTTP/1.", 8) != 0) {
        return false;
    }
    *target++ = '\0';
    *version = '\0';
    out->is_head = strcmp(text, "HEAD") == 0;
    out->closes = out->closes || strcmp(version + 1, "HTTP/1.0") == 0;
    memcpy(out->target, target, strlen(target) + 1);
    return out->is_head || strcmp(text, "GET") == 0;
}

/* Answers the request whose head begins the input; false at the end of the connection. */
static bool answer_request(site *of, connection *from, size_t head_bytes)
{
    WEIR_AUTO_FREE char *text = weir_bytes_to_text(weir_bytes_of(from->input, head_bytes));
    from->input_bytes -= head_bytes;
    memmove(from->input, from->input + head_bytes, from->input_bytes);
    WEIR_AUTO_FREE request *asked = weir_alloc(sizeof *asked);
    if (strlen(text) != head_bytes || !parse_request(text, asked)) {
        asked->closes = true;
        answer bad = answer_of_text(400, "Bad Request", WEIR_BYTES("GET and HEAD are served.\n"));
        (void)send_answer(from->socket, asked, &bad);
        return false;
    }
    note_request(of, from, asked->target);
    WEIR_AUTO(answer)
    found = decode_path(asked->target) ? find_file(of, asked->target) : answer_not_found();
    return send_answer(from->socket, asked, &found) && !asked->closes;
}

/* Takes what a connection has sent and answers what is complete of it; false at its end. */
static bool serve_connection(site *of, connection *from)
{
    size_t room = sizeof from->input - from->input_bytes;
    ssize_t got = recv(from->socket, from->input + from->input_bytes, room, MSG_DONTWAIT);
    if (got <= 0) {
        return got < 0 && (errno == EAGAIN || errno == EINTR);
    }
    from->input_bytes += (size_t)got;
    for (;;) {
        const char *end = memmem(from->input, from->input_bytes, "\r\n\r\n", 4);
        if (end == NULL) {
            return from->input_bytes < sizeof from->input;
        }
        if (!answer_request(of, from, (size_t)(end - from->input) + 4)) {
            return false;
        }
    }
}

static void end_connection(site *of, size_t index)
{
    (void)close(of->connections[index]->socket);
    free(of->connections[index]);
    of->connection_count--;
    memmove(&of->connections[index], &of->connections[index + 1],
            (of->connection_count - index) * sizeof *of->connections);
}

/* The oldest connection makes room for a new one. */
static void add_connection(site *to, int socket, uint64_t number)
{
    struct timeval patience = {.tv_sec = SEND_S_MAX};
    int on = 1; /* Head and body are two writes: the second must not wait for the first's ACK. */
    (void)setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    (void)setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (to->connection_count == WEIR_SITE_CONNECTIONS_MAX) {
        end_connection(to, 0);
    }
    connection *made = weir_alloc(sizeof *made);
    *made = (connection){.socket = socket, .number = number};
    to->connections[to->connection_count++] = made;
}

weir_status weir_site_listen(uint16_t port, int *out_listener, uint16_t *out_port, weir_error *err)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t at_bytes = sizeof at;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    if (listener < 0) {
        return weir_error_set(err, WEIR_IO, "socket: %s", strerror(errno));
    }
    (void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(listener, BACKLOG) != 0 ||
        getsockname(listener, (struct sockaddr *)&at, &at_bytes) != 0) {
        int code = errno;
        (void)close(listener);
        return weir_error_set(err, WEIR_INVALID, "127.0.0.1:%u cannot be listened on: %s",
                              (unsigned)port, strerror(code));
    }
    *out_listener = listener;
    *out_port = ntohs(at.sin_port);
    return WEIR_OK;
}

static weir_status open_log(site *of, weir_error *err)
{
    of->log = -1;
    if (of->options->log_path == NULL) {
        return WEIR_OK;
    }
    of->log = open(of->options->log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    return of->log >= 0
               ? WEIR_OK
               : weir_error_set(err, WEIR_IO, "%s: %s", of->options->log_path, strerror(errno));
}

/* Waits until something comes, and serves it. */
static weir_status serve_next(site *of, int listener, uint64_t *number, weir_error *err)
{
    struct pollfd waits[WEIR_SITE_CONNECTIONS_MAX + 1] = {{.fd = listener, .events = POLLIN}};
    for (size_t i = 0; i < of->connection_count; i++) {
        waits[i + 1] = (struct pollfd){.fd = of->connections[i]->socket, .events = POLLIN};
    }
    if (poll(waits, of->connection_count + 1, -1) < 0 && errno != EINTR) {
        return weir_error_set(err, WEIR_IO, "poll: %s", strerror(errno));
    }
    for (size_t i = of->connection_count; i > 0; i--) {
        if (waits[i].revents != 0 && !serve_connection(of, of->connections[i - 1])) {
            end_connection(of, i - 1);
        }
    }
    if (waits[0].revents == 0) {
        return WEIR_OK;
    }
    int socket = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (socket >= 0) {
        add_connection(of, socket, ++*number);
    } else if (errno != EINTR && errno != ECONNABORTED) {
        return weir_error_set(err, WEIR_IO, "accept: %s", strerror(errno));
    }
    return WEIR_OK;
}

weir_status weir_site_serve(int listener, const weir_site_options *options, weir_error *err)
{
    WEIR_ASSERT(options->directory != NULL);

    struct stat about;
    if (stat(options->directory, &about) != 0 || !S_ISDIR(about.st_mode)) {
        return weir_error_set(err, WEIR_INVALID, "%s is no directory", options->directory);
    }
    site of = {.options = options};
    uint64_t number = 0;
    WEIR_TRY(open_log(&of, err));
    weir_status status = WEIR_OK;
    while (status == WEIR_OK) {
        status = serve_next(&of, listener, &number, err);
    }
    while (of.connection_count > 0) {
        end_connection(&of, 0);
    }
    if (of.log >= 0) {
        (void)close(of.log);
    }
    return status;
}
