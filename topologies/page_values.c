/* SPDX-License-Identifier: Apache-2.0
 *
 * page_values.c - small texts of a page: cleaned copies, lists of words, dates.
 */
#include "topologies/extract_internal.h"

#include "streams/base/status.h"

#include <string.h>
#include <strings.h>

enum { ASCII_CASE_BIT = 0x20, NBSP_FIRST = 0xc2, NBSP_SECOND = 0xa0 };

/* Bytes of the white space at at: 0 where there is none. */
static size_t space_at(const uint8_t *at, const uint8_t *end)
{
    if (*at <= ' ') {
        return 1;
    }
    return *at == NBSP_FIRST && end - at >= 2 && at[1] == NBSP_SECOND ? 2 : 0;
}

weir_bytes weir_value_clean(weir_arena *arena, weir_bytes text, size_t bytes_max)
{
    WEIR_ASSERT(arena != NULL);
    WEIR_ASSERT(bytes_max > 0);

    const uint8_t *at = text.data;
    const uint8_t *end = text.size == 0 ? at : at + text.size;
    size_t room = text.size < bytes_max ? text.size : bytes_max;
    uint8_t *copy = text.size == 0 ? NULL : weir_arena_alloc(arena, room + 1);
    if (copy == NULL) {
        return WEIR_BYTES_NULL;
    }
    size_t size = 0;
    bool space_before = false;
    while (at < end && size < room) {
        size_t space = space_at(at, end);
        if (space > 0) {
            space_before = size > 0;
            at += space;
            continue;
        }
        if (space_before) {
            copy[size++] = ' ';
            space_before = false;
            continue;
        }
        copy[size++] = *at++;
    }
    if (at < end && (*at & 0xc0) == 0x80) { /* Cut inside a character: it goes. */
        while (size > 0 && (copy[size - 1] & 0xc0) == 0x80) {
            size--;
        }
        size -= size > 0 ? 1 : 0;
    }
    copy[size] = 0;
    return size == 0 ? WEIR_BYTES_NULL : weir_bytes_of(copy, size);
}

weir_bytes weir_value_of_subtree(weir_arena *arena, const weir_html_tree *tree, uint32_t node,
                                 size_t bytes_max)
{
    WEIR_ASSERT(node < tree->count);

    /* Most elements of interest hold one text. */
    const weir_html_node *nodes = tree->nodes;
    if (nodes[node].end == node + 2 && nodes[node + 1].tag == WEIR_HTML_TEXT) {
        return weir_value_clean(arena, nodes[node + 1].text, bytes_max);
    }
    WEIR_AUTO(weir_buf) joined = {0};
    uint32_t i = node + 1;
    while (i < nodes[node].end && joined.size < 4 * bytes_max) {
        if (nodes[i].tag == WEIR_HTML_SCRIPT || nodes[i].tag == WEIR_HTML_STYLE) {
            i = nodes[i].end;
            continue;
        }
        if (nodes[i].tag == WEIR_HTML_TEXT) {
            weir_buf_append(&joined, nodes[i].text.data, nodes[i].text.size);
        } else if (nodes[i].tag == WEIR_HTML_BR) {
            weir_buf_append_byte(&joined, ' ');
        }
        i++;
    }
    return weir_value_clean(arena, weir_buf_bytes(&joined), bytes_max);
}

static bool is_separator(uint8_t byte)
{
    return byte <= ' ' || byte == ',' || byte == ';';
}

bool weir_value_has_word(weir_bytes list, const char *lower_word)
{
    WEIR_ASSERT(lower_word != NULL);

    const uint8_t *data = list.data;
    size_t length = strlen(lower_word);
    for (size_t i = 0; i < list.size;) {
        size_t start = i;
        while (i < list.size && !is_separator(data[i])) {
            i++;
        }
        if (i - start == length &&
            strncasecmp((const char *)data + start, lower_word, length) == 0) {
            return true;
        }
        i += i < list.size ? 1 : 0;
    }
    return false;
}

/* Reads exactly digits digits; -1 where they are not there. */
static int read_number(const char **at, const char *end, int digits)
{
    int number = 0;
    for (int i = 0; i < digits; i++) {
        if (*at == end || **at < '0' || **at > '9') {
            return -1;
        }
        number = number * 10 + (*(*at)++ - '0');
    }
    return number;
}

static bool read_byte(const char **at, const char *end, const char *any_of)
{
    if (*at == end || **at == '\0' || strchr(any_of, **at) == NULL) {
        return false;
    }
    (*at)++;
    return true;
}

/* Days from 1970-01-01 to a date of the Gregorian calendar, years counted from March. */
static int64_t days_since_1970(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t from_march = month <= 2 ? month + 9 : month - 3;
    int64_t day_of_year = (153 * from_march + 2) / 5 + day - 1;
    return 365 * y + y / 4 - y / 100 + y / 400 + day_of_year - 719468;
}

/* The time after a date, as milliseconds; 0 where there is none that can be read. */
static int64_t read_time_ms(const char *at, const char *end)
{
    if (!read_byte(&at, end, "Tt ")) {
        return 0;
    }
    int hour = read_number(&at, end, 2);
    int minute = read_byte(&at, end, ":") ? read_number(&at, end, 2) : -1;
    if (hour < 0 || hour > 24 || minute < 0 || minute > 59) {
        return 0;
    }
    int second = read_byte(&at, end, ":") ? read_number(&at, end, 2) : 0;
    int64_t ms = (((int64_t)hour * 60 + minute) * 60 + (second < 0 ? 0 : second)) * 1000;
    if (read_byte(&at, end, ".,")) {
        int64_t scale = 100;
        for (; at < end && *at >= '0' && *at <= '9'; at++, scale /= 10) {
            ms += (*at - '0') * scale;
        }
    }
    bool is_behind = at < end && *at == '-';
    if (read_byte(&at, end, "+-")) {
        int offset_hour = read_number(&at, end, 2);
        (void)read_byte(&at, end, ":");
        int offset_minute = at < end ? read_number(&at, end, 2) : 0;
        if (offset_hour >= 0 && offset_minute >= 0) {
            int64_t offset_ms = ((int64_t)offset_hour * 60 + offset_minute) * 60 * 1000;
            ms += is_behind ? offset_ms : -offset_ms;
        }
    }
    return ms;
}

bool weir_value_parse_date(weir_bytes text, int64_t *out_ms)
{
    WEIR_ASSERT(out_ms != NULL);
    enum { YEAR_MIN = 1980, YEAR_MAX = 2100, DAY_MS = 86400000 };

    if (text.size == 0) {
        return false;
    }
    const char *at = text.data;
    const char *end = at + text.size;
    int year = read_number(&at, end, 4);
    bool has_dash = read_byte(&at, end, "-/");
    int month = read_number(&at, end, 2);
    if (has_dash && !read_byte(&at, end, "-/")) {
        return false;
    }
    int day = read_number(&at, end, 2);
    if (year < YEAR_MIN || year > YEAR_MAX || month < 1 || month > 12 || day < 1 || day > 31) {
        return false;
    }
    *out_ms = days_since_1970(year, month, day) * DAY_MS + read_time_ms(at, end);
    return true;
}
