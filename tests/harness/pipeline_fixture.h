/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline_fixture.h - stages of the pipeline in a fresh directory, stepped by the test: no thread,
 * no clock, no web. The test writes the events that other stages would have written.
 *
 * Ownership  pipeline_fixture_cleanup; the fixture must not move once it is opened.
 * Threads    One.
 */
#ifndef WEIR_TESTS_HARNESS_PIPELINE_FIXTURE_H
#define WEIR_TESTS_HARNESS_PIPELINE_FIXTURE_H

#include "topologies/pipeline.h"

typedef struct pipeline_fixture {
    const weir_setting *settings; /* Of every application; set before it is opened. */
    size_t setting_count;
    char *directory;
    weir_pipeline_options options;
    weir_pipeline *pipeline;
    int64_t now_ms;
    weir_error err;
} pipeline_fixture;

/* Opens stages (bits) in a fresh directory, or again in the one that the fixture has. */
void pipeline_fixture_open(pipeline_fixture *f, unsigned stages);

/* Ends it as kill -9 does; the directory stays. */
void pipeline_fixture_crash(pipeline_fixture *f);
void pipeline_fixture_cleanup(pipeline_fixture *f);

/* Writes value, a struct of type, to a topic, in the partition of key, at now_ms. */
void pipeline_fixture_send(pipeline_fixture *f, weir_topic_id topic, const weir_record_type *type,
                           weir_bytes key, const void *value);

/* Steps every application until all have read and committed everything. */
void pipeline_fixture_run(pipeline_fixture *f);

#endif
