/* SPDX-License-Identifier: Apache-2.0
 *
 * task_snapshot.c - rows and positions agree because both are taken between two passes of the
 * worker, right after what is committed was applied: iterators of RocksDB show their moment of
 * birth.
 *
 * While rows come in, a store has no position but a mark, "<store>:snapshot" at 0, which is on disk
 * before the first row is: whatever ends the load, the next one who opens the store knows. The
 * positions come with the mark's 1 in one write.
 */
#include "streams/task_snapshot.h"

#include "streams/store_age.h"
#include "streams/store_index.h"
#include "streams/task_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MARK_BEGUN = 0, MARK_ENDED = 1 };

#define TERM " term=" /* Behind a store's position. */

const char *weir_task_application_id(const weir_task *task)
{
    return task->environment->plan->application_id;
}

static bool is_portable(const weir_task_store *store)
{
    return store->is_on_disk && store->changelog != NULL;
}

static weir_task_store *store_at(const weir_task *task, size_t number)
{
    for (size_t i = 0; i < task->store_count; i++) {
        if (is_portable(&task->stores[i]) && number-- == 0) {
            return &task->stores[i];
        }
    }
    WEIR_ASSERT(false);
    return NULL;
}

size_t weir_task_snapshot_store_count(const weir_task *task)
{
    size_t count = 0;
    for (size_t i = 0; i < task->store_count; i++) {
        count += is_portable(&task->stores[i]) ? 1 : 0;
    }
    return count;
}

static void append_title(const weir_task *task, weir_buf *text)
{
    weir_buf_append_format(text, "%s %s\n", task->environment->plan->application_id,
                           task->planned->id);
}

/* All of a store's line but its place: what must be the same on both sides. */
static void append_store(const weir_task_store *store, weir_buf *text)
{
    const weir_store_options *options = &store->spec->options;
    weir_buf_append_format(
        text,
        "%s %s kind=%d timestamped=%d duplicates=%d retention=%" PRId64 " position=", options->name,
        store->changelog, (int)options->kind, options->timestamped ? 1 : 0,
        options->retain_duplicates ? 1 : 0, options->retention_ms);
}

weir_status weir_task_snapshot_take(weir_task *task, weir_task_snapshot *out_snapshot,
                                    weir_error *err)
{
    if (task->phase == WEIR_TASK_RESTORING) {
        return weir_error_set(err, WEIR_AGAIN, "task %s is being restored", task->planned->id);
    }
    size_t count = weir_task_snapshot_store_count(task);
    if (count == 0 || weir_task_load_is_cut(task)) {
        return weir_error_set(err, WEIR_NOT_FOUND, "task %s has no whole stores on disk",
                              task->planned->id);
    }
    WEIR_TRY(weir_task_apply(task, err));
    WEIR_AUTO(weir_task_snapshot)
    taken = {
        .iterators = weir_alloc_array(count, sizeof(*taken.iterators)),
    };
    append_title(task, &taken.head);
    for (size_t i = 0; i < count; i++) {
        const weir_task_store *store = store_at(task, i);
        int64_t position = -1;
        (void)weir_task_state_position(task->state, store->label, &position, NULL);
        append_store(store, &taken.head);
        weir_buf_append_format(&taken.head, "%" PRId64 TERM "%" PRId64 "\n", position,
                               store->term_seen);
        WEIR_TRY(weir_task_state_snapshot(task->state, store->spec->options.name,
                                          &taken.iterators[i], err));
        taken.count = i + 1;
    }
    *out_snapshot = taken;
    taken = (weir_task_snapshot){0};
    return WEIR_OK;
}

void weir_task_snapshot_cleanup(weir_task_snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->count; i++) {
        weir_kv_iterator_free(snapshot->iterators[i]);
    }
    free(snapshot->iterators);
    weir_buf_cleanup(&snapshot->head);
    *snapshot = (weir_task_snapshot){0};
}

/* Takes expected off the front of *text; false where something else is there. */
static bool take_text(const char **text, const char *expected)
{
    size_t size = strlen(expected);
    bool is_there = strncmp(*text, expected, size) == 0;
    *text += is_there ? size : 0;
    return is_there;
}

static bool take_number(const char **text, int64_t least, int64_t *out_number)
{
    char *end = NULL;
    *out_number = strtoll(*text, &end, 10);
    bool is_there = end != *text && *out_number >= least;
    *text = end;
    return is_there;
}

static bool take_store(const char **text, const weir_task_store *store,
                       weir_snapshot_place *out_place)
{
    WEIR_AUTO(weir_buf) expected = {0};
    append_store(store, &expected);
    return take_text(text, weir_buf_text(&expected)) &&
           take_number(text, -1, &out_place->position) && take_text(text, TERM) &&
           take_number(text, 0, &out_place->term) && take_text(text, "\n");
}

