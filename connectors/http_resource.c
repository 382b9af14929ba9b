/* SPDX-License-Identifier: Apache-2.0
 *
 * http_resource.c - how a worker closes, waits for and polls an HTTP client.
 */
#include "connectors/http_resource.h"

static void close_client(void *resource)
{
    weir_http_free(resource);
}

static int client_fd(void *resource)
{
    return weir_http_fd(resource);
}

static weir_status poll_client(void *resource, int64_t now_ms, weir_error *err)
{
    (void)now_ms;
    return weir_http_poll(resource, 0, err);
}

weir_resource_options weir_http_resource(weir_http_open open, void *user)
{
    WEIR_ASSERT(open != NULL);
    return (weir_resource_options){
        .open = open, .close = close_client, .fd = client_fd, .poll = poll_client, .user = user};
}
