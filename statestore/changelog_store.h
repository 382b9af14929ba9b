/* SPDX-License-Identifier: Apache-2.0
 *
 * changelog_store.h - a store that says each write to its changelog as well.
 *
 * Ownership  The wrapper owns the inner store (the views of a task state ignore the free that
 *            follows). The sink copies what it keeps.
 * Errors     Those of the sink and of the inner store, which is unchanged after a failure.
 * Threads    One at a time.
 */
#ifndef WEIR_STATESTORE_CHANGELOG_STORE_H
#define WEIR_STATESTORE_CHANGELOG_STORE_H

#include "statestore/kv_store.h"

/* Where the writes of a store go: a producer of its changelog topic. */
typedef struct weir_changelog {
    /* Takes one write; a null value is a removal. WEIR_AGAIN, nothing taken: call later. */
    weir_status (*write)(void *user, weir_bytes key, weir_bytes value, weir_error *err);
    void *user;
} weir_changelog;

/* A store that reads from owned_inner and writes to changelog, then to owned_inner. */
weir_kv *weir_changelog_store_new(weir_kv *owned_inner, weir_changelog changelog);

#endif
