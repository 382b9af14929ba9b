/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_world.c - the scheduler: a storm of random steps, then calm until everything is at rest, then
 * the instances close one after the other, in the middle of new work.
 *
 * One generator makes all decisions of the storm. The faults of a run are drawn once at its start,
 * each of them off in half of the runs: a seed with few faults gets far, one with many gets deep
 * into recovery.
 */
#include "tests/sim/sim_world.h"

#include "streams/application_internal.h"
#include "tests/harness/check.h"
#include "tests/sim/sim_chances.h"
#include "tests/sim/sim_checks.h"
#include "tests/sim/sim_outside.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    INSTANCES = 3,
    STORM_STEPS_MAX = 600,
    CALM_STEPS_MAX = 20000,
    CLOSE_STEPS_MAX = 200,
    START_MS = 1000 * 1000,
    LIED_LAG = 1000 * 1000,
    ROUNDS_MAX = 200,
    LATE_RECORDS_MAX = 4,
};

typedef struct sim_run {
    uint64_t seed;
    weir_random random;
    int64_t now_ms;
    sim_variant variant;
    sim_cluster *cluster;
    sim_outside outside;
    sim_faults faults;
    sim_disk_faults disk_faults[INSTANCES];
    bool calm; /* No faults any more. */
    sim_instance instances[INSTANCES];
    sim_checks *checks;
    sim_world_counts *counts;
} sim_run;

static uint64_t below(sim_run *world, uint64_t bound)
{
    return weir_random_below(&world->random, bound);
}

/* A chance up to per_million_max; none in half of the runs. */
static void set_disk_faults(sim_run *world, size_t index)
{
    const sim_disk_faults none = {0};
    sim_disk_set_faults(world->instances[index].disk,
                        world->calm ? &none : &world->disk_faults[index]);
}

static void draw_faults(sim_run *world)
{
    world->faults = sim_chances_of_faults(&world->random);
    sim_cluster_set_faults(world->cluster, &world->faults);
    for (size_t i = 0; i < INSTANCES; i++) {
        world->disk_faults[i] = sim_chances_of_disk_faults(&world->random, true);
        set_disk_faults(world, i);
    }
}

static void calm_down(sim_run *world)
{
    world->faults = (sim_faults){.kafka_transactions = world->faults.kafka_transactions};
    sim_cluster_set_faults(world->cluster, &world->faults);
    world->calm = true;
    for (size_t i = 0; i < INSTANCES; i++) {
        set_disk_faults(world, i);
    }
}

static sim_variant draw_variant(sim_run *world, const sim_world_options *options)
{
    return (sim_variant){
        .exactly_once = options->exactly_once,
        .app = {.async = options->async, .holds = below(world, 3) == 0},
        .static_members = below(world, 4) == 0,
        .commit_interval_ms = (int32_t)below(world, 300),
        .apply_interval_ms = (int32_t)below(world, 1000),
        .apply_records_max = below(world, 2) == 0 ? 1 + (int32_t)below(world, 30) : 10000,
        .flush_interval_ms = (int32_t)below(world, 3000),
        .look_interval_ms = 100 + 300 * (int32_t)(world->seed % 10),
        .purge_interval_ms = (int32_t)below(world, 3000),
        .session_timeout_ms = 2000 + (int32_t)below(world, 40000),
        .restore_records_max = below(world, 2) == 0 ? 1 + (int32_t)below(world, 20) : 10000,
        .cache_bytes_max = 200 * (int32_t)(world->seed % 4),
        .ingest_entries_min = below(world, 4) == 0 ? 1 + (int32_t)below(world, 4) : 0,
        .worker_count = 1 + (int32_t)below(world, SIM_INSTANCE_WORKERS_MAX),
        .standby_count = below(world, 2) == 0 ? 0 : 1,
        .acceptable_lag = (int32_t)below(world, 12),
        .placement_wait_ms = (int32_t)below(world, 2000),
        .looks_cold = sim_chance(&world->random, 1000000),
        .throws = world->seed % 3 == 0 ? 10000 * (1 + (uint32_t)(world->seed % 7)) : 0,
    };
}

