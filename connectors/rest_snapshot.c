/* SPDX-License-Identifier: Apache-2.0
 *
 * rest_snapshot.c - a page is a whole answer in memory, 4 MiB and a row at most: the server needs
 * no streams, and a reader that goes away costs a session that ends by itself.
 */
#include "connectors/rest_snapshot.h"

#include "streams/base/clock.h"

#include <stdlib.h>
#include <string.h>

typedef struct hosted {
    char *application_id;
    weir_snapshot_host *host;
} hosted;

struct weir_rest_snapshots {
    hosted hosts[WEIR_REST_SNAPSHOT_HOSTS_MAX];
    size_t count;
};

weir_rest_snapshots *weir_rest_snapshots_new(void)
{
    return weir_alloc(sizeof(weir_rest_snapshots));
}

void weir_rest_snapshots_free(weir_rest_snapshots *snapshots)
{
    if (snapshots == NULL) {
        return;
    }
    for (size_t i = 0; i < snapshots->count; i++) {
        free(snapshots->hosts[i].application_id);
        weir_snapshot_host_free(snapshots->hosts[i].host);
    }
    free(snapshots);
}

void weir_rest_snapshots_add(weir_rest_snapshots *snapshots, const char *application_id,
                             weir_snapshot_host *owned_host)
{
    WEIR_ASSERT(snapshots->count < WEIR_REST_SNAPSHOT_HOSTS_MAX);
    snapshots->hosts[snapshots->count++] = (hosted){weir_strdup(application_id), owned_host};
}

static weir_status find_host(const weir_rest_snapshots *snapshots, const weir_rest_request *request,
                             weir_snapshot_host **out_host, weir_error *err)
{
    weir_bytes wanted = weir_rest_parameter(request, "application");
    for (size_t i = 0; i < snapshots->count; i++) {
        if (weir_bytes_equal(weir_bytes_of_text(snapshots->hosts[i].application_id), wanted)) {
            *out_host = snapshots->hosts[i].host;
            return WEIR_OK;
        }
    }
    return weir_error_set(err, WEIR_NOT_FOUND, "that application does not run here");
}

static weir_status get_first(void *user, const weir_rest_request *request,
                             weir_rest_response *response, weir_error *err)
{
    weir_snapshot_host *host = NULL;
    WEIR_TRY(find_host(user, request, &host, err));
    WEIR_AUTO_FREE char *task = weir_bytes_to_text(weir_rest_parameter(request, "task"));
    response->content_type = "application/octet-stream";
    return weir_snapshot_host_begin(host, task, weir_clock_now_ms(), &response->body, err);
}

/* A number in the path; 0 where it is none, which no session and no later page has. */
static uint64_t number_of(const weir_rest_request *request, const char *name)
{
    WEIR_AUTO_FREE char *text = weir_bytes_to_text(weir_rest_parameter(request, name));
    return strtoull(text, NULL, 10);
}

static weir_status get_page(void *user, const weir_rest_request *request,
                            weir_rest_response *response, weir_error *err)
{
    weir_snapshot_host *host = NULL;
    WEIR_TRY(find_host(user, request, &host, err));
    response->content_type = "application/octet-stream";
    return weir_snapshot_host_page(host, number_of(request, "session"),
                                   (uint32_t)number_of(request, "page"), weir_clock_now_ms(),
                                   &response->body, err);
}

void weir_rest_snapshots_serve(weir_rest_snapshots *snapshots, weir_rest *rest)
{
    const weir_rest_route routes[] = {
        {"GET", "/v1/snapshots/{application}/{task}", get_first, snapshots},
        {"GET", "/v1/snapshots/{application}/{task}/{session}/{page}", get_page, snapshots},
    };
    weir_rest_add(rest, routes, WEIR_COUNT_OF(routes));
}
