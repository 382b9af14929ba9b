/* SPDX-License-Identifier: Apache-2.0
 *
 * kafka_cluster.c - the nodes of a cluster: ports, settings, disks, and what is done to them.
 *
 * Ports are taken below the range from which the system gives ports to outgoing connections: a
 * client that tries again and again to reach a killed server on a port of that range ends up
 * connected to itself, and the server cannot have its port back.
 *
 * A disk is formatted without the storage tool of Kafka, which costs a start of Java:
 * meta.properties is four lines, and tests/kafka/bootstrap.checkpoint is what the tool writes for
 * every node of this version (the feature levels, and the SCRAM user weir).
 */
#include "tests/harness/kafka_cluster.h"

#include "streams/base/file.h"
#include "streams/base/random.h"
#include "tests/harness/kafka_node.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FIRST_PORT = 12000, PORT_COUNT = 19000, CHECKPOINT_BYTES_MAX = 65536 };

typedef struct node_state {
    kafka_node process;
    char *directory;
    uint16_t port; /* Of the plaintext listener. */
    uint16_t advertised_port;
    uint16_t controller_port;
    uint16_t ssl_port; /* Of a secure cluster, as the next. */
    uint16_t sasl_ssl_port;
} node_state;

struct kafka_cluster {
    char *directory;
    char *bootstrap;
    char *ssl;
    char *sasl_ssl;
    char *certificates; /* NULL: it is not secure. */
    char *further_properties;
    uint32_t next_port;
    int32_t node_count;
    node_state nodes[KAFKA_NODES_MAX];
};

/* True where nothing listens on port on any address. */
static bool is_free(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int yes = 1;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool bound = listener >= 0 &&
                 setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
                 bind(listener, (struct sockaddr *)&address, sizeof address) == 0 &&
                 listen(listener, 1) == 0;
    if (listener >= 0) {
        close(listener);
    }
    return bound;
}

static uint16_t take_port(kafka_cluster *cluster)
{
    for (;;) {
        uint16_t port = (uint16_t)(FIRST_PORT + cluster->next_port++ % PORT_COUNT);
        if (is_free(port)) {
            return port;
        }
    }
}

/* Settings that make a cluster on a busy machine small and quick; all else is Kafka's default. */
static void append_settings(weir_buf *to, int32_t node_count)
{
    int32_t replicas = node_count;
    int32_t in_sync = node_count > 1 ? 2 : 1;
    int32_t session_ms = node_count > 1 ? 4000 : 8000; /* One has nobody to take over. */
    weir_buf_append_format(to, "default.replication.factor=%" PRId32 "\n", replicas);
    weir_buf_append_format(to, "min.insync.replicas=%" PRId32 "\n", in_sync);
    weir_buf_append_format(to, "offsets.topic.replication.factor=%" PRId32 "\n", replicas);
    weir_buf_append_format(to, "transaction.state.log.replication.factor=%" PRId32 "\n", replicas);
    weir_buf_append_format(to, "transaction.state.log.min.isr=%" PRId32 "\n", in_sync);
    weir_buf_append_format(to, "share.coordinator.state.topic.replication.factor=%" PRId32 "\n",
                           replicas);
    weir_buf_append_format(to, "share.coordinator.state.topic.min.isr=%" PRId32 "\n", in_sync);
    weir_buf_append_format(to, "broker.session.timeout.ms=%" PRId32 "\n", session_ms);
    weir_buf_append_text(to, "broker.heartbeat.interval.ms=500\n"
                             "offsets.topic.num.partitions=4\n"
                             "transaction.state.log.num.partitions=4\n"
                             "transaction.abort.timed.out.transaction.cleanup.interval.ms=1000\n"
                             "group.initial.rebalance.delay.ms=0\n"
                             "group.min.session.timeout.ms=1000\n"
                             "auto.create.topics.enable=false\n"
                             "log.retention.ms=-1\n" /* Records of tests are of 1970. */
                             "log.cleaner.dedupe.buffer.size=8388608\n"
                             "num.network.threads=2\n"
                             "num.io.threads=4\n");
}

