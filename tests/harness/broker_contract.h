/* SPDX-License-Identifier: Apache-2.0
 *
 * broker_contract.h - what every broker does (streams/broker.h and its handles), as tests that run
 * against any of them.
 *
 *   static const broker_factory factory = {.open = …, .reopen = …, .close = …};
 *   #define RUN(name) TEST(name) { broker_contract_run(&factory, broker_contract_##name); }
 *   BROKER_CONTRACT(RUN)
 *   BROKER_CONTRACT_CRASH(RUN)      where reopen is implemented
 *
 * Each test makes its own topics and groups; a broker that is shared gives them names of its own
 * by topic_prefix.
 */
#ifndef WEIR_TESTS_HARNESS_BROKER_CONTRACT_H
#define WEIR_TESTS_HARNESS_BROKER_CONTRACT_H

#include "streams/broker.h"
#include "streams/consumer.h"
#include "streams/member.h"
#include "streams/producer.h"

enum { PATIENCE_FACTOR = 30 };

typedef struct broker_factory {
    void *user;
    weir_broker *(*open)(void *user);

    /* The broker crashes (nothing is flushed) and starts again with what was acknowledged. All
     * handles are freed before. NULL where that cannot be done. */
    weir_broker *(*reopen)(void *user, weir_broker *owned_broker);
    void (*close)(void *user, weir_broker *owned_broker);
    const char *topic_prefix; /* May be NULL. */
    int32_t patience_ms; /* After so long without anything, nothing comes; 0: at once. What must
                          * come is waited for PATIENCE_FACTOR times as long. */
    bool is_remote; /* A cluster: it has a clock of its own, a member that leaves is missed when
                          * it is silent, and a commit is not checked against the group. */
} broker_factory;

/* What a test gets. */
typedef struct broker_contract {
    const broker_factory *factory;
    weir_broker *broker;
    weir_error err;
    char *names[16]; /* Prefixed names that live as long as the test. */
    size_t name_count;
} broker_contract;

void broker_contract_run(const broker_factory *factory, void (*test)(broker_contract *contract));

#define BROKER_CONTRACT(X)                                                                         \
    X(topic_is_created_once_and_described)                                                         \
    X(topic_with_another_layout_is_refused)                                                        \
    X(topics_are_created_and_described_together)                                                   \
    X(topics_are_listed_by_name_and_deleted)                                                       \
    X(records_come_back_with_all_their_parts)                                                      \
    X(offsets_have_no_gaps_and_keep_the_order_of_a_producer)                                       \
    X(records_over_the_limits_are_bad_records)                                                     \
    X(large_records_come_back)                                                                     \
    X(batches_are_bounded_and_outlive_polls)                                                       \
    X(partitions_take_turns)                                                                       \
    X(paused_partition_is_not_polled)                                                              \
    X(unassigned_partition_is_not_polled_and_assign_moves)                                         \
    X(partition_with_unread_records_is_read_again_from_where_it_is_told)                           \
    X(position_and_lag_follow_the_reading)                                                         \
    X(offset_out_of_range_is_reset_as_asked)                                                       \
    X(offsets_are_found_by_timestamp)                                                              \
    X(deleted_records_are_gone)                                                                    \
    X(transaction_shows_all_or_nothing)                                                            \
    X(aborted_transaction_leaves_nothing)                                                          \
    X(transaction_carries_group_offsets)                                                           \
    X(older_producer_of_a_transactional_id_is_fenced)                                              \
    X(acknowledged_offset_is_that_of_the_last_record)                                              \
    X(transaction_takes_more_than_the_buffer)                                                      \
    X(group_offsets_are_committed_with_metadata)                                                   \
    X(offsets_of_many_partitions_are_asked_for_at_once)                                            \
    X(commit_of_another_generation_waits)                                                          \
    X(group_offsets_are_altered_only_without_members)                                              \
    X(member_alone_gets_every_partition)                                                           \
    X(second_member_gets_its_half_only_after_release)                                              \
    X(every_generation_is_told_of_without_partitions_too)                                          \
    X(partitions_of_a_member_that_leaves_go_to_the_others)                                         \
    X(member_that_leaves_before_it_has_released_lets_go)                                           \
    X(silent_member_loses_its_partitions_and_is_fenced)                                            \
    X(static_member_gets_its_partitions_back)                                                      \
    X(member_of_another_topic_is_refused)                                                          \
    X(wake_ends_a_waiting_poll)                                                                    \
    X(append_ends_a_waiting_poll)                                                                  \
    X(two_threads_write_and_read)

#define BROKER_CONTRACT_CRASH(X)                                                                   \
    X(acknowledged_records_survive_a_crash)                                                        \
    X(committed_transactions_survive_a_crash_and_open_ones_do_not)                                 \
    X(group_offsets_and_epochs_survive_a_crash)                                                    \
    X(topics_and_first_offsets_survive_a_crash)

#define BROKER_CONTRACT_DECLARE(name) void broker_contract_##name(broker_contract *contract);
BROKER_CONTRACT(BROKER_CONTRACT_DECLARE)
BROKER_CONTRACT_CRASH(BROKER_CONTRACT_DECLARE)
#undef BROKER_CONTRACT_DECLARE

#endif
