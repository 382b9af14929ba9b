/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_checks.c - the invariants of sim_checks.h, read from the cluster as a tool would.
 */
#include "tests/sim/sim_checks_internal.h"

#include "streams/application_internal.h"
#include "streams/offset_window.h"
#include "tests/harness/check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void sim_checks_fail(const sim_checks *checks, sim_place place, const char *format, ...)
{
    char message[200];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    check_fail(place.file, place.line, "WEIR_TEST_SEED=%" PRIu64 " %s: %s", checks->seed,
               place.condition, message);
}

sim_checks *sim_checks_new(uint64_t seed, sim_cluster *cluster, const sim_variant *variant)
{
    sim_checks *checks = weir_alloc(sizeof(*checks));
    checks->seed = seed;
    checks->cluster = cluster;
    checks->exactly_once = variant->exactly_once;
    checks->holds = variant->app.holds;
    return checks;
}

void sim_checks_free(sim_checks *checks)
{
    for (size_t s = 0; s < SIM_STORES; s++) {
        for (size_t p = 0; p < SIM_APP_PARTITIONS; p++) {
            sim_history_cleanup(&checks->changelogs[s][p]);
        }
    }
    free(checks);
}

void sim_checks_add_input(sim_checks *checks, sim_input input)
{
    WEIR_ASSERT(checks->input_count < SIM_APP_RECORDS_MAX);

    checks->inputs[checks->input_count++] = input;
}

/* True for an offset that comes up for the first time. */
bool sim_checks_see(sim_seen *seen, int64_t offset)
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
    if (!sim_checks_see(&checks->seen_by_group[record->partition], record->offset)) {
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
    if (!sim_checks_see(&checks->seen_out, record->offset)) {
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
                                       weir_buf_bytes(&metadata), &time_ms, NULL, &err),
             &err);
}

static bool is_committed(const weir_offset_window *window, int64_t offset)
{
    return offset < window->base || weir_offset_window_is_done(window, offset);
}

static bool is_done(sim_checks *checks, const char *topic, int32_t partition, int64_t offset)
{
    weir_offset_window window = {0};
    open_window(checks, topic, partition, &window);
    bool done = is_committed(&window, offset);
    weir_offset_window_cleanup(&window);
    return done;
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
        HOLDS(checks, !done || checks->holds || checks->totalled[i] > 0,
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
        sim_cluster_visit(checks->cluster, (weir_topic_partition){SIM_APP_BY_GROUP, p},
                          &checks->seen_by_group[p].next, take_forwarded, checks);
    }
    sim_cluster_visit(checks->cluster, (weir_topic_partition){SIM_APP_OUT, 0},
                      &checks->seen_out.next, take_total, checks);
    for (int32_t p = 0; p < SIM_APP_PARTITIONS; p++) {
        check_input_partition(checks, p);
    }
    for (int32_t p = 0; p < SIM_APP_GROUP_PARTITIONS; p++) {
        check_group_partition(checks, p);
    }
    sim_checks_see_changelogs(checks);
}

/* Two workers that have a task write to one store and one changelog. */
void sim_checks_workers(sim_checks *checks, const sim_instance *instance)
{
    const weir_application *application = instance->application;
    for (size_t t = 0; t < application->plan->task_count; t++) {
        size_t owners = 0;
        for (size_t w = 0; w < application->worker_count; w++) {
            const weir_task *task = weir_stream_thread_task(application->workers[w].thread, t);
            owners += task != NULL ? 1 : 0;
        }
        HOLDS(checks, owners <= 1, "%s: %zu workers have task %s", instance->name, owners,
              application->plan->tasks[t].id);
    }
}

/* The generation that an instance commits in; -1: it commits nothing now. */
static int32_t commits_in(const sim_instance *instance)
{
    const weir_application *application = instance->application;
    for (size_t t = 0; t < application->plan->task_count; t++) {
        if (application->slots[t].must_stop) {
            return -1; /* A generation has ended, and the new one is not acknowledged. */
        }
    }
    return weir_placer_generation(application->placer);
}

static bool works_on(const sim_instance *instance, size_t t)
{
    const weir_application *application = instance->application;
    for (size_t w = 0; w < application->worker_count; w++) {
        const weir_task *task = weir_stream_thread_task(application->workers[w].thread, t);
        if (task != NULL && weir_task_phase_now(task) == WEIR_TASK_RUNNING) {
            return true;
        }
    }
    return false;
}

static void check_pair(sim_checks *checks, const sim_instance *a, const sim_instance *b)
{
    int32_t generation = a->running && b->running ? commits_in(a) : -1;
    if (generation < 0 || generation != commits_in(b)) {
        return;
    }
    for (size_t t = 0; t < a->application->plan->task_count; t++) {
        HOLDS(checks, !works_on(a, t) || !works_on(b, t),
              "%s and %s both run task %s in generation %" PRId32, a->name, b->name,
              a->application->plan->tasks[t].id, generation);
    }
}

void sim_checks_leases(sim_checks *checks, const sim_instance *instances, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = i + 1; j < count; j++) {
            check_pair(checks, &instances[i], &instances[j]);
        }
    }
}

void sim_checks_closed(sim_checks *checks, const sim_app_state *app)
{
    sim_checks_after_step(checks);
    for (int64_t i = 0; i < checks->input_count; i++) {
        const sim_input *input = &checks->inputs[i];
        HOLDS(checks,
              !app->counted[i] || is_done(checks, SIM_APP_IN, input->partition, input->offset),
              "input %" PRId64 " was counted, and a clean close did not commit it", i);
        const sim_input *forwarded = &checks->forwarded_at[i];
        HOLDS(checks,
              !app->totalled[i] ||
                  is_done(checks, SIM_APP_BY_GROUP, forwarded->partition, forwarded->offset),
              "input %" PRId64 " was totalled, and a clean close did not commit it", i);
    }
}

void sim_checks_records_at_rest(sim_checks *checks)
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
}

void sim_checks_at_rest(sim_checks *checks, sim_instance *instances, size_t count)
{
    sim_checks_records_at_rest(checks);
    sim_checks_tasks(checks, instances, count);
}
