/* SPDX-License-Identifier: Apache-2.0
 *
 * Files of seeds (topologies/seeds.c): what is passed over, what is refused and how that is said.
 */
#include "streams/base/file.h"
#include "streams/consumer.h"
#include "tests/harness/check.h"
#include "topologies/seeds.h"

#include <stdlib.h>
#include <string.h>

typedef struct fixture {
    char *directory;
    char *path;
    weir_pipeline_options options;
    weir_pipeline *pipeline;
    size_t count;
    weir_error err;
} fixture;

static void open_fixture(fixture *f)
{
    f->directory = check_directory();
    f->path = weir_format("%s/seeds.txt", f->directory);
    f->options = (weir_pipeline_options){.data_directory = f->directory,
                                         .stages = 1u << WEIR_STAGE_FRONTIER};
    CHECK_OK(weir_pipeline_open(&f->options, &f->pipeline, &f->err), &f->err);
}

static void fixture_cleanup(fixture *f)
{
    weir_pipeline_free(f->pipeline);
    free(f->path);
    free(f->directory);
}

static weir_status send_text(fixture *f, weir_bytes text)
{
    CHECK_OK(weir_file_replace(f->path, text, false, &f->err), &f->err);
    return weir_seeds_send(f->pipeline, f->path, 1000, &f->count, &f->err);
}

/* Records in the topic that seeds go to. */
static int64_t sent_count(fixture *f)
{
    int64_t count = 0;
    for (int32_t p = 0; p < weir_pipeline_profile(f->pipeline)->event_partitions; p++) {
        int64_t end = 0;
        CHECK_OK(weir_broker_offset(
                     weir_pipeline_broker(f->pipeline),
                     (weir_topic_partition){"weir-frontier-frontier-events-repartition", p},
                     WEIR_OFFSET_LATEST, 0, &end, &f->err),
                 &f->err);
        count += end;
    }
    return count;
}

TEST(empty_lines_comments_spaces_and_line_ends_are_passed_over)
{
    WEIR_AUTO(fixture) f = {0};
    open_fixture(&f);
    CHECK_OK(send_text(&f, WEIR_BYTES("\xef\xbb\xbfhttp://a.example/\r\n"
                                      "\n"
                                      "# a comment\n"
                                      "  \thttps://b.example/x?y#z \t\r\n"
                                      "http://c.example")),
             &f.err);
    CHECK_I64(f.count, ==, 3);
    CHECK_I64(sent_count(&f), ==, 3);
}

TEST(bad_line_is_named_and_nothing_is_sent)
{
    static const char *const bad[] = {
        "http://",        "not a url",        "ftp://a.example/",        "javascript:alert(1)",
        "http://a b/",    "http://[::1/",     "http://a.example:99999/", "mailto:a@b.example",
        "http://a/\x01/", "//a.example/path", "http://\xff\xfe/",
    };
    WEIR_AUTO(fixture) f = {0};
    open_fixture(&f);
    for (size_t i = 0; i < WEIR_COUNT_OF(bad); i++) {
        WEIR_AUTO(weir_buf) text = {0};
        weir_buf_append_format(&text, "http://ok.example/\n%s\n", bad[i]);
        if (weir_frontier_check_seed(weir_bytes_of_text(bad[i]), &f.err) == WEIR_OK) {
            continue; /* The URL standard repairs it. */
        }
        WEIR_AUTO_FREE char *place = weir_format("%s:2: ", f.path);
        CHECK_STATUS(send_text(&f, weir_buf_bytes(&text)), WEIR_BAD_RECORD);
        CHECK(strncmp(f.err.message, place, strlen(place)) == 0);
        CHECK_I64(sent_count(&f), ==, 0);
    }
    CHECK_STATUS(weir_frontier_check_seed(WEIR_BYTES("not a url"), &f.err), WEIR_BAD_RECORD);
    CHECK_STATUS(weir_frontier_check_seed(WEIR_BYTES("ftp://a.example/"), &f.err), WEIR_BAD_RECORD);
}

TEST(endless_line_and_binary_are_refused)
{
    WEIR_AUTO(fixture) f = {0};
    open_fixture(&f);
    WEIR_AUTO(weir_buf) text = {0};
    weir_buf_append_text(&text, "http://a.example/");
    for (int i = 0; i < 100000; i++) {
        weir_buf_append_text(&text, "0123456789");
    }
    CHECK_STATUS(send_text(&f, weir_buf_bytes(&text)), WEIR_BAD_RECORD);
    CHECK_STATUS(send_text(&f, WEIR_BYTES("\0\0\0\0")), WEIR_BAD_RECORD);
    CHECK_STATUS(send_text(&f, WEIR_BYTES("")), WEIR_INVALID);
    CHECK_STATUS(send_text(&f, WEIR_BYTES("# nothing\n\n")), WEIR_INVALID);
    CHECK_I64(sent_count(&f), ==, 0);
}

TEST(missing_file_is_named)
{
    WEIR_AUTO(fixture) f = {0};
    open_fixture(&f);
    CHECK_STATUS(weir_seeds_send(f.pipeline, "/nowhere/seeds", 0, &f.count, &f.err),
                 WEIR_NOT_FOUND);
    CHECK_STR(f.err.message, "there is no seeds file /nowhere/seeds");
}

TEST(pipeline_sends_all_seeds_or_none)
{
    WEIR_AUTO(fixture) f = {0};
    open_fixture(&f);
    const weir_seed seeds[] = {{.url = WEIR_BYTES("http://a.example/")},
                               {.url = WEIR_BYTES("gopher://a.example/")}};
    CHECK_STATUS(weir_pipeline_seed(f.pipeline, seeds, 2, &f.err), WEIR_BAD_RECORD);
    CHECK_I64(sent_count(&f), ==, 0);
    CHECK_OK(weir_pipeline_seed(f.pipeline, seeds, 1, &f.err), &f.err);
    CHECK_I64(sent_count(&f), ==, 1);
}
