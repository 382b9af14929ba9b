/* SPDX-License-Identifier: Apache-2.0
 *
 * auto_offset_reset.c - the text of a reset: a word, or a duration as java.time.Duration reads it,
 * from days down to seconds, with a fraction of milliseconds.
 *
 *   P [n D] [T [n H] [n M] [n [. n] S]]      one of them at least, and one behind a T
 */
#include "streams/auto_offset_reset.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static const char by_duration[] = "by_duration:";

static const int64_t duration_max_ms = INT64_C(1000) * 365 * 24 * 3600 * 1000;

static bool is_digit(char c)
{
    return isdigit((unsigned char)c) != 0;
}

static bool is_letter(char c, char letter)
{
    return toupper((unsigned char)c) == letter;
}

/* The number of so many units at text, in milliseconds, and what is behind it; NULL: there is none,
 * or too much. */
static const char *read_number(const char *text, int64_t unit_ms, int64_t *out_ms)
{
    const char *end = text;
    int64_t number = 0;
    while (is_digit(*end) && number <= duration_max_ms) {
        number = number * 10 + (*end++ - '0');
    }
    *out_ms = number <= duration_max_ms / unit_ms ? number * unit_ms : 0;
    return end == text || number > duration_max_ms / unit_ms ? NULL : end;
}

/* Adds a number and its unit, if they stand at *at, and goes behind them. */
static bool take_part(const char **at, char unit, int64_t unit_ms, int64_t *total_ms)
{
    int64_t ms = 0;
    const char *end = read_number(*at, unit_ms, &ms);
    if (end == NULL || !is_letter(*end, unit)) {
        return false;
    }
    *total_ms += ms;
    *at = end + 1;
    return true;
}

/* The same of seconds with a fraction, of which milliseconds count. */
static bool take_fraction(const char **at, int64_t *total_ms)
{
    int64_t ms = 0;
    const char *point = read_number(*at, 1000, &ms);
    if (point == NULL || (*point != '.' && *point != ',')) {
        return false;
    }
    int64_t unit_ms = 100;
    const char *end = point + 1;
    for (; is_digit(*end); end++, unit_ms /= 10) {
        *total_ms += (*end - '0') * unit_ms;
    }
    *total_ms += ms;
    *at = end + 1;
    return is_letter(*end, 'S');
}

static bool parse_duration(const char *text, int64_t *out_ms)
{
    enum { SECOND_MS = 1000, MINUTE_MS = 60 * SECOND_MS, HOUR_MS = 60 * MINUTE_MS };
    if (!is_letter(*text, 'P')) {
        return false;
    }
    const char *at = text + 1;
    *out_ms = 0;
    bool found = take_part(&at, 'D', INT64_C(24) * HOUR_MS, out_ms);
    if (is_letter(*at, 'T')) {
        at++;
        found = take_part(&at, 'H', HOUR_MS, out_ms);
        found = take_part(&at, 'M', MINUTE_MS, out_ms) || found;
        found = take_part(&at, 'S', SECOND_MS, out_ms) || take_fraction(&at, out_ms) || found;
    }
    return found && *at == '\0' && *out_ms <= duration_max_ms;
}

weir_status weir_auto_offset_reset_parse(const char *text, weir_auto_offset_reset *out_reset,
                                         weir_error *err)
{
    weir_auto_offset_reset reset = {0};
    if (text == NULL) {
        reset.kind = WEIR_AUTO_OFFSET_RESET_UNSET;
    } else if (strcmp(text, "earliest") == 0) {
        reset.kind = WEIR_AUTO_OFFSET_RESET_EARLIEST;
    } else if (strcmp(text, "latest") == 0) {
        reset.kind = WEIR_AUTO_OFFSET_RESET_LATEST;
    } else if (strcmp(text, "none") == 0) {
        reset.kind = WEIR_AUTO_OFFSET_RESET_NONE;
    } else if (strncmp(text, by_duration, strlen(by_duration)) == 0 &&
               parse_duration(text + strlen(by_duration), &reset.duration_ms)) {
        reset.kind = WEIR_AUTO_OFFSET_RESET_BY_DURATION;
    } else {
        return weir_error_set(err, WEIR_INVALID,
                              "auto.offset.reset = '%s': allowed is earliest, latest, none or "
                              "by_duration:<duration>, such as by_duration:PT1H30M or "
                              "by_duration:P7D",
                              text);
    }
    *out_reset = reset;
    return WEIR_OK;
}
