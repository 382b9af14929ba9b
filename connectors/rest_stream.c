/* SPDX-License-Identifier: Apache-2.0
 *
 * rest_stream.c - answers without an end: a connection sleeps until its source has something.
 *
 *   server's thread: read ── nothing there ──▶ suspend, waits = true ──┐
 *         ▲                                                            ▼
 *         └────────── resume, waits = false ◀── poll of sources and clients: one thread
 *
 * A connection that sleeps costs no thread of the server. libmicrohttpd does not look at its socket
 * meanwhile, so the waking thread does: a client that goes away is let go of at once. One that
 * takes nothing is cut off by the server's timeout; what its source has waits there, bounded.
 *
 * Only what waits is resumed, and only a stream that was resumed ends: so the waking thread may use
 * those that it has found waiting without a lock.
 */
#include "connectors/rest_stream_internal.h"

#include "streams/base/clock.h"
#include "streams/base/mailbox.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 8 << 10, STOP_LOOKS = 40, STOP_LOOK_MS = 50 };

typedef struct rest_stream rest_stream;

struct rest_stream {
    weir_rest_streams *streams;
    rest_stream *next; /* Under lock, as the next two. */
    rest_stream **place;
    bool waits;   /* Its connection is suspended. */
    bool is_gone; /* Its client is; set while it waits. */
    bool is_idle; /* It is to say that it is alive; as above. */
    uint64_t waits_from_ns;
    struct MHD_Connection *connection;
    int socket;
    weir_rest_stream source;
    weir_buf pending; /* What the client has not got yet, from at on. */
    size_t at;
    bool has_ended; /* Its source. */
};

struct weir_rest_streams {
    size_t count_max;
    uint64_t idle_ns;
    int idle_ms;
    weir_mailbox *bell;  /* Wakes the waking thread. */
    weir_mailbox *ended; /* Rung by each stream that ends. */
    pthread_t waker;
    pthread_mutex_t lock;
    rest_stream *first; /* Under lock, as the rest. */
    size_t count;
    bool stops;
    bool is_over;
};

/* A stream, on a thread of the server. */

static void sleep_until_woken(rest_stream *self)
{
    weir_rest_streams *streams = self->streams;
    MHD_suspend_connection(self->connection);
    pthread_mutex_lock(&streams->lock);
    self->waits = true;
    self->waits_from_ns = weir_clock_monotonic_ns();
    pthread_mutex_unlock(&streams->lock);
    weir_mailbox_wake(streams->bell);
}

/* Fills pending; else answers what the server is to be told. */
static ssize_t fetch(rest_stream *self)
{
    weir_rest_streams *streams = self->streams;
    pthread_mutex_lock(&streams->lock);
    bool stops = streams->stops;
    pthread_mutex_unlock(&streams->lock);
    if (self->is_gone) {
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    weir_buf_clear(&self->pending);
    self->at = 0;
    weir_status status = self->has_ended || stops
                             ? WEIR_FENCED
                             : self->source.read(self->source.user, &self->pending);
    self->has_ended = status != WEIR_OK && status != WEIR_AGAIN;
    if (status == WEIR_AGAIN && self->is_idle) {
        weir_buf_append_text(&self->pending, self->source.idle_text);
    }
    self->is_idle = false;
    if (self->pending.size > 0) {
        return 0;
    }
    if (self->has_ended) {
        return MHD_CONTENT_READER_END_OF_STREAM;
    }
    sleep_until_woken(self);
    return 0;
}

static ssize_t read_stream(void *user, uint64_t position, char *to, size_t size)
{
    (void)position;
    rest_stream *self = user;
    if (self->at == self->pending.size) {
        ssize_t end = fetch(self);
        if (end != 0) {
            return end;
        }
    }
    size_t left = self->pending.size - self->at;
    size_t taken = left < size ? left : size;
    if (taken > 0) {
        memcpy(to, self->pending.data + self->at, taken);
        self->at += taken;
    }
    return (ssize_t)taken;
}

static void end_stream(void *user)
{
    rest_stream *self = user;
    weir_rest_streams *streams = self->streams;
    self->source.free(self->source.user);
    pthread_mutex_lock(&streams->lock);
    *self->place = self->next;
    if (self->next != NULL) {
        self->next->place = self->place;
    }
    streams->count--;
    pthread_mutex_unlock(&streams->lock);
    weir_mailbox_wake(streams->ended);
    weir_buf_cleanup(&self->pending);
    free(self);
}

/* False: there is no room. */
static bool enter(weir_rest_streams *streams, rest_stream *self)
{
    pthread_mutex_lock(&streams->lock);
    bool has_room = streams->count < streams->count_max && !streams->stops;
    if (has_room) {
        streams->count++;
        self->next = streams->first;
        self->place = &streams->first;
        if (self->next != NULL) {
            self->next->place = &self->next;
        }
        streams->first = self;
    }
    pthread_mutex_unlock(&streams->lock);
    return has_room;
}

struct MHD_Response *weir_rest_streams_start(weir_rest_streams *streams,
                                             struct MHD_Connection *connection,
                                             weir_rest_stream *stream)
{
    rest_stream *self = weir_alloc(sizeof *self);
    if (!enter(streams, self)) {
        free(self);
        return NULL;
    }
    self->streams = streams;
    self->connection = connection;
    self->socket =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    self->source = *stream;
    *stream = (weir_rest_stream){0};
    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_stream, self, end_stream);
    if (response == NULL) {
        end_stream(self);
    }
    return response;
}

