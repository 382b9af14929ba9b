/* SPDX-License-Identifier: Apache-2.0
 *
 * takeover_topology.h - the twin of java/Topologies.java: the same nodes, stores, topics and
 * sub-topologies, so that either goes on where the other has stopped.
 */
#ifndef WEIR_TESTS_TAKEOVER_TOPOLOGY_H
#define WEIR_TESTS_TAKEOVER_TOPOLOGY_H

#include "streams/topology.h"

/* A built topology whose outputs begin with application_id. optimized: the table of customers is
 * restored from its source topic, as with topology.optimization=all. */
weir_topology *takeover_topology_new(const char *application_id, bool optimized);

#endif
