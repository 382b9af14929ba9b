/* SPDX-License-Identifier: Apache-2.0
 *
 * stage_run.h - stages of the pipeline on a simulated broker, stepped in an order that a seed
 * chooses.
 *
 *   stage_run run;
 *   stage_run_start(&run, &(stage_run_options){.partition_count = 4, .seed = 7});
 *   weir_dedup_topology(&run.services, &topology, &err);
 *   stage_run_add(&run, "weir-dedup", topology);
 *   stage_run_send(&run, …), stage_run_settle(&run), stage_run_visit(&run, …)
 *
 * Time moves by a few milliseconds a step, and by what stage_run_advance is told.
 *
 * Ownership  stage_run_cleanup frees everything, topologies that were added included.
 * Errors     A call that fails ends the test.
 * Threads    One.
 */
#ifndef WEIR_TESTS_HARNESS_STAGE_RUN_H
#define WEIR_TESTS_HARNESS_STAGE_RUN_H

#include "streams/application.h"
#include "streams/base/random.h"
#include "tests/harness/topic_records.h"
#include "topologies/stage.h"

enum { STAGE_RUN_APPLICATIONS_MAX = 4, STAGE_RUN_START_MS = 1000000 };

typedef struct stage_run_options {
    int32_t partition_count; /* Of every topic. */
    uint64_t seed;
    bool scrambled; /* Several workers, which take turns as the seed wants; commits now and then. */
} stage_run_options;

typedef struct stage_run {
    stage_run_options options;
    weir_random random;
    weir_broker *broker;
    weir_registry *registry;
    weir_codec *codec;
    char *directory;
    weir_topic_profile profile;
    weir_stage_services services; /* Settings of the crawl may be changed before the first add. */
    weir_topology *topologies[STAGE_RUN_APPLICATIONS_MAX];
    weir_config configs[STAGE_RUN_APPLICATIONS_MAX];
    weir_application *applications[STAGE_RUN_APPLICATIONS_MAX];
    size_t count;
    int64_t now_ms;
} stage_run;

/* Makes the topics of the map, and nothing that runs. */
void stage_run_start(stage_run *run, const stage_run_options *options);
void stage_run_cleanup(stage_run *run);

/* Adds an application; dead letters go to dlq.dedup.v1. */
void stage_run_add(stage_run *run, const char *application_id, weir_topology *owned_topology);

/* Ends application number index where it stands, and starts it anew when its session has ended:
 * stores come back from their changelogs, what was not committed is read again. */
void stage_run_crash(stage_run *run, size_t index);

/* Sends a record whose value is a struct of type; or, where type is NULL, the bytes *value. */
void stage_run_send(stage_run *run, const char *topic, const weir_record_type *type, weir_bytes key,
                    const void *value);

/* So many turns of applications that the seed chooses. */
void stage_run_steps(stage_run *run, size_t count);

/* Steps until every application is idle. */
void stage_run_settle(stage_run *run);

/* Moves the clock, then settles. */
void stage_run_advance(stage_run *run, int64_t ms);

/* Puts a text where extract would, and names it. */
void stage_run_put_text(stage_run *run, const char *content_hash, weir_bytes text,
                        weir_buf *out_ref);

/* Calls visit for each committed record of topic (topic_records.h). */
void stage_run_visit(stage_run *run, const char *topic, const weir_record_type *type,
                     topic_records_visitor visit, void *user);

/* Number of committed records of a topic. */
size_t stage_run_count(stage_run *run, const char *topic);

#endif
