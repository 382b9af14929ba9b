/* SPDX-License-Identifier: Apache-2.0
 *
 * embedded_housekeeping.c - upkeep of the files at a given time: retention, new segments by age,
 * syncs by interval, a smaller journal, compaction.
 *
 * One call looks at every partition once, without reading records, and does one slice of the
 * compaction of one partition.
 */
#include "connectors/broker_embedded_internal.h"

#include "streams/base/serde.h"

#include <inttypes.h>

enum { SLICE_BYTES = 4 << 20 }; /* Of compaction: some 10 ms. */

/* Raises the first offset, durably, and removes the segments that end before it. */
static weir_status raise_start(weir_embedded *embedded, weir_partition *partition,
                               int64_t start_offset, weir_error *err)
{
    WEIR_AUTO(weir_buf) key = {0};
    WEIR_AUTO(weir_buf) value = {0};
    weir_buf_append_i64_be(&value, start_offset);
    weir_journal_change change = {0};
    weir_journal_change_put(&change,
                            weir_journal_key_of_partition(&key, WEIR_JOURNAL_START,
                                                          partition->topic_id, partition->number,
                                                          ""),
                            weir_buf_bytes(&value));
    weir_status status = weir_journal_apply(embedded->journal, &change, NULL, err);
    weir_journal_change_cleanup(&change);
    WEIR_TRY(status);
    weir_embedded_lock(&partition->lock);
    if (partition->start_offset < start_offset) {
        partition->start_offset = start_offset;
    }
    weir_embedded_unlock(&partition->lock);
    return weir_partition_drop_segments(partition, err);
}

weir_status weir_embedded_delete_records(weir_broker *broker, weir_topic_partition name,
                                         int64_t before_offset, weir_error *err)
{
    weir_embedded *embedded = weir_embedded_of(broker);
    weir_partition *partition = NULL;
    WEIR_TRY(weir_embedded_partition_get(embedded, name, NULL, &partition));
    weir_embedded_lock(&partition->lock);
    int64_t start_offset = partition->start_offset;
    int64_t end_offset = partition->end_offset;
    weir_embedded_unlock(&partition->lock);
    if (before_offset > end_offset) {
        return weir_error_set(err, WEIR_INVALID,
                              "%s[%" PRId32 "] ends at %" PRId64 ", before %" PRId64, name.topic,
                              name.partition, end_offset, before_offset);
    }
    return before_offset <= start_offset ? WEIR_OK
                                         : raise_start(embedded, partition, before_offset, err);
}

static bool is_expired(const weir_topic_config *config, const weir_segment *segment, int64_t now_ms)
{
    return config->retention_ms >= 0 && segment->max_timestamp_ms >= 0 &&
           segment->max_timestamp_ms < now_ms - config->retention_ms;
}

/* The offset below which retention has no use for records; the lock is held. */
static weir_status find_retained(weir_partition *partition, int64_t now_ms, int64_t *out_offset,
                                 weir_error *err)
{
    const weir_topic_config *config = partition->config;
    int64_t bytes = 0;
    for (size_t i = 0; i < partition->segment_count; i++) {
        bytes += partition->segments[i]->bytes;
    }
    *out_offset = partition->start_offset;
    for (size_t i = 0; i + 1 < partition->segment_count; i++) {
        weir_segment *segment = partition->segments[i];
        WEIR_TRY(weir_segment_load_index(partition->disk, segment, err));
        bytes -= segment->bytes;
        bool too_many = config->retention_bytes >= 0 && bytes >= config->retention_bytes;
        if (!too_many && !is_expired(config, segment, now_ms)) {
            break;
        }
        *out_offset = segment->end_offset;
    }
    return WEIR_OK;
}

static weir_status retain(weir_embedded *embedded, weir_partition *partition, int64_t now_ms,
                          weir_error *err)
{
    int64_t offset = 0;
    weir_embedded_lock(&partition->lock);
    int64_t start_offset = partition->start_offset;
    weir_status status = find_retained(partition, now_ms, &offset, err);
    weir_embedded_unlock(&partition->lock);
    WEIR_TRY(status);
    return offset > start_offset ? raise_start(embedded, partition, offset, err) : WEIR_OK;
}

/* Closes the last segment where it is old, or where nothing in it is kept any longer. */
static weir_status roll_by_age(weir_partition *partition, int64_t now_ms, weir_error *err)
{
    const weir_topic_config *config = partition->config;
    const weir_segment *last = partition->last;
    if (last == NULL || partition->failed || partition->gone) {
        return WEIR_OK;
    }
    if (last->bytes == WEIR_SEGMENT_HEADER_BYTES) {
        return WEIR_OK;
    }
    if (partition->active_since_ms == 0) {
        partition->active_since_ms = now_ms;
    }
    bool deletes = (config->cleanup_policy & WEIR_CLEANUP_DELETE) != 0;
    bool useless = partition->start_offset >= partition->end_offset ||
                   (deletes && is_expired(config, last, now_ms));
    if (useless || now_ms - partition->active_since_ms >= config->segment_ms) {
        return weir_partition_roll(partition, err);
    }
    return WEIR_OK;
}

