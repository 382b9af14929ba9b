/* SPDX-License-Identifier: Apache-2.0
 *
 * embedded_producer.c - records on their way to the files.
 *
 *   plain          record -> frames of its partition -> file, when a frame is full or at flush
 *   transactional  record -> frames of its partition, kept until the commit
 *
 * A commit takes the append locks of its partitions in the order of addresses, writes all frames,
 * then the journal, then publishes; until the journal has it, any failure cuts the frames again.
 * Where it is unknown whether the journal has it, the frames stay and the partitions refuse writes:
 * the next start reads the journal and decides.
 */
#include "connectors/broker_embedded_internal.h"

#include "streams/base/serde.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { RECORD_OVERHEAD_BYTES = 16 };

/* What goes to one partition. */
typedef struct producer_outlet {
    weir_partition *partition;
    weir_frame_writer frames;
    int64_t written_offset; /* Of the first record in frames, once they are written. */
    int64_t acked_offset;   /* -1: none. */
} producer_outlet;

typedef struct producer_topic {
    weir_embedded_topic *topic;
    producer_outlet *outlets;
} producer_topic;

/* A member whose group commits offsets in the open transaction. */
typedef struct embedded_producer {
    weir_producer base;
    weir_embedded *embedded;
    char *transactional_id;
    int64_t epoch;
    size_t buffer_bytes_max;
    size_t buffered_bytes;
    producer_topic *topics;
    size_t topic_count;
    size_t topic_capacity;
    producer_outlet **filled; /* Outlets with frames. */
    size_t filled_count;
    size_t filled_capacity;
    weir_journal_change change;  /* Offsets of the open transaction. */
    const weir_member **members; /* Who sent them. */
    size_t member_count;
    size_t member_capacity;
} embedded_producer;

static embedded_producer *producer_of(weir_producer *producer)
{
    return (embedded_producer *)(void *)producer;
}

static weir_status producer_find_topic(weir_producer *base, const char *name, int32_t *out_topic,
                                       int32_t *out_partition_count, weir_error *err)
{
    (void)err; /* Not to find it is an answer. */
    embedded_producer *producer = producer_of(base);
    weir_embedded_topic *topic = weir_embedded_topic_get(producer->embedded, name);
    if (topic == NULL) {
        return WEIR_NOT_FOUND;
    }
    *out_partition_count = topic->config.partition_count;
    for (size_t i = 0; i < producer->topic_count; i++) {
        if (producer->topics[i].topic == topic) {
            *out_topic = (int32_t)i;
            return WEIR_OK;
        }
    }
    size_t count = (size_t)topic->config.partition_count;
    producer_outlet *outlets = weir_alloc_array(count, sizeof *outlets);
    for (size_t i = 0; i < count; i++) {
        outlets[i].partition = &topic->partitions[i];
        outlets[i].acked_offset = -1;
    }
    producer->topics = weir_grow(producer->topics, producer->topic_count, &producer->topic_capacity,
                                 sizeof *producer->topics);
    *out_topic = (int32_t)producer->topic_count;
    producer->topics[producer->topic_count++] = (producer_topic){topic, outlets};
    return WEIR_OK;
}

/* Forgets what is buffered. */
static void drop_frames(embedded_producer *producer)
{
    for (size_t i = 0; i < producer->filled_count; i++) {
        weir_frame_writer_reset(&producer->filled[i]->frames);
    }
    producer->filled_count = 0;
    producer->buffered_bytes = 0;
    weir_frame_writer_reset(&producer->change.entries);
    producer->member_count = 0;
}

static void note_acknowledged(producer_outlet *outlet)
{
    outlet->acked_offset = outlet->written_offset + outlet->frames.next_offset - 1;
    weir_frame_writer_reset(&outlet->frames);
}

