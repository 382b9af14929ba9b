/* SPDX-License-Identifier: Apache-2.0
 *
 * subscription.c - what is committed and told, between the workers and one subscriber.
 *
 *   worker: gathers ── commit ──▶ queue ─┐
 *   worker: STARTED, ENDED, MISSED ──┴▶ due ┴─▶ reading ──▶ subscriber
 *
 * The queue is of bounded bytes. A signal that it has no room for is due: of each partition the
 * latest one, so that none is lost. The subscriber takes the queue as a whole and puts what is due
 * behind it. While something is due of a partition its changes are dropped, for the subscriber will
 * read its rows anew; so all that is in the queue comes before what is due.
 *
 * Workers hear of a subscription by mailbox, and the mailbox here carries no messages: it wakes.
 */
#include "streams/subscription_internal.h"

#include "streams/application_internal.h"
#include "streams/query_internal.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* In front of each part of a queue: the changes of one commit, or a signal without any. */
typedef struct part_head {
    weir_store_change_kind kind;
    int32_t partition;
    int64_t position;
    size_t bytes;
} part_head;

/* What is due to be told of a partition; kind ROW: nothing. */
typedef struct due_signal {
    weir_store_change_kind kind;
    int64_t position;
} due_signal;

struct weir_subscription {
    weir_application *application;
    size_t store_index;
    size_t partition_count;
    weir_buf key;
    bool has_key;
    bool has_prefix; /* It is in key. */
    bool old_values;
    size_t bytes_max;
    size_t reserved_bytes; /* Of the application's share. */
    weir_mailbox *bell;

    pthread_mutex_t lock;
    size_t holders;   /* Under lock. */
    weir_buf queue;   /* Under lock. */
    due_signal *due;  /* Under lock, by partition. */
    size_t due_count; /* Under lock. */

    weir_buf reading; /* The subscriber's, as the rest. */
    size_t at;        /* In reading. */
    part_head part;   /* Which at is in… */
    size_t part_end;  /* …and where that ends. */
};

size_t weir_subscription_store(const weir_subscription *subscription)
{
    return subscription->store_index;
}

bool weir_subscription_wants(const weir_subscription *subscription, weir_bytes key)
{
    weir_bytes wanted = weir_buf_bytes(&subscription->key);
    return subscription->has_prefix ? weir_bytes_starts_with(key, wanted)
                                    : !subscription->has_key || weir_bytes_equal(key, wanted);
}

bool weir_subscription_wants_old(const weir_subscription *subscription)
{
    return subscription->old_values;
}

size_t weir_subscription_partitions(const weir_subscription *subscription)
{
    return subscription->partition_count;
}

size_t weir_subscription_bytes_max(const weir_subscription *subscription)
{
    return subscription->bytes_max;
}

static void free_all(weir_subscription *subscription)
{
    pthread_mutex_destroy(&subscription->lock);
    weir_mailbox_free(subscription->bell);
    weir_buf_cleanup(&subscription->key);
    weir_buf_cleanup(&subscription->queue);
    weir_buf_cleanup(&subscription->reading);
    free(subscription->due);
    free(subscription);
}

static void hold(weir_subscription *subscription)
{
    pthread_mutex_lock(&subscription->lock);
    subscription->holders++;
    pthread_mutex_unlock(&subscription->lock);
}

/* The subscriber holds it, too. */
static void give_back(weir_subscription *subscription)
{
    pthread_mutex_lock(&subscription->lock);
    WEIR_ASSERT(subscription->holders > 1);
    subscription->holders--;
    pthread_mutex_unlock(&subscription->lock);
}

void weir_subscription_release(weir_subscription *subscription)
{
    pthread_mutex_lock(&subscription->lock);
    WEIR_ASSERT(subscription->holders > 0);
    bool is_last = --subscription->holders == 0;
    pthread_mutex_unlock(&subscription->lock);
    if (is_last) {
        free_all(subscription);
    }
}

static bool has_room(const weir_subscription *subscription, size_t bytes)
{
    return subscription->queue.size + sizeof(part_head) + bytes <= subscription->bytes_max;
}

static void append_part(weir_buf *queue, const part_head *part, weir_bytes changes)
{
    weir_buf_append(queue, part, sizeof(*part));
    weir_buf_append(queue, changes.data, changes.size);
}

/* Under lock. A partition that is to be read anew, or has left, has missed nothing besides. */
static void put_signal(weir_subscription *subscription, const part_head *signal)
{
    due_signal *due = &subscription->due[signal->partition];
    if (due->kind == WEIR_CHANGE_ROW && has_room(subscription, 0)) {
        append_part(&subscription->queue, signal, WEIR_BYTES_NULL);
        return;
    }
    bool is_new = due->kind == WEIR_CHANGE_ROW;
    subscription->due_count += is_new ? 1 : 0;
    due->kind = is_new || signal->kind != WEIR_CHANGE_MISSED ? signal->kind : due->kind;
    due->position = signal->position;
}

