/* SPDX-License-Identifier: Apache-2.0
 *
 * punctuation.c - schedules in a plain list: a task has a handful, and each pass over it is
 * shorter than what one tick does.
 *
 * Stream time is due at 0 first, so it fires with the first record and then at multiples of its
 * interval since 1970; a wall clock is due one interval after it was scheduled. A tick that comes
 * late does not shift the grid, and ticks that were missed are skipped, not made up for.
 */
#include "streams/punctuation.h"

#include <stdlib.h>

struct weir_punctuations {
    weir_punctuator **items;
    size_t count;
    size_t capacity;
};

weir_punctuations *weir_punctuations_new(void)
{
    return weir_alloc(sizeof(weir_punctuations));
}

void weir_punctuations_free(weir_punctuations *punctuations)
{
    if (punctuations == NULL) {
        return;
    }
    for (size_t i = 0; i < punctuations->count; i++) {
        free(punctuations->items[i]);
    }
    free(punctuations->items);
    free(punctuations);
}

static void forget_cancelled(weir_punctuations *punctuations)
{
    size_t kept = 0;
    for (size_t i = 0; i < punctuations->count; i++) {
        if (punctuations->items[i]->cancelled) {
            free(punctuations->items[i]);
        } else {
            punctuations->items[kept++] = punctuations->items[i];
        }
    }
    punctuations->count = kept;
}

weir_punctuator *weir_punctuations_add(weir_punctuations *punctuations,
                                       const weir_punctuator *punctuator, int64_t now_ms)
{
    WEIR_ASSERT(punctuator->interval_ms > 0);
    WEIR_ASSERT(punctuator->punctuate != NULL);

    forget_cancelled(punctuations);
    WEIR_ASSERT(punctuations->count < WEIR_PUNCTUATORS_MAX);
    punctuations->items = weir_grow(punctuations->items, punctuations->count,
                                    &punctuations->capacity, sizeof(weir_punctuator *));
    weir_punctuator *added = weir_alloc(sizeof(*added));
    *added = *punctuator;
    added->cancelled = false;
    added->due_ms = added->type == WEIR_STREAM_TIME ? 0 : now_ms + added->interval_ms;
    punctuations->items[punctuations->count++] = added;
    return added;
}

static weir_punctuator *earliest(const weir_punctuations *punctuations, weir_punctuation_type type)
{
    weir_punctuator *found = NULL;
    for (size_t i = 0; i < punctuations->count; i++) {
        weir_punctuator *item = punctuations->items[i];
        if (item->type == type && !item->cancelled &&
            (found == NULL || item->due_ms < found->due_ms)) {
            found = item;
        }
    }
    return found;
}

weir_punctuator *weir_punctuations_next(weir_punctuations *punctuations, weir_punctuation_type type,
                                        int64_t now_ms)
{
    forget_cancelled(punctuations);
    weir_punctuator *due = earliest(punctuations, type);
    if (due == NULL || due->due_ms > now_ms) {
        return NULL;
    }
    due->due_ms += ((now_ms - due->due_ms) / due->interval_ms + 1) * due->interval_ms;
    WEIR_ASSERT(due->due_ms > now_ms);
    return due;
}

int64_t weir_punctuations_due_ms(const weir_punctuations *punctuations, weir_punctuation_type type)
{
    const weir_punctuator *first = earliest(punctuations, type);
    return first == NULL ? INT64_MAX : first->due_ms;
}

void weir_punctuator_cancel(weir_punctuator *punctuator)
{
    punctuator->cancelled = true;
}
