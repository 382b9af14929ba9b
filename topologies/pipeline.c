/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline.c - opens what the stages share, from the bottom up, and gives each its application.
 *
 * The data directory makes restarts safe: everything in it is either the log (broker/), named by
 * its content (objects/), or can be rebuilt from the log (state/).
 */
#include "topologies/pipeline.h"

#include "avro/records.h"
#include "connectors/snapshot_depot.h"
#include "connectors/snapshot_http.h"
#include "streams/base/clock.h"
#include "streams/base/file.h"
#include "streams/base/logging.h"
#include "streams/query.h"
#include "topologies/dedup.h"
#include "topologies/extract.h"
#include "topologies/frontier.h"
#include "topologies/open_broker.h"
#include "topologies/process_id.h"
#include "topologies/quality.h"
#include "topologies/tables.h"

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { DATABASE_BYTES_MAX = 32 << 20, SEED_FLUSH_TIMEOUT_MS = 10000, STAGE_SETTINGS_MAX = 64 };
enum { QUEUED_HOSTS_MAX = 100000, QUEUED_HOSTS_PAGE = 1000, HOST_ARENA_BYTES_MAX = 64 << 10 };
enum { KAFKA_START_TIMEOUT_MS = 60000, KAFKA_AGAIN_MS = 500 };

struct weir_pipeline {
    const weir_pipeline_options *options;
    weir_metrics *metrics;
    weir_broker *broker;
    weir_database *database;
    weir_registry *registry;
    weir_codec *codec;
    char *objects_directory;
    char *process_id;
    weir_stage_services services;
    weir_fetch_client client;
    weir_topology *topologies[WEIR_STAGE_COUNT];
    weir_config configs[WEIR_STAGE_COUNT];
    weir_application *applications[WEIR_STAGE_COUNT];
    weir_snapshot_depot *depot; /* NULL: no stage puts snapshots away. */
};

/* What is particular to a stage. */
typedef struct stage_kind {
    const char *name;
    const char *application_id;
    weir_topic_id dead_letters;
    weir_status (*topology)(weir_pipeline *pipeline, weir_topology **out, weir_error *err);
} stage_kind;

static weir_status make_frontier(weir_pipeline *pipeline, weir_topology **out, weir_error *err)
{
    return weir_frontier_topology(&pipeline->services, out, err);
}

static weir_status make_fetch(weir_pipeline *pipeline, weir_topology **out, weir_error *err)
{
    return weir_fetch_topology(&pipeline->services, &pipeline->client, out, err);
}

static weir_status make_extract(weir_pipeline *pipeline, weir_topology **out, weir_error *err)
{
    return weir_extract_topology(&pipeline->services, out, err);
}

static weir_status make_quality(weir_pipeline *pipeline, weir_topology **out, weir_error *err)
{
    return weir_quality_topology(&pipeline->services, out, err);
}

static weir_status make_dedup(weir_pipeline *pipeline, weir_topology **out, weir_error *err)
{
    return weir_dedup_topology(&pipeline->services, out, err);
}

static weir_status make_tables(weir_pipeline *pipeline, weir_topology **out, weir_error *err)
{
    return weir_tables_topology(&pipeline->services, out, err);
}

/* Dead letters go where the raw record's stage is looked after: those of the frontier are about
 * what is to be fetched, those of the tables about what dedup decided. */
static const stage_kind kinds[WEIR_STAGE_COUNT] = {
    [WEIR_STAGE_FRONTIER] = {"frontier", WEIR_FRONTIER_APPLICATION, WEIR_TOPIC_DLQ_FETCH,
                             make_frontier},
    [WEIR_STAGE_FETCH] = {"fetch", WEIR_FETCH_APPLICATION, WEIR_TOPIC_DLQ_FETCH, make_fetch},
    [WEIR_STAGE_EXTRACT] = {"extract", WEIR_EXTRACT_APPLICATION, WEIR_TOPIC_DLQ_EXTRACT,
                            make_extract},
    [WEIR_STAGE_QUALITY] = {"quality", WEIR_QUALITY_APPLICATION, WEIR_TOPIC_DLQ_QUALITY,
                            make_quality},
    [WEIR_STAGE_DEDUP] = {"dedup", WEIR_DEDUP_APPLICATION, WEIR_TOPIC_DLQ_DEDUP, make_dedup},
    [WEIR_STAGE_TABLES] = {"tables", WEIR_TABLES_APPLICATION, WEIR_TOPIC_DLQ_DEDUP, make_tables},
};

