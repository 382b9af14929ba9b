/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_shares.h - one budget of memory, weir.memory.max.bytes, shared out among the parts that
 * grow with state and load.
 *
 *   60 %  weir.database.bytes.max     block cache, write buffers and applied rows in memory
 *   10 %  weir.apply.bytes.max        committed writes that the database does not have yet
 *    7 %  weir.staged.bytes.max       uncommitted writes
 *    3 %  statestore.cache.max.bytes  those that the record caches hold back
 *    5 %  weir.fetch.bytes.max        what consumers read ahead
 *    5 %  weir.produce.bytes.max      what producers wait for
 *   10 %  the program, librdkafka's own, the objects of tasks; of that
 *            2 %  weir.subscription.bytes.max  changes that wait for who subscribes to them
 *
 * A limit of a worker is its share divided by the workers. Limits that are set are kept, and what
 * they leave is shared out in the same proportions.
 *
 * Errors     WEIR_INVALID where what is set leaves too little; the message names each part.
 * Threads    Any.
 */
#ifndef WEIR_STREAMS_MEMORY_SHARES_H
#define WEIR_STREAMS_MEMORY_SHARES_H

#include "streams/config.h"

/* Sets those limits that settings do not; without a budget they stay as they are. */
weir_status weir_memory_shares_set(weir_config *config, const weir_setting *settings, size_t count,
                                   weir_error *err);

/* The parts, by index: name of the setting and bytes of all workers together; NULL behind the last.
 */
const char *weir_memory_share(const weir_config *config, size_t index, int64_t *out_bytes);

#endif
