/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_broker.c - the cluster and its processes: topics, time, death and the faults that are dealt.
 *
 * All chance comes from one generator, asked in the order of calls. A run that makes the same calls
 * therefore sees the same faults.
 */
#include "tests/harness/sim_broker_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

sim_process *sim_process_of(weir_broker *broker)
{
    return (sim_process *)broker;
}

bool sim_happens(sim_cluster *cluster, uint32_t per_million)
{
    return per_million > 0 && weir_random_chance(&cluster->random, per_million);
}

weir_status sim_die(sim_process *process, weir_error *err)
{
    process->dead = true;
    return weir_error_set(err, WEIR_IO, "simulated: the process died in this call");
}

weir_status sim_enter(sim_process *process, bool *out_die, weir_error *err)
{
    if (process->dead) {
        return weir_error_set(err, WEIR_IO, "simulated: the process is dead");
    }
    if (process->calls_until_death == 0 || --process->calls_until_death > 0) {
        return WEIR_OK;
    }
    if (out_die != NULL && weir_random_below(&process->cluster->random, 2) == 0) {
        *out_die = true;
        return WEIR_OK;
    }
    return sim_die(process, err);
}

/* Cluster. */

sim_cluster *sim_cluster_new(uint64_t seed)
{
    sim_cluster *cluster = weir_alloc(sizeof(*cluster));
    cluster->random = weir_random_of(seed);
    cluster->groups = weir_map_new();
    cluster->torn = weir_map_new();
    cluster->identities = weir_map_new();
    return cluster;
}

void sim_cluster_free(sim_cluster *cluster)
{
    if (cluster == NULL) {
        return;
    }
    for (size_t i = 0; i < cluster->topic_count; i++) {
        sim_topic_free(cluster->topics[i]);
    }
    free(cluster->topics);
    size_t position = 0;
    void *value = NULL;
    while (weir_map_next(cluster->groups, &position, NULL, &value)) {
        sim_group_free(value);
    }
    position = 0;
    while (weir_map_next(cluster->identities, &position, NULL, &value)) {
        free(value);
    }
    weir_map_free(cluster->groups);
    weir_map_free(cluster->torn);
    weir_map_free(cluster->identities);
    for (size_t i = 0; i < cluster->txn_count; i++) {
        sim_txn_free(cluster->txns[i]);
    }
    free(cluster->txns);
    free(cluster);
}

void sim_cluster_set_faults(sim_cluster *cluster, const sim_faults *faults)
{
    cluster->faults = *faults;
}

/* A commit that was on its way arrives: it speaks for whatever transaction its producer has now. */
static void commit_late(sim_cluster *cluster)
{
    size_t position = 0;
    void *value = NULL;
    while (weir_map_next(cluster->identities, &position, NULL, &value)) {
        sim_identity *identity = value;
        if (identity->late_epoch == 0 || identity->late_due_ms > cluster->now_ms) {
            continue;
        }
        sim_txn *txn = identity->txn;
        if (identity->late_epoch == identity->epoch && txn != NULL && txn->state == SIM_TXN_OPEN &&
            !txn->poisoned) {
            sim_txn_commit(cluster, txn, false);
        }
        identity->late_epoch = 0;
    }
}

/* A transaction that timed out is aborted, and its producer fenced. */
static void time_out_transactions(sim_cluster *cluster)
{
    size_t position = 0;
    void *value = NULL;
    while (weir_map_next(cluster->identities, &position, NULL, &value)) {
        sim_identity *identity = value;
        sim_txn *txn = identity->txn;
        if (cluster->faults.kafka_transactions && txn != NULL && txn->state == SIM_TXN_OPEN &&
            txn->deadline_ms <= cluster->now_ms) {
            sim_txn_abort(txn);
            identity->txn = NULL;
            identity->epoch++;
        }
    }
    for (size_t i = 0; i < cluster->txn_count; i++) {
        sim_txn *txn = cluster->txns[i];
        if (txn->state == SIM_TXN_PREPARED && txn->markers_due_ms <= cluster->now_ms) {
            sim_txn_write_markers(txn);
        }
    }
}

