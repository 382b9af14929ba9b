/* SPDX-License-Identifier: Apache-2.0
 *
 * snapshot_depot_internal.h - the head of a snapshot that is put away, and what vouches for it.
 *
 * Threads    Any.
 */
#ifndef WEIR_CONNECTORS_SNAPSHOT_DEPOT_INTERNAL_H
#define WEIR_CONNECTORS_SNAPSHOT_DEPOT_INTERNAL_H

#include "connectors/object_store.h"
#include "connectors/snapshot_depot.h"

enum { WEIR_DEPOT_CHANGELOGS_MAX = WEIR_SNAPSHOT_CHANGELOGS_MAX };

/* A changelog as the snapshot knows it. */
typedef struct weir_depot_changelog {
    char *topic;
    int32_t partition;
    uint64_t birth; /* A number that it was given, and loses when it is deleted. */
} weir_depot_changelog;

typedef struct weir_depot_head {
    int64_t taken_ms;
    weir_depot_changelog changelogs[WEIR_DEPOT_CHANGELOGS_MAX];
    size_t changelog_count;
    weir_buf page; /* The snapshot's page 0. */
} weir_depot_head;

void weir_depot_head_cleanup(weir_depot_head *head);

/* Replaces *out_object. */
void weir_depot_head_write(const weir_depot_head *head, weir_buf *out_object);
/* WEIR_CORRUPT for what is no head. out_head is all-zero before. */
weir_status weir_depot_head_read(weir_bytes object, weir_depot_head *out_head, weir_error *err);

/* Gives each changelog that has none a birth, made of random, and renews the others: brokers
 * forget. */
weir_status weir_depot_births_give(weir_broker *broker, const char *application_id,
                                   weir_depot_head *head, uint64_t random, weir_error *err);
/* WEIR_CORRUPT, with what to do: the changelogs are not those of the head, or it is too old. */
weir_status weir_depot_head_check(weir_broker *broker, const char *application_id,
                                  const weir_depot_head *head, int64_t now_ms, weir_error *err);

/* The names in an object store: "snapshots/<application>/<task>/", and a page or head of it. */
char *weir_depot_folder(const char *application_id, const char *task_id);
char *weir_depot_page_key(const char *stem, uint32_t number);
char *weir_depot_head_key(const char *stem);
/* True for the key of a head; its stem is what is before the last '.'. */
bool weir_depot_is_head(const char *key);

/* snapshot_depot_peer.c: answers what was put away. */
weir_status weir_depot_connect(void *depot, weir_snapshot_peer **out_peer, weir_error *err);
const weir_snapshot_depot_options *weir_depot_options(const weir_snapshot_depot *depot);

#endif
