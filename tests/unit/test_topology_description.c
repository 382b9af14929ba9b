/* SPDX-License-Identifier: Apache-2.0
 *
 * A topology as JSON and as a picture (streams/topology_json.c, topology_picture*.c), and the
 * upgrade from one to another (streams/topology_compare.c).
 */
#include "streams/topology_description.h"

#include "docs/examples/examples.h"
#include "streams/base/json_read.h"
#include "streams/test_driver.h"
#include "tests/harness/check.h"
#include "tests/harness/dsl_functions.h"

#include <stdlib.h>
#include <string.h>

/* Every topic of others has four partitions. */
static weir_status four(void *user, const char *topic, int32_t *out_count, weir_error *err)
{
    (void)user;
    (void)topic;
    (void)err;
    *out_count = 4;
    return WEIR_OK;
}

static weir_status eight(void *user, const char *topic, int32_t *out_count, weir_error *err)
{
    WEIR_TRY(four(user, topic, out_count, err));
    *out_count = 8;
    return WEIR_OK;
}

typedef weir_status (*partition_counter)(void *user, const char *topic, int32_t *out_count,
                                         weir_error *err);

/* The description of what builder makes, planned as application "app". */
static void describe(weir_builder *owned_builder, partition_counter counter, weir_buf *out_json)
{
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_builder) builder = owned_builder;
    const weir_topology *topology = NULL;
    CHECK_OK(weir_builder_build(builder, &topology, &err), &err);
    WEIR_AUTO_PTR(weir_plan) plan = NULL;
    const weir_plan_options options = {.application_id = "app", .partition_count = counter};
    if (counter != NULL) {
        CHECK_OK(weir_plan_new(topology, &options, &plan, &err), &err);
    }
    weir_topology_describe_json(topology, plan, out_json);
}

static void check_has(weir_buf *text, const char *part)
{
    if (strstr(weir_buf_text(text), part) == NULL) {
        check_fail(__FILE__, __LINE__, "there is no \"%s\" in\n%s", part, weir_buf_text(text));
    }
}

TEST(json_has_topics_and_partitions_as_the_cluster_has_them)
{
    weir_error err = {0};
    WEIR_AUTO(weir_buf) json = {0};
    describe(word_count(), four, &json);
    check_has(&json, "\"application_id\":\"app\"");
    check_has(&json, "{\"name\":\"KSTREAM-SOURCE-0000000000\",\"kind\":\"source\","
                     "\"topic\":\"lines\",\"partitions\":4");
    check_has(&json, "{\"name\":\"counts\",\"kind\":\"key-value\",\"engine\":\"rocksdb\","
                     "\"subtopology\":1,\"changelog\":\"app-counts-changelog\"");
    check_has(&json,
              "\"internal_topics\":[{\"name\":\"app-counts-repartition\",\"partitions\":4}]");
    WEIR_AUTO_PTR(weir_json_value) root = NULL;
    CHECK_OK(weir_json_parse(weir_buf_bytes(&json), json.size, &root, &err), &err);
    CHECK_I64(weir_json_count(weir_json_get(root, "subtopologies")), ==, 2);
}

TEST(json_without_a_plan_leaves_open_what_it_cannot_know)
{
    WEIR_AUTO(weir_buf) json = {0};
    describe(word_count(), NULL, &json);
    check_has(&json, "\"changelog\":\"<application.id>-counts-changelog\"");
    check_has(&json, "\"internal_topics\":[{\"name\":\"<application.id>-counts-repartition\","
                     "\"partitions\":null}]");
}

/* A list of many topics, and a pattern, which finds b and c. */
static weir_builder *of_many_topics(void)
{
    weir_builder *builder = weir_builder_new();
    const char *const topics[] = {"p", "q", "r", "s", "t", NULL};
    weir_kstream_to(weir_builder_stream_of_topics(builder, topics, NULL), "out", NULL);
    weir_kstream_to(weir_builder_stream_of_pattern(builder, "[bc]", NULL), "out", NULL);
    return builder;
}

