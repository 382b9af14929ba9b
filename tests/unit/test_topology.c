/* SPDX-License-Identifier: Apache-2.0
 *
 * Topologies are numbered, described and planned as Kafka Streams does it (streams/topology.c,
 * topology_describe.c, topology_plan.c). The texts were printed by Kafka Streams 4.1.0's
 * Topology.describe() for the same calls.
 */
#include "streams/topology_internal.h"
#include "streams/topology_plan.h"
#include "tests/harness/check.h"

#include <stdlib.h>
#include <string.h>

static weir_processor *no_processor(void *user)
{
    (void)user;
    return NULL;
}

static const weir_processor_options PROCESSOR = {no_processor, NULL};

static void add_source(weir_topology *topology, const char *name, const char *topic)
{
    weir_topology_add_source(topology, name, &(weir_source_options){.topic = topic});
}

static void add_sink(weir_topology *topology, const char *name, const char *topic,
                     const char *parent)
{
    weir_topology_add_sink(topology, name, &(weir_sink_options){.topic = topic}, parent, NULL);
}

static void add_store(weir_topology *topology, const char *name, const char *processor)
{
    weir_topology_add_store(topology, &(weir_store_options){.name = name}, processor, NULL);
}

static void build(weir_topology *topology)
{
    weir_error err = {0};
    CHECK_OK(weir_topology_build(topology, &err), &err);
}

/* pages -> count -> repartition by host -> total -> out */
static weir_topology *two_stages(int32_t repartition_count)
{
    weir_topology *topology = weir_topology_new();
    const char *topic = weir_topology_repartition(topology, "by-host", repartition_count);
    add_source(topology, "pages", "pages");
    weir_topology_add_processor(topology, "count", &PROCESSOR, "pages", NULL);
    add_sink(topology, "by-host", topic, "count");
    add_source(topology, "from-hosts", topic);
    weir_topology_add_processor(topology, "total", &PROCESSOR, "from-hosts", NULL);
    add_sink(topology, "out", "totals", "total");
    add_store(topology, "counts", "count");
    add_store(topology, "totals", "total");
    return topology;
}

static void check_mistake(weir_topology *topology, const char *wanted)
{
    weir_error err = {0};
    CHECK_STATUS(weir_topology_build(topology, &err), WEIR_INVALID);
    CHECK_STR(err.message, wanted);
    weir_topology_free(topology);
}

TEST(a_topic_between_two_parts_makes_two_subtopologies_numbered_by_insertion)
{
    WEIR_AUTO_PTR(weir_topology) topology = two_stages(0);
    build(topology);
    CHECK_I64(topology->subtopology_count, ==, 2);
    CHECK_I64(weir_topology_node(topology, "by-host")->subtopology, ==, 0);
    CHECK_I64(weir_topology_node(topology, "from-hosts")->subtopology, ==, 1);
    CHECK_I64(weir_topology_store_named(topology, "counts")->subtopology, ==, 0);
    CHECK_I64(weir_topology_store_named(topology, "totals")->subtopology, ==, 1);
    CHECK_I64(topology->subtopologies[1].sources.count, ==, 1);
    CHECK_I64(topology->subtopologies[1].nodes.count, ==, 3);
}

TEST(describe_equals_kafka_streams_text)
{
    WEIR_AUTO_PTR(weir_topology) topology = two_stages(0);
    build(topology);
    WEIR_AUTO(weir_buf) text = {0};
    weir_topology_describe(topology, &text);
    CHECK_STR(weir_buf_text(&text), "Topologies:\n"
                                    "   Sub-topology: 0\n"
                                    "    Source: pages (topics: [pages])\n"
                                    "      --> count\n"
                                    "    Processor: count (stores: [counts])\n"
                                    "      --> by-host\n"
                                    "      <-- pages\n"
                                    "    Sink: by-host (topic: by-host-repartition)\n"
                                    "      <-- count\n"
                                    "\n"
                                    "  Sub-topology: 1\n"
                                    "    Source: from-hosts (topics: [by-host-repartition])\n"
                                    "      --> total\n"
                                    "    Processor: total (stores: [totals])\n"
                                    "      --> out\n"
                                    "      <-- from-hosts\n"
                                    "    Sink: out (topic: totals)\n"
                                    "      <-- total\n"
                                    "\n");
}

