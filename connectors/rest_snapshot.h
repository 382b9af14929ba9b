/* SPDX-License-Identifier: Apache-2.0
 *
 * rest_snapshot.h - snapshots of tasks for other processes of the application, by HTTP.
 *
 *   GET /v1/snapshots/{application}/{task}                    -> page 0, of a new snapshot
 *   GET /v1/snapshots/{application}/{task}/{session}/{page}   -> the next page
 *
 * Pages are those of streams/snapshot_page.h. 404: there is no such task, session or page here.
 * 503: not now.
 *
 * Ownership  The hosts belong to it; what they give away outlives it.
 * Threads    One makes and frees it, while no server has its routes.
 */
#ifndef WEIR_CONNECTORS_REST_SNAPSHOT_H
#define WEIR_CONNECTORS_REST_SNAPSHOT_H

#include "connectors/rest.h"
#include "streams/snapshot_host.h"

enum { WEIR_REST_SNAPSHOT_HOSTS_MAX = 16 };

typedef struct weir_rest_snapshots weir_rest_snapshots;

weir_rest_snapshots *weir_rest_snapshots_new(void);
/* After the server. NULL is fine. */
void weir_rest_snapshots_free(weir_rest_snapshots *snapshots);
WEIR_DEFINE_AUTO_PTR(weir_rest_snapshots);

/* Gives away the tasks of one application more, before the server starts. */
void weir_rest_snapshots_add(weir_rest_snapshots *snapshots, const char *application_id,
                             weir_snapshot_host *owned_host);

/* Adds the routes to a server that does not listen yet. */
void weir_rest_snapshots_serve(weir_rest_snapshots *snapshots, weir_rest *rest);

#endif
