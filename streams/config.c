/* SPDX-License-Identifier: Apache-2.0
 *
 * config.c - one table drives parsing, defaults, limits and documentation of the settings.
 */
#include "streams/config.h"

#include "streams/memory_shares.h"
#include "streams/topic_settings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef enum setting_kind { KIND_NUMBER, KIND_TEXT, KIND_CHOICE } setting_kind;

typedef struct setting_spec {
    const char *name;
    setting_kind kind;
    size_t member;       /* Offset in weir_config: int64_t, or char * for KIND_TEXT. */
    const char *unit;    /* Of a number; "" for a count. */
    const char *choices; /* Of a choice: "a|b|c", the value is the index. */
    int64_t fallback;
    int64_t min;
    int64_t max;
    const char *doc;
} setting_spec;

#define NUMBER(name, member, unit, fallback, min, max, doc)                                        \
    {                                                                                              \
        name, KIND_NUMBER, offsetof(weir_config, member), unit, NULL, fallback, min, max, doc      \
    }
#define TEXT(name, member, doc)                                                                    \
    {                                                                                              \
        name, KIND_TEXT, offsetof(weir_config, member), "", NULL, 0, 0, 0, doc                     \
    }
#define CHOICE(name, member, choices, fallback, doc)                                               \
    {                                                                                              \
        name, KIND_CHOICE, offsetof(weir_config, member), "", choices, fallback, 0, 0, doc         \
    }

enum { COMMIT_INTERVAL_UNSET = -1, EXACTLY_ONCE_COMMIT_MS = 100, AT_LEAST_ONCE_COMMIT_MS = 30000 };

#define MIB (INT64_C(1) << 20)
#define DAY_MS (INT64_C(24) * 3600 * 1000)
#define REACTIONS "fail|continue|dead-letter|retry"

