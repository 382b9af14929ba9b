/* SPDX-License-Identifier: Apache-2.0
 *
 * table_key.h - the three tables as people ask for them: by name, and by a key or a URL.
 *
 *   url_latest           key: url_hash, or any URL
 *   content_cluster      key: content_hash
 *   dataset_membership   key: dataset_id/url_hash, or dataset_id/URL
 *
 * Errors     WEIR_BAD_RECORD with a sentence that says what the key must be.
 * Threads    Any: constants and pure functions.
 */
#ifndef WEIR_TOPOLOGIES_TABLE_KEY_H
#define WEIR_TOPOLOGIES_TABLE_KEY_H

#include "streams/base/status.h"
#include "topologies/topic_map.h"

enum { WEIR_TABLE_COUNT = 3 };

typedef struct weir_table {
    const char *name;    /* Also the store's. */
    weir_topic_id topic; /* Which is the store's changelog. */
    const char *hint;    /* What to try where no row has a key. */
    weir_status (*append_key)(weir_bytes asked, weir_buf *out_key, weir_error *err);
} weir_table;

extern const weir_table weir_tables[WEIR_TABLE_COUNT];

/* The table called name, or NULL. */
const weir_table *weir_table_named(weir_bytes name);

/* Replaces *out_key by the key that asked means: a URL becomes its url_hash, hexadecimal digits
 * become lower case. */
weir_status weir_table_key(const weir_table *table, weir_bytes asked, weir_buf *out_key,
                           weir_error *err);

#endif
