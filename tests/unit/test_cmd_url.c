/* SPDX-License-Identifier: Apache-2.0
 *
 * The filters weir url canon and weir robots check, run as users run them.
 */
#include "streams/base/file.h"
#include "tests/harness/check.h"
#include "tests/harness/command.h"

#include <stdlib.h>

/* Runs weir with arguments and input on its standard input; its output is in *out. */
static int run_filter(const char *arguments, const char *input, weir_buf *out)
{
    WEIR_AUTO_FREE char *directory = check_directory();
    WEIR_AUTO_FREE char *path = weir_format("%s/input", directory);
    weir_error err = {0};
    CHECK_OK(weir_file_replace(path, weir_bytes_of_text(input), false, &err), &err);
    WEIR_AUTO_FREE char *line = weir_format("cd %s && %s/weir %s <input 2>/dev/null", directory,
                                            WEIR_BINARY_DIR, arguments);
    return command_run(line, out);
}

TEST(line_n_of_the_output_answers_line_n_of_the_input)
{
    WEIR_AUTO(weir_buf) out = {0};
    CHECK_I64(run_filter("url canon", "HTTP://A/b/../c#d\r\n\nftp://h/\nhttp://h", &out), ==, 0);
    CHECK_STR(weir_buf_text(&out),
              "http://a/c\n"
              "error: missing_base: a relative URL, and nothing that it is relative to\n"
              "error: unsupported_scheme: 'ftp' is neither http nor https\n"
              "http://h/\n");
}

TEST(line_that_is_too_long_is_refused_and_the_next_one_read)
{
    WEIR_AUTO(weir_buf) input = {0};
    WEIR_AUTO(weir_buf) out = {0};
    weir_buf_append_text(&input, "http://h/");
    for (int i = 0; i < 100000; i++) {
        weir_buf_append_byte(&input, 'a');
    }
    weir_buf_append_text(&input, "\nhttp://h/b\n");
    CHECK_I64(run_filter("url canon", weir_buf_text(&input), &out), ==, 0);
    CHECK_STR(weir_buf_text(&out),
              "error: too_long: 65537 bytes, at most 65536 are parsed\nhttp://h/b\n");
}

TEST(base_resolves_relative_urls)
{
    WEIR_AUTO(weir_buf) out = {0};
    CHECK_I64(run_filter("url canon --base http://h/a/b", "c\n?d\n\n", &out), ==, 0);
    CHECK_STR(weir_buf_text(&out), "http://h/a/c\nhttp://h/a/b?d\nhttp://h/a/b\n");
    CHECK_I64(run_filter("url canon --base nonsense", "c\n", &out), ==, 2);
}

TEST(hash_prints_what_the_pipeline_keys_by)
{
    WEIR_AUTO(weir_buf) out = {0};
    CHECK_I64(run_filter("url canon --hash", "http://www.example.co.uk:81/", &out), ==, 0);
    CHECK_STR(weir_buf_text(&out), "457eeba095a80ea6c922b87eb41ee68a\twww.example.co.uk:81\t"
                                   "example.co.uk\thttp://www.example.co.uk:81/\n");
}

TEST(check_refuses_pathological_paths)
{
    WEIR_AUTO(weir_buf) out = {0};
    CHECK_I64(run_filter("url canon --check", "http://h/a/a/a\n", &out), ==, 0);
    CHECK_STR(weir_buf_text(&out),
              "error: pathological_path: segment 'a' occurs more than 2 times\n");
}

TEST(url_that_is_disallowed_shows_in_the_exit_status)
{
    static const char robots[] = "User-agent: *\nDisallow: /a\nCrawl-delay: 2\nSitemap: /s\n";
    WEIR_AUTO(weir_buf) out = {0};
    CHECK_I64(run_filter("robots check input weir http://h/b /c", robots, &out), ==, 0);
    CHECK_STR(weir_buf_text(&out), "allowed\thttp://h/b\t-\nallowed\t/c\t-\n");
    CHECK_I64(run_filter("robots check input weir http://h/a?b", robots, &out), ==, 1);
    CHECK_STR(weir_buf_text(&out), "disallowed\thttp://h/a?b\t/a\n");
    CHECK_I64(run_filter("robots check input weir", robots, &out), ==, 0);
    CHECK_STR(weir_buf_text(&out), "crawl_delay_ms\t2000\nsitemap\t/s\n");
    CHECK_I64(run_filter("robots check nothing weir /", robots, &out), ==, 2);
}