void sim_cluster_set_now(sim_cluster *cluster, int64_t now_ms)
{
    if (now_ms > cluster->now_ms) {
        cluster->now_ms = now_ms;
    }
    commit_late(cluster);
    time_out_transactions(cluster);
    size_t position = 0;
    void *value = NULL;
    while (weir_map_next(cluster->groups, &position, NULL, &value)) {
        sim_group_expire(value, cluster->now_ms);
    }
}

void sim_cluster_rebalance(sim_cluster *cluster, const char *group)
{
    sim_group_shuffle(sim_group_named(cluster, group), &cluster->random);
}

int64_t sim_cluster_committed(sim_cluster *cluster, const char *group, const char *topic,
                              int32_t partition, weir_buf *out_metadata)
{
    WEIR_AUTO_FREE char *key = sim_offset_key((weir_topic_partition){topic, partition});
    const sim_offset *found = sim_group_offset(sim_group_named(cluster, group), key);
    if (found == NULL) {
        return -1;
    }
    if (out_metadata != NULL) {
        weir_buf_set(out_metadata, weir_buf_bytes(&found->metadata));
    }
    return found->offset;
}

void sim_cluster_visit(sim_cluster *cluster, weir_topic_partition partition, int64_t *from,
                       void (*visit)(void *user, const weir_record *record), void *user)
{
    const sim_partition *log = sim_partition_find(cluster, partition);
    if (log == NULL) {
        return;
    }
    int64_t undecided = log->end_offset;
    for (size_t i = from == NULL ? 0 : sim_partition_seek(log, *from); i < log->count; i++) {
        const sim_entry *entry = &log->entries[i];
        bool open = entry->txn != NULL && entry->txn->state == SIM_TXN_OPEN;
        bool aborted = entry->txn != NULL && entry->txn->state == SIM_TXN_ABORTED;
        if (open && entry->offset < undecided) {
            undecided = entry->offset;
        }
        if (entry->memory != NULL && !open && !aborted) {
            weir_record record = entry->record;
            record.topic = partition.topic;
            record.partition = partition.partition;
            record.offset = entry->offset;
            visit(user, &record);
        }
    }
    if (from != NULL) {
        *from = undecided;
    }
}

/* Topics. */

static weir_status enter_admin(weir_broker *broker, weir_error *err)
{
    sim_process *process = sim_process_of(broker);
    WEIR_TRY(sim_enter(process, NULL, err));
    if (sim_happens(process->cluster, process->cluster->faults.admin_fails)) {
        return weir_error_set(err, WEIR_IO, "simulated: the broker did not answer");
    }
    return WEIR_OK;
}

static weir_topic_config filled_in(const weir_topic_config *config)
{
    weir_topic_config filled = *config;
    filled.name = weir_strdup(config->name);
    filled.partition_count = config->partition_count == 0 ? 1 : config->partition_count;
    filled.replication_factor = config->replication_factor == 0 ? 1 : config->replication_factor;
    filled.min_insync_replicas = config->min_insync_replicas == 0 ? 1 : config->min_insync_replicas;
    filled.cleanup_policy =
        config->cleanup_policy == 0 ? WEIR_CLEANUP_DELETE : config->cleanup_policy;
    filled.retention_ms =
        config->retention_ms == 0 ? INT64_C(7) * 24 * 3600 * 1000 : config->retention_ms;
    filled.retention_bytes = config->retention_bytes == 0 ? -1 : config->retention_bytes;
    filled.segment_bytes = config->segment_bytes == 0 ? 1 << 30 : config->segment_bytes;
    filled.segment_ms = config->segment_ms == 0 ? filled.retention_ms : config->segment_ms;
    filled.delete_retention_ms =
        config->delete_retention_ms == 0 ? 24 * 3600 * 1000 : config->delete_retention_ms;
    return filled;
}

