/* SPDX-License-Identifier: Apache-2.0
 *
 * What a store is told of keys that the next records will likely read (streams/task_ahead.c).
 */
#include "statestore/staged.h"
#include "streams/base/serde.h"
#include "streams/task_internal.h"
#include "tests/harness/check.h"

enum { RECORDS = 24, KEY_BYTES = 4 };

typedef struct fixture {
    weir_task task;
    weir_task_store store;
    weir_record_queue *queue;
    uint8_t keys[RECORDS][KEY_BYTES];
    weir_record records[RECORDS];
    weir_batch batch;
} fixture;

static void keep(weir_batch *batch)
{
    (void)batch; /* It is the fixture's. */
}

/* A queue of records with different keys, and a store that has each of them with suffix behind. */
static void start(fixture *f, weir_bytes suffix)
{
    f->store.task = &f->task;
    f->store.staged = weir_staged_new("s", NULL);
    f->task.stores = &f->store;
    f->task.store_count = 1;
    weir_error err = {0};
    WEIR_AUTO(weir_buf) key = {0};
    for (uint32_t i = 0; i < RECORDS; i++) {
        weir_put_u32_be(f->keys[i], i);
        f->records[i].key = weir_bytes_of(f->keys[i], KEY_BYTES);
        weir_buf_set(&key, f->records[i].key);
        weir_buf_append(&key, suffix.data, suffix.size);
        CHECK_OK(weir_kv_put(weir_staged_view(f->store.staged), weir_buf_bytes(&key),
                             WEIR_BYTES("v"), &err),
                 &err);
    }
    f->batch = (weir_batch){.records = f->records, .count = RECORDS, .free = keep};
    f->queue = weir_record_queue_new(NULL);
    weir_record_queue_add(f->queue, &f->batch);
}

static void fixture_cleanup(fixture *f)
{
    weir_record_queue_free(f->queue);
    weir_staged_free(f->store.staged);
}

/* The first record reads the store by its key and suffix; then the task looks ahead. */
static uint64_t keys_expected(fixture *f, weir_bytes suffix)
{
    WEIR_AUTO(weir_buf) key = {0};
    weir_buf_set(&key, f->records[0].key);
    weir_buf_append(&key, suffix.data, suffix.size);
    f->task.current.record = &f->records[0];
    weir_task_store_note_key(&f->store, weir_buf_bytes(&key));
    weir_task_look_ahead(&f->task, f->queue);
    return weir_staged_expected(f->store.staged);
}

TEST(a_store_that_is_read_by_the_records_key_is_told_of_the_next_ones)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, WEIR_BYTES(""));
    CHECK_I64(keys_expected(&f, WEIR_BYTES("")), ==, 1);
    weir_record_queue_pop(f.queue);
    weir_task_look_ahead(&f.task, f.queue);
    CHECK_I64(weir_staged_expected(f.store.staged), ==, 2);
}

TEST(what_stands_after_the_records_key_is_taken_to_stay_the_same)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, WEIR_BYTES("window"));
    CHECK_I64(keys_expected(&f, WEIR_BYTES("window")), ==, 1);
}

TEST(nothing_is_guessed_of_a_store_that_is_read_by_other_keys)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, WEIR_BYTES(""));
    CHECK_I64(keys_expected(&f, WEIR_BYTES("")), ==, 1);
    weir_task_store_note_key(&f.store, WEIR_BYTES("another"));
    weir_task_look_ahead(&f.task, f.queue);
    CHECK_I64(weir_staged_expected(f.store.staged), ==, 1);
}

TEST(the_last_records_of_a_queue_have_nothing_ahead)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, WEIR_BYTES(""));
    while (weir_record_queue_count(f.queue) > 1) {
        weir_record_queue_pop(f.queue);
    }
    CHECK_I64(keys_expected(&f, WEIR_BYTES("")), ==, 0);
}
