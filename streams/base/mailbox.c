/* SPDX-License-Identifier: Apache-2.0
 *
 * mailbox.c - a ring of closures under one lock, and an eventfd that wakes the consumer's poll.
 *
 *   producers --try_post/post/call--> [ ring, messages_max ] --drain--> run(consumer, argument)
 *                                            |
 *                                         eventfd  readable while the ring may hold something
 *
 * The lock is held for a few instructions and never across a closure: drain takes out one message
 * at a time. A lock-free queue would save little, for messages are requests and completions, not
 * records; what is hot is the consumer that looks and finds nothing, so that is one atomic load.
 *
 * A call lies on its caller's stack and goes WAITING -> RUNNING -> ANSWERED, or WAITING -> (taken
 * out of the ring by the caller, whose time is up), or WAITING -> ANSWERED by close. The caller
 * leaves the stack frame only in the last two states or after ANSWERED, so the consumer never
 * touches a dead frame.
 */
#include "streams/base/mailbox.h"

#include "streams/base/clock.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { NS_PER_S = 1000 * 1000 * 1000 };

struct weir_mailbox {
    pthread_mutex_t lock; /* Guards what follows, except woken and woken_fd. */
    pthread_cond_t room;  /* A message left the ring, or the mailbox closed. */
    weir_message *ring;
    size_t messages_max;
    size_t first;
    size_t count;
    bool closed;
    atomic_bool woken; /* woken_fd was written since the last drain: a look without the lock. */
    int woken_fd;
};

typedef enum call_state { CALL_WAITING, CALL_RUNNING, CALL_ANSWERED } call_state;

typedef struct call {
    weir_mailbox *mailbox;
    weir_mailbox_question question;
    void *argument;
    call_state state; /* Under the mailbox's lock. */
    weir_status status;
    weir_error err;
    pthread_cond_t changed;
} call;

static void init_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    int failed = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    WEIR_ASSERT(failed == 0);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

static void take_lock(weir_mailbox *mailbox)
{
    int failed = pthread_mutex_lock(&mailbox->lock);
    WEIR_ASSERT(failed == 0);
}

static void give_lock(weir_mailbox *mailbox)
{
    int failed = pthread_mutex_unlock(&mailbox->lock);
    WEIR_ASSERT(failed == 0);
}

weir_mailbox *weir_mailbox_new(size_t messages_max)
{
    WEIR_ASSERT(messages_max > 0);

    weir_mailbox *mailbox = weir_alloc(sizeof *mailbox);
    mailbox->ring = weir_alloc_array(messages_max, sizeof *mailbox->ring);
    mailbox->messages_max = messages_max;
    int failed = pthread_mutex_init(&mailbox->lock, NULL);
    WEIR_ASSERT(failed == 0);
    init_condition(&mailbox->room);
    mailbox->woken_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    WEIR_ASSERT(mailbox->woken_fd >= 0);
    return mailbox;
}

void weir_mailbox_free(weir_mailbox *mailbox)
{
    if (mailbox == NULL) {
        return;
    }
    weir_mailbox_close(mailbox);
    pthread_cond_destroy(&mailbox->room);
    pthread_mutex_destroy(&mailbox->lock);
    (void)close(mailbox->woken_fd);
    free(mailbox->ring);
    free(mailbox);
}

static weir_status refuse_closed(weir_error *err)
{
    return weir_error_set(err, WEIR_FENCED,
                          "the thread that was asked has stopped: look up its successor");
}

/* Under the lock, with room in the ring. */
static void append(weir_mailbox *mailbox, weir_message message)
{
    WEIR_ASSERT(mailbox->count < mailbox->messages_max);
    mailbox->ring[(mailbox->first + mailbox->count) % mailbox->messages_max] = message;
    mailbox->count++;
    if (mailbox->count == 1) {
        weir_mailbox_wake(mailbox);
    }
}

