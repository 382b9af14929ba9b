/* SPDX-License-Identifier: Apache-2.0
 *
 * Windows, sessions and versions over HTTP (connectors/rest_windows.c), without a socket.
 */
#include "connectors/rest_windows.h"
#include "streams/base/serde.h"
#include "streams/dsl/dsl.h"
#include "tests/harness/check.h"
#include "tests/harness/dsl_fixture.h"

#include <stdio.h>
#include <string.h>

enum { HOUR_MS = 3600000, TARGET_BYTES = 512 };

typedef struct served {
    dsl_fixture base;
    weir_rest_windows windows[3];
    weir_rest *rest;
    weir_rest_response response;
} served;

static weir_status answer_windows(void *user, const weir_rest_request *request,
                                  weir_rest_response *response, weir_error *err)
{
    return weir_rest_answer_windows(user, request, response, err);
}

static weir_status answer_versions(void *user, const weir_rest_request *request,
                                   weir_rest_response *response, weir_error *err)
{
    return weir_rest_answer_versions(user, request, response, err);
}

static void write_count(void *user, const char *name, weir_bytes bytes, weir_json *json)
{
    (void)user;
    if (strcmp(name, "key") == 0) {
        weir_json_member_bytes(json, name, bytes);
    } else {
        weir_json_member_i64(json, name, (int64_t)weir_get_u64_be(bytes.data));
    }
}

static weir_builder *make(void)
{
    weir_builder *builder = weir_builder_new();
    const weir_time_windows windows = {.size_ms = 10, .grace_ms = HOUR_MS};
    const weir_session_windows sessions = {.inactivity_gap_ms = 5, .grace_ms = HOUR_MS};
    weir_kgrouped_stream *grouped =
        weir_kstream_group_by_key(weir_builder_stream(builder, "in", NULL), NULL);
    (void)weir_time_windowed_count(weir_kgrouped_stream_windowed_by(grouped, &windows),
                                   WEIR_STORED_AS("windows"), NULL);
    (void)weir_session_windowed_count(weir_kgrouped_stream_windowed_by_session(grouped, &sessions),
                                      WEIR_STORED_AS("sessions"), NULL);
    (void)weir_builder_table(builder, "rows", NULL,
                             &(weir_materialized){.store_name = "versions", .history_ms = HOUR_MS});
    return builder;
}

static void start(served *self)
{
    weir_error err = {0};
    *self = (served){0};
    dsl_fixture_start(&self->base, make(), "0");
    weir_application *application = weir_test_driver_application(self->base.driver);
    self->windows[0] =
        (weir_rest_windows){.application = application, .store = "windows", .write = write_count};
    self->windows[1] =
        (weir_rest_windows){.application = application, .store = "sessions", .write = write_count};
    self->windows[2] = (weir_rest_windows){.application = application, .store = "versions"};
    const weir_rest_route routes[] = {
        {"GET", "/windows", answer_windows, &self->windows[0]},
        {"GET", "/sessions", answer_windows, &self->windows[1]},
        {"GET", "/versions", answer_versions, &self->windows[2]},
        {"GET", "/wrong", answer_windows, &self->windows[2]},
    };
    CHECK_OK(weir_rest_new(&(weir_rest_options){0}, &self->rest, &err), &err);
    weir_rest_add(self->rest, routes, WEIR_COUNT_OF(routes));
    static const struct {
        const char *key;
        int64_t ms;
    } records[] = {{"a", 1}, {"a", 4}, {"b", 12}, {"a", 25}};
    for (size_t i = 0; i < WEIR_COUNT_OF(records); i++) {
        dsl_send(&self->base, "in", records[i].key, "v", records[i].ms);
    }
    dsl_send(&self->base, "rows", "k", "old", 100);
    dsl_send(&self->base, "rows", "k", "new", 200);
}

static void stop(served *self)
{
    weir_rest_response_cleanup(&self->response);
    weir_rest_free(self->rest);
    dsl_fixture_end(&self->base);
}