const char *weir_pipeline_stage_name(weir_stage stage)
{
    WEIR_ASSERT(stage < WEIR_STAGE_COUNT);

    return kinds[stage].name;
}

const char *weir_pipeline_stage_application_id(weir_stage stage)
{
    WEIR_ASSERT(stage < WEIR_STAGE_COUNT);

    return kinds[stage].application_id;
}

static bool runs_here(const weir_pipeline *pipeline, weir_stage stage)
{
    unsigned stages = pipeline->options->stages == 0 ? WEIR_STAGES_ALL : pipeline->options->stages;
    return (stages >> stage & 1u) != 0;
}

static weir_status check_topics(weir_pipeline *pipeline, weir_error *err)
{
    const weir_topic_profile *profile = pipeline->services.profile;
    WEIR_TRY(weir_names_kafka(pipeline->options->kafka)
                 ? weir_topic_map_check(pipeline->broker, profile, err)
                 : weir_topic_map_create(pipeline->broker, profile, err));
    return weir_frontier_create_events_topic(pipeline->broker, profile->event_partitions, err);
}

/* A cluster that has answered may be away a moment later, as for each application. */
static weir_status open_broker(weir_pipeline *pipeline, weir_error *err)
{
    const weir_pipeline_options *options = pipeline->options;
    WEIR_TRY(weir_open_broker(options->data_directory, options->kafka, &pipeline->broker, err));
    int64_t until_ms = weir_clock_now_ms() + KAFKA_START_TIMEOUT_MS;
    weir_error own = {0};
    weir_status status = check_topics(pipeline, &own);
    while (status == WEIR_IO && weir_names_kafka(options->kafka) &&
           weir_clock_now_ms() < until_ms) {
        WEIR_LOG(WEIR_LOG_WARN, NULL, "start: %s", own.message);
        (void)poll(NULL, 0, KAFKA_AGAIN_MS);
        status = check_topics(pipeline, &own);
    }
    if (status != WEIR_OK && err != NULL) {
        *err = own;
    }
    return status;
}

static weir_status open_schemas(weir_pipeline *pipeline, weir_error *err)
{
    WEIR_AUTO_FREE char *directory = weir_format("%s/schemas", pipeline->options->data_directory);
    WEIR_TRY(weir_registry_open(directory, &pipeline->registry, err));
    return weir_codec_new(pipeline->registry, &pipeline->codec, err);
}

/* state.dir, where it is set; the stages share the database. */
static char *state_directory(const weir_pipeline_options *options)
{
    const char *directory = NULL;
    for (size_t i = 0; i < options->setting_count; i++) {
        if (strcmp(options->settings[i].name, "state.dir") == 0) {
            directory = options->settings[i].value;
        }
    }
    return directory == NULL ? weir_format("%s/state", options->data_directory)
                             : weir_strdup(directory);
}

/* Of RocksDB: the shares of all stages, where there is a budget. */
static size_t database_bytes(const weir_pipeline *pipeline)
{
    size_t bytes = 0;
    for (weir_stage stage = 0; stage < WEIR_STAGE_COUNT; stage++) {
        const weir_config *config = &pipeline->configs[stage];
        bytes += config->memory_bytes_max == 0 ? 0 : (size_t)config->database_bytes_max;
    }
    return bytes == 0 ? pipeline->options->database_bytes_max : bytes;
}

/* What a stage sets, for all share the database; the largest counts. */
static uint64_t row_file_bytes(const weir_pipeline *pipeline)
{
    int64_t bytes = 0;
    for (weir_stage stage = 0; stage < WEIR_STAGE_COUNT; stage++) {
        int64_t of_stage = pipeline->configs[stage].row_file_bytes_max;
        bytes = of_stage > bytes ? of_stage : bytes;
    }
    return (uint64_t)bytes;
}

static weir_status open_database(weir_pipeline *pipeline, weir_error *err)
{
    WEIR_AUTO_FREE char *directory = state_directory(pipeline->options);
    size_t bytes_max = database_bytes(pipeline);
    const weir_database_options options = {
        .directory = directory,
        .memory_bytes_max = bytes_max == 0 ? DATABASE_BYTES_MAX : bytes_max,
        .row_file_bytes_max = row_file_bytes(pipeline),
    };
    return weir_database_open(&options, &pipeline->database, err);
}

