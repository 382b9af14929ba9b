/* SPDX-License-Identifier: Apache-2.0
 *
 * rocksdb_options_internal.h - the options of the database and of each of its families.
 *
 * Threads    Any.
 */
#ifndef WEIR_STATESTORE_ROCKSDB_OPTIONS_INTERNAL_H
#define WEIR_STATESTORE_ROCKSDB_OPTIONS_INTERNAL_H

#include <rocksdb/c.h>

#include <stddef.h>

/* Options whose block cache and memtables take so much memory. The caller destroys them. */
rocksdb_options_t *weir_rocksdb_options_new(size_t memory_bytes_max);

#endif
