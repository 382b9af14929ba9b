/* SPDX-License-Identifier: Apache-2.0
 *
 * embedded_topic.c - topics as directories: created and deleted by one rename.
 *
 * A topic is made as .new-<name> and renamed when it is whole; a deletion renames it to
 * .deleted-<id>. Entries that begin with a dot are removed at the next start. The journal names
 * topics by id, and ids are never used again, so that offsets of a deleted topic don't come back
 * with a new one of its name.
 */
#include "connectors/broker_embedded_internal.h"

#include "streams/base/file.h"
#include "streams/base/logging.h"
#include "streams/base/properties.h"
#include "streams/base/serde.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DAY_MS ((int64_t)24 * 60 * 60 * 1000)

enum { SEGMENT_BYTES_DEFAULT = 16 << 20, RETENTION_DAYS_DEFAULT = 7, CONFIG_BYTES_MAX = 4096 };

static int64_t first_nonzero(int64_t a, int64_t b, int64_t c)
{
    return a != 0 ? a : b != 0 ? b : c;
}

static weir_topic_config with_defaults(const weir_topic_config *config,
                                       const weir_topic_config *defaults)
{
    int64_t week_ms = RETENTION_DAYS_DEFAULT * DAY_MS;
    weir_topic_config full = *config;
    full.partition_count =
        (int32_t)first_nonzero(config->partition_count, defaults->partition_count, 1);
    full.replication_factor = 1; /* This process is all there is. */
    full.min_insync_replicas = 1;
    full.cleanup_policy = (uint32_t)first_nonzero(config->cleanup_policy, defaults->cleanup_policy,
                                                  WEIR_CLEANUP_DELETE);
    full.retention_ms = first_nonzero(config->retention_ms, defaults->retention_ms, week_ms);
    full.retention_bytes = first_nonzero(config->retention_bytes, defaults->retention_bytes, -1);
    full.segment_bytes =
        first_nonzero(config->segment_bytes, defaults->segment_bytes, SEGMENT_BYTES_DEFAULT);
    full.segment_ms = first_nonzero(config->segment_ms, defaults->segment_ms, week_ms);
    full.min_compaction_lag_ms =
        first_nonzero(config->min_compaction_lag_ms, defaults->min_compaction_lag_ms, 0);
    full.delete_retention_ms =
        first_nonzero(config->delete_retention_ms, defaults->delete_retention_ms, DAY_MS);
    return full;
}

/* The settings of a topic that its file holds, by name. */
typedef struct config_field {
    const char *name;
    int64_t value;
} config_field;

enum { CONFIG_FIELDS = 9 };

static void list_fields(const weir_embedded_topic *topic, config_field fields[CONFIG_FIELDS])
{
    const weir_topic_config *config = &topic->config;
    const config_field all[CONFIG_FIELDS] = {
        {"id", topic->id},
        {"partitions", config->partition_count},
        {"cleanup.policy", config->cleanup_policy},
        {"retention.ms", config->retention_ms},
        {"retention.bytes", config->retention_bytes},
        {"segment.bytes", config->segment_bytes},
        {"segment.ms", config->segment_ms},
        {"min.compaction.lag.ms", config->min_compaction_lag_ms},
        {"delete.retention.ms", config->delete_retention_ms},
    };
    memcpy(fields, all, sizeof all);
}

static void take_fields(weir_embedded_topic *topic, const config_field fields[CONFIG_FIELDS])
{
    topic->id = (int32_t)fields[0].value;
    topic->config = (weir_topic_config){.name = topic->name,
                                        .partition_count = (int32_t)fields[1].value,
                                        .replication_factor = 1,
                                        .min_insync_replicas = 1,
                                        .cleanup_policy = (uint32_t)fields[2].value,
                                        .retention_ms = fields[3].value,
                                        .retention_bytes = fields[4].value,
                                        .segment_bytes = fields[5].value,
                                        .segment_ms = fields[6].value,
                                        .min_compaction_lag_ms = fields[7].value,
                                        .delete_retention_ms = fields[8].value};
}

