/* SPDX-License-Identifier: Apache-2.0
 *
 * What the kernel says of this process is read right, and shown under the usual names.
 */
#include "connectors/process_stats.h"
#include "tests/harness/check.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

TEST(numbers_are_those_of_this_process)
{
    weir_error err = {0};
    weir_process_stats before = {0};
    CHECK_OK(weir_process_stats_read(&before, &err), &err);
    CHECK_I64(before.thread_count, ==, 1);
    CHECK_I64(before.resident_bytes, >, 100 << 10);
    CHECK_I64(before.virtual_bytes, >=, before.resident_bytes);
    CHECK_I64(before.start_time_seconds, >, 1500000000);
    CHECK_I64(before.open_fds, >=, 3);
    CHECK_I64(before.max_fds, >=, before.open_fds);

    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    weir_process_stats after = {0};
    CHECK_OK(weir_process_stats_read(&after, &err), &err);
    CHECK_I64(after.open_fds, ==, before.open_fds + 1);
    CHECK(after.cpu_seconds >= before.cpu_seconds);
    CHECK(after.start_time_seconds == before.start_time_seconds);
    close(fd);
}

TEST(they_are_shown_as_prometheus_wants_them)
{
    WEIR_AUTO(weir_buf) text = {0};
    weir_process_stats_expose(&(weir_process_stats){.cpu_seconds = 1.25, .open_fds = 7}, &text);
    CHECK(strstr(weir_buf_text(&text), "# TYPE process_cpu_seconds_total counter\n"
                                       "process_cpu_seconds_total 1.25\n") != NULL);
    CHECK(strstr(weir_buf_text(&text), "\nprocess_open_fds 7\n") != NULL);
}
