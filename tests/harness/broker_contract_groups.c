/* SPDX-License-Identifier: Apache-2.0
 *
 * broker_contract_groups.c - the contract of transactions, group offsets and membership.
 */
#include "tests/harness/broker_contract_internal.h"

#include <stdlib.h>
#include <string.h>

static void begin(broker_contract *contract, weir_producer *producer)
{
    CHECK_OK(weir_producer_begin(producer, &contract->err), &contract->err);
}

static void commit(broker_contract *contract, weir_producer *producer)
{
    CHECK_OK(weir_producer_commit(producer, &contract->err), &contract->err);
}

void broker_contract_transaction_shows_all_or_nothing(broker_contract *contract)
{
    const char *topic = contract_topic(contract, "pages", 2);
    const char *other = contract_topic(contract, "links", 1);
    WEIR_AUTO_PTR(weir_producer) producer = contract_producer(contract, "writer");
    begin(contract, producer);
    contract_send(contract, producer, topic, 0, "a");
    contract_send(contract, producer, topic, 1, "b");
    contract_send(contract, producer, other, 0, "c");
    contract_flush(contract, producer);
    CHECK_VALUES(contract, topic, 0, 0, "");
    CHECK_VALUES(contract, other, 0, 0, "");
    commit(contract, producer);
    CHECK_VALUES(contract, topic, 0, 0, "a");
    CHECK_VALUES(contract, topic, 1, 0, "b");
    CHECK_VALUES(contract, other, 0, 0, "c");
    begin(contract, producer);
    commit(contract, producer);
}

void broker_contract_aborted_transaction_leaves_nothing(broker_contract *contract)
{
    const char *topic = contract_topic(contract, "pages", 1);
    WEIR_AUTO_PTR(weir_producer) producer = contract_producer(contract, "writer");
    begin(contract, producer);
    contract_send(contract, producer, topic, 0, "never");
    contract_flush(contract, producer);
    CHECK_OK(weir_producer_abort(producer, &contract->err), &contract->err);
    begin(contract, producer);
    contract_send(contract, producer, topic, 0, "kept");
    commit(contract, producer);
    CHECK_VALUES(contract, topic, 0, 0, "kept");
}

void broker_contract_transaction_carries_group_offsets(broker_contract *contract)
{
    const char *topic = contract_topic(contract, "pages", 2);
    const char *group = contract_name(contract, "readers");
    WEIR_AUTO_PTR(weir_member) member = contract_member(contract, group, NULL, topic);
    contract_settle(contract, &member, 1, 1000);
    WEIR_AUTO_PTR(weir_producer) producer = contract_producer(contract, "writer");
    weir_group_offset offsets[] = {{{topic, 0}, 7, WEIR_BYTES("note")}, {{topic, 1}, 8, {0}}};
    begin(contract, producer);
    contract_send(contract, producer, topic, 0, "a");
    CHECK_OK(weir_producer_send_offsets(producer, member, weir_member_generation(member), offsets,
                                        2, &contract->err),
             &contract->err);
    const char *before = contract_group_offset(contract, group, topic, 0);
    CHECK(strcmp(before, "none") == 0 || strcmp(before, "open") == 0);
    commit(contract, producer);
    CHECK_STR(contract_group_offset(contract, group, topic, 0), "7 note");
    CHECK_STR(contract_group_offset(contract, group, topic, 1), "8 ");
    begin(contract, producer);
    offsets[0].offset = 9;
    CHECK_OK(weir_producer_send_offsets(producer, member, weir_member_generation(member), offsets,
                                        1, &contract->err),
             &contract->err);
    CHECK_OK(weir_producer_abort(producer, &contract->err), &contract->err);
    CHECK_STR(contract_group_offset(contract, group, topic, 0), "7 note");
}

void broker_contract_older_producer_of_a_transactional_id_is_fenced(broker_contract *contract)
{
    const char *topic = contract_topic(contract, "pages", 1);
    WEIR_AUTO_PTR(weir_producer) older = contract_producer(contract, "writer");
    begin(contract, older);
    contract_send(contract, older, topic, 0, "zombie");
    WEIR_AUTO_PTR(weir_producer) other = contract_producer(contract, "another");
    WEIR_AUTO_PTR(weir_producer) newer = contract_producer(contract, "writer");
    CHECK_STATUS(weir_producer_commit(older, &contract->err), WEIR_FENCED);
    (void)weir_producer_abort(older, &contract->err); /* Fenced or not, it is over. */
    CHECK_STATUS(weir_producer_begin(older, &contract->err), WEIR_FENCED);
    begin(contract, newer);
    contract_send(contract, newer, topic, 0, "a");
    commit(contract, newer);
    begin(contract, other);
    contract_send(contract, other, topic, 0, "b");
    commit(contract, other);
    CHECK_VALUES(contract, topic, 0, 0, "a,b");
}

