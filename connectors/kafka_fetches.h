/* SPDX-License-Identifier: Apache-2.0
 *
 * kafka_fetches.h - whether librdkafka's fetcher of a broker sleeps.
 *
 * librdkafka looks for queues with room when a response came, and then not before a second has
 * passed: where all queues were full, nobody fetches until then, however fast they are emptied.
 * (Since 2.2 there is fetch.queue.backoff.ms.) Whoever empties a queue can tell here that it is so,
 * and begin the fetch anew: what wakes the fetcher also drops what is on its way, so it must be
 * known that nothing is.
 *
 * Threads    Any.
 */
#ifndef WEIR_CONNECTORS_KAFKA_FETCHES_H
#define WEIR_CONNECTORS_KAFKA_FETCHES_H

#include "connectors/kafka_internal.h"

typedef struct weir_kafka_fetches weir_kafka_fetches;

/* Of one handle. */
weir_kafka_fetches *weir_kafka_fetches_new(void);
/* After the handle that it watches; NULL is fine. */
void weir_kafka_fetches_free(weir_kafka_fetches *fetches);

/* Has the handle that is made of conf tell of its requests. */
void weir_kafka_fetches_watch(weir_kafka_fetches *fetches, rd_kafka_conf_t *conf);

/* Whether no fetch from broker is under way, and the last answer must have been taken in: the
 * caller wakes it. Where that is not so yet, *out_again_ns is lowered to when it may be. */
bool weir_kafka_fetches_sleep(weir_kafka_fetches *fetches, int32_t broker, uint64_t now_ns,
                              uint64_t *out_again_ns);

#endif