TEST(a_shared_store_unites_its_processors_and_keeps_the_first_number)
{
    WEIR_AUTO_PTR(weir_topology) topology = weir_topology_new();
    add_source(topology, "KSTREAM-SOURCE-0000000000", "a");
    add_source(topology, "KSTREAM-SOURCE-0000000001", "b");
    add_source(topology, "KSTREAM-SOURCE-0000000002", "c");
    weir_topology_add_processor(topology, "left", &PROCESSOR, "KSTREAM-SOURCE-0000000000", NULL);
    weir_topology_add_processor(topology, "alone", &PROCESSOR, "KSTREAM-SOURCE-0000000001", NULL);
    weir_topology_add_processor(topology, "right", &PROCESSOR, "KSTREAM-SOURCE-0000000002", NULL);
    add_sink(topology, "z", "out", "alone");
    weir_topology_add_store(topology, &(weir_store_options){.name = "shared"}, "left", "right",
                            NULL);
    add_store(topology, "KSTREAM-AGGREGATE-STATE-STORE-0000000003", "left");
    build(topology);

    WEIR_AUTO(weir_buf) text = {0};
    weir_topology_describe(topology, &text);
    CHECK_STR(weir_buf_text(&text),
              "Topologies:\n"
              "   Sub-topology: 0\n"
              "    Source: KSTREAM-SOURCE-0000000000 (topics: [a])\n"
              "      --> left\n"
              "    Source: KSTREAM-SOURCE-0000000002 (topics: [c])\n"
              "      --> right\n"
              "    Processor: left (stores: [shared, KSTREAM-AGGREGATE-STATE-STORE-0000000003])\n"
              "      --> none\n"
              "      <-- KSTREAM-SOURCE-0000000000\n"
              "    Processor: right (stores: [shared])\n"
              "      --> none\n"
              "      <-- KSTREAM-SOURCE-0000000002\n"
              "\n"
              "  Sub-topology: 1\n"
              "    Source: KSTREAM-SOURCE-0000000001 (topics: [b])\n"
              "      --> alone\n"
              "    Processor: alone (stores: [])\n"
              "      --> z\n"
              "      <-- KSTREAM-SOURCE-0000000001\n"
              "    Sink: z (topic: out)\n"
              "      <-- alone\n"
              "\n");
}

TEST(the_first_mistake_is_told_with_what_to_do)
{
    weir_topology *topology = weir_topology_new();
    add_source(topology, "a", "a");
    add_source(topology, "a", "b");
    weir_topology_add_processor(topology, "p", &PROCESSOR, "nobody", NULL);
    check_mistake(topology, "node 'a' is there already: give the second one another name");

    topology = weir_topology_new();
    weir_topology_add_processor(topology, "p", &PROCESSOR, "nobody", NULL);
    check_mistake(topology, "node 'p': its parent 'nobody' does not exist: add the parent first");

    topology = weir_topology_new();
    add_source(topology, "a", "t");
    add_source(topology, "b", "t");
    check_mistake(topology, "source 'b': topic 't' is read by source 'a' already: share that");

    topology = weir_topology_new();
    add_source(topology, "a", "t t");
    check_mistake(topology, "a: topic 't t' is no legal name: use 1 to 249 letters, digits, '.', "
                            "'_' and '-'");

    check_mistake(weir_topology_new(), "the topology has no source: nothing would ever run");
}

TEST(parts_that_lead_nowhere_are_mistakes)
{
    weir_topology *topology = weir_topology_new();
    add_source(topology, "a", "t");
    add_sink(topology, "s", "o", "a");
    weir_topology_add_processor(topology, "p", &PROCESSOR, "s", NULL);
    check_mistake(topology, "node 'p': 's' is a sink and has no children: read its topic instead");

    topology = weir_topology_new();
    add_source(topology, "a", "t");
    weir_topology_add_store(topology, &(weir_store_options){.name = "st"}, NULL);
    check_mistake(topology, "store 'st' belongs to no processor: name those that use it");

    topology = weir_topology_new();
    add_source(topology, "a", "t");
    add_store(topology, "st", "a");
    check_mistake(topology, "store 'st': 'a' is no processor: add the processor first");

    topology = weir_topology_new();
    add_source(topology, "a", weir_topology_repartition(topology, "r", 0));
    check_mistake(topology, "repartition 'r' is never written: add a sink with its topic");
}

/* Plans. */

typedef struct cluster {
    const char *topic;
    int32_t partition_count;
} cluster;

static weir_status partition_count(void *user, const char *topic, int32_t *out_count,
                                   weir_error *err)
{
    (void)err;
    for (const cluster *at = user; at->topic != NULL; at++) {
        if (strcmp(at->topic, topic) == 0) {
            *out_count = at->partition_count;
            return WEIR_OK;
        }
    }
    return WEIR_NOT_FOUND;
}

