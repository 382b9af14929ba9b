/* SPDX-License-Identifier: Apache-2.0
 *
 * Which missing internal topics were deleted, and which are new: two sub-topologies behind each
 * other, and one beside them.
 *
 *   "in" ─▶ "app-by-word-repartition" ─▶ words (store "words")
 *   "other" ─▶ others (store "others")
 */
#include "streams/broker_ops.h"
#include "streams/internal_topics.h"
#include "streams/lost_topics.h"
#include "tests/harness/check.h"
#include "tests/harness/sim_broker.h"

#include <string.h>

enum { PARTITIONS = 3 };

typedef struct fixture {
    sim_cluster *cluster;
    weir_broker *broker;
    weir_topology *topology;
    weir_config config;
    weir_plan *plan;
    weir_error err;
} fixture;

static weir_processor *no_processor(void *user)
{
    (void)user;
    CHECK_NEVER("nothing is processed");
    return NULL;
}

static void add_counter(weir_topology *topology, const char *store, const char *source)
{
    const weir_store_options options = {.name = store, .engine = WEIR_ENGINE_MEMORY};
    weir_topology_add_processor(topology, store, &(weir_processor_options){no_processor, NULL},
                                source, NULL);
    weir_topology_add_store(topology, &options, store, NULL);
}

static void make_topology(fixture *f)
{
    f->topology = weir_topology_new();
    weir_topology_add_source(f->topology, "in", &(weir_source_options){.topic = "in"});
    const char *by_word = weir_topology_repartition(f->topology, "by-word", 0);
    weir_topology_add_sink(f->topology, "to", &(weir_sink_options){.topic = by_word}, "in", NULL);
    weir_topology_add_source(f->topology, "from", &(weir_source_options){.topic = by_word});
    add_counter(f->topology, "words", "from");
    weir_topology_add_source(f->topology, "other", &(weir_source_options){.topic = "other"});
    add_counter(f->topology, "others", "other");
    CHECK_OK(weir_topology_build(f->topology, &f->err), &f->err);
}

static void make_topic(fixture *f, const char *name)
{
    const weir_topic_config topic = {.name = name, .partition_count = PARTITIONS};
    CHECK_OK(weir_broker_create_topic(f->broker, &topic, &f->err), &f->err);
}

static fixture start(void)
{
    static const weir_setting settings[] = {{"application.id", "app"}};
    fixture f = {0};
    CHECK_OK(weir_config_init(&f.config, settings, 1, &f.err), &f.err);
    f.cluster = sim_cluster_new(1);
    f.broker = sim_broker_connect(f.cluster);
    make_topology(&f);
    make_topic(&f, "in");
    make_topic(&f, "other");
    CHECK_OK(weir_internal_topics_plan(f.broker, f.topology, &f.config, &f.plan, &f.err), &f.err);
    CHECK_OK(weir_internal_topics_create(f.broker, f.plan, &f.config, &f.err), &f.err);
    return f;
}

static void fixture_cleanup(fixture *f)
{
    weir_plan_free(f->plan);
    weir_topology_free(f->topology);
    weir_broker_free(f->broker);
    sim_cluster_free(f->cluster);
    weir_config_cleanup(&f->config);
}

static void commit(fixture *f, const char *topic, const char *note)
{
    const weir_group_offset offset = {.partition = {topic, PARTITIONS - 1},
                                      .metadata = weir_bytes_of_text(note)};
    CHECK_OK(weir_broker_alter_group_offset(f->broker, "app", &offset, &f->err), &f->err);
}

static void delete_topic(fixture *f, const char *topic)
{
    CHECK_OK(weir_broker_delete_topic(f->broker, topic, &f->err), &f->err);
}

static weir_status check(fixture *f)
{
    return weir_lost_topics_check(f->broker, NULL, f->plan, &f->config, &f->err);
}

static void check_refuses(const char *topic, const char *input)
{
    fixture f = start();
    commit(&f, input, "a note");
    CHECK_OK(check(&f), &f.err);
    delete_topic(&f, topic);
    CHECK_STATUS(check(&f), WEIR_INVALID);
    CHECK(strstr(f.err.message, topic) != NULL);
    f.config.missing_topics = WEIR_MISSING_TOPICS_CREATE;
    CHECK_OK(check(&f), &f.err);
    fixture_cleanup(&f);
}

TEST(a_changelog_whose_input_was_read_was_deleted)
{
    check_refuses("app-others-changelog", "other");
}

TEST(a_changelog_behind_a_repartition_topic_whose_input_was_read_was_deleted)
{
    check_refuses("app-words-changelog", "in");
}

TEST(a_repartition_topic_whose_writer_has_read_was_deleted)
{
    check_refuses("app-by-word-repartition", "in");
}

TEST(topics_of_a_sub_topology_that_has_not_run_are_new)
{
    fixture f = start();
    commit(&f, "in", "a note");
    delete_topic(&f, "app-others-changelog");
    CHECK_OK(check(&f), &f.err);
    fixture_cleanup(&f);
}

TEST(offsets_without_a_note_are_of_a_tool_that_has_reset_the_group)
{
    fixture f = start();
    commit(&f, "in", "");
    delete_topic(&f, "app-words-changelog");
    delete_topic(&f, "app-by-word-repartition");
    CHECK_OK(check(&f), &f.err);
    fixture_cleanup(&f);
}

static const weir_broker_ops *original;
static fixture *late;

/* Another process, which starts as well, makes the topic and commits in between. */
static weir_status group_offsets_of_another(weir_broker *broker, const char *group,
                                            weir_committed_query *queries, size_t count,
                                            weir_error *err)
{
    make_topic(late, "app-others-changelog");
    commit(late, "other", "a note");
    return original->group_offsets(broker, group, queries, count, err);
}

TEST(a_topic_that_another_process_makes_meanwhile_was_not_deleted)
{
    fixture f = start();
    delete_topic(&f, "app-others-changelog");
    original = f.broker->ops;
    weir_broker_ops ops = *original;
    ops.group_offsets = group_offsets_of_another;
    f.broker->ops = &ops;
    late = &f;
    CHECK_OK(check(&f), &f.err);
    f.broker->ops = original;
    fixture_cleanup(&f);
}
