/* SPDX-License-Identifier: Apache-2.0
 *
 * clock.h - the only place that reads a clock or sleeps.
 *
 * The runtime, the stores and the stages take time as an argument; the loops at the edge of the
 * process (application.c, main.c) call this and pass it on.
 *
 * Threads    Any.
 */
#ifndef WEIR_STREAMS_BASE_CLOCK_H
#define WEIR_STREAMS_BASE_CLOCK_H

#include <stdint.h>

enum { WEIR_NS_PER_MS = 1000 * 1000 };

int64_t weir_clock_now_ms(void);         /* Wall clock: milliseconds since 1970. */
uint64_t weir_clock_monotonic_ns(void);  /* For durations; never turned back. */
uint64_t weir_clock_thread_cpu_ns(void); /* CPU time of the calling thread. */
uint64_t weir_clock_process_cpu_ns(void);

#endif
