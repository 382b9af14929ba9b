/* SPDX-License-Identifier: Apache-2.0
 *
 * One budget of memory shared out among the parts (streams/memory_shares.c).
 */
#include "streams/memory_shares.h"
#include "tests/harness/check.h"

#define MIB (INT64_C(1) << 20)

enum { SETTINGS_MAX = 8 };

/* Settings, in pairs of name and value up to a NULL, beside application.id. */
static weir_status init(weir_config *config, const char *const *pairs, weir_error *err)
{
    weir_setting settings[SETTINGS_MAX] = {{"application.id", "app"}};
    size_t count = 1;
    for (; pairs[0] != NULL; pairs += 2) {
        settings[count++] = (weir_setting){pairs[0], pairs[1]};
    }
    return weir_config_init(config, settings, count, err);
}

static int64_t sum_of_shares(const weir_config *config)
{
    int64_t sum = 0;
    int64_t bytes = 0;
    for (size_t i = 0; weir_memory_share(config, i, &bytes) != NULL; i++) {
        sum += bytes;
    }
    return sum;
}

TEST(without_a_budget_each_limit_has_its_own_default)
{
    weir_error err = {0};
    weir_config config = {0};
    CHECK_OK(init(&config, (const char *const[]){NULL}, &err), &err);
    CHECK_I64(config.database_bytes_max, ==, 64 * MIB);
    CHECK_I64(config.cache_bytes_max, ==, 32 * MIB);
    CHECK_I64(config.fetch_bytes_max, ==, MIB);
    CHECK_I64(config.produce_bytes_max, ==, 8 * MIB);
    CHECK_I64(config.subscription_bytes_max, ==, 512 * MIB);
    weir_config_cleanup(&config);
}

TEST(budget_is_shared_out_and_a_tenth_is_left)
{
    weir_error err = {0};
    weir_config config = {0};
    const char *const pairs[] = {"weir.memory.max.bytes", "1048576000", "num.stream.threads", "2",
                                 NULL};
    CHECK_OK(init(&config, pairs, &err), &err);
    CHECK_I64(config.database_bytes_max, ==, 600 * MIB);
    CHECK_I64(config.apply_bytes_max, ==, 50 * MIB); /* Of each of two workers. */
    CHECK_I64(config.staged_bytes_max, ==, 35 * MIB);
    CHECK_I64(config.cache_bytes_max, ==, 30 * MIB); /* Of both. */
    CHECK_I64(config.fetch_bytes_max, ==, 25 * MIB);
    CHECK_I64(config.produce_bytes_max, ==, 25 * MIB);
    CHECK_I64(sum_of_shares(&config), ==, 900 * MIB);
    CHECK_I64(config.subscription_bytes_max, ==, 20 * MIB); /* Of the tenth. */
    weir_config_cleanup(&config);
}

TEST(budget_is_shared_out_to_the_workers_that_may_come)
{
    weir_error err = {0};
    weir_config config = {0};
    const char *const pairs[] = {"weir.memory.max.bytes", "1048576000", "weir.stream.threads.max",
                                 "2", NULL};
    CHECK_OK(init(&config, pairs, &err), &err);
    CHECK_I64(config.num_stream_threads, ==, 1);
    CHECK_I64(config.apply_bytes_max, ==, 50 * MIB);
    CHECK_I64(sum_of_shares(&config), ==, 900 * MIB);
    weir_config_cleanup(&config);
}

TEST(what_is_set_is_kept_and_the_others_share_what_it_leaves)
{
    weir_error err = {0};
    weir_config config = {0};
    const char *const pairs[] = {"statestore.cache.max.bytes",
                                 "0",
                                 "weir.memory.max.bytes",
                                 "104857600",
                                 "weir.apply.bytes.max",
                                 "41943040",
                                 NULL};
    CHECK_OK(init(&config, pairs, &err), &err);
    CHECK_I64(config.cache_bytes_max, ==, 0);
    CHECK_I64(config.apply_bytes_max, ==, 40 * MIB);
    CHECK_I64(config.database_bytes_max, >, 38 * MIB); /* 60 of 77 parts of 50 MiB. */
    CHECK_I64(config.database_bytes_max, <, 39 * MIB);
    CHECK_I64(sum_of_shares(&config), <=, 90 * MIB);
    weir_config_cleanup(&config);
}

TEST(limits_that_exceed_the_budget_are_refused_by_name)
{
    weir_error err = {0};
    weir_config config = {0};
    const char *const pairs[] = {"weir.memory.max.bytes", "67108864", "weir.database.bytes.max",
                                 "67108864", NULL};
    CHECK_STATUS(init(&config, pairs, &err), WEIR_INVALID);
    CHECK_STR(err.message,
              "weir.memory.max.bytes = 67108864 is too little for 1 workers and the "
              "limits that are set: weir.database.bytes.max 67108864: raise it, or leave limits "
              "out");
    const char *const tiny[] = {"weir.memory.max.bytes", "1048576", NULL};
    CHECK_STATUS(init(&config, tiny, &err), WEIR_INVALID);
    CHECK_STR(err.message, "weir.memory.max.bytes = 1048576 is too little for 1 workers and the "
                           "limits that are set: raise it, or leave limits out");
}
