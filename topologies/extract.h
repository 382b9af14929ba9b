/* SPDX-License-Identifier: Apache-2.0
 *
 * extract.h - the stage from bodies to pages: text, title, language, links, metadata.
 *
 *   crawl.raw_fetch.v1 ─▶ extract ─▶ extract.page.v1
 *        body from the object store, text to it
 *
 * Only fetched bodies give a page: other outcomes are told to the tables by fetch itself.
 *
 * Threads    As streams/topology.h.
 */
#ifndef WEIR_TOPOLOGIES_EXTRACT_H
#define WEIR_TOPOLOGIES_EXTRACT_H

#include "topologies/stage.h"

#define WEIR_EXTRACT_APPLICATION "weir-extract"

/* A new topology, built. services is borrowed for its life. */
weir_status weir_extract_topology(weir_stage_services *services, weir_topology **out_topology,
                                  weir_error *err);

#endif