static weir_status plan(const weir_topology *topology, cluster *topics, weir_plan **out_plan,
                        weir_error *err)
{
    weir_plan_options options = {
        .application_id = "app", .partition_count = partition_count, .user = topics};
    return weir_plan_new(topology, &options, out_plan, err);
}

TEST(a_plan_names_topics_with_the_application_id_and_lists_tasks_in_order)
{
    WEIR_AUTO_PTR(weir_topology) topology = two_stages(0);
    build(topology);
    cluster topics[] = {{"pages", 3}, {NULL, 0}};
    WEIR_AUTO_PTR(weir_plan) made = NULL;
    weir_error err = {0};
    CHECK_OK(plan(topology, topics, &made, &err), &err);

    CHECK_STR(made->task_topic, "app-weir-tasks");
    CHECK_STR(made->inputs[0].topic, "pages");
    CHECK(made->sink_topics[1] == NULL);
    CHECK_STR(made->sink_topics[2], "app-by-host-repartition");
    CHECK_STR(made->inputs[1].topic, "app-by-host-repartition");
    CHECK_STR(made->changelog_topics[0], "app-counts-changelog");
    const char *ids[] = {"0_0", "0_1", "0_2", "1_0", "1_1", "1_2"};
    CHECK_I64(made->task_count, ==, WEIR_COUNT_OF(ids));
    for (size_t i = 0; i < WEIR_COUNT_OF(ids); i++) {
        CHECK_STR(made->tasks[i].id, ids[i]);
    }
    CHECK_I64(made->topic_count, ==, 3);
    CHECK_I64(made->topics[0].kind, ==, WEIR_TOPIC_REPARTITION);
    CHECK_STR(made->topics[0].name, "app-by-host-repartition");
    CHECK_I64(made->topics[0].partition_count, ==, 3);
    CHECK_I64(made->topics[2].kind, ==, WEIR_TOPIC_CHANGELOG);
    CHECK_STR(made->topics[2].name, "app-totals-changelog");
}

TEST(a_repartition_count_that_is_given_wins_over_what_feeds_it)
{
    WEIR_AUTO_PTR(weir_topology) topology = two_stages(5);
    build(topology);
    cluster topics[] = {{"pages", 12}, {NULL, 0}};
    WEIR_AUTO_PTR(weir_plan) made = NULL;
    weir_error err = {0};
    CHECK_OK(plan(topology, topics, &made, &err), &err);
    CHECK_I64(made->subtopology_task_counts[0], ==, 12);
    CHECK_I64(made->subtopology_task_counts[1], ==, 5);
    CHECK_STR(made->tasks[10].id, "0_10"); /* By number, not by text. */
    CHECK_I64(made->tasks[16].partition, ==, 4);
}

/* Sources a and b meet in a store; b may be a repartition topic fed from c. */
static weir_topology *meeting(bool repartitioned, int32_t repartition_count)
{
    weir_topology *topology = weir_topology_new();
    add_source(topology, "a", "a");
    if (repartitioned) {
        const char *topic = weir_topology_repartition(topology, "r", repartition_count);
        add_source(topology, "c", "c");
        add_sink(topology, "to-r", topic, "c");
        add_source(topology, "b", topic);
    } else {
        add_source(topology, "b", "b");
    }
    weir_topology_add_processor(topology, "left", &PROCESSOR, "a", NULL);
    weir_topology_add_processor(topology, "right", &PROCESSOR, "b", NULL);
    weir_topology_add_store(topology, &(weir_store_options){.name = "st"}, "left", "right", NULL);
    build(topology);
    return topology;
}

TEST(topics_that_meet_in_a_store_must_have_equal_counts)
{
    WEIR_AUTO_PTR(weir_topology) topology = meeting(false, 0);
    cluster topics[] = {{"a", 4}, {"b", 3}, {NULL, 0}};
    WEIR_AUTO_PTR(weir_plan) made = NULL;
    weir_error err = {0};
    CHECK_STATUS(plan(topology, topics, &made, &err), WEIR_INVALID);
    CHECK_STR(err.message, "'a' has 4 partitions and 'b' has 3, but their records meet in a store: "
                           "repartition one of them");
}

