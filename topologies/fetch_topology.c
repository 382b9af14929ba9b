/* SPDX-License-Identifier: Apache-2.0
 *
 * fetch_topology.c - the topology of fetch, and the HTTP client that its workers have.
 */
#include "topologies/fetch_internal.h"

#include "connectors/http_curl.h"
#include "connectors/http_resource.h"
#include "topologies/topic_map.h"

#include <string.h>

static weir_status open_client(void *user, void **out_resource, weir_error *err)
{
    const weir_fetch_client *client = user;
    weir_http *http = NULL;
    WEIR_TRY(client->open(client->user, &http, err));
    *out_resource = http;
    return WEIR_OK;
}

static weir_status open_hosts(void *user, void **out_resource, weir_error *err)
{
    (void)user;
    (void)err;
    *out_resource = weir_map_new();
    return WEIR_OK;
}

static void close_hosts(void *resource)
{
    weir_map_free(resource);
}

weir_status weir_fetch_open_curl(void *services, weir_http **out_http, weir_error *err)
{
    const weir_crawl_settings *crawl = &((const weir_stage_services *)services)->crawl;
    bool allows_all = crawl->allow_private != NULL && strcmp(crawl->allow_private, "*") == 0;
    return weir_http_curl_new(
        &(weir_http_curl_options){.user_agent = crawl->user_agent,
                                  .proxy_url = crawl->proxy_url,
                                  .timeout_ms = (uint64_t)crawl->request_timeout_ms,
                                  .body_bytes_max = (size_t)crawl->body_bytes_max,
                                  .private_allowed = allows_all,
                                  .private_allowed_list = allows_all ? NULL : crawl->allow_private},
        out_http, err);
}

weir_status weir_fetch_topology(weir_stage_services *services, weir_fetch_client *client,
                                weir_topology **out_topology, weir_error *err)
{
    WEIR_ASSERT(services->codec != NULL);
    WEIR_ASSERT(client->open != NULL);

    WEIR_AUTO_PTR(weir_topology) topology = weir_topology_new();
    weir_stage_add_objects(topology, services);
    const weir_resource_options http = weir_http_resource(open_client, client);
    weir_topology_add_resource(topology, FETCH_HTTP, &http);
    weir_topology_add_resource(topology, FETCH_HOSTS,
                               &(weir_resource_options){.open = open_hosts, .close = close_hosts});
    weir_topology_add_source(
        topology, "tasks",
        &(weir_source_options){.topic = weir_topic_name(WEIR_TOPIC_FETCH_TASKS),
                               .serde = weir_stage_serde(services, &weir_fetch_task_type)});
    weir_topology_add_processor(topology, "fetch",
                                &(weir_processor_options){weir_fetch_new, services}, "tasks", NULL);
    weir_topology_add_store(topology, &(weir_store_options){.name = WEIR_FETCH_ROBOTS}, "fetch",
                            NULL);
    weir_topology_add_sink(topology, "raw-fetch",
                           &(weir_sink_options){.topic = weir_topic_name(WEIR_TOPIC_RAW_FETCH)},
                           "fetch", NULL);
    WEIR_TRY(weir_topology_build(topology, err));
    *out_topology = weir_take(&topology);
    return WEIR_OK;
}
