/* SPDX-License-Identifier: Apache-2.0
 *
 * broker_embedded.c - opens and closes the embedded broker; its parts do the work.
 *
 *   directory/.lock                       one process at a time
 *   directory/journal                     commits, group offsets, epochs     embedded_journal.c
 *   directory/topics/<topic>/config       what create_topics was told        embedded_topic.c
 *   directory/topics/<topic>/<n>/<offset>.seg   records                     embedded_partition.c
 *
 *   commit of a transaction:  frames of every partition  ->  journal  ->  visible
 *                             (invisible, at file ends)     (the point)
 *
 * A crash before the point leaves frames that recovery cuts, because the journal doesn't know their
 * transaction; nobody appended behind them, for a commit holds the append locks. A crash after the
 * point leaves everything, because the frames were there first.
 *
 * Locks are here because one process has many threads and this is its shared broker: they stand
 * for the server that Kafka would be.
 */
#include "connectors/broker_embedded_internal.h"

#include "streams/base/file.h"
#include "streams/base/logging.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SYNC_INTERVAL_DEFAULT_MS = 1000 };

#define TEMPORARY_DIRECTORY P_tmpdir "/weir-broker-XXXXXX"

void weir_embedded_lock(pthread_mutex_t *mutex)
{
    int failed = pthread_mutex_lock(mutex);
    WEIR_ASSERT(failed == 0);
}

void weir_embedded_unlock(pthread_mutex_t *mutex)
{
    int failed = pthread_mutex_unlock(mutex);
    WEIR_ASSERT(failed == 0);
}

weir_disk *weir_broker_embedded_disk(weir_broker *broker)
{
    return &weir_embedded_of(broker)->disk;
}

static weir_status answer(weir_embedded *embedded, weir_offset_query *query, weir_error *err)
{
    weir_partition *partition = NULL;
    query->status = weir_embedded_partition_get(embedded, query->partition, NULL, &partition);
    if (query->status != WEIR_OK) {
        return WEIR_OK;
    }
    if (query->spec == WEIR_OFFSET_AT_TIMESTAMP) {
        return weir_partition_offset_at(partition, query->timestamp_ms, &query->offset, err);
    }
    weir_embedded_lock(&partition->lock);
    query->offset =
        query->spec == WEIR_OFFSET_EARLIEST ? partition->start_offset : partition->end_offset;
    weir_embedded_unlock(&partition->lock);
    return WEIR_OK;
}

static weir_status embedded_offsets(weir_broker *broker, weir_offset_query *queries, size_t count,
                                    weir_error *err)
{
    for (size_t i = 0; i < count; i++) {
        WEIR_TRY(answer(weir_embedded_of(broker), &queries[i], err));
    }
    return WEIR_OK;
}

static void embedded_free(weir_broker *broker)
{
    weir_embedded *embedded = weir_embedded_of(broker);
    weir_cleaner_free(embedded->cleaner);
    weir_embedded_groups_free(embedded);
    weir_embedded_topics_free(embedded);
    weir_journal_free(embedded->journal);
    (void)pthread_rwlock_destroy(&embedded->commits);
    (void)pthread_mutex_destroy(&embedded->topics_lock);
    (void)pthread_mutex_destroy(&embedded->groups_lock);
    (void)pthread_mutex_destroy(&embedded->housekeep_lock);
    if (embedded->lock_fd >= 0) {
        (void)close(embedded->lock_fd); /* Nothing was written to it. */
    }
    if (embedded->is_temporary) {
        (void)weir_directory_remove(embedded->directory, NULL);
    }
    free(embedded->directory);
    free(embedded);
}

/* It is in this process. */
static weir_status embedded_check(weir_broker *broker, int32_t timeout_ms, weir_error *err)
{
    (void)broker;
    (void)timeout_ms;
    (void)err;
    return WEIR_OK;
}

