/* SPDX-License-Identifier: Apache-2.0
 *
 * operator_works.h - the topologies of which bench_operators measures the operators: each reads
 * what is fed, ends in a function that only counts, and is the same as that of its name in
 * peer/Operators.java.
 *
 * Threads    One.
 */
#ifndef WEIR_TESTS_PERF_OPERATOR_WORKS_H
#define WEIR_TESTS_PERF_OPERATOR_WORKS_H

#include "streams/dsl/builder.h"

/* Where the state of a work is. */
typedef enum operator_state {
    OPERATOR_STATELESS,
    OPERATOR_MEMORY,
    OPERATOR_DISK_CACHED,
    OPERATOR_DISK_UNCACHED,
} operator_state;

typedef struct operator_work {
    const char *name;
    void (*make)(weir_builder *builder, uint64_t *ends); /* *ends counts what comes out. */
    operator_state state;
    uint64_t key_count;  /* As many keys do records have. */
    bool reads_two;      /* Topics "a" and "b"; else "a". */
    double ns_max;       /* What a record may take; 0: nobody asks. */
    bool allocates_none; /* It is asked for. */
} operator_work;

/* One without a name ends it. */
extern const operator_work operator_works[];

#endif
