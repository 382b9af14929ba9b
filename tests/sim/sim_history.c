/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_history.c - an array by offset; everything is answered by a walk, for there are few records.
 */
#include "tests/sim/sim_history.h"

#include "streams/base/hash.h"
#include "streams/base/status.h"
#include "streams/term.h"

#include <stdlib.h>

void sim_history_cleanup(sim_history *history)
{
    free(history->records);
    *history = (sim_history){0};
}

static uint64_t value_hash(weir_bytes value)
{
    return value.data == NULL ? 0 : weir_hash64(value, 1) | 1;
}

static void make_room(sim_history *history, size_t count)
{
    while (history->count < count) {
        history->records = weir_grow(history->records, history->count, &history->capacity,
                                     sizeof(*history->records));
        history->records[history->count++] = (sim_logged){0};
    }
}

void sim_history_note(sim_history *history, const weir_record *record)
{
    WEIR_ASSERT(record->offset >= 0);

    make_room(history, (size_t)record->offset + 1);
    sim_logged *at = &history->records[record->offset];
    if (at->is_record) {
        return;
    }
    int64_t term = weir_term_of(record);
    *at = (sim_logged){
        .is_record = true,
        .is_late = term != 0 && term < history->term,
        .key = weir_hash64(record->key, 0),
        .value = value_hash(record->value),
        .term = term,
    };
    history->term = term > history->term ? term : history->term;
}

bool sim_history_has(const sim_history *history, int64_t offset)
{
    return offset >= 0 && (size_t)offset < history->count && history->records[offset].is_record;
}

static bool is_replaced(const sim_history *history, size_t index)
{
    for (size_t i = index + 1; i < history->count; i++) {
        const sim_logged *later = &history->records[i];
        if (later->is_record && !later->is_late && later->key == history->records[index].key) {
            return true;
        }
    }
    return false;
}

bool sim_history_is_hiding(const sim_history *history)
{
    for (size_t i = 0; i < history->count; i++) {
        if (history->records[i].is_late && !is_replaced(history, i)) {
            return true;
        }
    }
    return false;
}

int64_t sim_history_removed_in(const sim_history *history, weir_bytes key)
{
    int64_t term = 0;
    uint64_t hash = weir_hash64(key, 0);
    for (size_t i = 0; i < history->count; i++) {
        const sim_logged *record = &history->records[i];
        if (record->is_record && !record->is_late && record->key == hash) {
            term = record->value == 0 ? record->term : 0;
        }
    }
    return term;
}

bool sim_history_is_late_in(const sim_history *history, int64_t term)
{
    for (size_t i = 0; i < history->count; i++) {
        if (history->records[i].is_late && history->records[i].term == term) {
            return true;
        }
    }
    return false;
}

bool sim_history_set(const sim_history *history, weir_bytes key, weir_bytes value, int64_t from,
                     int64_t to)
{
    const uint64_t key_wanted = weir_hash64(key, 0);
    const uint64_t value_wanted = value_hash(value);
    for (size_t i = (size_t)from; i < history->count && (int64_t)i < to; i++) {
        const sim_logged *record = &history->records[i];
        if (record->is_record && !record->is_late && record->key == key_wanted &&
            record->value == value_wanted) {
            return true;
        }
    }
    return false;
}