static const char budget_setting[] = "weir.memory.max.bytes";

/* The budget of the process, divided by the stages. NULL: there is none, or it is refused, as
 * weir_config_init says. */
static char *stage_budget(const weir_pipeline *pipeline)
{
    int64_t stages = 0;
    for (weir_stage stage = 0; stage < WEIR_STAGE_COUNT; stage++) {
        stages += runs_here(pipeline, stage) ? 1 : 0;
    }
    int64_t bytes = 0;
    bool is_set = weir_config_number(pipeline->options->settings, pipeline->options->setting_count,
                                     budget_setting, &bytes);
    return is_set && bytes > 0 ? weir_format("%" PRId64, bytes / stages) : NULL;
}

/* The settings of a stage: what every application has here, what the user set, what the stage
 * needs. */
static weir_status configure(weir_pipeline *pipeline, weir_stage stage, weir_error *err)
{
    const weir_pipeline_options *options = pipeline->options;
    weir_setting settings[STAGE_SETTINGS_MAX] = {
        {"deserialization.exception.handler", "dead-letter"},
        {"processing.exception.handler", "dead-letter"},
    };
    size_t count = 2;
    if (options->setting_count > STAGE_SETTINGS_MAX - count - 3) {
        return weir_error_set(err, WEIR_INVALID, "%zu settings, at most %d are taken",
                              options->setting_count, STAGE_SETTINGS_MAX - 5);
    }
    for (size_t i = 0; i < options->setting_count; i++) {
        settings[count++] = options->settings[i];
    }
    WEIR_AUTO_FREE char *budget = stage_budget(pipeline);
    if (budget != NULL) {
        settings[count++] = (weir_setting){budget_setting, budget}; /* A later one wins. */
    }
    settings[count++] = (weir_setting){"application.id", kinds[stage].application_id};
    settings[count++] = (weir_setting){"errors.dead.letter.queue.topic.name",
                                       weir_topic_name(kinds[stage].dead_letters)};
    return weir_config_init(&pipeline->configs[stage], settings, count, err);
}

static weir_status configure_all(weir_pipeline *pipeline, weir_error *err)
{
    for (weir_stage stage = 0; stage < WEIR_STAGE_COUNT; stage++) {
        weir_status status = runs_here(pipeline, stage) ? configure(pipeline, stage, err) : WEIR_OK;
        if (status != WEIR_OK) {
            return weir_error_wrap(err, status, "%s", kinds[stage].name);
        }
    }
    return WEIR_OK;
}

/* Where the objects are, which processes that could take over have in common. */
static weir_status open_depot(weir_pipeline *pipeline, weir_error *err)
{
    bool puts = false;
    for (weir_stage stage = 0; stage < WEIR_STAGE_COUNT; stage++) {
        puts = puts || pipeline->configs[stage].snapshot_put_interval_ms > 0;
    }
    const weir_snapshot_depot_options options = {
        .directory = pipeline->objects_directory,
        .broker = pipeline->broker,
        .now_ms = weir_clock_now_ms,
        .metrics = pipeline->metrics,
    };
    return puts ? weir_snapshot_depot_open(&options, &pipeline->depot, err) : WEIR_OK;
}

static weir_status open_application(weir_pipeline *pipeline, weir_stage stage, weir_error *err)
{
    WEIR_TRY(kinds[stage].topology(pipeline, &pipeline->topologies[stage], err));
    const char *instance_id = pipeline->configs[stage].group_instance_id;
    const char *process_id = instance_id != NULL ? instance_id : pipeline->process_id;
    int64_t timeout_ms = weir_names_kafka(pipeline->options->kafka) ? KAFKA_START_TIMEOUT_MS : 0;
    const weir_snapshot_network *snapshots = pipeline->depot == NULL
                                                 ? &weir_snapshot_http
                                                 : weir_snapshot_depot_network(pipeline->depot);
    return weir_application_new(&(weir_application_options){.topology = pipeline->topologies[stage],
                                                            .config = &pipeline->configs[stage],
                                                            .broker = pipeline->broker,
                                                            .database = pipeline->database,
                                                            .process_id = process_id,
                                                            .metrics = pipeline->metrics,
                                                            .start_timeout_ms = timeout_ms,
                                                            .snapshots = snapshots},
                                &pipeline->applications[stage], err);
}