/* The listeners besides the plaintext one, and who may do what on all. */
static void append_security(const kafka_cluster *cluster, weir_buf *to)
{
    static const char login[] = "org.apache.kafka.common.security.";
    static const char listener[] = "listener.name.sasl_ssl.";
    weir_buf_append_format(to,
                           "ssl.keystore.type=PEM\nssl.keystore.location=%s/broker.pem\n"
                           "ssl.truststore.type=PEM\nssl.truststore.location=%s/ca.pem\n",
                           cluster->certificates, cluster->certificates);
    weir_buf_append_text(to, "listener.name.ssl.ssl.client.auth=required\n"
                             "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,"
                             "OAUTHBEARER\n");
    weir_buf_append_format(to,
                           "%splain.sasl.jaas.config=%splain.PlainLoginModule required "
                           "user_weir=\"weir-secret\" user_guest=\"weir-secret\";\n",
                           listener, login);
    for (int bits = 256; bits <= 512; bits += 256) {
        weir_buf_append_format(to,
                               "%sscram-sha-%d.sasl.jaas.config=%sscram.ScramLoginModule "
                               "required;\n",
                               listener, bits, login);
    }
    weir_buf_append_format(to,
                           "%soauthbearer.sasl.jaas.config=%soauthbearer.OAuthBearerLoginModule "
                           "required unsecuredLoginStringClaim_sub=\"broker\";\n",
                           listener, login);
    weir_buf_append_format(to,
                           "%soauthbearer.sasl.server.callback.handler.class=%soauthbearer."
                           "internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler\n",
                           listener, login);
    weir_buf_append_text(to, "authorizer.class.name=org.apache.kafka.metadata.authorizer."
                             "StandardAuthorizer\n"
                             "super.users=User:ANONYMOUS;User:weir;User:CN=weir\n");
}

/* Listeners of clients and brokers with their addresses; port is that of the plaintext one. */
static void append_listeners(const kafka_cluster *cluster, const node_state *node, uint16_t port,
                             weir_buf *to)
{
    weir_buf_append_format(to, "%sINTERNAL://127.0.0.1:%" PRIu16 ",PLAINTEXT://127.0.0.1:%" PRIu16,
                           to->data[to->size - 1] == '=' ? "" : ",", node->process.internal_port,
                           port);
    if (cluster->certificates != NULL) {
        weir_buf_append_format(to, ",SSL://127.0.0.1:%" PRIu16 ",SASL_SSL://127.0.0.1:%" PRIu16,
                               node->ssl_port, node->sasl_ssl_port);
    }
    weir_buf_append_text(to, "\n");
}

static void append_properties(const kafka_cluster *cluster, const node_state *node, weir_buf *to)
{
    weir_buf_append_format(to, "process.roles=broker,controller\nnode.id=%" PRId32 "\n",
                           node->process.id);
    weir_buf_append_format(to, "log.dirs=%s/data\n", node->directory);
    weir_buf_append_text(to, "controller.quorum.voters=");
    for (int32_t i = 0; i < cluster->node_count; i++) {
        weir_buf_append_format(to, "%s%" PRId32 "@127.0.0.1:%" PRIu16, i == 0 ? "" : ",", i + 1,
                               cluster->nodes[i].controller_port);
    }
    weir_buf_append_format(to, "\nlisteners=CONTROLLER://127.0.0.1:%" PRIu16,
                           node->controller_port);
    append_listeners(cluster, node, node->port, to);
    weir_buf_append_text(to, "advertised.listeners=");
    append_listeners(cluster, node, node->advertised_port, to);
    weir_buf_append_text(to, "listener.security.protocol.map=CONTROLLER:PLAINTEXT,"
                             "INTERNAL:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL\n"
                             "controller.listener.names=CONTROLLER\n"
                             "inter.broker.listener.name=INTERNAL\n");
    append_settings(to, cluster->node_count);
    if (cluster->certificates != NULL) {
        append_security(cluster, to);
    }
    weir_buf_append_text(to, cluster->further_properties);
}