static weir_status append_outlet(producer_outlet *outlet, weir_error *err)
{
    weir_status status =
        weir_partition_append(outlet->partition, &outlet->frames, &outlet->written_offset, err);
    if (status == WEIR_OK) {
        note_acknowledged(outlet);
    } else {
        weir_frame_writer_reset(&outlet->frames); /* They are refused. */
    }
    return status;
}

static size_t encoded_bytes(const weir_record *record)
{
    size_t bytes = record->key.size + record->value.size + RECORD_OVERHEAD_BYTES;
    for (size_t i = 0; i < record->header_count; i++) {
        bytes += record->headers[i].key.size + record->headers[i].value.size;
    }
    return bytes;
}

static weir_status producer_send(weir_producer *base, int32_t topic, const weir_record *record,
                                 weir_error *err)
{
    embedded_producer *producer = producer_of(base);
    WEIR_ASSERT((size_t)topic < producer->topic_count);
    const producer_topic *to = &producer->topics[topic];
    if (record->partition < 0 || record->partition >= to->topic->config.partition_count) {
        return weir_error_set(err, WEIR_INVALID, "%s has %" PRId32 " partitions, no %" PRId32,
                              to->topic->name, to->topic->config.partition_count,
                              record->partition);
    }
    producer_outlet *outlet = &to->outlets[record->partition];
    if (outlet->frames.next_offset == 0) {
        producer->filled = weir_grow(producer->filled, producer->filled_count,
                                     &producer->filled_capacity, sizeof *producer->filled);
        producer->filled[producer->filled_count++] = outlet;
    }
    weir_frame_writer_add(&outlet->frames, record);
    if (base->transactional) {
        producer->buffered_bytes += encoded_bytes(record);
        base->wants_commit = producer->buffered_bytes >= producer->buffer_bytes_max;
        return WEIR_OK;
    }
    if (outlet->frames.frames.size < WEIR_FRAME_BYTES_TARGET) {
        return WEIR_OK;
    }
    for (size_t i = 0; i < producer->filled_count; i++) {
        if (producer->filled[i] == outlet) {
            producer->filled[i] = producer->filled[--producer->filled_count];
        }
    }
    return append_outlet(outlet, err);
}

static weir_status producer_flush(weir_producer *base, int32_t timeout_ms, weir_error *err)
{
    (void)timeout_ms; /* A write is not waited for. */
    embedded_producer *producer = producer_of(base);
    if (base->transactional) {
        return WEIR_OK; /* The commit writes. */
    }
    weir_status first = WEIR_OK;
    for (size_t i = 0; i < producer->filled_count; i++) {
        weir_status status = append_outlet(producer->filled[i], first == WEIR_OK ? err : NULL);
        first = first == WEIR_OK ? status : first;
    }
    producer->filled_count = 0;
    return first;
}

static weir_status producer_acked_offset(weir_producer *base, int32_t topic, int32_t partition,
                                         int64_t *out_offset)
{
    const embedded_producer *producer = producer_of(base);
    WEIR_ASSERT((size_t)topic < producer->topic_count);
    WEIR_ASSERT(partition < producer->topics[topic].topic->config.partition_count);
    int64_t offset = producer->topics[topic].outlets[partition].acked_offset;
    if (offset < 0) {
        return WEIR_NOT_FOUND;
    }
    *out_offset = offset;
    return WEIR_OK;
}

static weir_status check_epoch(embedded_producer *producer, weir_error *err)
{
    WEIR_AUTO(weir_buf) key = {0};
    int64_t epoch = weir_journal_get_number(
        producer->embedded->journal,
        weir_journal_key_of_text(&key, WEIR_JOURNAL_EPOCH, producer->transactional_id), 0);
    return epoch == producer->epoch
               ? WEIR_OK
               : weir_error_set(err, WEIR_FENCED,
                                "transactional id %s has epoch %" PRId64 ", this producer %" PRId64,
                                producer->transactional_id, epoch, producer->epoch);
}

static weir_status producer_begin(weir_producer *base, weir_error *err)
{
    WEIR_ASSERT(producer_of(base)->filled_count == 0);
    return check_epoch(producer_of(base), err);
}

