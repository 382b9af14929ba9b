/* SPDX-License-Identifier: Apache-2.0
 *
 * Closures cross from one thread to another exactly once, in order, and nobody waits for a consumer
 * that is gone (streams/base/mailbox.c). Threads meet by joins and by the mailbox itself.
 */
#include "streams/base/mailbox.h"
#include "tests/harness/check.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { FOREVER_MS = 60 * 1000 };

typedef struct consumer {
    int64_t seen[16];
    size_t count;
    bool stopped;
} consumer;

static void note(void *context, void *argument)
{
    consumer *at = context;
    at->seen[at->count++ % WEIR_COUNT_OF(at->seen)] = *(int64_t *)argument;
}

static void count_discarded(void *argument)
{
    (*(int64_t *)argument)++;
}

static bool is_readable(const weir_mailbox *mailbox)
{
    struct pollfd fd = {.fd = weir_mailbox_fd(mailbox), .events = POLLIN};
    return poll(&fd, 1, 0) == 1;
}

TEST(messages_run_in_the_order_in_which_they_were_posted)
{
    WEIR_AUTO_PTR(weir_mailbox) mailbox = weir_mailbox_new(3);
    weir_error err = {0};
    consumer at = {0};
    int64_t numbers[] = {1, 2, 3, 4};
    for (size_t i = 0; i < 3; i++) {
        CHECK_OK(weir_mailbox_try_post(mailbox, (weir_message){note, NULL, &numbers[i]}, &err),
                 &err);
    }
    CHECK_STATUS(weir_mailbox_try_post(mailbox, (weir_message){note, NULL, &numbers[3]}, &err),
                 WEIR_AGAIN);

    CHECK_I64(weir_mailbox_drain(mailbox, &at), ==, 3);
    CHECK_I64(at.seen[0], ==, 1);
    CHECK_I64(at.seen[2], ==, 3);
    CHECK_OK(weir_mailbox_try_post(mailbox, (weir_message){note, NULL, &numbers[3]}, &err), &err);
    CHECK_I64(weir_mailbox_drain(mailbox, &at), ==, 1);
    CHECK_I64(at.seen[3], ==, 4);
}

TEST(descriptor_is_readable_exactly_while_something_waits)
{
    WEIR_AUTO_PTR(weir_mailbox) mailbox = weir_mailbox_new(4);
    weir_error err = {0};
    consumer at = {0};
    int64_t number = 7;
    CHECK(!is_readable(mailbox));
    CHECK(!weir_mailbox_wait(mailbox, 0));

    CHECK_OK(weir_mailbox_try_post(mailbox, (weir_message){note, NULL, &number}, &err), &err);
    CHECK(is_readable(mailbox));
    CHECK(weir_mailbox_wait(mailbox, FOREVER_MS));
    CHECK_I64(weir_mailbox_drain(mailbox, &at), ==, 1);
    CHECK(!is_readable(mailbox));

    weir_mailbox_wake(mailbox);
    weir_mailbox_wake(mailbox);
    CHECK(is_readable(mailbox));
    CHECK_I64(weir_mailbox_drain(mailbox, &at), ==, 0);
    CHECK(!is_readable(mailbox));
}

/* Between its two steps, a waker has said that it wakes and has yet to write to the descriptor. */
TEST(wake_that_is_half_done_does_not_leave_the_descriptor_readable)
{
    WEIR_AUTO_PTR(weir_mailbox) mailbox = weir_mailbox_new(1);
    consumer at = {0};
    uint64_t written = 0;
    weir_mailbox_wake(mailbox);
    CHECK_I64(read(weir_mailbox_fd(mailbox), &written, sizeof written), ==, sizeof written);

    CHECK_I64(weir_mailbox_drain(mailbox, &at), ==, 0);
    CHECK_I64(write(weir_mailbox_fd(mailbox), &written, sizeof written), ==, sizeof written);
    CHECK(is_readable(mailbox));
    CHECK_I64(weir_mailbox_drain(mailbox, &at), ==, 0);
    CHECK(!is_readable(mailbox));
    weir_mailbox_wake(mailbox);
    CHECK(is_readable(mailbox));
}

