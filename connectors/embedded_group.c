/* SPDX-License-Identifier: Apache-2.0
 *
 * embedded_group.c - consumer groups: who has which partition, and who may commit.
 *
 *           owner is told                  target is another
 *   given ----------------> owned ----------------> asked ----------> leaving ---------> given
 *     ^                                             (owner is told)    (owner releases)   to the
 *     +------ owner gone: lost, given to the target at once <----------------+            target
 *
 * Every partition has an owner and a target; a rebalance only moves targets, as few as balance
 * asks for (cooperative and sticky), and a partition follows its target when its owner lets go of
 * it. So nobody gets a partition before the one who had it has committed, unless that one's session
 * has ended: then it is fenced until it joins anew.
 *
 * Members are polled by now_ms, so that a test decides when a session ends. All is guarded by
 * groups_lock; a commit checks its member and writes to the journal under it.
 */
#include "connectors/broker_embedded_internal.h"

#include "streams/base/clock.h"
#include "streams/base/serde.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

typedef struct embedded_member embedded_member;

typedef enum share_state { GIVEN, OWNED, ASKED, LEAVING } share_state;

/* One partition of the topic that the group shares out. */
typedef struct group_share {
    embedded_member *owner;
    embedded_member *target;
    share_state state;   /* Counts while there is an owner. */
    char *last_instance; /* Who had it last, by instance id. */
} group_share;

typedef struct consumer_group {
    char *name;
    weir_embedded_topic *topic;
    int32_t generation;
    group_share *shares;
    int32_t share_count;
    embedded_member **members; /* In the order of joining. */
    size_t member_count;
    size_t member_capacity;
} consumer_group;

struct embedded_member {
    weir_member base;
    weir_embedded *embedded;
    consumer_group *group;
    const weir_embedded_topic *topic; /* What the group shared out when it came. */
    char *instance_id;
    int64_t session_timeout_ms;
    int64_t polled_ms; /* -1: never. */
    bool joined;
    bool replaced;       /* Another member has its instance_id: it never joins again. */
    bool loss_untold;    /* The partitions below are lost, and it does not know. */
    int32_t *partitions; /* Of the last event. */
    size_t partition_count;
    int32_t *lost;
    size_t lost_count;
    int32_t generation;
    int32_t told_generation; /* That of its last event. */
    int32_t quota;           /* Scratch of a rebalance. */
    int32_t held;
    int wake_fd;
};

static embedded_member *member_of(weir_member *member)
{
    return (embedded_member *)(void *)member;
}

static const embedded_member *const_member_of(const weir_member *member)
{
    return (const embedded_member *)(const void *)member;
}

static void signal_member(const embedded_member *member)
{
    uint64_t one = 1;
    (void)!write(member->wake_fd, &one, sizeof one); /* Full means signalled already. */
}