static const setting_spec specs[] = {
    TEXT("application.id", application_id,
         "Names the consumer group, the internal topics and the state. Required."),
    CHOICE("processing.guarantee", processing_guarantee, "exactly_once_v2|at_least_once", 0,
           "Whether inputs, state and outputs are committed in one transaction."),
    NUMBER("commit.interval.ms", commit_interval_ms, "ms", COMMIT_INTERVAL_UNSET, 0, DAY_MS,
           "Time between commits; by default 100 under exactly-once and 30000 else."),
    NUMBER("weir.commit.idle.ms", commit_idle_ms, "ms", 10, 0, DAY_MS,
           "Exactly once: a worker with nothing else to do commits so long after the last commit, "
           "or after twice what that took; at commit.interval.ms at the latest."),
    NUMBER("num.stream.threads", num_stream_threads, "", 1, 1, 256, "Workers of this process."),
    NUMBER(
        "weir.stream.threads.max", stream_threads_max, "", 0, 0, 256,
        "How many workers may be added while it runs, those of the start included: the memory is "
        "divided by it. 0: num.stream.threads."),
    NUMBER("num.standby.replicas", num_standby_replicas, "", 0, 0, 100,
           "How many other processes follow the changelogs of each task, to take it over fast."),
    NUMBER(
        "acceptable.recovery.lag", acceptable_recovery_lag, "records", 10000, 0, INT64_MAX / 2,
        "What a store may lack of its changelog, and its task still be run where it is at once."),
    NUMBER("max.warmup.replicas", max_warmup_replicas, "", 2, 1, 100000,
           "Tasks that this process warms up at a time while others run them for it."),
    NUMBER("weir.placement.wait.ms", placement_wait_ms, "ms", 1000, 0, 60000,
           "After a rebalance, how long cold tasks wait to hear who is warmer."),
    NUMBER(
        "weir.snapshot.lag.min", snapshot_lag_min, "", 1000 * 1000, 0, INT64_MAX,
        "A task that lacks so many changelog records loads a snapshot from another process, where "
        "one is to be had; 0: never."),
    NUMBER("weir.snapshot.put.interval.ms", snapshot_put_interval_ms, "ms", 0, 0, DAY_MS,
           "The shortest time between snapshots of a task's stores that are put into the object "
           "store, each weir.snapshot.lag.min changelog records; 0: none are put or looked for."),
    NUMBER("weir.snapshot.put.kept", snapshot_put_kept, "", 2, 1, 100,
           "How many of these are kept of a task."),
    NUMBER("weir.snapshot.put.bytes.max", snapshot_put_bytes_max, "bytes", 64 * 1024 * MIB, MIB,
           1024 * 1024 * MIB, "What one of them may have, before it is compressed."),
    NUMBER("weir.trade.interval.ms", trade_interval_ms, "ms", 10000, 0, DAY_MS,
           "Time between looks whether a task should go to a less busy worker; 0: never."),
    NUMBER("poll.ms", poll_ms, "ms", 100, 0, 60000, "The longest wait of an idle worker."),
    NUMBER("buffered.records.per.partition", buffered_records_per_partition, "", 1000, 1,
           10 * 1000 * 1000, "Records read ahead of a partition, past which it is paused."),
    NUMBER("max.task.idle.ms", max_task_idle_ms, "ms", 0, -1, DAY_MS,
           "How long a task waits for an empty input before it takes from the others."),
    TEXT("state.dir", state_dir, "The directory of the state database."),
    NUMBER("max.async.records", max_async_records, "", 10000, 1, 1000 * 1000,
           "Deferred records of a task, past which it takes in nothing."),
    NUMBER("weir.memory.max.bytes", memory_bytes_max, "bytes", 0, 0, 1024 * 1024 * MIB,
           "All memory of the application; it is shared out where the next limits are not set. 0: "
           "each has its own default."),
    NUMBER("weir.database.bytes.max", database_bytes_max, "bytes", 64 * MIB, MIB, 1024 * 1024 * MIB,
           "The state database's block cache and write buffers together."),
    NUMBER(
        "weir.row.file.bytes.max", row_file_bytes_max, "bytes", 0, 0, 1024 * 1024 * MIB,
        "The file for rows that the database's memory does not hold. 0: eight times that memory; "
        "below 2 MiB: none."),
    NUMBER("weir.fetch.bytes.max", fetch_bytes_max, "bytes", MIB, 64 * 1024, 1024 * MIB,
           "What a worker's consumer reads ahead."),
    NUMBER("weir.produce.bytes.max", produce_bytes_max, "bytes", 8 * MIB, 64 * 1024, 1024 * MIB,
           "What a worker's producer holds until it is acknowledged."),
    NUMBER("statestore.cache.max.bytes", cache_bytes_max, "bytes", 32 * MIB, 0, 1024 * 1024 * MIB,
           "What the record caches of all workers hold back together; 0: nothing."),
    NUMBER("weir.subscription.bytes.max", subscription_bytes_max, "bytes", 512 * MIB, MIB,
           1024 * 1024 * MIB, "What waits for subscribers to changes of stores, of all together."),
    NUMBER("weir.expire.entries.max", expire_entries_max, "", 256, 0, 1000 * 1000,
           "Entries of a window or session store looked at in a pass of the worker; 0: none goes."),
    NUMBER("weir.emit.interval.ms", emit_interval_ms, "ms", 1000, 0, DAY_MS,
           "The wall-clock time between looks for windows that have closed; 0: with each record."),
    NUMBER("weir.stream.idle.ms", stream_idle_ms, "ms", 0, 0, DAY_MS,
           "A task without records for so long: its stream time goes on with the clock; 0: never."),
    NUMBER("weir.staged.bytes.max", staged_bytes_max, "bytes", 64 * MIB, 1, 1024 * 1024 * MIB,
           "Uncommitted writes of a worker, past which it commits early."),
    NUMBER("weir.apply.bytes.max", apply_bytes_max, "bytes", 64 * MIB, 1, 1024 * 1024 * MIB,
           "Committed writes of a worker in memory, past which they go to the database."),
    NUMBER("weir.apply.interval.ms", apply_interval_ms, "ms", 30000, 0, DAY_MS,
           "The longest time that committed writes stay in memory alone."),
    NUMBER("weir.apply.records.max", apply_records_max, "", 5 * 1000 * 1000, 1,
           INT64_C(1000) * 1000 * 1000,
           "Changelog records of a worker past which its state goes to the database and to disk."),
    NUMBER("state.cleanup.delay.ms", state_cleanup_delay_ms, "ms", 600000, 0, 365 * DAY_MS,
           "How long the state of a task that has left this process is kept."),
    NUMBER("state.cleanup.dir.max.age.ms", state_age_max_ms, "ms", DAY_MS, 0, 36500 * DAY_MS,
           "State that was away for longer is restored anew: delete.retention.ms of changelogs."),
    NUMBER("weir.flush.interval.ms", flush_interval_ms, "ms", 30000, 0, DAY_MS,
           "The longest time that what the database has is not on its disk."),
    NUMBER("weir.restore.records.max", restore_records_max, "", 256 * 1024, 1, 1024 * 1024 * 1024,
           "Changelog records of a worker's standbys that are stored together."),
    NUMBER("weir.record.arena.bytes.max", record_arena_bytes_max, "bytes", 256 * MIB, 65536,
           1024 * 1024 * MIB, "Memory that the processing of one record may take."),
    CHOICE("deserialization.exception.handler", deserialization_handler, REACTIONS, 0,
           "What to do with a record that cannot be decoded."),
    CHOICE("processing.exception.handler", processing_handler, REACTIONS, 0,
           "What to do with a record that a processor refuses."),
    CHOICE("production.exception.handler", production_handler, REACTIONS, 0,
           "What to do with a record that the broker refuses, for its size above all."),
    CHOICE("weir.changelog.exception.handler", changelog_handler, "fail|continue", 0,
           "What to do with a changelog record that is not of its store's format."),
    CHOICE("weir.missing.topics", missing_topics, "fail|create", 0,
           "What to do at the start where an internal topic of an application that ran is gone."),
    NUMBER("weir.retry.attempts", retry_attempts, "", 3, 1, 1000,
           "How often a handler 'retry' processes a record before it gives up."),
    NUMBER("retry.backoff.ms", retry_backoff_ms, "ms", 100, 1, 60000,
           "Pause after an I/O error; it doubles with each further one, up to 64 times."),
    TEXT("errors.dead.letter.queue.topic.name", dead_letter_topic,
         "Where 'dead-letter' handlers send raw records; the topic must exist."),
    NUMBER("replication.factor", replication_factor, "", 0, -1, 32767,
           "Of internal topics; 0 and -1: the broker's default."),
    NUMBER("session.timeout.ms", session_timeout_ms, "ms", 45000, 100, 30 * 60 * 1000,
           "After this silence the group gives the tasks of a process to others."),
    NUMBER("weir.topics.check.interval.ms", topics_check_interval_ms, "ms", 30000, 100, DAY_MS,
           "Time between looks whether all topics are still there, with as many partitions."),
    NUMBER("weir.changelog.check.interval.ms", changelog_check_interval_ms, "ms", 60000, 100,
           DAY_MS,
           "At-least-once: looks for late records of former owners where nothing was written."),
    NUMBER("repartition.purge.interval.ms", repartition_purge_interval_ms, "ms", 30000, 0, DAY_MS,
           "Time between deletions of repartition records that all have been read."),
    NUMBER("weir.offset.renewal.interval.ms", offset_renewal_interval_ms, "ms", 3600 * 1000, 1000,
           DAY_MS,
           "After this time the offsets of idle inputs are committed again: brokers forget."),
    NUMBER("windowstore.changelog.additional.retention.ms", window_changelog_retention_ms, "ms",
           DAY_MS, 0, 365 * DAY_MS,
           "How much longer the changelog of a window store keeps a window than the store."),
    TEXT("auto.offset.reset", auto_offset_reset_text,
         "Where sources begin in a partition of which nothing is committed, unless they say so "
         "themselves: earliest (the default), latest, none, or by_duration:PT1H (ISO 8601)."),
    TEXT("group.instance.id", group_instance_id, "Static membership: the name of this instance."),
    TEXT("topology.optimization", topology_optimization,
         "What weir_builder_configure saves: none, all, or a list of reuse.ktable.source.topics, "
         "merge.repartition.topics, single.store.self.join."),
    CHOICE("ensure.explicit.internal.resource.naming", ensure_explicit_naming, "false|true", 0,
           "Whether a program of the DSL is refused whose stores or internal topics have generated "
           "names."),
    TEXT("application.server", application_server,
         "host:port where others find the state that this process has."),
    TEXT("client.rack", client_rack, "Standbys are placed in other racks first."),
    TEXT("client.id", client_id, "Shown by the broker's tools; the application's id by default."),
};

