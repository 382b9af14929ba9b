/* SPDX-License-Identifier: Apache-2.0
 *
 * snapshot_depot_head.c - what vouches for a snapshot that lay in an object store for a while.
 *
 * Births. A changelog that was deleted and made anew has the same name, and sooner or later the
 * same offsets, but not the same records. Clusters forget the committed offsets of a topic with the
 * topic, so a note beside one tells the two apart, with any client: whoever puts a snapshot away
 * gives each changelog that has none a random number, in a group of its own.
 *
 * Age. A removal that is written after the snapshot is kept in the changelog for
 * delete.retention.ms at least; whoever begins with an older one would never hear of it. Half of
 * that is left for the restore and for clocks that differ.
 */
#include "connectors/snapshot_depot_internal.h"

#include "streams/snapshot_page.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { TOPIC_BYTES_MAX = 249 };

static const int64_t delete_retention_ms = INT64_C(24) * 3600 * 1000; /* Where none is told. */

void weir_depot_head_cleanup(weir_depot_head *head)
{
    for (size_t i = 0; i < head->changelog_count; i++) {
        free(head->changelogs[i].topic);
    }
    weir_buf_cleanup(&head->page);
    *head = (weir_depot_head){0};
}

void weir_depot_head_write(const weir_depot_head *head, weir_buf *out_object)
{
    weir_snapshot_page_begin(out_object, WEIR_SNAPSHOT_STORED, 0, 0);
    weir_buf_append_i64_be(out_object, head->taken_ms);
    weir_buf_append_i32_be(out_object, (int32_t)head->changelog_count);
    for (size_t i = 0; i < head->changelog_count; i++) {
        const weir_depot_changelog *log = &head->changelogs[i];
        weir_buf_append_i32_be(out_object, log->partition);
        weir_buf_append_i64_be(out_object, (int64_t)log->birth);
        weir_buf_append_i32_be(out_object, (int32_t)strlen(log->topic));
        weir_buf_append_text(out_object, log->topic);
    }
    weir_buf_append(out_object, head->page.data, head->page.size);
    weir_snapshot_page_end(out_object);
}

static bool read_changelogs(weir_reader *reader, weir_depot_head *to)
{
    uint32_t count = (uint32_t)weir_read_i32_be(reader);
    if (reader->failed || count > WEIR_DEPOT_CHANGELOGS_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        weir_depot_changelog *log = &to->changelogs[i];
        log->partition = weir_read_i32_be(reader);
        log->birth = (uint64_t)weir_read_i64_be(reader);
        uint32_t size = (uint32_t)weir_read_i32_be(reader);
        weir_bytes topic = weir_read_bytes(reader, size <= TOPIC_BYTES_MAX ? size : 0);
        if (reader->failed || topic.size == 0) {
            return false;
        }
        log->topic = weir_bytes_to_text(topic);
        to->changelog_count = i + 1;
    }
    return true;
}

weir_status weir_depot_head_read(weir_bytes object, weir_depot_head *out_head, weir_error *err)
{
    weir_snapshot_page page = {0};
    WEIR_TRY(weir_snapshot_page_read(object, &page, err));
    WEIR_AUTO(weir_depot_head) read = {0};
    weir_reader reader = weir_reader_of(page.payload);
    read.taken_ms = weir_read_i64_be(&reader);
    bool is_head = page.kind == WEIR_SNAPSHOT_STORED && read_changelogs(&reader, &read);
    if (!is_head) {
        return weir_error_set(err, WEIR_CORRUPT, "it is no head of a snapshot");
    }
    weir_buf_set(&read.page, reader.left);
    *out_head = read;
    read = (weir_depot_head){0};
    return WEIR_OK;
}

/* Births. */

static char *group_of(const char *application_id)
{
    return weir_format("%s-weir-snapshots", application_id);
}

