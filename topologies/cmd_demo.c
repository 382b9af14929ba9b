/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_demo.c - "weir demo": the whole pipeline once, on a site of this machine or on the web, with
 * what came of it at the end. It is `weir run all --until-idle` with other defaults, a site beside
 * it and a report behind it.
 */
#include "topologies/cmd.h"
#include "topologies/demo_report.h"
#include "topologies/demo_site.h"
#include "topologies/run.h"
#include "topologies/run_settings.h"
#include "topologies/seeds.h"

#include "streams/base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { ARGUMENTS_MAX = 128, NS_PER_S = 1000 * 1000 * 1000, MS_PER_S = 1000, MIB_KIB = 1024 };

/* What is told to `weir run` unless the user says otherwise. */
static char *const defaults[] = {"demo", "all", "--until-idle", "--data", "data/demo"};

typedef struct demo {
    weir_run_settings settings;
    const char *site_directory; /* From --site; NULL: found. */
    bool fresh;
    weir_demo_site site; /* Not started where seeds are crawled. */
    char *allow_private;
    int64_t started_at_ms;
} demo;

static void demo_cleanup(demo *d)
{
    weir_run_settings_cleanup(&d->settings);
    weir_demo_site_cleanup(&d->site);
    free(d->allow_private);
}

static bool crawls_site(const demo *d)
{
    return d->settings.seeds_path == NULL;
}

/* Takes our own flags out of argv; the others become those of `weir run`, after our defaults. */
static weir_status take_arguments(demo *d, int argc, char **argv, bool *out_help, weir_error *err)
{
    char *arguments[ARGUMENTS_MAX];
    int count = 0;
    for (size_t i = 0; i < WEIR_COUNT_OF(defaults); i++) {
        arguments[count++] = defaults[i];
    }
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--fresh") == 0) {
            d->fresh = true;
        } else if (strcmp(argv[i], "--site") == 0 && i + 1 < argc) {
            d->site_directory = argv[++i];
        } else if (count < ARGUMENTS_MAX) {
            arguments[count++] = argv[i];
        } else {
            return weir_error_set(err, WEIR_INVALID, "more than %d arguments", ARGUMENTS_MAX);
        }
    }
    return weir_run_settings_init(&d->settings, count, arguments, out_help, err);
}

/* Serves the site, lets the crawl have its address, and leaves out the pause between requests,
 * which is for machines of others. */
static weir_status start_site(demo *d, weir_error *err)
{
    WEIR_AUTO_FREE char *found = NULL;
    if (d->site_directory == NULL) {
        WEIR_TRY(weir_demo_site_find(&found, err));
    }
    weir_crawl_settings *crawl = &d->settings.pipeline.crawl;
    WEIR_TRY(weir_demo_site_start(found != NULL ? found : d->site_directory,
                                  d->settings.data_directory, &d->site, err));
    d->allow_private = crawl->allow_private == NULL
                           ? weir_strdup(d->site.host)
                           : weir_format("%s,%s", crawl->allow_private, d->site.host);
    crawl->allow_private = d->allow_private;
    if (weir_properties_get(d->settings.properties, "crawl.delay.ms") == NULL) {
        crawl->delay_ms = -1;
    }
    return WEIR_OK;
}

static weir_status send_seeds(demo *d, weir_pipeline *pipeline, weir_error *err)
{
    size_t count = 0;
    if (!crawls_site(d)) {
        return weir_seeds_send(pipeline, d->settings.seeds_path, d->started_at_ms, &count, err);
    }
    WEIR_AUTO_FREE char *url = weir_format("http://%s/", d->site.host);
    weir_seed seed = {.url = weir_bytes_of_text(url), .now_ms = d->started_at_ms};
    return weir_pipeline_seed(pipeline, &seed, 1, err);
}

static void print_begin(const demo *d)
{
    if (crawls_site(d)) {
        printf("Crawling %s, served at http://%s/, into %s.\n", d->site.directory, d->site.host,
               d->settings.data_directory);
    } else {
        printf("Crawling from the URLs in %s into %s: one request at a time to a host, robots.txt\n"
               "obeyed, %" PRId64 " ms between two requests.\n",
               d->settings.seeds_path, d->settings.data_directory,
               d->settings.pipeline.crawl.delay_ms);
    }
    puts("Ctrl-C ends it; the same command goes on from there.\n");
    (void)fflush(stdout);
}

static void print_work(const weir_demo_report *report, int64_t elapsed_ms)
{
    struct rusage usage = {0};
    (void)getrusage(RUSAGE_SELF, &usage);
    double seconds = (double)(elapsed_ms > 0 ? elapsed_ms : 1) / MS_PER_S;
    double cpu_seconds = (double)weir_clock_process_cpu_ns() / NS_PER_S;
    double memory_mib = (double)usage.ru_maxrss / MIB_KIB;
    if (report->fetched_since == 0) {
        puts("\nNothing was left to fetch: all this was here before. --fresh crawls it again.");
        return;
    }
    printf("\n%" PRId64 " URLs asked for in %.1f s: %.0f a second, %.1f CPU seconds in all "
           "(%.0f ms a URL),\nat most %.0f MiB of memory.\n",
           report->fetched_since, seconds, (double)report->fetched_since / seconds, cpu_seconds,
           cpu_seconds * MS_PER_S / (double)report->fetched_since, memory_mib);
}