/* The waking thread. */

/* Who waits now, and what poll is to look at: the bell, then source and client of each. */
typedef struct waiting {
    rest_stream **streams;
    struct pollfd *polled;
    size_t count;
    bool stops;   /* All of them are to end… */
    bool is_over; /* …and so is the waking thread. */
} waiting;

static void find_waiting(weir_rest_streams *streams, waiting *found)
{
    found->count = 0;
    found->polled[0] = (struct pollfd){.fd = weir_mailbox_fd(streams->bell), .events = POLLIN};
    pthread_mutex_lock(&streams->lock);
    found->stops = streams->stops;
    found->is_over = streams->is_over;
    for (rest_stream *at = streams->first; at != NULL; at = at->next) {
        if (at->waits) {
            struct pollfd *polled = &found->polled[1 + 2 * found->count];
            polled[0] = (struct pollfd){.fd = at->source.fd, .events = POLLIN};
            polled[1] = (struct pollfd){.fd = at->socket, .events = POLLRDHUP};
            found->streams[found->count++] = at;
        }
    }
    pthread_mutex_unlock(&streams->lock);
}

static void wake(const waiting *found)
{
    uint64_t now_ns = weir_clock_monotonic_ns();
    for (size_t i = 0; i < found->count; i++) {
        rest_stream *stream = found->streams[i];
        weir_rest_streams *streams = stream->streams;
        bool has_some = found->polled[1 + 2 * i].revents != 0;
        bool is_gone = found->polled[2 + 2 * i].revents != 0;
        bool is_idle = now_ns - stream->waits_from_ns >= streams->idle_ns;
        if (!found->stops && !has_some && !is_gone && !is_idle) {
            continue;
        }
        pthread_mutex_lock(&streams->lock);
        stream->waits = false;
        stream->is_gone = is_gone;
        stream->is_idle = is_idle;
        pthread_mutex_unlock(&streams->lock);
        MHD_resume_connection(stream->connection);
    }
}

static void *run_waker(void *argument)
{
    weir_rest_streams *streams = argument;
    waiting found = {
        .streams = weir_alloc_array(streams->count_max, sizeof *found.streams),
        .polled = weir_alloc_array(1 + 2 * streams->count_max, sizeof *found.polled),
    };
    find_waiting(streams, &found);
    while (!found.is_over) {
        bool is_due = found.stops && found.count > 0;
        (void)poll(found.polled, 1 + 2 * found.count, is_due ? 0 : streams->idle_ms);
        (void)weir_mailbox_drain(streams->bell, NULL);
        wake(&found);
        find_waiting(streams, &found);
    }
    free(found.streams);
    free(found.polled);
    return NULL;
}

/* Its life. */

weir_rest_streams *weir_rest_streams_new(size_t count_max, uint32_t idle_ms)
{
    weir_rest_streams *streams = weir_alloc(sizeof *streams);
    streams->count_max = count_max;
    streams->idle_ms = (int)idle_ms;
    streams->idle_ns = idle_ms * WEIR_NS_PER_MS;
    streams->bell = weir_mailbox_new(1);
    streams->ended = weir_mailbox_new(1);
    pthread_mutex_init(&streams->lock, NULL);
    int code = pthread_create(&streams->waker, NULL, run_waker, streams);
    WEIR_ASSERT(code == 0);
    return streams;
}

static size_t count_now(weir_rest_streams *streams)
{
    pthread_mutex_lock(&streams->lock);
    size_t count = streams->count;
    pthread_mutex_unlock(&streams->lock);
    return count;
}

void weir_rest_streams_stop(weir_rest_streams *streams)
{
    pthread_mutex_lock(&streams->lock);
    streams->stops = true;
    pthread_mutex_unlock(&streams->lock);
    weir_mailbox_wake(streams->bell);
    for (int i = 0; i < STOP_LOOKS && count_now(streams) > 0; i++) {
        (void)weir_mailbox_wait(streams->ended, STOP_LOOK_MS);
        (void)weir_mailbox_drain(streams->ended, NULL);
    }
}

void weir_rest_streams_free(weir_rest_streams *streams)
{
    if (streams == NULL) {
        return;
    }
    WEIR_ASSERT(count_now(streams) == 0);
    pthread_mutex_lock(&streams->lock);
    streams->is_over = true;
    pthread_mutex_unlock(&streams->lock);
    weir_mailbox_wake(streams->bell);
    pthread_join(streams->waker, NULL);
    pthread_mutex_destroy(&streams->lock);
    weir_mailbox_free(streams->bell);
    weir_mailbox_free(streams->ended);
    free(streams);
}