static weir_status keep_partition(weir_embedded *embedded, weir_partition *partition,
                                  int64_t now_ms, bool syncs, weir_error *err)
{
    weir_partition_lock_append(partition);
    bool gone = partition->gone; /* Written under the append lock. */
    weir_status status = roll_by_age(partition, now_ms, err);
    if (status == WEIR_OK && syncs && !gone) {
        status = weir_partition_sync(partition, err);
    }
    weir_partition_unlock_append(partition);
    WEIR_TRY(status);
    if (gone) {
        return WEIR_OK;
    }
    WEIR_TRY(weir_partition_drop_segments(partition, err));
    return (partition->config->cleanup_policy & WEIR_CLEANUP_DELETE) != 0
               ? retain(embedded, partition, now_ms, err)
               : WEIR_OK;
}

static weir_status rewrite_journal(weir_embedded *embedded, weir_error *err)
{
    if (!weir_journal_is_large(embedded->journal)) {
        return WEIR_OK;
    }
    int failed = pthread_rwlock_wrlock(&embedded->commits);
    WEIR_ASSERT(failed == 0);
    weir_status status = weir_journal_rewrite(embedded->journal, err);
    failed = pthread_rwlock_unlock(&embedded->commits);
    WEIR_ASSERT(failed == 0);
    return status == WEIR_AGAIN ? WEIR_OK : status;
}

/* The topic of an index, NULL past the last; deleted ones are skipped. */
static weir_embedded_topic *topic_at(weir_embedded *embedded, size_t *index)
{
    weir_embedded_topic *topic = NULL;
    weir_embedded_lock(&embedded->topics_lock);
    while (*index < embedded->kept_count && topic == NULL) {
        topic = embedded->kept[(*index)++];
        topic = topic->deleted ? NULL : topic;
    }
    weir_embedded_unlock(&embedded->topics_lock);
    return topic;
}

/* Begins the cleaning of the first partition that is worth it. */
static weir_status start_cleaning(weir_embedded *embedded, int64_t now_ms, weir_error *err)
{
    size_t index = 0;
    for (weir_embedded_topic *topic = topic_at(embedded, &index); topic != NULL;
         topic = topic_at(embedded, &index)) {
        bool compacts = (topic->config.cleanup_policy & WEIR_CLEANUP_COMPACT) != 0;
        for (int32_t i = 0; compacts && i < topic->config.partition_count; i++) {
            weir_partition *partition = &topic->partitions[i];
            if (partition->cleaning_failed) {
                continue;
            }
            weir_status status = weir_cleaner_start(partition, now_ms, &embedded->cleaner, err);
            partition->cleaning_failed = status != WEIR_OK;
            if (status != WEIR_OK || embedded->cleaner != NULL) {
                return status;
            }
        }
    }
    return WEIR_OK;
}

/* One slice of compaction. */
static weir_status clean(weir_embedded *embedded, int64_t now_ms, weir_error *err)
{
    if (embedded->cleaner == NULL) {
        WEIR_TRY(start_cleaning(embedded, now_ms, err));
    }
    if (embedded->cleaner == NULL) {
        return WEIR_OK;
    }
    weir_partition *partition = weir_cleaner_partition(embedded->cleaner);
    weir_status status = weir_cleaner_work(embedded->cleaner, SLICE_BYTES, err);
    if (status == WEIR_AGAIN) {
        return WEIR_OK;
    }
    weir_cleaner_free(weir_take(&embedded->cleaner));
    if (status != WEIR_OK && partition->gone) {
        return WEIR_OK; /* Its files went away under the cleaning. */
    }
    partition->cleaning_failed = status != WEIR_OK;
    return status;
}

static weir_status keep_house(weir_embedded *embedded, int64_t now_ms, weir_error *err)
{
    bool syncs = embedded->sync == WEIR_SYNC_INTERVAL &&
                 now_ms - embedded->synced_ms >= embedded->sync_interval_ms;
    size_t index = 0;
    for (weir_embedded_topic *topic = topic_at(embedded, &index); topic != NULL;
         topic = topic_at(embedded, &index)) {
        for (int32_t i = 0; i < topic->config.partition_count; i++) {
            WEIR_TRY(keep_partition(embedded, &topic->partitions[i], now_ms, syncs, err));
        }
    }
    if (syncs) {
        WEIR_TRY(weir_journal_sync(embedded->journal, err));
        embedded->synced_ms = now_ms;
    }
    WEIR_TRY(rewrite_journal(embedded, err));
    return clean(embedded, now_ms, err);
}

weir_status weir_embedded_housekeep(weir_broker *broker, int64_t now_ms, bool *out_more,
                                    weir_error *err)
{
    weir_embedded *embedded = weir_embedded_of(broker);
    *out_more = false;
    weir_embedded_lock(&embedded->housekeep_lock);
    weir_status status = keep_house(embedded, now_ms, err);
    *out_more = embedded->cleaner != NULL;
    weir_embedded_unlock(&embedded->housekeep_lock);
    return status;
}
