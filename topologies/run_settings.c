/* SPDX-License-Identifier: Apache-2.0
 *
 * run_settings.c - the table of settings, and how flags and files fill it.
 *
 * A flag is only another spelling: it sets the property that stands beside it, so a file and the
 * command line cannot differ in what they can say. What comes later wins.
 */
#include "topologies/run_settings.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef enum setting_kind {
    SETTING_TEXT,
    SETTING_NUMBER, /* int64_t */
    SETTING_COUNT,  /* int32_t */
    SETTING_SWITCH,
    SETTING_SCOPE,
    SETTING_PROFILE,
} setting_kind;

typedef struct setting {
    const char *name;
    const char *flag; /* NULL: by --set and files only. */
    setting_kind kind;
    size_t offset; /* In weir_run_settings. */
    const char *fallback;
    int64_t min;
    int64_t max;
    const char *doc;
} setting;

#define AT(member) offsetof(weir_run_settings, member)
#define DAY_MS (24LL * 60 * 60 * 1000)

static const setting table[] = {
    {"data.dir", "--data", SETTING_TEXT, AT(data_directory), "data", 0, 0,
     "directory of topics, state and objects"},
    {"objects.dir", "--objects", SETTING_TEXT, AT(pipeline.objects_directory), NULL, 0, 0,
     "directory of objects; shared by all processes of a cluster"},
    {"seeds.file", "--seeds", SETTING_TEXT, AT(seeds_path), NULL, 0, 0,
     "URLs to begin with, a line each"},
    {"run.until.idle", "--until-idle", SETTING_SWITCH, AT(until_idle), "false", 0, 0,
     "end when the frontier is empty"},
    {"run.serve", "--serve", SETTING_SWITCH, AT(serve), "false", 0, 0,
     "keep the REST server up after that"},
    {"run.quiet", "--quiet", SETTING_SWITCH, AT(quiet), "false", 0, 0, "no status lines"},
    {"rest.address", NULL, SETTING_TEXT, AT(rest_address), "127.0.0.1", 0, 0,
     "address of the REST server"},
    {"rest.port", "--port", SETTING_NUMBER, AT(rest_port), "0", 0, 65535,
     "port of the REST server; 0: any free one"},
    {"topics.profile", "--profile", SETTING_PROFILE, AT(pipeline.profile), "local", 0, 0,
     "size of the topics: local, A or B"},
    {"crawl.scope", "--scope", SETTING_SCOPE, AT(pipeline.crawl.scope), "host", 0, 0,
     "links that are followed: host, domain or any"},
    {"crawl.delay.ms", "--crawl-delay", SETTING_NUMBER, AT(pipeline.crawl.delay_ms), "1000", 0,
     DAY_MS, "ms between two requests to a host"},
    {"crawl.depth.max", "--depth", SETTING_COUNT, AT(pipeline.crawl.depth_max), "10", 1, 255,
     "links from a seed"},
    {"crawl.host.urls.max", NULL, SETTING_NUMBER, AT(pipeline.crawl.host_urls_max), "100000", 1,
     100 * 1000 * 1000, "URLs of one host that may be known"},
    {"crawl.attempts.max", NULL, SETTING_COUNT, AT(pipeline.crawl.attempts_max), "3", 1, 100,
     "tries of a URL that may pass with time"},
    {"crawl.retry.backoff.ms", NULL, SETTING_NUMBER, AT(pipeline.crawl.retry_backoff_ms), "60000",
     1, DAY_MS, "ms before the second try; doubles"},
    {"fetch.user.agent", "--user-agent", SETTING_TEXT, AT(pipeline.crawl.user_agent), "weir", 0, 0,
     "sent, and looked up in robots.txt"},
    {"fetch.timeout.ms", NULL, SETTING_NUMBER, AT(pipeline.crawl.request_timeout_ms), "30000", 1,
     DAY_MS, "ms from start to end of a request"},
    {"fetch.body.bytes.max", NULL, SETTING_NUMBER, AT(pipeline.crawl.body_bytes_max), "8388608",
     1024, 64 << 20, "bytes of a body, decompressed"},
    {"extract.page.cpu.ms.max", NULL, SETTING_NUMBER, AT(pipeline.crawl.page_cpu_ms_max), "250", 1,
     DAY_MS, "ms of CPU time for one page; what takes more is too_slow"},
    {"fetch.proxy.url", "--proxy", SETTING_TEXT, AT(pipeline.crawl.proxy_url), NULL, 0, 0,
     "HTTP proxy for every request"},
    {"fetch.private.allow", "--allow-private", SETTING_TEXT, AT(pipeline.crawl.allow_private), NULL,
     0, 0, "host:port,… that may be private addresses; *: all"},
};

