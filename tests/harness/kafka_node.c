/* SPDX-License-Identifier: Apache-2.0
 *
 * kafka_node.c - a Java process, and the one request that shows that it serves: Metadata, which
 * lists the brokers that the controller lets work. It is written by hand, so that the harness does
 * not rest on the client that it tests.
 */
#include "tests/harness/kafka_node.h"

#include "streams/base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    START_SECONDS_MAX = 180, /* Two seconds on a machine with nothing else to do. */
    STOP_SECONDS_MAX = 60,
    PROBE_INTERVAL_MS = 50,
    PROBE_SECONDS_MAX = 2,
    ANSWER_BYTES_MAX = 65536,
    LOG_TAIL_BYTES = 12000,
};

weir_status kafka_node_libs(const char **out_directory, weir_error *err)
{
    const char *directory = getenv("WEIR_KAFKA_LIBS");
    if (directory == NULL || directory[0] == '\0') {
        directory = WEIR_KAFKA_LIBS;
    }
    WEIR_AUTO_FREE char *jar = weir_format("%s/kafka-clients-4.1.0.jar", directory);
    if (access(jar, R_OK) != 0) {
        return weir_error_set(err, WEIR_INVALID,
                              "there is no Kafka 4.1.0 in %s: run ./dev kafka-libs", directory);
    }
    *out_directory = directory;
    return WEIR_OK;
}

static char *log_path(const kafka_node *node)
{
    return weir_format("%s/server-%d.log", node->directory, node->start_count);
}

/* In the child: becomes the server, or ends with 127. */
static _Noreturn void become_server(const kafka_node *node, char **arguments, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    char *path = log_path(node);
    int log = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    int null = open("/dev/null", O_RDONLY);
    if (getppid() == parent && log >= 0 && null >= 0) {
        dup2(null, STDIN_FILENO);
        dup2(log, STDOUT_FILENO);
        dup2(log, STDERR_FILENO);
        syscall(SYS_close_range, 3U, ~0U, 0U);
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        execvp(arguments[0], arguments);
        dprintf(STDERR_FILENO, "java cannot be run: %s. Install openjdk-17-jre-headless.\n",
                strerror(errno));
    }
    _exit(127);
}

weir_status kafka_node_spawn(kafka_node *node, weir_error *err)
{
    WEIR_ASSERT(node->pid == 0);
    const char *libs = NULL;
    WEIR_TRY(kafka_node_libs(&libs, err));
    WEIR_AUTO_FREE char *classpath = weir_format("%s/*", libs);
    WEIR_AUTO_FREE char *logging =
        weir_format("-Dlog4j2.configurationFile=%s/log4j2.properties", node->directory);
    WEIR_AUTO_FREE char *properties = weir_format("%s/server.properties", node->directory);
    const char *options = getenv("WEIR_KAFKA_JVM");
    WEIR_AUTO_FREE char *options_file = weir_format("@%s", options == NULL ? "" : options);
    char *small[] = {"java",  "-Xms256m", "-Xmx768m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
                     logging, "-cp",      classpath,  "kafka.Kafka",      properties,
                     NULL};
    char *asked[] = {"java",    options_file,  logging,    "-cp",
                     classpath, "kafka.Kafka", properties, NULL};
    node->start_count++;
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        become_server(node, options == NULL ? small : asked, parent);
    }
    if (pid < 0) {
        return weir_error_set(err, WEIR_IO, "fork: %s", strerror(errno));
    }
    node->pid = pid;
    return WEIR_OK;
}

/* Waits for the end of the process for timeout_ms; true: it has ended. */
static bool has_ended(kafka_node *node, int timeout_ms)
{
    int status = 0;
    int descriptor = (int)syscall(SYS_pidfd_open, node->pid, 0);
    struct pollfd ended = {.fd = descriptor, .events = POLLIN};
    (void)poll(&ended, 1, timeout_ms);
    if (descriptor >= 0) {
        close(descriptor);
    }
    if (waitpid(node->pid, &status, WNOHANG) != node->pid) {
        return false;
    }
    node->pid = 0;
    return true;
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval limit = {.tv_sec = PROBE_SECONDS_MAX};
    int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection < 0 ||
        setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0 ||
        setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0 ||
        connect(connection, (struct sockaddr *)&address, sizeof address) != 0) {
        if (connection >= 0) {
            close(connection);
        }
        return -1;
    }
    return connection;
}