/* "topic.<name>", of topic_settings.h; streams/internal_topics.c reads them. */
static const char topic_prefix[] = "topic.";

static const setting_spec *find_spec(const char *name)
{
    for (size_t i = 0; i < WEIR_COUNT_OF(specs); i++) {
        if (strcmp(specs[i].name, name) == 0) {
            return &specs[i];
        }
    }
    return NULL;
}

static bool is_topic_setting(const char *name)
{
    size_t length = sizeof(topic_prefix) - 1;
    return strncmp(name, topic_prefix, length) == 0 &&
           weir_topic_setting_find(name + length) < WEIR_TOPIC_SETTINGS;
}

/* Levenshtein distance of two names of at most 63 bytes; longer ones are far from everything. */
static size_t distance(const char *a, const char *b)
{
    enum { NAME_MAX_BYTES = 64 };
    size_t a_size = strlen(a);
    size_t b_size = strlen(b);
    if (a_size >= NAME_MAX_BYTES || b_size >= NAME_MAX_BYTES) {
        return NAME_MAX_BYTES;
    }
    size_t row[NAME_MAX_BYTES];
    for (size_t j = 0; j <= b_size; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a_size; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            size_t shift = 1 + (row[j] < row[j - 1] ? row[j] : row[j - 1]);
            diagonal = row[j];
            row[j] = change < shift ? change : shift;
        }
    }
    return row[b_size];
}

