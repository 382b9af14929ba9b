/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_store_checks.c - the invariants of sim_checks.h that are about state: running stores and
 * those on disks, against the changelogs.
 *
 * Compaction takes records away that a later one of the same key replaces. So a row that the replay
 * up to a position does not have may be older than the log, if the log has the key later on.
 */
#include "tests/sim/sim_checks_internal.h"

#include "streams/application_internal.h"
#include "streams/base/map.h"
#include "streams/term.h"
#include "tests/harness/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
    const char *name;
    const char *changelog;
    int32_t subtopology;
    int32_t partition_count;
    weir_store_engine engine;
} stores[SIM_STORES] = {
    {"counts", SIM_APP_ID "-counts-changelog", 0, SIM_APP_PARTITIONS, WEIR_ENGINE_ROCKSDB},
    {"totals", SIM_APP_ID "-totals-changelog", 1, SIM_APP_GROUP_PARTITIONS, WEIR_ENGINE_ROCKSDB},
    {"held", SIM_APP_ID "-held-changelog", 1, SIM_APP_GROUP_PARTITIONS, WEIR_ENGINE_MEMORY},
};

enum { SIM_HELD = SIM_STORES - 1, SIM_TOTALS = SIM_HELD - 1 };

static size_t store_count(const sim_checks *checks)
{
    return checks->holds ? SIM_STORES : SIM_STORES - 1;
}

static void see_record(void *user, const weir_record *record)
{
    sim_history_note(user, record);
}

void sim_checks_see_changelogs(sim_checks *checks)
{
    for (size_t s = 0; s < store_count(checks); s++) {
        for (int32_t p = 0; p < stores[s].partition_count; p++) {
            sim_history *history = &checks->changelogs[s][p];
            sim_cluster_visit(checks->cluster, (weir_topic_partition){stores[s].changelog, p},
                              &history->next, see_record, history);
        }
    }
}

bool sim_checks_are_hiding(const sim_checks *checks)
{
    for (size_t s = 0; s < store_count(checks); s++) {
        for (int32_t p = 0; p < stores[s].partition_count; p++) {
            if (sim_history_is_hiding(&checks->changelogs[s][p])) {
                return true;
            }
        }
    }
    return false;
}

/* A changelog up to an offset, and what it says of keys after it. */
typedef struct replayed {
    weir_map *rows;  /* Key to a weir_buf. */
    weir_map *later; /* Key to a weir_buf: the last one. */
    int64_t end;     /* Records below it are replayed. */
    int64_t next;    /* After the last record; 0: there is none. */
    int64_t term;    /* The highest so far: records of lower ones came too late. */
} replayed;

static void set_row(weir_map *rows, weir_bytes key, weir_bytes value)
{
    weir_buf *row = weir_map_get(rows, key);
    if (row == NULL) {
        row = weir_alloc(sizeof(*row));
        (void)weir_map_put(rows, key, row);
    }
    weir_buf_set(row, value);
}

static void replay_record(void *user, const weir_record *record)
{
    replayed *replay = user;
    replay->next = record->offset + 1;
    int64_t term = weir_term_of(record);
    if (term != 0 && term < replay->term) {
        return;
    }
    replay->term = term == 0 ? replay->term : term;
    if (record->offset >= replay->end) {
        set_row(replay->later, record->key, record->value);
        return;
    }
    if (record->value.data != NULL) {
        set_row(replay->rows, record->key, record->value);
        return;
    }
    weir_buf *row = weir_map_remove(replay->rows, record->key);
    if (row != NULL) {
        weir_buf_cleanup(row);
        free(row);
    }
}

static replayed replay_changelog(const sim_checks *checks, size_t store, int32_t partition,
                                 int64_t end)
{
    replayed replay = {weir_map_new(), weir_map_new(), end, 0, 0};
    sim_cluster_visit(checks->cluster, (weir_topic_partition){stores[store].changelog, partition},
                      NULL, replay_record, &replay);
    return replay;
}

static void free_rows(weir_map *rows)
{
    size_t position = 0;
    void *row = NULL;
    while (weir_map_next(rows, &position, NULL, &row)) {
        weir_buf_cleanup(row);
        free(row);
    }
    weir_map_free(rows);
}

