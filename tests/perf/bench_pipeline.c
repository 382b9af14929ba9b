/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_pipeline - pages a second through the whole pipeline, and the CPU time of each stage.
 *
 *   bench_pipeline --seed URL --data DIRECTORY [--delay MS] [--depth N] [--json FILE]
 *                  [--set NAME=VALUE]
 *
 * Crawls a site from URL until all stages are idle, in this process, as `weir run all` does. The
 * site is served by another process, so that its CPU time doesn't count. --set gives a setting of
 * the applications, such as commit.interval.ms.
 *
 * The data directory stays: for some seconds after files were removed, ext4 takes longer to make
 * new ones (it passes over their inodes), which cost the next crawl a tenth of its CPU time.
 */
#include "streams/base/clock.h"
#include "streams/base/file.h"
#include "streams/base/json.h"
#include "streams/base/logging.h"
#include "tests/perf/must.h"
#include "topologies/pipeline.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { WATCH_INTERVAL_MS = 20, LOOKS_A_QUESTION = 10, NS_PER_S = 1000000000 };

typedef struct bench {
    weir_pipeline_options options;
    weir_setting setting;
    const char *seed;
    const char *json_path;
    weir_pipeline *pipeline;
    int64_t pages;
    uint64_t started_ns;
    uint64_t last_change_ns; /* When a stage was last seen to have done something. */
    uint64_t cpu_ns;
    uint64_t stage_cpu_ns[WEIR_STAGE_COUNT];
    int64_t stage_records[WEIR_STAGE_COUNT];
    int64_t peak_kib;
} bench;

static weir_label label_of(bench *b, weir_stage stage)
{
    return (weir_label){"application_id",
                        weir_application_id(weir_pipeline_application(b->pipeline, stage))};
}

static void note_progress(bench *b)
{
    for (weir_stage stage = 0; stage < WEIR_STAGE_COUNT; stage++) {
        weir_label of = label_of(b, stage);
        int64_t records = weir_metrics_sum(weir_pipeline_metrics(b->pipeline),
                                           "weir_stream_thread_process_records_total", &of);
        if (records != b->stage_records[stage]) {
            b->stage_records[stage] = records;
            b->last_change_ns = weir_clock_monotonic_ns();
        }
    }
}

static void crawl(bench *b)
{
    weir_error err = {0};
    uint64_t activity = 0;
    bool done = false;
    for (unsigned look = 1; !done; look++) {
        (void)poll(NULL, 0, WATCH_INTERVAL_MS);
        note_progress(b);
        if (look % LOOKS_A_QUESTION == 0) {
            must(weir_pipeline_failure(b->pipeline, &err), &err);
            must(weir_pipeline_housekeep(b->pipeline, weir_clock_now_ms(), &err), &err);
            done = weir_pipeline_is_idle(b->pipeline, &activity);
        }
    }
}

static void note_costs(bench *b)
{
    for (weir_stage stage = 0; stage < WEIR_STAGE_COUNT; stage++) {
        weir_label of = label_of(b, stage);
        b->stage_cpu_ns[stage] = (uint64_t)weir_metrics_sum(weir_pipeline_metrics(b->pipeline),
                                                            "weir_stream_thread_cpu_ns_total", &of);
    }
    b->pages = b->stage_records[WEIR_STAGE_EXTRACT]; /* A record of raw_fetch each. */
    b->cpu_ns = weir_clock_process_cpu_ns();
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    b->peak_kib = usage.ru_maxrss;
}

static void run(bench *b)
{
    weir_error err = {0};
    must(weir_directory_remove(b->options.data_directory, &err), &err);
    must(weir_pipeline_open(&b->options, &b->pipeline, &err), &err);
    weir_seed seed = {.url = weir_bytes_of_text(b->seed), .now_ms = weir_clock_now_ms()};
    must(weir_pipeline_seed(b->pipeline, &seed, 1, &err), &err);
    b->started_ns = weir_clock_monotonic_ns();
    must(weir_pipeline_start(b->pipeline, &err), &err);
    crawl(b);
    must(weir_pipeline_close(b->pipeline, &err), &err);
    note_costs(b);
    weir_pipeline_free(b->pipeline);
}

static double ms_a_page(const bench *b, uint64_t spent_ns)
{
    return b->pages == 0 ? 0 : (double)spent_ns / (double)b->pages / WEIR_NS_PER_MS;
}

static uint64_t rest_ns(const bench *b)
{
    uint64_t stages_ns = 0;
    for (weir_stage stage = 0; stage < WEIR_STAGE_COUNT; stage++) {
        stages_ns += b->stage_cpu_ns[stage];
    }
    return b->cpu_ns > stages_ns ? b->cpu_ns - stages_ns : 0;
}

