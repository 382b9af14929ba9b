/* SPDX-License-Identifier: Apache-2.0
 *
 * The program's front door: which exit code, what it says to whom, for right and wrong names. Runs
 * weir itself, since its exit code and streams are what scripts build on (topologies/cmd.c).
 */
#include "tests/harness/check.h"
#include "tests/harness/command.h"

#include <string.h>

/* Runs weir with arguments and answers its exit code; its output, both streams, is in *out. */
static int run_weir(const char *environment, const char *arguments, weir_buf *out)
{
    WEIR_AUTO_FREE char *line =
        weir_format("%s %s/weir %s 2>&1", environment, WEIR_BINARY_DIR, arguments);
    return command_run(line, out);
}

TEST(help_lists_every_command_on_stdout)
{
    WEIR_AUTO(weir_buf) out = {0};
    CHECK_I64(run_weir("", "help 2>/dev/null", &out), ==, 0);
    CHECK(strstr(weir_buf_text(&out), "  help  ") != NULL);
    CHECK(strstr(weir_buf_text(&out), "  version  ") != NULL);
    WEIR_AUTO(weir_buf) same = {0};
    CHECK_I64(run_weir("", "--help", &same), ==, 0);
    CHECK_BYTES(weir_buf_bytes(&same), weir_buf_bytes(&out));
}

TEST(version_names_weir_and_its_libraries)
{
    WEIR_AUTO(weir_buf) out = {0};
    CHECK_I64(run_weir("", "version", &out), ==, 0);
    CHECK(weir_bytes_starts_with(weir_buf_bytes(&out), WEIR_BYTES("weir 0.")));
    CHECK(strstr(weir_buf_text(&out), "RocksDB") != NULL);
}

TEST(wrong_use_exits_with_2_and_says_what_to_do)
{
    WEIR_AUTO(weir_buf) out = {0};
    CHECK_I64(run_weir("", "", &out), ==, 2);
    CHECK_I64(run_weir("", "versoin", &out), ==, 2);
    CHECK_STR(weir_buf_text(&out),
              "weir: there is no command \"versoin\"; did you mean \"version\"?\n"
              "weir help lists the commands.\n");
    CHECK_I64(run_weir("", "frobnicate-everything-that-is-there-is-to", &out), ==, 2);
    CHECK(strstr(weir_buf_text(&out), "did you mean") == NULL);
    CHECK_I64(run_weir("", "version --loud", &out), ==, 2);
    CHECK(strstr(weir_buf_text(&out), "weir version: ") != NULL);
}

TEST(unknown_log_level_is_refused)
{
    WEIR_AUTO(weir_buf) out = {0};
    CHECK_I64(run_weir("LOG_LEVEL=loud", "help", &out), ==, 2);
    CHECK_STR(weir_buf_text(&out),
              "weir: LOG_LEVEL is debug, info, warn, error or off, not \"loud\"\n");
    CHECK_I64(run_weir("LOG_LEVEL=DEBUG", "help", &out), ==, 0);
}

TEST(output_that_nobody_can_take_is_a_failure)
{
    WEIR_AUTO(weir_buf) out = {0};
    CHECK_I64(run_weir("", "help > /dev/full", &out), ==, 1);
}