static weir_status check_same(const sim_topic *topic, const weir_topic_config *config,
                              weir_error *err)
{
    weir_topic_config wanted = filled_in(config);
    free((char *)wanted.name);
    if (topic->config.partition_count != wanted.partition_count) {
        return weir_error_set(err, WEIR_INVALID,
                              "topic %s has %" PRId32 " partitions, not %" PRId32, config->name,
                              topic->config.partition_count, wanted.partition_count);
    }
    if (topic->config.cleanup_policy != wanted.cleanup_policy) {
        return weir_error_set(err, WEIR_INVALID,
                              "topic %s has clean-up policy %" PRIu32 ", not %" PRIu32,
                              config->name, topic->config.cleanup_policy, wanted.cleanup_policy);
    }
    return WEIR_OK;
}

static weir_status create_topic(sim_cluster *cluster, const weir_topic_config *config,
                                weir_error *err)
{
    const sim_topic *existing = sim_topic_find(cluster, config->name);
    if (existing != NULL) {
        return check_same(existing, config, err);
    }
    sim_topic *topic = weir_alloc(sizeof(*topic));
    topic->config = filled_in(config);
    topic->partitions =
        weir_alloc_array((size_t)topic->config.partition_count, sizeof(*topic->partitions));
    cluster->topics = weir_grow(cluster->topics, cluster->topic_count, &cluster->topic_capacity,
                                sizeof(sim_topic *));
    cluster->topics[cluster->topic_count++] = topic;
    return WEIR_OK;
}

static weir_status create_topics(weir_broker *broker, const weir_topic_config *configs,
                                 size_t count, weir_error *err)
{
    WEIR_TRY(enter_admin(broker, err));
    for (size_t i = 0; i < count; i++) {
        WEIR_TRY(create_topic(sim_process_of(broker)->cluster, &configs[i], err));
    }
    return WEIR_OK;
}

static weir_status describe_topics(weir_broker *broker, weir_topic_query *queries, size_t count,
                                   weir_error *err)
{
    WEIR_TRY(enter_admin(broker, err));
    for (size_t i = 0; i < count; i++) {
        const sim_topic *topic = sim_topic_find(sim_process_of(broker)->cluster, queries[i].topic);
        queries[i].status = topic == NULL ? WEIR_NOT_FOUND : WEIR_OK;
        if (topic != NULL) {
            queries[i].config = topic->config;
        }
    }
    return WEIR_OK;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp((*(sim_topic *const *)a)->config.name, (*(sim_topic *const *)b)->config.name);
}

static weir_status list_topics(weir_broker *broker,
                               weir_status (*visit)(void *user, const weir_topic_config *topic,
                                                    weir_error *err),
                               void *user, weir_error *err)
{
    WEIR_TRY(enter_admin(broker, err));
    sim_cluster *cluster = sim_process_of(broker)->cluster;
    WEIR_AUTO_FREE sim_topic **sorted = weir_alloc_array(cluster->topic_count, sizeof(sim_topic *));
    size_t count = 0;
    for (size_t i = 0; i < cluster->topic_count; i++) {
        if (!cluster->topics[i]->deleted) {
            sorted[count++] = cluster->topics[i];
        }
    }
    qsort(sorted, count, sizeof(sim_topic *), compare_names);
    for (size_t i = 0; i < count; i++) {
        WEIR_TRY(visit(user, &sorted[i]->config, err));
    }
    return WEIR_OK;
}

static weir_status delete_topic(weir_broker *broker, const char *name, weir_error *err)
{
    WEIR_TRY(enter_admin(broker, err));
    sim_topic *topic = sim_topic_find(sim_process_of(broker)->cluster, name);
    if (topic == NULL) {
        return WEIR_NOT_FOUND;
    }
    topic->deleted = true;
    for (int32_t p = 0; p < topic->config.partition_count; p++) {
        sim_cluster_forget_offsets(sim_process_of(broker)->cluster,
                                   (weir_topic_partition){name, p});
        sim_partition_cut(&topic->partitions[p], topic->partitions[p].end_offset);
    }
    return WEIR_OK;
}

