/* SPDX-License-Identifier: Apache-2.0
 *
 * run.c - the loop of the main thread while the stages work: it keeps the broker's house, shows the
 * status, and looks a few times a second whether the end is reached. SIGINT and SIGTERM end it like
 * the end of the crawl does: with a commit, so that the next run goes on from there.
 */
#include "topologies/run.h"
#include "topologies/table_reader.h"

#include "streams/base/clock.h"
#include "streams/base/file.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { WATCH_INTERVAL_MS = 250 };

static sigset_t ending_signals(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    return signals;
}

weir_status weir_run_signals_open(int *out_signals, weir_error *err)
{
    sigset_t signals = ending_signals();
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    *out_signals = signalfd(-1, &signals, SFD_CLOEXEC);
    return *out_signals >= 0 ? WEIR_OK
                             : weir_error_set(err, WEIR_FATAL, "signalfd: %s", strerror(errno));
}

void weir_run_signals_close(int signals)
{
    sigset_t ending = ending_signals();
    struct signalfd_siginfo taken;
    struct pollfd ready = {.fd = signals, .events = POLLIN};
    /* The one that ended the watch is still pending, and would end the process here. */
    while (poll(&ready, 1, 0) > 0 && read(signals, &taken, sizeof taken) > 0) {
    }
    (void)close(signals);
    (void)pthread_sigmask(SIG_UNBLOCK, &ending, NULL);
}

/* Waits a while; true when a signal came. */
static bool wait_for_signal(int signals)
{
    struct pollfd wait = {.fd = signals, .events = POLLIN};
    return poll(&wait, 1, WATCH_INTERVAL_MS) > 0;
}

/* One look at the pipeline. */
static weir_status look_after(weir_pipeline *pipeline, const weir_run_options *options,
                              weir_error *err)
{
    int64_t now_ms = weir_clock_now_ms();
    WEIR_TRY(weir_pipeline_failure(pipeline, err));
    WEIR_TRY(weir_pipeline_housekeep(pipeline, now_ms, err));
    if (options->status != NULL) {
        weir_run_status_show(options->status, now_ms);
    }
    return WEIR_OK;
}

weir_status weir_run_watch(weir_pipeline *pipeline, const weir_run_options *options,
                           bool *out_interrupted, weir_error *err)
{
    uint64_t activity = 0;
    bool done = false;
    *out_interrupted = false;
    weir_status status = WEIR_OK;
    while (status == WEIR_OK && !done && !*out_interrupted) {
        *out_interrupted = wait_for_signal(options->signals);
        status = look_after(pipeline, options, err);
        done = options->until_idle && weir_pipeline_is_idle(pipeline, &activity);
    }
    if (options->status != NULL) {
        weir_run_status_end(options->status, weir_clock_now_ms());
    }
    return status;
}

/* Leaves the server's URL in the data directory, for those who find it locked. */
static weir_status leave_url(const weir_run_settings *settings, uint16_t port, weir_error *err)
{
    bool is_v6 = strchr(settings->rest_address, ':') != NULL;
    WEIR_AUTO_FREE char *path = weir_format("%s/" WEIR_REST_URL_FILE, settings->data_directory);
    WEIR_AUTO_FREE char *url = weir_format("http://%s%s%s:%u", is_v6 ? "[" : "",
                                           settings->rest_address, is_v6 ? "]" : "", port);
    return weir_file_replace(path, weir_bytes_of_text(url), false, err);
}

weir_status weir_run_serve(weir_pipeline *pipeline, const weir_run_settings *settings,
                           weir_rest_api **out_api, weir_error *err)
{
    WEIR_AUTO_PTR(weir_rest_api) api = NULL;
    WEIR_TRY(weir_rest_api_start(pipeline,
                                 &(weir_rest_options){.address = settings->rest_address,
                                                      .port = (uint16_t)settings->rest_port},
                                 &api, err));
    WEIR_TRY(leave_url(settings, weir_rest_api_port(api), err));
    *out_api = weir_take(&api);
    return WEIR_OK;
}
