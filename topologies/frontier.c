/* SPDX-License-Identifier: Apache-2.0
 *
 * frontier.c - the topology of the frontier, and the way in for seeds.
 *
 * Two sub-topologies with a repartition topic between them: events of a host meet in one partition,
 * whatever the partition of the page that mentioned it. Seeds go straight into that topic.
 */
#include "topologies/frontier_internal.h"
#include "topologies/topic_map.h"
#include "topologies/url_canon.h"

#include "streams/base/hash.h"

#define EVENTS_TOPIC WEIR_FRONTIER_APPLICATION "-" WEIR_FRONTIER_EVENTS "-repartition"

enum { SEED_PRIORITY = 1, REPARTITION_SEGMENT_BYTES = 50 << 20 };

static void add_routes(weir_topology *topology, weir_stage_services *services, const char *events)
{
    weir_topology_add_source(
        topology, "raw-fetch",
        &(weir_source_options){.topic = weir_topic_name(WEIR_TOPIC_RAW_FETCH),
                               .serde = weir_stage_serde(services, &weir_raw_fetch_type)});
    weir_topology_add_source(
        topology, "page",
        &(weir_source_options){.topic = weir_topic_name(WEIR_TOPIC_PAGE),
                               .serde = weir_stage_serde(services, &weir_page_type)});
    weir_topology_add_processor(topology, FRONTIER_ROUTE_OUTCOMES,
                                &(weir_processor_options){weir_frontier_outcomes_new, services},
                                "raw-fetch", NULL);
    weir_topology_add_processor(topology, FRONTIER_ROUTE_LINKS,
                                &(weir_processor_options){weir_frontier_links_new, services},
                                "page", NULL);
    weir_topology_add_sink(topology, "events-out", &(weir_sink_options){.topic = events},
                           FRONTIER_ROUTE_OUTCOMES, FRONTIER_ROUTE_LINKS, NULL);
}

static void add_schedule(weir_topology *topology, weir_stage_services *services, const char *events)
{
    static const char *const stores[] = {WEIR_FRONTIER_URLS, WEIR_FRONTIER_HOSTS,
                                         WEIR_FRONTIER_QUEUE, WEIR_FRONTIER_WAKE,
                                         WEIR_FRONTIER_JOBS};
    weir_topology_add_source(
        topology, "events",
        &(weir_source_options){.topic = events,
                               .serde = weir_stage_serde(services, &weir_frontier_event_type)});
    weir_topology_add_processor(topology, FRONTIER_SCHEDULE,
                                &(weir_processor_options){weir_frontier_schedule_new, services},
                                "events", NULL);
    for (size_t i = 0; i < WEIR_COUNT_OF(stores); i++) {
        weir_topology_add_store(topology, &(weir_store_options){.name = stores[i]},
                                FRONTIER_SCHEDULE, NULL);
    }
    weir_topology_add_sink(topology, "tasks",
                           &(weir_sink_options){.topic = weir_topic_name(WEIR_TOPIC_FETCH_TASKS)},
                           FRONTIER_SCHEDULE, NULL);
}

weir_status weir_frontier_topology(weir_stage_services *services, weir_topology **out_topology,
                                   weir_error *err)
{
    WEIR_ASSERT(services->codec != NULL);

    WEIR_AUTO_PTR(weir_topology) topology = weir_topology_new();
    const char *events = weir_topology_repartition(topology, WEIR_FRONTIER_EVENTS, 0);
    add_routes(topology, services, events);
    add_schedule(topology, services, events);
    WEIR_TRY(weir_topology_build(topology, err));
    *out_topology = weir_take(&topology);
    return WEIR_OK;
}

/* The canonical form of a seed, which must be a URL that the crawl can visit. */
static weir_status canonical_seed(weir_bytes input, weir_buf *out_url, weir_buf *out_host,
                                  weir_error *err)
{
    WEIR_AUTO(weir_url) url = {0};
    WEIR_TRY(weir_url_canonicalise(input, NULL, &url, err));
    WEIR_TRY(weir_url_check_path(&url, err));
    weir_url_host_id(&url, out_host);
    weir_buf_clear(out_url);
    weir_url_append_resource(&url, out_url);
    return WEIR_OK;
}

weir_status weir_frontier_check_seed(weir_bytes url, weir_error *err)
{
    WEIR_AUTO(weir_buf) canonical = {0};
    WEIR_AUTO(weir_buf) host = {0};
    return canonical_seed(url, &canonical, &host, err);
}

weir_status weir_frontier_seed(weir_producer *producer, const weir_codec *codec,
                               const weir_seed *seed, weir_error *err)
{
    WEIR_AUTO(weir_buf) url = {0};
    WEIR_AUTO(weir_buf) host = {0};
    WEIR_TRY(canonical_seed(seed->url, &url, &host, err));
    weir_bytes url_bytes = weir_buf_bytes(&url);
    weir_frontier_event event = {.kind = WEIR_BYTES(FRONTIER_SEED),
                                 .host_id = weir_buf_bytes(&host),
                                 .urls = {&url_bytes, 1},
                                 .priority = SEED_PRIORITY,
                                 .job_id = weir_bytes_of_text(seed->job_id)};
    WEIR_AUTO(weir_buf) value = {0};
    WEIR_TRY(weir_frontier_event_encode(codec, &event, &value, err));
    int32_t topic;
    int32_t partition_count;
    WEIR_TRY(weir_producer_topic(producer, EVENTS_TOPIC, &topic, &partition_count, err));
    weir_record record = {.partition = weir_partition_of(event.host_id, partition_count),
                          .timestamp_ms = seed->now_ms,
                          .key = event.host_id,
                          .value = weir_buf_bytes(&value)};
    return weir_producer_send(producer, topic, &record, err);
}

weir_status weir_frontier_create_events_topic(weir_broker *broker, int32_t partition_count,
                                              weir_error *err)
{
    return weir_broker_create_topic(
        broker,
        &(weir_topic_config){.name = EVENTS_TOPIC,
                             .partition_count = partition_count,
                             .cleanup_policy = WEIR_CLEANUP_DELETE,
                             .retention_ms = -1,
                             .segment_bytes = REPARTITION_SEGMENT_BYTES},
        err);
}