TEST(json_has_all_topics_of_a_source)
{
    weir_error err = {0};
    WEIR_AUTO(weir_buf) json = {0};
    describe(of_many_topics(), NULL, &json);
    check_has(&json, "\"kind\":\"source\",\"topics\":[{\"name\":\"p\",\"partitions\":null},");
    check_has(&json, "\"kind\":\"source\",\"topic_pattern\":\"[bc]\",\"topics\":[]");

    WEIR_AUTO_PTR(weir_builder) builder = of_many_topics();
    const weir_topology *topology = NULL;
    CHECK_OK(weir_builder_build(builder, &topology, &err), &err);
    const char *const there[] = {"a", "b", "c"};
    const weir_plan_options options = {
        .application_id = "app", .partition_count = four, .topics = there, .topic_count = 3};
    WEIR_AUTO_PTR(weir_plan) plan = NULL;
    CHECK_OK(weir_plan_new(topology, &options, &plan, &err), &err);
    weir_buf_clear(&json);
    weir_topology_describe_json(topology, plan, &json);
    check_has(&json, "\"topics\":[{\"name\":\"p\",\"partitions\":4},");
    check_has(&json, "\"topics\":[{\"name\":\"b\",\"partitions\":4},"
                     "{\"name\":\"c\",\"partitions\":4}]");
    weir_buf_clear(&json);
    weir_topology_describe_svg(topology, &json);
    check_has(&json, ">p, q, r and 2 more</text>");
    check_has(&json, ">[bc]</text>");
}

/* The number that an attribute of one element has. */
static int64_t attribute_of(const char *element, const char *name)
{
    WEIR_AUTO_FREE char *pattern = weir_format(" %s=\"", name);
    const char *at = strstr(element, pattern);
    CHECK(at != NULL);
    return strtoll(at + strlen(pattern), NULL, 10);
}

static bool overlap(const char *a, const char *b)
{
    return attribute_of(a, "x") < attribute_of(b, "x") + attribute_of(b, "width") &&
           attribute_of(b, "x") < attribute_of(a, "x") + attribute_of(a, "width") &&
           attribute_of(a, "y") < attribute_of(b, "y") + attribute_of(b, "height") &&
           attribute_of(b, "y") < attribute_of(a, "y") + attribute_of(a, "height");
}

/* Every box has its text and covers no other; the picture needs nothing from elsewhere. */
static void check_picture(weir_builder *owned_builder)
{
    enum { BOXES_MAX = 100 };
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_builder) builder = owned_builder;
    const weir_topology *topology = NULL;
    CHECK_OK(weir_builder_build(builder, &topology, &err), &err);
    WEIR_AUTO(weir_buf) svg = {0};
    weir_topology_describe_svg(topology, &svg);
    const char *boxes[BOXES_MAX];
    size_t count = 0;
    const char *at = weir_buf_text(&svg);
    CHECK(strncmp(at, "<svg xmlns=\"http://www.w3.org/2000/svg\"", 39) == 0);
    CHECK(strstr(at, "href") == NULL && strstr(at, "<script") == NULL);
    for (at = strstr(at, "<rect class=\""); at != NULL; at = strstr(at + 1, "<rect class=\"")) {
        if (strncmp(at, "<rect class=\"frame\"", 19) != 0) {
            CHECK_I64(count, <, BOXES_MAX);
            boxes[count++] = at;
        }
    }
    CHECK_I64(count, >, 2);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            CHECK(!overlap(boxes[i], boxes[j]));
        }
    }
}

TEST(picture_shows_every_node_and_no_box_covers_another)
{
    check_picture(word_count());
    check_picture(ad_clicks());
    check_picture(page_views_by_region());
    check_picture(orders_with_customers());
    check_picture(deduplicate());
}

TEST(names_cannot_break_the_picture)
{
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_topology) topology = weir_topology_new();
    weir_topology_add_source(topology, "<a>&b", &(weir_source_options){.topic = "in"});
    weir_topology_add_sink(topology, "out", &(weir_sink_options){.topic = "out"}, "<a>&b", NULL);
    CHECK_OK(weir_topology_build(topology, &err), &err);
    WEIR_AUTO(weir_buf) svg = {0};
    weir_topology_describe_svg(topology, &svg);
    check_has(&svg, ">&lt;a&gt;&amp;b</text>");
}

/* Counts of words, with what may differ between two versions of it. */
typedef struct version {
    const char *store; /* NULL: generated. */
    bool filters_first;
    bool has_table;
    weir_store_engine engine;
    int32_t entries_max;
    bool is_windowed;
} version;

