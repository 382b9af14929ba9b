/* SPDX-License-Identifier: Apache-2.0
 *
 * cluster_main.c - the program kafka_cluster: a Kafka for tests that are not written in C.
 *
 *   kafka_cluster [--secure yes] [--nodes N] [--properties TEXT] [--advertised PORT,…]
 *
 * prints one line of JSON when all nodes answer, {"bootstrap": "host:port,…", "nodes": [{"node": 1,
 * "port": …, "pid": …}, …]}, and then obeys lines on its standard input: kill, stop, start, pause
 * or resume, and the number of a node. It answers each with a line {"ok": true, "pid": …} or
 * {"ok": false, "error": "…"}, when it is done. With the end of its input it kills what runs,
 * removes what was on disk, and ends.
 */
#include "streams/base/json.h"
#include "tests/harness/kafka_cluster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct command {
    const char *name;
    weir_status (*run)(kafka_cluster *cluster, int32_t node, weir_error *err);
} command;

static const command commands[] = {
    {"kill", kafka_cluster_kill_node},     {"stop", kafka_cluster_stop_node},
    {"start", kafka_cluster_start_node},   {"pause", kafka_cluster_pause_node},
    {"resume", kafka_cluster_resume_node},
};

static void print_line(weir_buf *line)
{
    puts(weir_buf_text(line));
    fflush(stdout);
}

static void print_cluster(const kafka_cluster *cluster)
{
    WEIR_AUTO(weir_buf) line = {0};
    weir_json json = weir_json_of(&line);
    weir_json_begin_object(&json);
    weir_json_member_text(&json, "bootstrap", kafka_cluster_bootstrap(cluster));
    if (kafka_cluster_certificates(cluster) != NULL) {
        weir_json_member_text(&json, "ssl", kafka_cluster_ssl(cluster));
        weir_json_member_text(&json, "sasl_ssl", kafka_cluster_sasl_ssl(cluster));
        weir_json_member_text(&json, "certificates", kafka_cluster_certificates(cluster));
    }
    weir_json_key(&json, "nodes");
    weir_json_begin_array(&json);
    for (int32_t node = 1; node <= kafka_cluster_node_count(cluster); node++) {
        weir_json_begin_object(&json);
        weir_json_member_i64(&json, "node", node);
        weir_json_member_i64(&json, "port", kafka_cluster_port(cluster, node));
        weir_json_member_i64(&json, "pid", kafka_cluster_pid(cluster, node));
        weir_json_end_object(&json);
    }
    weir_json_end_array(&json);
    weir_json_end_object(&json);
    print_line(&line);
}

static weir_status obey(kafka_cluster *cluster, char *line, int32_t *out_node, weir_error *err)
{
    char *blank = strchr(line, ' ');
    if (blank != NULL) {
        *blank = '\0';
        *out_node = (int32_t)strtol(blank + 1, NULL, 10);
    }
    for (size_t i = 0; i < WEIR_COUNT_OF(commands); i++) {
        if (strcmp(commands[i].name, line) == 0) {
            return commands[i].run(cluster, *out_node, err);
        }
    }
    return weir_error_set(err, WEIR_INVALID, "there is no command \"%s\"", line);
}

static void answer(kafka_cluster *cluster, char *line)
{
    weir_error err = {0};
    int32_t node = 0;
    weir_status status = obey(cluster, line, &node, &err);
    WEIR_AUTO(weir_buf) text = {0};
    weir_json json = weir_json_of(&text);
    weir_json_begin_object(&json);
    weir_json_member_bool(&json, "ok", status == WEIR_OK);
    if (status == WEIR_OK) {
        weir_json_member_i64(&json, "pid", kafka_cluster_pid(cluster, node));
    } else {
        weir_json_member_text(&json, "error", err.message);
    }
    weir_json_end_object(&json);
    print_line(&text);
}

/* The ports of proxies, one a node. */
static void read_ports(const char *text, uint16_t ports[KAFKA_NODES_MAX])
{
    for (size_t i = 0; i < KAFKA_NODES_MAX && *text != '\0'; i++) {
        char *end = NULL;
        ports[i] = (uint16_t)strtol(text, &end, 10);
        text = *end == ',' ? end + 1 : end;
    }
}

static int parse(int argc, char **argv, kafka_cluster_options *out_options)
{
    for (int i = 1; i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--nodes") == 0) {
            out_options->node_count = (int32_t)strtol(value, NULL, 10);
        } else if (strcmp(argv[i], "--properties") == 0) {
            out_options->properties = value;
        } else if (strcmp(argv[i], "--advertised") == 0) {
            read_ports(value, out_options->advertised_ports);
        } else if (strcmp(argv[i], "--secure") == 0) {
            out_options->secure = true;
        } else {
            out_options->node_count = -1;
        }
        if (out_options->node_count < 0 || out_options->node_count > KAFKA_NODES_MAX) {
            fprintf(stderr, "usage: kafka_cluster [--nodes 1..3] [--secure yes] "
                            "[--properties TEXT] [--advertised PORT,...]\n");
            return 2;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    kafka_cluster_options options = {0};
    if (parse(argc, argv, &options) != 0) {
        return 2;
    }
    weir_error err = {0};
    WEIR_AUTO_PTR(kafka_cluster) cluster = NULL;
    if (kafka_cluster_start(&options, &cluster, &err) != WEIR_OK) {
        fprintf(stderr, "kafka_cluster: %s\n", err.message);
        return 1;
    }
    print_cluster(cluster);
    char line[256];
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        answer(cluster, line);
    }
    return 0;
}
