/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers without an end over a real socket (connectors/rest_stream.c), and the changes of a store
 * as server-sent events (connectors/rest_changes.c): what a client reads, that it may go away at
 * any time, and that the server's end is an end to be seen.
 */
#include "connectors/broker_embedded.h"
#include "connectors/rest_changes.h"
#include "streams/base/mailbox.h"
#include "streams/base/serde.h"
#include "tests/harness/check.h"
#include "tests/harness/count_topology.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE_MS = 60000, LOOK_MS = 10, LARGE_BYTES = 64 << 20 };

/* A source that says what the test tells it to. */
typedef struct source {
    pthread_mutex_t lock;
    weir_mailbox *bell;
    weir_buf text;   /* Under lock, as the rest. */
    bool is_endless; /* Has always more. */
    size_t opened;
    size_t freed;
} source;

static weir_status read_source(void *user, weir_buf *to)
{
    source *self = user;
    (void)weir_mailbox_drain(self->bell, NULL);
    pthread_mutex_lock(&self->lock);
    weir_buf_append(to, self->text.data, self->text.size);
    weir_buf_clear(&self->text);
    if (self->is_endless) {
        memset(weir_buf_reserve(to, 4096), '.', 4096);
        to->size += 4096;
    }
    bool ends = to->size > 0 && to->data[to->size - 1] == '!';
    pthread_mutex_unlock(&self->lock);
    return ends ? WEIR_FENCED : WEIR_AGAIN;
}

static void free_source(void *user)
{
    source *self = user;
    pthread_mutex_lock(&self->lock);
    self->freed++;
    pthread_mutex_unlock(&self->lock);
}

static weir_status answer_with_source(void *user, const weir_rest_request *request,
                                      weir_rest_response *response, weir_error *err)
{
    (void)request, (void)err;
    source *self = user;
    pthread_mutex_lock(&self->lock);
    self->opened++;
    pthread_mutex_unlock(&self->lock);
    response->content_type = "text/event-stream";
    response->stream = (weir_rest_stream){.read = read_source,
                                          .free = free_source,
                                          .user = self,
                                          .fd = weir_mailbox_fd(self->bell),
                                          .idle_text = ":alive\n"};
    return WEIR_OK;
}

static void say(source *self, const char *text)
{
    pthread_mutex_lock(&self->lock);
    weir_buf_append_text(&self->text, text);
    pthread_mutex_unlock(&self->lock);
    weir_mailbox_wake(self->bell);
}

static size_t freed(source *self)
{
    pthread_mutex_lock(&self->lock);
    size_t count = self->freed;
    pthread_mutex_unlock(&self->lock);
    return count;
}

typedef struct fixture {
    source source;
    weir_rest *rest;
    weir_error err;
} fixture;

static void start(fixture *f, const weir_rest_options *options)
{
    pthread_mutex_init(&f->source.lock, NULL);
    f->source.bell = weir_mailbox_new(1);
    const weir_rest_route route = {"GET", "/stream", answer_with_source, &f->source};
    CHECK_OK(weir_rest_new(options, &f->rest, &f->err), &f->err);
    weir_rest_add(f->rest, &route, 1);
    CHECK_OK(weir_rest_start(f->rest, &f->err), &f->err);
}

static void fixture_cleanup(fixture *f)
{
    weir_rest_free(f->rest);
    CHECK_I64(f->source.freed, ==, f->source.opened);
    weir_mailbox_free(f->source.bell);
    weir_buf_cleanup(&f->source.text);
    pthread_mutex_destroy(&f->source.lock);
}

static void wait_until_freed(fixture *f, size_t count)
{
    WEIR_AUTO_PTR(weir_mailbox) nap = weir_mailbox_new(1);
    for (int i = 0; i < PATIENCE_MS / LOOK_MS && freed(&f->source) < count; i++) {
        (void)weir_mailbox_wait(nap, LOOK_MS);
    }
    CHECK_I64(freed(&f->source), ==, count);
}

/* A client. */

typedef struct client {
    int fd;
    weir_buf got;
} client;

static client client_of(const weir_rest *rest, const char *target)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(weir_rest_port(rest))};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    client self = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    CHECK(self.fd >= 0);
    CHECK(connect(self.fd, (struct sockaddr *)&to, sizeof to) == 0);
    WEIR_AUTO_FREE char *head =
        weir_format("GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", target);
    CHECK_I64(send(self.fd, head, strlen(head), MSG_NOSIGNAL), ==, (ssize_t)strlen(head));
    return self;
}