static void start_world(sim_run *world, uint64_t seed, const sim_world_options *options)
{
    world->seed = seed;
    world->random = weir_random_of(seed);
    world->now_ms = START_MS;
    world->variant = draw_variant(world, options);
    world->cluster = sim_cluster_new(weir_random_u64(&world->random));
    sim_cluster_set_now(world->cluster, START_MS);
    world->outside = sim_outside_open(world->cluster);
    world->checks = sim_checks_new(seed, world->cluster, &world->variant);
    for (int32_t i = 0; i < INSTANCES; i++) {
        sim_instance_init(&world->instances[i], world->cluster, &world->variant, i,
                          weir_random_u64(&world->random));
    }
}

static void end_world(sim_run *world)
{
    for (size_t i = 0; i < INSTANCES; i++) {
        world->counts->replaced += world->instances[i].replaced;
        world->counts->entries_lost += sim_disk_lost_count(world->instances[i].disk);
        world->counts->ingests += sim_disk_ingest_count(world->instances[i].disk);
        sim_instance_cleanup(&world->instances[i]);
    }
    sim_outside_close(&world->outside);
    sim_cluster_free(world->cluster);
    sim_checks_free(world->checks);
}

static void produce(sim_run *world)
{
    world->counts->inputs += sim_outside_produce(&world->outside, &world->faults, &world->random,
                                                 world->now_ms, world->checks);
}

/* What an instance left behind; looked at with all faults off. */
static void check_disk(sim_run *world, sim_instance *instance, bool is_current)
{
    size_t index = (size_t)(instance - world->instances);
    sim_disk_set_faults(instance->disk, &(sim_disk_faults){0});
    sim_checks_after_step(world->checks); /* Notes the last records of the changelogs. */
    sim_checks_disk(world->checks, instance, is_current);
    set_disk_faults(world, index);
}

static void crash(sim_run *world, sim_instance *instance)
{
    sim_instance_crash(instance);
    world->counts->crashes++;
    check_disk(world, instance, false);
}

static void bury_if_dead(sim_run *world, sim_instance *instance)
{
    if (instance->running && sim_broker_is_dead(instance->broker)) {
        crash(world, instance);
    }
}

static void count_places(sim_run *world, const sim_instance *instance)
{
    bool leased = false;
    bool standby = false;
    for (size_t t = 0; t < instance->application->plan->task_count; t++) {
        const weir_slot *slot = &instance->application->slots[t];
        leased = leased ||
                 (slot->state == WEIR_SLOT_RUNNING && !slot->owned && slot->role == WEIR_PLACE_RUN);
        standby = standby || (slot->state == WEIR_SLOT_STANDBY && !slot->active);
    }
    world->counts->leased_turns += leased ? 1 : 0;
    world->counts->standby_turns += standby ? 1 : 0;
}

/* So that tasks are granted and taken back at any time. */
static void lie_about_lags(sim_run *world, sim_instance *instance)
{
    for (size_t t = 0; !world->calm && t < instance->application->plan->task_count; t++) {
        if (weir_random_chance(&world->random, world->variant.looks_cold)) {
            sim_instance_set_lag(instance, t, LIED_LAG);
        }
    }
}

static void coordinate(sim_run *world, sim_instance *instance)
{
    lie_about_lags(world, instance);
    sim_instance_coordinate(instance, world->now_ms);
    if (!instance->running) {
        check_disk(world, instance, false);
        return;
    }
    count_places(world, instance);
    sim_checks_leases(world->checks, world->instances, INSTANCES);
}

static void work(sim_run *world, sim_instance *instance, int32_t worker)
{
    sim_instance_set_throws(instance, !world->calm);
    sim_instance_work(instance, worker, world->now_ms);
    sim_checks_workers(world->checks, instance);
    sim_checks_leases(world->checks, world->instances, INSTANCES);
}

static void step_instance(sim_run *world, sim_instance *instance)
{
    if (!instance->running) {
        if (below(world, 4) == 0) {
            sim_instance_start(instance, weir_random_u64(&world->random), world->now_ms);
        }
        return;
    }
    if (below(world, 30) == 0) {
        sim_instance_trade(instance, below(world, SIM_APP_PARTITIONS + SIM_APP_GROUP_PARTITIONS),
                           below(world, (uint64_t)world->variant.worker_count));
        world->counts->trades++;
    }
    if (below(world, 60) == 0) {
        world->counts->resizes += sim_instance_resize(instance, below(world, 2) == 0) ? 1 : 0;
    }
    uint64_t which = below(world, (uint64_t)world->variant.worker_count + 1);
    if (which == 0) {
        coordinate(world, instance);
    } else {
        work(world, instance, (int32_t)which - 1);
    }
    bury_if_dead(world, instance);
}

