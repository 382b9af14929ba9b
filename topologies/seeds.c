/* SPDX-License-Identifier: Apache-2.0
 *
 * seeds.c - reads a file of URLs, checks them all, then sends them.
 */
#include "topologies/seeds.h"

#include "streams/base/file.h"

#include <stdlib.h>
#include <string.h>

static weir_bytes trim(const char *from, const char *to)
{
    while (from < to && (*from == ' ' || *from == '\t')) {
        from++;
    }
    while (from < to && (to[-1] == ' ' || to[-1] == '\t' || to[-1] == '\r')) {
        to--;
    }
    return weir_bytes_of(from, (size_t)(to - from));
}

/* The URL of a line; the empty bytes where it has none. */
static weir_bytes url_of_line(weir_bytes line)
{
    bool has_url = line.size > 0 && ((const char *)line.data)[0] != '#';
    return has_url ? line : WEIR_BYTES("");
}

static weir_status check_url(weir_bytes url, const char *path, size_t line_number, weir_error *err)
{
    weir_status status = weir_frontier_check_seed(url, err);
    return status == WEIR_OK ? WEIR_OK : weir_error_wrap(err, status, "%s:%zu", path, line_number);
}

/* What follows the mark that some editors put before UTF-8. */
static weir_bytes skip_byte_order_mark(weir_bytes text)
{
    weir_bytes mark = WEIR_BYTES("\xef\xbb\xbf");
    return weir_bytes_starts_with(text, mark)
               ? weir_bytes_of((const char *)text.data + mark.size, text.size - mark.size)
               : text;
}

/* The seeds of text, in an array that the caller frees. They borrow from text. */
static weir_status parse(weir_bytes text, const char *path, int64_t now_ms, weir_seed **out_seeds,
                         size_t *out_count, weir_error *err)
{
    size_t capacity = 0;
    size_t line_number = 0;
    const char *at = text.data;
    const char *end = at + text.size;
    while (at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        line_end = line_end == NULL ? end : line_end;
        weir_bytes url = url_of_line(trim(at, line_end));
        at = line_end + 1;
        line_number++;
        if (url.size == 0) {
            continue;
        }
        WEIR_TRY(check_url(url, path, line_number, err));
        *out_seeds = weir_grow(*out_seeds, *out_count, &capacity, sizeof **out_seeds);
        (*out_seeds)[(*out_count)++] = (weir_seed){.url = url, .now_ms = now_ms};
    }
    return WEIR_OK;
}

weir_status weir_seeds_send(weir_pipeline *pipeline, const char *path, int64_t now_ms,
                            size_t *out_count, weir_error *err)
{
    WEIR_AUTO(weir_buf) text = {0};
    weir_status status = weir_file_read(path, WEIR_SEEDS_FILE_BYTES_MAX, &text, err);
    if (status == WEIR_NOT_FOUND) {
        return weir_error_set(err, WEIR_NOT_FOUND, "there is no seeds file %s", path);
    }
    WEIR_TRY(status);
    WEIR_AUTO_FREE weir_seed *seeds = NULL;
    size_t count = 0;
    WEIR_TRY(parse(skip_byte_order_mark(weir_buf_bytes(&text)), path, now_ms, &seeds, &count, err));
    if (count == 0) {
        return weir_error_set(err, WEIR_INVALID, "%s holds no URL", path);
    }
    WEIR_TRY(weir_pipeline_seed(pipeline, seeds, count, err));
    *out_count = count;
    return WEIR_OK;
}