void weir_subscription_signal(weir_subscription *subscription, int32_t partition, int64_t position,
                              weir_store_change_kind kind)
{
    WEIR_ASSERT(kind != WEIR_CHANGE_ROW);
    const part_head signal = {kind, partition, position, 0};
    pthread_mutex_lock(&subscription->lock);
    put_signal(subscription, &signal);
    pthread_mutex_unlock(&subscription->lock);
    weir_mailbox_wake(subscription->bell);
}

void weir_subscription_deliver(weir_subscription *subscription, int32_t partition, int64_t position,
                               weir_bytes changes)
{
    part_head part = {WEIR_CHANGE_ROW, partition, position, changes.size};
    pthread_mutex_lock(&subscription->lock);
    if (subscription->due[partition].kind == WEIR_CHANGE_ROW &&
        has_room(subscription, changes.size)) {
        append_part(&subscription->queue, &part, changes);
    } else {
        part.kind = WEIR_CHANGE_MISSED;
        part.bytes = 0;
        put_signal(subscription, &part);
    }
    pthread_mutex_unlock(&subscription->lock);
    weir_mailbox_wake(subscription->bell);
}

/* The subscriber's side. */

/* Takes all that has come since the last time. */
static void take_queue(weir_subscription *subscription)
{
    weir_buf_clear(&subscription->reading);
    subscription->at = 0;
    subscription->part_end = 0;
    pthread_mutex_lock(&subscription->lock);
    weir_buf empty = subscription->reading;
    subscription->reading = subscription->queue;
    subscription->queue = empty;
    for (size_t i = 0; subscription->due_count > 0 && i < subscription->partition_count; i++) {
        due_signal *due = &subscription->due[i];
        if (due->kind != WEIR_CHANGE_ROW) {
            const part_head part = {due->kind, (int32_t)i, due->position, 0};
            append_part(&subscription->reading, &part, WEIR_BYTES_NULL);
            *due = (due_signal){0};
            subscription->due_count--;
        }
    }
    pthread_mutex_unlock(&subscription->lock);
}

static weir_bytes take_bytes(weir_subscription *subscription, bool is_there, size_t size)
{
    if (!is_there) {
        return WEIR_BYTES_NULL;
    }
    weir_bytes bytes = weir_bytes_of(subscription->reading.data + subscription->at, size);
    subscription->at += size;
    return bytes;
}

static void take_row(weir_subscription *subscription, weir_store_change *out_change)
{
    weir_change_head head;
    memcpy(&head, subscription->reading.data + subscription->at, sizeof(head));
    subscription->at += sizeof(head);
    out_change->key = take_bytes(subscription, true, head.key_size);
    out_change->value = take_bytes(subscription, head.has_value, head.value_size);
    out_change->old_value = take_bytes(subscription, head.has_old, head.old_size);
    out_change->timestamp_ms = head.timestamp_ms;
    out_change->window_start_ms = head.window_start_ms;
    out_change->window_end_ms = head.window_end_ms;
}

/* The next change of what is being read; false: that is at its end. */
static bool take_change(weir_subscription *subscription, weir_store_change *out_change)
{
    if (subscription->at == subscription->part_end) {
        if (subscription->at == subscription->reading.size) {
            return false;
        }
        const uint8_t *head = subscription->reading.data + subscription->at;
        memcpy(&subscription->part, head, sizeof(subscription->part));
        subscription->at += sizeof(subscription->part);
        subscription->part_end = subscription->at + subscription->part.bytes;
    }
    *out_change = (weir_store_change){
        .kind = subscription->part.kind,
        .partition = subscription->part.partition,
        .position = subscription->part.position,
        .window_start_ms = -1,
        .window_end_ms = -1,
    };
    if (subscription->part.kind == WEIR_CHANGE_ROW) {
        take_row(subscription, out_change);
    }
    return true;
}

static bool take_next(weir_subscription *subscription, weir_store_change *out_change)
{
    if (take_change(subscription, out_change)) {
        return true;
    }
    (void)weir_mailbox_drain(subscription->bell, NULL); /* Before looking, or it could miss one. */
    take_queue(subscription);
    return take_change(subscription, out_change);
}

weir_status weir_subscription_next(weir_subscription *subscription, uint32_t timeout_ms,
                                   weir_store_change *out_change, weir_error *err)
{
    weir_application_state state = weir_application_state_now(subscription->application);
    if (take_next(subscription, out_change)) {
        return WEIR_OK;
    }
    if (state == WEIR_APPLICATION_NOT_RUNNING || state == WEIR_APPLICATION_ERROR) {
        return weir_error_set(err, WEIR_FENCED, "the application has ended");
    }
    if (timeout_ms > 0) {
        int wait_ms = timeout_ms > INT32_MAX ? INT32_MAX : (int)timeout_ms;
        (void)weir_mailbox_wait(subscription->bell, wait_ms);
        if (take_next(subscription, out_change)) {
            return WEIR_OK;
        }
    }
    return weir_error_set(err, WEIR_AGAIN, "nothing has changed");
}