static weir_status read_config(weir_embedded_topic *topic, weir_error *err)
{
    WEIR_AUTO_FREE char *path = weir_format("%s/config", topic->directory);
    WEIR_AUTO(weir_buf) text = {0};
    WEIR_AUTO_PTR(weir_properties) properties = weir_properties_new();
    weir_status status = weir_file_read(path, CONFIG_BYTES_MAX, &text, err);
    if (status == WEIR_NOT_FOUND) {
        return weir_error_set(err, WEIR_CORRUPT, "%s has disappeared", path);
    }
    WEIR_TRY(status);
    if (weir_properties_parse(properties, weir_buf_bytes(&text), path, err) != WEIR_OK) {
        return weir_error_wrap(err, WEIR_CORRUPT, "damaged");
    }
    config_field fields[CONFIG_FIELDS];
    list_fields(topic, fields);
    for (size_t i = 0; i < CONFIG_FIELDS; i++) {
        const char *value = weir_properties_get(properties, fields[i].name);
        char *end = NULL;
        fields[i].value = value == NULL ? 0 : strtoll(value, &end, 10);
        if (value == NULL || end == value || *end != '\0') {
            return weir_error_set(err, WEIR_CORRUPT, "%s has no number for %s", path,
                                  fields[i].name);
        }
    }
    take_fields(topic, fields);
    bool valid = topic->id > 0 && topic->config.partition_count > 0 &&
                 topic->config.partition_count <= WEIR_TOPIC_PARTITIONS_MAX;
    return valid ? WEIR_OK : weir_error_set(err, WEIR_CORRUPT, "%s has impossible values", path);
}

static weir_status write_config(weir_disk *disk, const weir_embedded_topic *topic,
                                const char *directory, weir_error *err)
{
    config_field fields[CONFIG_FIELDS];
    WEIR_AUTO(weir_buf) text = {0};
    WEIR_AUTO_FREE char *path = weir_format("%s/config", directory);
    list_fields(topic, fields);
    for (size_t i = 0; i < CONFIG_FIELDS; i++) {
        weir_buf_append_format(&text, "%s=%" PRId64 "\n", fields[i].name, fields[i].value);
    }
    int fd = -1;
    WEIR_TRY(weir_disk_open(disk, path, true, &fd, err));
    weir_status status = weir_disk_write(disk, fd, path, 0, weir_buf_bytes(&text), err);
    if (status == WEIR_OK) {
        status = weir_disk_sync(disk, fd, path, err);
    }
    (void)close(fd); /* Synced where that is asked for. */
    return status;
}

static weir_embedded_topic *new_topic(const weir_embedded *embedded, const char *name)
{
    weir_embedded_topic *topic = weir_alloc(sizeof *topic);
    topic->name = weir_strdup(name);
    topic->directory = weir_format("%s/topics/%s", embedded->directory, name);
    return topic;
}

static void free_topic(weir_embedded_topic *topic)
{
    for (int32_t i = 0; topic->partitions != NULL && i < topic->config.partition_count; i++) {
        weir_partition_cleanup(&topic->partitions[i]);
    }
    free(topic->partitions);
    free(topic->directory);
    free(topic->name);
    free(topic);
}

static weir_status open_partitions(weir_embedded *embedded, weir_embedded_topic *topic,
                                   weir_error *err)
{
    int32_t count = topic->config.partition_count;
    topic->partitions = weir_alloc_array((size_t)count, sizeof *topic->partitions);
    for (int32_t i = 0; i < count; i++) {
        weir_partition_init(&topic->partitions[i], &embedded->disk, &topic->config,
                            topic->directory, i);
        topic->partitions[i].topic_id = topic->id;
    }
    WEIR_AUTO(weir_buf) key = {0};
    for (int32_t i = 0; i < count; i++) {
        int64_t start_offset = weir_journal_get_number(
            embedded->journal,
            weir_journal_key_of_partition(&key, WEIR_JOURNAL_START, topic->id, i, ""), 0);
        int64_t cut_bytes = 0;
        WEIR_TRY(weir_partition_open(&topic->partitions[i], start_offset, weir_journal_is_committed,
                                     embedded->journal, &cut_bytes, err));
        if (cut_bytes > 0) {
            WEIR_LOG(WEIR_LOG_INFO,
                     (&(weir_log_place){.topic = topic->name, .partition = i, .offset = -1}),
                     "cut %" PRId64 " bytes of an unfinished write", cut_bytes);
        }
    }
    return WEIR_OK;
}

static void keep_topic(weir_embedded *embedded, weir_embedded_topic *topic)
{
    embedded->kept = weir_grow(embedded->kept, embedded->kept_count, &embedded->kept_capacity,
                               sizeof(weir_embedded_topic *));
    embedded->kept[embedded->kept_count++] = topic;
    (void)weir_map_put(embedded->topics, weir_bytes_of_text(topic->name), topic);
    if (embedded->next_topic_id <= topic->id) {
        embedded->next_topic_id = topic->id + 1;
    }
}

static weir_status find_topic(void *user, const char *name, weir_error *err)
{
    weir_embedded *embedded = user;
    weir_embedded_topic *topic = new_topic(embedded, name);
    weir_status status = read_config(topic, err);
    if (status != WEIR_OK) {
        free_topic(topic);
        return status;
    }
    keep_topic(embedded, topic);
    return WEIR_OK;
}

