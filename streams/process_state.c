/* SPDX-License-Identifier: Apache-2.0
 *
 * process_state.c - the state of a process as JSON and back. A set of tasks is text such as
 * "0-3,7": a process with hundreds of tasks says so in a few bytes.
 */
#include "streams/process_state.h"

#include "streams/base/json.h"
#include "streams/base/json_read.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { RECORD_VERSION = 1 };

void weir_process_state_init(weir_process_state *state, size_t task_count)
{
    *state = (weir_process_state){.generation = -1, .task_count = task_count};
    state->tasks = weir_alloc_array(task_count, sizeof(*state->tasks));
    for (size_t i = 0; i < task_count; i++) {
        state->tasks[i].lag = WEIR_TASK_LAG_UNKNOWN;
    }
}

void weir_process_state_cleanup(weir_process_state *state)
{
    for (size_t i = 0; i < state->task_count; i++) {
        free(state->tasks[i].granted_to);
    }
    free(state->tasks);
    free(state->host);
    free(state->rack);
    free(state->shutdown);
    *state = (weir_process_state){0};
}

void weir_process_task_grant(weir_process_task *task, const char *process_id)
{
    char *copy = weir_strdup(process_id); /* It may be the one that is replaced. */
    free(task->granted_to);
    task->granted_to = copy;
}

void weir_process_state_copy(weir_process_state *to, const weir_process_state *from)
{
    WEIR_ASSERT(to->task_count == from->task_count);
    to->incarnation = from->incarnation;
    to->sequence = from->sequence;
    to->generation = from->generation;
    free(to->host);
    free(to->rack);
    free(to->shutdown);
    to->shutdown = weir_strdup(from->shutdown);
    to->host = weir_strdup(from->host);
    to->rack = weir_strdup(from->rack);
    for (size_t i = 0; i < to->task_count; i++) {
        char *kept = weir_take(&to->tasks[i].granted_to);
        to->tasks[i] = from->tasks[i];
        to->tasks[i].granted_to = weir_strdup(from->tasks[i].granted_to);
        free(kept);
    }
}

typedef bool (*task_test)(const weir_process_task *task, const char *process_id);

static bool is_owned(const weir_process_task *task, const char *process_id)
{
    (void)process_id;
    return task->owned;
}

static bool is_claimed(const weir_process_task *task, const char *process_id)
{
    (void)process_id;
    return task->claimed;
}

static bool is_running(const weir_process_task *task, const char *process_id)
{
    (void)process_id;
    return task->running;
}

static bool is_granted_to(const weir_process_task *task, const char *process_id)
{
    return task->granted_to != NULL && strcmp(task->granted_to, process_id) == 0;
}

/* The tasks that pass the test, as ranges. */
static void write_set(weir_json *json, const weir_process_state *state, task_test test,
                      const char *process_id)
{
    WEIR_AUTO(weir_buf) text = {0};
    size_t i = 0;
    while (i < state->task_count) {
        if (!test(&state->tasks[i], process_id)) {
            i++;
            continue;
        }
        size_t first = i;
        while (i < state->task_count && test(&state->tasks[i], process_id)) {
            i++;
        }
        weir_buf_append_format(&text, "%s%zu", text.size == 0 ? "" : ",", first);
        if (i - first > 1) {
            weir_buf_append_format(&text, "-%zu", i - 1);
        }
    }
    weir_json_bytes(json, weir_buf_bytes(&text));
}

/* True for the first task that is granted to its process. */
static bool is_first_grant(const weir_process_state *state, size_t index)
{
    const char *process_id = state->tasks[index].granted_to;
    for (size_t i = 0; i < index; i++) {
        if (is_granted_to(&state->tasks[i], process_id)) {
            return false;
        }
    }
    return true;
}

static void write_grants(weir_json *json, const weir_process_state *state)
{
    weir_json_key(json, "granted");
    weir_json_begin_object(json);
    for (size_t i = 0; i < state->task_count; i++) {
        const char *process_id = state->tasks[i].granted_to;
        if (process_id != NULL && is_first_grant(state, i)) {
            weir_json_key(json, process_id);
            write_set(json, state, is_granted_to, process_id);
        }
    }
    weir_json_end_object(json);
}