static weir_status write_file(const char *directory, const char *name, weir_bytes content,
                              weir_error *err)
{
    WEIR_AUTO_FREE char *path = weir_format("%s/%s", directory, name);
    return weir_file_replace(path, content, false, err);
}

/* The base 64 form of a UUID that no other node has, and none of the lowest, which are reserved. */
static void append_uuid(weir_buf *to, int32_t number)
{
    weir_buf_append_format(to, "weirAAAAAAAAAAAAAAAA%cQ", (char)('A' + number));
}

/* Makes the node's directory as `kafka-storage format` would, and its settings. */
static weir_status format_node(const kafka_cluster *cluster, const node_state *node,
                               weir_error *err)
{
    static const char log4j[] = "status=error\n"
                                "appender.out.type=Console\n"
                                "appender.out.name=out\n"
                                "appender.out.layout.type=PatternLayout\n"
                                "appender.out.layout.pattern=%d{HH:mm:ss,SSS} %p %m (%c{1})%n\n"
                                "rootLogger.level=info\n"
                                "rootLogger.appenderRef.out.ref=out\n";
    WEIR_AUTO(weir_buf) text = {0};
    WEIR_AUTO_FREE char *data = weir_format("%s/data", node->directory);
    WEIR_TRY(weir_directory_make(data, err));
    weir_buf_append_format(&text, "version=1\nnode.id=%" PRId32 "\ncluster.id=", node->process.id);
    append_uuid(&text, 0);
    weir_buf_append_text(&text, "\ndirectory.id=");
    append_uuid(&text, node->process.id);
    weir_buf_append_text(&text, "\n");
    WEIR_TRY(write_file(data, "meta.properties", weir_buf_bytes(&text), err));
    WEIR_TRY(weir_file_read(WEIR_SOURCE_DIR "/tests/kafka/bootstrap.checkpoint",
                            CHECKPOINT_BYTES_MAX, &text, err));
    WEIR_TRY(write_file(data, "bootstrap.checkpoint", weir_buf_bytes(&text), err));
    weir_buf_clear(&text);
    append_properties(cluster, node, &text);
    WEIR_TRY(write_file(node->directory, "server.properties", weir_buf_bytes(&text), err));
    return write_file(node->directory, "log4j2.properties", weir_bytes_of_text(log4j), err);
}

static weir_status make_directory(kafka_cluster *cluster, weir_error *err)
{
    const char *parent = getenv("TMPDIR");
    cluster->directory = weir_format("%s/kafka-XXXXXX", parent == NULL ? "/tmp" : parent);
    if (mkdtemp(cluster->directory) == NULL) {
        return weir_error_set(err, WEIR_IO, "cannot make the directory %s", cluster->directory);
    }
    return WEIR_OK;
}

static void append_server(weir_buf *to, uint16_t port)
{
    weir_buf_append_format(to, "%s127.0.0.1:%" PRIu16, to->size == 0 ? "" : ",", port);
}

static void lay_out(kafka_cluster *cluster, const kafka_cluster_options *options)
{
    WEIR_AUTO(weir_buf) bootstrap = {0};
    WEIR_AUTO(weir_buf) ssl = {0};
    WEIR_AUTO(weir_buf) sasl_ssl = {0};
    for (int32_t i = 0; i < cluster->node_count; i++) {
        node_state *node = &cluster->nodes[i];
        node->directory = weir_format("%s/node-%" PRId32, cluster->directory, i + 1);
        node->port = take_port(cluster);
        node->controller_port = take_port(cluster);
        node->ssl_port = take_port(cluster);
        node->sasl_ssl_port = take_port(cluster);
        node->advertised_port = options->advertised_ports[i];
        if (node->advertised_port == 0) {
            node->advertised_port = node->port;
        }
        node->process = (kafka_node){
            .id = i + 1, .directory = node->directory, .internal_port = take_port(cluster)};
        append_server(&bootstrap, node->port);
        append_server(&ssl, node->ssl_port);
        append_server(&sasl_ssl, node->sasl_ssl_port);
    }
    cluster->bootstrap = weir_strdup(weir_buf_text(&bootstrap));
    cluster->ssl = weir_strdup(weir_buf_text(&ssl));
    cluster->sasl_ssl = weir_strdup(weir_buf_text(&sasl_ssl));
}