static const char *nearest_name(const char *name)
{
    const char *nearest = specs[0].name;
    for (size_t i = 1; i < WEIR_COUNT_OF(specs); i++) {
        if (distance(name, specs[i].name) < distance(name, nearest)) {
            nearest = specs[i].name;
        }
    }
    return nearest;
}

static bool parse_number(const char *text, int64_t *out_number)
{
    char *end = NULL;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0') {
        return false;
    }
    *out_number = number;
    return true;
}

static weir_status set_number(const setting_spec *spec, const char *value, int64_t *member,
                              weir_error *err)
{
    int64_t number = 0;
    if (!parse_number(value, &number) || number < spec->min || number > spec->max) {
        return weir_error_set(
            err, WEIR_INVALID,
            "%s = '%s': a whole number from %" PRId64 " to %" PRId64 "%s%s is allowed", spec->name,
            value, spec->min, spec->max, *spec->unit ? " " : "", spec->unit);
    }
    *member = number;
    return WEIR_OK;
}

static weir_status set_choice(const setting_spec *spec, const char *value, int64_t *member,
                              weir_error *err)
{
    const char *choice = spec->choices;
    for (int64_t index = 0; choice != NULL; index++) {
        const char *bar = strchr(choice, '|');
        size_t size = bar == NULL ? strlen(choice) : (size_t)(bar - choice);
        if (strlen(value) == size && strncmp(value, choice, size) == 0) {
            *member = index;
            return WEIR_OK;
        }
        choice = bar == NULL ? NULL : bar + 1;
    }
    return weir_error_set(err, WEIR_INVALID, "%s = '%s': allowed is %s", spec->name, value,
                          spec->choices);
}