static void write_lags(weir_json *json, const weir_process_state *state)
{
    weir_json_key(json, "lags");
    weir_json_begin_object(json);
    for (size_t i = 0; i < state->task_count; i++) {
        if (state->tasks[i].lag != WEIR_TASK_LAG_UNKNOWN) {
            WEIR_AUTO_FREE char *index = weir_format("%zu", i);
            weir_json_member_i64(json, index, state->tasks[i].lag);
        }
    }
    weir_json_end_object(json);
}

void weir_process_state_encode(const weir_process_state *state, weir_buf *out_value)
{
    weir_json json = weir_json_of(out_value);
    weir_json_begin_object(&json);
    weir_json_member_i64(&json, "v", RECORD_VERSION);
    weir_json_member_i64(&json, "incarnation", (int64_t)state->incarnation);
    weir_json_member_i64(&json, "sequence", (int64_t)state->sequence);
    weir_json_member_i64(&json, "generation", state->generation);
    weir_json_member_text(&json, "host", state->host);
    weir_json_member_text(&json, "rack", state->rack);
    weir_json_key(&json, "owned");
    write_set(&json, state, is_owned, NULL);
    weir_json_key(&json, "claimed");
    write_set(&json, state, is_claimed, NULL);
    weir_json_key(&json, "running");
    write_set(&json, state, is_running, NULL);
    write_grants(&json, state);
    write_lags(&json, state);
    if (state->shutdown != NULL) {
        weir_json_member_text(&json, "shutdown", state->shutdown);
    }
    weir_json_end_object(&json);
}

/* Decoding. */

typedef void (*task_mark)(weir_process_task *task, const char *process_id);

static void mark_owned(weir_process_task *task, const char *process_id)
{
    (void)process_id;
    task->owned = true;
}

static void mark_claimed(weir_process_task *task, const char *process_id)
{
    (void)process_id;
    task->claimed = true;
}

static void mark_running(weir_process_task *task, const char *process_id)
{
    (void)process_id;
    task->running = true;
}

/* A number below the number of tasks at *at, which moves behind it. */
static bool read_index(const char **at, const char *end, size_t task_count, size_t *out_index)
{
    const char *start = *at;
    size_t index = 0;
    while (*at < end && **at >= '0' && **at <= '9') {
        index = index * 10 + (size_t)(**at - '0');
        if (index >= task_count) {
            return false;
        }
        ++*at;
    }
    *out_index = index;
    return *at > start;
}

static bool read_range(weir_process_state *state, const char **at, const char *end, task_mark mark,
                       const char *process_id)
{
    size_t first = 0;
    if (!read_index(at, end, state->task_count, &first)) {
        return false;
    }
    size_t last = first;
    if (*at < end && **at == '-') {
        ++*at;
        if (!read_index(at, end, state->task_count, &last) || last < first) {
            return false;
        }
    }
    for (size_t i = first; i <= last; i++) {
        mark(&state->tasks[i], process_id);
    }
    return true;
}

static weir_status read_set(weir_process_state *state, weir_bytes text, task_mark mark,
                            const char *process_id, weir_error *err)
{
    const char *at = text.data;
    const char *end = text.size == 0 ? at : at + text.size;
    while (at < end) {
        if (!read_range(state, &at, end, mark, process_id) || (at < end && *at != ',')) {
            return weir_error_set(err, WEIR_BAD_RECORD, "'%.*s' is no set of %zu tasks",
                                  (int)text.size, (const char *)text.data, state->task_count);
        }
        at += at < end ? 1 : 0;
    }
    return WEIR_OK;
}

static weir_status read_member_set(weir_process_state *state, const weir_json_value *root,
                                   const char *name, task_mark mark, weir_error *err)
{
    weir_bytes text = {0};
    WEIR_TRY(weir_json_get_text(root, name, &text, err));
    return read_set(state, text, mark, NULL, err);
}

static weir_status read_grants(weir_process_state *state, const weir_json_value *root,
                               weir_error *err)
{
    void *position = NULL;
    const char *process_id = NULL;
    const weir_json_value *value = NULL;
    while (weir_json_next(weir_json_get(root, "granted"), &position, &process_id, &value)) {
        WEIR_TRY(
            read_set(state, weir_json_value_text(value), weir_process_task_grant, process_id, err));
    }
    return WEIR_OK;
}

