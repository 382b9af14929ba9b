/* SPDX-License-Identifier: Apache-2.0
 *
 * Changes of the pipeline's stores as server-sent events (topologies/rest_stores.c). No socket: the
 * answer's stream is read as the server would.
 */
#include "tests/harness/check.h"
#include "tests/harness/rest_fixture.h"

#include <string.h>

static void check_has(weir_buf *body, const char *part)
{
    if (strstr(weir_buf_text(body), part) == NULL) {
        CHECK_STR(weir_buf_text(body), part); /* Fails, and shows both. */
    }
}

TEST(changes_of_a_store_are_events_with_its_rows_as_json)
{
    WEIR_AUTO(rest_fixture) f = {0};
    rest_fixture_open(&f, 1U << WEIR_STAGE_FRONTIER);
    CHECK_I64(rest_fixture_get(&f, "/v1/stores/frontier/frontier-urls/changes"), ==, 200);
    CHECK_STR(f.response.content_type, "text/event-stream");
    WEIR_AUTO(weir_rest_response) events = f.response;
    f.response = (weir_rest_response){0};
    const weir_rest_call post = {.method = "POST",
                                 .target = WEIR_BYTES("/v1/crawl-jobs"),
                                 .body = WEIR_BYTES("{\"urls\":[\"https://a.example/b\"]}"),
                                 .content_type = "application/json"};
    CHECK_I64(rest_fixture_call(&f, &post), ==, 201);
    pipeline_fixture_run(&f.base);
    (void)events.stream.read(events.stream.user, &events.body);
    check_has(&events.body, "event: started\ndata: {\"partition\":0,");
    check_has(&events.body, "\"key\":\"a.example\\u0000");
    check_has(&events.body, "\"value\":{\"url\":\"https://a.example/b\",");
}

TEST(changes_of_what_is_not_there_are_refused)
{
    WEIR_AUTO(rest_fixture) f = {0};
    rest_fixture_open(&f, 1U << WEIR_STAGE_FRONTIER);
    CHECK_I64(rest_fixture_get(&f, "/v1/stores/frontier/none/changes"), ==, 404);
    check_has(&f.response.body, "unknown_store");
    CHECK_I64(rest_fixture_get(&f, "/v1/stores/none/frontier-urls/changes"), ==, 404);
    check_has(&f.response.body, "unknown_application");
    CHECK_I64(rest_fixture_get(&f, "/v1/stores/frontier/frontier-urls/changes?key=a&prefix=b"), ==,
              400);
    check_has(&f.response.body, "not both");
}
