/* SPDX-License-Identifier: Apache-2.0
 *
 * seeds.h - files of URLs to begin with: a line each; empty lines and lines with # are passed over.
 *
 * Errors     WEIR_NOT_FOUND; WEIR_BAD_RECORD with "<path>:<line>: <reason>" for a line that is no
 *            URL to crawl.
 * Threads    Any.
 */
#ifndef WEIR_TOPOLOGIES_SEEDS_H
#define WEIR_TOPOLOGIES_SEEDS_H

#include "topologies/pipeline.h"

enum { WEIR_SEEDS_FILE_BYTES_MAX = 64 << 20 };

/* Sends every URL of the file; *out_count says how many. Nothing is sent if a line is bad. */
weir_status weir_seeds_send(weir_pipeline *pipeline, const char *path, int64_t now_ms,
                            size_t *out_count, weir_error *err);

#endif
