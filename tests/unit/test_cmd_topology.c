/* SPDX-License-Identifier: Apache-2.0
 *
 * weir topology, as users run it: it touches no data, and its exit code tells what an upgrade asks
 * for.
 */
#include "streams/base/file.h"
#include "tests/harness/check.h"
#include "tests/harness/command.h"

#include <string.h>

static int run_topology(const char *arguments, weir_buf *out)
{
    weir_buf_clear(out);
    WEIR_AUTO_FREE char *line = weir_format("%s/weir topology %s 2>&1", WEIR_BINARY_DIR, arguments);
    return command_run(line, out);
}

static void describe_to(const char *path, const char *arguments)
{
    weir_error err = {0};
    WEIR_AUTO(weir_buf) out = {0};
    WEIR_AUTO_FREE char *line = weir_format("describe --format json %s", arguments);
    CHECK_I64(run_topology(line, &out), ==, 0);
    CHECK_OK(weir_file_replace(path, weir_buf_bytes(&out), false, &err), &err);
}

TEST(every_stage_is_described_in_each_format)
{
    static const char *const stages[] = {"frontier", "fetch", "extract",
                                         "quality",  "dedup", "tables"};
    WEIR_AUTO(weir_buf) out = {0};
    for (size_t i = 0; i < WEIR_COUNT_OF(stages); i++) {
        WEIR_AUTO_FREE char *svg = weir_format("describe %s --format svg", stages[i]);
        CHECK_I64(run_topology(svg, &out), ==, 0);
        CHECK(strncmp(weir_buf_text(&out), "<svg ", 5) == 0);
        WEIR_AUTO_FREE char *text = weir_format("describe %s", stages[i]);
        CHECK_I64(run_topology(text, &out), ==, 0);
        CHECK(strncmp(weir_buf_text(&out), "Topologies:\n   Sub-topology: 0\n", 31) == 0);
    }
}

TEST(plan_tells_by_its_exit_code)
{
    WEIR_AUTO(weir_buf) out = {0};
    WEIR_AUTO_FREE char *directory = check_directory();
    WEIR_AUTO_FREE char *small = weir_format("%s/small.json", directory);
    WEIR_AUTO_FREE char *large = weir_format("%s/large.json", directory);
    describe_to(small, "tables --profile local");
    describe_to(large, "tables --profile B");
    WEIR_AUTO_FREE char *same = weir_format("plan %s %s", small, small);
    CHECK_I64(run_topology(same, &out), ==, 0);
    CHECK(strstr(weir_buf_text(&out), "  kept     url_latest\n") != NULL);
    WEIR_AUTO_FREE char *larger = weir_format("plan %s %s", small, large);
    CHECK_I64(run_topology(larger, &out), ==, 4);
    CHECK(strstr(weir_buf_text(&out), "  rebuilt  url_latest: ") != NULL);
}

TEST(wrong_use_is_told_apart_from_failure)
{
    WEIR_AUTO(weir_buf) out = {0};
    CHECK_I64(run_topology("", &out), ==, 2);
    CHECK_I64(run_topology("describe", &out), ==, 2);
    CHECK_I64(run_topology("describe tables --format png", &out), ==, 2);
    CHECK_I64(run_topology("plan one", &out), ==, 2);
    CHECK_I64(run_topology("describe nowhere", &out), ==, 1);
    CHECK_STR(weir_buf_text(&out), "weir topology: there is no stage nowhere\n");
    CHECK_I64(run_topology("plan /nowhere/a /nowhere/b", &out), ==, 1);
}
