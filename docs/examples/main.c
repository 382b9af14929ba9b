/* SPDX-License-Identifier: Apache-2.0
 *
 * main.c - runs one of the examples on a Kafka cluster, or shows its topology.
 */
#include "docs/examples/examples.h"

#include "connectors/broker_kafka.h"
#include "connectors/http_curl.h"
#include "streams/topology_description.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { SERVER_PORT = 8080 };

static weir_status open_curl(void *user, void **out_http, weir_error *err)
{
    (void)user;
    const weir_http_curl_options options = {.private_allowed = true, .in_flight_max = 10000};
    weir_http *http = NULL;
    WEIR_TRY(weir_http_curl_new(&options, &http, err));
    *out_http = http;
    return WEIR_OK;
}

static weir_builder *async_enrichment_with_curl(void)
{
    return async_enrichment(open_curl);
}

typedef weir_status (*serve)(weir_application *application, uint16_t port, weir_rest **out_rest,
                             weir_error *err);

typedef struct example {
    const char *name;
    weir_builder *(*build)(void);
    serve serve; /* NULL: it has no server. */
} example;

static const example examples[] = {
    {"word-count", word_count, NULL},
    {"ad-clicks", ad_clicks, NULL},
    {"page-views-by-region", page_views_by_region, NULL},
    {"fraud-windows", fraud_windows, NULL},
    {"temperature-alarm", temperature_alarm, NULL},
    {"orders-with-customers", orders_with_customers, NULL},
    {"deduplicate", deduplicate, NULL},
    {"order-reminders", order_reminders, NULL},
    {"trades-at-quotes", trades_at_quotes, NULL},
    {"async-enrichment", async_enrichment_with_curl, NULL},
    {"live-counts", live_counts, live_counts_serve},
};

/* Runs until Ctrl-C; rows are in memory, and restored from their changelogs at the next start. */
static weir_status run(const example *chosen, const weir_topology *topology, const char *servers,
                       weir_error *err)
{
    WEIR_AUTO_PTR(weir_broker) broker = NULL;
    WEIR_AUTO(weir_config) config = {0};
    WEIR_AUTO_PTR(weir_application) application = NULL;
    WEIR_AUTO_PTR(weir_rest) rest = NULL;
    const weir_setting settings[] = {{"application.id", chosen->name}};
    sigset_t interrupts;
    (void)sigemptyset(&interrupts);
    (void)sigaddset(&interrupts, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &interrupts, NULL); /* Of all threads; this one takes it. */
    WEIR_TRY(
        weir_broker_kafka_open(&(weir_kafka_options){.bootstrap_servers = servers}, &broker, err));
    WEIR_TRY(weir_config_init(&config, settings, WEIR_COUNT_OF(settings), err));
    const weir_application_options options = {
        .topology = topology, .config = &config, .broker = broker};
    WEIR_TRY(weir_application_new(&options, &application, err));
    WEIR_TRY(weir_application_start(application, err));
    if (chosen->serve != NULL) {
        WEIR_TRY(chosen->serve(application, SERVER_PORT, &rest, err));
    }
    (void)sigwaitinfo(&interrupts, NULL);
    weir_rest_free(weir_take(&rest)); /* Its clients see its end. */
    return weir_application_close(application, err);
}

static weir_status show(const weir_topology *topology, const char *format, weir_error *err)
{
    WEIR_AUTO(weir_buf) text = {0};
    if (strcmp(format, "json") == 0) {
        weir_topology_describe_json(topology, NULL, &text);
    } else if (strcmp(format, "svg") == 0) {
        weir_topology_describe_svg(topology, &text);
    } else {
        weir_topology_describe(topology, &text);
    }
    return puts(weir_buf_text(&text)) < 0 ? weir_error_set(err, WEIR_IO, "no output") : WEIR_OK;
}

static weir_status use(const example *chosen, char **argv, weir_error *err)
{
    WEIR_AUTO_PTR(weir_builder) builder = chosen->build();
    const weir_topology *topology = NULL;
    WEIR_TRY(weir_builder_build(builder, &topology, err));
    bool runs = strcmp(argv[2], "run") == 0 && argv[3] != NULL;
    return runs ? run(chosen, topology, argv[3], err) : show(topology, argv[2], err);
}

int main(int argc, char **argv)
{
    weir_error err = {.message = "usage: weir-examples NAME run SERVERS | text | json | svg"};
    for (size_t i = 0; argc > 2 && i < WEIR_COUNT_OF(examples); i++) {
        if (strcmp(argv[1], examples[i].name) == 0 && use(&examples[i], argv, &err) == WEIR_OK) {
            return 0;
        }
    }
    (void)fprintf(stderr, "%s\n", err.message);
    return 1;
}