static void client_cleanup(client *self)
{
    if (self->fd >= 0) {
        close(self->fd);
    }
    weir_buf_cleanup(&self->got);
}

/* False: the server has closed. */
static bool read_more(client *self)
{
    struct pollfd polled = {.fd = self->fd, .events = POLLIN};
    CHECK_I64(poll(&polled, 1, PATIENCE_MS), ==, 1);
    ssize_t count = recv(self->fd, weir_buf_reserve(&self->got, 65536), 65536, 0);
    self->got.size += count > 0 ? (size_t)count : 0;
    return count > 0;
}

static void read_until(client *self, const char *text)
{
    while (strstr(weir_buf_text(&self->got), text) == NULL) {
        if (!read_more(self)) {
            CHECK_STR(weir_buf_text(&self->got), text);
        }
    }
}

static void read_to_end(client *self)
{
    while (read_more(self)) {
    }
}

/* The last chunk says that the answer is whole. */
static void check_whole(const client *self)
{
    static const char end[] = "\r\n0\r\n\r\n";
    size_t size = sizeof end - 1;
    CHECK(self->got.size > size);
    CHECK(memcmp(self->got.data + self->got.size - size, end, size) == 0);
}

TEST(client_reads_what_comes_when_it_comes)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, &(weir_rest_options){0});
    WEIR_AUTO(client) c = client_of(f.rest, "/stream");
    read_until(&c, "text/event-stream");
    say(&f.source, "one,");
    read_until(&c, "one,");
    say(&f.source, "two,");
    read_until(&c, "two,");
    say(&f.source, "three!");
    read_to_end(&c);
    CHECK(strstr(weir_buf_text(&c.got), "three!") != NULL);
    check_whole(&c);
    wait_until_freed(&f, 1);
}

TEST(source_is_let_go_of_when_its_client_goes_away)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, &(weir_rest_options){0});
    for (size_t i = 1; i <= 3; i++) {
        WEIR_AUTO(client) c = client_of(f.rest, "/stream");
        read_until(&c, "text/event-stream");
        close(c.fd);
        c.fd = -1;
        wait_until_freed(&f, i);
    }
}

TEST(end_of_the_server_is_the_end_of_a_whole_answer)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, &(weir_rest_options){0});
    WEIR_AUTO(client) one = client_of(f.rest, "/stream");
    WEIR_AUTO(client) other = client_of(f.rest, "/stream");
    say(&f.source, "some");
    read_until(&one, "text/event-stream");
    read_until(&other, "text/event-stream");
    weir_rest_free(weir_take(&f.rest));
    read_to_end(&one);
    check_whole(&one);
    read_to_end(&other);
    check_whole(&other);
    CHECK_I64(freed(&f.source), ==, 2);
}

TEST(client_that_takes_nothing_does_not_hold_the_end_up)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, &(weir_rest_options){0});
    f.source.is_endless = true;
    WEIR_AUTO(client) c = client_of(f.rest, "/stream");
    read_until(&c, "....");
    weir_rest_free(weir_take(&f.rest));
    CHECK_I64(freed(&f.source), ==, 1);
}

TEST(too_many_streams_are_refused_and_others_answered)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, &(weir_rest_options){.streams_max = 1});
    WEIR_AUTO(client) first = client_of(f.rest, "/stream");
    read_until(&first, "text/event-stream");
    WEIR_AUTO(client) second = client_of(f.rest, "/stream");
    read_to_end(&second);
    CHECK(strstr(weir_buf_text(&second.got), " 503 ") != NULL);
    CHECK(strstr(weir_buf_text(&second.got), "too_many_streams") != NULL);
    close(first.fd);
    first.fd = -1;
    wait_until_freed(&f, 2);
    WEIR_AUTO(client) third = client_of(f.rest, "/stream");
    say(&f.source, "room");
    read_until(&third, "room");
}

TEST(stream_that_has_nothing_says_that_it_lives)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, &(weir_rest_options){.stream_idle_ms = 1});
    WEIR_AUTO(client) c = client_of(f.rest, "/stream");
    read_until(&c, ":alive");
    say(&f.source, "more");
    read_until(&c, "more");
}

/* Changes of a store. */

typedef struct counting {
    weir_broker *broker;
    weir_topology *topology;
    weir_config config;
    weir_application *application;
    weir_rest *rest;
    weir_rest_changes changes;
    weir_error err;
} counting;

