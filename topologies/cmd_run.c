/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_run.c - `weir run`: the stages in this process, until they are done or told to stop.
 *
 * The main thread only watches (run.h). SIGINT and SIGTERM end a run like the end of the crawl
 * does: with a commit, so that the next run goes on from there.
 */
#include "topologies/cmd.h"
#include "topologies/run.h"
#include "topologies/run_settings.h"
#include "topologies/run_start.h"
#include "topologies/seeds.h"

#include "streams/base/clock.h"
#include "streams/base/logging.h"

#include <stdio.h>

static weir_status seed(const weir_run_settings *settings, weir_pipeline *pipeline, weir_error *err)
{
    if (settings->seeds_path == NULL) {
        return WEIR_OK;
    }
    size_t count = 0;
    WEIR_TRY(weir_seeds_send(pipeline, settings->seeds_path, weir_clock_now_ms(), &count, err));
    WEIR_LOG(WEIR_LOG_INFO, NULL, "%zu seeds sent", count);
    return WEIR_OK;
}

static weir_status run(const weir_run_settings *settings, weir_error *err)
{
    WEIR_AUTO_PTR(weir_run_start) start = NULL; /* It watches the end of a failed start as well. */
    WEIR_AUTO_PTR(weir_pipeline) pipeline = NULL;
    weir_run_options options = {.until_idle = settings->until_idle && !settings->serve};
    bool interrupted = false;
    WEIR_TRY(weir_run_signals_open(&options.signals, err));
    WEIR_TRY(weir_run_start_watch(options.signals, &start, err));
    WEIR_TRY(weir_pipeline_open(&settings->pipeline, &pipeline, err));
    WEIR_TRY(seed(settings, pipeline, err));
    weir_run_start_free(weir_take(&start));
    WEIR_AUTO_PTR(weir_run_status)
    shown = weir_run_status_new(pipeline, settings->quiet ? NULL : stderr);
    options.status = shown;
    WEIR_TRY(weir_pipeline_start(pipeline, err));
    WEIR_AUTO_PTR(weir_rest_api) api = NULL;
    WEIR_TRY(weir_run_serve(pipeline, settings, &api, err));
    WEIR_LOG(WEIR_LOG_INFO, NULL, "REST on http://%s:%u", settings->rest_address,
             weir_rest_api_port(api));
    WEIR_TRY(weir_run_watch(pipeline, &options, &interrupted, err));
    weir_run_signals_close(options.signals);
    return weir_pipeline_close(pipeline, err);
}

static int print_help(void)
{
    WEIR_AUTO(weir_buf) text = {0};
    weir_buf_append_text(&text,
                         "usage: weir run all|TOPOLOGY… [FLAG…]\n\n"
                         "Runs topologies (frontier, fetch, extract, quality, dedup, tables) in "
                         "this process.\n\n");
    weir_run_settings_describe(&text);
    weir_buf_append_text(&text,
                         "  --set            NAME=VALUE               any setting, also those "
                         "of Kafka Streams\n"
                         "  --properties     FILE                     settings, a line "
                         "each\n\n"
                         "On Kafka, where KAFKA_BOOTSTRAP_SERVERS is set; settings of the "
                         "connection, by property or variable:\n");
    weir_kafka_settings_describe(&text);
    fputs(weir_buf_text(&text), stdout);
    return WEIR_EXIT_OK;
}

int weir_cmd_run_stages(int argc, char **argv, weir_cmd_environment environment)
{
    WEIR_AUTO(weir_run_settings) settings = {0};
    weir_error err = {0};
    bool help = false;
    if (weir_run_settings_init(&settings, argc, argv, &help, &err) != WEIR_OK) {
        return weir_cmd_refuse(argv[0], "%s", err.message);
    }
    if (help) {
        return print_help();
    }
    if (weir_run_settings_take_kafka(&settings, environment, &err) != WEIR_OK) {
        return weir_cmd_refuse(argv[0], "%s", err.message);
    }
    if (settings.pipeline.stages == 0) {
        return weir_cmd_refuse(argv[0], "name the topologies to run, or \"all\"");
    }
    if (run(&settings, &err) != WEIR_OK) {
        fprintf(stderr, "weir run: %s\n", err.message);
        return WEIR_EXIT_FAILURE;
    }
    return WEIR_EXIT_OK;
}
