/* SPDX-License-Identifier: Apache-2.0
 *
 * mixed_key.h - keys of benchmarks, which follow each other in no order.
 *
 * Threads    Any.
 */
#ifndef WEIR_TESTS_PERF_MIXED_KEY_H
#define WEIR_TESTS_PERF_MIXED_KEY_H

#include <stdint.h>

enum { MIXED_KEY_BYTES = 16 };

/* The key of a number: 16 hex digits, no zero after them. */
static inline void mixed_key(uint64_t number, char key[MIXED_KEY_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    uint64_t mixed = number * UINT64_C(0x9e3779b97f4a7c15);
    mixed ^= mixed >> 32;
    for (int i = 0; i < MIXED_KEY_BYTES; i++) {
        key[i] = digits[mixed >> 60];
        mixed <<= 4;
    }
}

#endif