static weir_status set_text(const setting_spec *spec, const char *value, char **member,
                            weir_error *err)
{
    if (*value == '\0') {
        return weir_error_set(err, WEIR_INVALID, "%s is empty: give it a value or leave it out",
                              spec->name);
    }
    free(*member);
    *member = weir_strdup(value);
    return WEIR_OK;
}

static weir_status set_topic_override(weir_config *config, const weir_setting *setting,
                                      weir_error *err)
{
    int64_t number = 0;
    if (!parse_number(setting->value, &number) || number < -1) {
        return weir_error_set(err, WEIR_INVALID,
                              "%s = '%s': a whole number, -1 or more, is allowed", setting->name,
                              setting->value);
    }
    const char *name = setting->name + sizeof(topic_prefix) - 1;
    for (size_t i = 0; i < config->topic_override_count; i++) {
        if (strcmp(config->topic_overrides[i].name, name) == 0) {
            config->topic_overrides[i].value = number;
            return WEIR_OK;
        }
    }
    WEIR_ASSERT(config->topic_override_count < WEIR_TOPIC_OVERRIDES_MAX);
    config->topic_overrides[config->topic_override_count++] =
        (weir_topic_override){weir_strdup(name), number};
    return WEIR_OK;
}

static weir_status set_one(weir_config *config, const weir_setting *setting, weir_error *err)
{
    if (is_topic_setting(setting->name)) {
        return set_topic_override(config, setting, err);
    }
    const setting_spec *spec = find_spec(setting->name);
    if (spec == NULL) {
        return weir_error_set(err, WEIR_INVALID,
                              "'%s' (= '%s') is no setting; the nearest name is '%s'",
                              setting->name, setting->value, nearest_name(setting->name));
    }
    void *member = (char *)config + spec->member;
    switch (spec->kind) {
    case KIND_NUMBER:
        return set_number(spec, setting->value, member, err);
    case KIND_CHOICE:
        return set_choice(spec, setting->value, member, err);
    case KIND_TEXT:
        return set_text(spec, setting->value, member, err);
    }
    WEIR_ASSERT(false);
    return WEIR_FATAL;
}

static weir_status check_threads(weir_config *config, weir_error *err)
{
    if (config->stream_threads_max == 0) {
        config->stream_threads_max = config->num_stream_threads;
    }
    return config->stream_threads_max >= config->num_stream_threads
               ? WEIR_OK
               : weir_error_set(err, WEIR_INVALID,
                                "weir.stream.threads.max = %" PRId64 " is less than "
                                "num.stream.threads = %" PRId64 ": raise it, or leave it out",
                                config->stream_threads_max, config->num_stream_threads);
}

static weir_status check_whole(const weir_config *config, weir_error *err)
{
    if (config->application_id == NULL) {
        return weir_error_set(err, WEIR_INVALID,
                              "application.id is missing: it names the consumer group and state");
    }
    bool dead_letters = config->deserialization_handler == WEIR_REACT_DEAD_LETTER ||
                        config->processing_handler == WEIR_REACT_DEAD_LETTER ||
                        config->production_handler == WEIR_REACT_DEAD_LETTER;
    if (dead_letters && config->dead_letter_topic == NULL) {
        return weir_error_set(err, WEIR_INVALID,
                              "a handler is 'dead-letter': name the topic in "
                              "errors.dead.letter.queue.topic.name");
    }
    return WEIR_OK;
}

