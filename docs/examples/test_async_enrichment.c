/* SPDX-License-Identifier: Apache-2.0
 *
 * test_async_enrichment.c - async_enrichment.c at work, with a service that answers when told to.
 */
#include "docs/examples/trial.h"

#include "connectors/http.h"

#include <stdlib.h>

/* A client whose requests wait until the test answers them; of the one worker that there is. */
typedef struct service {
    weir_http base;
    weir_http_request waiting[4];
    size_t count;
} service;

static service *the_service;

static weir_status keep_request(weir_http *http, const weir_http_request *request, uint64_t *out_id,
                                weir_error *err)
{
    service *self = (service *)(void *)http;
    (void)out_id;
    (void)err;
    CHECK_I64(self->count, <, WEIR_COUNT_OF(self->waiting));
    self->waiting[self->count++] = *request;
    return WEIR_OK;
}

static weir_status poll_nothing(weir_http *http, int timeout_ms, weir_error *err)
{
    (void)http;
    (void)timeout_ms;
    (void)err;
    return WEIR_OK;
}

static int no_fd(const weir_http *http)
{
    (void)http;
    return -1;
}

static void end_service(weir_http *http)
{
    free(http);
    the_service = NULL;
}

static weir_status open_service(void *user, void **out_http, weir_error *err)
{
    static const weir_http_ops ops = {
        .start = keep_request, .poll = poll_nothing, .fd = no_fd, .free = end_service};
    (void)user;
    (void)err;
    the_service = weir_alloc(sizeof(*the_service));
    the_service->base.ops = &ops;
    *out_http = &the_service->base;
    return WEIR_OK;
}

static void answer(trial *t, size_t request, weir_http_outcome outcome, weir_bytes body)
{
    weir_error err = {0};
    const weir_http_result result = {.outcome = outcome, .reason = "so it goes", .body = body};
    const weir_http_request *waiting = &the_service->waiting[request];
    waiting->done(waiting->user, &result);
    CHECK_OK(weir_test_driver_advance(t->driver, 0, &err), &err);
}

TEST(users_are_enriched_in_the_order_of_the_answers)
{
    WEIR_AUTO(trial) t = trial_of(async_enrichment(open_service));
    trial_send_text(&t, "users", "ada", "", 0);
    trial_send_text(&t, "users", "bob", "", 1);
    CHECK_I64(the_service->count, ==, 2);
    trial_expect_nothing(&t, "users-enriched");
    answer(&t, 1, WEIR_HTTP_FETCHED, WEIR_BYTES("a builder"));
    trial_expect_text(&t, "users-enriched", "bob", "a builder");
    answer(&t, 0, WEIR_HTTP_FETCHED, WEIR_BYTES("a countess"));
    trial_expect_text(&t, "users-enriched", "ada", "a countess");
}
