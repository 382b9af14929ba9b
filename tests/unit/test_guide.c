/* SPDX-License-Identifier: Apache-2.0
 *
 * The program of docs/GUIDE.md: it compiles, it does what the guide says, and every block of C in
 * the guide stands here word for word. The guide lists every setting. The README's blocks of C
 * are those of docs/examples.
 */
#include "connectors/broker_embedded.h"
#include "streams/base/file.h"
#include "streams/base/serde.h"
#include "streams/test_driver.h"
#include "tests/harness/check.h"
#include "tests/harness/sim_broker.h"

#include <stdlib.h>
#include <string.h>

/* A processor: its own struct begins with weir_processor. */
typedef struct views {
    weir_processor base;
    weir_window_store *counts;
    weir_buf value;
} views;

static weir_status init_views(weir_processor *processor, weir_error *err)
{
    (void)err;
    views *self = (views *)(void *)processor;
    self->counts = weir_context_window_store(processor->context, "views-by-minute");
    return WEIR_OK;
}

static weir_status count_view(weir_processor *processor, const weir_record *record, weir_error *err)
{
    views *self = (views *)(void *)processor;
    if (record->key.data == NULL) { /* Refuse before the first effect. */
        return weir_error_set(err, WEIR_BAD_RECORD, "a view without a page");
    }
    int64_t minute_ms = record->timestamp_ms / 60000 * 60000;
    uint64_t count = 0;
    weir_status status =
        weir_window_store_get(self->counts, record->key, minute_ms, &self->value, err);
    if (status == WEIR_OK) {
        count = weir_get_u64_be(self->value.data);
    } else if (status != WEIR_NOT_FOUND) {
        return status;
    }
    uint8_t bytes[8];
    weir_put_u64_be(bytes, count + 1);
    weir_record out = *record;
    out.value = weir_bytes_of(bytes, sizeof(bytes));
    status = weir_window_store_put(self->counts, record->key, minute_ms, out.value, err);
    if (status == WEIR_NOT_FOUND) {
        return WEIR_OK; /* Too late: its minute is forgotten. */
    }
    WEIR_TRY(status);
    return weir_context_forward(processor->context, &out, err);
}

static void free_views(weir_processor *processor)
{
    weir_buf_cleanup(&((views *)(void *)processor)->value);
    free(processor);
}

static weir_processor *new_views(void *user)
{
    (void)user;
    static const weir_processor_ops ops = {init_views, count_view, free_views};
    views *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    return &self->base;
}

static weir_status build_views(weir_topology **out_topology, weir_error *err)
{
    WEIR_AUTO_PTR(weir_topology) t = weir_topology_new();
    weir_topology_add_source(t, "read", &(weir_source_options){.topic = "views"});
    weir_topology_add_processor(t, "count", &(weir_processor_options){.supplier = new_views},
                                "read", NULL);
    const weir_store_options counts = {
        .name = "views-by-minute",
        .kind = WEIR_STORE_WINDOW,
        .retention_ms = 3600000,
    };
    weir_topology_add_store(t, &counts, "count", NULL);
    weir_topology_add_sink(t, "write", &(weir_sink_options){.topic = "counts"}, "count", NULL);
    WEIR_TRY(weir_topology_build(t, err));
    *out_topology = weir_take(&t);
    return WEIR_OK;
}

static weir_status run_views(const weir_topology *topology, weir_broker *broker,
                             weir_database *database, weir_error *err)
{
    const weir_setting settings[] = {
        {"application.id", "page-views"},
        {"num.stream.threads", "2"},
        {"processing.exception.handler", "continue"},
    };
    WEIR_AUTO(weir_config) config = {0};
    WEIR_TRY(weir_config_init(&config, settings, WEIR_COUNT_OF(settings), err));
    const weir_application_options options = {
        .topology = topology,
        .config = &config,
        .broker = broker,
        .database = database,
    };
    WEIR_AUTO_PTR(weir_application) application = NULL;
    WEIR_TRY(weir_application_new(&options, &application, err));
    WEIR_TRY(weir_application_start(application, err));
    /* A service waits for a signal here. */
    return weir_application_close(application, err);
}

static void check_view(weir_test_driver *driver, int64_t timestamp_ms, uint64_t count)
{
    weir_error err = {0};
    const weir_record view = {
        .topic = "views", .timestamp_ms = timestamp_ms, .key = WEIR_BYTES("/index.html")};
    CHECK_OK(weir_test_driver_pipe(driver, &view, &err), &err);
    const weir_record *out = NULL;
    CHECK_OK(weir_test_driver_read(driver, "counts", &out, &err), &err);
    CHECK_I64(weir_get_u64_be(out->value.data), ==, count);
}

