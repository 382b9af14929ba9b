/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as the target of a request: it is routed, or refused with a JSON error.
 */
#include "connectors/rest.h"

#include <string.h>

static weir_status answer(void *user, const weir_rest_request *request,
                          weir_rest_response *response, weir_error *err)
{
    (void)user;
    int64_t limit = 0;
    WEIR_TRY(weir_rest_query_i64(request, "limit", -10, 1000, &limit, err));
    weir_bytes key = weir_rest_parameter(request, "key");
    weir_bytes query = weir_rest_query(request, "q");
    weir_buf_append(&response->body, key.data, key.size);
    weir_buf_append(&response->body, query.data, query.size);
    return WEIR_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static weir_rest *rest;
    static const weir_rest_route routes[] = {{"GET", "/a/{key}/b", answer, NULL},
                                             {"POST", "/a/{key}/{second}", answer, NULL},
                                             {"GET", "/{key*}", answer, NULL}};
    if (rest == NULL) {
        weir_status status = weir_rest_new(&(weir_rest_options){0}, &rest, NULL);
        WEIR_ASSERT(status == WEIR_OK);
        weir_rest_add(rest, routes, WEIR_COUNT_OF(routes));
    }
    WEIR_AUTO(weir_rest_response) response = {0};
    WEIR_AUTO(weir_buf) target = {0};
    weir_buf_append(&target, data, size);
    const weir_rest_call call = {.method = "GET", .target = weir_buf_bytes(&target)};
    weir_rest_dispatch(rest, &call, &response);
    WEIR_ASSERT(response.status == 0 || response.status >= 400);
    WEIR_ASSERT(response.body.size <= 2 * size + WEIR_REST_TARGET_BYTES_MAX);
    return 0;
}
