/* SPDX-License-Identifier: Apache-2.0
 *
 * mailbox.h - how one thread asks another to do something: a bounded queue of closures that many
 * threads fill and one thread, the consumer, runs between its own steps.
 *
 * Ownership  A message's argument belongs to the mailbox once the post answers WEIR_OK, until run
 *            or discard gets it. Exactly one of the two is called, exactly once.
 * Errors     WEIR_AGAIN where there is no room or no answer in time; WEIR_FENCED once the consumer
 *            has closed the mailbox: who owned the thing that was asked for is gone.
 * Threads    post, try_post, call, wake: any thread. drain, wait, close: the consumer alone. No
 *            lock is held while a closure runs, so that it may post to any mailbox by try_post.
 */
#ifndef WEIR_STREAMS_BASE_MAILBOX_H
#define WEIR_STREAMS_BASE_MAILBOX_H

#include "streams/base/bytes.h"
#include "streams/base/status.h"

typedef struct weir_mailbox weir_mailbox;

typedef struct weir_message {
    /* Called by weir_mailbox_drain; consumer is what the consumer passed to it. */
    void (*run)(void *consumer, void *argument);
    /* Called instead of run where the mailbox closes first; NULL where nothing is to be freed. */
    void (*discard)(void *argument);
    void *argument;
} weir_message;

/* A mailbox with room for messages_max (at least 1) messages. Aborts where the process is out of
 * file descriptors. */
weir_mailbox *weir_mailbox_new(size_t messages_max);

/* Closes and frees. No other thread may use the mailbox any more. NULL is fine. */
void weir_mailbox_free(weir_mailbox *mailbox);
WEIR_DEFINE_AUTO_PTR(weir_mailbox);

/* Queues message; WEIR_AGAIN where the mailbox is full. Never blocks. */
weir_status weir_mailbox_try_post(weir_mailbox *mailbox, weir_message message, weir_error *err);

/* Queues message and waits for room as long as it takes. Not for the consumer's own thread, which
 * would wait for itself. */
weir_status weir_mailbox_post(weir_mailbox *mailbox, weir_message message, weir_error *err);

/* What weir_mailbox_call runs: its status and *err (never NULL) become those of the call. */
typedef weir_status (*weir_mailbox_question)(void *consumer, void *argument, weir_error *err);

/* Runs question(consumer, argument) on the consumer's thread and waits for its answer. WEIR_AGAIN
 * where it has not begun within timeout_ms: then it never runs. Once it runs, its end is awaited,
 * so argument may lie on the caller's stack. Not for the consumer's own thread. */
weir_status weir_mailbox_call(weir_mailbox *mailbox, weir_mailbox_question question, void *argument,
                              uint32_t timeout_ms, weir_error *err);

/* Makes weir_mailbox_fd readable and ends a wait, without a message. Async-signal-safe. */
void weir_mailbox_wake(weir_mailbox *mailbox);

/* Runs the messages that are queued now, oldest first, and answers how many. Those that are
 * posted meanwhile stay for the next time. Costs one load where the mailbox is empty. */
size_t weir_mailbox_drain(weir_mailbox *mailbox, void *consumer);

/* Waits until a message is queued, somebody wakes the consumer, or timeout_ms (-1: no limit) have
 * passed. True unless the time ran out. */
bool weir_mailbox_wait(weir_mailbox *mailbox, int timeout_ms);

/* A descriptor for poll(): readable when there is something to drain. weir_mailbox_drain resets
 * it. It belongs to the mailbox. */
int weir_mailbox_fd(const weir_mailbox *mailbox);

/* Discards what is queued, answers WEIR_FENCED to callers who wait and to every later post. May be
 * called twice. */
void weir_mailbox_close(weir_mailbox *mailbox);

#endif
