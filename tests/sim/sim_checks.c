/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_checks.c - the invariants of sim_checks.h, read from the cluster as a tool would.
 */
#include "tests/sim/sim_checks.h"

#include "streams/base/map.h"
#include "streams/offset_window.h"
#include "tests/harness/check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A condition of the run with this seed; the rest is the message. */
#define HOLDS(checks, condition, ...)                                                              \
    ((condition) ? (void)0 : fail((checks), __LINE__, #condition, __VA_ARGS__))

__attribute__((format(printf, 4, 5))) static void
fail(const sim_checks *checks, int line, const char *condition, const char *format, ...)
{
    WEIR_AUTO(weir_buf) text = {0};
    char message[200];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    check_fail(__FILE__, line, "WEIR_TEST_SEED=%" PRIu64 " %s: %s", checks->seed, condition,
               message);
}

sim_checks *sim_checks_new(uint64_t seed, sim_cluster *cluster, bool exactly_once)
{
    sim_checks *checks = weir_alloc(sizeof(*checks));
    checks->seed = seed;
    checks->cluster = cluster;
    checks->exactly_once = exactly_once;
    return checks;
}

void sim_checks_free(sim_checks *checks)
{
    free(checks);
}

void sim_checks_add_input(sim_checks *checks, sim_input input)
{
    WEIR_ASSERT(checks->input_count < SIM_APP_RECORDS_MAX);

    checks->inputs[checks->input_count++] = input;
}

/* True for an offset that comes up for the first time. */
static bool see(sim_seen *seen, int64_t offset)
{
    WEIR_ASSERT((size_t)offset < WEIR_COUNT_OF(seen->offsets));

    bool is_new = !seen->offsets[offset];
    seen->offsets[offset] = true;
    return is_new;
}

/* "<count> <number>" */
static void parse_value(const weir_record *record, int64_t *out_count, int64_t *out_number)
{
    WEIR_AUTO_FREE char *text = weir_bytes_to_text(record->value);
    char *rest = NULL;
    *out_count = strtoll(text, &rest, 10);
    *out_number = strtoll(rest, NULL, 10);
}

static void take_forwarded(void *user, const weir_record *record)
{
    sim_checks *checks = user;
    if (!see(&checks->seen_by_group[record->partition], record->offset)) {
        return;
    }
    int64_t count = 0;
    int64_t number = 0;
    parse_value(record, &count, &number);
    HOLDS(checks, number >= 0 && number < checks->input_count, "number %" PRId64, number);
    if (checks->forwarded[number]++ == 0) {
        checks->forwarded_at[number] =
            (sim_input){.partition = record->partition, .offset = record->offset};
    }
    HOLDS(checks, !checks->exactly_once || checks->forwarded[number] == 1,
          "input %" PRId64 " was counted twice", number);
}

static void take_total(void *user, const weir_record *record)
{
    sim_checks *checks = user;
    if (!see(&checks->seen_out, record->offset)) {
        return;
    }
    int64_t count = 0;
    int64_t number = 0;
    parse_value(record, &count, &number);
    HOLDS(checks, number >= 0 && number < checks->input_count, "number %" PRId64, number);
    checks->totalled[number]++;
    HOLDS(checks, !checks->exactly_once || checks->totalled[number] == 1,
          "input %" PRId64 " was totalled twice", number);
    int32_t group = sim_app_group_of(checks->inputs[number].key);
    if (count <= SIM_APP_RECORDS_MAX) {
        checks->totals[group][count]++;
    }
    HOLDS(checks, !checks->exactly_once || checks->totals[group][count] == 1,
          "total %" PRId64 " of group %" PRId32 " was told twice", count, group);
}

static void open_window(sim_checks *checks, const char *topic, int32_t partition,
                        weir_offset_window *window)
{
    WEIR_AUTO(weir_buf) metadata = {0};
    int64_t committed =
        sim_cluster_committed(checks->cluster, SIM_APP_ID, topic, partition, &metadata);
    int64_t time_ms = 0;
    weir_error err = {0};
    CHECK_OK(weir_offset_window_decode(window, committed < 0 ? 0 : committed,
                                       weir_buf_bytes(&metadata), &time_ms, &err),
             &err);
}

static bool is_committed(const weir_offset_window *window, int64_t offset)
{
    return offset < window->base || weir_offset_window_is_done(window, offset);
}

static void check_input_partition(sim_checks *checks, int32_t partition)
{
    weir_offset_window window = {0};
    open_window(checks, SIM_APP_IN, partition, &window);
    for (int64_t i = 0; i < checks->input_count; i++) {
        if (checks->inputs[i].partition != partition) {
            continue;
        }
        bool done = is_committed(&window, checks->inputs[i].offset);
        HOLDS(checks, !done || checks->forwarded[i] > 0,
              "in[%" PRId32 "]@%" PRId64 " (input %" PRId64 ") is committed, its output is not",
              partition, checks->inputs[i].offset, i);
        HOLDS(checks, done || !checks->exactly_once || checks->forwarded[i] == 0,
              "in[%" PRId32 "]@%" PRId64 " (input %" PRId64 ") has output and is not committed",
              partition, checks->inputs[i].offset, i);
    }
    weir_offset_window_cleanup(&window);
}

static void check_group_partition(sim_checks *checks, int32_t partition)
{
    weir_offset_window window = {0};
    open_window(checks, SIM_APP_BY_GROUP, partition, &window);
    for (int64_t i = 0; i < checks->input_count; i++) {
        if (checks->forwarded[i] == 0 || checks->forwarded_at[i].partition != partition) {
            continue;
        }
        bool done = is_committed(&window, checks->forwarded_at[i].offset);
        HOLDS(checks, !done || checks->totalled[i] > 0,
              "by-group[%" PRId32 "]@%" PRId64 " (input %" PRId64
              ") is committed, its output is not",
              partition, checks->forwarded_at[i].offset, i);
        HOLDS(checks, done || !checks->exactly_once || checks->totalled[i] == 0,
              "by-group[%" PRId32 "]@%" PRId64 " (input %" PRId64
              ") has output and is not committed",
              partition, checks->forwarded_at[i].offset, i);
    }
    weir_offset_window_cleanup(&window);
}

void sim_checks_after_step(sim_checks *checks)
{
    for (int32_t p = 0; p < SIM_APP_GROUP_PARTITIONS; p++) {
        sim_cluster_visit(checks->cluster, SIM_APP_BY_GROUP, p, take_forwarded, checks);
    }
    sim_cluster_visit(checks->cluster, SIM_APP_OUT, 0, take_total, checks);
    for (int32_t p = 0; p < SIM_APP_PARTITIONS; p++) {
        check_input_partition(checks, p);
    }
    for (int32_t p = 0; p < SIM_APP_GROUP_PARTITIONS; p++) {
        check_group_partition(checks, p);
    }
}

/* Replays. */

typedef struct replayed {
    weir_map *rows; /* Key to a weir_buf. */
} replayed;

static void replay_record(void *user, const weir_record *record)
{
    replayed *replay = user;
    weir_buf *row = weir_map_get(replay->rows, record->key);
    if (record->value.data == NULL) {
        row = weir_map_remove(replay->rows, record->key);
        if (row != NULL) {
            weir_buf_cleanup(row);
            free(row);
        }
        return;
    }
    if (row == NULL) {
        row = weir_alloc(sizeof(*row));
        (void)weir_map_put(replay->rows, record->key, row);
    }
    weir_buf_set(row, record->value);
}

static replayed replay_changelog(const sim_checks *checks, const char *topic, int32_t partition)
{
    replayed replay = {weir_map_new()};
    sim_cluster_visit(checks->cluster, topic, partition, replay_record, &replay);
    return replay;
}

static void replay_cleanup(replayed *replay)
{
    size_t position = 0;
    void *row = NULL;
    while (weir_map_next(replay->rows, &position, NULL, &row)) {
        weir_buf_cleanup(row);
        free(row);
    }
    weir_map_free(replay->rows);
}

static void check_store(const sim_checks *checks, weir_kv *view, const replayed *replay,
                        const char *name)
{
    WEIR_AUTO_PTR(weir_kv_iterator) it = NULL;
    weir_error err = {0};
    CHECK_OK(weir_kv_range(view, WEIR_BYTES_NULL, WEIR_BYTES_NULL, false, &it, &err), &err);
    size_t count = 0;
    weir_bytes key = {0};
    weir_bytes value = {0};
    while (weir_kv_iterator_next(it, &key, &value, &err) == WEIR_OK) {
        const weir_buf *row = weir_map_get(replay->rows, key);
        HOLDS(checks, row != NULL, "%s: '%.*s' is in the store, not in the changelog", name,
              (int)key.size, (const char *)key.data);
        HOLDS(checks, weir_bytes_equal(weir_buf_bytes(row), value),
              "%s: '%.*s' is '%.*s' in the store, '%.*s' in the changelog", name, (int)key.size,
              (const char *)key.data, (int)value.size, (const char *)value.data, (int)row->size,
              (const char *)row->data);
        count++;
    }
    HOLDS(checks, count == weir_map_count(replay->rows),
          "%s: %zu rows in the store, %zu in the log", name, count, weir_map_count(replay->rows));
}

/* The effect in a changelog: every row has the number of inputs that it counts. */
static void check_model(const sim_checks *checks, const replayed *replay, bool by_group)
{
    size_t position = 0;
    weir_bytes key = {0};
    void *row = NULL;
    while (weir_map_next(replay->rows, &position, &key, &row)) {
        WEIR_AUTO_FREE char *text = weir_bytes_to_text(key);
        int32_t wanted_key = (int32_t)strtol(text + 1, NULL, 10);
        int64_t wanted = 0;
        for (int64_t i = 0; i < checks->input_count; i++) {
            int32_t input_key = checks->inputs[i].key;
            wanted += (by_group ? sim_app_group_of(input_key) : input_key) == wanted_key ? 1 : 0;
        }
        int64_t got = strtoll(weir_buf_text(row), NULL, 10);
        HOLDS(checks, checks->exactly_once ? got == wanted : got >= wanted,
              "%s: counted %" PRId64 ", there were %" PRId64, text, got, wanted);
    }
}

static void check_task_store(const sim_checks *checks, const weir_planned_task *planned,
                             weir_task *task, bool stores_match)
{
    bool by_group = planned->subtopology == 1;
    const char *store = by_group ? "totals" : "counts";
    const char *topic = by_group ? SIM_APP_ID "-totals-changelog" : SIM_APP_ID "-counts-changelog";
    replayed replay = replay_changelog(checks, topic, planned->partition);
    if (stores_match) {
        check_store(checks, weir_task_committed_view(task, store), &replay, planned->id);
        check_model(checks, &replay, by_group);
    }
    replay_cleanup(&replay);
}

/* Checks the stores of a task in one instance; how many of its workers have the task. */
static int32_t check_task_in(const sim_checks *checks, sim_instance *instance, size_t index,
                             bool stores_match)
{
    int32_t owners = 0;
    for (int32_t w = 0; w < instance->variant->worker_count; w++) {
        weir_task *task = weir_stream_thread_task(instance->workers[w], index);
        if (task != NULL) {
            owners++;
            check_task_store(checks, &instance->plan->tasks[index], task, stores_match);
        }
    }
    return owners;
}

/* Every task runs exactly once among the instances. */
static void check_tasks(const sim_checks *checks, sim_instance *instances, size_t count,
                        bool stores_match)
{
    const weir_plan *plan = instances[0].plan;
    for (size_t t = 0; t < plan->task_count; t++) {
        int32_t owners = 0;
        for (size_t i = 0; i < count; i++) {
            owners += check_task_in(checks, &instances[i], t, stores_match);
        }
        HOLDS(checks, owners == 1, "task %s has %" PRId32 " owners", plan->tasks[t].id, owners);
    }
}

void sim_checks_at_rest(sim_checks *checks, sim_instance *instances, size_t count,
                        bool stores_match)
{
    sim_checks_after_step(checks);
    int64_t group_counts[SIM_APP_GROUPS] = {0};
    for (int64_t i = 0; i < checks->input_count; i++) {
        HOLDS(checks, checks->forwarded[i] > 0, "input %" PRId64 " was lost before by-group", i);
        HOLDS(checks, checks->totalled[i] > 0, "input %" PRId64 " was lost before out", i);
        group_counts[sim_app_group_of(checks->inputs[i].key)]++;
    }
    for (int32_t g = 0; g < SIM_APP_GROUPS && checks->exactly_once; g++) {
        for (int64_t n = 1; n <= group_counts[g]; n++) {
            HOLDS(checks, checks->totals[g][n] == 1,
                  "group %" PRId32 ": total %" PRId64 " was told %" PRId32 " times", g, n,
                  checks->totals[g][n]);
        }
    }
    check_tasks(checks, instances, count, stores_match);
}
