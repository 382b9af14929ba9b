/* SPDX-License-Identifier: Apache-2.0
 *
 * task_internal.h - a task laid open for the files that make it up, in a record's way: task.c,
 * task_context.c (nodes), stores.c (changelogs), async.c (deferred records), restore.c.
 *
 * Threads    The worker's.
 */
#ifndef WEIR_STREAMS_TASK_INTERNAL_H
#define WEIR_STREAMS_TASK_INTERNAL_H

#include "streams/context_internal.h"
#include "streams/error_handler.h"
#include "streams/idle_time.h"
#include "streams/offset_window.h"
#include "streams/partition_group.h"
#include "streams/punctuation.h"
#include "streams/table_context.h"
#include "streams/task_metrics.h"
#include "streams/task_store_internal.h"
#include "streams/topology_internal.h"

typedef struct weir_async_group weir_async_group;

/* One partition of one source topic. */
struct weir_task_input {
    weir_task *task;
    weir_context *source;
    weir_topic_partition partition;
    size_t topic_bytes;       /* Of the topic's name. */
    weir_record_queue *queue; /* The partition group's. */
    size_t number;            /* In the partition group. */
    weir_offset_window window;
    int64_t committed_base;         /* Every lower offset is, with the rows that it led to. */
    weir_async_group *groups;       /* Deferred records, in no order. */
    weir_committed_query committed; /* As the group was last asked… */
    int64_t first_offset;           /* …and where the source begins, if nothing is. */
    bool is_resumed;                /* It begins where the group has committed. */
    bool assigned;
    bool paused;
    int64_t refused_offset; /* Its record failed after its first effect; -1: none. */
    int64_t purged_offset;  /* Of a repartition topic: lower records are deleted. */
    weir_error refusal;
    char refused_by[WEIR_NODE_NAME_BYTES_MAX + 1];
};

/* What is processed now, for contexts and error messages. */
typedef struct weir_task_current {
    weir_task_input *input;    /* NULL in a punctuation. */
    const weir_record *record; /* As it was read; NULL in a punctuation. */
    int64_t timestamp_ms;      /* Of the records and changelog entries that are made. */
    const weir_context *node;  /* Which node ran last, for messages. */
    weir_async_group *group;   /* Deferrals of the record; NULL: none yet. */
} weir_task_current;

struct weir_task {
    weir_task_environment *environment;
    const weir_planned_task *planned;
    const weir_subtopology *subtopology;
    weir_task_phase phase;
    int32_t generation; /* In which it has begun. */
    weir_task_state *state;
    weir_context *contexts; /* One for each node of the sub-topology, in its order. */
    size_t context_count;
    weir_task_store *stores;
    size_t store_count;
    weir_task_input *inputs;
    size_t input_count;
    weir_partition_group *group;
    weir_punctuations *punctuations;
    struct weir_shared *shared; /* What processors share (weir_context_shared). */
    weir_arena *arena;
    weir_arena *flush_arena; /* What listeners allocate while a record is processed. */
    weir_task_current current;
    uint64_t effects; /* Counts sends and store writes: whether a refusal came too late. */
    uint64_t logged;  /* Changelog records of stores on disk since the last commit. */
    uint64_t logged_committed, logged_behind; /* Not applied yet; those whose apply is under way. */
    int64_t async_count;                      /* Deferrals of all inputs that have not ended. */
    int64_t stream_time_ms; /* The largest event time taken, the current record's included. */
    weir_idle_time idle;
    int64_t times_look_ms;  /* Of a standby: when it asked the group for kept_times. */
    int64_t last_commit_ms; /* Or when it began to run. */
    bool commit_needed;
    bool commit_requested;
    bool reads_again;           /* There are records of others in a changelog. */
    int64_t read_again_ms;      /* When it last began anew for that. */
    uint32_t wipes;             /* Since its last commit. */
    weir_error failure;         /* Of an asynchronous completion; status WEIR_OK: none. */
    int64_t last_timestamp_ms;  /* Of the last record taken since the last commit; -1: none. */
    weir_kept_times kept_times; /* What processors keep with the offsets. */
    uint64_t dropped;           /* Records, since the counter was last told. */
    weir_kv *filled;            /* Of the shell of a global_filler.h: its store; else NULL. */
    weir_task_metrics metrics;
};

/* task_context.c: makes the contexts of the nodes, with children; resolves the sinks' topics. */
void weir_task_link_contexts(weir_task *task);
weir_status weir_task_init_sinks(weir_task *task, weir_error *err);
/* Makes the processors, parents first, and runs their init; frees them, children first. */
weir_status weir_task_init_processors(weir_task *task, weir_error *err);
void weir_task_free_processors(weir_task *task);
/* The context of a node of the topology; NULL: it is in another sub-topology. */
weir_context *weir_task_context(weir_task *task, size_t node_index);
/* Runs record through a node; the processor's answer, or that of a node below it. */
weir_status weir_context_process(weir_context *context, const weir_record *record, weir_error *err);
/* task_ahead.c: fetches what the records after the head of queue are likely to read. */
void weir_task_look_ahead(const weir_task *task, const weir_record_queue *queue);
/* store_cache.c: an arena of its own for what processors allocate, until it is left and empty. */
weir_arena *weir_task_enter_flush_arena(weir_task *task);
void weir_task_leave_flush_arena(weir_task *task, weir_arena *outer);
/* The object of record; what serde answers but WEIR_IO and WEIR_FATAL is WEIR_BAD_RECORD. */
weir_status weir_task_decode(weir_task *task, const weir_serde *serde, weir_record *record,
                             weir_error *err);
/* async.c: the current record has been processed: true when nothing of it is deferred any more. */
bool weir_async_settle(weir_task *task);
/* Detaches every deferred record from the task: when it ends, nothing happens. */
void weir_async_orphan_all(weir_task *task);
/* task_errors.c: what is known of a record before it is tried. */
typedef struct weir_refused {
    weir_stage stage;
    uint64_t effects; /* task->effects before the attempt. */
    int64_t attempt;  /* 1: the first. */
    bool again;       /* Out: it is to be tried once more. */
} weir_refused;
/* After an attempt that failed; WEIR_OK: it is skipped, or (refused->again) to be tried again. */
weir_status weir_task_handle_failure(weir_task *task, weir_refused *refused, weir_status status,
                                     weir_error *err);
/* The record at input's refused_offset has come again: it is handled without being processed. */
weir_status weir_task_refuse_remembered(weir_task *task, weir_task_input *input, weir_error *err);
/* Skips a refused record as its handler says, or WEIR_INVALID where that is FAIL. */
weir_status weir_task_refuse(weir_task *task, const weir_refusal *refusal, weir_error *err);

#endif
