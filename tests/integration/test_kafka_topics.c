/* SPDX-License-Identifier: Apache-2.0
 *
 * test_kafka_topics.c - weir topics and the start of weir run on a real cluster.
 */
#include "tests/harness/check.h"
#include "tests/harness/command.h"
#include "tests/harness/kafka_cluster.h"

#include <string.h>

static weir_buf out;

/* Runs weir on the cluster; its exit code. What it prints is in out. */
static int weir(const char *arguments)
{
    WEIR_AUTO_FREE char *directory = check_directory();
    WEIR_AUTO_FREE char *line =
        weir_format("cd %s && KAFKA_BOOTSTRAP_SERVERS=%s LOG_LEVEL=error %s/weir %s 2>&1",
                    directory, kafka_cluster_shared(), WEIR_BINARY_DIR, arguments);
    return command_run(line, &out);
}

static size_t line_count(const char *ending)
{
    size_t count = 0;
    for (const char *at = weir_buf_text(&out); (at = strstr(at, ending)) != NULL; at++) {
        count++;
    }
    return count;
}

static bool says(const char *words)
{
    return strstr(weir_buf_text(&out), words) != NULL;
}

TEST(map_is_made_exactly_and_differences_are_printed)
{
    CHECK_I64(weir("run all"), ==, 1);
    CHECK(says("topic crawl.fetch.tasks.v1 does not exist: weir topics create --profile local"));
    CHECK_I64(weir("topics plan --profile local"), ==, 2);
    CHECK_I64(line_count(" missing\n"), ==, 16);
    CHECK_I64(weir("topics create --profile local --dry-run"), ==, 0);
    CHECK_I64(line_count(".v1\n"), ==, 16);
    CHECK_I64(weir("topics list"), ==, 0);
    CHECK_STR(weir_buf_text(&out), "");
    CHECK_I64(weir("topics create --profile local"), ==, 0);
    CHECK_I64(weir("topics plan --profile local"), ==, 0);
    CHECK_STR(weir_buf_text(&out), "the topics are those of profile local\n");
    CHECK_I64(weir("topics list"), ==, 0);
    CHECK_I64(line_count(".v1"), ==, 16);
    CHECK_I64(weir("topics plan --profile A"), ==, 2);
    CHECK(says("index.url_latest.v1              partitions is 4, wanted 24\n"));
    CHECK(says("index.url_latest.v1              min.insync.replicas is 1, wanted 2\n"));
    CHECK_I64(weir("topics create --profile A"), ==, 1);
    CHECK(says("topic crawl.fetch.tasks.v1 has 4 partitions, not 48"));
    CHECK_I64(weir("run all --profile A"), ==, 1);
    CHECK(says("profile A wants 48: run with the profile"));
    weir_buf_cleanup(&out);
}

TEST(settings_of_the_connection_are_refused_before_anything_is_asked)
{
    CHECK_I64(weir("topics list --set sasl.password=hidden"), ==, 2);
    CHECK(says("sasl.password is without effect: set security.protocol"));
    CHECK(!says("hidden"));
    CHECK_I64(weir("run all --set security.protocol=SASL_SSL"), ==, 2);
    CHECK(says("needs KAFKA_SASL_MECHANISM"));
    CHECK_I64(weir("topics list --set bootstrap.servers=127.0.0.1"), ==, 2);
    CHECK(says("--set: bootstrap.servers is a list of host:port"));
    weir_buf_cleanup(&out);
}