/* What is there to ask while the server is up. */
static void print_requests(const demo *d, unsigned port, const weir_demo_report *made)
{
    WEIR_AUTO_FREE char *server = weir_format("http://%s:%u", d->settings.rest_address, port);
    const char *url = made->outcomes.count > 0 ? made->outcomes.items[0].example : "URL";
    printf("\nServing at %s until Ctrl-C. Try\n"
           "  curl -s %s/v1/tables/url_latest/%s\n"
           "  curl -s '%s/v1/tables/dataset_membership?limit=3'\n",
           server, server, url, server);
    if (made->cluster_id != NULL) {
        printf("  curl -s %s/v1/tables/content_cluster/%s\n", server, made->cluster_id);
    }
    printf("  curl -s %s/v1/stores\n  curl -s %s/metrics\n", server, server);
}

static void print_commands(const demo *d)
{
    const char *data = d->settings.data_directory;
    puts("\nTry next");
    if (crawls_site(d)) {
        printf("  build/weir demo --serve --data %s   (the REST server, on what is here)\n", data);
        printf("  build/weir demo --fresh --seeds FILE   (the real web, politely; a URL a line)\n"
               "  build/weir extract --url http://%s/ --file %s/index.html\n",
               d->site.host, d->site.directory);
    }
    printf("  build/weir topics list --data %s\n"
           "  build/weir topics read index.url_latest.v1 --data %s | head -n 1\n"
           "  echo 'HTTP://ExAmple.com:80/a/../b#c' | build/weir url canon\n"
           "  build/weir help\n",
           data, data);
}

static weir_status report(const demo *d, weir_pipeline *pipeline, unsigned port, weir_error *err)
{
    WEIR_AUTO(weir_demo_report) made = {0};
    int64_t elapsed_ms = weir_clock_now_ms() - d->started_at_ms;
    WEIR_TRY(weir_demo_report_read(pipeline, d->started_at_ms, &made, err));
    weir_demo_report_print(&made, stdout);
    print_work(&made, elapsed_ms);
    if (d->settings.serve) {
        print_requests(d, port, &made);
    } else {
        print_commands(d);
    }
    (void)fflush(stdout);
    return WEIR_OK;
}

/* Crawls to the end and reports; then serves, where that is asked for. */
static weir_status crawl(const demo *d, weir_pipeline *pipeline, int signals, weir_error *err)
{
    bool interrupted = false;
    WEIR_AUTO_PTR(weir_rest_api) api = NULL;
    WEIR_TRY(weir_run_serve(pipeline, &d->settings, &api, err));
    WEIR_AUTO_PTR(weir_run_status)
    shown = weir_run_status_new(pipeline, d->settings.quiet ? NULL : stderr);
    weir_run_options options = {.signals = signals, .until_idle = true, .status = shown};
    WEIR_TRY(weir_run_watch(pipeline, &options, &interrupted, err));
    if (interrupted) {
        puts("\nInterrupted. What is done is kept: the same command goes on from here.");
        return WEIR_OK;
    }
    WEIR_TRY(report(d, pipeline, weir_rest_api_port(api), err));
    if (d->settings.serve) {
        options = (weir_run_options){.signals = signals};
        WEIR_TRY(weir_run_watch(pipeline, &options, &interrupted, err));
    }
    return WEIR_OK;
}

static weir_status run(demo *d, weir_error *err)
{
    int signals = -1;
    if (d->fresh) {
        WEIR_TRY(weir_demo_forget(d->settings.data_directory, err));
    }
    if (crawls_site(d)) {
        WEIR_TRY(start_site(d, err));
    }
    WEIR_TRY(weir_run_signals_open(&signals, err));
    print_begin(d);
    d->started_at_ms = weir_clock_now_ms();
    WEIR_AUTO_PTR(weir_pipeline) pipeline = NULL;
    WEIR_TRY(weir_pipeline_open(&d->settings.pipeline, &pipeline, err));
    WEIR_TRY(send_seeds(d, pipeline, err));
    WEIR_TRY(weir_pipeline_start(pipeline, err));
    WEIR_TRY(crawl(d, pipeline, signals, err));
    weir_run_signals_close(signals);
    return weir_pipeline_close(pipeline, err);
}

static int print_help(void)
{
    WEIR_AUTO(weir_buf) text = {0};
    weir_buf_append_text(
        &text, "usage: weir demo [--site DIR | --seeds FILE] [--fresh] [--serve] [FLAG…]\n\n"
               "Crawls a web site through the whole pipeline and shows what came of it. Without\n"
               "seeds the site is HTML documentation of this machine, served on loopback.\n\n"
               "  --site           DIR                      another directory of HTML files\n"
               "  --fresh                                   forget what an earlier demo crawled\n\n"
               "and all flags of weir run; --data is data/demo here:\n\n");
    weir_run_settings_describe(&text);
    fputs(weir_buf_text(&text), stdout);
    return WEIR_EXIT_OK;
}

int weir_cmd_demo(int argc, char **argv)
{
    WEIR_AUTO(demo) d = {0};
    weir_error err = {0};
    bool help = false;
    if (take_arguments(&d, argc, argv, &help, &err) != WEIR_OK) {
        return weir_cmd_refuse(argv[0], "%s", err.message);
    }
    if (help) {
        return print_help();
    }
    if (run(&d, &err) != WEIR_OK) {
        fprintf(stderr, "weir demo: %s\n", err.message);
        return WEIR_EXIT_FAILURE;
    }
    return WEIR_EXIT_OK;
}