static const char *get(served *self, const char *target)
{
    weir_rest_response_cleanup(&self->response);
    const weir_rest_call call = {.method = "GET", .target = weir_bytes_of_text(target)};
    weir_rest_dispatch(self->rest, &call, &self->response);
    return weir_buf_text(&self->response.body);
}

#define A_0 "{\"key\":\"a\",\"start_ms\":0,\"end_ms\":10,\"value\":2,\"timestamp_ms\":4}"
#define A_20 "{\"key\":\"a\",\"start_ms\":20,\"end_ms\":30,\"value\":1,\"timestamp_ms\":25}"
#define B_10 "{\"key\":\"b\",\"start_ms\":10,\"end_ms\":20,\"value\":1,\"timestamp_ms\":12}"

TEST(windows_are_answered_by_key_and_time)
{
    served self;
    start(&self);
    CHECK_STR(get(&self, "/windows"),
              "{\"windows\":[" A_0 "," A_20 "," B_10 "],\"next_cursor\":null}");
    CHECK_STR(get(&self, "/windows?key=a&from_ms=5&to_ms=20"),
              "{\"windows\":[" A_20 "],\"next_cursor\":null}");
    CHECK_STR(get(&self, "/windows?order=desc&to_key=b"),
              "{\"windows\":[" A_20 "," A_0 "],\"next_cursor\":null}");
    CHECK_STR(get(&self, "/windows?key=nobody"), "{\"windows\":[],\"next_cursor\":null}");
    stop(&self);
}

TEST(pages_of_windows_follow_each_other)
{
    static const char *const rows[] = {A_0, A_20, B_10};
    served self;
    start(&self);
    char target[TARGET_BYTES] = "/windows?limit=1";
    for (size_t i = 0; i < WEIR_COUNT_OF(rows); i++) {
        const char *body = get(&self, target);
        CHECK(strstr(body, rows[i]) != NULL);
        const char *cursor = strstr(body, "\"next_cursor\":\"");
        CHECK((cursor == NULL) == (i == WEIR_COUNT_OF(rows) - 1));
        if (cursor != NULL) {
            cursor += strlen("\"next_cursor\":\"");
            (void)snprintf(target, sizeof(target), "/windows?limit=1&cursor=%.*s",
                           (int)strcspn(cursor, "\""), cursor);
        }
    }
    stop(&self);
}

TEST(sessions_and_versions_are_answered_by_time)
{
    served self;
    start(&self);
    CHECK_STR(get(&self, "/sessions?key=a&from_ms=20"),
              "{\"windows\":[{\"key\":\"a\",\"start_ms\":25,\"end_ms\":25,\"value\":1,"
              "\"timestamp_ms\":null}],\"next_cursor\":null}");
    CHECK_STR(get(&self, "/versions?key=k"),
              "{\"versions\":[{\"from_ms\":200,\"to_ms\":null,\"value\":\"new\"},"
              "{\"from_ms\":100,\"to_ms\":200,\"value\":\"old\"}]}");
    CHECK_STR(get(&self, "/versions?key=k&as_of_ms=150"),
              "{\"versions\":[{\"from_ms\":100,\"to_ms\":200,\"value\":\"old\"}]}");
    CHECK(strstr(get(&self, "/versions?key=k&order=asc"), "[{\"from_ms\":100") != NULL);
    stop(&self);
}

TEST(arguments_that_are_none_are_refused)
{
    static const char *const targets[] = {
        "/windows?limit=0",  "/windows?from_ms=9&to_ms=8", "/windows?order=up",
        "/windows?cursor=!", "/windows?from_ms=soon",      "/versions",
    };
    served self;
    start(&self);
    for (size_t i = 0; i < WEIR_COUNT_OF(targets); i++) {
        (void)get(&self, targets[i]);
        CHECK_I64(self.response.status, ==, 400);
    }
    (void)get(&self, "/wrong");
    CHECK_I64(self.response.status, ==, 409); /* It has versions, no windows. */
    stop(&self);
}
