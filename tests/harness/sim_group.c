/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_group.c - groups of the simulated broker: cooperative, sticky, with generations.
 *
 *   join, leave, expiry ─▶ new targets, generation + 1
 *   owner polls ─▶ REVOKED ─▶ release (generation + 1) ─▶ the target polls ─▶ ASSIGNED
 *
 * A partition has one owner in the eyes of the group; a member that the group forgot goes on with
 * what it has until it polls (LOST) or commits (FENCED). It joins anew with the poll after.
 */
#include "tests/harness/sim_broker_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct sim_member {
    weir_member base;
    sim_process *process; /* NULL: its process died, and the group does not know yet. */
    sim_group *group;
    char *instance_id;
    bool known;    /* The group counts it in. */
    bool replaced; /* A static member with its name has taken its place. */
    bool revoking; /* It was told of a revocation and has not released yet. */
    bool *has;     /* By partition: what it was told that it has. */
    bool *revoked; /* By partition: what it was told to let go of. */
    int32_t *event_partitions;
    int32_t generation;
    int32_t told_generation; /* That of its last event. */
    int32_t session_timeout_ms;
    int64_t last_poll_ms;
} sim_member;

struct sim_group {
    char *id;
    char *topic; /* NULL until somebody joins. */
    int32_t partition_count;
    int32_t generation;
    sim_member **members; /* The known ones, by age. */
    size_t member_count;
    size_t member_capacity;
    sim_member **owners;  /* By partition; NULL: nobody. */
    sim_member **targets; /* Who shall have it. */
    weir_map *offsets;    /* key -> sim_offset */
};

char *sim_offset_key(weir_topic_partition partition)
{
    return weir_format("%s-%" PRId32, partition.topic, partition.partition);
}

sim_group *sim_group_named(sim_cluster *cluster, const char *id)
{
    sim_group *group = weir_map_get(cluster->groups, weir_bytes_of_text(id));
    if (group == NULL) {
        group = weir_alloc(sizeof(*group));
        group->id = weir_strdup(id);
        group->offsets = weir_map_new();
        (void)weir_map_put(cluster->groups, weir_bytes_of_text(id), group);
    }
    return group;
}

static void destroy(sim_member *member)
{
    free(member->has);
    free(member->revoked);
    free(member->event_partitions);
    free(member->instance_id);
    free(member);
}

void sim_group_free(sim_group *group)
{
    for (size_t i = 0; i < group->member_count; i++) {
        WEIR_ASSERT(group->members[i]->process == NULL); /* The others were freed before. */
        destroy(group->members[i]);
    }
    size_t position = 0;
    void *value = NULL;
    while (weir_map_next(group->offsets, &position, NULL, &value)) {
        weir_buf_cleanup(&((sim_offset *)value)->metadata);
        free(value);
    }
    weir_map_free(group->offsets);
    free(group->members);
    free(group->owners);
    free(group->targets);
    free(group->topic);
    free(group->id);
    free(group);
}

int32_t sim_group_member_count(const sim_group *group)
{
    return (int32_t)group->member_count;
}

void sim_group_set_offset(sim_group *group, const char *key, int64_t offset, weir_bytes metadata)
{
    sim_offset *found = weir_map_get(group->offsets, weir_bytes_of_text(key));
    if (found == NULL) {
        found = weir_alloc(sizeof(*found));
        (void)weir_map_put(group->offsets, weir_bytes_of_text(key), found);
    }
    found->offset = offset;
    weir_buf_set(&found->metadata, metadata);
}

void sim_cluster_forget_offsets(sim_cluster *cluster, weir_topic_partition partition)
{
    WEIR_AUTO_FREE char *key = sim_offset_key(partition);
    size_t position = 0;
    void *value = NULL;
    while (weir_map_next(cluster->groups, &position, NULL, &value)) {
        sim_offset *found = weir_map_remove(((sim_group *)value)->offsets, weir_bytes_of_text(key));
        if (found != NULL) {
            weir_buf_cleanup(&found->metadata);
            free(found);
        }
    }
}