static const weir_broker_ops embedded_ops = {
    .create_topics = weir_embedded_create_topics,
    .describe_topics = weir_embedded_describe_topics,
    .list_topics = weir_embedded_list_topics,
    .delete_topic = weir_embedded_delete_topic,
    .offsets = embedded_offsets,
    .delete_records = weir_embedded_delete_records,
    .group_offsets = weir_embedded_group_offsets,
    .alter_group_offset = weir_embedded_alter_group_offset,
    .group_member_count = weir_embedded_group_member_count,
    .check = embedded_check,
    .housekeep = weir_embedded_housekeep,
    .free = embedded_free,
    .consumer_new = weir_embedded_consumer_new,
    .producer_new = weir_embedded_producer_new,
    .member_join = weir_embedded_member_join,
};

/* Rewriting the journal must not wait for ever behind commits, hence the preference. */
static void init_commits_lock(weir_embedded *embedded)
{
    pthread_rwlockattr_t attributes;
    int failed = pthread_rwlockattr_init(&attributes);
    WEIR_ASSERT(failed == 0);
    (void)pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    failed = pthread_rwlock_init(&embedded->commits, &attributes);
    WEIR_ASSERT(failed == 0);
    (void)pthread_rwlockattr_destroy(&attributes);
}

static weir_embedded *new_embedded(const weir_broker_embedded_options *options)
{
    weir_embedded *embedded = weir_alloc(sizeof *embedded);
    embedded->base = (weir_broker){.ops = &embedded_ops, .name = "embedded"};
    embedded->directory =
        weir_strdup(options->directory == NULL ? TEMPORARY_DIRECTORY : options->directory);
    embedded->lock_fd = -1;
    embedded->sync = options->sync;
    embedded->sync_interval_ms =
        options->sync_interval_ms == 0 ? SYNC_INTERVAL_DEFAULT_MS : options->sync_interval_ms;
    embedded->disk.never_syncs = options->sync == WEIR_SYNC_NEVER;
    embedded->disk.sync_each_commit = options->sync == WEIR_SYNC_EACH_COMMIT;
    embedded->topic_defaults = options->topic_defaults;
    embedded->topics = weir_map_new();
    embedded->groups = weir_map_new();
    embedded->next_topic_id = 1;
    init_commits_lock(embedded);
    int failed = pthread_mutex_init(&embedded->topics_lock, NULL);
    WEIR_ASSERT(failed == 0);
    failed = pthread_mutex_init(&embedded->groups_lock, NULL);
    WEIR_ASSERT(failed == 0);
    failed = pthread_mutex_init(&embedded->housekeep_lock, NULL);
    WEIR_ASSERT(failed == 0);
    return embedded;
}

static weir_status make_temporary(weir_embedded *embedded, weir_error *err)
{
    if (mkdtemp(embedded->directory) == NULL) {
        return weir_error_set(err, WEIR_IO, "no temporary directory: %s", strerror(errno));
    }
    embedded->is_temporary = true;
    return WEIR_OK;
}

static weir_status open_files(weir_embedded *embedded, bool is_temporary, weir_error *err)
{
    int64_t cut_bytes = 0;
    if (is_temporary) {
        WEIR_TRY(make_temporary(embedded, err));
    }
    WEIR_TRY(weir_directory_lock(embedded->directory, &embedded->lock_fd, err));
    WEIR_TRY(weir_journal_open(&embedded->disk, embedded->directory, &embedded->journal, &cut_bytes,
                               err));
    if (cut_bytes > 0) {
        WEIR_LOG(WEIR_LOG_INFO, NULL, "journal: cut %" PRId64 " bytes of an unfinished write",
                 cut_bytes);
    }
    return weir_embedded_topics_open(embedded, err);
}

weir_status weir_broker_embedded_open(const weir_broker_embedded_options *options,
                                      weir_broker **out_broker, weir_error *err)
{
    WEIR_ASSERT(options != NULL);
    WEIR_ASSERT(out_broker != NULL);
    weir_embedded *embedded = new_embedded(options);
    weir_status status = open_files(embedded, options->directory == NULL, err);
    if (status != WEIR_OK) {
        status = weir_error_wrap(err, status, "broker in %s", embedded->directory);
        embedded_free(&embedded->base);
        return status;
    }
    *out_broker = &embedded->base;
    return WEIR_OK;
}