static weir_status read_lags(weir_process_state *state, const weir_json_value *root,
                             weir_error *err)
{
    const weir_json_value *lags = weir_json_get(root, "lags");
    void *position = NULL;
    const char *key = NULL;
    const weir_json_value *value = NULL;
    while (weir_json_next(lags, &position, &key, &value)) {
        size_t index = 0;
        const char *at = key;
        int64_t lag = 0;
        if (!read_index(&at, key + strlen(key), state->task_count, &index) || *at != '\0') {
            return weir_error_set(err, WEIR_BAD_RECORD, "lags: '%s' is none of %zu tasks", key,
                                  state->task_count);
        }
        WEIR_TRY(weir_json_get_i64(lags, key, &lag, err));
        if (lag < 0) {
            return weir_error_set(err, WEIR_BAD_RECORD, "lags: that of task %zu is negative",
                                  index);
        }
        state->tasks[index].lag = lag;
    }
    return WEIR_OK;
}

static weir_status read_number(const weir_json_value *root, const char *name, int64_t min,
                               int64_t max, int64_t *out_number, weir_error *err)
{
    WEIR_TRY(weir_json_get_i64(root, name, out_number, err));
    if (*out_number < min || *out_number > max) {
        return weir_error_set(err, WEIR_BAD_RECORD, "%s is %" PRId64, name, *out_number);
    }
    return WEIR_OK;
}

static weir_status read_numbers(weir_process_state *state, const weir_json_value *root,
                                weir_error *err)
{
    int64_t version = 0;
    int64_t incarnation = 0;
    int64_t sequence = 0;
    int64_t generation = 0;
    WEIR_TRY(read_number(root, "v", RECORD_VERSION, RECORD_VERSION, &version, err));
    WEIR_TRY(read_number(root, "incarnation", 0, INT64_MAX, &incarnation, err));
    WEIR_TRY(read_number(root, "sequence", 0, INT64_MAX, &sequence, err));
    WEIR_TRY(read_number(root, "generation", -1, INT32_MAX, &generation, err));
    state->incarnation = (uint64_t)incarnation;
    state->sequence = (uint64_t)sequence;
    state->generation = (int32_t)generation;
    return WEIR_OK;
}

static char *read_text(const weir_json_value *root, const char *name)
{
    weir_bytes text = weir_json_value_text(weir_json_get(root, name));
    return text.data == NULL ? NULL : weir_bytes_to_text(text);
}

static weir_status read_all(weir_process_state *state, const weir_json_value *root, weir_error *err)
{
    WEIR_TRY(read_numbers(state, root, err));
    state->host = read_text(root, "host");
    state->rack = read_text(root, "rack");
    state->shutdown = read_text(root, "shutdown");
    WEIR_TRY(read_member_set(state, root, "owned", mark_owned, err));
    WEIR_TRY(read_member_set(state, root, "claimed", mark_claimed, err));
    WEIR_TRY(read_member_set(state, root, "running", mark_running, err));
    WEIR_TRY(read_grants(state, root, err));
    return read_lags(state, root, err);
}

weir_status weir_process_state_decode(weir_process_state *state, weir_bytes value, weir_error *err)
{
    WEIR_AUTO_PTR(weir_json_value) root = NULL;
    weir_status status = weir_json_parse(value, WEIR_PROCESS_STATE_BYTES_MAX, &root, err);
    if (status == WEIR_OK) {
        status = read_all(state, root, err);
    }
    /* What is missing is as bad as what is wrong. */
    return status == WEIR_OK ? WEIR_OK
                             : weir_error_wrap(err, WEIR_BAD_RECORD, "state of a process");
}

static bool same_text(const char *a, const char *b)
{
    return (a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0);
}

bool weir_process_state_says_the_same(const weir_process_state *a, const weir_process_state *b)
{
    WEIR_ASSERT(a->task_count == b->task_count);
    bool same = a->generation == b->generation && same_text(a->host, b->host) &&
                same_text(a->rack, b->rack);
    for (size_t i = 0; same && i < a->task_count; i++) {
        const weir_process_task *x = &a->tasks[i];
        const weir_process_task *y = &b->tasks[i];
        same = x->owned == y->owned && x->claimed == y->claimed && x->running == y->running &&
               same_text(x->granted_to, y->granted_to) &&
               (x->lag == WEIR_TASK_LAG_UNKNOWN) == (y->lag == WEIR_TASK_LAG_UNKNOWN);
    }
    return same;
}

bool weir_process_state_has_same_lags(const weir_process_state *a, const weir_process_state *b)
{
    WEIR_ASSERT(a->task_count == b->task_count);
    for (size_t i = 0; i < a->task_count; i++) {
        if (a->tasks[i].lag != b->tasks[i].lag) {
            return false;
        }
    }
    return true;
}