/* A flush makes room, or there is room until the commit. */
static void send_all(broker_contract *contract, weir_producer *producer, int32_t topic,
                     const weir_record *record, int count)
{
    for (int i = 0; i < count; i++) {
        weir_status status = WEIR_AGAIN;
        for (int polls = 0; polls < POLLS_MAX && status == WEIR_AGAIN; polls++) {
            status = weir_producer_send(producer, topic, record, &contract->err);
            if (status == WEIR_AGAIN) {
                weir_status flushed = weir_producer_flush(producer, 100, &contract->err);
                CHECK(flushed == WEIR_OK || flushed == WEIR_AGAIN);
            }
        }
        CHECK_OK(status, &contract->err);
    }
}

void broker_contract_transaction_takes_more_than_the_buffer(broker_contract *contract)
{
    enum { VALUE_BYTES = 1000, TRANSACTIONS = 3, RECORDS = 20 };
    const char *topic = contract_topic(contract, "pages", 1);
    weir_producer_options options = {.transactional_id = "writer", .buffer_bytes_max = 10000};
    WEIR_AUTO_PTR(weir_producer) producer = NULL;
    CHECK_OK(weir_producer_new(contract->broker, &options, &producer, &contract->err),
             &contract->err);
    int32_t number = 0;
    int32_t partition_count = 0;
    CHECK_OK(weir_producer_topic(producer, topic, &number, &partition_count, &contract->err),
             &contract->err);
    static char value[VALUE_BYTES];
    weir_record record = {.value = weir_bytes_of(value, sizeof value)};
    for (int i = 0; i < TRANSACTIONS; i++) {
        begin(contract, producer);
        CHECK(!weir_producer_wants_commit(producer));
        send_all(contract, producer, number, &record, RECORDS);
        commit(contract, producer);
        CHECK(!weir_producer_wants_commit(producer));
    }
    int64_t end = 0;
    for (int i = 0; i < POLLS_MAX && end < TRANSACTIONS * RECORDS; i++) { /* It may take a while. */
        end = contract_offset(contract, topic, 0, WEIR_OFFSET_LATEST);
    }
    CHECK_I64(end, >=, TRANSACTIONS * RECORDS);
}

void broker_contract_group_offsets_are_committed_with_metadata(broker_contract *contract)
{
    const char *topic = contract_topic(contract, "pages", 2);
    const char *group = contract_name(contract, "readers");
    WEIR_AUTO_PTR(weir_member) member = contract_member(contract, group, NULL, topic);
    contract_settle(contract, &member, 1, 1000);
    CHECK_STR(contract_group_offset(contract, group, topic, 1), "none");
    weir_group_offset offset = {{topic, 1}, 5, WEIR_BYTES("bitmap")};
    CHECK_OK(weir_member_commit(member, weir_member_generation(member), &offset, 1, &contract->err),
             &contract->err);
    CHECK_STR(contract_group_offset(contract, group, topic, 1), "5 bitmap");
    offset = (weir_group_offset){{topic, 1}, 6, {0}};
    CHECK_OK(weir_member_commit(member, weir_member_generation(member), &offset, 1, &contract->err),
             &contract->err);
    CHECK_STR(contract_group_offset(contract, group, topic, 1), "6 ");
    CHECK_STR(contract_group_offset(contract, group, topic, 0), "none");
    char *metadata = weir_alloc(WEIR_OFFSET_METADATA_BYTES_MAX + 1);
    offset.metadata = weir_bytes_of(metadata, WEIR_OFFSET_METADATA_BYTES_MAX + 1);
    CHECK_STATUS(
        weir_member_commit(member, weir_member_generation(member), &offset, 1, &contract->err),
        WEIR_INVALID);
    free(metadata);
}