/* The numbers that the changelogs of head have now; 0: none. */
static weir_status ask_births(weir_broker *broker, const char *group, const weir_depot_head *head,
                              uint64_t *out_births, weir_error *err)
{
    weir_committed_query queries[WEIR_DEPOT_CHANGELOGS_MAX] = {0};
    for (size_t i = 0; i < head->changelog_count; i++) {
        const weir_depot_changelog *log = &head->changelogs[i];
        queries[i].partition = (weir_topic_partition){log->topic, log->partition};
    }
    weir_status status =
        weir_broker_group_offsets(broker, group, queries, head->changelog_count, err);
    for (size_t i = 0; i < head->changelog_count; i++) {
        bool is_noted = status == WEIR_OK && queries[i].status == WEIR_OK;
        out_births[i] = is_noted ? strtoull(weir_buf_text(&queries[i].metadata), NULL, 16) : 0;
        weir_buf_cleanup(&queries[i].metadata);
    }
    return status;
}

weir_status weir_depot_births_give(weir_broker *broker, const char *application_id,
                                   weir_depot_head *head, uint64_t random, weir_error *err)
{
    uint64_t births[WEIR_DEPOT_CHANGELOGS_MAX];
    WEIR_AUTO_FREE char *group = group_of(application_id);
    WEIR_TRY(ask_births(broker, group, head, births, err));
    for (size_t i = 0; i < head->changelog_count; i++) {
        weir_depot_changelog *log = &head->changelogs[i];
        log->birth = births[i] != 0 ? births[i] : random | 1;
        WEIR_AUTO_FREE char *note = weir_format("%016" PRIx64, log->birth);
        const weir_group_offset offset = {.partition = {log->topic, log->partition},
                                          .metadata = weir_bytes_of_text(note)};
        WEIR_TRY(weir_broker_alter_group_offset(broker, group, &offset, err));
    }
    return WEIR_OK;
}

/* Age. */

static weir_status find_age_max(weir_broker *broker, const weir_depot_head *head,
                                int64_t *out_age_ms, weir_error *err)
{
    weir_topic_query queries[WEIR_DEPOT_CHANGELOGS_MAX] = {0};
    for (size_t i = 0; i < head->changelog_count; i++) {
        queries[i].topic = head->changelogs[i].topic;
    }
    WEIR_TRY(weir_broker_describe_topics(broker, queries, head->changelog_count, err));
    int64_t least = delete_retention_ms;
    for (size_t i = 0; i < head->changelog_count; i++) {
        int64_t kept_ms = queries[i].config.delete_retention_ms;
        least = queries[i].status == WEIR_OK && kept_ms > 0 && kept_ms < least ? kept_ms : least;
    }
    *out_age_ms = least / 2;
    return WEIR_OK;
}

weir_status weir_depot_head_check(weir_broker *broker, const char *application_id,
                                  const weir_depot_head *head, int64_t now_ms, weir_error *err)
{
    uint64_t births[WEIR_DEPOT_CHANGELOGS_MAX];
    WEIR_AUTO_FREE char *group = group_of(application_id);
    WEIR_TRY(ask_births(broker, group, head, births, err));
    for (size_t i = 0; i < head->changelog_count; i++) {
        if (births[i] != head->changelogs[i].birth) {
            return weir_error_set(err, WEIR_CORRUPT,
                                  "its changelog %s[%" PRId32 "] was made anew since, or group %s "
                                  "was deleted",
                                  head->changelogs[i].topic, head->changelogs[i].partition, group);
        }
    }
    int64_t age_max_ms = 0;
    WEIR_TRY(find_age_max(broker, head, &age_max_ms, err));
    int64_t age_ms = now_ms - head->taken_ms;
    return age_ms <= age_max_ms
               ? WEIR_OK
               : weir_error_set(err, WEIR_CORRUPT,
                                "it is %" PRId64 " ms old, at most %" PRId64 ": half of the "
                                "changelogs' delete.retention.ms, which may be raised",
                                age_ms, age_max_ms);
}

/* Names. */

static const char head_ending[] = ".head";

char *weir_depot_folder(const char *application_id, const char *task_id)
{
    return weir_format("snapshots/%s/%s/", application_id, task_id);
}

char *weir_depot_page_key(const char *stem, uint32_t number)
{
    return weir_format("%s.%06" PRIu32, stem, number);
}

char *weir_depot_head_key(const char *stem)
{
    return weir_format("%s%s", stem, head_ending);
}

bool weir_depot_is_head(const char *key)
{
    size_t size = strlen(key);
    size_t ending = strlen(head_ending);
    return size > ending && strcmp(key + size - ending, head_ending) == 0;
}
