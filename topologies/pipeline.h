/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline.h - the stages at work in one process: what they stand on is opened once, and each is an
 * application of its own.
 *
 *   data directory: broker/ (topics)  schemas/ (registry)  state/ (RocksDB)  objects/ (bodies,
 * texts)
 *
 * Ownership  Options are borrowed for the pipeline's life.
 * Errors     base/status.h; the message names the stage.
 * Threads    One, except weir_pipeline_seed and the accessors, which any thread may call.
 */
#ifndef WEIR_TOPOLOGIES_PIPELINE_H
#define WEIR_TOPOLOGIES_PIPELINE_H

#include "connectors/kafka_settings.h"
#include "streams/application.h"
#include "streams/config.h"
#include "topologies/fetch.h"
#include "topologies/frontier.h"

/* The stages, in the order in which a URL meets them; as bits of `stages`: 1u << stage. */
typedef enum weir_stage {
    WEIR_STAGE_FRONTIER,
    WEIR_STAGE_FETCH,
    WEIR_STAGE_EXTRACT,
    WEIR_STAGE_QUALITY,
    WEIR_STAGE_DEDUP,
    WEIR_STAGE_TABLES,
    WEIR_STAGE_COUNT,
} weir_stage;

enum { WEIR_STAGES_ALL = (1 << WEIR_STAGE_COUNT) - 1 };

typedef struct weir_pipeline_options {
    const char *data_directory;
    const char *objects_directory;     /* NULL: objects/ in the data directory. */
    const weir_topic_profile *profile; /* NULL: local. */
    unsigned stages;                   /* Bits; 0: all. */
    weir_crawl_settings crawl;
    const weir_setting *settings; /* Of every application, before those of the stage. */
    size_t setting_count;
    size_t database_bytes_max;        /* Memory of RocksDB; 0: 32 MiB. */
    const weir_kafka_settings *kafka; /* NULL, or without servers: the embedded broker. */
} weir_pipeline_options;

typedef struct weir_pipeline weir_pipeline;

/* Opens the data directory and the broker, and prepares the applications. The embedded broker gets
 * the topics of the profile; those of a Kafka cluster must be there (weir topics create). */
weir_status weir_pipeline_open(const weir_pipeline_options *options, weir_pipeline **out_pipeline,
                               weir_error *err);

/* The topologies alone, under the names and partitions of profile (NULL: local), to be looked at:
 * nothing on disk or in a cluster is touched, and nothing of it can be started. */
weir_status weir_pipeline_sketch(const weir_topic_profile *profile, weir_pipeline **out_pipeline,
                                 weir_error *err);

/* Starts every application's threads. */
weir_status weir_pipeline_start(weir_pipeline *pipeline, weir_error *err);

/* Upkeep of the broker; call it about once a second. */
weir_status weir_pipeline_housekeep(weir_pipeline *pipeline, int64_t now_ms, weir_error *err);

/* Commits, closes and leaves, so that the next start restores nothing. */
weir_status weir_pipeline_close(weir_pipeline *pipeline, weir_error *err);

/* Frees without closing what is not closed. NULL is fine. */
void weir_pipeline_free(weir_pipeline *pipeline);
WEIR_DEFINE_AUTO_PTR(weir_pipeline);

/* Asks for URLs to be crawled, durably. WEIR_BAD_RECORD, with the reason, for the first that cannot
 * be: none is sent then. */
weir_status weir_pipeline_seed(weir_pipeline *pipeline, const weir_seed *seeds, size_t count,
                               weir_error *err);

/* True when nothing is queued, in flight or unread anywhere: what is asked twice in a row (with
 * *activity kept between the calls, 0 at first) with the same answer is the end of the crawl. */
bool weir_pipeline_is_idle(weir_pipeline *pipeline, uint64_t *activity);

/* The failure of the first application that failed; WEIR_OK: all are well. */
weir_status weir_pipeline_failure(weir_pipeline *pipeline, weir_error *err);

/* The application and the topology of a stage; NULL where it does not run here. */
weir_application *weir_pipeline_application(weir_pipeline *pipeline, weir_stage stage);
const weir_topology *weir_pipeline_topology(weir_pipeline *pipeline, weir_stage stage);
const char *weir_pipeline_stage_name(weir_stage stage);
const char *weir_pipeline_stage_application_id(weir_stage stage);

/* What a stage has done since the process started, and what waits for it. */
typedef struct weir_stage_counts {
    int64_t processed;    /* Records. */
    int64_t dead_letters; /* Records that could not be processed. */
    int64_t queued;       /* Records unread or deferred; for the frontier, URLs that wait. */
    bool is_restoring;
} weir_stage_counts;

/* False where the stage does not run here. */
bool weir_pipeline_counts(weir_pipeline *pipeline, weir_stage stage, weir_stage_counts *out_counts);

/* What the pipeline runs on, borrowed from it. */
/* What the applications share. */
weir_broker *weir_pipeline_broker(weir_pipeline *pipeline);
weir_metrics *weir_pipeline_metrics(weir_pipeline *pipeline);
const weir_codec *weir_pipeline_codec(weir_pipeline *pipeline);
const weir_topic_profile *weir_pipeline_profile(weir_pipeline *pipeline);

#endif
