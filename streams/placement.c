/* SPDX-License-Identifier: Apache-2.0
 *
 * placement.c - the rules, task by task.
 *
 *   owned, not granted   warm, stateless, or nobody is warmer ─▶ claim it
 *                        somebody else is warmer              ─▶ grant it, and warm up
 *                        it is not known yet                  ─▶ open it as a standby, and wait
 *   owned, granted       caught up, or the other has gone     ─▶ take it back: claim it
 *   granted to us        claim it
 *   none of these        a standby by rendezvous hashing; or kept until its owner runs it
 *
 * What makes it safe: two processes that have read back their claims in one generation have read
 * them from one log, so the later one saw the earlier one, and waits until it is withdrawn. An
 * owner whose grant cannot be out need not read its claim back: nobody else would claim.
 */
#include "streams/placement.h"

#include "streams/base/hash.h"

#include <string.h>

/* What the others say of one task. */
typedef struct survey {
    const char *runner;  /* Who shall run it, as its owner says; NULL: nobody has said. */
    bool claimed;        /* Another live process claims it. */
    bool runs_at_owner;  /* It is restored and processed where it belongs. */
    const char *warmest; /* The other live process with the smallest lag; NULL: none has any. */
    int64_t warmest_lag;
} survey;

static survey survey_task(const weir_placement *placement, size_t task)
{
    survey seen = {.warmest_lag = WEIR_TASK_LAG_UNKNOWN};
    int32_t generation = placement->own->generation;
    seen.runner = weir_members_runner(placement->members, generation, task);
    for (size_t i = 0; i < weir_members_count(placement->members); i++) {
        const weir_known_process *process = weir_members_at(placement->members, i);
        const weir_process_task *its = &process->state.tasks[task];
        if (process->state.generation != generation ||
            strcmp(process->process_id, placement->process_id) == 0) {
            continue;
        }
        seen.claimed = seen.claimed || its->claimed;
        seen.runs_at_owner = seen.runs_at_owner || (its->owned && its->running);
        if (its->lag < seen.warmest_lag) {
            seen.warmest = process->process_id;
            seen.warmest_lag = its->lag;
        }
    }
    return seen;
}

static bool is_live(const weir_placement *placement, const char *process_id)
{
    const weir_known_process *process = weir_members_find(placement->members, process_id);
    return process != NULL && process->state.generation == placement->own->generation;
}

static bool is_warm(const weir_placement *placement, int64_t lag)
{
    return lag <= placement->settings->acceptable_recovery_lag;
}

/* Our claim has been read back, and nobody else has one. */
static bool has_the_claim(const weir_placement *placement, const survey *seen, size_t task)
{
    const weir_known_process *own = weir_members_find(placement->members, placement->process_id);
    return own != NULL && own->state.incarnation == placement->own->incarnation &&
           own->state.generation == placement->own->generation && own->state.tasks[task].claimed &&
           !seen->claimed;
}

/* What to do with a task that we want to run. */
static weir_placement_role role_of_wanted(const weir_placement *placement, const survey *seen,
                                          size_t task)
{
    const weir_placement_fact *fact = &placement->facts[task];
    if (fact->active || fact->fresh || has_the_claim(placement, seen, task)) {
        return WEIR_PLACE_RUN;
    }
    return fact->stateful ? WEIR_PLACE_STANDBY : WEIR_PLACE_KEEP;
}

/* Somebody whose store is worth more than ours: warm where ours is not, or with half the way. */
static bool another_is_warmer(const weir_placement *placement, const survey *seen, int64_t lag)
{
    return seen->warmest != NULL && !is_warm(placement, lag) &&
           (is_warm(placement, seen->warmest_lag) || seen->warmest_lag < lag / 2);
}

static bool is_to_be_taken_back(const weir_placement *placement, const weir_process_task *task)
{
    bool settled = placement->heard_all || placement->time_up;
    return is_warm(placement, task->lag) || (settled && !is_live(placement, task->granted_to));
}

/* An owned task that is neither claimed nor granted. */
static weir_placement_role choose(const weir_placement *placement, const survey *seen, size_t index)
{
    weir_process_task *task = &placement->own->tasks[index];
    const weir_placement_fact *fact = &placement->facts[index];
    bool settled = placement->heard_all || placement->time_up;
    bool waits_for_own_lag = seen->warmest != NULL && task->lag == WEIR_TASK_LAG_UNKNOWN;
    if (!fact->stateful || is_warm(placement, task->lag) || fact->active) {
        task->claimed = true;
    } else if (waits_for_own_lag && !placement->time_up) {
        task->claimed = false;
    } else if (another_is_warmer(placement, seen, task->lag)) {
        weir_process_task_grant(task, seen->warmest);
    } else {
        task->claimed = settled;
    }
    return task->claimed ? role_of_wanted(placement, seen, index) : WEIR_PLACE_STANDBY;
}

static weir_placement_role decide_owned(const weir_placement *placement, const survey *seen,
                                        size_t index)
{
    weir_process_task *task = &placement->own->tasks[index];
    if (task->granted_to != NULL && !is_to_be_taken_back(placement, task)) {
        return WEIR_PLACE_STANDBY;
    }
    if (task->granted_to != NULL) {
        weir_process_task_grant(task, NULL);
        task->claimed = true;
    }
    return task->claimed ? role_of_wanted(placement, seen, index) : choose(placement, seen, index);
}

