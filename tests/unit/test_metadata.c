/* SPDX-License-Identifier: Apache-2.0
 *
 * Who has a key (streams/metadata.c), and how a caller of REST is sent there
 * (topologies/rest_owner.c): two processes of an application on one simulated cluster, stepped.
 */
#include "streams/metadata.h"
#include "streams/query.h"
#include "tests/harness/check.h"
#include "tests/harness/two_processes.h"
#include "topologies/rest_api_internal.h"

#include <stdlib.h>
#include <string.h>

enum { KEYS = 20 };

TEST(both_processes_name_the_same_owner_and_standby_of_a_key)
{
    WEIR_AUTO(two_processes) f = {0};
    two_processes_start(&f, &(two_processes_options){0});
    two_processes_feed(&f, 0, KEYS);
    size_t here[2] = {0};
    for (int i = 0; i < KEYS; i++) {
        WEIR_AUTO_FREE char *key = weir_format("k%d", i);
        weir_key_metadata by[2] = {0};
        for (size_t p = 0; p < 2; p++) {
            CHECK_OK(weir_application_metadata_for_key(f.processes[p].application, "counts",
                                                       weir_bytes_of_text(key), WEIR_BYTES_NULL,
                                                       &by[p], &f.err),
                     &f.err);
            CHECK_I64(by[p].standby_count, ==, 1);
            WEIR_AUTO(weir_buf) value = {0};
            weir_status status =
                weir_query_get(f.processes[p].application, "counts", weir_bytes_of_text(key),
                               WEIR_BYTES_NULL, &value, &f.err);
            CHECK_STATUS(status, by[p].active.is_here ? WEIR_OK : WEIR_AGAIN);
            here[p] += by[p].active.is_here ? 1 : 0;
        }
        CHECK(by[0].active.is_here != by[1].active.is_here);
        CHECK_STR(by[0].active.host, by[1].active.host);
        CHECK_STR(by[0].active.host, by[0].active.is_here ? "a.example:1" : "b.example:2");
        CHECK_STR(by[0].standbys[0].process_id, by[0].active.is_here ? "b" : "a");
        CHECK_I64(by[0].partition, ==, by[1].partition);
        weir_key_metadata_cleanup(&by[0]);
        weir_key_metadata_cleanup(&by[1]);
    }
    CHECK(here[0] > 0 && here[1] > 0);
}

TEST(a_store_that_there_is_not_is_refused)
{
    WEIR_AUTO(two_processes) f = {0};
    two_processes_start(&f, &(two_processes_options){0});
    two_processes_feed(&f, 0, KEYS);
    weir_key_metadata metadata = {0};
    CHECK_STATUS(weir_application_metadata_for_key(f.processes[0].application, "nothing",
                                                   WEIR_BYTES("k"), WEIR_BYTES_NULL, &metadata,
                                                   &f.err),
                 WEIR_INVALID);
}

TEST(all_processes_and_their_tasks_are_listed)
{
    WEIR_AUTO(two_processes) f = {0};
    two_processes_start(&f, &(two_processes_options){0});
    two_processes_feed(&f, 0, KEYS);
    weir_application_metadata all = {0};
    CHECK_OK(weir_application_metadata_for_all(f.processes[1].application, &all, &f.err), &f.err);
    CHECK_I64(all.count, ==, 2);
    CHECK_STR(all.processes[0].place.process_id, "a");
    CHECK_STR(all.processes[1].place.host, "b.example:2");
    CHECK(all.processes[1].place.is_here);
    CHECK_STR(all.processes[0].active, all.processes[1].standby);
    CHECK_STR(all.processes[1].active, all.processes[0].standby);
    CHECK_I64(strlen(all.processes[0].active), ==, strlen("0_0,0_1"));
    weir_application_metadata_cleanup(&all);
}

static weir_status answer(void *user, const weir_rest_request *request,
                          weir_rest_response *response, weir_error *err)
{
    (void)err;
    return weir_rest_send_to_owner(user, "counts", weir_rest_parameter(request, "key"), request,
                                   response);
}

static void get(const weir_rest *rest, const char *target, weir_rest_response *response)
{
    weir_rest_dispatch(
        rest, &(weir_rest_call){.method = "GET", .target = weir_bytes_of_text(target)}, response);
}

/* A key that the process does not have. */
static char *key_elsewhere(two_processes *f, weir_application *application)
{
    for (int i = 0; i < KEYS; i++) {
        WEIR_AUTO_FREE char *key = weir_format("k%d", i);
        weir_key_metadata metadata = {0};
        CHECK_OK(weir_application_metadata_for_key(application, "counts", weir_bytes_of_text(key),
                                                   WEIR_BYTES_NULL, &metadata, &f->err),
                 &f->err);
        bool is_here = metadata.active.is_here;
        weir_key_metadata_cleanup(&metadata);
        if (!is_here) {
            return weir_take(&key);
        }
    }
    CHECK_NEVER("one process has all keys");
}

TEST(a_caller_is_sent_to_the_owner_of_a_row_once)
{
    WEIR_AUTO(two_processes) f = {0};
    two_processes_start(&f, &(two_processes_options){0});
    two_processes_feed(&f, 0, KEYS);
    weir_application *application = f.processes[0].application;
    WEIR_AUTO_PTR(weir_rest) rest = NULL;
    CHECK_OK(weir_rest_new(&(weir_rest_options){0}, &rest, &f.err), &f.err);
    const weir_rest_route route = {"GET", "/v1/tables/counts/{key*}", answer, application};
    weir_rest_add(rest, &route, 1);

    WEIR_AUTO_FREE char *key = key_elsewhere(&f, application);
    WEIR_AUTO_FREE char *target = weir_format("/v1/tables/counts/%s", key);
    WEIR_AUTO_FREE char *location = weir_format("http://b.example:2%s?hop=1", target);
    WEIR_AUTO_FREE char *again = weir_format("%s?hop=1", target);
    weir_rest_response response = {0};
    get(rest, target, &response);
    CHECK_I64(response.status, ==, 307);
    CHECK_STR(response.header_name, "Location");
    CHECK_STR(weir_buf_text(&response.header_value), location);
    weir_rest_response_cleanup(&response);
    WEIR_AUTO_FREE char *terms = weir_format("%s?max_lag_ms=5&position={}&x=1", target);
    WEIR_AUTO_FREE char *with_terms = weir_format("%s&max_lag_ms=5&position=%%7B%%7D", location);
    get(rest, terms, &response);
    CHECK_STR(weir_buf_text(&response.header_value), with_terms);
    weir_rest_response_cleanup(&response);
    get(rest, again, &response);
    CHECK_I64(response.status, ==, 503);
    weir_rest_response_cleanup(&response);
}
