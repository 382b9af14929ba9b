/* SPDX-License-Identifier: Apache-2.0
 *
 * process_stats.c - reads /proc/self/stat, /proc/stat and /proc/self/fd (proc(5)).
 *
 * The name of the program, in parentheses, may hold anything: fields are counted from the last
 * parenthesis on.
 */
#include "connectors/process_stats.h"

#include "streams/base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { PROC_FILE_BYTES_MAX = 1 << 20 };

/* Fields of /proc/self/stat, counted from 0 behind the parenthesis. */
enum {
    FIELD_UTIME = 11,
    FIELD_STIME,
    FIELD_THREADS = 17,
    FIELD_START = 19,
    FIELD_VSIZE,
    FIELD_RSS
};

static weir_status fail(weir_error *err, const char *path)
{
    return weir_error_set(err, WEIR_IO, "cannot read %s: %s", path, strerror(errno));
}

/* The number in field index of text, whose fields one space separates; 0 where there is none. */
static uint64_t field_of(const char *text, int index)
{
    for (; index > 0 && text != NULL; index--) {
        text = strchr(text, ' ');
        text = text != NULL ? text + 1 : NULL;
    }
    return text != NULL ? strtoull(text, NULL, 10) : 0;
}

static weir_status read_stat(weir_process_stats *stats, uint64_t *out_start_ticks, weir_error *err)
{
    WEIR_AUTO(weir_buf) content = {0};
    WEIR_TRY(weir_file_read("/proc/self/stat", PROC_FILE_BYTES_MAX, &content, err));
    const char *name_end = strrchr(weir_buf_text(&content), ')');
    if (name_end == NULL || name_end[1] != ' ') {
        return weir_error_set(err, WEIR_IO, "/proc/self/stat is not as proc(5) says");
    }
    const char *fields = name_end + 2;
    double ticks_per_second = (double)sysconf(_SC_CLK_TCK);
    stats->cpu_seconds =
        (double)(field_of(fields, FIELD_UTIME) + field_of(fields, FIELD_STIME)) / ticks_per_second;
    stats->thread_count = field_of(fields, FIELD_THREADS);
    stats->virtual_bytes = field_of(fields, FIELD_VSIZE);
    stats->resident_bytes = field_of(fields, FIELD_RSS) * (uint64_t)sysconf(_SC_PAGESIZE);
    *out_start_ticks = field_of(fields, FIELD_START);
    return WEIR_OK;
}

static weir_status read_start(weir_process_stats *stats, uint64_t start_ticks, weir_error *err)
{
    WEIR_AUTO(weir_buf) content = {0};
    WEIR_TRY(weir_file_read("/proc/stat", PROC_FILE_BYTES_MAX, &content, err));
    const char *boot = strstr(weir_buf_text(&content), "\nbtime ");
    if (boot == NULL) {
        return weir_error_set(err, WEIR_IO, "/proc/stat has no btime");
    }
    stats->start_time_seconds =
        (double)field_of(boot, 1) + (double)start_ticks / (double)sysconf(_SC_CLK_TCK);
    return WEIR_OK;
}

static weir_status count_fds(weir_process_stats *stats, weir_error *err)
{
    DIR *directory = opendir("/proc/self/fd");
    if (directory == NULL) {
        return fail(err, "/proc/self/fd");
    }
    uint64_t entries = 0;
    while (readdir(directory) != NULL) {
        entries++;
    }
    (void)closedir(directory);
    stats->open_fds = entries > 3 ? entries - 3 : 0; /* Without ".", ".." and the directory. */
    struct rlimit limit = {0};
    stats->max_fds = getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
    return WEIR_OK;
}

weir_status weir_process_stats_read(weir_process_stats *out_stats, weir_error *err)
{
    WEIR_ASSERT(out_stats != NULL);
    weir_process_stats stats = {0};
    uint64_t start_ticks = 0;
    WEIR_TRY(read_stat(&stats, &start_ticks, err));
    WEIR_TRY(read_start(&stats, start_ticks, err));
    WEIR_TRY(count_fds(&stats, err));
    *out_stats = stats;
    return WEIR_OK;
}

static void expose(weir_buf *to, const char *name, const char *type, const char *help, double value)
{
    weir_buf_append_format(to, "# HELP %s %s\n# TYPE %s %s\n%s %.15g\n", name, help, name, type,
                           name, value);
}

void weir_process_stats_expose(const weir_process_stats *stats, weir_buf *to)
{
    WEIR_ASSERT(stats != NULL && to != NULL);
    expose(to, "process_cpu_seconds_total", "counter", "User and system CPU time.",
           stats->cpu_seconds);
    expose(to, "process_start_time_seconds", "gauge", "When the process started, since 1970.",
           stats->start_time_seconds);
    expose(to, "process_resident_memory_bytes", "gauge", "Resident memory.",
           (double)stats->resident_bytes);
    expose(to, "process_virtual_memory_bytes", "gauge", "Virtual memory.",
           (double)stats->virtual_bytes);
    expose(to, "process_threads", "gauge", "Threads.", (double)stats->thread_count);
    expose(to, "process_open_fds", "gauge", "Open file descriptors.", (double)stats->open_fds);
    expose(to, "process_max_fds", "gauge", "File descriptors that may be open.",
           (double)stats->max_fds);
}
