/* SPDX-License-Identifier: Apache-2.0
 *
 * Wherever the process is killed, the embedded broker starts with all that was acknowledged and
 * nothing of an unfinished transaction; what was damaged otherwise is told, not guessed.
 */
#include "connectors/broker_embedded_internal.h"
#include "streams/base/file.h"
#include "streams/base/logging.h"
#include "tests/harness/broker_contract_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROUNDS = 4, FILE_BYTES_MAX = 1 << 20, CHANGES_MAX = 1000 };

static const char group[] = "readers";

static weir_broker *open_with(const char *directory, weir_broker_sync sync)
{
    weir_error err = {0};
    weir_broker *broker = NULL;
    weir_broker_embedded_options options = {
        .directory = directory,
        .sync = sync,
        .topic_defaults = {.segment_bytes = 400}}; /* Segments change within a scenario. */
    CHECK_OK(weir_broker_embedded_open(&options, &broker, &err), &err);
    return broker;
}

static const broker_factory no_factory = {0};

/* What a scenario has been told before its crash. */
typedef struct acknowledged {
    int transactions;
    int plain;
    int64_t deleted_before;
} acknowledged;

static weir_status send_text(weir_producer *producer, int32_t partition, const char *text)
{
    int32_t topic = 0;
    int32_t count = 0;
    WEIR_TRY(weir_producer_topic(producer, "pages", &topic, &count, NULL));
    weir_record record = {.partition = partition, .value = weir_bytes_of_text(text)};
    return weir_producer_send(producer, topic, &record, NULL);
}

/* One transaction over two partitions and an offset that counts the transactions. */
static weir_status transact(weir_producer *producer, weir_member *member, int number)
{
    weir_group_offset offset = {{"pages", 0}, number, {0}};
    char text[64];
    (void)snprintf(text, sizeof text, "t%d", number);
    WEIR_TRY(weir_producer_begin(producer, NULL));
    weir_status status = send_text(producer, 0, text);
    if (status == WEIR_OK) {
        status = send_text(producer, 1, text);
    }
    if (status == WEIR_OK) {
        status = weir_producer_send_offsets(producer, member, weir_member_generation(member),
                                            &offset, 1, NULL);
    }
    if (status == WEIR_OK) {
        status = weir_producer_commit(producer, NULL);
    }
    if (status != WEIR_OK) {
        (void)weir_producer_abort(producer, NULL); /* What it answers changes nothing. */
    }
    return status;
}

static weir_status send_plain(weir_broker *broker, int number)
{
    WEIR_AUTO_PTR(weir_producer) producer = NULL;
    weir_producer_options options = {0};
    char text[64];
    (void)snprintf(text, sizeof text, "p%d", number);
    WEIR_TRY(weir_producer_new(broker, &options, &producer, NULL));
    WEIR_TRY(send_text(producer, 2, text));
    return weir_producer_flush(producer, 0, NULL);
}

static weir_status rewrite_journal(weir_broker *broker)
{
    return weir_journal_rewrite(weir_embedded_of(broker)->journal, NULL);
}

/* Rounds of everything that changes files, until one fails. */
static weir_status run_rounds(weir_broker *broker, weir_member *member, acknowledged *told)
{
    WEIR_AUTO_PTR(weir_producer) producer = NULL;
    weir_producer_options options = {.transactional_id = "writer"};
    WEIR_TRY(weir_producer_new(broker, &options, &producer, NULL));
    for (int round = 0; round < ROUNDS; round++) {
        WEIR_TRY(transact(producer, member, told->transactions + 1));
        told->transactions++;
        WEIR_TRY(send_plain(broker, told->plain + 1));
        told->plain++;
        WEIR_TRY(rewrite_journal(broker));
        weir_topic_partition partition = {"pages", 2};
        WEIR_TRY(weir_broker_delete_records(broker, partition, told->plain - 1, NULL));
        told->deleted_before = told->plain - 1;
        WEIR_TRY(transact(producer, member, told->transactions + 1));
        told->transactions++;
        WEIR_TRY(weir_broker_housekeep(broker, 1000 + round, NULL, NULL));
    }
    return WEIR_OK;
}

static void expect_values(broker_contract *contract, int32_t partition, const char *letter,
                          int64_t from, int64_t to)
{
    WEIR_AUTO(weir_buf) wanted = {0};
    for (int64_t i = from; i < to; i++) {
        weir_buf_append_format(&wanted, "%s%s%" PRId64, i == from ? "" : ",", letter, i + 1);
    }
    CHECK_VALUES(contract, "pages", partition, from, weir_buf_text(&wanted));
}

