/* SPDX-License-Identifier: Apache-2.0
 *
 * crash_run.c - a script in a world where things go wrong, and what is compared afterwards.
 *
 * Records of two topics that wait together are taken by their times, as in Kafka Streams; the
 * oracle gave one after the other. So all is committed before the next record is of another topic:
 * what a crash takes back is of one topic, and comes again in the same order.
 */
#include "tests/conformance/crash_run.h"

#include "tests/conformance/script.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SETTINGS_MAX = 16, WORKERS_TEXT_BYTES = 4 };

typedef struct run {
    const crash_run_options *options;
    conformance_script script;
    weir_builder *builder;
    conformance_world world;
    weir_random random;
    bool in_order;    /* Each record is compared, not only the last ones. */
    bool is_timeless; /* The times of records are not compared. */
} run;

/* A foreign key's answer may come after the next record: one at a time, or fewer come out. */
static bool feeds_back(const run *self)
{
    return strstr(self->script.spec->name, "fk") != NULL;
}

/* Without a cache, in Kafka Streams as here, a tombstone for a row that never was makes these joins
 * tell what they said once more, with its time. A cache swallows it. */
static bool tells_again(const conformance_spec *spec)
{
    static const char *const names[] = {"fk_left", "fk_named_left", "table_table_left",
                                        "table_table_outer"};
    bool found = false;
    for (size_t i = 0; i < WEIR_COUNT_OF(names); i++) {
        found |= strcmp(spec->name, names[i]) == 0;
    }
    return found;
}

static void forget_times(conformance_script *script)
{
    for (size_t i = 0; i < script->topic_count; i++) {
        conformance_lines_forget_times(&script->topics[i].lines);
    }
    conformance_text_forget_times(&script->rows);
}

