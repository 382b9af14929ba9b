/* SPDX-License-Identifier: Apache-2.0
 *
 * load.h - the records of the benchmark, one after the other: keys of 16 bytes drawn evenly, values
 * of words, event time moving on evenly.
 */
#ifndef WEIR_TESTS_PERF_PEER_LOAD_H
#define WEIR_TESTS_PERF_PEER_LOAD_H

#include "streams/base/bytes.h"

enum { LOAD_KEY_BYTES = 16, LOAD_VALUE_BYTES_MIN = 8, LOAD_VALUE_BYTES_MAX = 4096 };

/* What is drawn from; a load begins anew with number 0 and the same seed. */
typedef struct load {
    int64_t records;
    int64_t keys;
    size_t value_bytes;
    int64_t from_ms; /* Event time of the first record; that of the last is span_ms later. */
    int64_t span_ms;
    uint64_t seed;

    int64_t number; /* Of the record that load_next has made, from 0. */
    int64_t timestamp_ms;
    char key[LOAD_KEY_BYTES + 1];
    char value[LOAD_VALUE_BYTES_MAX];
    uint64_t drawn;
} load;

/* Makes the next record; false after the last. */
bool load_next(load *l);

#endif
