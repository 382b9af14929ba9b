/* SPDX-License-Identifier: Apache-2.0
 *
 * SIGTERM while `weir run` waits for a broker that accepts connections and never answers, and after
 * a start that is over (topologies/run_start.c).
 */
#include "tests/harness/check.h"
#include "topologies/run.h"
#include "topologies/run_start.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BACKLOG = 64, PATIENCE_MS = 60000 };

/* A port of which the kernel accepts connections, and nobody reads them. */
static int listen_silently(uint16_t *out_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_I64(bind(listener, (struct sockaddr *)&address, size), ==, 0);
    CHECK_I64(listen(listener, BACKLOG), ==, 0);
    CHECK_I64(getsockname(listener, (struct sockaddr *)&address, &size), ==, 0);
    *out_port = ntohs(address.sin_port);
    return listener;
}

static pid_t run_weir(uint16_t port)
{
    WEIR_AUTO_FREE char *directory = check_directory();
    WEIR_AUTO_FREE char *line =
        weir_format("KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:%u exec %s/weir run all --data %s/data "
                    ">%s/log 2>&1",
                    port, WEIR_BINARY_DIR, directory, directory);
    char *const arguments[] = {"sh", "-c", line, NULL};
    extern char **environ;
    pid_t process = 0;
    CHECK_I64(posix_spawn(&process, "/bin/sh", NULL, NULL, arguments, environ), ==, 0);
    return process;
}

TEST(a_start_that_waits_for_a_broker_without_answers_ends_with_the_signal)
{
    uint16_t port = 0;
    int listener = listen_silently(&port);
    pid_t process = run_weir(port);
    struct pollfd asked = {.fd = listener, .events = POLLIN};
    CHECK_I64(poll(&asked, 1, PATIENCE_MS), ==, 1); /* It has begun to wait. */
    CHECK_I64(kill(process, SIGTERM), ==, 0);
    int status = 0;
    CHECK_I64(waitpid(process, &status, 0), ==, process);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    (void)close(listener);
}

TEST(a_signal_after_the_start_is_left_to_the_watch_of_the_run)
{
    weir_error err = {0};
    int signals = -1;
    weir_run_start *start = NULL;
    CHECK_OK(weir_run_signals_open(&signals, &err), &err);
    CHECK_OK(weir_run_start_watch(signals, &start, &err), &err);
    weir_run_start_free(start);
    CHECK_I64(kill(getpid(), SIGTERM), ==, 0);
    struct pollfd told = {.fd = signals, .events = POLLIN};
    CHECK_I64(poll(&told, 1, PATIENCE_MS), ==, 1);
    weir_run_signals_close(signals);
}