static uint32_t number_at(weir_bytes bytes, size_t at, size_t size)
{
    const uint8_t *data = bytes.data;
    uint32_t number = 0;
    for (size_t i = at; i < at + size && i < bytes.size; i++) {
        number = number << 8 | data[i];
    }
    return number;
}

static bool receive(int connection, weir_buf *out_answer, size_t size)
{
    weir_buf_clear(out_answer);
    while (out_answer->size < size) {
        uint8_t *to = weir_buf_reserve(out_answer, size - out_answer->size);
        ssize_t got = recv(connection, to, size - out_answer->size, 0);
        if (got <= 0) {
            return false;
        }
        out_answer->size += (size_t)got;
    }
    return true;
}

/* Number of brokers in the answer to a Metadata request of version 1; 0 where node is not one. */
static int32_t brokers_in(weir_bytes answer, int32_t node)
{
    bool listed = false;
    uint32_t count = number_at(answer, 4, 4); /* After the correlation id. */
    size_t at = 8;
    for (uint32_t i = 0; i < count && at < answer.size; i++) {
        listed |= (int32_t)number_at(answer, at, 4) == node;
        at += 4 + 2 + number_at(answer, at + 4, 2) + 4; /* id, host, port */
        uint32_t rack = number_at(answer, at, 2);
        at += 2 + (rack == UINT16_MAX ? 0 : rack);
    }
    return listed ? (int32_t)count : 0;
}

/* How many brokers the server knows; 0 where it does not answer or does not name itself. */
static int32_t brokers_known(const kafka_node *node)
{
    static const uint8_t request[] = {0, 0, 0,   18, /* bytes that follow */
                                      0, 3, 0,   1,  /* Metadata, version 1 */
                                      0, 0, 0,   7,  /* correlation id */
                                      0, 4, 'w', 'e', 'i', 'r', 0, 0, 0, 0}; /* of no topic */
    int connection = connect_to(node->internal_port);
    if (connection < 0) {
        return 0;
    }
    int32_t count = 0;
    WEIR_AUTO(weir_buf) answer = {0};
    if (send(connection, request, sizeof request, MSG_NOSIGNAL) == (ssize_t)sizeof request &&
        receive(connection, &answer, 4)) {
        uint32_t size = number_at(weir_buf_bytes(&answer), 0, 4);
        if (size <= ANSWER_BYTES_MAX && receive(connection, &answer, size)) {
            count = brokers_in(weir_buf_bytes(&answer), node->id);
        }
    }
    close(connection);
    return count;
}

weir_status kafka_node_await(kafka_node *node, int32_t broker_count, weir_error *err)
{
    uint64_t start_ns = weir_clock_monotonic_ns();
    while (brokers_known(node) < broker_count) {
        if (has_ended(node, PROBE_INTERVAL_MS)) {
            return weir_error_set(err, WEIR_IO, "Kafka server %" PRId32 " ended at its start",
                                  node->id);
        }
        uint64_t passed_ms = (weir_clock_monotonic_ns() - start_ns) / WEIR_NS_PER_MS;
        if (passed_ms > START_SECONDS_MAX * 1000) {
            return weir_error_set(err, WEIR_IO,
                                  "Kafka server %" PRId32 " does not answer after %d s", node->id,
                                  START_SECONDS_MAX);
        }
    }
    return WEIR_OK;
}

weir_status kafka_node_end(kafka_node *node, int signal_number, weir_error *err)
{
    WEIR_ASSERT(node->pid > 0);
    kill(node->pid, signal_number);
    if (has_ended(node, STOP_SECONDS_MAX * 1000)) {
        return WEIR_OK;
    }
    kill(node->pid, SIGKILL);
    waitpid(node->pid, NULL, 0);
    node->pid = 0;
    return weir_error_set(err, WEIR_IO, "Kafka server %" PRId32 " had to be killed after %d s",
                          node->id, STOP_SECONDS_MAX);
}

void kafka_node_print_log(const kafka_node *node)
{
    WEIR_AUTO_FREE char *path = log_path(node);
    FILE *file = fopen(path, "r");
    if (file != NULL) {
        char text[LOG_TAIL_BYTES];
        if (fseek(file, -LOG_TAIL_BYTES, SEEK_END) != 0) {
            rewind(file);
        }
        size_t size = fread(text, 1, sizeof text, file);
        fprintf(stderr, "-- end of the log of Kafka server %" PRId32 " (%s)\n%.*s\n", node->id,
                path, (int)size, text);
        fclose(file);
    }
}