TEST(a_repartition_topic_takes_the_count_of_the_external_topic_that_it_meets)
{
    WEIR_AUTO_PTR(weir_topology) topology = meeting(true, 0);
    cluster topics[] = {{"a", 4}, {"c", 9}, {NULL, 0}};
    WEIR_AUTO_PTR(weir_plan) made = NULL;
    weir_error err = {0};
    CHECK_OK(plan(topology, topics, &made, &err), &err);
    CHECK_I64(made->topics[0].partition_count, ==, 4);

    WEIR_AUTO_PTR(weir_topology) forced = meeting(true, 2);
    WEIR_AUTO_PTR(weir_plan) refused = NULL;
    CHECK_STATUS(plan(forced, topics, &refused, &err), WEIR_INVALID);
}

TEST(topics_that_feed_each_other_in_a_circle_take_what_is_known)
{
    WEIR_AUTO_PTR(weir_topology) topology = weir_topology_new();
    const char *one = weir_topology_repartition(topology, "one", 0);
    const char *two = weir_topology_repartition(topology, "two", 0);
    add_source(topology, "in", "in");
    add_sink(topology, "in-one", one, "in");
    add_source(topology, "one", one);
    add_sink(topology, "one-two", two, "one");
    add_source(topology, "two", two);
    add_sink(topology, "two-one", one, "two");
    build(topology);
    cluster topics[] = {{"in", 6}, {NULL, 0}};
    WEIR_AUTO_PTR(weir_plan) made = NULL;
    weir_error err = {0};
    CHECK_OK(plan(topology, topics, &made, &err), &err);
    CHECK_I64(made->topics[0].partition_count, ==, 6);
    CHECK_I64(made->topics[1].partition_count, ==, 6);
}

TEST(a_circle_without_a_known_count_asks_for_one)
{
    WEIR_AUTO_PTR(weir_topology) topology = weir_topology_new();
    const char *one = weir_topology_repartition(topology, "one", 0);
    add_source(topology, "one", one);
    add_sink(topology, "again", one, "one");
    build(topology);
    cluster topics[] = {{NULL, 0}};
    WEIR_AUTO_PTR(weir_plan) made = NULL;
    weir_error err = {0};
    CHECK_STATUS(plan(topology, topics, &made, &err), WEIR_INVALID);
    CHECK_STR(err.message,
              "the partition count of 'app-one-repartition' follows from no topic: give it one");
}

TEST(a_named_changelog_exists_with_as_many_partitions_as_tasks_or_is_planned)
{
    WEIR_AUTO_PTR(weir_topology) topology = weir_topology_new();
    add_source(topology, "a", "a");
    weir_topology_add_processor(topology, "p", &PROCESSOR, "a", NULL);
    weir_topology_add_store(
        topology, &(weir_store_options){.name = "rows", .changelog_topic = "index.rows.v1"}, "p",
        NULL);
    build(topology);
    weir_error err = {0};
    cluster without[] = {{"a", 4}, {NULL, 0}};
    WEIR_AUTO_PTR(weir_plan) creating = NULL;
    CHECK_OK(plan(topology, without, &creating, &err), &err);
    CHECK_STR(creating->topics[0].name, "index.rows.v1");

    cluster fitting[] = {{"a", 4}, {"index.rows.v1", 4}, {NULL, 0}};
    WEIR_AUTO_PTR(weir_plan) existing = NULL;
    CHECK_OK(plan(topology, fitting, &existing, &err), &err);
    CHECK_I64(existing->topic_count, ==, 0);

    cluster other[] = {{"a", 4}, {"index.rows.v1", 3}, {NULL, 0}};
    WEIR_AUTO_PTR(weir_plan) refused = NULL;
    CHECK_STATUS(plan(topology, other, &refused, &err), WEIR_INVALID);
    CHECK_STR(err.message,
              "changelog 'index.rows.v1' of store 'rows' has 3 partitions, its "
              "sub-topology 4 tasks: repartition its input, or create it with as many");
}

TEST(a_missing_topic_and_a_bad_application_id_are_told)
{
    WEIR_AUTO_PTR(weir_topology) topology = two_stages(0);
    build(topology);
    cluster none[] = {{NULL, 0}};
    WEIR_AUTO_PTR(weir_plan) made = NULL;
    weir_error err = {0};
    CHECK_STATUS(plan(topology, none, &made, &err), WEIR_INVALID);
    CHECK_STR(err.message, "source 'pages': topic 'pages' does not exist: create it first");

    weir_plan_options options = {
        .application_id = "my app", .partition_count = partition_count, .user = none};
    CHECK_STATUS(weir_plan_new(topology, &options, &made, &err), WEIR_INVALID);
}
