/* SPDX-License-Identifier: Apache-2.0
 *
 * query_windows.c - windows and sessions as ranges of rows.
 *
 *   row of a window    key | start | sequence      row of a session    key | end | start
 *
 * Windows of one key lie together. Of several keys those of other times lie in between, as do those
 * of a key that begins with another one: the worker picks by time and key (wants).
 */
#include "streams/query_windows.h"

#include "statestore/session_store.h"
#include "statestore/window_store.h"
#include "streams/application_internal.h"
#include "streams/base/serde.h"
#include "streams/query_internal.h"

#include <inttypes.h>

/* What is asked, of which store, and who gets it. */
typedef struct reading {
    const weir_query_windows *query;
    const weir_store_options *store;
    weir_query_visit_window visit;
    void *user;
    weir_arena *arena; /* Of objects; NULL: there is no serde. */
} reading;

/* Takes the key of a row apart. The end of a window is its start here. */
static bool take_apart(const weir_store_options *store, weir_bytes row_key, weir_session *out)
{
    if (store->kind == WEIR_STORE_SESSION) {
        return weir_session_of(row_key, out);
    }
    if (row_key.size < WEIR_WINDOW_SUFFIX_BYTES) {
        return false;
    }
    weir_window_key window = weir_window_key_of(row_key);
    *out = (weir_session){window.key, window.start_ms, window.start_ms};
    return true;
}

static bool has_wanted_key(const weir_query_windows *query, weir_bytes key)
{
    if (query->key.data != NULL) {
        return weir_bytes_equal(key, query->key);
    }
    return (query->from_key.data == NULL || weir_bytes_compare(key, query->from_key) >= 0) &&
           (query->to_key.data == NULL || weir_bytes_compare(key, query->to_key) < 0);
}

static bool wants(const void *user, weir_bytes row_key, int64_t observed_ms)
{
    const reading *self = user;
    weir_session found = {0};
    return take_apart(self->store, row_key, &found) && found.end_ms >= self->query->from_ms &&
           found.start_ms <= self->query->to_ms &&
           found.end_ms > observed_ms - self->store->retention_ms &&
           has_wanted_key(self->query, found.key);
}

/* Appends the first or the last place that a row of key can have at a time. */
static void append_bound(const reading *self, weir_bytes key, bool is_last, weir_buf *to)
{
    bool has_ends = self->store->kind == WEIR_STORE_SESSION;
    weir_buf_append(to, key.data, key.size);
    if (!is_last) {
        weir_buf_append_i64_be(to, self->query->from_ms > 0 ? self->query->from_ms : 0);
        return;
    }
    weir_buf_append_i64_be(to, has_ends ? INT64_MAX : self->query->to_ms);
    weir_buf_append_i64_be(to, INT64_MAX); /* As long as any suffix, and no smaller. */
}

/* The end behind all rows of keys below to_key. The rows of a key that to_key begins with may lie
 * behind to_key itself. */
static void set_end_of_keys(const reading *self, weir_buf *end)
{
    weir_bytes to_key = self->query->to_key;
    weir_buf_set(end, to_key);
    WEIR_AUTO(weir_buf) last = {0};
    for (size_t size = 0; size < to_key.size; size++) {
        weir_buf_clear(&last);
        append_bound(self, weir_bytes_of(to_key.data, size), true, &last);
        if (weir_bytes_compare(weir_buf_bytes(&last), weir_buf_bytes(end)) > 0) {
            weir_buf_set(end, weir_buf_bytes(&last));
        }
    }
}

static void set_bounds(const reading *self, weir_buf *from, weir_buf *to)
{
    const weir_query_windows *query = self->query;
    if (query->key.data != NULL) {
        append_bound(self, query->key, false, from);
        append_bound(self, query->key, true, to);
    } else {
        weir_buf_set(from, query->from_key.data == NULL ? WEIR_BYTES("") : query->from_key);
        if (query->to_key.data != NULL) {
            set_end_of_keys(self, to);
        }
    }
    weir_query_go_behind(query->after, query->backwards, from, to);
}

static weir_status decode(const reading *self, weir_query_window *window, weir_error *err)
{
    const weir_serde *serde = self->query->serde;
    const weir_record row = {
        .timestamp_ms = window->timestamp_ms < 0 ? window->start_ms : window->timestamp_ms,
        .key = window->key,
        .value = window->value,
    };
    weir_arena_reset(self->arena);
    return serde->decode(serde->user, &row, self->arena, &window->object, err);
}