static void do_harm(sim_run *world, sim_instance *instance)
{
    if (!instance->running) {
        return;
    }
    switch (below(world, 8)) {
    case 0:
        crash(world, instance);
        break;
    case 1:
    case 2:
        sim_broker_kill_in(instance->broker, 1 + (uint32_t)below(world, 30));
        break;
    case 3:
        sim_broker_forget_members(instance->broker);
        world->counts->zombies++;
        break;
    case 4:
        sim_cluster_rebalance(world->cluster, SIM_APP_ID);
        world->counts->rebalances++;
        break;
    case 5:
        sim_instance_abandon(instance);
        check_disk(world, instance, false);
        break;
    default:
        world->counts->closes += instance->closing ? 0 : 1;
        sim_instance_request_close(instance);
        break;
    }
}

static void move_clock(sim_run *world, bool may_jump)
{
    bool jumps = may_jump && below(world, 20) == 0;
    world->now_ms += (int64_t)below(world, jumps ? 60000 : 60);
    sim_cluster_set_now(world->cluster, world->now_ms);
}

/* Kafka does not compact the end of a log, the active segment. Where late records are, so long
 * is here until their owner has found them and logged again what they hide: it looks for them. */
static void keep_house(sim_run *world)
{
    sim_checks_after_step(world->checks);
    if (!sim_checks_are_hiding(world->checks)) {
        sim_outside_keep_house(&world->outside, &world->faults, world->now_ms);
    }
}

static void storm(sim_run *world)
{
    uint64_t steps = 100 + below(world, STORM_STEPS_MAX);
    uint64_t harm_in = 20 + below(world, 100); /* One step of so many does harm. */
    for (uint64_t i = 0; i < steps; i++) {
        sim_instance *instance = &world->instances[below(world, INSTANCES)];
        uint64_t choice = below(world, 100);
        if (choice < 8) {
            produce(world);
        } else if (choice < 9) {
            keep_house(world);
        } else if (choice < 30) {
            move_clock(world, true);
        } else if (below(world, harm_in) == 0) {
            do_harm(world, instance);
        } else {
            step_instance(world, instance);
        }
        sim_checks_after_step(world->checks);
        world->counts->steps++;
    }
}

static bool is_at_rest(sim_run *world)
{
    size_t owned = 0;
    for (size_t i = 0; i < INSTANCES; i++) {
        if (!world->instances[i].running || !sim_instance_is_idle(&world->instances[i]) ||
            sim_instance_leased_count(&world->instances[i]) > 0 ||
            sim_instance_held_count(&world->instances[i]) > 0) {
            return false; /* A held one is to run or to follow as soon as all have been heard. */
        }
        owned += sim_instance_owned_count(&world->instances[i]);
    }
    if (owned != SIM_APP_PARTITIONS + SIM_APP_GROUP_PARTITIONS) {
        return false; /* A task is on its way from one to another. */
    }
    for (int64_t i = 0; i < world->checks->input_count; i++) {
        if (world->checks->totalled[i] == 0) {
            return false;
        }
    }
    return !sim_checks_are_hiding(world->checks);
}

/* One turn of all parts of an instance. */
static void turn(sim_run *world, sim_instance *instance)
{
    coordinate(world, instance);
    for (int32_t w = 0; instance->running && w < world->variant.worker_count; w++) {
        work(world, instance, w);
        sim_checks_after_step(world->checks); /* Before a purge takes what it reads. */
    }
}

/* All have their turns, as in life, so that placement gets somewhere: tasks are granted and taken
 * back, while the group moves them, and some fail. */
static void move_about(sim_run *world)
{
    for (uint64_t i = below(world, ROUNDS_MAX); i > 0; i--) {
        for (size_t n = 0; n < INSTANCES; n++) {
            sim_instance *instance = &world->instances[n];
            if (!instance->running) {
                sim_instance_start(instance, weir_random_u64(&world->random), world->now_ms);
            } else if (below(world, 300) == 0) {
                do_harm(world, instance);
            } else if (below(world, 4) > 0) {
                turn(world, instance);
                bury_if_dead(world, instance);
            }
        }
        if (below(world, 15) == 0) {
            sim_cluster_rebalance(world->cluster, SIM_APP_ID);
            world->counts->rebalances++;
        }
        if (below(world, 10) == 0) {
            produce(world);
        }
        move_clock(world, false);
        sim_checks_after_step(world->checks);
    }
}