typedef struct again {
    weir_mailbox *mailbox;
    int times;
} again;

static void post_again(void *context, void *argument)
{
    again *self = argument;
    (void)context;
    weir_error err = {0};
    self->times++;
    CHECK_OK(weir_mailbox_try_post(self->mailbox, (weir_message){post_again, NULL, self}, &err),
             &err);
}

TEST(message_posted_by_a_message_waits_for_the_next_drain)
{
    WEIR_AUTO_PTR(weir_mailbox) mailbox = weir_mailbox_new(1);
    again self = {mailbox, 0};
    post_again(NULL, &self);
    CHECK_I64(weir_mailbox_drain(mailbox, NULL), ==, 1);
    CHECK_I64(self.times, ==, 2);
    CHECK(is_readable(mailbox));
    CHECK_I64(weir_mailbox_drain(mailbox, NULL), ==, 1);
    CHECK_I64(self.times, ==, 3);
}

TEST(close_discards_what_waits_and_refuses_what_comes_later)
{
    WEIR_AUTO_PTR(weir_mailbox) mailbox = weir_mailbox_new(2);
    weir_error err = {0};
    int64_t discarded = 0;
    weir_message message = {note, count_discarded, &discarded};
    CHECK_OK(weir_mailbox_try_post(mailbox, message, &err), &err);
    CHECK_OK(weir_mailbox_try_post(mailbox, message, &err), &err);

    weir_mailbox_close(mailbox);
    CHECK_I64(discarded, ==, 2);
    CHECK_STATUS(weir_mailbox_try_post(mailbox, message, &err), WEIR_FENCED);
    CHECK_STATUS(weir_mailbox_post(mailbox, message, &err), WEIR_FENCED);
    CHECK_STR(err.message, "the thread that was asked has stopped: look up its successor");
    weir_mailbox_close(mailbox);
    CHECK_I64(discarded, ==, 2);
}

static weir_status answer_square(void *context, void *argument, weir_error *err)
{
    (void)context;
    int64_t *number = argument;
    if (*number < 0) {
        return weir_error_set(err, WEIR_INVALID, "%" PRId64 " is negative", *number);
    }
    *number *= *number;
    return WEIR_OK;
}

static void stop(void *context, void *argument)
{
    (void)argument;
    ((consumer *)context)->stopped = true;
}

/* Drains until a message says stop, then closes. */
static void *consume(void *argument)
{
    weir_mailbox *mailbox = argument;
    consumer at = {0};
    while (!at.stopped) {
        (void)weir_mailbox_wait(mailbox, -1);
        (void)weir_mailbox_drain(mailbox, &at);
    }
    weir_mailbox_close(mailbox);
    return NULL;
}

static pthread_t start(void *(*run)(void *), void *argument)
{
    pthread_t thread;
    CHECK_I64(pthread_create(&thread, NULL, run, argument), ==, 0);
    return thread;
}

static void join(pthread_t thread)
{
    CHECK_I64(pthread_join(thread, NULL), ==, 0);
}

TEST(call_brings_back_the_answer_or_the_error_of_the_question)
{
    WEIR_AUTO_PTR(weir_mailbox) mailbox = weir_mailbox_new(1);
    weir_error err = {0};
    pthread_t thread = start(consume, mailbox);

    int64_t number = 12;
    CHECK_OK(weir_mailbox_call(mailbox, answer_square, &number, FOREVER_MS, &err), &err);
    CHECK_I64(number, ==, 144);
    number = -1;
    CHECK_STATUS(weir_mailbox_call(mailbox, answer_square, &number, FOREVER_MS, &err),
                 WEIR_INVALID);
    CHECK_STR(err.message, "-1 is negative");

    CHECK_OK(weir_mailbox_post(mailbox, (weir_message){stop, NULL, NULL}, &err), &err);
    join(thread);
    CHECK_STATUS(weir_mailbox_call(mailbox, answer_square, &number, FOREVER_MS, &err), WEIR_FENCED);
}