/* Removes what an unfinished creation or deletion left behind. */
static weir_status remove_leftovers(weir_embedded *embedded, const char *directory, weir_error *err)
{
    DIR *entries = opendir(directory);
    if (entries == NULL) {
        return weir_error_set(err, WEIR_IO, "cannot list %s", directory);
    }
    weir_status status = WEIR_OK;
    for (struct dirent *entry = readdir(entries); entry != NULL && status == WEIR_OK;
         entry = readdir(entries)) {
        if (strncmp(entry->d_name, ".new-", 5) == 0 ||
            strncmp(entry->d_name, ".deleted-", 9) == 0) {
            WEIR_AUTO_FREE char *path = weir_format("%s/%s", directory, entry->d_name);
            status = weir_disk_remove(&embedded->disk, path, err);
        }
    }
    (void)closedir(entries); /* It was only read. */
    return status;
}

typedef struct known_topics {
    weir_embedded *embedded;
    bool dropped;
} known_topics;

static bool topic_exists(void *user, weir_bytes key)
{
    known_topics *known = user;
    weir_reader reader = weir_reader_of(key);
    (void)weir_read_byte(&reader);
    int32_t id = weir_read_i32_be(&reader);
    if (known->embedded->next_topic_id <= id) {
        known->embedded->next_topic_id = id + 1;
    }
    for (size_t i = 0; i < known->embedded->kept_count; i++) {
        if (known->embedded->kept[i]->id == id && !known->embedded->kept[i]->deleted) {
            return true;
        }
    }
    known->dropped = true;
    return false;
}

/* Drops the entries of topics that are no more; true if there were any. */
static bool sift_journal(weir_embedded *embedded)
{
    known_topics known = {.embedded = embedded};
    weir_journal_sift(embedded->journal, WEIR_JOURNAL_START, topic_exists, &known);
    weir_journal_sift(embedded->journal, WEIR_JOURNAL_OFFSET, topic_exists, &known);
    return known.dropped;
}

weir_status weir_embedded_topics_open(weir_embedded *embedded, weir_error *err)
{
    WEIR_AUTO_FREE char *directory = weir_format("%s/topics", embedded->directory);
    WEIR_TRY(weir_directory_make(directory, err));
    WEIR_TRY(remove_leftovers(embedded, directory, err));
    WEIR_TRY(weir_disk_list(directory, find_topic, embedded, err));
    for (size_t i = 0; i < embedded->kept_count; i++) {
        WEIR_TRY(open_partitions(embedded, embedded->kept[i], err));
    }
    weir_journal_forget_transactions(embedded->journal);
    return sift_journal(embedded) ? weir_journal_rewrite(embedded->journal, err) : WEIR_OK;
}

void weir_embedded_topics_free(weir_embedded *embedded)
{
    for (size_t i = 0; i < embedded->kept_count; i++) {
        free_topic(embedded->kept[i]);
    }
    free(embedded->kept);
    weir_map_free(embedded->topics);
}

weir_embedded_topic *weir_embedded_topic_get(weir_embedded *embedded, const char *name)
{
    weir_embedded_lock(&embedded->topics_lock);
    weir_embedded_topic *topic = weir_map_get(embedded->topics, weir_bytes_of_text(name));
    weir_embedded_unlock(&embedded->topics_lock);
    return topic;
}

weir_status weir_embedded_partition_get(weir_embedded *embedded, weir_topic_partition name,
                                        weir_embedded_topic **out_topic,
                                        weir_partition **out_partition)
{
    weir_embedded_topic *topic = weir_embedded_topic_get(embedded, name.topic);
    if (topic == NULL || name.partition < 0 || name.partition >= topic->config.partition_count) {
        return WEIR_NOT_FOUND;
    }
    if (out_topic != NULL) {
        *out_topic = topic;
    }
    *out_partition = &topic->partitions[name.partition];
    return WEIR_OK;
}

static weir_status compare_configs(const weir_topic_config *have, const weir_topic_config *wanted,
                                   weir_error *err)
{
    if (have->partition_count == wanted->partition_count &&
        have->cleanup_policy == wanted->cleanup_policy) {
        return WEIR_OK;
    }
    return weir_error_set(err, WEIR_INVALID,
                          "topic %s exists with %" PRId32 " partitions and clean-up policy %" PRIu32
                          ", wanted %" PRId32 " and %" PRIu32,
                          have->name, have->partition_count, have->cleanup_policy,
                          wanted->partition_count, wanted->cleanup_policy);
}

static weir_status make_topic(weir_embedded *embedded, weir_embedded_topic *topic, weir_error *err)
{
    WEIR_AUTO_FREE char *made = weir_format("%s/topics/.new-%s", embedded->directory, topic->name);
    WEIR_TRY(weir_disk_remove(&embedded->disk, made, err));
    WEIR_TRY(weir_directory_make(made, err));
    WEIR_TRY(write_config(&embedded->disk, topic, made, err));
    WEIR_TRY(weir_disk_rename(&embedded->disk, made, topic->directory, err));
    return open_partitions(embedded, topic, err);
}

