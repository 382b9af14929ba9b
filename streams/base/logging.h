/* SPDX-License-Identifier: Apache-2.0
 *
 * logging.h - diagnostics for people, as logfmt lines on stderr.
 *
 *   ts=2026-11-21T03:14:00.123Z level=warn task=0_1 topic=urls partition=3 offset=42 msg="…"
 *
 * A function returns an error or logs it, never both: only the loops that decide what happens next
 * (application.c, stream_thread.c, main) log at warn and above.
 *
 * Limits     Each call site writes at most WEIR_LOG_BURST lines in WEIR_LOG_WINDOW_MS; what is
 *            left out is counted in suppressed= of the site's next line. A line is cut at
 *            WEIR_LOG_LINE_BYTES_MAX.
 * Threads    Any. Lines never mix.
 */
#ifndef WEIR_STREAMS_BASE_LOGGING_H
#define WEIR_STREAMS_BASE_LOGGING_H

#include "streams/base/bytes.h"

enum { WEIR_LOG_BURST = 10, WEIR_LOG_WINDOW_MS = 10 * 1000, WEIR_LOG_LINE_BYTES_MAX = 2048 };

typedef enum weir_log_level {
    WEIR_LOG_DEBUG,
    WEIR_LOG_INFO,
    WEIR_LOG_WARN,
    WEIR_LOG_ERROR,
    WEIR_LOG_OFF, /* As a threshold only. */
} weir_log_level;

/* What a line is about; all-zero is nothing in particular. */
typedef struct weir_log_place {
    const char *task;  /* NULL leaves task= out. */
    const char *topic; /* NULL leaves topic=, partition= and offset= out. */
    int32_t partition;
    int64_t offset; /* Negative leaves offset= out. */
} weir_log_place;

/* The memory of a call site for its rate; WEIR_LOG makes it. */
typedef struct weir_log_site {
    int64_t window_start_ms;
    uint32_t written;
    uint64_t suppressed;
} weir_log_site;

/* "debug", "info", "warn" (or "warning"), "error", "off", in any case. False for anything else. */
bool weir_log_level_parse(const char *text, weir_log_level *out_level);

/* Nothing below level is written from now on. The level at the start is WEIR_LOG_INFO. */
void weir_log_set_level(weir_log_level level);

/* Whether lines of level are written; costs one load. */
bool weir_log_is_on(weir_log_level level);

/* Sends lines (each ends with a line feed) to write instead of stderr; NULL goes back to stderr.
 * write is called by one thread at a time and must not log. */
void weir_log_redirect(void (*write)(void *context, weir_bytes line), void *context);

/* For WEIR_LOG. */
void weir_log_line(weir_log_site *site, weir_log_level level, const weir_log_place *place,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));

/* WEIR_LOG(WEIR_LOG_WARN, &place, "poll failed: %s", err.message); place may be NULL. */
#define WEIR_LOG(level, place, ...)                                                                \
    do {                                                                                           \
        static weir_log_site weir_log_site_;                                                       \
        if (weir_log_is_on(level)) {                                                               \
            weir_log_line(&weir_log_site_, (level), (place), __VA_ARGS__);                         \
        }                                                                                          \
    } while (0)

#endif