TEST(call_that_nobody_takes_up_in_time_never_runs)
{
    WEIR_AUTO_PTR(weir_mailbox) mailbox = weir_mailbox_new(2);
    weir_error err = {0};
    consumer at = {0};
    int64_t number = 3;
    int64_t noted = 5;
    CHECK_OK(weir_mailbox_try_post(mailbox, (weir_message){note, NULL, &noted}, &err), &err);
    CHECK_STATUS(weir_mailbox_call(mailbox, answer_square, &number, 0, &err), WEIR_AGAIN);
    CHECK_OK(weir_mailbox_try_post(mailbox, (weir_message){note, NULL, &noted}, &err), &err);
    CHECK_STATUS(weir_mailbox_call(mailbox, answer_square, &number, 0, &err), WEIR_AGAIN);

    CHECK_I64(weir_mailbox_drain(mailbox, &at), ==, 2);
    CHECK_I64(at.count, ==, 2);
    CHECK_I64(number, ==, 3);
}

static void *close_when_asked(void *argument)
{
    weir_mailbox *mailbox = argument;
    (void)weir_mailbox_wait(mailbox, -1);
    weir_mailbox_close(mailbox);
    return NULL;
}

TEST(caller_who_waits_hears_that_the_consumer_closed)
{
    WEIR_AUTO_PTR(weir_mailbox) mailbox = weir_mailbox_new(1);
    weir_error err = {0};
    pthread_t thread = start(close_when_asked, mailbox);
    int64_t number = 2;
    CHECK_STATUS(weir_mailbox_call(mailbox, answer_square, &number, FOREVER_MS, &err), WEIR_FENCED);
    CHECK_I64(number, ==, 2);
    join(thread);
}

enum { PRODUCERS = 4, POSTS = 2000 };

typedef struct tally {
    int64_t next[PRODUCERS]; /* What each producer posts next, as the consumer sees it. */
    int64_t total;
} tally;

typedef struct post {
    int producer;
    int64_t number;
} post;

typedef struct producer {
    weir_mailbox *mailbox;
    int index;
} producer;

static void take_post(void *context, void *argument)
{
    tally *at = context;
    post *posted = argument;
    CHECK_I64(posted->number, ==, at->next[posted->producer]);
    at->next[posted->producer]++;
    at->total++;
    free(posted);
}

static weir_status read_total(void *context, void *argument, weir_error *err)
{
    (void)err;
    *(int64_t *)argument = ((tally *)context)->total;
    return WEIR_OK;
}

static void *produce(void *argument)
{
    producer *self = argument;
    weir_error err = {0};
    for (int64_t i = 0; i < POSTS; i++) {
        post *posted = weir_alloc(sizeof *posted);
        *posted = (post){self->index, i};
        CHECK_OK(weir_mailbox_post(self->mailbox, (weir_message){take_post, free, posted}, &err),
                 &err);
        int64_t total = -1;
        if (i % 500 == 0) {
            CHECK_OK(weir_mailbox_call(self->mailbox, read_total, &total, FOREVER_MS, &err), &err);
            CHECK_I64(total, >, i);
        }
    }
    return NULL;
}

TEST(many_producers_lose_and_reorder_nothing_through_a_small_ring)
{
    WEIR_AUTO_PTR(weir_mailbox) mailbox = weir_mailbox_new(8);
    producer producers[PRODUCERS];
    pthread_t threads[PRODUCERS];
    for (int i = 0; i < PRODUCERS; i++) {
        producers[i] = (producer){mailbox, i};
        threads[i] = start(produce, &producers[i]);
    }
    tally at = {0};
    while (at.total < (int64_t)PRODUCERS * POSTS) {
        CHECK(weir_mailbox_wait(mailbox, FOREVER_MS));
        (void)weir_mailbox_drain(mailbox, &at);
    }
    for (int i = 0; i < PRODUCERS; i++) {
        (void)weir_mailbox_drain(mailbox, &at);
        join(threads[i]);
        CHECK_I64(at.next[i], ==, POSTS);
    }
    CHECK(!is_readable(mailbox));
}
