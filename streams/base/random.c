/* SPDX-License-Identifier: Apache-2.0
 *
 * random.c - xoshiro256**, its state filled from the seed by splitmix64 as its authors advise.
 */
#include "streams/base/random.h"

#include "streams/base/status.h"

#include <sys/random.h>

static uint64_t splitmix64(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t rotate_left(uint64_t x, unsigned bits)
{
    return (x << bits) | (x >> (64 - bits));
}

weir_random weir_random_of(uint64_t seed)
{
    weir_random random;
    for (int i = 0; i < 4; i++) {
        random.state[i] = splitmix64(&seed);
    }
    return random;
}

uint64_t weir_random_seed(void)
{
    uint64_t seed = 0;
    ssize_t got = getrandom(&seed, sizeof seed, 0);
    WEIR_ASSERT(got == (ssize_t)sizeof seed);
    return seed;
}

uint64_t weir_random_u64(weir_random *random)
{
    uint64_t *s = random->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t weir_random_below(weir_random *random, uint64_t bound)
{
    WEIR_ASSERT(bound > 0);

    return weir_random_u64(random) % bound; /* The bias is below bound / 2^64. */
}

bool weir_random_chance(weir_random *random, uint32_t per_million)
{
    return weir_random_below(random, 1000000) < per_million;
}