static void set_defaults(weir_config *config)
{
    for (size_t i = 0; i < WEIR_COUNT_OF(specs); i++) {
        if (specs[i].kind != KIND_TEXT) {
            *(int64_t *)(void *)((char *)config + specs[i].member) = specs[i].fallback;
        }
    }
}

weir_status weir_config_init(weir_config *config, const weir_setting *settings, size_t count,
                             weir_error *err)
{
    WEIR_ASSERT(config != NULL);
    WEIR_ASSERT(settings != NULL || count == 0);
    *config = (weir_config){0};
    set_defaults(config);
    weir_status status = WEIR_OK;
    for (size_t i = 0; i < count && status == WEIR_OK; i++) {
        status = set_one(config, &settings[i], err);
    }
    if (status == WEIR_OK) {
        status = check_whole(config, err);
    }
    if (status == WEIR_OK) {
        status = check_threads(config, err);
    }
    if (status == WEIR_OK) {
        status = weir_auto_offset_reset_parse(config->auto_offset_reset_text,
                                              &config->auto_offset_reset, err);
    }
    if (status == WEIR_OK) {
        status = weir_memory_shares_set(config, settings, count, err);
    }
    if (status != WEIR_OK) {
        weir_config_cleanup(config);
        return status;
    }
    if (config->auto_offset_reset.kind == WEIR_AUTO_OFFSET_RESET_UNSET) {
        config->auto_offset_reset.kind = WEIR_AUTO_OFFSET_RESET_EARLIEST;
    }
    if (config->commit_interval_ms == COMMIT_INTERVAL_UNSET) {
        config->commit_interval_ms = config->processing_guarantee == WEIR_EXACTLY_ONCE
                                         ? EXACTLY_ONCE_COMMIT_MS
                                         : AT_LEAST_ONCE_COMMIT_MS;
    }
    return WEIR_OK;
}

void weir_config_cleanup(weir_config *config)
{
    for (size_t i = 0; i < WEIR_COUNT_OF(specs); i++) {
        if (specs[i].kind == KIND_TEXT) {
            free(*(char **)(void *)((char *)config + specs[i].member));
        }
    }
    for (size_t i = 0; i < config->topic_override_count; i++) {
        free(config->topic_overrides[i].name);
    }
    *config = (weir_config){0};
}

bool weir_config_number(const weir_setting *settings, size_t count, const char *name,
                        int64_t *out_number)
{
    const setting_spec *spec = find_spec(name);
    WEIR_ASSERT(spec != NULL && spec->kind == KIND_NUMBER);
    bool found = false;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(settings[i].name, name) == 0) {
            found = set_number(spec, settings[i].value, out_number, NULL) == WEIR_OK;
        }
    }
    return found;
}

bool weir_config_knows(const char *name)
{
    return find_spec(name) != NULL || is_topic_setting(name);
}

static void describe_one(const setting_spec *spec, weir_buf *out_text)
{
    weir_buf_append_format(out_text, "%s\t", spec->name);
    if (spec->kind == KIND_CHOICE) {
        weir_buf_append_format(out_text, "%s\t%s", spec->choices, "the first");
    } else if (spec->kind == KIND_NUMBER) {
        weir_buf_append_format(out_text, "%s %" PRId64 "..%" PRId64 "\t%" PRId64, spec->unit,
                               spec->min, spec->max, spec->fallback);
    } else {
        weir_buf_append_text(out_text, "text\t");
    }
    weir_buf_append_format(out_text, "\t%s\n", spec->doc);
}

void weir_config_describe(weir_buf *out_text)
{
    for (size_t i = 0; i < WEIR_COUNT_OF(specs); i++) {
        describe_one(&specs[i], out_text);
    }
    for (size_t i = 0; i < WEIR_TOPIC_SETTINGS; i++) {
        weir_buf_append_format(out_text, "topic.%s\tnumber\t\tOf the internal topics.\n",
                               weir_topic_setting_name(i));
    }
}
