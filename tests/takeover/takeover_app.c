/* SPDX-License-Identifier: Apache-2.0
 *
 * takeover_app.c - the weir side of the takeover test: an application that runs until its standard
 * input ends, and tells its states on standard output.
 *
 *   takeover_app describe ID none|all
 *   takeover_app run ID none|all BOOTSTRAP GUARANTEE STATE_DIRECTORY
 */
#include "connectors/broker_kafka.h"
#include "streams/weir.h"
#include "tests/takeover/takeover_topology.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOOK_INTERVAL_MS = 100 };

typedef struct arguments {
    const char *id;
    bool optimized;
    const char *bootstrap;
    const char *guarantee;
    const char *directory;
} arguments;

static void tell_state(void *user, weir_application_state from, weir_application_state to)
{
    (void)user;
    (void)from;
    printf("state %s\n", weir_application_state_name(to));
    (void)fflush(stdout);
}

/* Waits for the end of standard input, or of the application by itself. */
static void wait_for_end(weir_application *application)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    while (poll(&input, 1, LOOK_INTERVAL_MS) == 0 &&
           weir_application_state_now(application) != WEIR_APPLICATION_ERROR) {
    }
}

static weir_status run_application(const arguments *of, const weir_config *config,
                                   weir_broker *broker, weir_error *err)
{
    WEIR_AUTO_PTR(weir_database) database = NULL;
    const weir_database_options database_options = {.directory = of->directory};
    WEIR_TRY(weir_database_open(&database_options, &database, err));
    WEIR_AUTO_PTR(weir_topology) topology = takeover_topology_new(of->id, of->optimized);
    const weir_application_options options = {
        .topology = topology,
        .config = config,
        .broker = broker,
        .database = database,
        .listener = tell_state,
    };
    WEIR_AUTO_PTR(weir_application) application = NULL;
    WEIR_TRY(weir_application_new(&options, &application, err));
    WEIR_TRY(weir_application_start(application, err));
    wait_for_end(application);
    return weir_application_close(application, err);
}

static weir_status run(const arguments *of, weir_error *err)
{
    const weir_setting settings[] = {
        {"application.id", of->id},    {"processing.guarantee", of->guarantee},
        {"commit.interval.ms", "100"}, {"replication.factor", "1"},
        {"max.task.idle.ms", "500"},
    };
    WEIR_AUTO(weir_config) config = {0};
    WEIR_TRY(weir_config_init(&config, settings, WEIR_COUNT_OF(settings), err));
    WEIR_AUTO_PTR(weir_broker) broker = NULL;
    const weir_kafka_options options = {.bootstrap_servers = of->bootstrap};
    WEIR_TRY(weir_broker_kafka_open(&options, &broker, err));
    return run_application(of, &config, broker, err);
}

static int describe(const arguments *of)
{
    WEIR_AUTO_PTR(weir_topology) topology = takeover_topology_new(of->id, of->optimized);
    WEIR_AUTO(weir_buf) text = {0};
    weir_topology_describe(topology, &text);
    (void)fputs(weir_buf_text(&text), stdout);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    if (argc != 4 && argc != 7) {
        (void)fprintf(stderr, "see the head of takeover_app.c\n");
        return EXIT_FAILURE;
    }
    arguments of = {.id = argv[2], .optimized = strcmp(argv[3], "all") == 0};
    if (argc == 4) {
        return describe(&of);
    }
    of.bootstrap = argv[4];
    of.guarantee = argv[5];
    of.directory = argv[6];
    weir_error err = {0};
    if (run(&of, &err) != WEIR_OK) {
        printf("failed %s\n", err.message);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