int weir_subscription_fd(const weir_subscription *subscription)
{
    return weir_mailbox_fd(subscription->bell);
}

static void watch(void *consumer, void *argument)
{
    weir_stream_thread_watch(consumer, argument);
}

static void release(void *argument)
{
    weir_subscription_release(argument);
}

static void unwatch(void *consumer, void *argument)
{
    weir_stream_thread_unwatch(consumer, argument);
}

/* Each worker holds the subscription from here on, in its mailbox at first. */
static void tell_workers(weir_subscription *subscription)
{
    for (size_t i = 0; i < subscription->application->worker_count; i++) {
        hold(subscription);
        const weir_message message = {watch, release, subscription};
        if (weir_application_tell_worker(subscription->application, i, message) != WEIR_OK) {
            give_back(subscription);
        }
    }
}

static weir_status check(const weir_application *application,
                         const weir_subscription_options *options,
                         const weir_topology_store **out_store, weir_error *err)
{
    WEIR_TRY(weir_query_find_store(application->plan, options->store, out_store, err));
    if (options->key.data != NULL && options->prefix.data != NULL) {
        return weir_error_set(err, WEIR_INVALID, "store '%s': a key or a prefix, not both",
                              options->store);
    }
    return WEIR_OK;
}

/* Of the share of all; the queue, what is read, and what each worker gathers are of bytes_max. */
enum { SUBSCRIPTIONS_MIN = 16, QUEUES = 2 };

static weir_status reserve(weir_application *application, size_t bytes_max, size_t *out_reserved,
                           weir_error *err)
{
    size_t limit = (size_t)application->options.config->subscription_bytes_max;
    size_t bytes = bytes_max * (application->worker_count + QUEUES);
    pthread_mutex_lock(&application->lock);
    size_t taken = application->subscribed_bytes;
    bool has_room = taken + bytes <= limit;
    application->subscribed_bytes += has_room ? bytes : 0;
    pthread_mutex_unlock(&application->lock);
    if (!has_room) {
        return weir_error_set(
            err, WEIR_AGAIN,
            "subscriptions take %zu bytes of %zu: end one, ask for less than %zu, "
            "or raise weir.subscription.bytes.max",
            taken, limit, bytes_max);
    }
    *out_reserved = bytes;
    return WEIR_OK;
}

static size_t bytes_max_of(const weir_application *application, size_t asked)
{
    size_t limit = (size_t)application->options.config->subscription_bytes_max;
    size_t most = limit / SUBSCRIPTIONS_MIN / (application->worker_count + QUEUES);
    size_t wanted = asked == 0 ? WEIR_SUBSCRIPTION_BYTES : asked;
    return wanted < most ? wanted : most;
}

weir_status weir_subscription_new(weir_application *application,
                                  const weir_subscription_options *options,
                                  weir_subscription **out_subscription, weir_error *err)
{
    WEIR_ASSERT(options->store != NULL);
    const weir_topology_store *store = NULL;
    WEIR_TRY(check(application, options, &store, err));
    const weir_plan *plan = application->plan;
    size_t bytes_max = bytes_max_of(application, options->bytes_max);
    size_t reserved = 0;
    WEIR_TRY(reserve(application, bytes_max, &reserved, err));
    weir_subscription *subscription = weir_alloc(sizeof(*subscription));
    pthread_mutex_init(&subscription->lock, NULL);
    subscription->application = application;
    subscription->store_index = (size_t)(store - plan->topology->stores);
    subscription->partition_count = (size_t)plan->subtopology_task_counts[store->subtopology];
    subscription->has_prefix = options->prefix.data != NULL;
    subscription->has_key = options->key.data != NULL;
    weir_buf_set(&subscription->key, subscription->has_prefix ? options->prefix : options->key);
    subscription->old_values = options->old_values;
    subscription->bytes_max = bytes_max;
    subscription->reserved_bytes = reserved;
    subscription->bell = weir_mailbox_new(1);
    subscription->due = weir_alloc_array(subscription->partition_count, sizeof(due_signal));
    subscription->holders = 1;
    tell_workers(subscription);
    *out_subscription = subscription;
    return WEIR_OK;
}

/* A worker that has ended lets go of the subscription when it is freed. */
void weir_subscription_free(weir_subscription *subscription)
{
    if (subscription == NULL) {
        return;
    }
    for (size_t i = 0; i < subscription->application->worker_count; i++) {
        const weir_message message = {unwatch, NULL, subscription};
        (void)weir_application_tell_worker(subscription->application, i, message);
    }
    pthread_mutex_lock(&subscription->application->lock);
    subscription->application->subscribed_bytes -= subscription->reserved_bytes;
    pthread_mutex_unlock(&subscription->application->lock);
    weir_subscription_release(subscription);
}
