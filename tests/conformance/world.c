/* SPDX-License-Identifier: Apache-2.0
 *
 * world.c - lives and deaths of the processes of an application.
 *
 * The clock stands still while records are processed, so that nobody commits of himself; it moves
 * where something is waited for: a commit, a start, a session that times out.
 */
#include "tests/conformance/world.h"

#include "statestore/task_state.h"
#include "streams/application_internal.h"
#include "streams/base/file.h"
#include "streams/topology_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    QUIET_STEPS = 8, /* So many without work: there is nothing to do. */
    STEPS_MAX = 20000,
    STEP_MS = 100,
    CALLS_MAX = 60, /* To the broker, before a process dies. */
    PROCESS_ID_BYTES = 32,
};

static const char group[] = "oracle";

static void end(conformance_process *process)
{
    weir_application_free(weir_take(&process->application));
    weir_database_free(weir_take(&process->database));
    weir_broker_free(weir_take(&process->broker));
}

static weir_status try_to_start(conformance_world *world, conformance_process *process,
                                weir_error *err)
{
    char process_id[PROCESS_ID_BYTES];
    /* Half of the starts take the transactional ids of the one before. */
    (void)snprintf(process_id, sizeof(process_id), "p-%llu", (unsigned long long)world->starts / 2);
    world->starts++;
    process->broker = sim_broker_connect(world->cluster);
    if (process->directory != NULL) {
        const weir_database_options database = {.directory = process->directory};
        WEIR_TRY(weir_database_open(&database, &process->database, err));
    }
    const weir_application_options options = {
        .topology = world->options.topology,
        .config = &world->config,
        .broker = process->broker,
        .database = process->database,
        .process_id = process_id,
        .never_waits = true,
    };
    return weir_application_new(&options, &process->application, err);
}

static weir_status start(conformance_world *world, conformance_process *process, weir_error *err)
{
    WEIR_ASSERT(process->application == NULL);
    weir_status status = try_to_start(world, process, err);
    if (status != WEIR_OK) {
        end(process);
    }
    return status;
}

/* One turn of each; the dead are buried. */
static weir_status step(conformance_world *world, bool *out_busy, weir_error *err)
{
    sim_cluster_set_now(world->cluster, world->now_ms);
    *out_busy = false;
    for (size_t i = 0; i < CONFORMANCE_PROCESSES; i++) {
        conformance_process *process = &world->processes[i];
        if (process->application == NULL) {
            continue;
        }
        bool busy = false;
        weir_status status = weir_application_step(process->application, world->now_ms, &busy, err);
        if (sim_broker_is_dead(process->broker)) {
            end(process);
            busy = true;
        } else if (weir_application_state_now(process->application) ==
                   WEIR_APPLICATION_NOT_RUNNING) {
            end(process);
        } else if (status != WEIR_OK) {
            return status;
        }
        *out_busy = *out_busy || busy;
    }
    return WEIR_OK;
}

static size_t alive_count(const conformance_world *world)
{
    size_t count = 0;
    for (size_t i = 0; i < CONFORMANCE_PROCESSES; i++) {
        count += world->processes[i].application != NULL ? 1 : 0;
    }
    return count;
}

/* How many tasks run in a process. */
static size_t running_count(const conformance_process *process)
{
    size_t count = 0;
    weir_application *application = process->application;
    for (size_t i = 0; application != NULL && i < application->plan->task_count; i++) {
        const weir_slot slot = weir_application_slot(application, i);
        count += slot.active && slot.state == WEIR_SLOT_RUNNING ? 1 : 0;
    }
    return count;
}

static bool all_run(const conformance_world *world)
{
    size_t count = 0;
    size_t wanted = SIZE_MAX;
    for (size_t i = 0; i < CONFORMANCE_PROCESSES; i++) {
        const conformance_process *process = &world->processes[i];
        if (process->application != NULL) {
            wanted = process->application->plan->task_count;
            count += running_count(process);
        }
    }
    return count == wanted;
}

static bool all_are_idle(const conformance_world *world)
{
    for (size_t i = 0; i < CONFORMANCE_PROCESSES; i++) {
        weir_application *application = world->processes[i].application;
        if (application != NULL && !weir_application_is_idle(application)) {
            return false;
        }
    }
    return true;
}