const sim_offset *sim_group_offset(const sim_group *group, const char *key)
{
    return weir_map_get(group->offsets, weir_bytes_of_text(key));
}

/* Who gets what. */

static int32_t target_count(const sim_group *group, const sim_member *member)
{
    int32_t count = 0;
    for (int32_t p = 0; p < group->partition_count; p++) {
        count += group->targets[p] == member ? 1 : 0;
    }
    return count;
}

static sim_member *member_with_least(const sim_group *group)
{
    sim_member *least = NULL;
    for (size_t i = 0; i < group->member_count; i++) {
        if (least == NULL || target_count(group, group->members[i]) < target_count(group, least)) {
            least = group->members[i];
        }
    }
    return least;
}

/* Moves single partitions from members that have two more than another. */
static void level(sim_group *group)
{
    for (int32_t p = 0; p < group->partition_count; p++) {
        sim_member *least = member_with_least(group);
        if (target_count(group, group->targets[p]) > target_count(group, least) + 1) {
            group->targets[p] = least;
        }
    }
}

static void rebalance(sim_group *group)
{
    group->generation++;
    if (group->member_count == 0) {
        return;
    }
    for (int32_t p = 0; p < group->partition_count; p++) {
        if (group->targets[p] == NULL) {
            group->targets[p] = member_with_least(group);
        }
    }
    level(group);
}

static void remove_member(sim_group *group, sim_member *member)
{
    member->known = false;
    size_t kept = 0;
    for (size_t i = 0; i < group->member_count; i++) {
        if (group->members[i] != member) {
            group->members[kept++] = group->members[i];
        }
    }
    group->member_count = kept;
    for (int32_t p = 0; p < group->partition_count; p++) {
        group->owners[p] = group->owners[p] == member ? NULL : group->owners[p];
        group->targets[p] = group->targets[p] == member ? NULL : group->targets[p];
    }
    rebalance(group);
    if (member->process == NULL) {
        destroy(member);
    }
}

static void add_member(sim_group *group, sim_member *member)
{
    group->members = weir_grow(group->members, group->member_count, &group->member_capacity,
                               sizeof(sim_member *));
    group->members[group->member_count++] = member;
    member->known = true;
    rebalance(group);
}

void sim_group_expire(sim_group *group, int64_t now_ms)
{
    for (size_t i = 0; i < group->member_count;) {
        sim_member *member = group->members[i];
        if (now_ms - member->last_poll_ms > member->session_timeout_ms) {
            remove_member(group, member);
        } else {
            i++;
        }
    }
}

void sim_group_forget(sim_group *group, const sim_process *process)
{
    for (size_t i = 0; i < group->member_count;) {
        sim_member *member = group->members[i];
        if (member->process == process) {
            remove_member(group, member);
        } else {
            i++;
        }
    }
}

void sim_group_shuffle(sim_group *group, weir_random *random)
{
    if (group->member_count < 2) {
        return;
    }
    uint64_t partition = weir_random_below(random, (uint64_t)group->partition_count);
    group->targets[partition] = group->members[weir_random_below(random, group->member_count)];
    group->generation++;
}

/* Members. */

static sim_member *self_of(weir_member *member)
{
    return (sim_member *)member;
}

static weir_status tell(sim_member *self, weir_member_event_kind kind, size_t count,
                        weir_member_event *out_event)
{
    self->told_generation = self->generation;
    *out_event = (weir_member_event){kind, self->event_partitions, count};
    return WEIR_OK;
}

/* Drops all that the member thinks it has; how many that is. */
static size_t lose_all(sim_member *self)
{
    size_t count = 0;
    for (int32_t p = 0; p < self->group->partition_count; p++) {
        self->revoked[p] = false;
        if (self->has[p]) {
            self->has[p] = false;
            self->event_partitions[count++] = p;
        }
    }
    self->revoking = false;
    return count;
}

static size_t collect_revoked(sim_member *self)
{
    sim_group *group = self->group;
    size_t count = 0;
    for (int32_t p = 0; p < group->partition_count; p++) {
        if (group->owners[p] != self || group->targets[p] == self) {
            continue;
        }
        if (self->has[p]) {
            self->revoked[p] = true;
            self->event_partitions[count++] = p;
        } else {
            group->owners[p] = NULL; /* It was never told that it had it. */
        }
    }
    return count;
}