static const setting *find_setting(const char *name)
{
    for (size_t i = 0; i < WEIR_COUNT_OF(table); i++) {
        if (strcmp(table[i].name, name) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

static const setting *find_flag(const char *flag)
{
    for (size_t i = 0; i < WEIR_COUNT_OF(table); i++) {
        if (table[i].flag != NULL && strcmp(table[i].flag, flag) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

void weir_run_settings_describe(weir_buf *out_text)
{
    for (size_t i = 0; i < WEIR_COUNT_OF(table); i++) {
        const setting *at = &table[i];
        weir_buf_append_format(out_text, "  %-16s %-24s %s", at->flag == NULL ? "" : at->flag,
                               at->name, at->doc);
        if (at->fallback != NULL && at->kind != SETTING_SWITCH) {
            weir_buf_append_format(out_text, " [%s]", at->fallback);
        }
        weir_buf_append_text(out_text, "\n");
    }
}

static weir_status refuse(const setting *of, const char *value, const char *origin,
                          const char *allowed, weir_error *err)
{
    return weir_error_set(err, WEIR_INVALID, "%s: %s is %s, not \"%s\"",
                          origin == NULL ? "default" : origin, of->name, allowed, value);
}

static weir_status take_number(const setting *of, const char *value, const char *origin,
                               int64_t *out_number, weir_error *err)
{
    char *end = NULL;
    errno = 0;
    long long number = strtoll(value, &end, 10);
    if (errno != 0 || end == value || *end != '\0' || number < of->min || number > of->max) {
        WEIR_AUTO_FREE char *allowed =
            weir_format("a number from %lld to %lld", (long long)of->min, (long long)of->max);
        return refuse(of, value, origin, allowed, err);
    }
    *out_number = number;
    return WEIR_OK;
}

static weir_status take_scope(const setting *of, const char *value, const char *origin,
                              weir_crawl_scope *out_scope, weir_error *err)
{
    static const char *const names[] = {"host", "domain", "any"};
    for (size_t i = 0; i < WEIR_COUNT_OF(names); i++) {
        if (strcmp(names[i], value) == 0) {
            *out_scope = (weir_crawl_scope)i;
            return WEIR_OK;
        }
    }
    return refuse(of, value, origin, "host, domain or any", err);
}

static weir_status take_switch(const setting *of, const char *value, const char *origin,
                               bool *out_switch, weir_error *err)
{
    *out_switch = strcmp(value, "true") == 0;
    return *out_switch || strcmp(value, "false") == 0
               ? WEIR_OK
               : refuse(of, value, origin, "true or false", err);
}

/* Writes value to the member of settings that the setting stands for. */
static weir_status take_value(weir_run_settings *settings, const setting *of, const char *value,
                              const char *origin, weir_error *err)
{
    void *member = (char *)settings + of->offset;
    int64_t number = 0;
    switch (of->kind) {
    case SETTING_TEXT:
        *(const char **)member = value;
        return WEIR_OK;
    case SETTING_NUMBER:
        return take_number(of, value, origin, member, err);
    case SETTING_COUNT:
        WEIR_TRY(take_number(of, value, origin, &number, err));
        *(int32_t *)member = (int32_t)number;
        return WEIR_OK;
    case SETTING_SWITCH:
        return take_switch(of, value, origin, member, err);
    case SETTING_SCOPE:
        return take_scope(of, value, origin, member, err);
    case SETTING_PROFILE:
        *(const weir_topic_profile **)member = weir_topic_profile_of(value);
        return weir_topic_profile_of(value) != NULL
                   ? WEIR_OK
                   : refuse(of, value, origin, "local, A or B", err);
    }
    return WEIR_OK;
}

/* Every property is one of the table, or one of an application's. */
static weir_status take_application_settings(weir_run_settings *settings, weir_error *err)
{
    size_t position = 0;
    const char *name;
    const char *value;
    while (weir_properties_next(settings->properties, &position, &name, &value)) {
        if (find_setting(name) != NULL || weir_kafka_settings_knows(name)) {
            continue;
        }
        if (!weir_config_knows(name)) {
            return weir_error_set(err, WEIR_INVALID,
                                  "%s: there is no setting %s (weir run --help lists them)",
                                  weir_properties_origin(settings->properties, name), name);
        }
        if (settings->pipeline.setting_count == WEIR_RUN_APPLICATION_SETTINGS_MAX) {
            return weir_error_set(err, WEIR_INVALID, "more than %d settings of applications",
                                  WEIR_RUN_APPLICATION_SETTINGS_MAX);
        }
        settings->application_settings[settings->pipeline.setting_count++] =
            (weir_setting){name, value};
    }
    settings->pipeline.settings = settings->application_settings;
    return WEIR_OK;
}

static weir_status take_properties(weir_run_settings *settings, weir_error *err)
{
    for (size_t i = 0; i < WEIR_COUNT_OF(table); i++) {
        const char *value = weir_properties_get(settings->properties, table[i].name);
        if (value == NULL) {
            value = table[i].fallback;
        }
        if (value != NULL) {
            WEIR_TRY(take_value(settings, &table[i], value,
                                weir_properties_origin(settings->properties, table[i].name), err));
        }
    }
    if (settings->pipeline.crawl.delay_ms == 0) {
        settings->pipeline.crawl.delay_ms = -1; /* 0 in the struct would mean the default. */
    }
    settings->pipeline.data_directory = settings->data_directory;
    return take_application_settings(settings, err);
}

static weir_status take_stage(weir_run_settings *settings, const char *name, weir_error *err)
{
    if (strcmp(name, "all") == 0) {
        settings->pipeline.stages = WEIR_STAGES_ALL;
        return WEIR_OK;
    }
    for (weir_stage stage = 0; stage < WEIR_STAGE_COUNT; stage++) {
        if (strcmp(weir_pipeline_stage_name(stage), name) == 0) {
            settings->pipeline.stages |= 1u << stage;
            return WEIR_OK;
        }
    }
    return weir_error_set(err, WEIR_INVALID,
                          "there is no topology %s: all, frontier, fetch, extract, quality, dedup "
                          "or tables",
                          name);
}

/* Takes the flag argv[*index] and its value, which *index then points to. */
static weir_status take_flag(weir_run_settings *settings, char **argv, int argc, int *index,
                             weir_error *err)
{
    const char *flag = argv[*index];
    const setting *of = find_flag(flag);
    bool is_assignment = strcmp(flag, "--set") == 0;
    bool is_file = strcmp(flag, "--properties") == 0;
    if (of == NULL && !is_assignment && !is_file) {
        return weir_error_set(err, WEIR_INVALID, "there is no flag %s", flag);
    }
    if (of != NULL && of->kind == SETTING_SWITCH) {
        return weir_properties_set(settings->properties, of->name, "true", flag, err);
    }
    if (*index + 1 >= argc) {
        return weir_error_set(err, WEIR_INVALID, "%s wants a value", flag);
    }
    const char *value = argv[++*index];
    if (is_assignment) {
        return weir_properties_assign(settings->properties, value, flag, err);
    }
    if (is_file) {
        weir_status status = weir_properties_load(settings->properties, value, err);
        return status == WEIR_NOT_FOUND ? WEIR_INVALID : status;
    }
    return weir_properties_set(settings->properties, of->name, value, flag, err);
}

weir_status weir_run_settings_init(weir_run_settings *out_settings, int argc, char **argv,
                                   bool *out_help, weir_error *err)
{
    *out_settings = (weir_run_settings){.properties = weir_properties_new()};
    *out_help = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            *out_help = true;
            return WEIR_OK;
        }
        WEIR_TRY(argv[i][0] == '-' ? take_flag(out_settings, argv, argc, &i, err)
                                   : take_stage(out_settings, argv[i], err));
    }
    return take_properties(out_settings, err);
}

weir_status weir_run_settings_take_kafka(weir_run_settings *settings,
                                         const char *(*environment)(const char *name),
                                         weir_error *err)
{
    WEIR_TRY(weir_kafka_settings_read_environment(environment, settings->properties, err));
    WEIR_TRY(weir_kafka_settings_init(&settings->kafka, settings->properties, err));
    settings->pipeline.kafka = &settings->kafka;
    return WEIR_OK;
}

void weir_run_settings_cleanup(weir_run_settings *settings)
{
    if (settings == NULL) {
        return;
    }
    weir_properties_free(settings->properties);
    weir_kafka_settings_cleanup(&settings->kafka);
    *settings = (weir_run_settings){0};
}
