/* SPDX-License-Identifier: Apache-2.0
 *
 * added_headers.h - the headers of a record and some more of our own, for what is sent besides the
 * results: dead letters, late records.
 *
 * Ownership  Names, texts and the record's headers are borrowed for as long as the list is used.
 *            The list owns its numbers, so it must not move in memory. Nothing is allocated.
 * Threads    The worker's.
 */
#ifndef WEIR_STREAMS_ADDED_HEADERS_H
#define WEIR_STREAMS_ADDED_HEADERS_H

#include "streams/record.h"

/* Where a record came from. */
#define WEIR_HEADER_TOPIC "__streams.errors.topic"
#define WEIR_HEADER_PARTITION "__streams.errors.partition"
#define WEIR_HEADER_OFFSET "__streams.errors.offset"

enum { WEIR_PLACE_HEADERS = 3, WEIR_ADDED_NUMBERS_MAX = 3, WEIR_ADDED_NUMBER_BYTES = 24 };

typedef struct weir_added_headers {
    weir_header items[WEIR_RECORD_HEADERS_MAX];
    size_t count;
    char numbers[WEIR_ADDED_NUMBERS_MAX][WEIR_ADDED_NUMBER_BYTES];
    size_t number_count;
} weir_added_headers;

/* The record's headers; the last of them go where added_max more would not find room. */
void weir_added_headers_start(weir_added_headers *headers, const weir_record *record,
                              size_t added_max);

/* NULL is the empty text. */
void weir_added_headers_text(weir_added_headers *headers, const char *name, const char *text);

/* In decimal digits; WEIR_ADDED_NUMBERS_MAX at most. */
void weir_added_headers_number(weir_added_headers *headers, const char *name, int64_t number);

/* Topic, partition and offset of the record: WEIR_PLACE_HEADERS headers, all but one of them
 * numbers. */
void weir_added_headers_place(weir_added_headers *headers, const weir_record *record);

/* The record has these headers; it borrows them from here. */
void weir_added_headers_give(const weir_added_headers *headers, weir_record *record);

#endif