static double wall_seconds(const bench *b)
{
    return b->last_change_ns > b->started_ns
               ? (double)(b->last_change_ns - b->started_ns) / NS_PER_S
               : 0;
}

static void print_table(const bench *b)
{
    printf("%-10s %10s %14s %6s\n", "stage", "records", "CPU ms a page", "part");
    for (weir_stage stage = 0; stage < WEIR_STAGE_COUNT; stage++) {
        printf("%-10s %10" PRId64 " %14.3f %5.1f%%\n", weir_pipeline_stage_name(stage),
               b->stage_records[stage], ms_a_page(b, b->stage_cpu_ns[stage]),
               100.0 * (double)b->stage_cpu_ns[stage] / (double)b->cpu_ns);
    }
    printf("%-10s %10s %14.3f %5.1f%%\n", "rest", "", ms_a_page(b, rest_ns(b)),
           100.0 * (double)rest_ns(b) / (double)b->cpu_ns);
    printf("%" PRId64 " pages, %.2f s, %.1f pages/s; %.2f CPU s, %.1f pages/s a core; %.0f MB\n",
           b->pages, wall_seconds(b), (double)b->pages / wall_seconds(b),
           (double)b->cpu_ns / NS_PER_S, (double)b->pages * NS_PER_S / (double)b->cpu_ns,
           (double)b->peak_kib / 1024);
}

static void write_json(const bench *b)
{
    WEIR_AUTO(weir_buf) text = {0};
    weir_error err = {0};
    weir_json json = weir_json_of(&text);
    weir_json_begin_object(&json);
    weir_json_member_i64(&json, "pages", b->pages);
    weir_json_member_f64(&json, "seconds", wall_seconds(b));
    weir_json_member_f64(&json, "cpu_seconds", (double)b->cpu_ns / NS_PER_S);
    weir_json_member_f64(&json, "peak_rss_megabytes", (double)b->peak_kib / 1024);
    weir_json_key(&json, "cpu_ms_per_page");
    weir_json_begin_object(&json);
    for (weir_stage stage = 0; stage < WEIR_STAGE_COUNT; stage++) {
        weir_json_member_f64(&json, weir_pipeline_stage_name(stage),
                             ms_a_page(b, b->stage_cpu_ns[stage]));
    }
    weir_json_member_f64(&json, "rest", ms_a_page(b, rest_ns(b)));
    weir_json_end_object(&json);
    weir_json_end_object(&json);
    weir_buf_append_byte(&text, '\n');
    must(weir_file_replace(b->json_path, weir_buf_bytes(&text), false, &err), &err);
}

/* Splits "NAME=VALUE" in place. */
static bool take_setting(bench *b, char *assignment)
{
    char *equals = strchr(assignment, '=');
    if (equals == NULL) {
        return false;
    }
    *equals = '\0';
    b->setting = (weir_setting){assignment, equals + 1};
    b->options.settings = &b->setting;
    b->options.setting_count = 1;
    return true;
}

static bool take_argument(bench *b, const char *name, char *value)
{
    weir_crawl_settings *crawl_settings = &b->options.crawl;
    if (strcmp(name, "--seed") == 0) {
        b->seed = value;
    } else if (strcmp(name, "--data") == 0) {
        b->options.data_directory = value;
    } else if (strcmp(name, "--delay") == 0) {
        int64_t delay_ms = strtoll(value, NULL, 10);
        crawl_settings->delay_ms = delay_ms == 0 ? -1 : delay_ms;
    } else if (strcmp(name, "--depth") == 0) {
        crawl_settings->depth_max = (int32_t)strtol(value, NULL, 10);
    } else if (strcmp(name, "--json") == 0) {
        b->json_path = value;
    } else {
        return strcmp(name, "--set") == 0 && take_setting(b, value);
    }
    return true;
}

int main(int argc, char **argv)
{
    bench b = {.options.crawl = {.delay_ms = -1, .allow_private = "*"}};
    bool understood = argc % 2 != 0;
    weir_log_set_level(WEIR_LOG_WARN);
    for (int i = 1; i + 1 < argc; i += 2) {
        understood = understood && take_argument(&b, argv[i], argv[i + 1]);
    }
    if (!understood || b.seed == NULL || b.options.data_directory == NULL) {
        fprintf(stderr, "usage: bench_pipeline --seed URL --data DIRECTORY [--delay MS] "
                        "[--depth N] [--json FILE] [--set NAME=VALUE]\n");
        return 2;
    }
    run(&b);
    print_table(&b);
    if (b.json_path != NULL) {
        write_json(&b);
    }
    return 0;
}