static void replay_cleanup(const replayed *replay)
{
    free_rows(replay->rows);
    free_rows(replay->later);
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

/* Where a key's row is. */
static const weir_buf *row_of_input(const replayed *replay, const sim_input *input, bool by_group)
{
    char key[16];
    (void)snprintf(key, sizeof(key), by_group ? "g%" PRId32 : "k%" PRId32,
                   by_group ? sim_app_group_of(input->key) : input->key);
    return weir_map_get(replay->rows, weir_bytes_of_text(key));
}

/* A new owner's first record stood between the two parts of a flush: it counts the removal from
 * "held", and the addition to "totals", acknowledged too, came too late. */
static bool is_torn_by_term(const sim_checks *checks, weir_bytes key, int32_t partition)
{
    int64_t term = sim_history_removed_in(&checks->changelogs[SIM_HELD][partition], key);
    return term != 0 && sim_history_is_late_in(&checks->changelogs[SIM_TOTALS][partition], term);
}

/* At least once, what moves from one store to another in a flush that fails can be torn, as in
 * Kafka Streams: the removal from "held" is on the log, and the addition to "totals" is not.
 * Nothing else excuses a missing input: a flush that was acknowledged in its term has both. */
static bool is_torn_or_held(const sim_checks *checks, int64_t number)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%" PRId64, number);
    weir_bytes key = weir_bytes_of_text(text);
    const int32_t partition = checks->forwarded_at[number].partition;
    const replayed held = replay_changelog(checks, SIM_HELD, partition, INT64_MAX);
    bool is_held = weir_map_get(held.rows, key) != NULL;
    replay_cleanup(&held);
    return is_held || is_torn_by_term(checks, key, partition) ||
           sim_cluster_is_torn(checks->cluster, stores[SIM_HELD].changelog, key);
}

/* Every row has the inputs that it is to count; exactly once, each of them one time. */
static void check_model(const sim_checks *checks, const replayed *replay, int32_t partition,
                        bool by_group)
{
    bool may_be_torn = by_group && checks->holds && !checks->exactly_once;
    for (int64_t i = 0; i < checks->input_count; i++) {
        const sim_input *at = by_group ? &checks->forwarded_at[i] : &checks->inputs[i];
        if (at->partition != partition) {
            continue;
        }
        sim_app_set set = {0};
        const weir_buf *row = row_of_input(replay, &checks->inputs[i], by_group);
        if (row != NULL) {
            (void)sim_app_parse_row(weir_buf_bytes(row), &set);
        }
        HOLDS(checks, sim_app_has(&set, i) || (may_be_torn && is_torn_or_held(checks, i)),
              "input %" PRId64 " is not counted by %s", i, by_group ? "its group" : "its key");
    }
    size_t position = 0;
    weir_bytes key = {0};
    void *row = NULL;
    while (checks->exactly_once && weir_map_next(replay->rows, &position, &key, &row)) {
        sim_app_set set = {0};
        int64_t inputs = 0;
        int64_t count = sim_app_parse_row(weir_buf_bytes(row), &set);
        for (int64_t i = 0; i < checks->input_count; i++) {
            inputs += sim_app_has(&set, i) ? 1 : 0;
        }
        HOLDS(checks, count == inputs, "%.*s: counted %" PRId64 ", there were %" PRId64,
              (int)key.size, (const char *)key.data, count, inputs);
    }
}

void sim_checks_task(const sim_checks *checks, weir_task *task, bool at_rest)
{
    const weir_planned_task *planned = weir_task_planned(task);
    for (size_t s = 0; s < store_count(checks); s++) {
        if (stores[s].subtopology != (int32_t)planned->subtopology) {
            continue;
        }
        replayed replay = replay_changelog(checks, s, planned->partition, INT64_MAX);
        check_store(checks, weir_task_committed_view(task, stores[s].name), &replay, planned->id);
        if (at_rest && s != SIM_HELD) {
            check_model(checks, &replay, planned->partition, planned->subtopology == 1);
        }
        replay_cleanup(&replay);
    }
}

/* Checks the stores of a task in one instance, standbys too; how many of its workers run it. */
static int32_t check_task_in(const sim_checks *checks, const sim_instance *instance, size_t index)
{
    const weir_application *application = instance->application;
    int32_t owners = 0;
    for (size_t w = 0; w < application->worker_count; w++) {
        weir_task *task = weir_stream_thread_task(application->workers[w].thread, index);
        owners += task != NULL && weir_task_phase_now(task) == WEIR_TASK_RUNNING ? 1 : 0;
        if (task != NULL) {
            sim_checks_task(checks, task, true);
        }
    }
    return owners;
}

void sim_checks_tasks(sim_checks *checks, sim_instance *instances, size_t count)
{
    const weir_plan *plan = instances[0].application->plan;
    for (size_t t = 0; t < plan->task_count; t++) {
        int32_t owners = 0;
        for (size_t i = 0; i < count; i++) {
            owners += check_task_in(checks, &instances[i], t);
        }
        HOLDS(checks, owners == 1, "%" PRId32 " processes run task %s", owners, plan->tasks[t].id);
    }
}

/* Disks. */

/* The place of a store's partition on a disk, for messages. */
typedef struct disk_place {
    const sim_instance *instance;
    size_t store;
    int32_t partition;
    weir_task_state *state;
    weir_kv *view;
} disk_place;

