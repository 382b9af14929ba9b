/* SPDX-License-Identifier: Apache-2.0
 *
 * clock.c - reads the clocks of the kernel.
 */
#include "streams/base/clock.h"

#include "streams/base/status.h"

#include <time.h>

enum { NS_PER_S = 1000 * 1000 * 1000 };

static uint64_t read_ns(clockid_t id)
{
    struct timespec now;
    int failed = clock_gettime(id, &now);
    WEIR_ASSERT(failed == 0);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

int64_t weir_clock_now_ms(void)
{
    return (int64_t)(read_ns(CLOCK_REALTIME) / WEIR_NS_PER_MS);
}

uint64_t weir_clock_monotonic_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

uint64_t weir_clock_thread_cpu_ns(void)
{
    return read_ns(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t weir_clock_process_cpu_ns(void)
{
    return read_ns(CLOCK_PROCESS_CPUTIME_ID);
}