/* The tail is restored from the changelog, which may have been cut behind the place since. */
static weir_status check_reach(const weir_task_store *store, const weir_snapshot_place *place,
                               weir_error *err)
{
    return place->position < 0 || place->position >= store->changelog_first
               ? WEIR_OK
               : weir_error_set(err, WEIR_CORRUPT,
                                "the snapshot has store %s at %" PRId64 ", %s begins at %" PRId64,
                                store->kv.name, place->position, store->changelog,
                                store->changelog_first);
}

weir_status weir_task_snapshot_check(const weir_task *task, weir_bytes head,
                                     weir_snapshot_place *out_places, weir_error *err)
{
    WEIR_AUTO_FREE char *whole = weir_bytes_to_text(head);
    const char *text = whole;
    WEIR_AUTO(weir_buf) title = {0};
    append_title(task, &title);
    bool fits = take_text(&text, weir_buf_text(&title));
    size_t count = weir_task_snapshot_store_count(task);
    for (size_t i = 0; fits && i < count; i++) {
        fits = take_store(&text, store_at(task, i), &out_places[i]);
    }
    if (!fits || *text != '\0') {
        return weir_error_set(err, WEIR_CORRUPT,
                              "the snapshot is not of task %s with the stores that it has here",
                              task->planned->id);
    }
    for (size_t i = 0; i < count; i++) {
        WEIR_TRY(check_reach(store_at(task, i), &out_places[i], err));
    }
    return WEIR_OK;
}

int64_t weir_task_snapshot_gain(const weir_task *task, const weir_snapshot_place *places)
{
    int64_t gain = 0;
    size_t count = weir_task_snapshot_store_count(task);
    for (size_t i = 0; i < count; i++) {
        const weir_task_store *store = store_at(task, i);
        int64_t own = -1;
        (void)weir_task_state_position(task->state, store->label, &own, NULL);
        own = own < store->changelog_first ? store->changelog_first : own;
        gain += places[i].position < 0 ? 0 : places[i].position - own;
    }
    return gain;
}

static char *mark_of(const weir_task_store *store)
{
    return weir_format("%s:snapshot", store->spec->options.name);
}

static void set_marks(weir_task *task, int64_t mark)
{
    size_t count = weir_task_snapshot_store_count(task);
    for (size_t i = 0; i < count; i++) {
        WEIR_AUTO_FREE char *label = mark_of(store_at(task, i));
        weir_task_state_set_position(task->state, label, mark);
    }
}

weir_status weir_task_load_begin(weir_task *task, weir_error *err)
{
    WEIR_ASSERT(task->phase == WEIR_TASK_CREATED);
    WEIR_TRY(weir_task_wipe(task, err));
    set_marks(task, MARK_BEGUN);
    weir_task_state_commit(task->state);
    WEIR_TRY(weir_task_state_apply(task->state, err));
    return weir_database_flush(task->environment->database, err);
}

/* The time that a store has seen is that of its latest row. */
static void note_times(weir_task_store *store, const weir_restore_entry *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t time_ms = weir_task_store_row_time(store, rows[i].key);
        store->observed.ms = store->observed.ms < time_ms ? time_ms : store->observed.ms;
    }
}

weir_status weir_task_load_rows(weir_task *task, size_t number, const weir_restore_entry *rows,
                                size_t count, weir_error *err)
{
    weir_task_store *store = store_at(task, number);
    WEIR_TRY(weir_task_store_restore_index(store, rows, count, false, err));
    note_times(store, rows, count);
    const weir_restore_batch batch = {
        .store = store->spec->options.name,
        .entries = rows,
        .count = count,
    };
    return weir_task_state_restore(task->state, &batch, err);
}

weir_status weir_task_load_end(weir_task *task, const weir_snapshot_place *places, weir_error *err)
{
    size_t count = weir_task_snapshot_store_count(task);
    const weir_task_environment *environment = task->environment;
    /* The oldest that a snapshot may be (connectors/snapshot_depot.h). */
    int64_t level_ms = environment->now_ms - environment->config->state_age_max_ms / 2;
    set_marks(task, MARK_ENDED);
    for (size_t i = 0; i < count; i++) {
        weir_task_store *store = store_at(task, i);
        if (places[i].position < 0) {
            continue;
        }
        store->term_seen = places[i].term;
        weir_task_state_set_position(task->state, store->label, places[i].position);
        weir_task_state_set_position(task->state, store->term_label, store->term_seen);
        weir_task_store_mark_level(store, level_ms);
        weir_task_store_mark_index(store);
        weir_task_store_mark_time(store);
    }
    weir_task_state_commit(task->state);
    return weir_task_state_apply(task->state, err);
}

bool weir_task_load_is_cut(weir_task *task)
{
    size_t count = weir_task_snapshot_store_count(task);
    for (size_t i = 0; i < count; i++) {
        WEIR_AUTO_FREE char *label = mark_of(store_at(task, i));
        int64_t mark = MARK_ENDED;
        (void)weir_task_state_position(task->state, label, &mark, NULL);
        if (mark == MARK_BEGUN) {
            return true;
        }
    }
    return false;
}
