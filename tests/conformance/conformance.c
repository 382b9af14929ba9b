/* SPDX-License-Identifier: Apache-2.0
 *
 * conformance.c - replays what Kafka Streams did, record by record, and compares.
 *
 *   conformance FILE… | --list
 *
 * A file holds one JSON object a line, as the oracle prints them: a spec, inputs, and after each
 * input what it led to; at the end what the stores hold. Prints a line a file; the first difference
 * where there is one. Exits with 1 if any file differs, with 2 if one cannot be read.
 */
#include "streams/base/file.h"
#include "streams/base/logging.h"
#include "streams/test_driver.h"
#include "tests/conformance/dump.h"
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
    const conformance_spec *spec;
    weir_json_value *head; /* The first line. */
    const weir_json_value *params;
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

static weir_bytes hex_of(weir_bytes bytes, weir_buf *to)
{
    if (bytes.data == NULL) {
        return WEIR_BYTES_NULL;
    }
    weir_buf_clear(to);
    for (size_t i = 0; i < bytes.size; i++) {
        weir_buf_append_format(to, "%02x", ((const uint8_t *)bytes.data)[i]);
    }
    return weir_buf_bytes(to);
}

static int64_t timestamp_of(const weir_json_value *object)
{
    int64_t ms = -1;
    (void)weir_json_get_i64(object, "ts", &ms, NULL);
    return ms;
}

static weir_record record_of(const weir_json_value *object)
{
    return (weir_record){
        .timestamp_ms = timestamp_of(object),
        .key = weir_json_value_text(weir_json_get(object, "key")),
        .value = weir_json_value_text(weir_json_get(object, "value")),
    };
}

/* What the oracle printed, in our form. */
static void expect(replay *self, const weir_json_value *object)
{
    static const char *const kinds[] = {"out", "store", "internal"};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const weir_json_value *name = weir_json_get(object, kinds[i]);
        if (name == NULL) {
            continue;
        }
        const weir_record record = record_of(object);
        conformance_append_line(&self->expected, kinds[i], weir_json_value_text(name), &record);
        void *position = NULL;
        const char *key = NULL;
        const weir_json_value *value = NULL;
        const weir_json_value *headers = weir_json_get(object, "headers");
        while (headers != NULL && weir_json_next(headers, &position, &key, &value)) {
            conformance_append_text(&self->expected, key, weir_json_value_text(value));
        }
        weir_buf_append_byte(&self->expected, '\n');
    }
}

static weir_status read_outputs(replay *self, weir_error *err)
{
    for (const char *const *topic = self->spec->outputs; *topic != NULL; topic++) {
        const weir_record *record = NULL;
        weir_status status = WEIR_OK;
        while ((status = weir_test_driver_read(self->driver, *topic, &record, err)) == WEIR_OK) {
            conformance_append_line(&self->actual, "out", weir_bytes_of_text(*topic), record);
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
    WEIR_AUTO(weir_buf) key = {0};
    WEIR_AUTO(weir_buf) value = {0};
    const weir_record *record = NULL;
    weir_status status = WEIR_OK;
    while ((status = weir_test_driver_read(self->driver, topic, &record, err)) == WEIR_OK) {
        weir_record copy = *record;
        copy.key = hex_of(record->key, &key);
        copy.value = hex_of(record->value, &value);
        if (strstr(topic, "-SUPPRESS-") != NULL || strstr(topic, "-final-store-") != NULL) {
            copy.timestamp_ms = -1; /* Kafka Streams leaves it to its producer. */
        }
        conformance_append_line(&self->actual, "internal", weir_bytes_of_text(topic), &copy);
        for (size_t i = 0; i < record->header_count; i++) {
            WEIR_AUTO_FREE char *name = weir_bytes_to_text(record->headers[i].key);
            conformance_append_text(&self->actual, name, hex_of(record->headers[i].value, &key));
        }
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

/* Adds to count settings those that the oracle ran with; returns how many there are. */
static size_t add_settings(const replay *self, weir_setting *settings, size_t count)
{
    void *position = NULL;
    const char *key = NULL;
    const weir_json_value *value = NULL;
    const weir_json_value *added = weir_json_get(self->head, "settings");
    while (added != NULL && count < SETTINGS_MAX &&
           weir_json_next(added, &position, &key, &value)) {
        if (strcmp(key, "topology.optimization") == 0) {
            continue; /* The spec says so to its builder. */
        }
        weir_bytes text = weir_json_value_text(value);
        settings[count++] = (weir_setting){key, text.data}; /* A parsed text ends with a NUL. */
    }
    return count;
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
    self->spec->make(self->builder, self->params);
    WEIR_TRY(weir_builder_build(self->builder, &self->topology, err));
    WEIR_TRY(check_description(self, err));
    self->broker = sim_broker_new(1);
    weir_setting settings[SETTINGS_MAX] = {{"application.id", "oracle"},
                                           {"commit.interval.ms", "0"},
                                           {"weir.expire.entries.max", "0"}};
    const weir_test_driver_options options = {
        .topology = self->topology,
        .broker = self->broker,
        .settings = settings,
        .setting_count = add_settings(self, settings, OWN_SETTINGS),
    };
    return weir_test_driver_new(&options, &self->driver, err);
}

static weir_status feed(replay *self, const weir_json_value *object, weir_error *err)
{
    int64_t wall_ms = 0;
    if (weir_json_get_i64(object, "wall", &wall_ms, NULL) == WEIR_OK) {
        return weir_test_driver_advance(self->driver, wall_ms, err);
    }
    weir_record record = record_of(object);
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
        expect(self, object);
    }
    if (*out_same) {
        WEIR_TRY(end_step(self, out_same, err));
    }
    return WEIR_OK;
}

/* 0: the same; 1: it differs; 2: it cannot be replayed. */
static int replay_file(const char *path)
{
    replay self = {.path = path};
    weir_error err = {0};
    bool same = false;
    weir_status status = weir_file_read(path, FILE_BYTES_MAX, &self.text, &err);
    if (status == WEIR_OK) {
        (void)weir_buf_text(&self.text);
        status = play(&self, &same, &err);
    }
    if (status != WEIR_OK) {
        printf("FAIL %s line %d: %s\n", path, self.line, err.message);
    } else if (same) {
        printf("ok   %s\n", path);
    }
    weir_test_driver_free(self.driver);
    weir_broker_free(self.broker);
    weir_builder_free(self.builder);
    weir_json_value_free(self.head);
    weir_buf_cleanup(&self.text);
    weir_buf_cleanup(&self.expected);
    weir_buf_cleanup(&self.actual);
    return status != WEIR_OK ? 2 : same ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: conformance FILE... | --list\n"
                        "Each FILE is what the oracle printed.\n");
        return 2;
    }
    if (strcmp(argv[1], "--list") == 0) {
        conformance_specs_list();
        return 0;
    }
    weir_log_set_level(WEIR_LOG_ERROR);
    int worst = 0;
    for (int i = 1; i < argc; i++) {
        int answer = replay_file(argv[i]);
        worst = answer > worst ? answer : worst;
    }
    return worst;
}