static bool same_text(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* The members with most partitions keep one more, where they don't come out even. */
static void set_quotas(consumer_group *group)
{
    int32_t count = (int32_t)group->member_count;
    int32_t extra = group->share_count % count;
    for (int32_t i = 0; i < count; i++) {
        embedded_member *member = group->members[i];
        int32_t rank = 0;
        for (int32_t j = 0; j < count; j++) {
            const embedded_member *other = group->members[j];
            rank += other->held > member->held || (other->held == member->held && j < i);
        }
        member->quota = group->share_count / count + (rank < extra);
    }
}

static embedded_member *member_with_room(const consumer_group *group, const char *instance_id)
{
    embedded_member *best = NULL;
    for (size_t i = 0; i < group->member_count; i++) {
        embedded_member *member = group->members[i];
        bool fits = instance_id == NULL || same_text(member->instance_id, instance_id);
        if (fits && member->held < member->quota && (best == NULL || member->held < best->held)) {
            best = member;
        }
    }
    return best;
}

static void set_target(group_share *share, embedded_member *target)
{
    if (share->target != NULL) {
        share->target->held--;
    }
    if (target != NULL) {
        target->held++;
    }
    share->target = target;
}

/* Takes partitions from members over their quota: first those that another one had before. */
static void take_surplus(consumer_group *group)
{
    for (int32_t i = 0; i < group->share_count; i++) {
        group_share *share = &group->shares[i];
        if (share->target != NULL && share->target->held > share->target->quota &&
            !same_text(share->target->instance_id, share->last_instance) &&
            share->last_instance != NULL && member_with_room(group, share->last_instance)) {
            set_target(share, member_with_room(group, share->last_instance));
        }
    }
    for (int32_t i = group->share_count - 1; i >= 0; i--) {
        group_share *share = &group->shares[i];
        if (share->target != NULL && share->target->held > share->target->quota) {
            set_target(share, NULL);
        }
    }
}

static void give_free_shares(consumer_group *group)
{
    for (int32_t i = 0; i < group->share_count; i++) {
        group_share *share = &group->shares[i];
        if (share->target == NULL && share->last_instance != NULL) {
            set_target(share, member_with_room(group, share->last_instance));
        }
    }
    for (int32_t i = 0; i < group->share_count; i++) {
        group_share *share = &group->shares[i];
        if (share->target == NULL) {
            set_target(share, member_with_room(group, NULL));
        }
        WEIR_ASSERT(share->target != NULL);
    }
}

/* Moves a partition towards its target as far as its owner need not agree. */
static void advance(group_share *share)
{
    if (share->owner == NULL || (share->owner != share->target && share->state == GIVEN)) {
        share->owner = share->target;
        share->state = GIVEN;
    } else if (share->owner != share->target && share->state == OWNED) {
        share->state = ASKED;
    } else if (share->owner == share->target && share->state == ASKED) {
        share->state = OWNED;
    }
}

static void begin_generation(consumer_group *group)
{
    group->generation++;
    for (size_t i = 0; i < group->member_count; i++) {
        signal_member(group->members[i]);
    }
}

static void rebalance(consumer_group *group)
{
    begin_generation(group);
    if (group->member_count == 0) {
        return;
    }
    set_quotas(group);
    take_surplus(group);
    give_free_shares(group);
    for (int32_t i = 0; i < group->share_count; i++) {
        advance(&group->shares[i]);
    }
}

static void join(consumer_group *group, embedded_member *member)
{
    WEIR_ASSERT(!member->joined);
    group->members = weir_grow(group->members, group->member_count, &group->member_capacity,
                               sizeof(embedded_member *));
    group->members[group->member_count++] = member;
    member->joined = true;
    member->held = 0;
    rebalance(group);
    member->generation = group->generation;
}

/* Takes the member out of the group. What it knows to own becomes member->lost. */
static void leave(consumer_group *group, embedded_member *member)
{
    WEIR_ASSERT(member->joined);
    member->lost_count = 0;
    for (int32_t i = 0; i < group->share_count; i++) {
        group_share *share = &group->shares[i];
        if (share->owner == member) {
            if (share->state != GIVEN) {
                member->lost[member->lost_count++] = i;
            }
            share->owner = NULL;
        }
        if (share->target == member) {
            set_target(share, NULL);
        }
    }
    for (size_t i = 0; i < group->member_count; i++) {
        if (group->members[i] == member) {
            memmove(&group->members[i], &group->members[i + 1],
                    (group->member_count - i - 1) * sizeof(embedded_member *));
            break;
        }
    }
    group->member_count--;
    member->joined = false;
}

/* Ends the membership of those whose session is over at now_ms. */
static void expire_others(consumer_group *group, const embedded_member *self, int64_t now_ms)
{
    for (size_t i = 0; i < group->member_count;) {
        embedded_member *member = group->members[i];
        if (member->polled_ms < 0) {
            member->polled_ms = now_ms; /* Its session begins when somebody looks at a clock. */
        }
        if (member == self || now_ms - member->polled_ms <= member->session_timeout_ms) {
            i++;
            continue;
        }
        leave(group, member);
        member->loss_untold = member->lost_count > 0;
        rebalance(group);
        signal_member(member);
    }
}

/* Lists the partitions of member in one state, and moves them to another. */
static bool take_event(embedded_member *member, share_state from, share_state to)
{
    const consumer_group *group = member->group;
    member->partition_count = 0;
    for (int32_t i = 0; i < group->share_count; i++) {
        group_share *share = &group->shares[i];
        if (share->owner == member && share->state == from) {
            share->state = to;
            member->partitions[member->partition_count++] = i;
            if (to == OWNED) {
                free(share->last_instance);
                share->last_instance = weir_strdup(member->instance_id);
            }
        }
    }
    return member->partition_count > 0;
}

static bool is_leaving_some(const embedded_member *member)
{
    for (int32_t i = 0; i < member->group->share_count; i++) {
        if (member->group->shares[i].owner == member && member->group->shares[i].state == LEAVING) {
            return true;
        }
    }
    return false;
}

static void fill_event(const embedded_member *member, weir_member_event_kind kind,
                       weir_member_event *out_event)
{
    *out_event = (weir_member_event){
        .kind = kind, .partitions = member->partitions, .count = member->partition_count};
}

static weir_status tell_loss(embedded_member *member, weir_member_event *out_event)
{
    member->loss_untold = false;
    member->partition_count = member->lost_count;
    memcpy(member->partitions, member->lost, member->lost_count * sizeof *member->lost);
    fill_event(member, WEIR_MEMBER_LOST, out_event);
    return WEIR_OK;
}

static weir_status next_event(embedded_member *member, int64_t now_ms, weir_member_event *out_event,
                              weir_error *err)
{
    member->polled_ms = now_ms;
    expire_others(member->group, member, now_ms);
    if (member->loss_untold) {
        return tell_loss(member, out_event);
    }
    if (member->replaced) {
        return weir_error_set(err, WEIR_FENCED, "group %s: another member is %s now",
                              member->group->name, member->instance_id);
    }
    if (!member->joined && member->group->topic != member->topic) {
        return weir_error_set(err, WEIR_FENCED, "group %s shares out another topic now",
                              member->group->name);
    }
    if (!member->joined) {
        join(member->group, member);
    }
    member->generation = member->group->generation;
    if (is_leaving_some(member)) {
        return WEIR_AGAIN;
    }
    bool is_new = member->told_generation != member->generation;
    if (take_event(member, ASKED, LEAVING)) {
        fill_event(member, WEIR_MEMBER_REVOKED, out_event);
    } else if (take_event(member, GIVEN, OWNED) || is_new) {
        fill_event(member, WEIR_MEMBER_ASSIGNED, out_event);
    } else {
        return WEIR_AGAIN;
    }
    member->told_generation = member->generation;
    return WEIR_OK;
}

/* Waits for a signal; false when deadline_ns is over. */
static bool wait_for_signal(const embedded_member *member, uint64_t deadline_ns)
{
    uint64_t now_ns = weir_clock_monotonic_ns();
    if (now_ns >= deadline_ns) {
        return false;
    }
    struct pollfd fd = {.fd = member->wake_fd, .events = POLLIN};
    (void)poll(&fd, 1, (int)((deadline_ns - now_ns) / WEIR_NS_PER_MS + 1)); /* EINTR: again. */
    return true;
}

static weir_status member_poll(weir_member *base, int64_t now_ms, int32_t timeout_ms,
                               weir_member_event *out_event, weir_error *err)
{
    embedded_member *member = member_of(base);
    uint64_t deadline_ns = weir_clock_monotonic_ns() + (uint64_t)timeout_ms * WEIR_NS_PER_MS;
    for (;;) {
        uint64_t signals = 0;
        (void)!read(member->wake_fd, &signals, sizeof signals); /* Empty is fine. */
        weir_embedded_lock(&member->embedded->groups_lock);
        weir_status status = next_event(member, now_ms, out_event, err);
        weir_embedded_unlock(&member->embedded->groups_lock);
        if (status != WEIR_AGAIN || timeout_ms == 0 || !wait_for_signal(member, deadline_ns)) {
            return status;
        }
    }
}

/* As with Kafka, a release makes a generation. */
static weir_status member_release(weir_member *base, weir_error *err)
{
    (void)err;
    embedded_member *member = member_of(base);
    consumer_group *group = member->group;
    weir_embedded_lock(&member->embedded->groups_lock);
    bool released = false;
    for (int32_t i = 0; i < group->share_count; i++) {
        group_share *share = &group->shares[i];
        if (share->owner == member && share->state == LEAVING) {
            share->owner = share->target;
            share->state = GIVEN;
            released = true;
        }
    }
    if (released) {
        begin_generation(group);
    }
    weir_embedded_unlock(&member->embedded->groups_lock);
    return WEIR_OK;
}

weir_status weir_embedded_member_check(const weir_member *base, weir_error *err)
{
    const embedded_member *member = const_member_of(base);
    return member->joined ? WEIR_OK
                          : weir_error_set(err, WEIR_FENCED, "group %s no longer has this member",
                                           member->group->name);
}

weir_status weir_embedded_member_check_generation(const weir_member *base, int32_t generation,
                                                  weir_error *err)
{
    WEIR_TRY(weir_embedded_member_check(base, err));
    return const_member_of(base)->generation == generation ? WEIR_OK : WEIR_AGAIN;
}

static weir_status put_offset(weir_embedded *embedded, const char *group,
                              const weir_group_offset *offset, weir_journal_change *change,
                              weir_error *err)
{
    weir_embedded_topic *topic = NULL;
    weir_partition *partition = NULL;
    if (weir_embedded_partition_get(embedded, offset->partition, &topic, &partition) != WEIR_OK) {
        return weir_error_set(err, WEIR_INVALID, "offset for %s[%" PRId32 "], which does not exist",
                              offset->partition.topic, offset->partition.partition);
    }
    WEIR_AUTO(weir_buf) key = {0};
    WEIR_AUTO(weir_buf) value = {0};
    weir_buf_append_i64_be(&value, offset->offset);
    weir_buf_append(&value, offset->metadata.data, offset->metadata.size);
    weir_journal_change_put(change,
                            weir_journal_key_of_partition(&key, WEIR_JOURNAL_OFFSET, topic->id,
                                                          partition->number, group),
                            weir_buf_bytes(&value));
    return WEIR_OK;
}

weir_status weir_embedded_member_put_offsets(const weir_member *base,
                                             const weir_group_offset *offsets, size_t count,
                                             weir_journal_change *change, weir_error *err)
{
    const embedded_member *member = const_member_of(base);
    for (size_t i = 0; i < count; i++) {
        WEIR_TRY(put_offset(member->embedded, member->group->name, &offsets[i], change, err));
    }
    return WEIR_OK;
}

static weir_status member_commit(weir_member *base, int32_t generation,
                                 const weir_group_offset *offsets, size_t count, weir_error *err)
{
    if (count == 0) {
        return WEIR_OK;
    }
    weir_embedded *embedded = member_of(base)->embedded;
    weir_journal_change change = {0};
    weir_status status = weir_embedded_member_put_offsets(base, offsets, count, &change, err);
    if (status == WEIR_OK) {
        weir_embedded_lock(&embedded->groups_lock);
        status = weir_embedded_member_check_generation(base, generation, err);
        if (status == WEIR_OK) {
            status = weir_journal_apply(embedded->journal, &change, NULL, err);
        }
        weir_embedded_unlock(&embedded->groups_lock);
    }
    weir_journal_change_cleanup(&change);
    return status;
}

static int32_t member_generation(const weir_member *base)
{
    const embedded_member *member = const_member_of(base);
    weir_embedded_lock(&member->embedded->groups_lock);
    int32_t generation = member->generation;
    weir_embedded_unlock(&member->embedded->groups_lock);
    return generation;
}

static void member_free(weir_member *base)
{
    embedded_member *member = member_of(base);
    weir_embedded *embedded = member->embedded;
    weir_embedded_lock(&embedded->groups_lock);
    if (member->joined) {
        leave(member->group, member);
        rebalance(member->group);
    }
    weir_embedded_unlock(&embedded->groups_lock);
    (void)close(member->wake_fd); /* It holds no data. */
    free(member->instance_id);
    free(member->partitions);
    free(member->lost);
    free(member);
}

static const weir_member_ops member_ops = {
    .poll = member_poll,
    .release = member_release,
    .commit = member_commit,
    .generation = member_generation,
    .free = member_free,
};

static void free_shares(consumer_group *group)
{
    for (int32_t i = 0; i < group->share_count; i++) {
        free(group->shares[i].last_instance);
    }
    free(group->shares);
    group->shares = NULL;
    group->share_count = 0;
}

/* The group of a name, made where it is new; WEIR_INVALID where it shares out another topic. */
static weir_status find_group(weir_embedded *embedded, const weir_member_options *options,
                              weir_embedded_topic *topic, consumer_group **out_group,
                              weir_error *err)
{
    weir_bytes name = weir_bytes_of_text(options->group_id);
    consumer_group *found = weir_map_get(embedded->groups, name);
    if (found == NULL) {
        found = weir_alloc(sizeof *found);
        found->name = weir_strdup(options->group_id);
        (void)weir_map_put(embedded->groups, name, found);
    }
    if (found->topic != topic) {
        if (found->member_count > 0) {
            return weir_error_set(err, WEIR_INVALID, "group %s shares out %s, not %s",
                                  options->group_id, found->topic->name, options->topic);
        }
        free_shares(found);
        found->topic = topic;
        found->share_count = topic->config.partition_count;
        found->shares = weir_alloc_array((size_t)found->share_count, sizeof *found->shares);
    }
    *out_group = found;
    return WEIR_OK;
}

/* A static member that comes back takes the place of its former self, which is fenced. */
static void replace_instance(consumer_group *group, const embedded_member *newcomer)
{
    for (size_t i = 0; i < group->member_count; i++) {
        embedded_member *member = group->members[i];
        if (same_text(member->instance_id, newcomer->instance_id)) {
            leave(group, member);
            member->replaced = true;
            member->loss_untold = member->lost_count > 0;
            signal_member(member);
            return;
        }
    }
}

weir_status weir_embedded_member_join(weir_broker *broker, const weir_member_options *options,
                                      weir_member **out_member, weir_error *err)
{
    weir_embedded *embedded = weir_embedded_of(broker);
    weir_embedded_topic *topic = weir_embedded_topic_get(embedded, options->topic);
    if (topic == NULL) {
        return weir_error_set(err, WEIR_INVALID, "group %s: there is no topic %s",
                              options->group_id, options->topic);
    }
    int wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_fd < 0) {
        return weir_error_set(err, WEIR_IO, "eventfd: %s", strerror(errno));
    }
    size_t count = (size_t)topic->config.partition_count;
    embedded_member *member = weir_alloc(sizeof *member);
    *member = (embedded_member){.base = {.ops = &member_ops},
                                .embedded = embedded,
                                .topic = topic,
                                .instance_id = weir_strdup(options->instance_id),
                                .session_timeout_ms = options->session_timeout_ms,
                                .polled_ms = -1,
                                .partitions = weir_alloc_array(count, sizeof(int32_t)),
                                .lost = weir_alloc_array(count, sizeof(int32_t)),
                                .wake_fd = wake_fd};
    weir_embedded_lock(&embedded->groups_lock);
    weir_status status = find_group(embedded, options, topic, &member->group, err);
    if (status == WEIR_OK) {
        replace_instance(member->group, member);
        join(member->group, member);
    }
    weir_embedded_unlock(&embedded->groups_lock);
    if (status != WEIR_OK) {
        member_free(&member->base);
        return status;
    }
    *out_member = &member->base;
    return WEIR_OK;
}