static void prepare_services(weir_pipeline *pipeline)
{
    pipeline->services.codec = pipeline->codec;
    pipeline->objects_directory =
        pipeline->options->objects_directory != NULL
            ? weir_strdup(pipeline->options->objects_directory)
            : weir_format("%s/objects", pipeline->options->data_directory);
    pipeline->services.objects_directory = pipeline->objects_directory;
    pipeline->services.crawl = pipeline->options->crawl;
    pipeline->services.cpu_now_ns = weir_clock_thread_cpu_ns;
    weir_stage_services_prepare(&pipeline->services);
    pipeline->client = (weir_fetch_client){weir_fetch_open_curl, &pipeline->services};
}

static weir_status open_parts(weir_pipeline *pipeline, weir_error *err)
{
    WEIR_TRY(weir_directory_make(pipeline->options->data_directory, err));
    WEIR_TRY(weir_process_id_read(pipeline->options->data_directory, &pipeline->process_id, err));
    WEIR_TRY(open_broker(pipeline, err));
    WEIR_TRY(open_schemas(pipeline, err));
    WEIR_TRY(configure_all(pipeline, err));
    WEIR_TRY(open_database(pipeline, err));
    prepare_services(pipeline);
    WEIR_TRY(open_depot(pipeline, err));
    for (weir_stage stage = 0; stage < WEIR_STAGE_COUNT; stage++) {
        if (!runs_here(pipeline, stage)) {
            continue;
        }
        weir_status status = open_application(pipeline, stage, err);
        if (status != WEIR_OK) {
            return weir_error_wrap(err, status, "%s", kinds[stage].name);
        }
    }
    return WEIR_OK;
}

weir_status weir_pipeline_open(const weir_pipeline_options *options, weir_pipeline **out_pipeline,
                               weir_error *err)
{
    WEIR_ASSERT(options->data_directory != NULL);

    WEIR_AUTO_PTR(weir_pipeline) pipeline = weir_alloc(sizeof *pipeline);
    pipeline->options = options;
    pipeline->metrics = weir_metrics_new();
    pipeline->services.profile =
        options->profile == NULL ? weir_topic_profile_of("local") : options->profile;
    WEIR_TRY(open_parts(pipeline, err));
    *out_pipeline = weir_take(&pipeline);
    return WEIR_OK;
}

weir_status weir_pipeline_sketch(const weir_topic_profile *profile, weir_pipeline **out_pipeline,
                                 weir_error *err)
{
    static const weir_pipeline_options options = {.data_directory = ""};
    WEIR_AUTO_PTR(weir_pipeline) pipeline = weir_alloc(sizeof *pipeline);
    pipeline->options = &options;
    pipeline->services.profile = profile == NULL ? weir_topic_profile_of("local") : profile;
    WEIR_TRY(weir_registry_open(NULL, &pipeline->registry, err));
    WEIR_TRY(weir_codec_new(pipeline->registry, &pipeline->codec, err));
    prepare_services(pipeline);
    for (weir_stage stage = 0; stage < WEIR_STAGE_COUNT; stage++) {
        WEIR_TRY(kinds[stage].topology(pipeline, &pipeline->topologies[stage], err));
    }
    *out_pipeline = weir_take(&pipeline);
    return WEIR_OK;
}

weir_status weir_pipeline_start(weir_pipeline *pipeline, weir_error *err)
{
    for (weir_stage stage = 0; stage < WEIR_STAGE_COUNT; stage++) {
        if (pipeline->applications[stage] == NULL) {
            continue;
        }
        weir_status status = weir_application_start(pipeline->applications[stage], err);
        if (status != WEIR_OK) {
            return weir_error_wrap(err, status, "%s", kinds[stage].name);
        }
        if (pipeline->depot != NULL) {
            weir_snapshot_depot_add(pipeline->depot,
                                    weir_application_snapshot_host(pipeline->applications[stage]),
                                    &pipeline->configs[stage]);
        }
    }
    return pipeline->depot == NULL ? WEIR_OK : weir_snapshot_depot_start(pipeline->depot, err);
}

static void stop_depot(weir_pipeline *pipeline)
{
    if (pipeline->depot != NULL) {
        weir_snapshot_depot_stop(pipeline->depot);
    }
}

weir_status weir_pipeline_housekeep(weir_pipeline *pipeline, int64_t now_ms, weir_error *err)
{
    return weir_broker_housekeep(pipeline->broker, now_ms, NULL, err);
}

