/* SPDX-License-Identifier: Apache-2.0
 *
 * mem_store.h - the engine that keeps a store in memory, in the order of keys.
 *
 * Ownership  The caller frees the store with weir_kv_free.
 * Threads    One at a time.
 */
#ifndef WEIR_STATESTORE_MEM_STORE_H
#define WEIR_STATESTORE_MEM_STORE_H

#include "statestore/kv_store.h"

/* An empty store. name is borrowed for its life. */
weir_kv *weir_mem_store_new(const char *name);

#endif
