/* SPDX-License-Identifier: Apache-2.0
 *
 * task_store_internal.h - a store of a task: its staged view behind a changelog (stores.c) and,
 * where it has one, a record cache (store_cache.c).
 *
 * Ownership  The task's.
 * Threads    The worker's.
 */
#ifndef WEIR_STREAMS_TASK_STORE_INTERNAL_H
#define WEIR_STREAMS_TASK_STORE_INTERNAL_H

#include "statestore/expiry.h"
#include "streams/base/map.h"
#include "streams/observed_time.h"
#include "streams/task_metrics.h"
#include "streams/term.h"
#include "streams/timers.h"
#include "streams/topology_internal.h"

/* Who is told when something in a store is due (timers.c); all-zero: nobody. */
typedef struct weir_task_alarm {
    weir_processor *processor;
    weir_punctuation_type clock;
    weir_timer_listener on_timer;
    weir_expiry_listener on_expiry;
} weir_task_alarm;

/* A store, its staged view wrapped so that writes go to the changelog too (stores.c). */
typedef struct weir_task_store {
    weir_kv kv; /* Handed out to processors. */
    weir_kv *inner;
    weir_staged *staged; /* Behind inner. */
    weir_task *task;
    const weir_topology_store *spec;
    void *meaning;                /* What its kind makes of it while the task runs, else NULL. */
    weir_task_alarm alarm;        /* Of timers and TTL stores, while the task runs. */
    size_t index;                 /* In the topology. */
    const char *changelog;        /* NULL: none. */
    char *label;                  /* "<store>:<changelog>-<partition>" */
    int32_t topic;                /* The collector's number of the changelog. */
    weir_staged *cached;          /* NULL: it has no cache. */
    weir_flush_listener listener; /* NULL: none; as is the processor. */
    weir_processor *listening;
    bool sends_old_values;
    bool keeps_places; /* What is held back knows from where its record was read. */
    bool is_evicting;  /* The cache was full, then the producer: the rest goes later. */
    bool is_expiring;  /* Removals are of expired windows. */
    /* The highest in the changelog up to where the store stands (term.h). A versioned store has no
     * terms, for what came too late is a version in its place. */
    int64_t term_seen;
    int64_t term;     /* Of what is written now; 0: it has none. */
    char *term_label; /* Under which term_seen is kept with the position. */
    uint8_t term_bytes[WEIR_TERM_BYTES];
    weir_header term_header;
    /* The largest time that it was given, of what is committed (observed_time.h). */
    weir_observed_time observed;
    char *time_label;  /* Under which that is kept with the position. */
    char *level_label; /* So when it stood at the end of its changelog (store_age.h). */
    bool guesses;      /* It was last read by the record's key and key_rest after it. */
    uint8_t key_rest[WEIR_WINDOW_SUFFIX_BYTES];
    size_t key_rest_size;
    weir_map *outdated;    /* Keys whose last record in the changelog is one that was skipped. */
    int64_t outdated_from; /* The first such record; -1: none. What is on disk stands before it. */
    weir_store_metrics metrics;
    bool is_on_disk;
    bool dirty;               /* Written since the last commit. */
    int64_t changelog_offset; /* Next changelog offset after what is committed; -1: unknown. */
    int64_t looked_ms;        /* When it last looked for others' records in the changelog. */
    int64_t changelog_first;  /* The ends of the changelog, as they were last asked for. */
    int64_t changelog_end;
    int64_t logged;   /* Records that the store has sent since it stood there. */
    int32_t sequence; /* Of a window store, as it was when the task last ran here. */
    weir_kv *by_time; /* Its order by time (store_index.c); NULL: it has none. */
    char *index_name;
    weir_buf index_key;
    weir_buf released_key; /* What is told of. */
    weir_buf released_value;
    weir_expiry expiry; /* Of windows, while nobody runs the task here (store_kinds.c). */
    struct weir_restoring *restoring; /* restore.c's, while it restores or follows; else NULL. */
    struct weir_store_look *look;     /* store_position.c's; NULL: nobody has asked. */
} weir_task_store;

/* stores.c: opens the task's state and its stores, and resolves their changelogs. */
weir_status weir_task_open_stores(weir_task *task, weir_error *err);
/* Closes them; what was not applied is gone. */
void weir_task_close_stores(weir_task *task);
/* stores.c: the term of what the stores log from now on; what former owners wrote too late is
 * logged again, or a compaction would leave it as the last word. */
weir_status weir_task_begin_terms(weir_task *task, weir_error *err);
/* stores.c: whether a restore takes record, after others; a key that it skips is kept in mind. */
bool weir_task_store_takes(weir_task_store *store, const weir_record *record, int64_t *term_seen);
/* store_kinds.c: whether its rows expire with time: windows, sessions, versions. */
bool weir_task_store_expires(const weir_task_store *store);
/* store_kinds.c: a restore has come to record, which moves *inout_observed_ms on; false: no owner
 * of the task will show it any more. */
bool weir_task_store_sees(const weir_task_store *store, const weir_record *record,
                          int64_t *inout_observed_ms);
/* store_kinds.c: the time of a row, by which it expires; -1: it does not. */
int64_t weir_task_store_row_time(const weir_task_store *store, weir_bytes row_key);
/* store_kinds.c: the largest time that the store was given; -1: none, or its rows do not expire. */
int64_t weir_task_store_observed_ms(const weir_task_store *store);
/* observed_time.c: stages the time that is committed now, to be there with the rows. */
void weir_task_store_mark_time(weir_task_store *store);
/* stores.c: a number that is kept with the store's position, or otherwise where there is none. */
int64_t weir_task_store_kept(const weir_task_store *store, const char *label, int64_t otherwise);
/* stores.c: what was logged again is committed. */
void weir_task_forget_outdated(weir_task_store *store);
/* task_commit.c: begins a running task anew that has found records of others among its own in a
 * changelog, to restore from before them; true where it has. Only with nothing to commit. */
bool weir_task_read_again(weir_task *task);
/* task_commit.c: whether a running task that has nothing to commit looks now for others' records in
 * changelogs that it has not written for a while; the second does so, by the ends that were asked
 * for last (task_offsets.h), and where there are some the task reads again. */
bool weir_task_look_is_due(const weir_task *task);
void weir_task_look(weir_task *task);
/* task_commit.c: how often the task's state was wiped since its last commit. */
uint32_t weir_task_wipes(const weir_task *task);
/* The store called name, or NULL. */
weir_task_store *weir_task_store_named(weir_task *task, const char *name);

/* store_cache.c: puts value, or removes the key where it is null, in a store that has a cache. */
weir_status weir_task_store_hold(weir_task_store *store, weir_bytes key, weir_bytes value,
                                 weir_error *err);
/* A value of so many bytes was read of key: lets go of what Kafka Streams' cache would, that keeps
 * what it reads. */
weir_status weir_task_store_make_room(weir_task_store *store, weir_bytes key, size_t value_bytes,
                                      weir_error *err);
/* Goes on with evictions that the producer had no room for. WEIR_AGAIN: it has none yet. */
weir_status weir_task_go_on_evicting(weir_task *task, weir_error *err);
/* task_ahead.c: key of store was asked for. */
void weir_task_store_note_key(weir_task_store *store, weir_bytes key);
/* stores.c: a write of store goes to its changelog. */
weir_status weir_task_store_log(weir_task_store *store, weir_bytes key, weir_bytes value,
                                weir_error *err);

#endif
