/* SPDX-License-Identifier: Apache-2.0
 *
 * sliding.c - sliding windows: those that a record lies in, and those that it begins.
 *
 *      a     b        records, time difference d
 *   [--a]             the window that a ends (its left window)
 *       [--b--]       the window behind a: it exists since b came within d of a
 *      [--b]          the window that b ends
 *
 * A window exists where its content differs from that of the one before it: [t - d, t] for each
 * record at t, and [t + 1, t + 1 + d] where another record follows in it. The time of a row is that
 * of its last record, which tells where the record before this one is. Windows do not begin before
 * 0: early records share [0, d]. After Kafka Streams' KStreamSlidingWindowAggregate (KIP-450).
 */
#include "streams/dsl/windowed_internal.h"

#include <stdlib.h>

/* What a walk over the windows near a record has found. Null values, and -1: nothing. */
typedef struct neighbours {
    weir_timestamped left;     /* The last window that ends before the record. */
    weir_timestamped right;    /* The last window that has it inside. */
    weir_timestamped combined; /* Of an early record: the window at 0. */
    bool has_left_window;      /* The window that the record ends is there. */
    bool has_right_window;     /* So is the one behind it. */
    bool is_done;              /* A record of the same time has made all of them. */
    int64_t previous_ms;       /* The record before it; -1: none within reach. */
} neighbours;

static weir_status update(weir_windowed_processor *self, const weir_record *record,
                          int64_t start_ms, weir_timestamped old, weir_error *err)
{
    bool is_open =
        start_ms + self->windows->size_ms >= *self->observed_ms - self->windows->grace_ms;
    return is_open ? weir_windowed_update(self, record, start_ms, old, err)
                   : weir_context_drop(self->base.context);
}

/* The row of an entry, in the task's arena: the store may be written while it is walked over. */
static weir_status copy_row(const weir_windowed_processor *self, const weir_window_entry *entry,
                            weir_timestamped *out_row, weir_error *err)
{
    weir_bytes copy = weir_arena_copy(weir_context_arena(self->base.context), entry->value);
    if (copy.data == NULL) {
        return weir_error_set(err, WEIR_BAD_RECORD,
                              "the sliding windows of one record take more memory than it may: "
                              "make aggregates smaller");
    }
    return weir_timestamped_decode(copy, out_row, err);
}

/* A window that begins before or at t, for a record at t >= d; the walk goes backwards. */
static weir_status meet(weir_windowed_processor *self, const weir_record *record, int64_t start_ms,
                        weir_timestamped row, neighbours *found, weir_error *err)
{
    int64_t end_ms = start_ms + self->windows->size_ms;
    if (end_ms < record->timestamp_ms) {
        found->left = row;
        found->previous_ms = row.timestamp_ms;
        return WEIR_NOT_FOUND; /* Those before it are not needed. */
    }
    WEIR_TRY(update(self, record, start_ms, row, err));
    if (end_ms > record->timestamp_ms) {
        found->right = found->right.value.data == NULL ? row : found->right;
        return WEIR_OK;
    }
    found->has_left_window = true;
    if (row.timestamp_ms == record->timestamp_ms) {
        found->is_done = true;
        return WEIR_NOT_FOUND;
    }
    found->previous_ms = row.timestamp_ms;
    return WEIR_OK;
}

/* The same for a record at t < d; the walk goes forwards. */
static weir_status meet_early(weir_windowed_processor *self, const weir_record *record,
                              int64_t start_ms, weir_timestamped row, neighbours *found,
                              weir_error *err)
{
    if (start_ms == 0) {
        found->combined = row;
        if (row.timestamp_ms < record->timestamp_ms) {
            found->previous_ms = row.timestamp_ms;
        }
        return WEIR_OK;
    }
    found->right = row;
    return update(self, record, start_ms, row, err);
}