static bool begins_with(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

/* Whether Kafka Streams' cache, and nothing else, may show what has expired: a session may wait for
 * its bridge to a younger one; a window of a cogroup, for a stream that has not come so far. */
static bool may_show_expired(const conformance_spec *spec)
{
    bool found = false;
    for (size_t i = 0; i < CONFORMANCE_STORES_MAX && spec->stores[i].name != NULL; i++) {
        found |= spec->stores[i].is_session;
        found |= spec->stores[i].window_size != NULL && begins_with(spec->name, "cogroup_");
    }
    return found;
}

/* Where it shows in the end that a cache let fewer changes go than the oracle's, which let them go
 * after each record, or that there is none, so that a second tombstone of a row is a change. */
typedef enum trace { IN_NOTHING, IN_OUTPUTS, IN_ROWS } trace;

static trace trace_of(const run *self)
{
    static const struct {
        const char *spec;
        trace trace;
        bool is_of_tombstones;
    } traces[] = {
        {"dynamic_sink_of_counts", IN_OUTPUTS, false}, /* A count says where it goes. */
        {"suppress_joined", IN_OUTPUTS, true},         /* Changes that come push others out. */
        {"suppress_time_limit", IN_OUTPUTS, false},
        {"table_group_aggregate", IN_ROWS, false}, /* Its text has all that came and went. */
        {"table_group_count", IN_ROWS, false},     /* 0, if anything came: else no row. */
    };
    bool is_cacheless = self->options->uncached;
    trace found = IN_NOTHING;
    for (size_t i = 0; i < WEIR_COUNT_OF(traces); i++) {
        bool fits = strcmp(self->script.spec->name, traces[i].spec) == 0 &&
                    (!is_cacheless || traces[i].is_of_tombstones);
        found = fits ? traces[i].trace : found;
    }
    bool is_same =
        conformance_script_is_uncached(&self->script) || !(is_cacheless || self->options->crashes);
    return is_same ? IN_NOTHING : found;
}

/* Whether what a restart does to it, or the lack of a cache, can be compared at all. */
static weir_status check_fit(const run *self, weir_error *err)
{
    const conformance_spec *spec = self->script.spec;
    if (strcmp(spec->name, "punctuate") == 0) {
        return weir_error_set(err, WEIR_AGAIN, "wall-clock schedules begin anew with their task");
    }
    if (begins_with(spec->name, "lru")) {
        return weir_error_set(err, WEIR_AGAIN, "a restore knows no reads, so others go next");
    }
    if (may_show_expired(spec) && !conformance_script_is_uncached(&self->script)) {
        return weir_error_set(err, WEIR_NOT_FOUND,
                              "Kafka Streams went on with what had expired, which only its cache "
                              "still showed");
    }
    return trace_of(self) == IN_ROWS
               ? weir_error_set(err, WEIR_NOT_FOUND, "each change that a cache swallows is missed")
               : WEIR_OK;
}

/* What happens before an input, by chance. */
static weir_status disturb(run *self, weir_error *err)
{
    if (!self->options->crashes) {
        return WEIR_OK;
    }
    switch (weir_random_below(&self->random, 12)) {
    case 0:
    case 1:
        return conformance_world_commit(&self->world, err);
    case 2:
    case 3:
        conformance_world_crash(&self->world);
        return WEIR_OK;
    case 4:
        return conformance_world_close(&self->world, err);
    case 5:
        return conformance_world_move(&self->world, err);
    default:
        return WEIR_OK;
    }
}

static weir_status feed(run *self, const conformance_input *input, weir_error *err)
{
    if (input->topic == NULL) {
        return conformance_world_advance(&self->world, input->wall_ms, err);
    }
    WEIR_TRY(disturb(self, err));
    weir_record record = input->record;
    record.headers = input->headers; /* They moved with the input. */
    WEIR_TRY(conformance_world_feed(&self->world, &record, err));
    WEIR_TRY(disturb(self, err));
    return conformance_world_work(&self->world, err);
}

static weir_status feed_all(run *self, weir_error *err)
{
    const char *topic = NULL;
    for (size_t i = 0; i < self->script.input_count; i++) {
        const conformance_input *input = &self->script.inputs[i];
        bool is_other = topic != NULL && input->topic != NULL && strcmp(topic, input->topic) != 0;
        if (self->options->crashes && (is_other || feeds_back(self))) {
            WEIR_TRY(conformance_world_commit(&self->world, err));
        }
        topic = input->topic == NULL ? topic : input->topic;
        WEIR_TRY(feed(self, input, err));
    }
    return self->options->crashes ? conformance_world_commit(&self->world, err) : WEIR_OK;
}

/* A topic's records as they are told of. */
typedef struct gathering {
    const char *topic;
    bool is_internal;
    conformance_lines lines;
} gathering;

static void gather(void *user, const weir_record *record)
{
    gathering *self = user;
    WEIR_AUTO(weir_buf) line = {0};
    WEIR_AUTO(weir_buf) hex = {0};
    weir_bytes key = record->key;
    if (self->is_internal) {
        conformance_append_internal(&line, self->topic, record);
        key = conformance_hex_of(key, &hex);
    } else {
        conformance_append_line(&line, "out", weir_bytes_of_text(self->topic), record);
        conformance_append_headers(&line, record);
    }
    conformance_lines_add(&self->lines, key, record->value.data == NULL, weir_buf_text(&line));
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text);
    size_t end_length = strlen(end);
    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/* How a topic is compared. */
typedef enum comparison { NOTHING, IN_ORDER, LAST_OF_KEYS } comparison;

/* A held back change has with it where its record came from, which differs with the cache. The
 * buffers of stream joins number their records from where the process began. */
static comparison comparison_of(const run *self, const char *name, bool is_internal)
{
    bool is_changelog = is_internal && ends_with(name, "-changelog");
    bool is_buffer = strstr(name, "-SUPPRESS-") != NULL || strstr(name, "-final-store-") != NULL;
    bool is_joined = strstr(name, "-JOIN") != NULL || strstr(name, "-OUTER") != NULL;
    if ((is_changelog && ((is_buffer && !self->in_order) || is_joined)) ||
        (!is_internal && trace_of(self) == IN_OUTPUTS)) {
        return NOTHING;
    }
    if (is_changelog || !self->in_order) {
        return is_internal && !is_changelog ? NOTHING : LAST_OF_KEYS;
    }
    return IN_ORDER;
}

static weir_status compare_topic(run *self, const char *name, bool is_internal, weir_error *err)
{
    static const conformance_lines none;
    const conformance_topic *topic = conformance_script_topic(&self->script, name);
    const conformance_lines *expected = topic == NULL ? &none : &topic->lines;
    gathering got = {.topic = name, .is_internal = is_internal};
    sim_cluster_visit(self->world.cluster, (weir_topic_partition){name, 0}, NULL, gather, &got);
    if (self->is_timeless) {
        conformance_lines_forget_times(&got.lines);
    }
    WEIR_AUTO(weir_buf) difference = {0};
    bool same = true;
    switch (comparison_of(self, name, is_internal)) {
    case IN_ORDER:
        same = conformance_lines_same(expected, &got.lines, &difference);
        break;
    case LAST_OF_KEYS:
        same = conformance_lines_end_same(expected, &got.lines, &difference);
        break;
    case NOTHING:
        break;
    }
    conformance_lines_cleanup(&got.lines);
    return same ? WEIR_OK
                : weir_error_set(err, WEIR_INVALID, "%s\n%s", name, weir_buf_text(&difference));
}

static weir_status compare_internal(void *user, const weir_topic_config *topic, weir_error *err)
{
    bool is_internal =
        strncmp(topic->name, "oracle-", 7) == 0 && strncmp(topic->name, "oracle-weir-", 12) != 0;
    return is_internal ? compare_topic(user, topic->name, true, err) : WEIR_OK;
}

/* The end of the window in the row "… key='KEY@START/END' …"; -1: it has none. */
static int64_t end_of_window(const char *row)
{
    const char *at = strchr(row, '@');
    const char *slash = at == NULL ? NULL : strchr(at, '/');
    return slash == NULL ? -1 : strtoll(slash + 1, NULL, 10);
}

/* By when windows have closed for good: a process that restores a store leaves them out. */
static int64_t close_time(const run *self)
{
    int64_t latest_ms = 0;
    int64_t grace_ms = 0;
    for (size_t i = 0; i < self->script.input_count; i++) {
        int64_t ms = self->script.inputs[i].record.timestamp_ms;
        latest_ms = ms > latest_ms ? ms : latest_ms;
    }
    (void)weir_json_get_i64(self->script.params, "grace", &grace_ms, NULL);
    return latest_ms - grace_ms;
}

static bool has_row(const char *rows, const char *row, size_t length)
{
    for (; *rows != '\0'; rows += strcspn(rows, "\n") + 1) {
        if (strcspn(rows, "\n") == length && memcmp(rows, row, length) == 0) {
            return true;
        }
    }
    return false;
}

/* The first of rows that others lack, though it has not closed; NULL: there is none. */
static const char *missing_row(const char *rows, const char *others, int64_t closed_ms)
{
    for (; *rows != '\0'; rows += strcspn(rows, "\n") + 1) {
        int64_t end_ms = end_of_window(rows);
        bool may_be_gone = end_ms >= 0 && end_ms <= closed_ms;
        if (!may_be_gone && !has_row(others, rows, strcspn(rows, "\n"))) {
            return rows;
        }
    }
    return NULL;
}

static weir_status compare_rows(run *self, weir_error *err)
{
    const conformance_spec *spec = self->script.spec;
    WEIR_AUTO(weir_buf) rows = {0};
    weir_application *application = NULL;
    WEIR_TRY(conformance_world_gather(&self->world, &application, err));
    for (size_t i = 0; i < CONFORMANCE_STORES_MAX && spec->stores[i].name != NULL; i++) {
        const conformance_dump dump = {
            .store = &spec->stores[i],
            .params = self->script.params,
            .application = application,
        };
        WEIR_TRY(conformance_dump_store(&dump, &rows, err));
    }
    if (self->is_timeless) {
        conformance_text_forget_times(&rows);
    }
    const char *expected = weir_buf_text(&self->script.rows);
    const char *got = weir_buf_text(&rows);
    int64_t closed_ms = self->options->crashes ? close_time(self) : -1;
    const char *lost = missing_row(expected, got, closed_ms);
    const char *added = missing_row(got, expected, closed_ms);
    if (self->script.has_rows && (lost != NULL || added != NULL)) {
        lost = lost == NULL ? "" : lost;
        added = added == NULL ? "" : added;
        return weir_error_set(err, WEIR_INVALID, "rows\n  expected %.*s\n  got      %.*s",
                              (int)strcspn(lost, "\n"), lost, (int)strcspn(added, "\n"), added);
    }
    return WEIR_OK;
}

static weir_status compare(run *self, weir_error *err)
{
    for (const char *const *topic = self->script.spec->outputs; *topic != NULL; topic++) {
        WEIR_TRY(compare_topic(self, *topic, false, err));
    }
    WEIR_TRY(weir_broker_list_topics(self->world.outside, compare_internal, self, err));
    return compare_rows(self, err);
}

static weir_status open_world(run *self, weir_error *err)
{
    const crash_run_options *options = self->options;
    const weir_topology *topology = NULL;
    WEIR_TRY(weir_builder_build(self->builder, &topology, err));
    char workers[WORKERS_TEXT_BYTES];
    (void)snprintf(workers, sizeof(workers), "%" PRIu64, 1 + weir_random_below(&self->random, 2));
    weir_setting settings[SETTINGS_MAX] = {
        {"application.id", "oracle"},
        {"commit.interval.ms", self->options->crashes ? "3000" : "0"},
        {"weir.expire.entries.max", "0"},
        {"weir.emit.interval.ms", "0"},
        {"repartition.purge.interval.ms", "3600000"},
        {"weir.placement.wait.ms", "0"},
        {"session.timeout.ms", "500"},
        {"num.stream.threads", workers},
    };
    size_t count = 8;
    count = conformance_add_settings(self->script.head, settings, count, SETTINGS_MAX - 1);
    if (options->uncached) {
        settings[count++] = (weir_setting){"statestore.cache.max.bytes", "0"};
    }
    const conformance_world_options world = {
        .topology = topology,
        .inputs = self->script.spec->inputs,
        .outputs = self->script.spec->outputs,
        .settings = settings,
        .setting_count = count,
        .seed = options->seed,
        .on_disk = options->crashes && weir_random_below(&self->random, 8) == 0,
    };
    return conformance_world_open(&self->world, &world, err);
}

static weir_status play(run *self, weir_error *err)
{
    const crash_run_options *options = self->options;
    WEIR_TRY(conformance_script_read(&self->script, options->path, err));
    WEIR_TRY(check_fit(self, err));
    const bool was_uncached = conformance_script_is_uncached(&self->script);
    self->in_order = options->uncached && was_uncached;
    self->is_timeless = options->uncached && !was_uncached && tells_again(self->script.spec);
    if (self->is_timeless) {
        forget_times(&self->script);
    }
    self->builder = weir_builder_new();
    self->script.spec->make(self->builder, self->script.params);
    WEIR_TRY(open_world(self, err));
    WEIR_TRY(feed_all(self, err));
    return compare(self, err);
}

weir_status crash_run(const crash_run_options *options, conformance_counts *counts, weir_error *err)
{
    run self = {.options = options, .random = weir_random_of(options->seed)};
    weir_status status = play(&self, err);
    counts->crashes += self.world.counts.crashes;
    counts->closes += self.world.counts.closes;
    counts->moves += self.world.counts.moves;
    counts->commits += self.world.counts.commits;
    conformance_world_cleanup(&self.world);
    weir_builder_free(self.builder);
    conformance_script_cleanup(&self.script);
    return status;
}