static void write_number(void *user, const char *name, weir_bytes bytes, weir_json *json)
{
    (void)user;
    if (strcmp(name, "key") == 0) {
        weir_json_member_bytes(json, name, bytes);
    } else {
        weir_json_member_i64(json, name, (int64_t)weir_get_u64_be(bytes.data));
    }
}

static weir_status answer_with_changes(void *user, const weir_rest_request *request,
                                       weir_rest_response *response, weir_error *err)
{
    counting *self = user;
    return weir_rest_answer_changes(&self->changes, request, response, err);
}

static void start_counting(counting *self, size_t bytes_max)
{
    self->topology = count_topology_new(&(count_topology_options){0});
    CHECK_OK(
        weir_broker_embedded_open(&(weir_broker_embedded_options){0}, &self->broker, &self->err),
        &self->err);
    count_topology_topics(self->broker, 1);
    const weir_setting settings[] = {{"application.id", "counter"}, {"commit.interval.ms", "10"}};
    CHECK_OK(weir_config_init(&self->config, settings, WEIR_COUNT_OF(settings), &self->err),
             &self->err);
    const weir_application_options options = {
        .topology = self->topology, .config = &self->config, .broker = self->broker};
    CHECK_OK(weir_application_new(&options, &self->application, &self->err), &self->err);
    CHECK_OK(weir_application_start(self->application, &self->err), &self->err);
    self->changes = (weir_rest_changes){.application = self->application,
                                        .store = "counts",
                                        .bytes_max = bytes_max,
                                        .write = write_number};
    const weir_rest_route route = {"GET", "/changes", answer_with_changes, self};
    CHECK_OK(weir_rest_new(&(weir_rest_options){0}, &self->rest, &self->err), &self->err);
    weir_rest_add(self->rest, &route, 1);
    CHECK_OK(weir_rest_start(self->rest, &self->err), &self->err);
}

static void counting_cleanup(counting *self)
{
    weir_rest_free(self->rest);
    weir_application_free(self->application);
    weir_broker_free(self->broker);
    weir_config_cleanup(&self->config);
    weir_topology_free(self->topology);
}

TEST(committed_changes_of_a_store_are_told_as_events)
{
    WEIR_AUTO(counting) a = {0};
    start_counting(&a, 0);
    WEIR_AUTO(client) all = client_of(a.rest, "/changes?old_values=true");
    WEIR_AUTO(client) one = client_of(a.rest, "/changes?key=b");
    read_until(&all, "event: started\ndata: {\"partition\":0,");
    read_until(&one, "event: started\n");
    count_topology_feed_one(a.broker, "a", "v");
    read_until(&all, "\"key\":\"a\",\"value\":1,\"timestamp_ms\":");
    count_topology_feed_one(a.broker, "b", "v");
    count_topology_feed_one(a.broker, "a", "v");
    read_until(&all, "\"key\":\"b\",\"value\":1,");
    read_until(&all, "\"key\":\"a\",\"value\":2,\"old_value\":1,");
    read_until(&one, "event: change\n");
    CHECK(strstr(weir_buf_text(&one.got), "\"key\":\"a\"") == NULL);
    weir_rest_free(weir_take(&a.rest));
    read_to_end(&all);
    check_whole(&all);
    CHECK(strstr(weir_buf_text(&all.got), "event: lost") == NULL);
}

TEST(changes_that_find_no_room_are_told_to_be_lost)
{
    WEIR_AUTO(counting) a = {0};
    start_counting(&a, 1);
    WEIR_AUTO(client) c = client_of(a.rest, "/changes");
    read_until(&c, "event: started\n");
    count_topology_feed(a.broker, 0, 100);
    read_until(&c, "event: lost\ndata: {\"partition\":0,\"position\":");
    CHECK(strstr(weir_buf_text(&c.got), "event: change") == NULL);
}

TEST(question_for_changes_that_makes_no_sense_is_refused)
{
    WEIR_AUTO(counting) a = {0};
    start_counting(&a, 0);
    WEIR_AUTO(client) both = client_of(a.rest, "/changes?key=a&prefix=b");
    read_to_end(&both);
    CHECK(strstr(weir_buf_text(&both.got), " 400 ") != NULL);
    a.changes.store = "nowhere";
    WEIR_AUTO(client) nowhere = client_of(a.rest, "/changes");
    read_to_end(&nowhere);
    CHECK(strstr(weir_buf_text(&nowhere.got), " 409 ") != NULL);
}