weir_status weir_pipeline_close(weir_pipeline *pipeline, weir_error *err)
{
    stop_depot(pipeline);
    /* All are asked at once; then each is awaited. */
    for (weir_stage stage = 0; stage < WEIR_STAGE_COUNT; stage++) {
        if (pipeline->applications[stage] != NULL) {
            weir_application_request_close(pipeline->applications[stage]);
        }
    }
    weir_status first = WEIR_OK;
    for (weir_stage stage = 0; stage < WEIR_STAGE_COUNT; stage++) {
        if (pipeline->applications[stage] == NULL) {
            continue;
        }
        weir_error failure = {0};
        weir_status status = weir_application_close(pipeline->applications[stage], &failure);
        if (status != WEIR_OK && first == WEIR_OK) {
            first = weir_error_set(err, status, "%s: %s", kinds[stage].name, failure.message);
        }
    }
    return first;
}

void weir_pipeline_free(weir_pipeline *pipeline)
{
    if (pipeline == NULL) {
        return;
    }
    stop_depot(pipeline);
    for (weir_stage stage = 0; stage < WEIR_STAGE_COUNT; stage++) {
        weir_application_free(pipeline->applications[stage]);
        weir_topology_free(pipeline->topologies[stage]);
        weir_config_cleanup(&pipeline->configs[stage]);
    }
    weir_snapshot_depot_free(pipeline->depot);
    weir_database_free(pipeline->database);
    weir_codec_free(pipeline->codec);
    weir_registry_free(pipeline->registry);
    weir_broker_free(pipeline->broker);
    weir_metrics_free(pipeline->metrics);
    free(pipeline->objects_directory);
    free(pipeline->process_id);
    free(pipeline);
}

/* Sends a seed, waiting where the producer holds all that it can. */
static weir_status send_seed(weir_pipeline *pipeline, weir_producer *producer,
                             const weir_seed *seed, weir_error *err)
{
    weir_status status = weir_frontier_seed(producer, pipeline->codec, seed, err);
    if (status != WEIR_AGAIN) {
        return status;
    }
    WEIR_TRY(weir_producer_flush(producer, SEED_FLUSH_TIMEOUT_MS, err));
    return weir_frontier_seed(producer, pipeline->codec, seed, err);
}

weir_status weir_pipeline_seed(weir_pipeline *pipeline, const weir_seed *seeds, size_t count,
                               weir_error *err)
{
    for (size_t i = 0; i < count; i++) {
        WEIR_TRY(weir_frontier_check_seed(seeds[i].url, err));
    }
    WEIR_AUTO_PTR(weir_producer) producer = NULL;
    WEIR_TRY(weir_producer_new(pipeline->broker, &(weir_producer_options){.client_id = "seed"},
                               &producer, err));
    for (size_t i = 0; i < count; i++) {
        WEIR_TRY(send_seed(pipeline, producer, &seeds[i], err));
    }
    return weir_producer_flush(producer, SEED_FLUSH_TIMEOUT_MS, err);
}

static weir_status note_url(void *user, weir_bytes key, weir_bytes value, weir_error *err)
{
    (void)key;
    (void)value;
    (void)err;
    *(bool *)user = true;
    return WEIR_OK;
}

/* Whether the frontier holds a URL that still waits for its visit, or cannot say: a retry that is
 * due later, a host that is left alone. */
static bool has_queued_urls(weir_pipeline *pipeline)
{
    weir_application *frontier = pipeline->applications[WEIR_STAGE_FRONTIER];
    if (frontier == NULL) {
        return false;
    }
    bool found = false;
    bool more = false;
    weir_error err = {0};
    weir_status status =
        weir_query_rows(frontier, &(weir_query_scan){.store = WEIR_FRONTIER_QUEUE, .limit = 1},
                        note_url, &found, &more, &err);
    return status != WEIR_OK || found;
}

/* A walk over the hosts of the frontier, to sum what waits in their queues. */
typedef struct host_sum {
    const weir_codec *codec;
    weir_arena *arena;
    weir_buf last_key;
    int64_t queued;
} host_sum;

static weir_status add_host(void *user, weir_bytes key, weir_bytes value, weir_error *err)
{
    host_sum *sum = user;
    weir_frontier_host host;
    weir_arena_reset(sum->arena);
    WEIR_TRY(weir_frontier_host_decode(sum->codec, value, sum->arena, &host, err));
    sum->queued += host.queued_count;
    weir_buf_set(&sum->last_key, key);
    return WEIR_OK;
}

