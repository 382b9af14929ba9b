/* SPDX-License-Identifier: Apache-2.0
 *
 * store_options.h - what a store is, for weir_topology_add_store and weir_builder_add_store (Kafka
 * Streams' Stores and StoreBuilder).
 *
 * Ownership  Strings are copied where the store is added.
 * Threads    Any.
 */
#ifndef WEIR_STREAMS_STORE_OPTIONS_H
#define WEIR_STREAMS_STORE_OPTIONS_H

#include "statestore/task_state.h"
#include "streams/broker_topics.h"

/* What the entries of a store mean, and how a processor reaches it. */
typedef enum weir_store_kind {
    WEIR_STORE_KEY_VALUE, /* weir_context_store */
    WEIR_STORE_WINDOW,    /* weir_context_window_store; its changelog forgets with time, too. */
    WEIR_STORE_SESSION,   /* weir_context_session_store; the same. */
    WEIR_STORE_TTL,       /* weir_context_ttl_store; has a second store, "<name>-due". */
    WEIR_STORE_TIMERS,    /* weir_context_timers (timers.h) */
    WEIR_STORE_BITMAP,    /* weir_context_bitmap_store */
    WEIR_STORE_VERSIONED, /* weir_context_versioned_store; its changelog has no rows but puts. */
} weir_store_kind;

typedef struct weir_store_options {
    const char *name;
    weir_store_engine engine;
    bool logging_disabled;       /* No changelog: the store starts empty after a crash. */
    const char *changelog_topic; /* NULL: "<application.id>-<name>-changelog"; else this topic. */
    /* changelog_topic is a source, whose records are put as they are and never deferred: nothing is
     * logged, and a restore reads it up to what is committed (Kafka Streams' optimised tables). */
    bool changelog_is_source;
    bool timestamped; /* Entries are weir_timestamped; their times are those of the changelog. */
    weir_store_kind kind;
    int64_t retention_ms;   /* > 0: how long windows or sessions, or a history, are kept. */
    int64_t window_size_ms; /* Of a window store, for queries to tell its ends; 0: unknown. */
    bool retain_duplicates; /* Of a window store: each put is an entry of its own. */
    bool takes_expired; /* Of one that several write, each with its own time (window_store.h). */
    /* Holds writes back until a commit, or until statestore.cache.max.bytes are held, and logs the
     * last one of each key (weir_context_on_flush). Key-value and window stores. */
    bool caching_enabled;
    /* > 0, of a key-value store: it is in memory, has no cache, and holds no more entries: one that
     * is put in addition removes that which was neither read nor written for longest (Kafka
     * Streams' Stores.lruMap). Ranges and queries are no reads. The changelog hears of it unless
     * the store is timestamped; then it has more entries than a restore keeps. */
    int32_t entries_max;
    bool ordered_by_time; /* Of a window or session store: table_context.h passes closed ones on. */
    uint8_t value_version;       /* > 0: the header "v" of values in the changelog. */
    weir_topic_config changelog; /* Its settings alone, before those of topic.*; 0 leaves one. */
} weir_store_options;

#endif