/* A task that the group has given to somebody else, or to nobody yet. */
static weir_placement_role decide_foreign(const weir_placement *placement, const survey *seen,
                                          size_t index)
{
    weir_process_task *task = &placement->own->tasks[index];
    const weir_placement_fact *fact = &placement->facts[index];
    weir_process_task_grant(task, NULL);
    bool granted = seen->runner != NULL && strcmp(seen->runner, placement->process_id) == 0;
    task->claimed = granted;
    if (granted) {
        return role_of_wanted(placement, seen, index);
    }
    bool settled = placement->heard_all || placement->time_up;
    if (!settled || seen->runner == NULL) {
        return fact->open ? WEIR_PLACE_KEEP : WEIR_PLACE_NONE;
    }
    if (!fact->stateful) {
        return WEIR_PLACE_NONE;
    }
    const weir_standby_question question = {
        .generation = placement->own->generation,
        .task_index = index,
        .runner = seen->runner,
        .standby_count = placement->settings->num_standby_replicas,
    };
    bool standby = weir_placement_is_standby(placement->members, placement->process_id, &question);
    return standby || (fact->open && !seen->runs_at_owner) ? WEIR_PLACE_STANDBY : WEIR_PLACE_NONE;
}

/* Warming up costs the disk and the network that running tasks need: so many at a time. Those that
 * are open go first. */
static void limit_warmups(const weir_placement *placement)
{
    size_t left = placement->settings->max_warmup_replicas;
    for (int pass = 0; pass < 2; pass++) {
        bool open = pass == 0;
        for (size_t i = 0; i < placement->own->task_count; i++) {
            const weir_process_task *task = &placement->own->tasks[i];
            if (!task->owned || task->granted_to == NULL || placement->facts[i].open != open) {
                continue;
            }
            if (left == 0 && !placement->facts[i].active) {
                placement->out_roles[i] = WEIR_PLACE_NONE;
            }
            left -= left > 0 ? 1 : 0;
        }
    }
}

void weir_placement_decide(const weir_placement *placement)
{
    WEIR_ASSERT(placement->settings->max_warmup_replicas > 0);
    WEIR_ASSERT(placement->own->generation >= 0);
    for (size_t i = 0; i < placement->own->task_count; i++) {
        weir_process_task *task = &placement->own->tasks[i];
        const survey seen = survey_task(placement, i);
        weir_placement_role role =
            task->owned ? decide_owned(placement, &seen, i) : decide_foreign(placement, &seen, i);
        /* Whoever reads that a claim is gone begins: it stays until our worker has stopped. */
        task->claimed = task->claimed || placement->facts[i].active;
        placement->out_roles[i] = role;
    }
    limit_warmups(placement);
}

/* Standbys. */

typedef struct candidate {
    const char *process_id;
    const char *rack;
    uint64_t score;
    bool chosen;
} candidate;

static uint64_t score_of(const char *process_id, size_t task_index)
{
    return weir_hash64(weir_bytes_of_text(process_id), task_index);
}

static bool same_rack(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* True where the runner or a standby that is chosen already is in the rack. */
static bool has_copy(const candidate *candidates, size_t count, const char *runner_rack,
                     const char *rack)
{
    if (same_rack(rack, runner_rack)) {
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        if (candidates[i].chosen && same_rack(candidates[i].rack, rack)) {
            return true;
        }
    }
    return false;
}

static candidate *next_standby(candidate *candidates, size_t count, const char *runner_rack)
{
    candidate *best = NULL;
    bool best_has_copy = true;
    for (size_t i = 0; i < count; i++) {
        if (candidates[i].chosen) {
            continue;
        }
        bool copy = has_copy(candidates, count, runner_rack, candidates[i].rack);
        if (best == NULL || (best_has_copy && !copy) ||
            (best_has_copy == copy && candidates[i].score > best->score)) {
            best = &candidates[i];
            best_has_copy = copy;
        }
    }
    return best;
}

bool weir_placement_is_standby(const weir_members *members, const char *process_id,
                               const weir_standby_question *question)
{
    if (question->standby_count == 0 || strcmp(question->runner, process_id) == 0) {
        return false;
    }
    candidate candidates[WEIR_MEMBERS_MAX];
    size_t count = 0;
    const char *runner_rack = NULL;
    for (size_t i = 0; i < weir_members_count(members); i++) {
        const weir_known_process *process = weir_members_at(members, i);
        if (process->state.generation != question->generation) {
            continue;
        }
        if (strcmp(process->process_id, question->runner) == 0) {
            runner_rack = process->state.rack;
            continue;
        }
        candidates[count++] =
            (candidate){process->process_id, process->state.rack,
                        score_of(process->process_id, question->task_index), false};
    }
    for (size_t n = 0; n < question->standby_count && n < count; n++) {
        candidate *chosen = next_standby(candidates, count, runner_rack);
        chosen->chosen = true;
        if (strcmp(chosen->process_id, process_id) == 0) {
            return true;
        }
    }
    return false;
}