static weir_status producer_send_offsets(weir_producer *base, weir_member *member,
                                         int32_t generation, const weir_group_offset *offsets,
                                         size_t count, weir_error *err)
{
    embedded_producer *producer = producer_of(base);
    WEIR_TRY(check_epoch(producer, err));
    weir_embedded_lock(&producer->embedded->groups_lock);
    weir_status status = weir_embedded_member_check_generation(member, generation, err);
    weir_embedded_unlock(&producer->embedded->groups_lock);
    WEIR_TRY(status);
    WEIR_TRY(weir_embedded_member_put_offsets(member, offsets, count, &producer->change, err));
    producer->members = weir_grow(producer->members, producer->member_count,
                                  &producer->member_capacity, sizeof *producer->members);
    producer->members[producer->member_count++] = member;
    return WEIR_OK;
}

/* The commit point. groups_lock is held, so that no member expires between check and write. */
static weir_status write_journal(embedded_producer *producer, int64_t transaction,
                                 bool *out_unknown, weir_error *err)
{
    WEIR_TRY(check_epoch(producer, err));
    for (size_t i = 0; i < producer->member_count; i++) {
        WEIR_TRY(weir_embedded_member_check(producer->members[i], err));
    }
    if (transaction != 0) {
        WEIR_AUTO(weir_buf) key = {0};
        weir_journal_change_put(
            &producer->change,
            weir_journal_key_of_number(&key, WEIR_JOURNAL_TRANSACTION, transaction),
            WEIR_BYTES(""));
    }
    if (producer->change.entries.next_offset == 0) {
        return WEIR_OK;
    }
    return weir_journal_apply(producer->embedded->journal, &producer->change, out_unknown, err);
}

/* Writes all frames, and puts them on disk where that is asked for. *out_written counts the
 * outlets whose frames are in files. */
static weir_status write_outlets(embedded_producer *producer, int64_t transaction,
                                 size_t *out_written, weir_error *err)
{
    for (size_t i = 0; i < producer->filled_count; i++) {
        producer_outlet *outlet = producer->filled[i];
        WEIR_TRY(weir_partition_write(outlet->partition, &outlet->frames, transaction,
                                      &outlet->written_offset, err));
        *out_written = i + 1;
    }
    if (producer->embedded->disk.sync_each_commit) {
        for (size_t i = 0; i < producer->filled_count; i++) {
            WEIR_TRY(weir_partition_sync(producer->filled[i]->partition, err));
        }
    }
    return WEIR_OK;
}

/* With all append locks held. */
static weir_status commit_locked(embedded_producer *producer, weir_error *err)
{
    bool unknown = false;
    size_t written = 0;
    int64_t transaction = producer->filled_count == 0
                              ? 0
                              : weir_journal_next_transaction(producer->embedded->journal);
    weir_status status = write_outlets(producer, transaction, &written, err);
    if (status == WEIR_OK) {
        weir_embedded_lock(&producer->embedded->groups_lock);
        status = write_journal(producer, transaction, &unknown, err);
        weir_embedded_unlock(&producer->embedded->groups_lock);
    }
    for (size_t i = 0; i < written; i++) {
        weir_partition *partition = producer->filled[i]->partition;
        if (status == WEIR_OK) {
            weir_partition_publish(partition, &producer->filled[i]->frames);
        } else if (unknown) {
            partition->failed = true;
        } else {
            weir_partition_roll_back(partition);
        }
    }
    return status;
}

static int compare_outlets(const void *a, const void *b)
{
    uintptr_t left = (uintptr_t)(*(producer_outlet *const *)a)->partition;
    uintptr_t right = (uintptr_t)(*(producer_outlet *const *)b)->partition;
    return left < right ? -1 : left > right;
}

