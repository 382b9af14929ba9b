/* SPDX-License-Identifier: Apache-2.0
 *
 * crawl_run.c - opens, seeds and watches a pipeline as `weir run all --until-idle` does.
 */
#include "tests/harness/crawl_run.h"

#include "avro/records_crawl.h"

#include "streams/base/clock.h"
#include "tests/harness/check.h"

#include <poll.h>
#include <stdlib.h>

enum { WATCH_INTERVAL_MS = 50, RUN_MS_MAX = 120 * 1000, SEEDS_MAX = 256 };

void crawl_run_start(crawl_run *run, const weir_crawl_settings *crawl, bool by_proxy)
{
    weir_error err = {0};
    *run = (crawl_run){.server = web_server_start(), .directory = check_directory()};
    run->options = (weir_pipeline_options){.data_directory = run->directory, .crawl = *crawl};
    if (by_proxy) {
        run->options.crawl.proxy_url = web_server_url(run->server);
        run->options.crawl.allow_private = "*";
    }
    CHECK_OK(weir_pipeline_open(&run->options, &run->pipeline, &err), &err);
}

void crawl_run_cleanup(crawl_run *run)
{
    weir_pipeline_free(run->pipeline);
    web_server_stop(run->server);
    free(run->directory);
    *run = (crawl_run){0};
}

static void seed(crawl_run *run, const char *const *seeds)
{
    weir_error err = {0};
    weir_seed sent[SEEDS_MAX];
    size_t count = 0;
    for (; seeds[count] != NULL; count++) {
        CHECK_I64(count, <, SEEDS_MAX);
        sent[count] =
            (weir_seed){.url = weir_bytes_of_text(seeds[count]), .now_ms = weir_clock_now_ms()};
    }
    CHECK_OK(weir_pipeline_seed(run->pipeline, sent, count, &err), &err);
}

void crawl_run_until_idle(crawl_run *run, const char *const *seeds)
{
    weir_error err = {0};
    seed(run, seeds);
    CHECK_OK(weir_pipeline_start(run->pipeline, &err), &err);
    uint64_t activity = 0;
    int64_t end_ms = weir_clock_now_ms() + RUN_MS_MAX;
    while (!weir_pipeline_is_idle(run->pipeline, &activity)) {
        CHECK_OK(weir_pipeline_failure(run->pipeline, &err), &err);
        CHECK_I64(weir_clock_now_ms(), <, end_ms);
        (void)poll(NULL, 0, WATCH_INTERVAL_MS);
    }
    CHECK_OK(weir_pipeline_failure(run->pipeline, &err), &err);
    CHECK_OK(weir_pipeline_close(run->pipeline, &err), &err);
}

typedef struct outcome_of {
    weir_bytes url;
    char *outcome;
} outcome_of;

static void note_outcome(void *user, const weir_record *record, const void *object)
{
    (void)record;
    outcome_of *wanted = user;
    const weir_raw_fetch *fetch = object;
    if (weir_bytes_equal(fetch->url, wanted->url)) {
        free(wanted->outcome);
        wanted->outcome = weir_bytes_to_text(fetch->outcome);
    }
}

char *crawl_run_outcome(crawl_run *run, const char *url)
{
    outcome_of wanted = {weir_bytes_of_text(url), weir_strdup("")};
    topic_records_visit(weir_pipeline_broker(run->pipeline),
                        &(topic_records){weir_topic_name(WEIR_TOPIC_RAW_FETCH),
                                         weir_pipeline_codec(run->pipeline), &weir_raw_fetch_type},
                        note_outcome, &wanted);
    return wanted.outcome;
}

static void count_one(void *user, const weir_record *record, const void *object)
{
    (void)record;
    (void)object;
    ++*(size_t *)user;
}

size_t crawl_run_count(crawl_run *run, weir_topic_id topic)
{
    size_t count = 0;
    topic_records_visit(weir_pipeline_broker(run->pipeline),
                        &(topic_records){.topic = weir_topic_name(topic)}, count_one, &count);
    return count;
}

void crawl_run_check_polite(crawl_run *run, uint64_t delay_ms)
{
    WEIR_AUTO_FREE char *complaint = web_server_impoliteness(run->server, delay_ms);
    if (complaint != NULL) {
        check_fail(__FILE__, __LINE__, "%s", complaint);
    }
}
