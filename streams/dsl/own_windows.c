/* SPDX-License-Identifier: Apache-2.0
 *
 * own_windows.c - windows that a function of the user says: it is asked with each record what that
 * belongs to, and nothing is remembered of it but the starts of rows.
 *
 * A store knows size_ms alone, which is that of the longest window: rows of a shorter one are kept
 * longer than records may come for it. Whether one may is decided here, by the window's own end.
 */
#include "streams/dsl/windowed_internal.h"

#include <inttypes.h>

typedef struct window_list {
    const weir_window *items;
    size_t count;
} window_list;

static weir_status check(const weir_windows_spec *windows, const window_list *list, weir_error *err)
{
    for (size_t i = 0; i < list->count; i++) {
        const weir_window *window = &list->items[i];
        if (window->start_ms < 0 || window->end_ms <= window->start_ms ||
            window->end_ms - window->start_ms > windows->size_ms) {
            return weir_error_set(err, WEIR_INVALID,
                                  "windows of one's own: [%" PRId64 ", %" PRId64
                                  ") is none of 1 to %" PRId64 " ms that begins at 0 or later",
                                  window->start_ms, window->end_ms, windows->size_ms);
        }
    }
    return WEIR_OK;
}

static weir_status ask(const weir_windows_spec *windows, weir_arena *arena, int64_t timestamp_ms,
                       window_list *out_list, weir_error *err)
{
    weir_call call = {windows->user, arena, err, false};
    *out_list = (window_list){0};
    weir_status status =
        windows->windows_for(&call, timestamp_ms, &out_list->items, &out_list->count);
    WEIR_TRY(weir_call_check(&call, status));
    return check(windows, out_list, err);
}

/* A time between windows is no late one. */
weir_status weir_own_windows_process(weir_processor *processor, const weir_record *record,
                                     weir_error *err)
{
    weir_windowed_processor *self = (weir_windowed_processor *)(void *)processor;
    if (record->key.data == NULL) {
        return weir_context_drop(processor->context);
    }
    if (*self->observed_ms < record->timestamp_ms) {
        *self->observed_ms = record->timestamp_ms;
    }
    window_list list = {0};
    WEIR_TRY(ask(self->windows, weir_context_arena(processor->context), record->timestamp_ms, &list,
                 err));
    self->is_taken = list.count == 0;
    for (size_t i = 0; i < list.count; i++) {
        if (list.items[i].end_ms > *self->observed_ms - self->windows->grace_ms) {
            WEIR_TRY(weir_windowed_add(self, record, list.items[i].start_ms, err));
        } else {
            (void)weir_context_drop(processor->context);
        }
    }
    return weir_windowed_tell_late(self, record, err);
}

weir_status weir_own_windows_end(const weir_windows_spec *windows, weir_arena *arena,
                                 int64_t start_ms, int64_t *out_end_ms, weir_error *err)
{
    window_list list = {0};
    WEIR_TRY(ask(windows, arena, start_ms, &list, err));
    *out_end_ms = start_ms + windows->size_ms;
    for (size_t i = 0; i < list.count; i++) {
        if (list.items[i].start_ms == start_ms) {
            *out_end_ms = list.items[i].end_ms;
        }
    }
    return WEIR_OK;
}

/* Not sliding: to the store and to names they are as hopping ones. */
weir_windows_spec weir_windows_of_own(weir_builder *builder, const weir_windows *windows,
                                      const char *after)
{
    static const weir_windows none;
    windows = windows == NULL ? &none : windows;
    if (windows->windows_for == NULL) {
        weir_builder_mistake(builder, "windows after %s: a function that says which is needed",
                             after);
    }
    return (weir_windows_spec){
        .size_ms = windows->size_ms,
        .advance_ms = windows->size_ms,
        .grace_ms = windows->grace_ms,
        .windows_for = windows->windows_for,
        .user = windows->user,
    };
}
