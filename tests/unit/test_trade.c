/* SPDX-License-Identifier: Apache-2.0
 *
 * Which task goes to another worker (streams/trade.c), and that a task which goes restores nothing
 * and counts everything once (streams/trader.c, coordinator.c).
 */
#include "streams/application_internal.h"
#include "streams/base/hash.h"
#include "streams/base/random.h"
#include "streams/trade.h"
#include "tests/harness/check.h"
#include "tests/harness/count_application.h"
#include "tests/harness/count_topology.h"

enum { MS = 1000 * 1000, SECOND = 1000 * MS, RECORDS = 60 };

static weir_trade trade_of(const weir_trade_worker *workers, size_t worker_count,
                           const weir_trade_task *tasks, size_t task_count)
{
    return (weir_trade){
        .workers = workers,
        .worker_count = worker_count,
        .tasks = tasks,
        .task_count = task_count,
        .elapsed_ns = SECOND,
    };
}

TEST(task_goes_from_the_busiest_worker_to_the_idlest)
{
    const weir_trade_worker workers[] = {{300 * MS, true}, {990 * MS, true}, {100 * MS, true}};
    const weir_trade_task tasks[] = {{0, 300, true}, {1, 500, true}, {1, 490, true}, {2, 1, true}};
    size_t task = 0;
    size_t to = 0;
    const weir_trade trade = trade_of(workers, 3, tasks, 4);
    CHECK(weir_trade_choose(&trade, &task, &to));
    CHECK_I64(task, ==, 2); /* 500 and 590 are left, instead of 490 and 600. */
    CHECK_I64(to, ==, 2);
}

TEST(worker_with_time_to_spare_keeps_its_tasks)
{
    const weir_trade_worker workers[] = {{590 * MS, true}, {0, true}};
    const weir_trade_task tasks[] = {{0, 10, true}, {0, 10, true}};
    size_t task = 0;
    size_t to = 0;
    const weir_trade trade = trade_of(workers, 2, tasks, 2);
    CHECK(!weir_trade_choose(&trade, &task, &to));
}

TEST(only_task_of_a_worker_stays)
{
    const weir_trade_worker workers[] = {{SECOND, true}, {0, true}};
    const weir_trade_task tasks[] = {{0, 10, true}};
    size_t task = 0;
    size_t to = 0;
    const weir_trade trade = trade_of(workers, 2, tasks, 1);
    CHECK(!weir_trade_choose(&trade, &task, &to)); /* It would only make the other one busy. */
}

TEST(worker_that_takes_no_part_neither_gives_nor_gets)
{
    const weir_trade_worker gives[] = {{SECOND, false}, {0, true}, {0, true}};
    const weir_trade_worker gets[] = {{SECOND, true}, {0, false}};
    const weir_trade_task tasks[] = {{0, 10, true}, {0, 10, true}};
    size_t task = 0;
    size_t to = 0;
    const weir_trade trade = trade_of(gives, 3, tasks, 2);
    CHECK(!weir_trade_choose(&trade, &task, &to));
    const weir_trade other = trade_of(gets, 2, tasks, 2);
    CHECK(!weir_trade_choose(&other, &task, &to));
}

TEST(task_that_may_not_move_stays)
{
    const weir_trade_worker workers[] = {{SECOND, true}, {0, true}};
    const weir_trade_task tasks[] = {{0, 10, false}, {0, 0, true}};
    size_t task = 0;
    size_t to = 0;
    const weir_trade trade = trade_of(workers, 2, tasks, 2);
    CHECK(!weir_trade_choose(&trade, &task, &to));
}

