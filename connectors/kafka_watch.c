/* SPDX-License-Identifier: Apache-2.0
 *
 * kafka_watch.c - a list of calls under way, a thread that looks at it, and who owns which socket.
 *
 * librdkafka tells of a socket where a request was sent by it, and hands it over to be closed.
 * Between the two it is in the table, which is one for all handles: the number of a closed socket
 * may be another handle's a moment later.
 */
#include "connectors/kafka_watch.h"

#include "streams/base/alloc.h"
#include "streams/base/clock.h"
#include "streams/base/logging.h"
#include "streams/base/status.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_MS = 1000 };

struct weir_kafka_watcher {
    pthread_mutex_t lock;
    pthread_cond_t ends;
    pthread_t thread;
    bool has_thread;
    bool is_ending;
    weir_kafka_watch *first;
};

static struct {
    pthread_mutex_t lock;
    const rd_kafka_t **owners; /* By socket; NULL: nobody that is watched. */
    size_t count;
    size_t capacity;
} sockets = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Runs on librdkafka's threads.
 * NOLINTNEXTLINE(readability-function-size): the parameters are librdkafka's. */
static rd_kafka_resp_err_t note_socket(rd_kafka_t *handle, int socket, const char *broker_name,
                                       int32_t broker, int16_t request, int16_t version,
                                       int32_t number, size_t size, void *opaque)
{
    (void)broker_name;
    (void)broker;
    (void)request;
    (void)version;
    (void)number;
    (void)size;
    (void)opaque;
    pthread_mutex_lock(&sockets.lock);
    while (sockets.count <= (size_t)socket) {
        sockets.owners =
            weir_grow(sockets.owners, sockets.count, &sockets.capacity, sizeof(*sockets.owners));
        sockets.owners[sockets.count++] = NULL;
    }
    sockets.owners[socket] = handle;
    pthread_mutex_unlock(&sockets.lock);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t handle_made(rd_kafka_t *handle, const rd_kafka_conf_t *conf,
                                       void *opaque, char *words, size_t words_size)
{
    (void)conf;
    (void)opaque;
    (void)words;
    (void)words_size;
    return rd_kafka_interceptor_add_on_request_sent(handle, "weir-watch", note_socket, NULL);
}

static int close_socket(int socket, void *opaque)
{
    (void)opaque;
    pthread_mutex_lock(&sockets.lock);
    if ((size_t)socket < sockets.count) {
        sockets.owners[socket] = NULL;
    }
    int failed = close(socket);
    pthread_mutex_unlock(&sockets.lock);
    return failed;
}

void weir_kafka_watch_sockets(rd_kafka_conf_t *conf)
{
    rd_kafka_conf_set_closesocket_cb(conf, close_socket);
    rd_kafka_resp_err_t failed =
        rd_kafka_conf_interceptor_add_on_new(conf, "weir-watch", handle_made, NULL);
    WEIR_ASSERT(failed == RD_KAFKA_RESP_ERR_NO_ERROR);
}

static void cut_connections(const rd_kafka_t *handle)
{
    pthread_mutex_lock(&sockets.lock);
    for (size_t i = 0; i < sockets.count; i++) {
        if (sockets.owners[i] == handle) {
            (void)shutdown((int)i, SHUT_RDWR); /* It may be down already. */
        }
    }
    pthread_mutex_unlock(&sockets.lock);
}

static void look(weir_kafka_watch *watch)
{
    uint64_t now_ns = weir_clock_monotonic_ns();
    if (now_ns - watch->since_ns < watch->limit_ns) {
        return;
    }
    WEIR_LOG(WEIR_LOG_WARN, NULL, "kafka client=%s no answer for too long: connecting anew",
             rd_kafka_name(watch->handle));
    cut_connections(watch->handle);
    watch->since_ns = now_ns;
}

static void *run_watcher(void *argument)
{
    weir_kafka_watcher *watcher = argument;
    pthread_mutex_lock(&watcher->lock);
    while (!watcher->is_ending) {
        int64_t until_ms = weir_clock_now_ms() + LOOK_MS;
        const struct timespec until = {until_ms / 1000, until_ms % 1000 * (long)WEIR_NS_PER_MS};
        (void)pthread_cond_timedwait(&watcher->ends, &watcher->lock, &until);
        for (weir_kafka_watch *watch = watcher->first; watch != NULL; watch = watch->next) {
            look(watch);
        }
    }
    pthread_mutex_unlock(&watcher->lock);
    return NULL;
}

weir_kafka_watcher *weir_kafka_watcher_new(void)
{
    weir_kafka_watcher *watcher = weir_alloc(sizeof *watcher);
    int failed = pthread_mutex_init(&watcher->lock, NULL);
    failed = failed == 0 ? pthread_cond_init(&watcher->ends, NULL) : failed;
    WEIR_ASSERT(failed == 0);
    return watcher;
}

void weir_kafka_watcher_free(weir_kafka_watcher *watcher)
{
    if (watcher == NULL) {
        return;
    }
    WEIR_ASSERT(watcher->first == NULL);
    pthread_mutex_lock(&watcher->lock);
    watcher->is_ending = true;
    pthread_cond_signal(&watcher->ends);
    pthread_mutex_unlock(&watcher->lock);
    if (watcher->has_thread) {
        (void)pthread_join(watcher->thread, NULL);
    }
    (void)pthread_cond_destroy(&watcher->ends);
    (void)pthread_mutex_destroy(&watcher->lock);
    free(watcher);
}

void weir_kafka_watch_begin(weir_kafka_watcher *watcher, weir_kafka_watch *watch,
                            const rd_kafka_t *handle, uint64_t limit_ms)
{
    pthread_mutex_lock(&watcher->lock);
    if (!watcher->has_thread) {
        int failed = pthread_create(&watcher->thread, NULL, run_watcher, watcher);
        watcher->has_thread = failed == 0; /* Else it is tried again with the next call. */
    }
    *watch = (weir_kafka_watch){.handle = handle,
                                .since_ns = weir_clock_monotonic_ns(),
                                .limit_ns = limit_ms * WEIR_NS_PER_MS,
                                .next = watcher->first};
    watcher->first = watch;
    pthread_mutex_unlock(&watcher->lock);
}

void weir_kafka_watch_end(weir_kafka_watcher *watcher, weir_kafka_watch *watch)
{
    pthread_mutex_lock(&watcher->lock);
    weir_kafka_watch **link = &watcher->first;
    while (*link != watch) {
        link = &(*link)->next;
    }
    *link = watch->next;
    pthread_mutex_unlock(&watcher->lock);
}
