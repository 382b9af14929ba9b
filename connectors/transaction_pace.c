/* SPDX-License-Identifier: Apache-2.0
 *
 * transaction_pace.c - learns the rest from refusals, which nobody tells of: librdkafka asks for
 * the partitions again, 20 ms after the answer, and that is seen.
 *
 * The coordinator answers a commit as soon as it is decided, and refuses partitions of the next
 * transaction until the markers are in all partitions of the last one, some milliseconds later.
 * Whoever asks right away so waits for 20 ms. A long transaction has no need to rest: its first
 * records wait in the producer's buffer, and its end is far away.
 */
#include "connectors/transaction_pace.h"

#define NS_PER_MS UINT64_C(1000000)
#define REST_FIRST_NS (6 * NS_PER_MS)
#define REST_MIN_NS (2 * NS_PER_MS)
#define REST_MAX_NS (12 * NS_PER_MS)
#define LONGER_NS NS_PER_MS          /* After a refusal, */
#define SHORTER_NS (NS_PER_MS / 256) /* and after a transaction without one. */
#define ASKED_AGAIN_MIN_NS (20 * NS_PER_MS)
#define ASKED_AGAIN_MAX_NS (30 * NS_PER_MS)

enum { SHORT_RECORDS_MAX = 2000 };

void weir_transaction_pace_init(weir_transaction_pace *pace)
{
    pace->rest_ns = REST_FIRST_NS;
    pace->until_ns = 0;
    pace->rests = false;
}

uint64_t weir_transaction_pace_begins_ns(const weir_transaction_pace *pace)
{
    return pace->until_ns;
}

void weir_transaction_pace_begun(weir_transaction_pace *pace, uint64_t asked_for_ns)
{
    pace->rests = asked_for_ns < pace->until_ns;
    pace->until_ns = 0;
}

bool weir_transaction_pace_is_refusal(uint64_t asked_ns, uint64_t again_ns)
{
    return again_ns - asked_ns >= ASKED_AGAIN_MIN_NS && again_ns - asked_ns < ASKED_AGAIN_MAX_NS;
}

static void learn(weir_transaction_pace *pace, bool refused)
{
    if (refused) {
        uint64_t longer_ns = pace->rest_ns + LONGER_NS;
        pace->rest_ns = longer_ns > REST_MAX_NS ? REST_MAX_NS : longer_ns;
    } else if (pace->rest_ns - SHORTER_NS >= REST_MIN_NS) {
        pace->rest_ns -= SHORTER_NS;
    }
}

void weir_transaction_pace_committed(weir_transaction_pace *pace, uint64_t records, bool refused,
                                     uint64_t now_ns)
{
    if (pace->rests) {
        learn(pace, refused);
    }
    pace->until_ns = records > SHORT_RECORDS_MAX ? 0 : now_ns + pace->rest_ns;
}