static weir_status producer_commit(weir_producer *base, weir_error *err)
{
    embedded_producer *producer = producer_of(base);
    if (producer->filled_count > 1) {
        qsort(producer->filled, producer->filled_count, sizeof *producer->filled, compare_outlets);
    }
    int failed = pthread_rwlock_rdlock(&producer->embedded->commits);
    WEIR_ASSERT(failed == 0);
    for (size_t i = 0; i < producer->filled_count; i++) {
        weir_partition_lock_append(producer->filled[i]->partition);
    }
    weir_status status = commit_locked(producer, err);
    for (size_t i = 0; i < producer->filled_count; i++) {
        weir_partition_unlock_append(producer->filled[i]->partition);
    }
    failed = pthread_rwlock_unlock(&producer->embedded->commits);
    WEIR_ASSERT(failed == 0);
    WEIR_TRY(status);
    for (size_t i = 0; i < producer->filled_count; i++) {
        note_acknowledged(producer->filled[i]);
    }
    drop_frames(producer);
    return WEIR_OK;
}

static weir_status producer_abort(weir_producer *base, weir_error *err)
{
    (void)err; /* Nothing was written. */
    drop_frames(producer_of(base));
    return WEIR_OK;
}

static void producer_free(weir_producer *base)
{
    embedded_producer *producer = producer_of(base);
    for (size_t i = 0; i < producer->topic_count; i++) {
        const producer_topic *topic = &producer->topics[i];
        for (int32_t j = 0; j < topic->topic->config.partition_count; j++) {
            weir_frame_writer_cleanup(&topic->outlets[j].frames);
        }
        free(topic->outlets);
    }
    weir_journal_change_cleanup(&producer->change);
    free(producer->topics);
    free(producer->filled);
    free(producer->members);
    free(producer->transactional_id);
    free(producer);
}

static const weir_producer_ops producer_ops = {
    .topic = producer_find_topic,
    .send = producer_send,
    .flush = producer_flush,
    .acked_offset = producer_acked_offset,
    .begin = producer_begin,
    .send_offsets = producer_send_offsets,
    .commit = producer_commit,
    .abort = producer_abort,
    .free = producer_free,
};

/* Gives the producer an epoch above all others of its id, durably. groups_lock is held, so that a
 * commit of an older producer comes either before or finds itself fenced. */
static weir_status raise_epoch(embedded_producer *producer, weir_error *err)
{
    WEIR_AUTO(weir_buf) key = {0};
    WEIR_AUTO(weir_buf) value = {0};
    weir_journal *journal = producer->embedded->journal;
    (void)weir_journal_key_of_text(&key, WEIR_JOURNAL_EPOCH, producer->transactional_id);
    producer->epoch = weir_journal_get_number(journal, weir_buf_bytes(&key), 0) + 1;
    weir_buf_append_i64_be(&value, producer->epoch);
    weir_journal_change change = {0};
    weir_journal_change_put(&change, weir_buf_bytes(&key), weir_buf_bytes(&value));
    weir_status status = weir_journal_apply(journal, &change, NULL, err);
    weir_journal_change_cleanup(&change);
    return status;
}

weir_status weir_embedded_producer_new(weir_broker *broker, const weir_producer_options *options,
                                       weir_producer **out_producer, weir_error *err)
{
    weir_embedded *embedded = weir_embedded_of(broker);
    embedded_producer *producer = weir_alloc(sizeof *producer);
    *producer = (embedded_producer){.base = {.ops = &producer_ops},
                                    .embedded = embedded,
                                    .transactional_id = weir_strdup(options->transactional_id),
                                    .buffer_bytes_max = options->buffer_bytes_max};
    if (options->transactional_id != NULL) {
        weir_embedded_lock(&embedded->groups_lock);
        weir_status status = raise_epoch(producer, err);
        weir_embedded_unlock(&embedded->groups_lock);
        if (status != WEIR_OK) {
            producer_free(&producer->base);
            return status;
        }
    }
    *out_producer = &producer->base;
    return WEIR_OK;
}
