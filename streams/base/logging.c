/* SPDX-License-Identifier: Apache-2.0
 *
 * logging.c - one line, formatted on the side and written in one piece.
 *
 * The threshold is an atomic, because it is looked at on paths that log nothing. What follows is
 * rare by construction (the rate of each site is limited), so one lock covers the sites and the
 * sink. A flood costs its lock and nothing else: the text of a suppressed line is never formatted.
 */
#include "streams/base/logging_internal.h"

#include "streams/base/clock.h"
#include "streams/base/status.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

enum { MS_PER_S = 1000 };

static atomic_int threshold = WEIR_LOG_INFO;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* Of the sink, and of every site. */
static void (*sink)(void *context, weir_bytes line);
static void *sink_context;

static const char *const level_names[] = {"debug", "info", "warn", "error", "off"};

bool weir_log_level_parse(const char *text, weir_log_level *out_level)
{
    if (strcasecmp(text, "warning") == 0) {
        *out_level = WEIR_LOG_WARN;
        return true;
    }
    for (size_t i = 0; i < WEIR_COUNT_OF(level_names); i++) {
        if (strcasecmp(text, level_names[i]) == 0) {
            *out_level = (weir_log_level)i;
            return true;
        }
    }
    return false;
}

void weir_log_set_level(weir_log_level level)
{
    atomic_store_explicit(&threshold, (int)level, memory_order_relaxed);
}

bool weir_log_is_on(weir_log_level level)
{
    WEIR_ASSERT(level != WEIR_LOG_OFF);
    return (int)level >= atomic_load_explicit(&threshold, memory_order_relaxed);
}

void weir_log_redirect(void (*write)(void *context, weir_bytes line), void *context)
{
    pthread_mutex_lock(&lock);
    sink = write;
    sink_context = context;
    pthread_mutex_unlock(&lock);
}

bool weir_log_site_admit(weir_log_site *site, int64_t now_ms, uint64_t *out_suppressed)
{
    bool window_is_over = now_ms - site->window_start_ms >= WEIR_LOG_WINDOW_MS;
    bool clock_went_back = now_ms < site->window_start_ms;
    if (window_is_over || clock_went_back) {
        site->window_start_ms = now_ms;
        site->written = 0;
    }
    if (site->written == WEIR_LOG_BURST) {
        site->suppressed++;
        return false;
    }
    site->written++;
    *out_suppressed = site->suppressed;
    site->suppressed = 0;
    return true;
}

/* A value as logfmt reads it: bare where it is plain, else in quotes. Control bytes never reach a
 * terminal. */
static void append_value(weir_buf *to, const char *text, bool quoted)
{
    if (quoted) {
        weir_buf_append_byte(to, '"');
    }
    for (const char *at = text; *at != '\0'; at++) {
        uint8_t byte = (uint8_t)*at;
        if (byte == '\n') {
            weir_buf_append_text(to, "\\n");
        } else if (byte < ' ' || byte == 0x7f) {
            weir_buf_append_format(to, "\\x%02x", byte);
        } else if (byte == '"' || byte == '\\') {
            weir_buf_append_format(to, "\\%c", byte);
        } else {
            weir_buf_append_byte(to, byte);
        }
    }
    if (quoted) {
        weir_buf_append_byte(to, '"');
    }
}

static void append_key_value(weir_buf *to, const char *key, const char *value)
{
    weir_buf_append_format(to, " %s=", key);
    append_value(to, value, value[0] == '\0' || strpbrk(value, " =\"\\\n\t") != NULL);
}

static void append_time(weir_buf *to, int64_t now_ms)
{
    time_t seconds = (time_t)(now_ms / MS_PER_S);
    struct tm utc;
    char text[sizeof "2026-11-21T03:14:00"];
    (void)gmtime_r(&seconds, &utc);
    size_t length = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    weir_buf_append_format(to, "ts=%.*s.%03dZ", (int)length, text, (int)(now_ms % MS_PER_S));
}

static void append_place(weir_buf *to, const weir_log_place *place)
{
    if (place->task != NULL) {
        append_key_value(to, "task", place->task);
    }
    if (place->topic == NULL) {
        return;
    }
    append_key_value(to, "topic", place->topic);
    weir_buf_append_format(to, " partition=%" PRId32, place->partition);
    if (place->offset >= 0) {
        weir_buf_append_format(to, " offset=%" PRId64, place->offset);
    }
}

void weir_log_format(weir_buf *to, const weir_log_entry *entry)
{
    append_time(to, entry->now_ms);
    weir_buf_append_format(to, " level=%s", level_names[entry->level]);
    if (entry->place != NULL) {
        append_place(to, entry->place);
    }
    if (entry->suppressed > 0) {
        weir_buf_append_format(to, " suppressed=%" PRIu64, entry->suppressed);
    }
    weir_buf_append_text(to, " msg=");
    append_value(to, entry->message, true);
    weir_buf_append_byte(to, '\n');
}

static void write_line(weir_bytes line)
{
    pthread_mutex_lock(&lock);
    if (sink != NULL) {
        sink(sink_context, line);
    } else {
        ssize_t written = write(STDERR_FILENO, line.data, line.size);
        (void)written; /* There is nobody left to tell. */
    }
    pthread_mutex_unlock(&lock);
}

void weir_log_line(weir_log_site *site, weir_log_level level, const weir_log_place *place,
                   const char *format, ...)
{
    weir_log_entry entry = {.now_ms = weir_clock_now_ms(), .level = level, .place = place};
    pthread_mutex_lock(&lock);
    bool admitted = weir_log_site_admit(site, entry.now_ms, &entry.suppressed);
    pthread_mutex_unlock(&lock);
    if (!admitted) {
        return;
    }
    char message[WEIR_LOG_LINE_BYTES_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args); /* Cut is fine. */
    va_end(args);
    entry.message = message;
    WEIR_AUTO(weir_buf) line = {0};
    weir_log_format(&line, &entry);
    write_line(weir_buf_bytes(&line));
}
