/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline_fixture.c - see pipeline_fixture.h.
 */
#include "tests/harness/pipeline_fixture.h"

#include "streams/base/hash.h"
#include "tests/harness/check.h"

#include <stdlib.h>

enum { STEPS_MAX = 20000, STEP_MS = 10, FLUSH_TIMEOUT_MS = 10000 };

void pipeline_fixture_open(pipeline_fixture *f, unsigned stages)
{
    if (f->directory == NULL) {
        f->directory = check_directory();
        f->now_ms = 1700000000000;
    }
    f->options = (weir_pipeline_options){.data_directory = f->directory,
                                         .stages = stages,
                                         .settings = f->settings,
                                         .setting_count = f->setting_count};
    CHECK_OK(weir_pipeline_open(&f->options, &f->pipeline, &f->err), &f->err);
}

void pipeline_fixture_crash(pipeline_fixture *f)
{
    weir_pipeline_free(weir_take(&f->pipeline));
    f->now_ms += 60000;
}

void pipeline_fixture_cleanup(pipeline_fixture *f)
{
    weir_pipeline_free(f->pipeline);
    free(f->directory);
}

void pipeline_fixture_send(pipeline_fixture *f, weir_topic_id topic, const weir_record_type *type,
                           weir_bytes key, const void *value)
{
    WEIR_AUTO_PTR(weir_producer) producer = NULL;
    CHECK_OK(weir_producer_new(weir_pipeline_broker(f->pipeline), &(weir_producer_options){0},
                               &producer, &f->err),
             &f->err);
    int32_t index = 0;
    int32_t partition_count = 0;
    CHECK_OK(
        weir_producer_topic(producer, weir_topic_name(topic), &index, &partition_count, &f->err),
        &f->err);
    WEIR_AUTO(weir_buf) bytes = {0};
    CHECK_OK(weir_codec_encode(weir_pipeline_codec(f->pipeline), type, value, &bytes, &f->err),
             &f->err);
    const weir_record record = {.partition = weir_partition_of(key, partition_count),
                                .timestamp_ms = f->now_ms,
                                .key = key,
                                .value = weir_buf_bytes(&bytes)};
    CHECK_OK(weir_producer_send(producer, index, &record, &f->err), &f->err);
    CHECK_OK(weir_producer_flush(producer, FLUSH_TIMEOUT_MS, &f->err), &f->err);
}

static void step(pipeline_fixture *f)
{
    for (weir_stage stage = 0; stage < WEIR_STAGE_COUNT; stage++) {
        weir_application *application = weir_pipeline_application(f->pipeline, stage);
        bool busy = false;
        if (application != NULL) {
            CHECK_OK(weir_application_step(application, f->now_ms, &busy, &f->err), &f->err);
        }
    }
    f->now_ms += STEP_MS;
}

void pipeline_fixture_run(pipeline_fixture *f)
{
    uint64_t activity = 0;
    for (int i = 0; i < STEPS_MAX; i++) {
        step(f);
        bool idle = true;
        uint64_t sum = 1;
        for (weir_stage stage = 0; stage < WEIR_STAGE_COUNT; stage++) {
            weir_application *application = weir_pipeline_application(f->pipeline, stage);
            if (application != NULL) {
                idle = idle && weir_application_is_idle(application);
                sum += weir_application_activity(application);
            }
        }
        if (idle && sum == activity) {
            return;
        }
        activity = sum;
    }
    CHECK_NEVER("the pipeline never becomes idle");
}
