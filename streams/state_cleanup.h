/* SPDX-License-Identifier: Apache-2.0
 *
 * state_cleanup.h - removes the state of tasks that this process has not had for a while
 * (state.cleanup.delay.ms), so that a disk does not keep what others have long gone on with.
 *
 * Threads    The coordinator's.
 */
#ifndef WEIR_STREAMS_STATE_CLEANUP_H
#define WEIR_STREAMS_STATE_CLEANUP_H

#include "streams/application.h"

typedef struct weir_state_cleanup weir_state_cleanup;

/* Every task begins as one that was let go of at the first look: its state may be of a former life
 * of the process. */
weir_state_cleanup *weir_state_cleanup_new(size_t task_count);
void weir_state_cleanup_free(weir_state_cleanup *cleanup); /* NULL is fine. */

/* To be called while the application is RUNNING and after commands were sent, so that what it is
 * to have is not taken for unused. Looks once a second which tasks no worker has, and removes the
 * state of one of those that nobody has had for the delay. What cannot be removed now is tried
 * again after the delay. */
void weir_state_cleanup_look(weir_state_cleanup *cleanup, weir_application *application,
                             int64_t now_ms);

#endif