/* Makes the certificates of a secure cluster. */
static weir_status certify(kafka_cluster *cluster, weir_error *err)
{
    cluster->certificates = weir_format("%s/certificates", cluster->directory);
    WEIR_TRY(weir_directory_make(cluster->certificates, err));
    WEIR_AUTO_FREE char *line =
        weir_format("sh " WEIR_SOURCE_DIR "/tests/kafka/make_certificates.sh %s >%s/log 2>&1",
                    cluster->certificates, cluster->certificates);
    FILE *script = popen(line, "r");
    if (script == NULL || pclose(script) != 0) {
        return weir_error_set(err, WEIR_IO, "certificates cannot be made: is openssl installed?");
    }
    return WEIR_OK;
}

static weir_status start_all(kafka_cluster *cluster, weir_error *err)
{
    for (int32_t i = 0; i < cluster->node_count; i++) {
        WEIR_TRY(format_node(cluster, &cluster->nodes[i], err));
        WEIR_TRY(kafka_node_spawn(&cluster->nodes[i].process, err));
    }
    for (int32_t i = 0; i < cluster->node_count; i++) {
        weir_status status = kafka_node_await(&cluster->nodes[i].process, cluster->node_count, err);
        if (status != WEIR_OK) {
            kafka_cluster_print_logs(cluster);
            return status;
        }
    }
    return WEIR_OK;
}

weir_status kafka_cluster_start(const kafka_cluster_options *options, kafka_cluster **out_cluster,
                                weir_error *err)
{
    WEIR_ASSERT(options->node_count >= 0 && options->node_count <= KAFKA_NODES_MAX);
    const char *libs = NULL;
    WEIR_TRY(kafka_node_libs(&libs, err));
    WEIR_AUTO_PTR(kafka_cluster) cluster = weir_alloc(sizeof *cluster);
    cluster->node_count = options->node_count == 0 ? 1 : options->node_count;
    cluster->further_properties =
        weir_strdup(options->properties == NULL ? "" : options->properties);
    cluster->next_port = (uint32_t)weir_random_seed();
    WEIR_TRY(make_directory(cluster, err));
    if (options->secure) {
        WEIR_TRY(certify(cluster, err));
    }
    lay_out(cluster, options);
    WEIR_TRY(start_all(cluster, err));
    *out_cluster = weir_take(&cluster);
    return WEIR_OK;
}

void kafka_cluster_free(kafka_cluster *cluster)
{
    if (cluster == NULL) {
        return;
    }
    for (int32_t i = 0; i < cluster->node_count; i++) {
        if (cluster->nodes[i].process.pid != 0) {
            (void)kafka_node_end(&cluster->nodes[i].process, SIGKILL, NULL);
        }
        free(cluster->nodes[i].directory);
    }
    if (cluster->directory != NULL) {
        (void)weir_directory_remove(cluster->directory, NULL);
    }
    free(cluster->directory);
    free(cluster->bootstrap);
    free(cluster->ssl);
    free(cluster->sasl_ssl);
    free(cluster->certificates);
    free(cluster->further_properties);
    free(cluster);
}

const char *kafka_cluster_bootstrap(const kafka_cluster *cluster)
{
    return cluster->bootstrap;
}

const char *kafka_cluster_ssl(const kafka_cluster *cluster)
{
    return cluster->ssl;
}

const char *kafka_cluster_sasl_ssl(const kafka_cluster *cluster)
{
    return cluster->sasl_ssl;
}

const char *kafka_cluster_certificates(const kafka_cluster *cluster)
{
    return cluster->certificates;
}

