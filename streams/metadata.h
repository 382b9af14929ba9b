/* SPDX-License-Identifier: Apache-2.0
 *
 * metadata.h - where the state of an application is: which process runs the task that has a key,
 * and who else keeps a copy. What Kafka Streams calls queryMetadataForKey and
 * metadataForAllStreamsClients.
 *
 * It is what the members topic says (docs/decisions/0041), and so may be a moment old: who is asked
 * may answer that a task has moved on.
 *
 * Ownership  What the two functions give is the caller's; clean up.
 * Errors     WEIR_INVALID: there is no such store. WEIR_AGAIN: the application does not answer now.
 * Threads    Any but the application's own.
 */
#ifndef WEIR_STREAMS_METADATA_H
#define WEIR_STREAMS_METADATA_H

#include "streams/application.h"

/* A process of the application. */
typedef struct weir_process_place {
    char *process_id;
    char *host; /* Its application.server; NULL: it has told none. */
    bool is_here;
} weir_process_place;

typedef struct weir_key_metadata {
    int32_t partition;
    weir_process_place active; /* process_id NULL: nobody runs the task now. */
    weir_process_place *standbys;
    size_t standby_count;
} weir_key_metadata;

void weir_key_metadata_cleanup(weir_key_metadata *metadata);

/* Who has key in store. partition_key is what the records that made the row were partitioned by;
 * null: the key itself. */
weir_status weir_application_metadata_for_key(weir_application *application, const char *store,
                                              weir_bytes key, weir_bytes partition_key,
                                              weir_key_metadata *out_metadata, weir_error *err);

/* A live process and its tasks, by id. */
typedef struct weir_process_metadata {
    weir_process_place place;
    char *rack;    /* NULL: not told. */
    char *active;  /* Ids of the tasks that it runs, "0_0,0_3"; empty: none. */
    char *standby; /* Of those whose stores it keeps besides. */
} weir_process_metadata;

typedef struct weir_application_metadata {
    weir_process_metadata *processes;
    size_t count;
} weir_application_metadata;

void weir_application_metadata_cleanup(weir_application_metadata *metadata);

/* All live processes, in the order of their ids. */
weir_status weir_application_metadata_for_all(weir_application *application,
                                              weir_application_metadata *out_metadata,
                                              weir_error *err);

#endif