static bool all_is_committed(conformance_world *world)
{
    for (size_t i = 0; i < world->fed_count; i++) {
        const conformance_fed *fed = &world->fed[i];
        if (fed->count > 0 &&
            sim_cluster_committed(world->cluster, group, fed->topic, 0, NULL) < fed->count) {
            return false;
        }
    }
    return true;
}

/* Somebody is there, and every task runs somewhere. */
static weir_status bring_up(conformance_world *world, weir_error *err)
{
    for (size_t i = 0; i < STEPS_MAX; i++) {
        if (alive_count(world) == 0) {
            WEIR_TRY(start(world, &world->processes[weir_random_below(&world->random, 2)], err));
        }
        if (all_run(world)) {
            return WEIR_OK;
        }
        bool busy = false;
        WEIR_TRY(step(world, &busy, err));
        world->now_ms += busy ? 0 : STEP_MS;
    }
    return weir_error_set(err, WEIR_INVALID, "the tasks do not come up");
}

weir_status conformance_world_work(conformance_world *world, weir_error *err)
{
    WEIR_TRY(bring_up(world, err));
    size_t quiet = 0;
    for (size_t i = 0; i < STEPS_MAX && quiet < QUIET_STEPS; i++) {
        bool busy = false;
        WEIR_TRY(step(world, &busy, err));
        quiet = busy ? 0 : quiet + 1;
    }
    return quiet == QUIET_STEPS ? WEIR_OK
                                : weir_error_set(err, WEIR_INVALID, "the work does not end");
}

weir_status conformance_world_commit(conformance_world *world, weir_error *err)
{
    for (size_t i = 0; i < STEPS_MAX; i++) {
        WEIR_TRY(bring_up(world, err));
        bool busy = false;
        WEIR_TRY(step(world, &busy, err));
        if (!busy && all_run(world) && all_are_idle(world) && all_is_committed(world)) {
            world->counts.commits++;
            return WEIR_OK;
        }
        world->now_ms += busy ? 0 : STEP_MS;
    }
    return weir_error_set(err, WEIR_INVALID, "the commits do not end");
}

weir_status conformance_world_advance(conformance_world *world, int64_t ms, weir_error *err)
{
    world->now_ms += ms;
    return conformance_world_work(world, err);
}

/* One of those that are there, by chance; one is. */
static conformance_process *choose(conformance_world *world)
{
    size_t first = weir_random_below(&world->random, CONFORMANCE_PROCESSES);
    conformance_process *process = &world->processes[first];
    return process->application != NULL ? process : &world->processes[1 - first];
}

void conformance_world_crash(conformance_world *world)
{
    conformance_process *process = choose(world);
    world->counts.crashes++;
    if (process->application == NULL) {
        return;
    }
    if (weir_random_below(&world->random, 2) == 0) {
        sim_broker_kill(process->broker);
        end(process);
    } else {
        uint32_t calls = (uint32_t)weir_random_below(&world->random, CALLS_MAX);
        sim_broker_kill_in(process->broker, 1 + calls);
    }
}

weir_status conformance_world_close(conformance_world *world, weir_error *err)
{
    conformance_process *process = choose(world);
    if (process->application == NULL) {
        return WEIR_OK;
    }
    world->counts.closes++;
    weir_application_request_close(process->application);
    for (size_t i = 0; i < STEPS_MAX && process->application != NULL; i++) {
        bool busy = false;
        WEIR_TRY(step(world, &busy, err));
        world->now_ms += busy ? 0 : STEP_MS;
    }
    return process->application == NULL
               ? WEIR_OK
               : weir_error_set(err, WEIR_INVALID, "a process does not end");
}

weir_status conformance_world_move(conformance_world *world, weir_error *err)
{
    WEIR_TRY(bring_up(world, err));
    world->counts.moves++;
    conformance_process *process = choose(world);
    const weir_application *application = process->application;
    if (alive_count(world) < CONFORMANCE_PROCESSES) {
        return start(world, &world->processes[process == world->processes ? 1 : 0], err);
    }
    if (weir_random_below(&world->random, 2) == 0) {
        sim_cluster_rebalance(world->cluster, group);
    } else if (application->plan->task_count > 0) {
        weir_application_move_task(process->application,
                                   weir_random_below(&world->random, application->plan->task_count),
                                   weir_random_below(&world->random, application->worker_count));
    }
    return WEIR_OK;
}

