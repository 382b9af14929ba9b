/* SPDX-License-Identifier: Apache-2.0
 *
 * process_id.h - what tells this process from the others of its applications, on a cluster: the
 * same after a restart on the same data directory, so that the transactions of the former life end
 * at once, and another in every other directory.
 *
 * Errors     base/status.h; WEIR_INVALID where the file holds something else.
 * Threads    One a directory.
 */
#ifndef WEIR_TOPOLOGIES_PROCESS_ID_H
#define WEIR_TOPOLOGIES_PROCESS_ID_H

#include "streams/base/bytes.h"
#include "streams/base/status.h"

/* Reads the id of a data directory, which is made where there is none: 16 hex digits, in the file
 * process-id. *owned_id is freed by the caller. */
weir_status weir_process_id_read(const char *data_directory, char **owned_id, weir_error *err);

#endif
