/* SPDX-License-Identifier: Apache-2.0
 *
 * random.h - random numbers from a seed (xoshiro256**, Blackman and Vigna 2018), so that whatever
 * is random can be replayed.
 *
 * Threads    One at a time per generator.
 */
#ifndef WEIR_STREAMS_BASE_RANDOM_H
#define WEIR_STREAMS_BASE_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

typedef struct weir_random {
    uint64_t state[4];
} weir_random;

/* A generator whose numbers follow from seed alone. */
weir_random weir_random_of(uint64_t seed);

/* A seed from the kernel, for the edges of a process; tests print theirs. */
uint64_t weir_random_seed(void);

uint64_t weir_random_u64(weir_random *random);
uint64_t weir_random_below(weir_random *random, uint64_t bound); /* 0 … bound - 1, bound > 0. */
bool weir_random_chance(weir_random *random, uint32_t per_million);

#endif
