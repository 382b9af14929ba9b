/* SPDX-License-Identifier: Apache-2.0
 *
 * stage_run.c - opens what a stage stands on, in memory but for objects, and turns the crank.
 */
#include "tests/harness/stage_run.h"

#include "streams/base/hash.h"
#include "streams/producer.h"
#include "tests/harness/check.h"
#include "tests/harness/sim_broker.h"
#include "topologies/topic_map.h"

#include <stdlib.h>

enum {
    STEPS_MAX = 400000,
    STEP_MS_MAX = 4,
    WORKERS_MAX = 3,
    DAY_MS = 24 * 3600 * 1000,
};

void stage_run_start(stage_run *run, const stage_run_options *options)
{
    weir_error err = {0};
    *run = (stage_run){
        .options = *options, .random = weir_random_of(options->seed), .now_ms = STAGE_RUN_START_MS};
    run->profile = (weir_topic_profile){"test",
                                        1,
                                        1,
                                        options->partition_count,
                                        options->partition_count,
                                        options->partition_count,
                                        DAY_MS,
                                        DAY_MS,
                                        0};
    run->broker = sim_broker_new(options->seed);
    run->directory = check_directory();
    CHECK_OK(weir_registry_open(NULL, &run->registry, &err), &err);
    CHECK_OK(weir_codec_new(run->registry, &run->codec, &err), &err);
    CHECK_OK(weir_topic_map_create(run->broker, &run->profile, &err), &err);
    run->services.codec = run->codec;
    run->services.profile = &run->profile;
    run->services.objects_directory = run->directory;
    weir_stage_services_prepare(&run->services);
}

void stage_run_cleanup(stage_run *run)
{
    for (size_t i = 0; i < run->count; i++) {
        weir_application_free(run->applications[i]);
        weir_topology_free(run->topologies[i]);
        weir_config_cleanup(&run->configs[i]);
    }
    weir_broker_free(run->broker);
    weir_codec_free(run->codec);
    weir_registry_free(run->registry);
    free(run->directory);
    *run = (stage_run){0};
}

static void configure(stage_run *run, const char *application_id, weir_config *config)
{
    weir_error err = {0};
    WEIR_AUTO_FREE char *workers = NULL;
    WEIR_AUTO_FREE char *interval = NULL;
    if (run->options.scrambled) {
        workers = weir_format("%d", 1 + (int)weir_random_below(&run->random, WORKERS_MAX));
        interval = weir_format("%d", (int)weir_random_below(&run->random, 60));
    }
    const weir_setting settings[] = {
        {"application.id", application_id},
        {"deserialization.exception.handler", "dead-letter"},
        {"processing.exception.handler", "dead-letter"},
        {"errors.dead.letter.queue.topic.name", weir_topic_name(WEIR_TOPIC_DLQ_DEDUP)},
        {"num.stream.threads", workers == NULL ? "1" : workers},
        {"commit.interval.ms", interval == NULL ? "10" : interval},
    };
    CHECK_OK(weir_config_init(config, settings, WEIR_COUNT_OF(settings), &err), &err);
}

static void open_application(stage_run *run, size_t at)
{
    weir_error err = {0};
    CHECK_OK(weir_application_new(&(weir_application_options){.topology = run->topologies[at],
                                                              .config = &run->configs[at],
                                                              .broker = run->broker,
                                                              .never_waits = true},
                                  &run->applications[at], &err),
             &err);
}

void stage_run_add(stage_run *run, const char *application_id, weir_topology *owned_topology)
{
    CHECK(run->count < STAGE_RUN_APPLICATIONS_MAX);
    size_t at = run->count++;
    run->topologies[at] = owned_topology;
    configure(run, application_id, &run->configs[at]);
    open_application(run, at);
}

void stage_run_crash(stage_run *run, size_t index)
{
    CHECK(index < run->count);
    weir_application_free(run->applications[index]);
    sim_broker_forget_members(run->broker);
    open_application(run, index);
}

