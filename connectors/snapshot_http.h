/* SPDX-License-Identifier: Apache-2.0
 *
 * snapshot_http.h - the network of streams/snapshot.h by HTTP: asks a process that has the routes
 * of rest_snapshot.h.
 *
 * Threads    A constant: any worker connects with it, each peer has a client of its own.
 */
#ifndef WEIR_CONNECTORS_SNAPSHOT_HTTP_H
#define WEIR_CONNECTORS_SNAPSHOT_HTTP_H

#include "streams/snapshot.h"

extern const weir_snapshot_network weir_snapshot_http;

#endif