static int64_t end_of(const weir_store_options *store, const weir_session *found)
{
    if (store->kind == WEIR_STORE_SESSION) {
        return found->end_ms;
    }
    int64_t end_ms = -1;
    bool is_known = store->window_size_ms > 0 &&
                    !__builtin_add_overflow(found->start_ms, store->window_size_ms, &end_ms);
    return is_known ? end_ms : -1;
}

static weir_status visit_row(void *user, weir_bytes row_key, weir_bytes value, weir_error *err)
{
    const reading *self = user;
    weir_session found = {0};
    bool is_window = take_apart(self->store, row_key, &found);
    WEIR_ASSERT(is_window); /* The worker has looked. */
    weir_query_window window = {
        .key = found.key,
        .start_ms = found.start_ms,
        .end_ms = end_of(self->store, &found),
        .value = value,
        .timestamp_ms = -1,
        .place = row_key,
    };
    if (self->store->timestamped) {
        weir_timestamped entry = {0};
        WEIR_TRY(weir_timestamped_decode(value, &entry, err));
        window.value = entry.value;
        window.timestamp_ms = entry.timestamp_ms;
    }
    if (self->arena != NULL) {
        WEIR_TRY(decode(self, &window, err));
    }
    return self->visit(self->user, &window, err);
}

static weir_status check(const weir_query_windows *query, const weir_store_options *store,
                         weir_error *err)
{
    if (store->kind != WEIR_STORE_WINDOW && store->kind != WEIR_STORE_SESSION) {
        return weir_error_set(err, WEIR_INVALID, "store '%s' has neither windows nor sessions",
                              query->store);
    }
    if (query->from_ms > query->to_ms || query->to_ms < 0) {
        return weir_error_set(err, WEIR_INVALID,
                              "no window is from %" PRId64 " to %" PRId64
                              ": both are included, and the second is not the smaller one",
                              query->from_ms, query->to_ms);
    }
    if (query->key.data != NULL &&
        (query->from_key.data != NULL || query->to_key.data != NULL || query->has_partition)) {
        return weir_error_set(err, WEIR_INVALID,
                              "store '%s': one key, or a range of keys or a partition, not both",
                              query->store);
    }
    return WEIR_OK;
}

/* The partition that has the windows of a key. */
static weir_status find_partition(const weir_plan *plan, const weir_topology_store *spec,
                                  const weir_query_windows *query, weir_query_range *range,
                                  weir_error *err)
{
    if (query->key.data == NULL) {
        return WEIR_OK;
    }
    weir_question found = {0};
    WEIR_TRY(weir_query_find_task(plan, spec, query->key, query->partition_key, &found, err));
    range->has_partition = true;
    range->partition = plan->tasks[found.task_index].partition;
    return WEIR_OK;
}

weir_status weir_query_windows_visit(weir_application *application, const weir_query_windows *query,
                                     weir_query_visit_window visit, void *user, bool *out_more,
                                     weir_error *err)
{
    const weir_topology_store *spec = NULL;
    WEIR_TRY(weir_query_find_store(application->plan, query->store, &spec, err));
    WEIR_TRY(check(query, &spec->options, err));
    WEIR_AUTO_PTR(weir_arena) arena = NULL;
    if (query->serde != NULL) {
        arena = weir_arena_new((size_t)application->options.config->record_arena_bytes_max);
    }
    reading self = {query, &spec->options, visit, user, arena};
    WEIR_AUTO(weir_buf) from = {0};
    WEIR_AUTO(weir_buf) to = {0};
    set_bounds(&self, &from, &to);
    weir_query_range range = {
        .store = query->store,
        .from = weir_buf_bytes(&from),
        .to = weir_buf_bytes(&to),
        .limit = query->limit,
        .backwards = query->backwards,
        .has_partition = query->has_partition,
        .partition = query->partition,
        .terms = query->terms,
        .answer = query->answer,
        .wants = wants,
        .wants_user = &self,
    };
    WEIR_TRY(find_partition(application->plan, spec, query, &range, err));
    return weir_query_visit_range(application, &range, &(weir_query_visitor){visit_row, &self},
                                  out_more, err);
}