static weir_status create_topic(weir_embedded *embedded, const weir_topic_config *config,
                                weir_error *err)
{
    weir_topic_config full = with_defaults(config, &embedded->topic_defaults);
    const weir_embedded_topic *have =
        weir_map_get(embedded->topics, weir_bytes_of_text(config->name));
    if (have != NULL) {
        return compare_configs(&have->config, &full, err);
    }
    weir_embedded_topic *topic = new_topic(embedded, config->name);
    topic->id = embedded->next_topic_id;
    topic->config = full;
    topic->config.name = topic->name;
    weir_status status = make_topic(embedded, topic, err);
    if (status != WEIR_OK) {
        free_topic(topic);
        return weir_error_wrap(err, status, "topic %s", config->name);
    }
    keep_topic(embedded, topic);
    return WEIR_OK;
}

weir_status weir_embedded_create_topics(weir_broker *broker, const weir_topic_config *configs,
                                        size_t count, weir_error *err)
{
    weir_embedded *embedded = weir_embedded_of(broker);
    weir_status status = WEIR_OK;
    weir_embedded_lock(&embedded->topics_lock);
    for (size_t i = 0; i < count && status == WEIR_OK; i++) {
        status = create_topic(embedded, &configs[i], err);
    }
    weir_embedded_unlock(&embedded->topics_lock);
    return status;
}

weir_status weir_embedded_describe_topics(weir_broker *broker, weir_topic_query *queries,
                                          size_t count, weir_error *err)
{
    (void)err; /* Not to find one is an answer. */
    for (size_t i = 0; i < count; i++) {
        const weir_embedded_topic *found =
            weir_embedded_topic_get(weir_embedded_of(broker), queries[i].topic);
        queries[i].status = found == NULL ? WEIR_NOT_FOUND : WEIR_OK;
        if (found != NULL) {
            queries[i].config = found->config;
        }
    }
    return WEIR_OK;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp((*(weir_embedded_topic *const *)a)->name,
                  (*(weir_embedded_topic *const *)b)->name);
}

weir_status weir_embedded_list_topics(weir_broker *broker,
                                      weir_status (*visit)(void *user,
                                                           const weir_topic_config *topic,
                                                           weir_error *err),
                                      void *user, weir_error *err)
{
    weir_embedded *embedded = weir_embedded_of(broker);
    weir_embedded_lock(&embedded->topics_lock);
    size_t count = weir_map_count(embedded->topics);
    WEIR_AUTO_FREE weir_embedded_topic **topics = weir_alloc_array(count, sizeof *topics);
    void *topic = NULL;
    for (size_t at = 0, i = 0; weir_map_next(embedded->topics, &at, NULL, &topic); i++) {
        topics[i] = topic;
    }
    weir_embedded_unlock(&embedded->topics_lock);
    qsort(topics, count, sizeof(weir_embedded_topic *), compare_names);
    for (size_t i = 0; i < count; i++) {
        WEIR_TRY(visit(user, &topics[i]->config, err));
    }
    return WEIR_OK;
}

/* Ends reads and writes of a partition, which has no file any more. */
static void close_partition(weir_partition *partition)
{
    weir_partition_lock_append(partition);
    weir_embedded_lock(&partition->lock);
    partition->gone = true;
    for (weir_watcher *watcher = partition->watchers; watcher != NULL; watcher = watcher->next) {
        watcher->wake(watcher);
    }
    weir_embedded_unlock(&partition->lock);
    weir_partition_unlock_append(partition);
}

weir_status weir_embedded_delete_topic(weir_broker *broker, const char *name, weir_error *err)
{
    weir_embedded *embedded = weir_embedded_of(broker);
    weir_embedded_lock(&embedded->topics_lock);
    weir_embedded_topic *topic = weir_map_get(embedded->topics, weir_bytes_of_text(name));
    if (topic == NULL) {
        weir_embedded_unlock(&embedded->topics_lock);
        return WEIR_NOT_FOUND;
    }
    WEIR_AUTO_FREE char *deleted =
        weir_format("%s/topics/.deleted-%" PRId32, embedded->directory, topic->id);
    weir_status status = weir_disk_rename(&embedded->disk, topic->directory, deleted, err);
    if (status == WEIR_OK) {
        (void)weir_map_remove(embedded->topics, weir_bytes_of_text(name));
        topic->deleted = true;
        (void)sift_journal(embedded);
    }
    weir_embedded_unlock(&embedded->topics_lock);
    WEIR_TRY(status);
    for (int32_t i = 0; i < topic->config.partition_count; i++) {
        close_partition(&topic->partitions[i]);
    }
    return weir_disk_remove(&embedded->disk, deleted, err);
}