/* Under the lock, with a message in the ring. */
static weir_message take_first(weir_mailbox *mailbox)
{
    WEIR_ASSERT(mailbox->count > 0);
    weir_message message = mailbox->ring[mailbox->first];
    mailbox->first = (mailbox->first + 1) % mailbox->messages_max;
    mailbox->count--;
    pthread_cond_signal(&mailbox->room);
    return message;
}

weir_status weir_mailbox_try_post(weir_mailbox *mailbox, weir_message message, weir_error *err)
{
    WEIR_ASSERT(message.run != NULL);

    take_lock(mailbox);
    bool closed = mailbox->closed;
    bool full = mailbox->count == mailbox->messages_max;
    if (!closed && !full) {
        append(mailbox, message);
    }
    give_lock(mailbox);
    if (closed) {
        return refuse_closed(err);
    }
    return full ? WEIR_AGAIN : WEIR_OK;
}

weir_status weir_mailbox_post(weir_mailbox *mailbox, weir_message message, weir_error *err)
{
    WEIR_ASSERT(message.run != NULL);

    take_lock(mailbox);
    while (!mailbox->closed && mailbox->count == mailbox->messages_max) {
        pthread_cond_wait(&mailbox->room, &mailbox->lock);
    }
    bool closed = mailbox->closed;
    if (!closed) {
        append(mailbox, message);
    }
    give_lock(mailbox);
    return closed ? refuse_closed(err) : WEIR_OK;
}

static void set_call_state(call *asked, call_state state)
{
    WEIR_ASSERT(asked->state < state);
    take_lock(asked->mailbox);
    asked->state = state;
    pthread_cond_signal(&asked->changed);
    give_lock(asked->mailbox);
}

static void run_call(void *consumer, void *argument)
{
    call *asked = argument;
    WEIR_ASSERT(asked->state == CALL_RUNNING); /* drain has set it, under the lock. */
    asked->status = asked->question(consumer, asked->argument, &asked->err);
    set_call_state(asked, CALL_ANSWERED);
}

static void discard_call(void *argument)
{
    call *asked = argument;
    asked->status = refuse_closed(&asked->err);
    set_call_state(asked, CALL_ANSWERED);
}

/* Under the lock: takes the message of asked out of the ring, wherever in it it is. */
static void withdraw(weir_mailbox *mailbox, const call *asked)
{
    size_t kept = 0;
    for (size_t i = 0; i < mailbox->count; i++) {
        weir_message at = mailbox->ring[(mailbox->first + i) % mailbox->messages_max];
        if (at.argument != asked) {
            mailbox->ring[(mailbox->first + kept++) % mailbox->messages_max] = at;
        }
    }
    WEIR_ASSERT(kept + 1 == mailbox->count);
    mailbox->count = kept;
    pthread_cond_signal(&mailbox->room);
}

static struct timespec deadline_after(uint32_t timeout_ms)
{
    uint64_t at_ns = weir_clock_monotonic_ns() + (uint64_t)timeout_ms * WEIR_NS_PER_MS;
    return (struct timespec){.tv_sec = (time_t)(at_ns / NS_PER_S),
                             .tv_nsec = (long)(at_ns % NS_PER_S)};
}

/* Under the lock: waits for room and queues the call. */
static weir_status append_call(weir_mailbox *mailbox, call *asked, const struct timespec *deadline,
                               weir_error *err)
{
    int timed_out = 0;
    while (!mailbox->closed && mailbox->count == mailbox->messages_max && timed_out == 0) {
        timed_out = pthread_cond_timedwait(&mailbox->room, &mailbox->lock, deadline);
    }
    if (mailbox->closed) {
        return refuse_closed(err);
    }
    if (mailbox->count == mailbox->messages_max) {
        return WEIR_AGAIN;
    }
    append(mailbox, (weir_message){run_call, discard_call, asked});
    return WEIR_OK;
}

/* Under the lock: waits for the answer, or withdraws the question when the time is up. */
static weir_status await_answer(call *asked, const struct timespec *deadline)
{
    int timed_out = 0;
    while (asked->state == CALL_WAITING && timed_out == 0) {
        timed_out = pthread_cond_timedwait(&asked->changed, &asked->mailbox->lock, deadline);
    }
    if (asked->state == CALL_WAITING) {
        withdraw(asked->mailbox, asked);
        return WEIR_AGAIN;
    }
    while (asked->state != CALL_ANSWERED) {
        pthread_cond_wait(&asked->changed, &asked->mailbox->lock);
    }
    return asked->status;
}