/* How many URLs wait for their visit in the queues of the frontier: at least so many, where it
 * knows more than QUEUED_HOSTS_MAX hosts. Negative while it cannot say. */
static int64_t queued_urls(weir_pipeline *pipeline)
{
    weir_application *frontier = pipeline->applications[WEIR_STAGE_FRONTIER];
    WEIR_AUTO_PTR(weir_arena) arena = weir_arena_new(HOST_ARENA_BYTES_MAX);
    host_sum sum = {.codec = pipeline->codec, .arena = arena};
    bool more = frontier != NULL;
    for (size_t hosts = 0; more && hosts < QUEUED_HOSTS_MAX; hosts += QUEUED_HOSTS_PAGE) {
        weir_query_scan scan = {.store = WEIR_FRONTIER_HOSTS, .limit = QUEUED_HOSTS_PAGE};
        if (hosts > 0) {
            scan.after = weir_buf_bytes(&sum.last_key);
        }
        if (weir_query_rows(frontier, &scan, add_host, &sum, &more, NULL) != WEIR_OK) {
            sum.queued = -1;
            break;
        }
    }
    weir_buf_cleanup(&sum.last_key);
    return sum.queued;
}

bool weir_pipeline_is_idle(weir_pipeline *pipeline, uint64_t *activity)
{
    uint64_t before = *activity;
    *activity = 1;
    bool idle = true;
    for (weir_stage stage = 0; stage < WEIR_STAGE_COUNT; stage++) {
        if (pipeline->applications[stage] != NULL) {
            *activity += weir_application_activity(pipeline->applications[stage]);
            idle = idle && weir_application_is_idle(pipeline->applications[stage]);
        }
    }
    return idle && *activity == before && !has_queued_urls(pipeline);
}

weir_status weir_pipeline_failure(weir_pipeline *pipeline, weir_error *err)
{
    for (weir_stage stage = 0; stage < WEIR_STAGE_COUNT; stage++) {
        if (pipeline->applications[stage] == NULL) {
            continue;
        }
        weir_status status = weir_application_failure(pipeline->applications[stage], err);
        if (status != WEIR_OK) {
            return weir_error_wrap(err, status, "%s", kinds[stage].name);
        }
    }
    return WEIR_OK;
}

weir_application *weir_pipeline_application(weir_pipeline *pipeline, weir_stage stage)
{
    WEIR_ASSERT(stage < WEIR_STAGE_COUNT);

    return pipeline->applications[stage];
}

const weir_topology *weir_pipeline_topology(weir_pipeline *pipeline, weir_stage stage)
{
    WEIR_ASSERT(stage < WEIR_STAGE_COUNT);

    return pipeline->topologies[stage];
}

bool weir_pipeline_counts(weir_pipeline *pipeline, weir_stage stage, weir_stage_counts *out_counts)
{
    if (pipeline->applications[stage] == NULL) {
        return false;
    }
    weir_metrics *metrics = pipeline->metrics;
    weir_label of = {"application_id", kinds[stage].application_id};
    *out_counts = (weir_stage_counts){
        .processed = weir_metrics_sum(metrics, "weir_stream_thread_process_records_total", &of),
        .dead_letters =
            weir_metrics_sum(metrics, "weir_stream_task_dead_letter_records_total", &of),
        .queued = weir_metrics_sum(metrics, "weir_stream_task_records_lag", &of) +
                  weir_metrics_sum(metrics, "weir_stream_task_async_records", &of),
        .is_restoring =
            weir_metrics_sum(metrics, "weir_stream_thread_restore_remaining_records", &of) > 0,
    };
    if (stage == WEIR_STAGE_FRONTIER) {
        int64_t urls = queued_urls(pipeline);
        out_counts->queued += urls > 0 ? urls : 0;
    }
    return true;
}

weir_broker *weir_pipeline_broker(weir_pipeline *pipeline)
{
    return pipeline->broker;
}

weir_metrics *weir_pipeline_metrics(weir_pipeline *pipeline)
{
    return pipeline->metrics;
}

const weir_codec *weir_pipeline_codec(weir_pipeline *pipeline)
{
    return pipeline->codec;
}

const weir_topic_profile *weir_pipeline_profile(weir_pipeline *pipeline)
{
    return pipeline->services.profile;
}
