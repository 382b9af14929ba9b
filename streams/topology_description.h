/* SPDX-License-Identifier: Apache-2.0
 *
 * topology_description.h - a built topology for people and tools: as JSON, as a picture, and what
 * becomes of state and topics when one takes the place of another.
 *
 * weir_topology_describe (topology.h) has the text of Kafka Streams.
 *
 * Ownership  Outputs are appended to the caller's buffer.
 * Errors     WEIR_BAD_RECORD: a description that is none.
 * Threads    Any.
 */
#ifndef WEIR_STREAMS_TOPOLOGY_DESCRIPTION_H
#define WEIR_STREAMS_TOPOLOGY_DESCRIPTION_H

#include "streams/topology_plan.h"

enum { WEIR_DESCRIPTION_BYTES_MAX = 16 << 20 };

/* One JSON object: sub-topologies with their nodes, stores with their changelogs, and internal
 * topics. With a plan of the same topology (NULL: none) topics have the names and the partition
 * counts that they have in the cluster; without one "<application.id>" stands in names, and a count
 * that nobody gave is null. */
void weir_topology_describe_json(const weir_topology *topology, const weir_plan *plan,
                                 weir_buf *out_json);

/* A picture, one SVG document without scripts, fonts or links: each sub-topology a frame, records
 * flow from top to bottom, stores stand beside the processors that use them, and dashed lines are
 * topics of the application's own. */
void weir_topology_describe_svg(const weir_topology *topology, weir_buf *out_svg);

/* What an upgrade asks for, mildest first. */
typedef enum weir_upgrade {
    WEIR_UPGRADE_ROLLS, /* One process after the other; state stays where it is. */
    WEIR_UPGRADE_STOPS, /* Nothing is lost; all processes are stopped before the first starts. */
    WEIR_UPGRADE_LOSES, /* State, or records on their way, would be left behind. */
} weir_upgrade;

/* Compares two descriptions of weir_topology_describe_json, and writes a line for each store,
 * internal topic and sub-topology, with what an upgrade would do with it; then what it all comes
 * to. */
weir_status weir_topology_compare(weir_bytes old_json, weir_bytes new_json, weir_buf *out_text,
                                  weir_upgrade *out_upgrade, weir_error *err);

#endif