weir_status conformance_world_gather(conformance_world *world, weir_application **out_application,
                                     weir_error *err)
{
    WEIR_TRY(conformance_world_commit(world, err));
    if (alive_count(world) == CONFORMANCE_PROCESSES) {
        WEIR_TRY(conformance_world_close(world, err));
        WEIR_TRY(conformance_world_commit(world, err));
    }
    *out_application = choose(world)->application;
    return WEIR_OK;
}

/* Topics. */

static weir_status make_topic(conformance_world *world, const char *name, weir_error *err)
{
    const weir_topic_config topic = {.name = name, .partition_count = 1};
    return weir_broker_create_topic(world->outside, &topic, err);
}

static bool is_read_by_tasks(const weir_topology *topology, const char *topic)
{
    for (size_t i = 0; i < topology->node_count; i++) {
        const weir_node *node = &topology->nodes[i];
        bool is_read = weir_node_names(node, topic) ||
                       (node->pattern != NULL && weir_topic_pattern_matches(node->pattern, topic));
        if (is_read && topology->subtopologies[node->subtopology].global == NULL) {
            return true;
        }
    }
    return false;
}

/* What the topology names, what the oracle feeds, and what it reads, some of them several times. */
static weir_status make_topics(conformance_world *world, weir_error *err)
{
    const weir_topology *topology = world->options.topology;
    for (size_t i = 0; i < topology->node_count; i++) {
        const weir_node *node = &topology->nodes[i];
        if (node->topic != NULL && node->repartition < 0) {
            WEIR_TRY(make_topic(world, node->topic, err));
        }
        for (size_t k = 0; node->repartition < 0 && node->topics != NULL && node->topics[k] != NULL;
             k++) {
            WEIR_TRY(make_topic(world, node->topics[k], err));
        }
    }
    for (const char *const *name = world->options.inputs; *name != NULL; name++) {
        WEIR_TRY(make_topic(world, *name, err));
        if (is_read_by_tasks(topology, *name)) {
            WEIR_ASSERT(world->fed_count < CONFORMANCE_FED_MAX);
            world->fed[world->fed_count++] = (conformance_fed){.topic = *name};
        }
    }
    for (const char *const *name = world->options.outputs; *name != NULL; name++) {
        WEIR_TRY(make_topic(world, *name, err));
    }
    return WEIR_OK;
}

weir_status conformance_world_feed(conformance_world *world, const weir_record *record,
                                   weir_error *err)
{
    int32_t topic = 0;
    int32_t partition_count = 0;
    WEIR_TRY(weir_producer_topic(world->producer, record->topic, &topic, &partition_count, err));
    WEIR_TRY(weir_producer_send(world->producer, topic, record, err));
    WEIR_TRY(weir_producer_flush(world->producer, 0, err));
    for (size_t i = 0; i < world->fed_count; i++) {
        world->fed[i].count += strcmp(world->fed[i].topic, record->topic) == 0 ? 1 : 0;
    }
    return WEIR_OK;
}

/* Life. */

/* Below the current directory; where nothing can be made there, stores are in memory. */
static void make_directories(conformance_world *world)
{
    for (size_t i = 0; i < CONFORMANCE_PROCESSES; i++) {
        world->processes[i].directory = weir_strdup("weir-conformance-XXXXXX");
        if (mkdtemp(world->processes[i].directory) == NULL) {
            free(weir_take(&world->processes[i].directory));
        }
    }
}

weir_status conformance_world_open(conformance_world *world,
                                   const conformance_world_options *options, weir_error *err)
{
    *world = (conformance_world){.options = *options, .random = weir_random_of(options->seed)};
    WEIR_TRY(weir_config_init(&world->config, options->settings, options->setting_count, err));
    world->cluster = sim_cluster_new(options->seed);
    world->outside = sim_broker_connect(world->cluster);
    WEIR_TRY(weir_producer_new(world->outside, &(weir_producer_options){0}, &world->producer, err));
    WEIR_TRY(make_topics(world, err));
    if (options->on_disk) {
        make_directories(world);
    }
    return bring_up(world, err);
}

void conformance_world_cleanup(conformance_world *world)
{
    for (size_t i = 0; i < CONFORMANCE_PROCESSES; i++) {
        end(&world->processes[i]);
        if (world->processes[i].directory != NULL) {
            (void)weir_directory_remove(world->processes[i].directory, NULL);
            free(world->processes[i].directory);
        }
    }
    weir_producer_free(world->producer);
    weir_broker_free(world->outside);
    sim_cluster_free(world->cluster);
    weir_config_cleanup(&world->config);
}
