/* SPDX-License-Identifier: Apache-2.0
 *
 * test_live_counts.c - live_counts.c at work: a client reads the counts while they change.
 */
#include "docs/examples/trial.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int ask(const weir_rest *rest, const char *request)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(weir_rest_port(rest))};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(connect(client, (struct sockaddr *)&to, sizeof(to)) == 0);
    CHECK_I64(send(client, request, strlen(request), 0), ==, (ssize_t)strlen(request));
    return client;
}

/* Reads until text has come. */
static void expect(int client, weir_buf *got, const char *text)
{
    while (strstr(weir_buf_text(got), text) == NULL) {
        ssize_t count = recv(client, weir_buf_reserve(got, 4096), 4096, 0);
        CHECK_I64(count, >, 0);
        got->size += (size_t)count;
    }
}

TEST(who_asks_reads_each_count_when_it_is_committed)
{
    weir_error err = {0};
    WEIR_AUTO(weir_buf) got = {0};
    WEIR_AUTO(trial) t = trial_of(live_counts());
    WEIR_AUTO_PTR(weir_rest) rest = NULL;
    CHECK_OK(live_counts_serve(weir_test_driver_application(t.driver), 0, &rest, &err), &err);
    int client = ask(rest, "GET /counts?key=/start HTTP/1.1\r\nHost: localhost\r\n\r\n");
    expect(client, &got, "event: started");
    trial_send_text(&t, "views", "/start", "", 5);
    expect(client, &got, "\"key\":\"/start\",\"value\":1,\"timestamp_ms\":5}");
    trial_send_text(&t, "views", "/other", "", 6);
    trial_send_text(&t, "views", "/start", "", 7);
    expect(client, &got, "\"key\":\"/start\",\"value\":2,\"timestamp_ms\":7}");
    CHECK(strstr(weir_buf_text(&got), "/other") == NULL);
    weir_rest_free(weir_take(&rest));
    expect(client, &got, "\r\n0\r\n\r\n"); /* The end of a whole answer. */
    close(client);
}
