/* SPDX-License-Identifier: Apache-2.0
 *
 * snapshot_depot.h - snapshots of tasks (streams/snapshot.h) in an object store: who runs a task
 * puts one away now and then, and a process that comes when nobody has the stores any more begins
 * with it, and restores the tail only.
 *
 *   snapshots/<application>/<task>/<taken, ms>-<random>.000001 …   pages, as they go by HTTP
 *   snapshots/<application>/<task>/<taken, ms>-<random>.head       the first page, and what vouches
 *
 * The head comes last: a snapshot without one is none. It is refused where a changelog was deleted
 * and made anew since, where it is so old that a removal may have been compacted away, or where the
 * changelog does not reach back to it; the task then restores from its changelogs alone
 * (docs/decisions/0104).
 *
 * Ownership  What the options point to outlives the depot.
 * Errors     base/status.h.
 * Threads    The network: any. All else: one, and none besides while the depot's thread runs.
 */
#ifndef WEIR_CONNECTORS_SNAPSHOT_DEPOT_H
#define WEIR_CONNECTORS_SNAPSHOT_DEPOT_H

#include "streams/base/metrics.h"
#include "streams/broker.h"
#include "streams/config.h"
#include "streams/snapshot.h"
#include "streams/snapshot_host.h"

enum { WEIR_DEPOT_APPLICATIONS_MAX = 16 };

typedef struct weir_snapshot_depot weir_snapshot_depot;

typedef struct weir_snapshot_depot_options {
    const char *directory; /* Of the object store, which all processes share. */
    weir_broker *broker;   /* Of the changelogs. */
    int64_t (*now_ms)(void);
    weir_metrics *metrics; /* NULL: none. */
} weir_snapshot_depot_options;

weir_status weir_snapshot_depot_open(const weir_snapshot_depot_options *options,
                                     weir_snapshot_depot **out_depot, weir_error *err);
/* After the applications that have its network. NULL is fine. */
void weir_snapshot_depot_free(weir_snapshot_depot *depot);
WEIR_DEFINE_AUTO_PTR(weir_snapshot_depot);

/* For weir_application_options: other processes by HTTP, and what was put away. */
const weir_snapshot_network *weir_snapshot_depot_network(const weir_snapshot_depot *depot);

/* Puts the tasks of one application more away, at the intervals of config, which outlives the
 * depot; an interval of 0: never. */
void weir_snapshot_depot_add(weir_snapshot_depot *depot, weir_snapshot_host *owned_host,
                             const weir_config *config);

/* Does what is due: a page a call. *out_busy: there is more at once. Not OK: a snapshot was given
 * up, which is tried again after the interval. */
weir_status weir_snapshot_depot_step(weir_snapshot_depot *depot, bool *out_busy, weir_error *err);

/* Steps in a thread of its own, and logs what fails. */
weir_status weir_snapshot_depot_start(weir_snapshot_depot *depot, weir_error *err);
/* Ends the thread and what is under way, and lets go of the applications, before they are freed. */
void weir_snapshot_depot_stop(weir_snapshot_depot *depot);

#endif
