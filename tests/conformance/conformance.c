/* SPDX-License-Identifier: Apache-2.0
 *
 * conformance.c - replays what Kafka Streams did, record by record, and compares.
 *
 *   conformance [--uncached] [--crashes SEED] FILE… | --list
 *
 * A file holds one JSON object a line, as the oracle prints them: a spec, inputs, and after each
 * input what it led to; at the end what the stores hold. Prints a line a file; the first difference
 * where there is one. Exits with 1 if any file differs, with 2 if one cannot be read.
 *
 * With --uncached there is no record cache, whatever the file says; with --crashes there are
 * commits, crashes, closes and moves between the inputs, the same ones for the same SEED
 * (crash_run.h says what is compared then).
 */
#include "streams/base/file.h"
#include "streams/base/hash.h"
#include "streams/base/logging.h"
#include "streams/test_driver.h"
#include "tests/conformance/crash_run.h"
#include "tests/conformance/dump.h"
#include "tests/conformance/wrapping.h"
#include "tests/harness/sim_broker.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LINE_BYTES_MAX = 1 << 20,
    FILE_BYTES_MAX = 64 << 20,
    OWN_SETTINGS = 3,
    SETTINGS_MAX = 8,
};

/* One file at work. */
typedef struct replay {
    const char *path;
    bool uncached;
    const conformance_spec *spec;
    weir_json_value *head; /* The first line. */
    const weir_json_value *params;
    conformance_wrapping wrapping;
    weir_builder *builder;
    const weir_topology *topology;
    weir_broker *broker;
    weir_test_driver *driver;
    weir_buf text;     /* Of the file. */
    size_t at;         /* The next line begins here. */
    int line;          /* Its number, from 1. */
    weir_buf expected; /* What the oracle printed since the last input, a line each. */
    weir_buf actual;   /* What weir did. */
    int expected_line; /* Where expected begins. */
} replay;

/* Prints the first line in which the two differ; false where there is none. */
static bool differs(replay *self)
{
    const char *expected = weir_buf_text(&self->expected);
    const char *actual = weir_buf_text(&self->actual);
    if (strcmp(expected, actual) == 0) {
        return false;
    }
    int line = self->expected_line;
    while (*expected != '\0' || *actual != '\0') {
        size_t expected_length = strcspn(expected, "\n");
        size_t actual_length = strcspn(actual, "\n");
        if (expected_length != actual_length || memcmp(expected, actual, actual_length) != 0) {
            break;
        }
        expected += expected_length + (expected[expected_length] == '\n');
        actual += actual_length + (actual[actual_length] == '\n');
        line++;
    }
    printf("FAIL %s line %d\n  expected %.*s\n  got      %.*s\n", self->path, line,
           (int)strcspn(expected, "\n"), expected, (int)strcspn(actual, "\n"), actual);
    return true;
}

/* What the oracle printed, in our form. */
static void expect(replay *self, const weir_json_value *object)
{
    static const char *const kinds[] = {"out", "store", "internal"};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (weir_json_get(object, kinds[i]) != NULL) {
            conformance_append_expected(&self->expected, kinds[i], object);
            weir_buf_append_byte(&self->expected, '\n');
        }
    }
}

static weir_status read_outputs(replay *self, weir_error *err)
{
    for (const char *const *topic = self->spec->outputs; *topic != NULL; topic++) {
        const weir_record *record = NULL;
        weir_status status = WEIR_OK;
        while ((status = weir_test_driver_read(self->driver, *topic, &record, err)) == WEIR_OK) {
            conformance_append_line(&self->actual, "out", weir_bytes_of_text(*topic), record);
            conformance_append_headers(&self->actual, record);
            weir_buf_append_byte(&self->actual, '\n');
        }
        if (status != WEIR_NOT_FOUND) {
            return status;
        }
    }
    return WEIR_OK;
}