/* The first record that readers may see at or after a time. */
static int64_t offset_at(const sim_partition *partition, int64_t timestamp_ms)
{
    for (size_t i = 0; i < partition->count; i++) {
        const sim_entry *entry = &partition->entries[i];
        if (entry->memory != NULL && entry->record.timestamp_ms >= timestamp_ms) {
            return entry->offset;
        }
    }
    return partition->end_offset;
}

static void answer(sim_cluster *cluster, weir_offset_query *query)
{
    const sim_partition *partition = sim_partition_find(cluster, query->partition);
    query->status = partition == NULL ? WEIR_NOT_FOUND : WEIR_OK;
    if (partition == NULL) {
        return;
    }
    switch (query->spec) {
    case WEIR_OFFSET_EARLIEST:
        query->offset = partition->start_offset;
        break;
    case WEIR_OFFSET_LATEST:
    case WEIR_OFFSET_WRITTEN: /* A transaction is there at once, and whole. */
        query->offset = partition->end_offset;
        break;
    case WEIR_OFFSET_AT_TIMESTAMP:
        query->offset = offset_at(partition, query->timestamp_ms);
        break;
    }
}

static weir_status offsets(weir_broker *broker, weir_offset_query *queries, size_t count,
                           weir_error *err)
{
    WEIR_TRY(enter_admin(broker, err));
    for (size_t i = 0; i < count; i++) {
        answer(sim_process_of(broker)->cluster, &queries[i]);
    }
    return WEIR_OK;
}

static weir_status delete_records(weir_broker *broker, weir_topic_partition place,
                                  int64_t before_offset, weir_error *err)
{
    WEIR_TRY(enter_admin(broker, err));
    sim_partition *partition = sim_partition_find(sim_process_of(broker)->cluster, place);
    if (partition == NULL) {
        return WEIR_NOT_FOUND;
    }
    if (before_offset > partition->end_offset) {
        return weir_error_set(err, WEIR_INVALID,
                              "%s[%" PRId32 "] ends at %" PRId64 ", before %" PRId64, place.topic,
                              place.partition, partition->end_offset, before_offset);
    }
    sim_partition_cut(partition, before_offset);
    return WEIR_OK;
}

/* Groups. */

/* Kafka's answer UNSTABLE_OFFSET_COMMIT: a transaction that is open has sent an offset for it. */
static bool is_unstable(const sim_cluster *cluster, const sim_group *group, const char *key)
{
    for (size_t i = 0; i < cluster->txn_count; i++) {
        const sim_txn *txn = cluster->txns[i];
        for (size_t o = 0; txn->state == SIM_TXN_OPEN && o < txn->offset_count; o++) {
            if (txn->offsets[o].group == group && strcmp(txn->offsets[o].key, key) == 0) {
                return true;
            }
        }
    }
    return false;
}

static void answer_committed(const sim_cluster *cluster, const sim_group *group,
                             weir_committed_query *query)
{
    WEIR_AUTO_FREE char *key = sim_offset_key(query->partition);
    if (cluster->faults.kafka_transactions && is_unstable(cluster, group, key)) {
        query->status = WEIR_AGAIN;
        return;
    }
    const sim_offset *found = sim_group_offset(group, key);
    query->status = found == NULL ? WEIR_NOT_FOUND : WEIR_OK;
    if (found != NULL) {
        query->offset = found->offset;
        weir_buf_set(&query->metadata, weir_buf_bytes(&found->metadata));
    }
}

static weir_status group_offsets(weir_broker *broker, const char *group_id,
                                 weir_committed_query *queries, size_t count, weir_error *err)
{
    WEIR_TRY(enter_admin(broker, err));
    sim_cluster *cluster = sim_process_of(broker)->cluster;
    for (size_t i = 0; i < count; i++) {
        answer_committed(cluster, sim_group_named(cluster, group_id), &queries[i]);
    }
    return WEIR_OK;
}

