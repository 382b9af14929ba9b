/* SPDX-License-Identifier: Apache-2.0
 *
 * foreign_join_internal.h - a foreign-key join laid open for its files: foreign_join.c (graph),
 * foreign_join_process.c (processors), foreign_join_wire.c (bytes).
 *
 * Ownership  Joins live in the builder's arena. What is decoded borrows from the bytes, what is
 *            encoded lives in the arena that was given.
 * Threads    Builder: one. Processors: the worker that owns the task.
 */
#ifndef WEIR_STREAMS_DSL_FOREIGN_JOIN_INTERNAL_H
#define WEIR_STREAMS_DSL_FOREIGN_JOIN_INTERNAL_H

#include "streams/dsl/foreign_join.h"
#include "streams/dsl/ktable_internal.h"

typedef struct weir_foreign_join {
    const weir_ktable *left;
    const weir_ktable *right;
    weir_key_selector selector;
    weir_value_joiner joiner;
    void *user;
    weir_partitioner partitioner; /* Of left; NULL: what asked says where it is. */
    weir_partitioner other_partitioner;
    void *partitioner_user;
    bool is_left_join;
    const char *subscriptions; /* The store of who asks for which right row. */
} weir_foreign_join;

/* What the right side is to do about a subscription. */
typedef enum weir_subscription_kind {
    WEIR_SUBSCRIPTION_END,      /* Forget it, and say nothing. */
    WEIR_SUBSCRIPTION_END_TELL, /* Forget it, and answer with null. */
    WEIR_SUBSCRIPTION_ANSWER,   /* Keep it, and answer with the row or null. */
    WEIR_SUBSCRIPTION_WAIT,     /* Keep it, and answer once there is a row. */
} weir_subscription_kind;

/* The left row with this key, whose value has this hash (null bytes: it has none), asks. */
typedef struct weir_subscription {
    weir_subscription_kind kind;
    weir_bytes hash;
    weir_bytes key;
    int32_t partition; /* Of the left row; -1: a former version did not say. */
} weir_subscription;

/* What it gets: the hash comes back, so that it knows an answer to what it no longer asks. */
typedef struct weir_subscription_answer {
    weir_bytes hash;
    weir_bytes value; /* Of the right row; null: there is none. */
} weir_subscription_answer;

/* Null bytes: the arena is full. WEIR_BAD_RECORD: another program wrote it. */
weir_bytes weir_subscription_encode(const weir_subscription *subscription, weir_arena *arena);
weir_status weir_subscription_decode(weir_bytes bytes, weir_subscription *out_subscription,
                                     weir_error *err);
weir_bytes weir_subscription_answer_encode(const weir_subscription_answer *answer,
                                           weir_arena *arena);
weir_status weir_subscription_answer_decode(weir_bytes bytes, weir_subscription_answer *out_answer,
                                            weir_error *err);

/* The key in the store: the foreign key with its length before it, then the left key (null: what
 * all subscriptions of the foreign key begin with). */
weir_bytes weir_combined_key(weir_bytes foreign_key, weir_bytes key, weir_arena *arena);
weir_status weir_combined_key_left(weir_bytes combined, weir_bytes *out_key, weir_error *err);

/* The hash of a value, in arena; null bytes for none. *out_hash is written on WEIR_OK only. */
weir_status weir_value_hash(weir_bytes value, weir_arena *arena, weir_bytes *out_hash,
                            weir_error *err);

/* Suppliers, user: the weir_foreign_join. Left changes ask; the right side keeps who asks, answers
 * at once, and answers again when a row changes; the left side joins the answers. */
weir_processor *weir_foreign_ask_new(void *user);
weir_processor *weir_foreign_keep_new(void *user);
weir_processor *weir_foreign_answer_new(void *user);
weir_processor *weir_foreign_change_new(void *user);
weir_processor *weir_foreign_resolve_new(void *user);

/* The partition of an answer, whose record carries it as its object (NULL: by key). */
int32_t weir_foreign_partition(void *user, const weir_record *record, int32_t partition_count);

#endif