/* Everybody lives and nothing fails any more: the application comes to rest by itself. Not
 * before the storm's late markers are written, for until then standbys do not see what they end. */
static void calm(sim_run *world)
{
    int64_t marked_ms = world->now_ms + SIM_MARKER_DELAY_MS_MAX;
    calm_down(world);
    for (uint64_t i = 0; i < CALM_STEPS_MAX; i++) {
        for (size_t n = 0; n < INSTANCES; n++) {
            sim_instance *instance = &world->instances[n];
            if (!instance->running) {
                sim_instance_start(instance, weir_random_u64(&world->random), world->now_ms);
                continue;
            }
            turn(world, instance);
            bury_if_dead(world, instance);
        }
        move_clock(world, false);
        sim_checks_after_step(world->checks);
        if (world->now_ms > marked_ms && is_at_rest(world)) {
            return;
        }
    }
    check_fail(__FILE__, __LINE__, "WEIR_TEST_SEED=%" PRIu64 ": it does not come to rest",
               world->seed);
}

/* Records of former owners that come when all is at rest are found, whether or not there is more to
 * do, and what they hide is logged again: else it does not come to rest any more. A generator of
 * its own, so that the storm of a seed is what it was. */
static void come_late(sim_run *world)
{
    weir_random random = weir_random_of(world->seed ^ UINT64_C(0x1a7e));
    uint64_t written = 0;
    for (uint64_t i = weir_random_below(&random, LATE_RECORDS_MAX + 1); i > 0; i--) {
        written += sim_outside_write_late(&world->outside, &world->faults, &random) ? 1 : 0;
    }
    world->counts->late_records += written;
    if (weir_random_below(&random, 2) == 0) {
        world->counts->inputs += sim_outside_produce(&world->outside, &world->faults, &random,
                                                     world->now_ms, world->checks);
    }
    sim_checks_after_step(world->checks);
    calm(world);
}

static bool has_all(sim_instance *instance)
{
    return sim_instance_owned_count(instance) == SIM_APP_PARTITIONS + SIM_APP_GROUP_PARTITIONS &&
           sim_instance_is_idle(instance);
}

/* New work, some of it done and uncommitted, and a clean close. Only this instance has turns. */
static void close_at_work(sim_run *world, sim_instance *instance, bool is_last)
{
    sim_broker_kill_in(instance->broker, 0); /* A death of the storm that has not come yet. */
    /* It takes over what the others had, and waits for members that have crashed to expire. */
    for (size_t i = 0; is_last && i < CALM_STEPS_MAX && !has_all(instance); i++) {
        turn(world, instance);
        move_clock(world, false);
    }
    coordinate(world, instance); /* Or a commit meets a generation that is over. */
    memset(instance->app.counted, 0, sizeof(instance->app.counted));
    memset(instance->app.totalled, 0, sizeof(instance->app.totalled));
    produce(world);
    for (uint64_t i = below(world, 5); i > 0; i--) {
        turn(world, instance);
    }
    sim_instance_request_close(instance);
    for (size_t i = 0; instance->running && i < CLOSE_STEPS_MAX; i++) {
        turn(world, instance);
        world->now_ms++;
    }
    if (instance->running) {
        check_fail(__FILE__, __LINE__, "WEIR_TEST_SEED=%" PRIu64 ": %s does not close", world->seed,
                   instance->name);
    }
    sim_checks_closed(world->checks, &instance->app);
    check_disk(world, instance, is_last);
}

void sim_world_run(uint64_t seed, const sim_world_options *options, sim_world_counts *counts)
{
    sim_run *world = weir_alloc(sizeof(*world));
    world->counts = counts;
    start_world(world, seed, options);
    draw_faults(world);
    storm(world);
    move_about(world);
    calm(world);
    if (!options->exactly_once) {
        come_late(world);
    }
    sim_checks_at_rest(world->checks, world->instances, INSTANCES);
    for (size_t i = 0; i < INSTANCES; i++) {
        close_at_work(world, &world->instances[i], i + 1 == INSTANCES);
    }
    end_world(world);
    free(world);
}
