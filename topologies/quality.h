/* SPDX-License-Identifier: Apache-2.0
 *
 * quality.h - the stage that judges pages by named rules.
 *
 *   extract.page.v1 ─▶ quality ─▶ quality.page_scored.v1
 *        text from the object store
 *
 * Every page gets a PageScored; one without text is not accepted, and its reason is
 * "extract:<outcome>".
 *
 * Threads    As streams/topology.h.
 */
#ifndef WEIR_TOPOLOGIES_QUALITY_H
#define WEIR_TOPOLOGIES_QUALITY_H

#include "topologies/stage.h"

#define WEIR_QUALITY_APPLICATION "weir-quality"

/* A new topology, built. services is borrowed for its life. */
weir_status weir_quality_topology(weir_stage_services *services, weir_topology **out_topology,
                                  weir_error *err);

#endif
