/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_run.c - `weir run`: the stages in this process, until they are done or told to stop.
 *
 * The main thread only watches: it keeps the broker's house, shows the status, and looks twice a
 * second whether the end is reached. SIGINT and SIGTERM end it like the end of the crawl does: with
 * a commit, so that the next run goes on from there.
 */
#include "topologies/cmd.h"
#include "topologies/rest_api.h"
#include "topologies/run_settings.h"
#include "topologies/run_status.h"
#include "topologies/seeds.h"

#include "streams/base/clock.h"
#include "streams/base/logging.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { WATCH_INTERVAL_MS = 250 };

/* Makes SIGINT and SIGTERM readable, for this thread and all that it starts. */
static int open_signals(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    return signalfd(-1, &signals, SFD_CLOEXEC);
}

/* Waits a while; true when a signal came. */
static bool wait_for_signal(int signals)
{
    struct pollfd wait = {.fd = signals, .events = POLLIN};
    return poll(&wait, 1, WATCH_INTERVAL_MS) > 0;
}

/* Watches until the end: WEIR_OK when the crawl is done or a signal came. */
static weir_status watch(const weir_run_settings *settings, weir_pipeline *pipeline,
                         weir_run_status *shown, weir_error *err)
{
    int signals = open_signals();
    uint64_t activity = 0;
    bool done = false;
    weir_status status = WEIR_OK;
    while (status == WEIR_OK && !wait_for_signal(signals)) {
        int64_t now_ms = weir_clock_now_ms();
        status = weir_pipeline_failure(pipeline, err);
        if (status == WEIR_OK) {
            status = weir_pipeline_housekeep(pipeline, now_ms, err);
        }
        weir_run_status_show(shown, now_ms);
        if (status == WEIR_OK && settings->until_idle && !done) {
            done = weir_pipeline_is_idle(pipeline, &activity);
        }
        if (done && !settings->serve) {
            break;
        }
    }
    weir_run_status_end(shown);
    (void)close(signals);
    return status;
}

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

static weir_status serve(const weir_run_settings *settings, weir_pipeline *pipeline,
                         weir_rest_api **out_api, weir_error *err)
{
    const weir_rest_options options = {.address = settings->rest_address,
                                       .port = (uint16_t)settings->rest_port};
    WEIR_TRY(weir_rest_api_start(pipeline, &options, out_api, err));
    bool is_v6 = strchr(settings->rest_address, ':') != NULL;
    WEIR_LOG(WEIR_LOG_INFO, NULL, "REST on http://%s%s%s:%u", is_v6 ? "[" : "",
             settings->rest_address, is_v6 ? "]" : "", weir_rest_api_port(*out_api));
    return WEIR_OK;
}

static weir_status run(const weir_run_settings *settings, weir_error *err)
{
    WEIR_AUTO_PTR(weir_pipeline) pipeline = NULL;
    WEIR_TRY(weir_pipeline_open(&settings->pipeline, &pipeline, err));
    WEIR_TRY(seed(settings, pipeline, err));
    WEIR_AUTO_PTR(weir_run_status)
    shown = weir_run_status_new(pipeline, settings->quiet ? NULL : stderr);
    WEIR_TRY(weir_pipeline_start(pipeline, err));
    WEIR_AUTO_PTR(weir_rest_api) api = NULL;
    WEIR_TRY(serve(settings, pipeline, &api, err));
    WEIR_TRY(watch(settings, pipeline, shown, err));
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
                         "each\n");
    fputs(weir_buf_text(&text), stdout);
    return WEIR_EXIT_OK;
}

int weir_cmd_run_stages(int argc, char **argv)
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
    if (settings.pipeline.stages == 0) {
        return weir_cmd_refuse(argv[0], "name the topologies to run, or \"all\"");
    }
    if (run(&settings, &err) != WEIR_OK) {
        fprintf(stderr, "weir run: %s\n", err.message);
        return WEIR_EXIT_FAILURE;
    }
    return WEIR_EXIT_OK;
}