void broker_contract_offsets_of_many_partitions_are_asked_for_at_once(broker_contract *contract)
{
    const char *topic = contract_topic(contract, "pages", 3);
    const char *other = contract_topic(contract, "links", 1);
    const char *group = contract_name(contract, "readers");
    WEIR_AUTO_PTR(weir_producer) producer = contract_producer(contract, NULL);
    for (int32_t partition = 0; partition < 3; partition++) {
        contract_send(contract, producer, topic, partition, "a");
        contract_send(contract, producer, topic, partition, "b");
    }
    contract_flush(contract, producer);
    CHECK_OK(weir_broker_delete_records(contract->broker, (weir_topic_partition){topic, 2}, 1,
                                        &contract->err),
             &contract->err);
    weir_offset_query queries[] = {
        {.partition = {topic, 2}, .spec = WEIR_OFFSET_WRITTEN},
        {.partition = {other, 0}, .spec = WEIR_OFFSET_LATEST},
        {.partition = {topic, 2}, .spec = WEIR_OFFSET_EARLIEST},
        {.partition = {topic, 3}, .spec = WEIR_OFFSET_LATEST},
        {.partition = {topic, 1}, .spec = WEIR_OFFSET_LATEST},
        {.partition = {"no-such-topic", 0}, .spec = WEIR_OFFSET_EARLIEST},
        {.partition = {topic, 0}, .spec = WEIR_OFFSET_EARLIEST},
        {.partition = {topic, 1}, .spec = WEIR_OFFSET_AT_TIMESTAMP, .timestamp_ms = INT64_MAX / 2},
        {.partition = {topic, 1}, .spec = WEIR_OFFSET_LATEST},
    };
    const int64_t wanted[] = {2, 0, 1, -1, 2, -1, 0, 2, 2};
    CHECK_OK(weir_broker_offsets(contract->broker, queries, WEIR_COUNT_OF(queries), &contract->err),
             &contract->err);
    for (size_t i = 0; i < WEIR_COUNT_OF(queries); i++) {
        CHECK_STATUS(queries[i].status, wanted[i] < 0 ? WEIR_NOT_FOUND : WEIR_OK);
        CHECK_I64(wanted[i] < 0 ? -1 : queries[i].offset, ==, wanted[i]);
    }
    for (int32_t partition = 0; partition < 3; partition += 2) {
        const weir_group_offset offset = {{topic, partition}, partition + 1, WEIR_BYTES("note")};
        CHECK_OK(weir_broker_alter_group_offset(contract->broker, group, &offset, &contract->err),
                 &contract->err);
    }
    weir_committed_query committed[] = {{.partition = {topic, 2}},
                                        {.partition = {other, 0}},
                                        {.partition = {topic, 1}},
                                        {.partition = {topic, 0}},
                                        {.partition = {topic, 2}}};
    const int64_t offsets[] = {3, -1, -1, 1, 3};
    CHECK_OK(weir_broker_group_offsets(contract->broker, group, committed, WEIR_COUNT_OF(committed),
                                       &contract->err),
             &contract->err);
    for (size_t i = 0; i < WEIR_COUNT_OF(committed); i++) {
        CHECK_STATUS(committed[i].status, offsets[i] < 0 ? WEIR_NOT_FOUND : WEIR_OK);
        CHECK_I64(offsets[i] < 0 ? -1 : committed[i].offset, ==, offsets[i]);
        CHECK_STR(weir_buf_text(&committed[i].metadata), offsets[i] < 0 ? "" : "note");
        weir_buf_cleanup(&committed[i].metadata);
    }
}

void broker_contract_commit_of_another_generation_waits(broker_contract *contract)
{
    const char *topic = contract_topic(contract, "pages", 1);
    const char *group = contract_name(contract, "readers");
    WEIR_AUTO_PTR(weir_member) member = contract_member(contract, group, NULL, topic);
    contract_settle(contract, &member, 1, 1000);
    int32_t former = weir_member_generation(member) - 1;
    const weir_group_offset offset = {{topic, 0}, 5, {0}};
    CHECK_STATUS(weir_member_commit(member, former, &offset, 1, &contract->err), WEIR_AGAIN);
    WEIR_AUTO_PTR(weir_producer) producer = contract_producer(contract, "writer");
    begin(contract, producer);
    CHECK_STATUS(weir_producer_send_offsets(producer, member, former, &offset, 1, &contract->err),
                 WEIR_AGAIN);
    CHECK_OK(weir_producer_abort(producer, &contract->err), &contract->err);
    CHECK_STR(contract_group_offset(contract, group, topic, 0), "none");
}

