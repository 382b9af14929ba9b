/* SPDX-License-Identifier: Apache-2.0
 *
 * config.h - the settings of an application, under the names that Kafka Streams gives them.
 *
 * config.c holds the table: name, unit, default, limits and doc of each setting. What Kafka Streams
 * has no name for begins with "weir.".
 *
 * Ownership  A weir_config owns its strings; weir_config_cleanup frees them.
 * Errors     WEIR_INVALID for an unknown name or a bad value; the message names the setting, the
 *            value, what is allowed and, for a name, the nearest one.
 * Threads    Immutable once made.
 */
#ifndef WEIR_STREAMS_CONFIG_H
#define WEIR_STREAMS_CONFIG_H

#include "streams/auto_offset_reset.h"
#include "streams/base/bytes.h"
#include "streams/base/status.h"

enum { WEIR_TOPIC_OVERRIDES_MAX = 16 };

typedef enum weir_guarantee { WEIR_EXACTLY_ONCE, WEIR_AT_LEAST_ONCE } weir_guarantee;

/* What is done with a record that cannot be decoded, processed or produced. */
typedef enum weir_reaction {
    WEIR_REACT_FAIL,        /* The application stops with the message. */
    WEIR_REACT_CONTINUE,    /* The record is skipped and counted. */
    WEIR_REACT_DEAD_LETTER, /* It goes, raw, to the dead letter topic, and is skipped. */
    WEIR_REACT_RETRY,       /* It is tried again, then handled as DEAD_LETTER (or FAIL). */
} weir_reaction;

/* What is done at the start where an internal topic of an application that has run is gone. */
typedef enum weir_missing_topics {
    WEIR_MISSING_TOPICS_FAIL,
    WEIR_MISSING_TOPICS_CREATE,
} weir_missing_topics;

/* "topic.<name>" = value: a setting of the internal topics that are created. */
typedef struct weir_topic_override {
    char *name;
    int64_t value;
} weir_topic_override;

typedef struct weir_config {
    char *application_id;
    int64_t processing_guarantee; /* weir_guarantee */
    int64_t commit_interval_ms;
    int64_t commit_idle_ms; /* Exactly once, with nothing else to do: the soonest. */
    int64_t num_stream_threads;
    int64_t stream_threads_max;
    int64_t poll_ms;
    int64_t buffered_records_per_partition;
    int64_t max_task_idle_ms;   /* -1: take what is there. */
    int64_t expire_entries_max; /* Of a window or session store, a pass. */
    int64_t emit_interval_ms;   /* Of windows that have closed, in wall-clock time. */
    int64_t stream_idle_ms;     /* Without records for so long stream time goes on; 0: never. */
    char *state_dir;
    char *auto_offset_reset_text;             /* NULL: unset. */
    weir_auto_offset_reset auto_offset_reset; /* What it says; never UNSET. */
    char *topology_optimization;              /* weir_builder_configure */
    int64_t max_async_records;                /* A task. */
    int64_t memory_bytes_max;   /* Of the application; 0: each part has a limit of its own. */
    int64_t database_bytes_max; /* For weir_database_options; 0: the database's default. */
    int64_t row_file_bytes_max; /* For weir_database_options. */
    int64_t fetch_bytes_max;    /* A worker; 0: the consumer's default. So the next. */
    int64_t produce_bytes_max;
    int64_t cache_bytes_max; /* Of all workers together: what their record caches hold back. */
    int64_t subscription_bytes_max; /* Of all subscriptions together. */
    int64_t staged_bytes_max;       /* A worker; past it the worker commits early. */
    int64_t apply_bytes_max; /* A worker: committed bytes past which state goes to the database. */
    int64_t apply_interval_ms;
    int64_t apply_records_max; /* A worker: the changelog records that a crash costs at most. */
    int64_t flush_interval_ms;
    int64_t num_standby_replicas;
    int64_t acceptable_recovery_lag; /* Changelog records that a warm store may lack. */
    int64_t max_warmup_replicas;     /* Tasks that this process warms up at a time. */
    int64_t placement_wait_ms;
    int64_t snapshot_lag_min;
    int64_t snapshot_put_interval_ms; /* Into an object store; 0: never. */
    int64_t snapshot_put_kept;        /* Of a task. */
    int64_t snapshot_put_bytes_max;   /* Of one. */
    int64_t trade_interval_ms;        /* Of tasks between workers; 0: never. */
    int64_t restore_records_max;      /* A worker's standbys: read and not yet stored. */
    int64_t record_arena_bytes_max;
    int64_t deserialization_handler; /* weir_reaction, as the next two. */
    int64_t processing_handler;
    int64_t production_handler;
    int64_t changelog_handler; /* weir_reaction: FAIL or CONTINUE. */
    int64_t missing_topics;    /* weir_missing_topics. */
    int64_t retry_attempts;
    int64_t retry_backoff_ms; /* After a failed commit or an I/O error; doubles up to 64 times. */
    char *dead_letter_topic;  /* NULL: none. */
    int64_t replication_factor;
    int64_t state_cleanup_delay_ms;
    int64_t state_age_max_ms; /* Of stores on disk that are behind their changelogs. */
    int64_t session_timeout_ms;
    int64_t topics_check_interval_ms;
    int64_t changelog_check_interval_ms;
    int64_t repartition_purge_interval_ms;
    int64_t offset_renewal_interval_ms;
    int64_t window_changelog_retention_ms; /* Beyond the store's own. */
    char *group_instance_id;               /* NULL: dynamic membership. */
    char *client_id;                       /* NULL: the application's id. */
    char *application_server;              /* "host:port" for queries; NULL: none. */
    char *client_rack;                     /* NULL: not told. */
    int64_t ensure_explicit_naming;        /* For weir_builder_configure; 0: no. */
    weir_topic_override topic_overrides[WEIR_TOPIC_OVERRIDES_MAX];
    size_t topic_override_count;
} weir_config;

typedef struct weir_setting {
    const char *name;
    const char *value;
} weir_setting;

/* Defaults, then the settings in order (a later one wins). weir.memory.max.bytes sets those limits
 * of memory that are not set (memory_shares.h). commit.interval.ms is 100 under
 * exactly-once and 30,000 else, unless it is set. application.id must be set. */
weir_status weir_config_init(weir_config *config, const weir_setting *settings, size_t count,
                             weir_error *err);
void weir_config_cleanup(weir_config *config);

/* The number that weir_config_init would take for a numeric setting; false where it is not set, or
 * the init would refuse it. */
bool weir_config_number(const weir_setting *settings, size_t count, const char *name,
                        int64_t *out_number);

/* True for a name that weir_config_init accepts; to split a file that has others' settings too. */
bool weir_config_knows(const char *name);

/* Appends the table as text: a line a setting with unit, default, limits and doc. */
void weir_config_describe(weir_buf *out_text);

#endif
