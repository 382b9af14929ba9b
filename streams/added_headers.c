/* SPDX-License-Identifier: Apache-2.0
 *
 * added_headers.c - a list on the stack, since headers are few and known.
 */
#include "streams/added_headers.h"

#include "streams/base/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void weir_added_headers_start(weir_added_headers *headers, const weir_record *record,
                              size_t added_max)
{
    WEIR_ASSERT(added_max <= WEIR_RECORD_HEADERS_MAX);
    size_t room = WEIR_RECORD_HEADERS_MAX - added_max;
    headers->number_count = 0;
    headers->count = record->header_count < room ? record->header_count : room;
    if (headers->count > 0) {
        memcpy(headers->items, record->headers, headers->count * sizeof(*headers->items));
    }
}

void weir_added_headers_text(weir_added_headers *headers, const char *name, const char *text)
{
    WEIR_ASSERT(headers->count < WEIR_RECORD_HEADERS_MAX);
    headers->items[headers->count++] =
        (weir_header){weir_bytes_of_text(name), weir_bytes_of_text(text == NULL ? "" : text)};
}

void weir_added_headers_number(weir_added_headers *headers, const char *name, int64_t number)
{
    WEIR_ASSERT(headers->number_count < WEIR_ADDED_NUMBERS_MAX);
    char *text = headers->numbers[headers->number_count++];
    snprintf(text, WEIR_ADDED_NUMBER_BYTES, "%" PRId64, number);
    weir_added_headers_text(headers, name, text);
}

void weir_added_headers_place(weir_added_headers *headers, const weir_record *record)
{
    weir_added_headers_text(headers, WEIR_HEADER_TOPIC, record->topic);
    weir_added_headers_number(headers, WEIR_HEADER_PARTITION, record->partition);
    weir_added_headers_number(headers, WEIR_HEADER_OFFSET, record->offset);
}

void weir_added_headers_give(const weir_added_headers *headers, weir_record *record)
{
    record->headers = headers->items;
    record->header_count = headers->count;
}