static size_t collect_assigned(sim_member *self)
{
    sim_group *group = self->group;
    size_t count = 0;
    for (int32_t p = 0; p < group->partition_count; p++) {
        bool is_free = group->owners[p] == NULL || group->owners[p] == self;
        if (group->targets[p] == self && is_free && !self->has[p]) {
            group->owners[p] = self;
            self->has[p] = true;
            self->event_partitions[count++] = p;
        }
    }
    return count;
}

static weir_status member_poll(weir_member *member, int64_t now_ms, int32_t timeout_ms,
                               weir_member_event *out_event, weir_error *err)
{
    (void)timeout_ms; /* Nothing happens while it waits. */
    sim_member *self = self_of(member);
    WEIR_TRY(sim_enter(self->process, NULL, err));
    if (self->known) {
        self->last_poll_ms = now_ms > self->last_poll_ms ? now_ms : self->last_poll_ms;
    }
    sim_cluster_set_now(self->process->cluster, now_ms);
    if (!self->known) {
        size_t lost = lose_all(self);
        if (lost > 0) {
            return tell(self, WEIR_MEMBER_LOST, lost, out_event);
        }
        if (self->replaced) {
            return weir_error_set(err, WEIR_FENCED, "group %s: another member is %s now",
                                  self->group->id, self->instance_id);
        }
        self->last_poll_ms = self->process->cluster->now_ms;
        add_member(self->group, self);
    }
    self->generation = self->group->generation;
    if (self->revoking) {
        return WEIR_AGAIN;
    }
    size_t count = collect_revoked(self);
    if (count > 0) {
        self->revoking = true;
        return tell(self, WEIR_MEMBER_REVOKED, count, out_event);
    }
    count = collect_assigned(self);
    if (count == 0 && self->told_generation == self->generation) {
        return WEIR_AGAIN;
    }
    return tell(self, WEIR_MEMBER_ASSIGNED, count, out_event);
}

static weir_status member_release(weir_member *member, weir_error *err)
{
    sim_member *self = self_of(member);
    WEIR_TRY(sim_enter(self->process, NULL, err));
    if (!self->known || !self->revoking) {
        return WEIR_OK;
    }
    self->revoking = false;
    bool released = false;
    for (int32_t p = 0; p < self->group->partition_count; p++) {
        if (self->revoked[p]) {
            self->revoked[p] = false;
            self->has[p] = false;
            self->group->owners[p] = NULL;
            released = true;
        }
    }
    if (released) {
        rebalance(self->group);
        self->generation = self->group->generation;
    }
    return WEIR_OK;
}

bool sim_member_is_known(const weir_member *member)
{
    return ((const sim_member *)member)->known;
}

weir_status sim_member_check(weir_member *member, sim_group **out_group, weir_error *err)
{
    sim_member *self = self_of(member);
    *out_group = self->group;
    if (!self->known) {
        return weir_error_set(err, WEIR_FENCED, "group %s does not know this member any more",
                              self->group->id);
    }
    if (self->generation != self->group->generation) {
        return WEIR_AGAIN;
    }
    return WEIR_OK;
}

static weir_status member_commit(weir_member *member, int32_t generation,
                                 const weir_group_offset *offsets, size_t count, weir_error *err)
{
    sim_member *self = self_of(member);
    sim_cluster *cluster = self->process->cluster;
    bool die = false;
    sim_group *group = NULL;
    WEIR_TRY(sim_enter(self->process, &die, err));
    WEIR_TRY(sim_member_check(member, &group, err));
    if (self->generation != generation || sim_happens(cluster, cluster->faults.rebalance_refused)) {
        return WEIR_AGAIN;
    }
    if (sim_happens(cluster, cluster->faults.offsets_fail)) {
        return weir_error_set(err, WEIR_IO, "simulated: the commit of offsets was lost");
    }
    for (size_t i = 0; i < count; i++) {
        WEIR_AUTO_FREE char *key = sim_offset_key(offsets[i].partition);
        sim_group_set_offset(group, key, offsets[i].offset, offsets[i].metadata);
    }
    if (die) {
        return sim_die(self->process, err);
    }
    if (sim_happens(cluster, cluster->faults.offsets_unknown)) {
        return weir_error_set(err, WEIR_IO, "simulated: the answer to a commit was lost");
    }
    return WEIR_OK;
}