static bool is_any(void *user, const weir_record *record)
{
    (void)user;
    (void)record;
    return true;
}

static weir_builder *counting(const version *v)
{
    weir_builder *builder = weir_builder_new();
    if (v->has_table) {
        weir_ktable *table = weir_builder_table(builder, "table", NULL, WEIR_STORED_AS("rows"));
        weir_kstream_to(weir_ktable_to_stream(table, NULL), "changes", NULL);
    }
    weir_kstream *words = weir_builder_stream(builder, "words", NULL);
    if (v->filters_first) {
        words = weir_kstream_filter(words, is_any, NULL);
    }
    weir_kgrouped_stream *grouped = weir_kstream_group_by(words, dsl_value_as_key, NULL);
    const weir_materialized stored = {
        .store_name = v->store, .engine = v->engine, .entries_max = v->entries_max};
    if (v->is_windowed) {
        const weir_time_windows windows = {.size_ms = 1000};
        (void)weir_time_windowed_count(weir_kgrouped_stream_windowed_by(grouped, &windows), &stored,
                                       NULL);
    } else {
        (void)weir_kgrouped_stream_count(grouped, &stored, NULL);
    }
    return builder;
}

/* The upgrade between two versions, whose text has these lines; text may end with a NULL. */
static void check_upgrade(const version *before, const version *after, weir_upgrade wanted,
                          const char *line)
{
    weir_error err = {0};
    weir_upgrade upgrade = WEIR_UPGRADE_ROLLS;
    WEIR_AUTO(weir_buf) old_json = {0};
    WEIR_AUTO(weir_buf) new_json = {0};
    WEIR_AUTO(weir_buf) text = {0};
    describe(counting(before), four, &old_json);
    describe(counting(after), four, &new_json);
    CHECK_OK(weir_topology_compare(weir_buf_bytes(&old_json), weir_buf_bytes(&new_json), &text,
                                   &upgrade, &err),
             &err);
    check_has(&text, line);
    if (upgrade != wanted) {
        check_fail(__FILE__, __LINE__, "upgrade %d, wanted %d:\n%s", upgrade, wanted,
                   weir_buf_text(&text));
    }
}

TEST(same_topology_keeps_everything)
{
    const version named = {.store = "counts"};
    check_upgrade(&named, &named, WEIR_UPGRADE_ROLLS, "  kept     counts\n");
    check_upgrade(&named, &named, WEIR_UPGRADE_ROLLS, "  kept     app-counts-repartition\n");
}

TEST(operator_before_a_store_renames_it_unless_it_has_a_name)
{
    const version unnamed = {0};
    const version filtered = {.filters_first = true};
    check_upgrade(&unnamed, &filtered, WEIR_UPGRADE_LOSES,
                  "  renamed  KSTREAM-AGGREGATE-STATE-STORE-0000000003 -> "
                  "KSTREAM-AGGREGATE-STATE-STORE-0000000004");
    const version named = {.store = "counts"};
    const version named_filtered = {.store = "counts", .filters_first = true};
    check_upgrade(&named, &named_filtered, WEIR_UPGRADE_ROLLS, "  kept     counts\n");
}

TEST(sub_topology_that_moves_keeps_its_rows_but_processes_cannot_be_mixed)
{
    const version before = {.store = "counts"};
    const version after = {.store = "counts", .has_table = true};
    check_upgrade(&before, &after, WEIR_UPGRADE_STOPS, "  kept     counts; sub-topology 1 -> 2");
    check_upgrade(&before, &after, WEIR_UPGRADE_STOPS, "  new      rows");
    check_upgrade(&before, &after, WEIR_UPGRADE_STOPS, "  moved    0 -> 1");
    check_upgrade(&before, &after, WEIR_UPGRADE_STOPS, "  tasks    their number changes");
    check_upgrade(&after, &before, WEIR_UPGRADE_LOSES, "  dropped  rows");
}

static weir_builder *copying(const char *const *topics, const char *source_name)
{
    weir_builder *builder = weir_builder_new();
    const weir_consumed consumed = {.name = source_name};
    weir_kstream_to(weir_builder_stream_of_topics(builder, topics, &consumed), "out", NULL);
    return builder;
}