static weir_status read_internal(replay *self, const char *topic, weir_error *err)
{
    const weir_record *record = NULL;
    weir_status status = WEIR_OK;
    while ((status = weir_test_driver_read(self->driver, topic, &record, err)) == WEIR_OK) {
        conformance_append_internal(&self->actual, topic, record);
        weir_buf_append_byte(&self->actual, '\n');
    }
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

static weir_status visit_topic(void *user, const weir_topic_config *topic, weir_error *err)
{
    bool is_internal =
        strncmp(topic->name, "oracle-", 7) == 0 && strncmp(topic->name, "oracle-weir-", 12) != 0;
    return is_internal ? read_internal(user, topic->name, err) : WEIR_OK;
}

/* Ends a step: everything that it led to is read, and compared with what was expected. */
static weir_status end_step(replay *self, bool *out_same, weir_error *err)
{
    if (self->line > 2) { /* Nothing has happened before the first input. */
        WEIR_TRY(read_outputs(self, err));
        WEIR_TRY(weir_broker_list_topics(self->broker, visit_topic, self, err));
    }
    *out_same = !differs(self);
    weir_buf_clear(&self->expected);
    weir_buf_clear(&self->actual);
    self->expected_line = self->line + 1;
    return WEIR_OK;
}

static weir_status dump_stores(replay *self, weir_error *err)
{
    for (size_t i = 0; i < CONFORMANCE_STORES_MAX && self->spec->stores[i].name != NULL; i++) {
        const conformance_dump dump = {
            .store = &self->spec->stores[i],
            .params = self->params,
            .application = weir_test_driver_application(self->driver),
        };
        WEIR_TRY(conformance_dump_store(&dump, &self->actual, err));
    }
    return WEIR_OK;
}

/* What a versioned store has is asked for at the times at which the oracle asked. */
static weir_status dump_version(replay *self, const weir_json_value *object, weir_error *err)
{
    int64_t as_of_ms = 0;
    weir_bytes name = weir_json_value_text(weir_json_get(object, "store"));
    if (name.data == NULL || weir_json_get_i64(object, "as_of", &as_of_ms, NULL) != WEIR_OK) {
        return WEIR_OK;
    }
    const conformance_store *store = self->spec->stores;
    while (store->name != NULL && !weir_bytes_equal(name, weir_bytes_of_text(store->name))) {
        store++;
    }
    const conformance_dump dump = {
        .store = store,
        .params = self->params,
        .application = weir_test_driver_application(self->driver),
    };
    weir_bytes key = weir_json_value_text(weir_json_get(object, "key"));
    return conformance_dump_version(&dump, key, as_of_ms, &self->actual, err);
}

/* Whether the topology is the oracle's, node by node; its head need not say. */
static weir_status check_description(const replay *self, weir_error *err)
{
    weir_bytes expected = weir_json_value_text(weir_json_get(self->head, "describe"));
    WEIR_AUTO(weir_buf) text = {0};
    weir_topology_describe(self->topology, &text);
    if (expected.data == NULL || weir_bytes_equal(expected, weir_buf_bytes(&text))) {
        return WEIR_OK;
    }
    printf("-- expected\n%.*s-- got\n%s", (int)expected.size, (const char *)expected.data,
           weir_buf_text(&text));
    return weir_error_set(err, WEIR_INVALID, "the topology is not described as the oracle's");
}

/* The driver makes what a topology names: what a pattern matches is here before it. */
static weir_status make_inputs(replay *self, weir_error *err)
{
    for (const char *const *name = self->spec->inputs; *name != NULL; name++) {
        const weir_topic_config topic = {.name = *name, .partition_count = 1};
        WEIR_TRY(weir_broker_create_topic(self->broker, &topic, err));
    }
    return WEIR_OK;
}

static weir_status start(replay *self, weir_error *err)
{
    weir_bytes name = weir_json_value_text(weir_json_get(self->head, "spec"));
    self->spec = conformance_spec_named(name);
    if (self->spec == NULL) {
        return weir_error_set(err, WEIR_INVALID, "no topology is called '%.*s'", (int)name.size,
                              name.size == 0 ? "" : (const char *)name.data);
    }
    self->builder = weir_builder_new();
    self->params = weir_json_get(self->head, "params");
    conformance_wrap(self->builder, &self->wrapping);
    self->spec->make(self->builder, self->params);
    WEIR_TRY(weir_builder_build(self->builder, &self->topology, err));
    WEIR_TRY(conformance_wrapping_check(&self->wrapping, self->head, err));
    WEIR_TRY(check_description(self, err));
    self->broker = sim_broker_new(1);
    weir_setting settings[SETTINGS_MAX] = {{"application.id", "oracle"},
                                           {"commit.interval.ms", "0"},
                                           {"weir.expire.entries.max", "0"}};
    size_t count = conformance_add_settings(self->head, settings, OWN_SETTINGS, SETTINGS_MAX - 1);
    if (self->uncached) {
        settings[count++] = (weir_setting){"statestore.cache.max.bytes", "0"};
    }
    const weir_test_driver_options options = {
        .topology = self->topology,
        .broker = self->broker,
        .settings = settings,
        .setting_count = count,
        .more_topics = self->spec->outputs,
    };
    WEIR_TRY(make_inputs(self, err));
    return weir_test_driver_new(&options, &self->driver, err);
}

static weir_status feed(replay *self, const weir_json_value *object, weir_error *err)
{
    int64_t wall_ms = 0;
    if (weir_json_get_i64(object, "wall", &wall_ms, NULL) == WEIR_OK) {
        return weir_test_driver_advance(self->driver, wall_ms, err);
    }
    weir_record record = conformance_record_of(object);
    weir_header headers[CONFORMANCE_HEADERS_MAX];
    record.header_count = conformance_headers_of(object, headers);
    record.headers = headers;
    WEIR_AUTO_FREE char *topic =
        weir_bytes_to_text(weir_json_value_text(weir_json_get(object, "in")));
    record.topic = topic;
    return weir_test_driver_pipe(self->driver, &record, err);
}

static bool begins_step(const weir_json_value *object)
{
    return weir_json_get(object, "in") != NULL || weir_json_get(object, "wall") != NULL;
}

/* The next line of the file; false at its end. */
static bool next_line(replay *self, weir_bytes *out_line)
{
    if (self->at >= self->text.size) {
        return false;
    }
    const char *begin = (const char *)self->text.data + self->at;
    size_t length = strcspn(begin, "\n");
    *out_line = weir_bytes_of(begin, length);
    self->at += length + 1;
    self->line++;
    return true;
}

static weir_status play(replay *self, bool *out_same, weir_error *err)
{
    weir_bytes line = {0};
    bool dumped = false;
    *out_same = true;
    while (*out_same && next_line(self, &line)) {
        WEIR_AUTO_PTR(weir_json_value) object = NULL;
        WEIR_TRY(weir_json_parse(line, LINE_BYTES_MAX, &object, err));
        if (self->line == 1) {
            self->head = weir_take(&object);
            WEIR_TRY(start(self, err));
            continue;
        } else if (begins_step(object)) {
            WEIR_TRY(end_step(self, out_same, err));
            WEIR_TRY(feed(self, object, err));
        } else if (weir_json_get(object, "store") != NULL && !dumped) {
            WEIR_TRY(end_step(self, out_same, err));
            WEIR_TRY(dump_stores(self, err));
            self->expected_line = self->line;
            dumped = true;
        }
        WEIR_TRY(dump_version(self, object, err));
        expect(self, object);
    }
    if (self->line == 0) {
        return weir_error_set(err, WEIR_CORRUPT,
                              "the file is empty: its first line names the topology");
    }
    if (*out_same) {
        WEIR_TRY(end_step(self, out_same, err));
    }
    return WEIR_OK;
}

/* 0: the same; 1: it differs, or cannot be replayed. */
static int replay_file(const char *path, bool uncached)
{
    replay self = {.path = path, .uncached = uncached};
    weir_error err = {0};
    bool same = false;
    weir_status status = weir_file_read(path, FILE_BYTES_MAX, &self.text, &err);
    if (status == WEIR_OK) {
        (void)weir_buf_text(&self.text);
        status = play(&self, &same, &err);
    } else if (status == WEIR_NOT_FOUND) {
        (void)weir_error_set(&err, status, "there is no such file");
    }
    if (status != WEIR_OK) {
        printf("FAIL %s line %d: %s\n", path, self.line, err.message);
    } else if (same) {
        printf("ok   %s\n", path);
    }
    weir_test_driver_free(self.driver);
    weir_broker_free(self.broker);
    weir_builder_free(self.builder);
    conformance_wrapping_cleanup(&self.wrapping);
    weir_json_value_free(self.head);
    weir_buf_cleanup(&self.text);
    weir_buf_cleanup(&self.expected);
    weir_buf_cleanup(&self.actual);
    return status == WEIR_OK && same ? 0 : 1;
}

typedef struct arguments {
    bool uncached;
    bool crashes;
    uint64_t seed;
    int first_file;
    conformance_counts counts;
} arguments;

/* As replay_file. Each file has random numbers of its own. */
static int run_file(arguments *self, const char *path)
{
    if (!self->uncached && !self->crashes) {
        return replay_file(path, false);
    }
    const char *name = strrchr(path, '/');
    const crash_run_options options = {
        .path = path,
        .uncached = self->uncached,
        .crashes = self->crashes,
        .seed = self->seed + weir_hash64(weir_bytes_of_text(name == NULL ? path : name), 0),
    };
    weir_error err = {0};
    weir_status status = crash_run(&options, &self->counts, &err);
    if (status == WEIR_AGAIN) {
        return replay_file(path, self->uncached);
    }
    bool is_fine = status == WEIR_OK || status == WEIR_NOT_FOUND;
    printf("%s %s%s%s\n",
           status == WEIR_OK ? "ok  "
           : is_fine         ? "skip"
                             : "FAIL",
           path, status == WEIR_OK ? "" : ": ", status == WEIR_OK ? "" : err.message);
    return is_fine ? 0 : 1;
}

static arguments arguments_of(int argc, char **argv)
{
    arguments self = {.first_file = 1};
    for (; self.first_file < argc; self.first_file++) {
        const char *argument = argv[self.first_file];
        if (strcmp(argument, "--uncached") == 0) {
            self.uncached = true;
        } else if (strcmp(argument, "--crashes") == 0 && self.first_file + 1 < argc) {
            self.crashes = true;
            self.seed = strtoull(argv[++self.first_file], NULL, 10);
        } else {
            break;
        }
    }
    return self;
}

int main(int argc, char **argv)
{
    arguments self = arguments_of(argc, argv);
    if (self.first_file >= argc) {
        fprintf(stderr, "usage: conformance [--uncached] [--crashes SEED] FILE... | --list\n"
                        "Each FILE is what the oracle printed.\n");
        return 2;
    }
    if (strcmp(argv[1], "--list") == 0) {
        conformance_specs_list();
        return 0;
    }
    weir_log_set_level(self.crashes ? WEIR_LOG_OFF : WEIR_LOG_ERROR);
    int worst = 0;
    for (int i = self.first_file; i < argc; i++) {
        int answer = run_file(&self, argv[i]);
        worst = answer > worst ? answer : worst;
    }
    if (self.crashes) {
        printf("seed %" PRIu64 ": %" PRIu64 " commits, %" PRIu64 " crashes, %" PRIu64
               " closes, %" PRIu64 " moves\n",
               self.seed, self.counts.commits, self.counts.crashes, self.counts.closes,
               self.counts.moves);
    }
    return worst;
}