void broker_contract_group_offsets_are_altered_only_without_members(broker_contract *contract)
{
    const char *topic = contract_topic(contract, "pages", 1);
    const char *group = contract_name(contract, "readers");
    weir_group_offset offset = {{topic, 0}, 3, WEIR_BYTES("reset")};
    CHECK_OK(weir_broker_alter_group_offset(contract->broker, group, &offset, &contract->err),
             &contract->err);
    CHECK_STR(contract_group_offset(contract, group, topic, 0), "3 reset");
    weir_member *member = contract_member(contract, group, NULL, topic);
    contract_settle(contract, &member, 1, 1000);
    int32_t members = 0;
    CHECK_OK(weir_broker_group_member_count(contract->broker, group, &members, &contract->err),
             &contract->err);
    CHECK_I64(members, ==, 1);
    offset.offset = 4;
    CHECK_STATUS(weir_broker_alter_group_offset(contract->broker, group, &offset, &contract->err),
                 WEIR_INVALID);
    weir_member_free(member);
    CHECK_OK(weir_broker_alter_group_offset(contract->broker, group, &offset, &contract->err),
             &contract->err);
    CHECK_STR(contract_group_offset(contract, group, topic, 0), "4 reset");
}

void broker_contract_member_alone_gets_every_partition(broker_contract *contract)
{
    const char *topic = contract_topic(contract, "tasks", 3);
    const char *group = contract_name(contract, "workers");
    WEIR_AUTO_PTR(weir_member) member = contract_member(contract, group, NULL, topic);
    CHECK_STR(contract_event(contract, member, 1000), "assigned 0,1,2");
    CHECK_STR(contract_soon(contract, member, 1001), "");
    CHECK_I64(weir_member_generation(member), >, 0);
    CHECK_OK(weir_member_release(member, &contract->err), &contract->err); /* Nothing to do. */
    CHECK_STR(contract_soon(contract, member, 1002), "");
}

void broker_contract_second_member_gets_its_half_only_after_release(broker_contract *contract)
{
    const char *topic = contract_topic(contract, "tasks", 4);
    const char *group = contract_name(contract, "workers");
    WEIR_AUTO_PTR(weir_member) first = contract_member(contract, group, NULL, topic);
    CHECK_STR(contract_event(contract, first, 1000), "assigned 0,1,2,3");
    int32_t generation = weir_member_generation(first);
    WEIR_AUTO_PTR(weir_member) second = contract_member(contract, group, NULL, topic);
    CHECK_STR(contract_event(contract, second, 1000), "assigned");
    WEIR_AUTO_FREE char *revoked = weir_strdup(contract_event(contract, first, 1000));
    CHECK(strncmp(revoked, "revoked ", 8) == 0 && strlen(revoked) == strlen("revoked 0,1"));
    CHECK_STR(contract_soon(contract, first, 1001), "");
    CHECK_STR(contract_soon(contract, second, 1001), "");
    CHECK_I64(weir_member_generation(first), >, generation);
    weir_group_offset offset = {{topic, 3}, 1, {0}};
    CHECK_OK(weir_member_commit(first, weir_member_generation(first), &offset, 1, &contract->err),
             &contract->err);
    CHECK_OK(weir_member_release(first, &contract->err), &contract->err);
    CHECK_STR(contract_event(contract, first, 1002), "assigned");
    WEIR_AUTO_FREE char *assigned = weir_strdup(contract_event(contract, second, 1002));
    CHECK(strncmp(assigned, "assigned ", 9) == 0);
    CHECK_STR(assigned + 9, revoked + 8);
    CHECK_I64(weir_member_generation(first), ==, weir_member_generation(second));
    CHECK_STR(contract_soon(contract, first, 1003), "");
}

void broker_contract_every_generation_is_told_of_without_partitions_too(broker_contract *contract)
{
    const char *topic = contract_topic(contract, "tasks", 1);
    const char *group = contract_name(contract, "workers");
    WEIR_AUTO_PTR(weir_member) owner = contract_member(contract, group, NULL, topic);
    CHECK_STR(contract_event(contract, owner, 1000), "assigned 0");
    int32_t generation = weir_member_generation(owner);
    weir_member *idle = contract_member(contract, group, NULL, topic);
    CHECK_STR(contract_event(contract, idle, 1000), "assigned");
    CHECK_I64(weir_member_generation(idle), >, generation);
    CHECK_STR(contract_event(contract, owner, 1000), "assigned");
    CHECK_I64(weir_member_generation(owner), ==, weir_member_generation(idle));
    CHECK_STR(contract_soon(contract, owner, 1001), "");
    CHECK_STR(contract_soon(contract, idle, 1001), "");
    weir_member_free(idle);
    CHECK_STR(contract_event(contract, owner, 1002), "assigned");
}

