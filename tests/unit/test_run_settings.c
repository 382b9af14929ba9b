/* SPDX-License-Identifier: Apache-2.0
 *
 * What `weir run` can be told, by flags, assignments and files (topologies/run_settings.c).
 */
#include "streams/base/file.h"
#include "tests/harness/check.h"
#include "topologies/run_settings.h"

#include <stdlib.h>
#include <string.h>

enum { ARGUMENTS_MAX = 16 };

/* Reads the arguments (ending with a NULL) that follow the command's name. */
static weir_status read_arguments(weir_run_settings *settings, weir_error *err, bool *out_help,
                                  char *const *arguments)
{
    char *argv[ARGUMENTS_MAX] = {"run"};
    int argc = 1;
    for (; *arguments != NULL; arguments++) {
        argv[argc++] = *arguments;
    }
    return weir_run_settings_init(settings, argc, argv, out_help, err);
}

#define READ(settings, ...)                                                                        \
    read_arguments(settings, &err, &help, (char *const[]){__VA_ARGS__, NULL})

static void check_refused(char *const *arguments, const char *message)
{
    WEIR_AUTO(weir_run_settings) settings = {0};
    weir_error err = {0};
    bool help = false;
    weir_status status = read_arguments(&settings, &err, &help, arguments);
    if (status != WEIR_INVALID || strstr(err.message, message) == NULL) {
        check_fail(__FILE__, __LINE__, "%s: %s \"%s\", not \"%s\"", arguments[0],
                   weir_status_name(status), err.message, message);
    }
}

TEST(defaults_are_polite)
{
    WEIR_AUTO(weir_run_settings) settings = {0};
    weir_error err = {0};
    bool help = true;
    CHECK_OK(READ(&settings, "all"), &err);
    CHECK(!help);
    CHECK_STR(settings.data_directory, "data");
    CHECK_STR(settings.pipeline.data_directory, "data");
    CHECK_STR(settings.rest_address, "127.0.0.1");
    CHECK(settings.seeds_path == NULL);
    CHECK(!settings.until_idle && !settings.serve && !settings.quiet);
    CHECK_I64(settings.pipeline.stages, ==, WEIR_STAGES_ALL);
    CHECK_I64(settings.pipeline.crawl.delay_ms, ==, 1000);
    CHECK_I64(settings.pipeline.crawl.scope, ==, WEIR_SCOPE_HOST);
    CHECK_I64(settings.pipeline.crawl.depth_max, ==, 10);
    CHECK_I64(settings.pipeline.crawl.attempts_max, ==, 3);
    CHECK(settings.pipeline.crawl.allow_private == NULL);
    CHECK(settings.pipeline.crawl.proxy_url == NULL);
    CHECK_STR(settings.pipeline.profile->name, "local");
}

TEST(flags_assignments_and_stages_are_taken_and_the_last_wins)
{
    WEIR_AUTO(weir_run_settings) settings = {0};
    weir_error err = {0};
    bool help = false;
    CHECK_OK(READ(&settings, "fetch", "--data", "d1", "--until-idle", "--set", "data.dir=d2",
                  "tables", "--crawl-delay", "0", "--scope", "any", "--set",
                  "commit.interval.ms=77"),
             &err);
    CHECK_STR(settings.data_directory, "d2");
    CHECK(settings.until_idle);
    CHECK_I64(settings.pipeline.stages, ==, 1u << WEIR_STAGE_FETCH | 1u << WEIR_STAGE_TABLES);
    CHECK_I64(settings.pipeline.crawl.delay_ms, ==, -1); /* None at all. */
    CHECK_I64(settings.pipeline.crawl.scope, ==, WEIR_SCOPE_ANY);
    CHECK_I64(settings.pipeline.setting_count, ==, 1);
    CHECK_STR(settings.pipeline.settings[0].name, "commit.interval.ms");
    CHECK_STR(settings.pipeline.settings[0].value, "77");
}

TEST(file_sets_what_flags_set)
{
    WEIR_AUTO_FREE char *directory = check_directory();
    WEIR_AUTO_FREE char *path = weir_format("%s/weir.properties", directory);
    WEIR_AUTO(weir_run_settings) settings = {0};
    weir_error err = {0};
    bool help = false;
    CHECK_OK(weir_file_replace(path,
                               WEIR_BYTES("# politeness\ncrawl.delay.ms=250\n"
                                          "fetch.user.agent = other/1.0\nnum.stream.threads=2\n"),
                               false, &err),
             &err);
    CHECK_OK(READ(&settings, "all", "--properties", path), &err);
    CHECK_I64(settings.pipeline.crawl.delay_ms, ==, 250);
    CHECK_STR(settings.pipeline.crawl.user_agent, "other/1.0");
    CHECK_I64(settings.pipeline.setting_count, ==, 1);
}

TEST(help_is_asked_for_and_describes_every_flag)
{
    WEIR_AUTO(weir_run_settings) settings = {0};
    WEIR_AUTO(weir_buf) text = {0};
    weir_error err = {0};
    bool help = false;
    CHECK_OK(READ(&settings, "--help"), &err);
    CHECK(help);
    weir_run_settings_describe(&text);
    CHECK(strstr(weir_buf_text(&text), "--crawl-delay") != NULL);
    CHECK(strstr(weir_buf_text(&text), "[1000]") != NULL);
}

TEST(mistakes_are_named_with_what_is_allowed)
{
    check_refused((char *const[]){"al", NULL}, "there is no topology al");
    check_refused((char *const[]){"--dta", "x", NULL}, "there is no flag --dta");
    check_refused((char *const[]){"--data", NULL}, "--data wants a value");
    check_refused((char *const[]){"--crawl-delay", "fast", NULL}, "a number from 0 to 86400000");
    check_refused((char *const[]){"--crawl-delay", "-1", NULL}, "not \"-1\"");
    check_refused((char *const[]){"--crawl-delay", "", NULL}, "a number");
    check_refused((char *const[]){"--depth", "99999999999999999999", NULL}, "a number from 1");
    check_refused((char *const[]){"--scope", "world", NULL}, "host, domain or any");
    check_refused((char *const[]){"--profile", "C", NULL}, "local, A or B");
    check_refused((char *const[]){"--set", "crawl.dealy.ms=1", NULL},
                  "there is no setting crawl.dealy.ms");
    check_refused((char *const[]){"--set", "run.quiet=maybe", NULL}, "true or false");
    check_refused((char *const[]){"--properties", "/nowhere/x", NULL}, "/nowhere/x");
}