static const node_state *node_of(const kafka_cluster *cluster, int32_t node)
{
    WEIR_ASSERT(node >= 1 && node <= cluster->node_count);
    return &cluster->nodes[node - 1];
}

uint16_t kafka_cluster_port(const kafka_cluster *cluster, int32_t node)
{
    return node_of(cluster, node)->port;
}

int32_t kafka_cluster_pid(const kafka_cluster *cluster, int32_t node)
{
    return (int32_t)node_of(cluster, node)->process.pid;
}

int32_t kafka_cluster_node_count(const kafka_cluster *cluster)
{
    return cluster->node_count;
}

/* The process of a node that runs, or does not. */
static weir_status find_process(kafka_cluster *cluster, int32_t node, bool runs,
                                kafka_node **out_process, weir_error *err)
{
    if (node < 1 || node > cluster->node_count) {
        return weir_error_set(err, WEIR_INVALID, "the cluster has no node %" PRId32, node);
    }
    kafka_node *process = &cluster->nodes[node - 1].process;
    if ((process->pid != 0) != runs) {
        return weir_error_set(err, WEIR_INVALID, "node %" PRId32 " %s", node,
                              runs ? "does not run" : "runs already");
    }
    *out_process = process;
    return WEIR_OK;
}

weir_status kafka_cluster_kill_node(kafka_cluster *cluster, int32_t node, weir_error *err)
{
    kafka_node *process = NULL;
    WEIR_TRY(find_process(cluster, node, true, &process, err));
    return kafka_node_end(process, SIGKILL, err);
}

weir_status kafka_cluster_stop_node(kafka_cluster *cluster, int32_t node, weir_error *err)
{
    kafka_node *process = NULL;
    WEIR_TRY(find_process(cluster, node, true, &process, err));
    return kafka_node_end(process, SIGTERM, err);
}

weir_status kafka_cluster_start_node(kafka_cluster *cluster, int32_t node, weir_error *err)
{
    kafka_node *process = NULL;
    WEIR_TRY(find_process(cluster, node, false, &process, err));
    WEIR_TRY(kafka_node_spawn(process, err));
    weir_status status = kafka_node_await(process, 1, err);
    if (status != WEIR_OK) {
        kafka_cluster_print_logs(cluster);
    }
    return status;
}

static weir_status signal_node(kafka_cluster *cluster, int32_t node, int signal_number,
                               weir_error *err)
{
    kafka_node *process = NULL;
    WEIR_TRY(find_process(cluster, node, true, &process, err));
    if (kill(process->pid, signal_number) != 0) {
        return weir_error_set(err, WEIR_IO, "node %" PRId32 " cannot be signalled", node);
    }
    return WEIR_OK;
}

weir_status kafka_cluster_pause_node(kafka_cluster *cluster, int32_t node, weir_error *err)
{
    return signal_node(cluster, node, SIGSTOP, err);
}

weir_status kafka_cluster_resume_node(kafka_cluster *cluster, int32_t node, weir_error *err)
{
    return signal_node(cluster, node, SIGCONT, err);
}

void kafka_cluster_print_logs(const kafka_cluster *cluster)
{
    for (int32_t i = 0; i < cluster->node_count; i++) {
        kafka_node_print_log(&cluster->nodes[i].process);
    }
}

static kafka_cluster *shared; /* Of this test binary. */

static void end_shared(int exit_code, void *unused)
{
    (void)unused;
    if (exit_code != 0) {
        kafka_cluster_print_logs(shared);
    }
    kafka_cluster_free(shared);
    shared = NULL;
}

const char *kafka_cluster_shared(void)
{
    const char *running = getenv("WEIR_TEST_KAFKA");
    if (running != NULL && running[0] != '\0') {
        return running;
    }
    if (shared == NULL) {
        weir_error err = {0};
        kafka_cluster_options options = {0};
        if (kafka_cluster_start(&options, &shared, &err) != WEIR_OK) {
            fprintf(stderr, "Kafka does not start: %s\n", err.message);
            exit(1);
        }
        (void)on_exit(end_shared, NULL);
    }
    return shared->bootstrap;
}