static int32_t member_generation(const weir_member *member)
{
    return ((const sim_member *)member)->generation;
}

static void member_free(weir_member *member)
{
    sim_member *self = self_of(member);
    if (self->known && self->process->dead) {
        self->process = NULL; /* It said no goodbye: the group waits for it until it times out. */
        return;
    }
    if (self->known) {
        remove_member(self->group, self);
    }
    destroy(self);
}

static const weir_member_ops MEMBER_OPS = {
    .poll = member_poll,
    .release = member_release,
    .commit = member_commit,
    .generation = member_generation,
    .free = member_free,
};

static weir_status check_join(sim_group *group, sim_cluster *cluster,
                              const weir_member_options *options, weir_error *err)
{
    const sim_topic *topic = sim_topic_find(cluster, options->topic);
    if (topic == NULL) {
        return weir_error_set(err, WEIR_INVALID, "group %s: there is no topic %s: create it first",
                              options->group_id, options->topic);
    }
    if (group->member_count > 0 && strcmp(group->topic, options->topic) != 0) {
        return weir_error_set(err, WEIR_INVALID, "group %s shares out %s, not %s",
                              options->group_id, group->topic, options->topic);
    }
    if (group->topic == NULL || strcmp(group->topic, options->topic) != 0) {
        free(group->topic);
        free(group->owners);
        free(group->targets);
        group->topic = weir_strdup(options->topic);
        group->partition_count = topic->config.partition_count;
        size_t count = (size_t)group->partition_count;
        group->owners = weir_alloc_array(count, sizeof(sim_member *));
        group->targets = weir_alloc_array(count, sizeof(sim_member *));
    }
    return WEIR_OK;
}

/* A static member that comes back takes the place of the one that had its name. */
static void replace_static(sim_group *group, sim_member *self)
{
    for (size_t i = 0; self->instance_id != NULL && i < group->member_count; i++) {
        sim_member *old = group->members[i];
        if (old->instance_id == NULL || strcmp(old->instance_id, self->instance_id) != 0) {
            continue;
        }
        group->members[i] = self;
        old->known = false;
        old->replaced = true;
        self->known = true;
        for (int32_t p = 0; p < group->partition_count; p++) {
            group->owners[p] = group->owners[p] == old ? self : group->owners[p];
            group->targets[p] = group->targets[p] == old ? self : group->targets[p];
        }
        if (old->process == NULL) {
            destroy(old);
        }
        return;
    }
}

weir_status sim_member_join(weir_broker *broker, const weir_member_options *options,
                            weir_member **out_member, weir_error *err)
{
    sim_process *process = sim_process_of(broker);
    WEIR_TRY(sim_enter(process, NULL, err));
    sim_group *group = sim_group_named(process->cluster, options->group_id);
    WEIR_TRY(check_join(group, process->cluster, options, err));

    size_t count = (size_t)group->partition_count;
    sim_member *self = weir_alloc(sizeof(*self));
    self->base.ops = &MEMBER_OPS;
    self->process = process;
    self->group = group;
    self->instance_id = weir_strdup(options->instance_id);
    self->has = weir_alloc_array(count, sizeof(*self->has));
    self->revoked = weir_alloc_array(count, sizeof(*self->revoked));
    self->event_partitions = weir_alloc_array(count, sizeof(*self->event_partitions));
    self->session_timeout_ms = options->session_timeout_ms;
    self->last_poll_ms = process->cluster->now_ms;
    replace_static(group, self);
    if (!self->known) {
        add_member(group, self);
    }
    self->generation = group->generation;
    *out_member = &self->base;
    return WEIR_OK;
}