/* Whatever the loads of the tasks are, moves end, and no task goes back to where it came from. */
TEST(trading_comes_to_rest)
{
    enum { WORKERS = 4, TASKS = 12, MOVES_MAX = 24 };
    weir_random random = weir_random_of(check_seed(1));
    for (int run = 0; run < 200; run++) {
        weir_trade_task tasks[TASKS];
        for (size_t i = 0; i < TASKS; i++) {
            uint64_t records = 1 + weir_random_below(&random, 250);
            tasks[i] = (weir_trade_task){weir_random_below(&random, WORKERS), records, true};
        }
        int moves = 0;
        for (;; moves++) {
            CHECK_I64(moves, <, MOVES_MAX);
            weir_trade_worker workers[WORKERS] = {{0, true}, {0, true}, {0, true}, {0, true}};
            for (size_t i = 0; i < TASKS; i++) { /* A record takes a millisecond. */
                workers[tasks[i].worker].busy_ns += tasks[i].records * MS;
            }
            uint64_t busiest = 0;
            for (size_t w = 0; w < WORKERS; w++) {
                busiest = workers[w].busy_ns > busiest ? workers[w].busy_ns : busiest;
            }
            size_t task = 0;
            size_t to = 0;
            if (busiest > SECOND) {
                break; /* More than a worker can do: the loads are not what they seem. */
            }
            const weir_trade trade = trade_of(workers, WORKERS, tasks, TASKS);
            if (!weir_trade_choose(&trade, &task, &to)) {
                break;
            }
            CHECK(workers[to].busy_ns + tasks[task].records * MS < busiest);
            tasks[task].worker = to;
        }
    }
}

static size_t worker_of(count_application *a, size_t task_index)
{
    return weir_application_slot(a->application, task_index).worker;
}

TEST(task_that_moves_restores_nothing_and_goes_on)
{
    WEIR_AUTO(count_application) a = {0};
    const weir_setting two = {"num.stream.threads", "2"};
    count_application_start(&a, true, &two, 1);
    for (size_t round = 0; round < 6; round++) {
        count_topology_feed(a.broker, 0, RECORDS);
        count_application_steps(&a, 3);
        for (size_t i = 0; i < COUNT_PARTITIONS; i++) {
            weir_application_move_task(a.application, i, 1 - worker_of(&a, i));
        }
        count_application_run(&a);
    }
    CHECK_I64(count_application_metric(&a, "weir_stream_thread_restore_records_total"), ==, 0);
    CHECK_I64(count_application_metric(&a, "weir_stream_thread_task_closed_total"), >, 6);
    for (int i = 0; i < RECORDS; i++) {
        WEIR_AUTO_FREE char *key = weir_format("k%d", i);
        CHECK_I64(count_topology_last(a.broker, "out", key), ==, 6);
    }
    CHECK_I64(count_topology_records(a.broker, "out"), ==, 6 * RECORDS);
}

/* Each look at the clock takes 100 us: who works is busy. */
static uint64_t clock_ns(void)
{
    static uint64_t now_ns;
    now_ns += 100 * 1000;
    return now_ns;
}

TEST(busy_worker_gives_a_task_away_by_itself)
{
    WEIR_AUTO(count_application) a = {0};
    const weir_setting settings[] = {
        {"num.stream.threads", "2"},
        {"weir.trade.interval.ms", "100"},
    };
    count_application_start(&a, true, settings, 2);
    for (size_t w = 0; w < 2; w++) {
        weir_stream_thread_measure(a.application->workers[w].thread, clock_ns);
    }
    count_application_run(&a);
    /* Two of the three tasks share a worker; only those two have work. */
    size_t shared = worker_of(&a, 0) == worker_of(&a, 1) || worker_of(&a, 0) == worker_of(&a, 2)
                        ? worker_of(&a, 0)
                        : worker_of(&a, 1);
    bool moved = false;
    for (int i = 0; i < 3000 && !moved; i++) {
        for (int key = 0; key < RECORDS; key++) {
            WEIR_AUTO_FREE char *text = weir_format("k%d", key);
            int32_t partition = weir_partition_of(weir_bytes_of_text(text), COUNT_PARTITIONS);
            if (worker_of(&a, (size_t)partition) == shared) {
                count_topology_feed_one(a.broker, text, "");
            }
        }
        a.now_ms -= 9; /* A step takes a millisecond. */
        count_application_steps(&a, 1);
        moved = weir_application_slot(a.application, 0).moves ||
                weir_application_slot(a.application, 1).moves ||
                weir_application_slot(a.application, 2).moves;
    }
    CHECK(moved);
    count_application_run(&a);
    CHECK_I64(count_application_metric(&a, "weir_stream_thread_restore_records_total"), ==, 0);
}