static weir_status walk(weir_windowed_processor *self, const weir_record *record, bool is_early,
                        neighbours *found, weir_error *err)
{
    int64_t from_ms = record->timestamp_ms - 2 * self->windows->size_ms;
    const weir_window_range range = {
        .key = record->key,
        .from_ms = is_early || from_ms < 0 ? 0 : from_ms,
        .to_ms = record->timestamp_ms + 1,
        .backwards = !is_early,
    };
    WEIR_AUTO_PTR(weir_window_iterator) iterator = NULL;
    WEIR_TRY(weir_window_store_fetch(self->store, &range, &iterator, err));
    weir_window_entry entry = {0};
    weir_status status = WEIR_OK;
    while (status == WEIR_OK &&
           (status = weir_window_iterator_next(iterator, &entry, err)) == WEIR_OK) {
        if (entry.start_ms == record->timestamp_ms + 1) {
            found->has_right_window = true;
            continue;
        }
        weir_timestamped row = {0};
        int64_t start_ms = entry.start_ms;
        WEIR_TRY(copy_row(self, &entry, &row, err));
        status = is_early ? meet_early(self, record, start_ms, row, found, err)
                          : meet(self, record, start_ms, row, found, err);
    }
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

/* The window behind the record before this one, if this one is the first to follow in it. */
static weir_status add_behind_previous(weir_windowed_processor *self, const weir_record *record,
                                       const neighbours *found, weir_error *err)
{
    int64_t start_ms = found->previous_ms + 1;
    if (found->previous_ms < 0 || start_ms + self->windows->size_ms < record->timestamp_ms) {
        return WEIR_OK;
    }
    weir_status status =
        weir_window_store_get(self->store, record->key, start_ms, &self->stored, err);
    return status != WEIR_NOT_FOUND ? status
                                    : update(self, record, start_ms, (weir_timestamped){0}, err);
}

/* The window behind this record, if another follows in it: it has what the later window has. */
static weir_status add_behind(weir_windowed_processor *self, const weir_record *record,
                              const neighbours *found, weir_error *err)
{
    if (found->has_right_window || found->right.value.data == NULL ||
        found->right.timestamp_ms <= record->timestamp_ms) {
        return WEIR_OK;
    }
    return weir_windowed_put(self, record, record->timestamp_ms + 1, found->right, WEIR_BYTES_NULL,
                             err);
}

/* The window that this record ends, if it is not there: it begins with what the one before has. */
static weir_status add_left(weir_windowed_processor *self, const weir_record *record,
                            const neighbours *found, weir_error *err)
{
    if (found->has_left_window) {
        return WEIR_OK;
    }
    int64_t start_ms = record->timestamp_ms - self->windows->size_ms;
    weir_timestamped before = {.timestamp_ms = record->timestamp_ms};
    if (found->previous_ms >= 0 && start_ms <= found->previous_ms) {
        before.value = found->left.value;
    }
    return update(self, record, start_ms, before, err);
}

static weir_status process_early(weir_windowed_processor *self, const weir_record *record,
                                 weir_error *err)
{
    neighbours found = {.previous_ms = -1};
    WEIR_TRY(walk(self, record, true, &found, err));
    if (found.right.value.data == NULL && found.combined.timestamp_ms > record->timestamp_ms) {
        found.right = found.combined;
    }
    WEIR_TRY(add_behind(self, record, &found, err));
    WEIR_TRY(add_behind_previous(self, record, &found, err));
    return update(self, record, 0, found.combined, err);
}

static weir_status process_late_enough(weir_windowed_processor *self, const weir_record *record,
                                       weir_error *err)
{
    neighbours found = {.previous_ms = -1};
    WEIR_TRY(walk(self, record, false, &found, err));
    if (found.is_done) {
        return WEIR_OK;
    }
    WEIR_TRY(add_behind_previous(self, record, &found, err));
    WEIR_TRY(add_left(self, record, &found, err));
    return add_behind(self, record, &found, err);
}

/* The end belongs to a window. */
weir_status weir_sliding_release_closed(weir_windowed_processor *self, const weir_record *record,
                                        weir_error *err)
{
    int64_t size_ms = self->windows->size_ms;
    int64_t close_ms = *self->observed_ms - self->windows->grace_ms;
    int64_t released_ms = self->close.released_ms;
    if (!weir_window_close_is_due(&self->close, self->base.context, close_ms) ||
        close_ms <= size_ms) {
        return WEIR_OK;
    }
    const weir_closed_windows closed = {
        .from_ms = released_ms < size_ms ? 0 : released_ms - size_ms,
        .to_ms = close_ms - size_ms - 1,
        .close_ms = close_ms,
    };
    return weir_windowed_release(self, record, &closed, err);
}

weir_status weir_sliding_process(weir_processor *processor, const weir_record *record,
                                 weir_error *err)
{
    weir_windowed_processor *self = (weir_windowed_processor *)(void *)processor;
    if (record->key.data == NULL || record->value.data == NULL) {
        return weir_context_drop(self->base.context);
    }
    if (*self->observed_ms < record->timestamp_ms) {
        *self->observed_ms = record->timestamp_ms;
    }
    if (record->timestamp_ms + self->windows->size_ms <
        *self->observed_ms - self->windows->grace_ms) {
        return weir_late_drop(self->base.context, &self->spec->table->late, record, err);
    }
    self->is_taken = false;
    if (record->timestamp_ms < self->windows->size_ms) {
        WEIR_TRY(process_early(self, record, err));
        return weir_windowed_tell_late(self, record, err);
    }
    WEIR_TRY(process_late_enough(self, record, err));
    WEIR_TRY(weir_windowed_tell_late(self, record, err));
    return weir_sliding_release_closed(self, record, err);
}
