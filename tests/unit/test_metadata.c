/* SPDX-License-Identifier: Apache-2.0
 *
 * Who has a key (streams/metadata.c), and how a caller of REST is sent there
 * (topologies/rest_owner.c): two processes of an application on one simulated cluster, stepped.
 */
#include "streams/metadata.h"
#include "streams/query.h"
#include "tests/harness/check.h"
#include "tests/harness/count_topology.h"
#include "tests/harness/sim_broker.h"
#include "topologies/rest_api_internal.h"

#include <stdlib.h>
#include <string.h>

enum { PARTITIONS = 4, KEYS = 20, START_MS = 1000000, STEPS = 400, STEP_MS = 50 };

typedef struct process {
    weir_config config;
    weir_broker *broker;
    weir_application *application;
} process;

typedef struct fixture {
    sim_cluster *cluster;
    weir_broker *outside;
    weir_topology *topology;
    process processes[2];
    int64_t now_ms;
    weir_error err;
} fixture;

static void open_process(fixture *f, process *to, const char *process_id, const char *server)
{
    const weir_setting settings[] = {
        {"application.id", "counter"},
        {"num.standby.replicas", "1"},
        {"application.server", server},
    };
    CHECK_OK(weir_config_init(&to->config, settings, WEIR_COUNT_OF(settings), &f->err), &f->err);
    to->broker = sim_broker_connect(f->cluster);
    const weir_application_options options = {
        .topology = f->topology,
        .config = &to->config,
        .broker = to->broker,
        .process_id = process_id,
        .never_waits = true,
    };
    CHECK_OK(weir_application_new(&options, &to->application, &f->err), &f->err);
}

static void start(fixture *f)
{
    f->cluster = sim_cluster_new(1);
    f->now_ms = START_MS;
    sim_cluster_set_now(f->cluster, f->now_ms);
    f->outside = sim_broker_connect(f->cluster);
    count_topology_topics(f->outside, PARTITIONS);
    f->topology = count_topology_new(&(count_topology_options){.engine = WEIR_ENGINE_MEMORY});
    open_process(f, &f->processes[0], "a", "a.example:1");
    open_process(f, &f->processes[1], "b", "b.example:2");
    count_topology_feed(f->outside, 0, KEYS);
    for (int i = 0; i < STEPS; i++) {
        for (size_t p = 0; p < 2; p++) {
            bool busy = false;
            CHECK_OK(weir_application_step(f->processes[p].application, f->now_ms, &busy, &f->err),
                     &f->err);
        }
        f->now_ms += STEP_MS;
    }
}

static void fixture_cleanup(fixture *f)
{
    for (size_t p = 0; p < 2; p++) {
        weir_application_free(f->processes[p].application);
        weir_broker_free(f->processes[p].broker);
        weir_config_cleanup(&f->processes[p].config);
    }
    weir_topology_free(f->topology);
    weir_broker_free(f->outside);
    sim_cluster_free(f->cluster);
}

TEST(both_processes_name_the_same_owner_and_standby_of_a_key)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f);
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
    WEIR_AUTO(fixture) f = {0};
    start(&f);
    weir_key_metadata metadata = {0};
    CHECK_STATUS(weir_application_metadata_for_key(f.processes[0].application, "nothing",
                                                   WEIR_BYTES("k"), WEIR_BYTES_NULL, &metadata,
                                                   &f.err),
                 WEIR_INVALID);
}

TEST(all_processes_and_their_tasks_are_listed)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f);
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
static char *key_elsewhere(fixture *f, weir_application *application)
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
    WEIR_AUTO(fixture) f = {0};
    start(&f);
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
    get(rest, again, &response);
    CHECK_I64(response.status, ==, 503);
    weir_rest_response_cleanup(&response);
}