void weir_embedded_groups_free(weir_embedded *embedded)
{
    void *value = NULL;
    for (size_t at = 0; weir_map_next(embedded->groups, &at, NULL, &value);) {
        consumer_group *group = value;
        WEIR_ASSERT(group->member_count == 0);
        free_shares(group);
        free(group->members);
        free(group->name);
        free(group);
    }
    weir_map_free(embedded->groups);
}

static size_t count_members(weir_embedded *embedded, const char *name)
{
    const consumer_group *found = weir_map_get(embedded->groups, weir_bytes_of_text(name));
    return found == NULL ? 0 : found->member_count;
}

weir_status weir_embedded_group_member_count(weir_broker *broker, const char *group,
                                             int32_t *out_count, weir_error *err)
{
    (void)err;
    weir_embedded *embedded = weir_embedded_of(broker);
    weir_embedded_lock(&embedded->groups_lock);
    *out_count = (int32_t)count_members(embedded, group);
    weir_embedded_unlock(&embedded->groups_lock);
    return WEIR_OK;
}

static weir_status answer(weir_embedded *embedded, const char *group, weir_committed_query *query,
                          weir_error *err)
{
    weir_embedded_topic *topic = NULL;
    weir_partition *partition = NULL;
    query->status = weir_embedded_partition_get(embedded, query->partition, &topic, &partition);
    if (query->status != WEIR_OK) {
        return WEIR_OK;
    }
    WEIR_AUTO(weir_buf) key = {0};
    WEIR_AUTO(weir_buf) value = {0};
    if (!weir_journal_get(embedded->journal,
                          weir_journal_key_of_partition(&key, WEIR_JOURNAL_OFFSET, topic->id,
                                                        partition->number, group),
                          &value)) {
        query->status = WEIR_NOT_FOUND;
        return WEIR_OK;
    }
    weir_reader reader = weir_reader_of(weir_buf_bytes(&value));
    query->offset = weir_read_i64_be(&reader);
    if (reader.failed) {
        return weir_error_set(err, WEIR_CORRUPT, "group %s: damaged offset", group);
    }
    weir_buf_set(&query->metadata, reader.left);
    return WEIR_OK;
}

weir_status weir_embedded_group_offsets(weir_broker *broker, const char *group,
                                        weir_committed_query *queries, size_t count,
                                        weir_error *err)
{
    for (size_t i = 0; i < count; i++) {
        WEIR_TRY(answer(weir_embedded_of(broker), group, &queries[i], err));
    }
    return WEIR_OK;
}

weir_status weir_embedded_alter_group_offset(weir_broker *broker, const char *group,
                                             const weir_group_offset *offset, weir_error *err)
{
    weir_embedded *embedded = weir_embedded_of(broker);
    weir_journal_change change = {0};
    weir_status status = put_offset(embedded, group, offset, &change, err);
    if (status == WEIR_OK) {
        weir_embedded_lock(&embedded->groups_lock);
        size_t members = count_members(embedded, group);
        status = members == 0
                     ? weir_journal_apply(embedded->journal, &change, NULL, err)
                     : weir_error_set(err, WEIR_INVALID,
                                      "group %s has %zu members: stop them first", group, members);
        weir_embedded_unlock(&embedded->groups_lock);
    }
    weir_journal_change_cleanup(&change);
    return status;
}