TEST(views_are_counted_by_minute)
{
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_topology) topology = NULL;
    CHECK_OK(build_views(&topology, &err), &err);
    WEIR_AUTO_PTR(weir_broker) broker = sim_broker_new(1);
    const weir_test_driver_options options = {.topology = topology, .broker = broker};
    WEIR_AUTO_PTR(weir_test_driver) driver = NULL;
    CHECK_OK(weir_test_driver_new(&options, &driver, &err), &err);
    check_view(driver, 1000, 1);
    check_view(driver, 59000, 2);
    check_view(driver, 60000, 1);
}

TEST(guide_program_starts_and_closes)
{
    weir_error err = {0};
    WEIR_AUTO_FREE char *directory = check_directory();
    WEIR_AUTO_PTR(weir_topology) topology = NULL;
    CHECK_OK(build_views(&topology, &err), &err);
    WEIR_AUTO_PTR(weir_broker) broker = NULL;
    CHECK_OK(weir_broker_embedded_open(&(weir_broker_embedded_options){.directory = directory},
                                       &broker, &err),
             &err);
    static const char *const topics[] = {"views", "counts"};
    for (size_t i = 0; i < WEIR_COUNT_OF(topics); i++) {
        const weir_topic_config topic = {.name = topics[i], .partition_count = 4};
        CHECK_OK(weir_broker_create_topic(broker, &topic, &err), &err);
    }
    CHECK_OK(run_views(topology, broker, NULL, &err), &err);
}

/* A text of the repository, whole. */
static void read_text(const char *path, weir_buf *out_text)
{
    weir_error err = {0};
    WEIR_AUTO_FREE char *file = weir_format("%s/%s", WEIR_SOURCE_DIR, path);
    CHECK_OK(weir_file_read(file, 1 << 20, out_text, &err), &err);
}

/* Every block of C in a document stands in the sources, word for word; so many there are. */
static void check_blocks(const char *document, const char *const *sources, size_t count)
{
    WEIR_AUTO(weir_buf) text = {0};
    WEIR_AUTO(weir_buf) source = {0};
    read_text(document, &text);
    for (size_t i = 0; sources[i] != NULL; i++) {
        WEIR_AUTO(weir_buf) one = {0};
        read_text(sources[i], &one);
        weir_buf_append(&source, one.data, one.size);
    }
    static const char open[] = "```c\n";
    size_t blocks = 0;
    for (const char *at = strstr(weir_buf_text(&text), open); at != NULL; at = strstr(at, open)) {
        at += strlen(open);
        const char *end = strstr(at, "```");
        CHECK(end != NULL);
        WEIR_AUTO_FREE char *block = weir_format("%.*s", (int)(end - at), at);
        if (strstr(weir_buf_text(&source), block) == NULL) {
            check_fail(__FILE__, __LINE__, "%s has a block that is not in %s:\n%s", document,
                       sources[0], block);
        }
        blocks++;
    }
    CHECK_I64(blocks, ==, count);
}

TEST(every_block_of_c_in_the_guide_stands_in_this_file)
{
    static const char *const sources[] = {"tests/unit/test_guide.c", NULL};
    check_blocks("docs/GUIDE.md", sources, 4);
}

TEST(every_block_of_c_in_the_readme_stands_in_an_example)
{
    static const char *const sources[] = {"docs/examples/word_count.c", "docs/examples/ad_clicks.c",
                                          "docs/examples/test_word_count.c", NULL};
    check_blocks("README.md", sources, 3);
}

/* A row a setting: "| `name` |", and no row that is none. */
TEST(guide_lists_every_setting)
{
    WEIR_AUTO(weir_buf) guide = {0};
    WEIR_AUTO(weir_buf) settings = {0};
    read_text("docs/GUIDE.md", &guide);
    weir_config_describe(&settings);
    size_t listed = 0;
    const char *line = weir_buf_text(&settings);
    for (; *line != '\0'; line = strchr(line, '\n') + 1) {
        if (strncmp(line, "topic.", strlen("topic.")) == 0) {
            continue; /* One row says all of them. */
        }
        WEIR_AUTO_FREE char *row = weir_format("\n| `%.*s` |", (int)strcspn(line, "\t"), line);
        if (strstr(weir_buf_text(&guide), row) == NULL) {
            check_fail(__FILE__, __LINE__, "docs/GUIDE.md has no row %s", row + 1);
        }
        listed++;
    }
    size_t rows = 0;
    const char *at = strstr(weir_buf_text(&guide), "\n| `");
    for (; at != NULL; at = strstr(at + 1, "\n| `")) {
        rows += strncmp(at, "\n| `topic.", strlen("\n| `topic.")) == 0 ? 0 : 1;
    }
    CHECK_I64(rows, ==, listed);
}
