/* SPDX-License-Identifier: Apache-2.0
 *
 * broker_contract_internal.h - short words for the contract's tests. Each fails the test where the
 * call does not answer WEIR_OK.
 */
#ifndef WEIR_TESTS_HARNESS_BROKER_CONTRACT_INTERNAL_H
#define WEIR_TESTS_HARNESS_BROKER_CONTRACT_INTERNAL_H

#include "tests/harness/broker_contract.h"
#include "tests/harness/check.h"

enum { POLLS_MAX = 1000 };

/* A name with the broker's prefix, valid until the test ends. */
const char *contract_name(broker_contract *contract, const char *name);

/* A fresh topic; its full name. */
const char *contract_topic(broker_contract *contract, const char *name, int32_t partition_count);

/* A consumer of one partition from offset on; NONE as reset. */
weir_consumer *contract_consumer(broker_contract *contract, const char *topic, int32_t partition,
                                 int64_t offset);
weir_producer *contract_producer(broker_contract *contract, const char *transactional_id);
weir_member *contract_member(broker_contract *contract, const char *group, const char *instance_id,
                             const char *topic);

/* Sends text as value (key NULL, timestamp 1) to a partition. */
void contract_send(broker_contract *contract, weir_producer *producer, const char *topic,
                   int32_t partition, const char *value);
void contract_flush(broker_contract *contract, weir_producer *producer);

/* The values that a partition shows from offset on, joined by commas; those that are wanted are
 * waited for, more only for the factory's patience. Borrowed until the next call. */
const char *contract_values(broker_contract *contract, weir_topic_partition from, int64_t offset,
                            const char *wanted);
#define CHECK_VALUES(contract, topic, partition, offset, wanted)                                   \
    CHECK_STR(contract_values(contract, (weir_topic_partition){topic, partition}, offset, wanted), \
              wanted)

/* Polls for a batch that is to come; NULL: none came. */
weir_batch *contract_poll(broker_contract *contract, weir_consumer *consumer);

/* Whether no batch comes for as long as the factory's patience. */
bool contract_is_quiet(broker_contract *contract, weir_consumer *consumer);

int64_t contract_offset(broker_contract *contract, const char *topic, int32_t partition,
                        weir_offset_spec spec);

/* Polls a member for an event that is to come, and writes it as text, "assigned 0,1", or "" for
 * none. */
const char *contract_event(broker_contract *contract, weir_member *member, int64_t now_ms);

/* The same for an event that may come within the factory's patience. */
const char *contract_soon(broker_contract *contract, weir_member *member, int64_t now_ms);

/* Polls members in turn, releasing what is revoked, until all are quiet. */
void contract_settle(broker_contract *contract, weir_member **members, size_t count,
                     int64_t now_ms);

/* "offset metadata" of a group, "none", or "open" where a transaction that carries it is open. */
const char *contract_group_offset(broker_contract *contract, const char *group, const char *topic,
                                  int32_t partition);

/* Crashes and opens the broker again. */
void contract_crash(broker_contract *contract);

#endif
