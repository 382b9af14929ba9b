/* SPDX-License-Identifier: Apache-2.0
 *
 * kept_times.c - a task has one or two of them: an array.
 */
#include "streams/kept_times.h"

#include <stdlib.h>
#include <string.h>

void weir_kept_times_cleanup(weir_kept_times *times)
{
    for (size_t i = 0; i < times->count; i++) {
        free(times->items[i].name);
    }
    free(times->items);
    *times = (weir_kept_times){0};
}

static weir_kept_time *find(const weir_kept_times *times, weir_bytes name)
{
    for (size_t i = 0; i < times->count; i++) {
        if (weir_bytes_equal(weir_bytes_of_text(times->items[i].name), name)) {
            return &times->items[i];
        }
    }
    return NULL;
}

bool weir_kept_times_get(const weir_kept_times *times, const char *name, int64_t *out_ms)
{
    const weir_kept_time *found = find(times, weir_bytes_of_text(name));
    if (found != NULL) {
        *out_ms = found->ms;
    }
    return found != NULL;
}

static weir_kept_time *find_or_add(weir_kept_times *times, weir_bytes name)
{
    weir_kept_time *found = find(times, name);
    if (found != NULL) {
        return found;
    }
    times->items = weir_grow(times->items, times->count, &times->capacity, sizeof(*times->items));
    weir_kept_time *added = &times->items[times->count++];
    *added = (weir_kept_time){.name = weir_bytes_to_text(name), .ms = -1};
    return added;
}

void weir_kept_times_set(weir_kept_times *times, const char *name, int64_t ms)
{
    find_or_add(times, weir_bytes_of_text(name))->ms = ms;
}

void weir_kept_times_forget(weir_kept_times *times, char mark)
{
    size_t left = 0;
    for (size_t i = 0; i < times->count; i++) {
        if (times->items[i].name[0] == mark) {
            free(times->items[i].name);
        } else {
            times->items[left++] = times->items[i];
        }
    }
    times->count = left;
}

size_t weir_kept_times_bytes_of(const char *name)
{
    return sizeof(int32_t) + strlen(name) + sizeof(int64_t);
}

void weir_kept_times_append(const weir_kept_times *times, weir_buf *to)
{
    weir_buf_append_i32_be(to, (int32_t)times->count);
    for (size_t i = 0; i < times->count; i++) {
        weir_bytes name = weir_bytes_of_text(times->items[i].name);
        weir_buf_append_i32_be(to, (int32_t)name.size);
        weir_buf_append(to, name.data, name.size);
        weir_buf_append_i64_be(to, times->items[i].ms);
    }
}

void weir_kept_times_read(weir_kept_times *times, weir_reader *reader)
{
    int32_t count = weir_read_i32_be(reader);
    for (int32_t i = 0; i < count && !reader->failed; i++) {
        int32_t name_bytes = weir_read_i32_be(reader);
        if (name_bytes < 0) {
            reader->failed = true;
            return;
        }
        weir_bytes name = weir_read_bytes(reader, (size_t)name_bytes);
        int64_t ms = weir_read_i64_be(reader);
        if (reader->failed || times == NULL) {
            continue;
        }
        weir_kept_time *kept = find_or_add(times, name);
        kept->ms = kept->ms < ms ? ms : kept->ms;
    }
}
