/* SPDX-License-Identifier: Apache-2.0
 *
 * registry.h - the local schema registry: ids to schemas, and which schemas may follow each other.
 *
 *   <directory>/ids/<id>.avsc           a schema as it was registered
 *   <directory>/subjects/<subject>      its versions: one id a line, oldest first
 *
 * An id is made from the hash of the schema's canonical form, so the same schema has the same id in
 * every directory and a change of doc strings or defaults makes no new one. A subject is
 * "<topic>-value", as everywhere in the Kafka world.
 *
 * Ownership  The registry owns its schemas; pointers to them are valid until it is freed.
 * Errors     WEIR_INVALID where a schema is malformed or not compatible; WEIR_CORRUPT where a file
 *            is damaged; WEIR_IO.
 * Threads    Registration belongs to one thread, at start. After that nothing changes any more and
 *            any number of threads may look up, without a lock. One process a directory.
 */
#ifndef WEIR_AVRO_REGISTRY_H
#define WEIR_AVRO_REGISTRY_H

#include "streams/base/bytes.h"
#include "streams/base/status.h"

enum {
    WEIR_REGISTRY_SUBJECT_BYTES_MAX = 200,
    WEIR_REGISTRY_VERSIONS_MAX = 1000, /* Of one subject. */
};

typedef struct weir_registry weir_registry;
typedef struct weir_schema weir_schema;

/* Opens the registry in directory, made where there is none; NULL keeps it in memory only. */
weir_status weir_registry_open(const char *directory, weir_registry **out_registry,
                               weir_error *err);
void weir_registry_free(weir_registry *registry);
WEIR_DEFINE_AUTO_PTR(weir_registry);

/* Makes schema_json the newest version of subject and answers its id, which is the old one where
 * the subject has the same schema already. WEIR_INVALID unless a reader of the new schema can read
 * what every earlier version wrote (BACKWARD, transitively: a replay meets them all). */
weir_status weir_registry_register(weir_registry *registry, const char *subject,
                                   weir_bytes schema_json, int32_t *out_id, weir_error *err);

/* The schema of id, or NULL. */
const weir_schema *weir_registry_schema(const weir_registry *registry, int32_t id);

/* How many versions subject has; 0 where it is unknown. Version 0 is the oldest. */
size_t weir_registry_version_count(const weir_registry *registry, const char *subject);

/* The id of a version below weir_registry_version_count. */
int32_t weir_registry_version_id(const weir_registry *registry, const char *subject,
                                 size_t version);

#endif