void broker_contract_partitions_of_a_member_that_leaves_go_to_the_others(broker_contract *contract)
{
    const char *topic = contract_topic(contract, "tasks", 4);
    const char *group = contract_name(contract, "workers");
    weir_member *members[2] = {contract_member(contract, group, NULL, topic),
                               contract_member(contract, group, NULL, topic)};
    contract_settle(contract, members, 2, 1000);
    weir_member_free(members[0]);
    WEIR_AUTO_FREE char *event = weir_strdup(contract_event(contract, members[1], 1001));
    CHECK(strncmp(event, "assigned ", 9) == 0 && strlen(event) == strlen("assigned 0,1"));
    weir_member_free(members[1]);
    int32_t count = -1;
    CHECK_OK(weir_broker_group_member_count(contract->broker, group, &count, &contract->err),
             &contract->err);
    CHECK_I64(count, ==, 0);
}

/* The next event that brings partitions. */
static char *gain(broker_contract *contract, weir_member *member, int64_t now_ms)
{
    for (int i = 0; i < POLLS_MAX; i++) {
        const char *event = contract_event(contract, member, now_ms);
        if (strncmp(event, "assigned ", 9) == 0) {
            return weir_strdup(event);
        }
    }
    CHECK_NEVER("the member gains nothing");
}

void broker_contract_member_that_leaves_before_it_has_released_lets_go(broker_contract *contract)
{
    const char *topic = contract_topic(contract, "tasks", 4);
    const char *group = contract_name(contract, "workers");
    weir_member *first = contract_member(contract, group, NULL, topic);
    CHECK_STR(contract_event(contract, first, 1000), "assigned 0,1,2,3");
    WEIR_AUTO_PTR(weir_member) second = contract_member(contract, group, NULL, topic);
    CHECK_STR(contract_event(contract, second, 1000), "assigned");
    CHECK(strncmp(contract_event(contract, first, 1000), "revoked ", 8) == 0);
    weir_member_free(first);
    for (size_t gained = 0; gained < 4;) { /* At once, or in two generations. */
        WEIR_AUTO_FREE char *event = gain(contract, second, 1001);
        gained += (strlen(event) - strlen("assigned")) / 2;
    }
}

void broker_contract_silent_member_loses_its_partitions_and_is_fenced(broker_contract *contract)
{
    const char *topic = contract_topic(contract, "tasks", 2);
    const char *group = contract_name(contract, "workers");
    weir_member *members[2] = {contract_member(contract, group, NULL, topic),
                               contract_member(contract, group, NULL, topic)};
    WEIR_AUTO_PTR(weir_producer) producer = contract_producer(contract, "writer");
    contract_settle(contract, members, 2, 1000);
    begin(contract, producer);
    weir_group_offset offset = {{topic, 0}, 5, {0}};
    CHECK_OK(weir_producer_send_offsets(producer, members[0], weir_member_generation(members[0]),
                                        &offset, 1, &contract->err),
             &contract->err);
    CHECK_STR(contract_soon(contract, members[1], 11000), "");
    WEIR_AUTO_FREE char *gained = gain(contract, members[1], 11001);
    CHECK_STATUS(weir_member_commit(members[0], weir_member_generation(members[0]), &offset, 1,
                                    &contract->err),
                 WEIR_FENCED);
    if (!contract->factory->is_remote) {
        CHECK_STATUS(weir_producer_commit(producer, &contract->err), WEIR_FENCED);
    }
    CHECK_OK(weir_producer_abort(producer, &contract->err), &contract->err);
    CHECK_STR(contract_group_offset(contract, group, topic, 0), "none");
    WEIR_AUTO_FREE char *lost = weir_strdup(contract_event(contract, members[0], 11002));
    CHECK(strncmp(lost, "lost ", 5) == 0);
    CHECK_STR(lost + 5, gained + 9);
    begin(contract, producer); /* Told of the loss is not joined: still fenced. */
    CHECK_STATUS(weir_producer_send_offsets(producer, members[0],
                                            weir_member_generation(members[0]), &offset, 1,
                                            &contract->err),
                 WEIR_FENCED);
    CHECK_OK(weir_producer_abort(producer, &contract->err), &contract->err);
    contract_settle(contract, members, 2, 11003);
    CHECK_OK(weir_member_commit(members[0], weir_member_generation(members[0]), &offset, 1,
                                &contract->err),
             &contract->err);
    weir_member_free(members[0]);
    weir_member_free(members[1]);
}