weir_status weir_mailbox_call(weir_mailbox *mailbox, weir_mailbox_question question, void *argument,
                              uint32_t timeout_ms, weir_error *err)
{
    WEIR_ASSERT(question != NULL);

    struct timespec deadline = deadline_after(timeout_ms);
    call asked = {.mailbox = mailbox, .question = question, .argument = argument};
    init_condition(&asked.changed);
    take_lock(mailbox);
    weir_status status = append_call(mailbox, &asked, &deadline, &asked.err);
    if (status == WEIR_OK) {
        status = await_answer(&asked, &deadline);
    }
    give_lock(mailbox);
    pthread_cond_destroy(&asked.changed);
    if (status != WEIR_OK && err != NULL) {
        *err = asked.err;
    }
    return status;
}

void weir_mailbox_wake(weir_mailbox *mailbox)
{
    if (atomic_exchange(&mailbox->woken, true)) {
        return;
    }
    int saved = errno; /* A signal handler may be running. */
    uint64_t one = 1;
    ssize_t written = write(mailbox->woken_fd, &one, sizeof one);
    (void)written; /* EAGAIN means that the counter is full: readable all the same. */
    errno = saved;
}

/* A wake between the two steps is not lost: whatever it announces is there already, and the drain
 * that follows sees it. The other order could leave woken set and the descriptor silent. Where
 * there is nothing to read the waker has yet to write: to forget its wake now would leave the
 * descriptor readable until the next one. */
static void reset_woken(weir_mailbox *mailbox)
{
    uint64_t times;
    ssize_t got = read(mailbox->woken_fd, &times, sizeof times);
    if (got == (ssize_t)sizeof times) {
        atomic_store(&mailbox->woken, false);
    }
}

/* Takes the oldest message; a call is RUNNING from here on, so that nobody withdraws it. */
static bool take_next(weir_mailbox *mailbox, weir_message *out_message)
{
    take_lock(mailbox);
    bool found = mailbox->count > 0;
    if (found) {
        *out_message = take_first(mailbox);
    }
    if (found && out_message->run == run_call) {
        ((call *)out_message->argument)->state = CALL_RUNNING;
    }
    give_lock(mailbox);
    return found;
}

static size_t count_queued(weir_mailbox *mailbox)
{
    take_lock(mailbox);
    size_t count = mailbox->count;
    give_lock(mailbox);
    return count;
}

size_t weir_mailbox_drain(weir_mailbox *mailbox, void *consumer)
{
    if (!atomic_load(&mailbox->woken)) {
        return 0;
    }
    reset_woken(mailbox);
    size_t queued = count_queued(mailbox);
    size_t ran = 0;
    weir_message message;
    while (ran < queued && take_next(mailbox, &message)) {
        message.run(consumer, message.argument);
        ran++;
    }
    if (count_queued(mailbox) > 0) { /* Posted to a ring that was not empty: nobody woke us. */
        weir_mailbox_wake(mailbox);
    }
    return ran;
}

bool weir_mailbox_wait(weir_mailbox *mailbox, int timeout_ms)
{
    struct pollfd woken = {.fd = mailbox->woken_fd, .events = POLLIN};
    return poll(&woken, 1, timeout_ms) != 0; /* A signal counts as a wake. */
}

int weir_mailbox_fd(const weir_mailbox *mailbox)
{
    return mailbox->woken_fd;
}

void weir_mailbox_close(weir_mailbox *mailbox)
{
    take_lock(mailbox);
    mailbox->closed = true;
    pthread_cond_broadcast(&mailbox->room);
    give_lock(mailbox);

    weir_message message;
    while (take_next(mailbox, &message)) {
        if (message.discard != NULL) {
            message.discard(message.argument);
        }
    }
}