static const sim_history *history_of(const sim_checks *checks, const disk_place *place)
{
    return &checks->changelogs[place->store][place->partition];
}

/* Rows may be newer than the position where an ingest is on disk before its position is, and, at
 * least once, where the position stays before records that came after the restore, until they are
 * read: those of a former owner, or what the worker's own producer wrote as it was closed after a
 * failure. The log from there on has the same rows. */
static bool may_be_ahead(const sim_checks *checks, const disk_place *place)
{
    return sim_disk_ingest_count(place->instance->disk) > 0 || !checks->exactly_once;
}

/* Older: what is between was compacted away before the restore read it. */
static bool row_is_right(const sim_checks *checks, const disk_place *place, const replayed *replay,
                         const weir_bytes pair[2])
{
    const sim_history *history = history_of(checks, place);
    const weir_buf *row = weir_map_get(replay->rows, pair[0]);
    if (row != NULL && weir_bytes_equal(weir_buf_bytes(row), pair[1])) {
        return true;
    }
    bool is_older = row == NULL && weir_map_get(replay->later, pair[0]) != NULL &&
                    sim_history_set(history, pair[0], pair[1], 0, replay->end);
    return is_older || (may_be_ahead(checks, place) &&
                        sim_history_set(history, pair[0], pair[1], replay->end, INT64_MAX));
}

static void check_rows(const sim_checks *checks, const disk_place *place, const replayed *replay)
{
    WEIR_AUTO_PTR(weir_kv_iterator) it = NULL;
    weir_error err = {0};
    CHECK_OK(weir_kv_range(place->view, WEIR_BYTES_NULL, WEIR_BYTES_NULL, false, &it, &err), &err);
    size_t found = 0;
    weir_bytes pair[2] = {{0}};
    while (weir_kv_iterator_next(it, &pair[0], &pair[1], &err) == WEIR_OK) {
        HOLDS(checks, row_is_right(checks, place, replay, pair),
              "%s: %s-%" PRId32 " is at %" PRId64 " and has '%.*s' = '%.*s'", place->instance->name,
              stores[place->store].name, place->partition, replay->end, (int)pair[0].size,
              (const char *)pair[0].data, (int)pair[1].size, (const char *)pair[1].data);
        found += weir_map_get(replay->rows, pair[0]) != NULL ? 1 : 0;
    }
    HOLDS(checks, found == weir_map_count(replay->rows), /* Stores on disk remove nothing. */
          "%s: %s-%" PRId32 " is at %" PRId64 " and has %zu of %zu rows", place->instance->name,
          stores[place->store].name, place->partition, replay->end, found,
          weir_map_count(replay->rows));
}

static void check_place(sim_checks *checks, const disk_place *place, bool is_current)
{
    char label[64];
    (void)snprintf(label, sizeof(label), "%s:%s-%" PRId32, stores[place->store].name,
                   stores[place->store].changelog, place->partition);
    int64_t position = 0;
    weir_error err = {0};
    weir_status status = weir_task_state_position(place->state, label, &position, &err);
    replayed replay = replay_changelog(checks, place->store, place->partition, position);
    if (status == WEIR_OK) {
        bool is_start = position == 0 && !checks->exactly_once; /* Before a late first record. */
        HOLDS(checks, is_start || sim_history_has(history_of(checks, place), position - 1),
              "%s: %s-%" PRId32 " is at %" PRId64 ", which is after no record",
              place->instance->name, stores[place->store].name, place->partition, position);
        check_rows(checks, place, &replay);
    }
    HOLDS(checks, !is_current || position == replay.next,
          "%s: %s-%" PRId32 " closed at %" PRId64 " of %" PRId64, place->instance->name,
          stores[place->store].name, place->partition, position, replay.next);
    replay_cleanup(&replay);
}

void sim_checks_disk(sim_checks *checks, const sim_instance *instance, bool is_current)
{
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_database) database = NULL;
    CHECK_OK(
        weir_database_open(&(weir_database_options){.directory = instance->name}, &database, &err),
        &err);
    for (size_t s = 0; s < store_count(checks); s++) {
        for (int32_t p = 0; p < stores[s].partition_count; p++) {
            if (stores[s].engine != WEIR_ENGINE_ROCKSDB) {
                continue;
            }
            disk_place place = {instance, s, p, NULL, NULL};
            CHECK_OK(weir_task_state_new(database, SIM_APP_ID, p, &place.state, &err), &err);
            CHECK_OK(weir_task_state_add_store(place.state, stores[s].name, WEIR_ENGINE_ROCKSDB,
                                               &place.view, &err),
                     &err);
            check_place(checks, &place, is_current);
            weir_task_state_free(place.state);
        }
    }
}