TEST(sub_topology_is_known_by_any_of_its_topics)
{
    weir_error err = {0};
    weir_upgrade upgrade = WEIR_UPGRADE_LOSES;
    WEIR_AUTO(weir_buf) old_json = {0};
    WEIR_AUTO(weir_buf) new_json = {0};
    WEIR_AUTO(weir_buf) text = {0};
    describe(copying((const char *const[]){"a", "b", NULL}, "old"), four, &old_json);
    describe(copying((const char *const[]){"c", "b", NULL}, "new"), four, &new_json);
    CHECK_OK(weir_topology_compare(weir_buf_bytes(&old_json), weir_buf_bytes(&new_json), &text,
                                   &upgrade, &err),
             &err);
    check_has(&text, "  same     0");
    CHECK_I64(upgrade, ==, WEIR_UPGRADE_ROLLS);
}

TEST(store_of_another_kind_is_rebuilt_and_another_engine_is_read_from_the_changelog)
{
    const version rows = {.store = "counts"};
    const version windows = {.store = "counts", .is_windowed = true};
    const version memory = {.store = "counts", .engine = WEIR_ENGINE_MEMORY};
    check_upgrade(&rows, &windows, WEIR_UPGRADE_LOSES, "  rebuilt  counts: its rows have another");
    check_upgrade(&rows, &memory, WEIR_UPGRADE_ROLLS,
                  "  kept     counts; read from its changelog once, engine rocksdb -> memory");
}

TEST(store_that_may_have_fewer_entries_loses_the_others)
{
    const version all = {.store = "counts", .engine = WEIR_ENGINE_MEMORY};
    const version ten = {.store = "counts", .entries_max = 10};
    const version two = {.store = "counts", .entries_max = 2};
    check_upgrade(&all, &ten, WEIR_UPGRADE_LOSES,
                  "  kept     counts; 10 entries at most, others are removed\n");
    check_upgrade(&ten, &two, WEIR_UPGRADE_LOSES, "; 2 entries at most, others are removed\n");
    check_upgrade(&two, &ten, WEIR_UPGRADE_ROLLS, "  kept     counts; entries_max 2 -> 10\n");
    check_upgrade(&ten, &all, WEIR_UPGRADE_ROLLS, "  kept     counts; entries_max 10 -> 0\n");
}

TEST(other_partitions_are_refused)
{
    weir_error err = {0};
    weir_upgrade upgrade = WEIR_UPGRADE_ROLLS;
    const version same = {.store = "counts"};
    WEIR_AUTO(weir_buf) old_json = {0};
    WEIR_AUTO(weir_buf) new_json = {0};
    WEIR_AUTO(weir_buf) text = {0};
    describe(counting(&same), four, &old_json);
    describe(counting(&same), eight, &new_json);
    CHECK_OK(weir_topology_compare(weir_buf_bytes(&old_json), weir_buf_bytes(&new_json), &text,
                                   &upgrade, &err),
             &err);
    CHECK(upgrade == WEIR_UPGRADE_LOSES);
    check_has(&text, "  rebuilt  counts: 4 -> 8 partitions");
    check_has(&text, "  rebuilt  app-counts-repartition: 4 -> 8 partitions");
}

TEST(text_that_is_no_description_is_refused_by_name)
{
    weir_error err = {0};
    weir_upgrade upgrade = WEIR_UPGRADE_ROLLS;
    WEIR_AUTO(weir_buf) text = {0};
    WEIR_AUTO(weir_buf) json = {0};
    static const char *const wrong[] = {"", "{", "[]", "{\"stores\":[]}",
                                        "{\"description_version\":1,\"stores\":[{}]}"};
    describe(word_count(), NULL, &json);
    for (size_t i = 0; i < WEIR_COUNT_OF(wrong); i++) {
        CHECK_STATUS(weir_topology_compare(weir_buf_bytes(&json), weir_bytes_of_text(wrong[i]),
                                           &text, &upgrade, &err),
                     WEIR_BAD_RECORD);
    }
    CHECK_STATUS(
        weir_topology_compare(WEIR_BYTES("7"), weir_buf_bytes(&json), &text, &upgrade, &err),
        WEIR_BAD_RECORD);
    CHECK(strstr(err.message, "the old description") != NULL);
}
