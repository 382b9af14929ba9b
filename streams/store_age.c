/* SPDX-License-Identifier: Apache-2.0
 *
 * store_age.c - by the wall clock that is kept with each position that was the end.
 */
#include "streams/store_age.h"

#include <inttypes.h>

enum { HOUR_MS = 3600 * 1000 };

void weir_task_store_mark_level(weir_task_store *store, int64_t level_ms)
{
    weir_task_state_set_position(store->task->state, store->level_label,
                                 level_ms > 0 ? level_ms : 0);
}

/* Behind a store that has seen all lies the marker of its last transaction; with a record in it a
 * transaction takes two offsets. */
static int64_t markers_behind(const weir_task_store *store)
{
    return store->task->environment->config->processing_guarantee == WEIR_EXACTLY_ONCE &&
                   !store->spec->options.changelog_is_source
               ? 1
               : 0;
}

weir_status weir_task_store_check_age(const weir_task_store *store, int64_t missing,
                                      weir_error *err)
{
    const weir_task_environment *environment = store->task->environment;
    int64_t level_ms = weir_task_store_kept(store, store->level_label, environment->now_ms);
    int64_t age_ms = environment->now_ms - level_ms;
    if (missing <= markers_behind(store) || age_ms <= environment->config->state_age_max_ms) {
        return WEIR_OK;
    }
    return weir_error_set(err, WEIR_CORRUPT,
                          "store %s was away for %" PRId64 " hours, its changelog %s may have "
                          "dropped tombstones since (state.cleanup.dir.max.age.ms)",
                          store->kv.name, age_ms / HOUR_MS, store->changelog);
}
