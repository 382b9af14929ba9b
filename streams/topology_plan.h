/* SPDX-License-Identifier: Apache-2.0
 *
 * topology_plan.h - a topology meets its cluster: topic names with the application id, partition
 * counts, the internal topics to create, and the list of tasks.
 *
 * Every process of an application makes the same plan from the same topology and the same topics;
 * that is what lets partition i of the task topic stand for tasks[i].
 *
 * Ownership  The plan owns its strings and borrows the topology.
 * Errors     WEIR_INVALID says which topic has to be created or changed, and to what.
 * Threads    Immutable once it is made.
 */
#ifndef WEIR_STREAMS_TOPOLOGY_PLAN_H
#define WEIR_STREAMS_TOPOLOGY_PLAN_H

#include "streams/topic_pattern.h"
#include "streams/topology.h"

enum {
    WEIR_APPLICATION_ID_BYTES_MAX = 100,
    WEIR_TASK_ID_BYTES_MAX = 24,
    WEIR_PLAN_TASKS_MAX = 100000,
    WEIR_PLAN_INPUTS_MAX = 10000,
};

typedef struct weir_planned_task {
    char id[WEIR_TASK_ID_BYTES_MAX]; /* "<sub-topology>_<partition>" */
    int32_t subtopology;
    int32_t partition;
} weir_planned_task;

/* A topic that a source reads. */
typedef struct weir_planned_input {
    size_t source;           /* Its node. */
    char *topic;             /* As the broker knows it. */
    int32_t partition_count; /* Task p reads partition p if p is below that. */
} weir_planned_input;

typedef enum weir_planned_topic_kind {
    WEIR_TOPIC_REPARTITION, /* Deleted up to what is committed, never by time. */
    WEIR_TOPIC_CHANGELOG,   /* Compacted, and deleted by time as well where there is a retention. */
} weir_planned_topic_kind;

/* A topic that the runtime creates before the first task runs. */
typedef struct weir_planned_topic {
    weir_planned_topic_kind kind;
    const char *name;
    int32_t partition_count;
    int64_t retention_ms;              /* Of the window store whose changelog it is; else 0. */
    int64_t history_ms;                /* The same of a versioned store. */
    const weir_topic_config *settings; /* Of the store; NULL: none of its own. */
} weir_planned_topic;

typedef struct weir_plan {
    const weir_topology *topology;
    char *application_id;
    char *task_topic;    /* "<application id>-weir-tasks", task_count partitions. */
    char *members_topic; /* "<application id>-weir-members", one (placement_log.h). */

    weir_planned_input *inputs; /* By index of their source, then as they were named. */
    size_t input_count;
    char **sink_topics; /* By index of node; NULL: no sink, or one whose topics a function names. */

    char **changelog_topics;          /* By index of store; NULL: logging is disabled. */
    int32_t *subtopology_task_counts; /* 0: of a global store. */

    weir_planned_topic *topics;
    size_t topic_count;
    weir_planned_task *tasks; /* By sub-topology, then partition. */
    size_t task_count;
} weir_plan;

typedef struct weir_plan_options {
    const char *application_id;
    /* The partition count of a topic that is not the application's own; WEIR_NOT_FOUND: there is no
     * such topic. */
    weir_status (*partition_count)(void *user, const char *topic, int32_t *out_count,
                                   weir_error *err);
    void *user;
    /* The names of all topics, for sources that read by pattern. NULL: there are none. */
    const char *const *topics;
    size_t topic_count;
} weir_plan_options;

/* The topics of a source, which stand beside each other. */
const weir_planned_input *weir_plan_inputs_of(const weir_plan *plan, size_t source,
                                              size_t *out_count);

/* Whether a source that reads by pattern takes topic: not what is Kafka's own ("__…"), nor the
 * application's ("<application id>-…"). */
bool weir_plan_takes(const char *application_id, const weir_topic_pattern *pattern,
                     const char *topic);

/* The name under which a store keeps the position of its changelog:
 * "<store>:<changelog>-<partition>". NULL: it has no changelog. The caller frees it. */
char *weir_plan_position_label(const weir_plan *plan, size_t store, int32_t partition);

/* Whether next, of the same topology, has all that plan has, and nothing but more inputs. */
bool weir_plan_only_reads_more(const weir_plan *plan, const weir_plan *next);
/* Whether a task of such a plan has more inputs by next. */
bool weir_plan_task_reads_more(const weir_plan *plan, const weir_plan *next, size_t task_index);

/* Makes the plan of a built topology. */
weir_status weir_plan_new(const weir_topology *topology, const weir_plan_options *options,
                          weir_plan **out_plan, weir_error *err);
void weir_plan_free(weir_plan *plan); /* NULL is fine. */
WEIR_DEFINE_AUTO_PTR(weir_plan);

#endif
