/* SPDX-License-Identifier: Apache-2.0
 *
 * task_ahead.c - has the memory that the next records need under way while one is processed.
 *
 *   queue:  head … +NEAR ………… +FAR            a read waits for two places in memory that nobody
 *                    │          └ index slot    has touched for long: half of what a count costs
 *                    └ entry                    with 200,000 keys
 *
 * Nobody says which keys a record will read. But most stores are read by the key of the record, or
 * (windows) by that key and what is the same for many records: so a store remembers what its last
 * read key had after the record's own. Where a store is read by other keys nothing is guessed; a
 * wrong guess costs a hash and is seen by nobody.
 */
#include "streams/task_internal.h"

#include "statestore/staged.h"

#include <string.h>

enum { NEAR = 6, FAR = 16 };

void weir_task_store_note_key(weir_task_store *store, weir_bytes key)
{
    const weir_record *record = store->task->current.record;
    if (record == NULL) {
        return;
    }
    size_t own = record->key.size;
    store->guesses = own > 0 && key.size >= own && key.size - own <= sizeof store->key_rest &&
                     memcmp(key.data, record->key.data, own) == 0;
    if (store->guesses) {
        store->key_rest_size = key.size - own;
        memcpy(store->key_rest, (const char *)key.data + own, store->key_rest_size);
    }
}

static void expect(const weir_task_store *store, weir_bytes key, bool near)
{
    enum { GUESS_BYTES_MAX = 128 };
    if (store->key_rest_size == 0) {
        weir_staged_expect(store->staged, key, near);
        return;
    }
    char guess[GUESS_BYTES_MAX];
    if (key.size + store->key_rest_size <= sizeof guess) {
        memcpy(guess, key.data, key.size);
        memcpy(guess + key.size, store->key_rest, store->key_rest_size);
        weir_staged_expect(store->staged, weir_bytes_of(guess, key.size + store->key_rest_size),
                           near);
    }
}

static void expect_record(const weir_task *task, const weir_record *record, bool near)
{
    for (size_t i = 0; record != NULL && record->key.size > 0 && i < task->store_count; i++) {
        if (task->stores[i].guesses) {
            expect(&task->stores[i], record->key, near);
        }
    }
}

void weir_task_look_ahead(const weir_task *task, const weir_record_queue *queue)
{
    if (task->store_count > 0) {
        expect_record(task, weir_record_queue_ahead(queue, FAR), false);
        expect_record(task, weir_record_queue_ahead(queue, NEAR), true);
    }
}
