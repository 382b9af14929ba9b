/* SPDX-License-Identifier: Apache-2.0
 *
 * The filters weir extract, weir quality and weir dedup, run as users run them.
 */
#include "streams/base/file.h"
#include "tests/harness/check.h"
#include "tests/harness/command.h"

#include <stdlib.h>
#include <string.h>

/* Runs weir with arguments and input on its standard input; both its streams are in *out. */
static int run_filter(const char *arguments, const char *input, weir_buf *out)
{
    WEIR_AUTO_FREE char *directory = check_directory();
    WEIR_AUTO_FREE char *path = weir_format("%s/input", directory);
    weir_error err = {0};
    CHECK_OK(weir_file_replace(path, weir_bytes_of_text(input), false, &err), &err);
    WEIR_AUTO_FREE char *line =
        weir_format("%s/weir %s <%s 2>&1", WEIR_BINARY_DIR, arguments, path);
    return command_run(line, out);
}

static bool holds(weir_buf *out, const char *text)
{
    return strstr(weir_buf_text(out), text) != NULL;
}

TEST(extract_prints_a_page_named_by_arguments_or_by_a_line)
{
    WEIR_AUTO(weir_buf) by_arguments = {0};
    WEIR_AUTO(weir_buf) by_line = {0};
    WEIR_AUTO_FREE char *file = weir_format("%s/tests/golden/extract/old.html", WEIR_SOURCE_DIR);
    WEIR_AUTO_FREE char *arguments = weir_format("extract --url http://h/ %s", file);
    WEIR_AUTO_FREE char *line = weir_format("{\"url\": \"http://h/\", \"file\": \"%s\"}\n\n", file);
    CHECK_I64(run_filter(arguments, "", &by_arguments), ==, 0);
    CHECK_I64(run_filter("extract", line, &by_line), ==, 0);
    CHECK_BYTES(weir_buf_bytes(&by_line), weir_buf_bytes(&by_arguments));
    CHECK(holds(&by_line, "\"outcome\":\"extracted\""));
    CHECK(holds(&by_line, "\"url\":\"http://h/mills.htm\",\"text\":\"Mills\""));
    CHECK(holds(&by_line, "\"noindex\":true"));
}

TEST(line_that_cannot_be_read_is_named_and_the_next_one_handled)
{
    WEIR_AUTO(weir_buf) out = {0};
    CHECK_I64(run_filter("quality", "{\n[]\n{\"id\": \"x\", \"text\": \"Hi.\"}\n", &out), ==, 1);
    CHECK(holds(&out, "weir quality: line 1: "));
    CHECK(holds(&out, "weir quality: line 2: the line is JSON, but no object\n"));
    CHECK(holds(&out, "{\"id\":\"x\""));
    CHECK(holds(&out, "\"gopher_short_doc\""));
    CHECK_I64(run_filter("extract", "{\"url\": \"http://h/\"}\n", &out), ==, 1);
    CHECK(holds(&out, "line 1: a line needs \"url\" and \"file\"\n"));
}

TEST(quality_refuses_an_unknown_rule_set)
{
    WEIR_AUTO(weir_buf) out = {0};
    CHECK_I64(run_filter("quality --rules nonsense", "", &out), ==, 2);
    CHECK_I64(run_filter("quality --list", "", &out), ==, 0);
    CHECK(holds(&out, "duplicated_10_n_grams          0.1\n"));
}

TEST(dedup_keeps_one_document_of_a_cluster_whatever_the_order)
{
    static const char first[] =
        "{\"id\": \"b\", \"text\": \"One two three four five six seven.\"}\n";
    static const char copy[] =
        "{\"id\": \"a\", \"text\": \"one TWO three, four five six seven\"}\n";
    static const char other[] = "{\"id\": \"c\", \"text\": \"something else altogether\"}\n";
    WEIR_AUTO(weir_buf) out = {0};
    WEIR_AUTO_FREE char *forth = weir_format("%s%s%s", first, copy, other);
    WEIR_AUTO_FREE char *back = weir_format("%s%s%s", other, copy, first);
    const char *const inputs[] = {forth, back};
    for (size_t i = 0; i < WEIR_COUNT_OF(inputs); i++) {
        CHECK_I64(run_filter("dedup", inputs[i], &out), ==, 0);
        CHECK(holds(&out, "\"kept\":false,\"duplicate_of\":\"a\""));
        const char *of_c = strstr(weir_buf_text(&out), "{\"id\":\"c\"");
        CHECK(of_c != NULL && strstr(of_c, "\"kept\":true") != NULL);
    }
}
