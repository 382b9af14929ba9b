/* SPDX-License-Identifier: Apache-2.0
 *
 * position.c - a sorted array: positions are small, and are merged and read far more often than
 * they grow.
 */
#include "streams/position.h"

#include "streams/base/json.h"
#include "streams/base/json_read.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void weir_position_cleanup(weir_position *position)
{
    for (size_t i = 0; i < position->count; i++) {
        free(position->parts[i].topic);
    }
    free(position->parts);
    *position = (weir_position){0};
}

static int compare(const weir_position_part *part, const char *topic, int32_t partition)
{
    int order = strcmp(part->topic, topic);
    return order != 0 ? order : (part->partition > partition) - (part->partition < partition);
}

/* Where a partition is, or would be. */
static size_t find(const weir_position *position, const char *topic, int32_t partition)
{
    size_t low = 0;
    size_t high = position->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(&position->parts[middle], topic, partition) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool is_at(const weir_position *position, size_t at, const char *topic, int32_t partition)
{
    return at < position->count && compare(&position->parts[at], topic, partition) == 0;
}

void weir_position_add(weir_position *position, const char *topic, int32_t partition,
                       int64_t offset)
{
    WEIR_ASSERT(topic != NULL);
    WEIR_ASSERT(partition >= 0 && offset >= 0);
    size_t at = find(position, topic, partition);
    if (is_at(position, at, topic, partition)) {
        int64_t known = position->parts[at].offset;
        position->parts[at].offset = offset > known ? offset : known;
        return;
    }
    position->parts =
        weir_grow(position->parts, position->count, &position->capacity, sizeof(*position->parts));
    memmove(&position->parts[at + 1], &position->parts[at],
            (position->count - at) * sizeof(*position->parts));
    position->parts[at] = (weir_position_part){weir_strdup(topic), partition, offset};
    position->count++;
}

int64_t weir_position_offset(const weir_position *position, const char *topic, int32_t partition)
{
    size_t at = find(position, topic, partition);
    return is_at(position, at, topic, partition) ? position->parts[at].offset : -1;
}

void weir_position_merge(weir_position *to, const weir_position *from)
{
    for (size_t i = 0; i < from->count; i++) {
        const weir_position_part *part = &from->parts[i];
        weir_position_add(to, part->topic, part->partition, part->offset);
    }
}

void weir_position_append_json(const weir_position *position, weir_buf *to)
{
    weir_json json = weir_json_of(to);
    weir_json_begin_object(&json);
    for (size_t i = 0; i < position->count; i++) {
        const weir_position_part *part = &position->parts[i];
        bool is_first = i == 0 || strcmp(position->parts[i - 1].topic, part->topic) != 0;
        if (is_first && i > 0) {
            weir_json_end_object(&json);
        }
        if (is_first) {
            weir_json_key_bytes(&json, weir_bytes_of_text(part->topic));
            weir_json_begin_object(&json);
        }
        char number[16];
        (void)snprintf(number, sizeof(number), "%" PRId32, part->partition);
        weir_json_member_i64(&json, number, part->offset);
    }
    if (position->count > 0) {
        weir_json_end_object(&json);
    }
    weir_json_end_object(&json);
}

static bool partition_of(const char *text, int32_t *out_partition)
{
    char *end = NULL;
    errno = 0;
    long number = strtol(text, &end, 10);
    *out_partition = (int32_t)number;
    return errno == 0 && *end == '\0' && text[0] >= '0' && text[0] <= '9' && number <= INT32_MAX;
}

static weir_status add_topic(weir_position *position, const char *topic,
                             const weir_json_value *offsets, weir_error *err)
{
    void *at = NULL;
    const char *number = NULL;
    const weir_json_value *unused = NULL;
    while (weir_json_next(offsets, &at, &number, &unused)) {
        int32_t partition = 0;
        int64_t offset = -1;
        weir_status status = weir_json_get_i64(offsets, number, &offset, NULL);
        if (status != WEIR_OK || offset < 0 || !partition_of(number, &partition)) {
            return weir_error_set(
                err, WEIR_BAD_RECORD,
                "position: \"%s\" of topic %s is no partition with an offset of 0 "
                "or more",
                number, topic);
        }
        weir_position_add(position, topic, partition, offset);
    }
    return WEIR_OK;
}

weir_status weir_position_parse(weir_position *position, weir_bytes text, weir_error *err)
{
    WEIR_AUTO_PTR(weir_json_value) root = NULL;
    WEIR_TRY(weir_json_parse(text, WEIR_POSITION_TEXT_BYTES_MAX, &root, err));
    void *at = NULL;
    const char *topic = NULL;
    const weir_json_value *offsets = NULL;
    while (weir_json_next(root, &at, &topic, &offsets)) {
        if (!weir_json_is_object(offsets)) {
            return weir_error_set(err, WEIR_BAD_RECORD,
                                  "position: %s is to be an object of offsets by partition", topic);
        }
        WEIR_TRY(add_topic(position, topic, offsets, err));
    }
    return weir_json_is_object(root)
               ? WEIR_OK
               : weir_error_set(err, WEIR_BAD_RECORD,
                                "position: an object is needed, {\"topic\":{\"0\":17}}");
}