/* All that was told is there, and at most one step more, whole. */
static void check_state(weir_broker *broker, const acknowledged *told)
{
    broker_contract contract = {.factory = &no_factory, .broker = broker};
    int64_t transactions = contract_offset(&contract, "pages", 0, WEIR_OFFSET_LATEST);
    CHECK(transactions == told->transactions || transactions == told->transactions + 1);
    CHECK_I64(contract_offset(&contract, "pages", 1, WEIR_OFFSET_LATEST), ==, transactions);
    expect_values(&contract, 0, "t", 0, transactions);
    expect_values(&contract, 1, "t", 0, transactions);
    WEIR_AUTO(weir_buf) offset = {0};
    weir_buf_append_format(&offset, "%" PRId64 " ", transactions);
    CHECK_STR(contract_group_offset(&contract, group, "pages", 0),
              transactions == 0 ? "none" : weir_buf_text(&offset));
    int64_t plain = contract_offset(&contract, "pages", 2, WEIR_OFFSET_LATEST);
    int64_t start = contract_offset(&contract, "pages", 2, WEIR_OFFSET_EARLIEST);
    CHECK(plain == told->plain || plain == told->plain + 1);
    CHECK(start == told->deleted_before || start == told->deleted_before + 1);
    expect_values(&contract, 2, "p", start, plain);
}

static weir_member *join(weir_broker *broker)
{
    broker_contract contract = {.factory = &no_factory, .broker = broker};
    weir_member *member = contract_member(&contract, group, NULL, "pages");
    CHECK_STR(contract_event(&contract, member, 1), "assigned 0,1,2");
    return member;
}

/* Crashes at the given change; true if the scenario came to its end before. */
static bool crash_at(int64_t change, uint32_t per_mille, weir_broker_sync sync)
{
    weir_log_set_level(WEIR_LOG_WARN); /* Each start says what it cut. */
    WEIR_AUTO_FREE char *directory = check_directory();
    weir_broker *broker = open_with(directory, sync);
    weir_topic_config config = {.name = "pages", .partition_count = 3};
    weir_error err = {0};
    CHECK_OK(weir_broker_create_topic(broker, &config, &err), &err);
    acknowledged told = {0};
    weir_member *member = join(broker);
    weir_disk *disk = weir_broker_embedded_disk(broker);
    disk->changes_to_crash = change;
    disk->crash_per_mille = per_mille;
    weir_status status = run_rounds(broker, member, &told);
    weir_member_free(member);
    weir_broker_free(broker);
    for (int again = 0; again < 2; again++) { /* The second start finds it as the first left it. */
        broker = open_with(directory, sync);
        check_state(broker, &told);
        weir_broker_free(broker);
    }
    broker = open_with(directory, sync);
    broker_contract contract = {.factory = &no_factory, .broker = broker};
    told.transactions = (int)contract_offset(&contract, "pages", 0, WEIR_OFFSET_LATEST);
    told.plain = (int)contract_offset(&contract, "pages", 2, WEIR_OFFSET_LATEST);
    member = join(broker);
    CHECK_OK(run_rounds(broker, member, &told), &err);
    weir_member_free(member);
    check_state(broker, &told);
    weir_broker_free(broker);
    CHECK_OK(weir_directory_remove(directory, &err), &err);
    return status == WEIR_OK;
}

TEST(crash_at_any_change_loses_nothing_acknowledged_and_shows_nothing_unfinished)
{
    const uint32_t per_mille[] = {0, 500, 990, 1000};
    for (size_t i = 0; i < WEIR_COUNT_OF(per_mille); i++) {
        int64_t change = 1;
        while (!crash_at(change, per_mille[i], WEIR_SYNC_NEVER)) {
            change++;
            CHECK_I64(change, <, CHANGES_MAX);
        }
        CHECK_I64(change, >, ROUNDS * 8);
    }
}

TEST(crash_at_any_change_with_syncs_is_as_harmless)
{
    int64_t change = 1;
    while (!crash_at(change, 700, WEIR_SYNC_EACH_COMMIT)) {
        change += 7; /* A sync takes its time; every change of the round is met by one crash. */
        CHECK_I64(change, <, CHANGES_MAX);
    }
}