static weir_status alter_group_offset(weir_broker *broker, const char *group_id,
                                      const weir_group_offset *offset, weir_error *err)
{
    WEIR_TRY(enter_admin(broker, err));
    sim_cluster *cluster = sim_process_of(broker)->cluster;
    if (sim_partition_find(cluster, offset->partition) == NULL) {
        return WEIR_NOT_FOUND;
    }
    sim_group *group = sim_group_named(cluster, group_id);
    if (sim_group_member_count(group) > 0) {
        return weir_error_set(err, WEIR_INVALID, "group %s has members: stop them first", group_id);
    }
    WEIR_AUTO_FREE char *key = sim_offset_key(offset->partition);
    sim_group_set_offset(group, key, offset->offset, offset->metadata);
    return WEIR_OK;
}

static weir_status group_member_count(weir_broker *broker, const char *group, int32_t *out_count,
                                      weir_error *err)
{
    WEIR_TRY(enter_admin(broker, err));
    *out_count = sim_group_member_count(sim_group_named(sim_process_of(broker)->cluster, group));
    return WEIR_OK;
}

static weir_status check(weir_broker *broker, int32_t timeout_ms, weir_error *err)
{
    (void)timeout_ms;
    return enter_admin(broker, err);
}

static weir_status housekeep(weir_broker *broker, int64_t now_ms, bool *out_more, weir_error *err)
{
    WEIR_TRY(enter_admin(broker, err));
    sim_cluster *cluster = sim_process_of(broker)->cluster;
    sim_cluster_set_now(cluster, now_ms);
    for (size_t i = 0; i < cluster->topic_count; i++) {
        if (!cluster->topics[i]->deleted) {
            sim_topic_keep(cluster->topics[i], cluster->now_ms);
        }
    }
    *out_more = false;
    return WEIR_OK;
}

/* Processes. */

static void free_process(weir_broker *broker)
{
    sim_process *process = sim_process_of(broker);
    if (process->owns_cluster) {
        sim_cluster_free(process->cluster);
    }
    free(process);
}

static const weir_broker_ops OPS = {
    .create_topics = create_topics,
    .describe_topics = describe_topics,
    .list_topics = list_topics,
    .delete_topic = delete_topic,
    .offsets = offsets,
    .delete_records = delete_records,
    .group_offsets = group_offsets,
    .alter_group_offset = alter_group_offset,
    .group_member_count = group_member_count,
    .check = check,
    .housekeep = housekeep,
    .free = free_process,
    .consumer_new = sim_consumer_new,
    .producer_new = sim_producer_new,
    .member_join = sim_member_join,
};

weir_broker *sim_broker_connect(sim_cluster *cluster)
{
    sim_process *process = weir_alloc(sizeof(*process));
    process->base = (weir_broker){.ops = &OPS, .name = "simulated"};
    process->cluster = cluster;
    return &process->base;
}

weir_broker *sim_broker_new(uint64_t seed)
{
    weir_broker *broker = sim_broker_connect(sim_cluster_new(seed));
    sim_process_of(broker)->owns_cluster = true;
    return broker;
}

void sim_broker_kill(weir_broker *process)
{
    sim_process_of(process)->dead = true;
}

void sim_broker_kill_in(weir_broker *process, uint32_t calls)
{
    sim_process_of(process)->calls_until_death = calls;
}

bool sim_broker_is_dead(const weir_broker *process)
{
    return ((const sim_process *)process)->dead;
}

void sim_broker_forget_members(weir_broker *broker)
{
    sim_process *process = sim_process_of(broker);
    size_t position = 0;
    void *value = NULL;
    while (weir_map_next(process->cluster->groups, &position, NULL, &value)) {
        sim_group_forget(value, process);
    }
}

weir_buf sim_torn_key(const char *topic, weir_bytes key)
{
    weir_buf torn = {0};
    weir_buf_append_format(&torn, "%s/", topic);
    weir_buf_append(&torn, key.data, key.size);
    return torn;
}

bool sim_cluster_is_torn(const sim_cluster *cluster, const char *topic, weir_bytes key)
{
    WEIR_AUTO(weir_buf) torn = sim_torn_key(topic, key);
    return weir_map_get(cluster->torn, weir_buf_bytes(&torn)) != NULL;
}