void stage_run_send(stage_run *run, const char *topic, const weir_record_type *type, weir_bytes key,
                    const void *value)
{
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_producer) producer = NULL;
    WEIR_AUTO(weir_buf) encoded = {0};
    weir_record record = {.timestamp_ms = run->now_ms, .key = key};
    if (type == NULL) {
        record.value = *(const weir_bytes *)value;
    } else {
        CHECK_OK(weir_codec_encode(run->codec, type, value, &encoded, &err), &err);
        record.value = weir_buf_bytes(&encoded);
    }
    CHECK_OK(weir_producer_new(run->broker, &(weir_producer_options){.client_id = "test"},
                               &producer, &err),
             &err);
    int32_t topic_number = 0;
    int32_t partition_count = 0;
    CHECK_OK(weir_producer_topic(producer, topic, &topic_number, &partition_count, &err), &err);
    record.partition = key.data == NULL ? 0 : weir_partition_of(key, partition_count);
    CHECK_OK(weir_producer_send(producer, topic_number, &record, &err), &err);
    CHECK_OK(weir_producer_flush(producer, 1000, &err), &err);
}

/* One turn of one application: of all its workers, or of one that the seed chooses. */
static void step(stage_run *run)
{
    weir_error err = {0};
    bool busy = false;
    size_t at = (size_t)weir_random_below(&run->random, run->count);
    weir_application *application = run->applications[at];
    if (run->options.scrambled && weir_random_below(&run->random, 4) != 0) {
        size_t worker =
            (size_t)weir_random_below(&run->random, (uint64_t)run->configs[at].num_stream_threads);
        CHECK_OK(weir_application_step_worker(application, worker, run->now_ms, &busy, &err), &err);
    } else {
        CHECK_OK(weir_application_step(application, run->now_ms, &busy, &err), &err);
    }
    run->now_ms += (int64_t)weir_random_below(&run->random, STEP_MS_MAX);
}

void stage_run_steps(stage_run *run, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        step(run);
    }
}

static uint64_t activity(const stage_run *run)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < run->count; i++) {
        sum += weir_application_activity(run->applications[i]);
    }
    return sum;
}

static bool all_are_idle(const stage_run *run)
{
    for (size_t i = 0; i < run->count; i++) {
        if (!weir_application_is_idle(run->applications[i])) {
            return false;
        }
    }
    return true;
}

void stage_run_settle(stage_run *run)
{
    size_t idle_steps = 0;
    uint64_t before = 0;
    for (size_t i = 0; i < STEPS_MAX; i++) {
        step(run);
        uint64_t now = activity(run);
        idle_steps = now == before && all_are_idle(run) ? idle_steps + 1 : 0;
        before = now;
        if (idle_steps > 20 * run->count) { /* Each has had its turns and found nothing. */
            return;
        }
    }
    CHECK_NEVER("the stages never become idle");
}

void stage_run_advance(stage_run *run, int64_t ms)
{
    run->now_ms += ms;
    stage_run_settle(run);
}

void stage_run_put_text(stage_run *run, const char *content_hash, weir_bytes text,
                        weir_buf *out_ref)
{
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_object_store) objects = NULL;
    CHECK_OK(weir_object_store_file_open(run->directory, false, &objects, &err), &err);
    weir_object_key("extracted", content_hash, out_ref);
    CHECK_OK(weir_object_put(objects, weir_buf_text(out_ref), text, &err), &err);
}

void stage_run_visit(stage_run *run, const char *topic, const weir_record_type *type,
                     topic_records_visitor visit, void *user)
{
    topic_records_visit(run->broker, &(topic_records){topic, run->codec, type}, visit, user);
}

static void count_one(void *user, const weir_record *record, const void *object)
{
    (void)record;
    (void)object;
    ++*(size_t *)user;
}

size_t stage_run_count(stage_run *run, const char *topic)
{
    size_t count = 0;
    stage_run_visit(run, topic, NULL, count_one, &count);
    return count;
}
