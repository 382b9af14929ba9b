/* SPDX-License-Identifier: Apache-2.0
 *
 * metadata_internal.h - who runs a task, for files that know tasks by their index.
 *
 * Threads    Any but the application's own.
 */
#ifndef WEIR_STREAMS_METADATA_INTERNAL_H
#define WEIR_STREAMS_METADATA_INTERNAL_H

#include "streams/metadata.h"

/* Who runs the task with this index in the plan; process_id NULL: nobody is known to, now. */
weir_status weir_application_active_place(weir_application *application, size_t task_index,
                                          weir_process_place *out_place, weir_error *err);
void weir_process_place_cleanup(weir_process_place *place);

#endif
