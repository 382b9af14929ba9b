/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_topology.c - "weir topology": a stage's topology as text, JSON or picture, and what becomes
 * of state when one takes the place of another. It touches neither data nor cluster.
 */
#include "streams/base/file.h"
#include "streams/topology_description.h"
#include "topologies/cmd.h"
#include "topologies/pipeline.h"

#include <stdio.h>
#include <string.h>

static const char usage[] =
    "usage: weir topology describe STAGE [--format text|json|svg] [--profile local|A|B]\n"
    "       weir topology plan OLD NEW\n"
    "\n"
    "describe prints the topology of a stage (frontier, fetch, extract, quality, dedup, tables):\n"
    "text as Kafka Streams prints it, JSON with stores, changelogs and partitions, or a picture.\n"
    "\n"
    "plan compares two descriptions in JSON, of a stage or of a program of your own, and says for\n"
    "each store whether it is kept, renamed, rebuilt, new or dropped. Exit code:\n"
    "  0  all state is kept: restart one process after the other\n"
    "  3  no state is lost: stop all processes, then start the new version\n"
    "  4  state, or records on their way, would be left behind\n";

enum { EXIT_STOPS = 3, EXIT_LOSES = 4 };

typedef struct request {
    const char *stage;
    const char *format;
    const weir_topic_profile *profile;
} request;

static bool is_format(const char *text)
{
    return strcmp(text, "text") == 0 || strcmp(text, "json") == 0 || strcmp(text, "svg") == 0;
}

static weir_status take_argument(request *r, const char *flag, const char *value, weir_error *err)
{
    if (flag[0] != '-') {
        if (r->stage != NULL) {
            return weir_error_set(err, WEIR_INVALID, "one stage at a time: %s or %s?", r->stage,
                                  flag);
        }
        r->stage = flag;
        return WEIR_OK;
    }
    if (strcmp(flag, "--format") == 0 && value != NULL) {
        r->format = value;
        return is_format(value) ? WEIR_OK
                                : weir_error_set(err, WEIR_INVALID,
                                                 "--format is text, json or svg, not %s", value);
    }
    if (strcmp(flag, "--profile") == 0 && value != NULL) {
        r->profile = weir_topic_profile_of(value);
        return r->profile != NULL
                   ? WEIR_OK
                   : weir_error_set(err, WEIR_INVALID, "--profile is local, A or B, not %s", value);
    }
    return weir_error_set(err, WEIR_INVALID, "there is no flag %s, or it wants a value", flag);
}

static weir_status take_arguments(request *r, int argc, char **argv, weir_error *err)
{
    for (int i = 2; i < argc; i++) {
        WEIR_TRY(take_argument(r, argv[i], argv[i + 1], err));
        i += argv[i][0] == '-' ? 1 : 0;
    }
    return r->stage != NULL ? WEIR_OK : weir_error_set(err, WEIR_INVALID, "which stage?");
}

/* The topics of the stages are those of the map. */
static weir_status count_of(void *user, const char *topic, int32_t *out_count, weir_error *err)
{
    const weir_topic_profile *profile = user;
    (void)err;
    for (weir_topic_id id = 0; id < WEIR_TOPIC_COUNT; id++) {
        if (strcmp(weir_topic_name(id), topic) == 0) {
            *out_count = weir_topic_config_of(id, profile).partition_count;
            return WEIR_OK;
        }
    }
    return WEIR_NOT_FOUND;
}

static weir_status describe_stage(const request *r, weir_pipeline *pipeline, weir_stage stage,
                                  weir_buf *out, weir_error *err)
{
    const weir_topology *topology = weir_pipeline_topology(pipeline, stage);
    if (strcmp(r->format, "text") == 0) {
        weir_topology_describe(topology, out);
    } else if (strcmp(r->format, "svg") == 0) {
        weir_topology_describe_svg(topology, out);
    } else {
        WEIR_AUTO_PTR(weir_plan) plan = NULL;
        const weir_plan_options options = {
            .application_id = weir_pipeline_stage_application_id(stage),
            .partition_count = count_of,
            .user = (void *)weir_pipeline_profile(pipeline),
        };
        WEIR_TRY(weir_plan_new(topology, &options, &plan, err));
        weir_topology_describe_json(topology, plan, out);
    }
    return WEIR_OK;
}

static weir_status describe(const request *r, weir_buf *out, weir_error *err)
{
    WEIR_AUTO_PTR(weir_pipeline) pipeline = NULL;
    WEIR_TRY(weir_pipeline_sketch(r->profile, &pipeline, err));
    for (weir_stage stage = 0; stage < WEIR_STAGE_COUNT; stage++) {
        if (strcmp(weir_pipeline_stage_name(stage), r->stage) == 0) {
            return describe_stage(r, pipeline, stage, out, err);
        }
    }
    return weir_error_set(err, WEIR_INVALID, "there is no stage %s", r->stage);
}

static weir_status compare(const char *old_path, const char *new_path, weir_buf *out,
                           weir_upgrade *out_upgrade, weir_error *err)
{
    WEIR_AUTO(weir_buf) before = {0};
    WEIR_AUTO(weir_buf) after = {0};
    WEIR_TRY(weir_file_read(old_path, WEIR_DESCRIPTION_BYTES_MAX, &before, err));
    WEIR_TRY(weir_file_read(new_path, WEIR_DESCRIPTION_BYTES_MAX, &after, err));
    return weir_topology_compare(weir_buf_bytes(&before), weir_buf_bytes(&after), out, out_upgrade,
                                 err);
}

static int fail(const weir_error *err, const char *otherwise)
{
    (void)fprintf(stderr, "weir topology: %s\n",
                  err->message[0] == '\0' ? otherwise : err->message);
    return WEIR_EXIT_FAILURE;
}

static int run_describe(int argc, char **argv)
{
    weir_error err = {0};
    WEIR_AUTO(weir_buf) text = {0};
    request r = {.format = "text"};
    if (take_arguments(&r, argc, argv, &err) != WEIR_OK) {
        return weir_cmd_refuse("topology", "%s", err.message);
    }
    if (describe(&r, &text, &err) != WEIR_OK) {
        return fail(&err, "the topology cannot be made");
    }
    (void)fputs(weir_buf_text(&text), stdout);
    return WEIR_EXIT_OK;
}

static int run_plan(int argc, char **argv)
{
    static const int codes[] = {[WEIR_UPGRADE_ROLLS] = WEIR_EXIT_OK,
                                [WEIR_UPGRADE_STOPS] = EXIT_STOPS,
                                [WEIR_UPGRADE_LOSES] = EXIT_LOSES};
    weir_error err = {0};
    weir_upgrade upgrade = WEIR_UPGRADE_ROLLS;
    WEIR_AUTO(weir_buf) text = {0};
    if (argc != 4) {
        return weir_cmd_refuse("topology", "plan wants two files, the old description and the new");
    }
    if (compare(argv[2], argv[3], &text, &upgrade, &err) != WEIR_OK) {
        return fail(&err, "there is no such file");
    }
    (void)fputs(weir_buf_text(&text), stdout);
    return codes[upgrade];
}

int weir_cmd_topology(int argc, char **argv)
{
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        (void)fputs(usage, stdout);
        return WEIR_EXIT_OK;
    }
    if (argc > 1 && strcmp(argv[1], "describe") == 0) {
        return run_describe(argc, argv);
    }
    if (argc > 1 && strcmp(argv[1], "plan") == 0) {
        return run_plan(argc, argv);
    }
    return weir_cmd_refuse("topology", "describe or plan?");
}