/* At most a new generation, which changes nothing, is told of. */
static void check_undisturbed(broker_contract *contract, weir_member *member)
{
    const char *event = contract_soon(contract, member, 1004);
    CHECK_STR(event, event[0] == '\0' ? "" : "assigned");
}

void broker_contract_static_member_gets_its_partitions_back(broker_contract *contract)
{
    const char *topic = contract_topic(contract, "tasks", 6);
    const char *group = contract_name(contract, "workers");
    weir_member *members[3] = {contract_member(contract, group, "a", topic),
                               contract_member(contract, group, "b", topic),
                               contract_member(contract, group, "c", topic)};
    contract_settle(contract, members, 3, 1000);
    weir_member *twin = contract_member(contract, group, "b", topic); /* As after a crash. */
    WEIR_AUTO_FREE char *lost = weir_strdup(contract_event(contract, members[1], 1001));
    CHECK(strncmp(lost, "lost ", 5) == 0);
    weir_member_event event = {0};
    CHECK_STATUS(weir_member_poll(members[1], 1002, 0, &event, &contract->err), WEIR_FENCED);
    weir_member_free(members[1]);
    members[1] = twin;
    WEIR_AUTO_FREE char *back = weir_strdup(contract_event(contract, twin, 1003));
    CHECK(strncmp(back, "assigned ", 9) == 0);
    CHECK_STR(back + 9, lost + 5);
    check_undisturbed(contract, members[0]);
    check_undisturbed(contract, members[2]);
    for (size_t i = 0; i < 3; i++) {
        weir_member_free(members[i]);
    }
}

void broker_contract_member_of_another_topic_is_refused(broker_contract *contract)
{
    const char *topic = contract_topic(contract, "tasks", 1);
    const char *other = contract_topic(contract, "others", 1);
    const char *group = contract_name(contract, "workers");
    WEIR_AUTO_PTR(weir_member) member = contract_member(contract, group, NULL, topic);
    contract_settle(contract, &member, 1, 1000);
    weir_member *refused = NULL;
    weir_member_options options = {.group_id = group, .topic = other, .session_timeout_ms = 10000};
    CHECK_STATUS(weir_member_join(contract->broker, &options, &refused, &contract->err),
                 WEIR_INVALID);
    CHECK(strstr(contract->err.message, topic) != NULL);
    options.topic = contract_name(contract, "unknown");
    CHECK_STATUS(weir_member_join(contract->broker, &options, &refused, &contract->err),
                 WEIR_INVALID);
}

void broker_contract_committed_transactions_survive_a_crash_and_open_ones_do_not(
    broker_contract *contract)
{
    const char *topic = contract_topic(contract, "pages", 2);
    weir_producer *producer = contract_producer(contract, "writer");
    begin(contract, producer);
    contract_send(contract, producer, topic, 0, "a");
    contract_send(contract, producer, topic, 1, "b");
    commit(contract, producer);
    begin(contract, producer);
    contract_send(contract, producer, topic, 0, "never");
    contract_flush(contract, producer);
    weir_producer_free(producer);
    contract_crash(contract);
    CHECK_VALUES(contract, topic, 0, 0, "a");
    CHECK_VALUES(contract, topic, 1, 0, "b");
    producer = contract_producer(contract, "writer");
    begin(contract, producer);
    contract_send(contract, producer, topic, 0, "c");
    commit(contract, producer);
    weir_producer_free(producer);
    contract_crash(contract);
    CHECK_VALUES(contract, topic, 0, 0, "a,c");
}

void broker_contract_group_offsets_and_epochs_survive_a_crash(broker_contract *contract)
{
    const char *topic = contract_topic(contract, "pages", 1);
    const char *group = contract_name(contract, "readers");
    weir_group_offset offset = {{topic, 0}, 3, WEIR_BYTES("note")};
    CHECK_OK(weir_broker_alter_group_offset(contract->broker, group, &offset, &contract->err),
             &contract->err);
    contract_crash(contract);
    CHECK_STR(contract_group_offset(contract, group, topic, 0), "3 note");
    contract_crash(contract);
    CHECK_STR(contract_group_offset(contract, group, topic, 0), "3 note");
}
