/* SPDX-License-Identifier: Apache-2.0
 *
 * specs.h - the topologies of the oracle, written with weir's DSL: the same name, the same
 * operators in the same order, the same functions.
 *
 * Threads    One.
 */
#ifndef WEIR_TESTS_CONFORMANCE_SPECS_H
#define WEIR_TESTS_CONFORMANCE_SPECS_H

#include "streams/base/json_read.h"
#include "streams/dsl/builder.h"

enum { CONFORMANCE_TOPICS_MAX = 5, CONFORMANCE_STORES_MAX = 4 };

typedef enum conformance_value {
    CONFORMANCE_TEXT,
    CONFORMANCE_I64,
} conformance_value;

/* A store that the oracle prints at the end. */
typedef struct conformance_store {
    const char *name;
    conformance_value value;
    const char *window_size; /* The parameter that tells it; NULL: a key-value store. */
    const char *history;     /* Of a versioned store: the parameter that tells it; else NULL. */
    bool is_session;
    bool is_plain;             /* Its rows have no times. */
    bool hides_past_retention; /* Of sessions without a cache: those within gap and grace show. */
} conformance_store;

typedef struct conformance_spec {
    const char *name;
    void (*make)(weir_builder *builder, const weir_json_value *params);
    const char *inputs[CONFORMANCE_TOPICS_MAX];  /* NULL ends each list. */
    const char *outputs[CONFORMANCE_TOPICS_MAX]; /* In the order in which the oracle reads them. */
    conformance_store stores[CONFORMANCE_STORES_MAX];
} conformance_spec;

/* One list for each file; one without a name ends it. */
extern const conformance_spec conformance_specs_basic[];
extern const conformance_spec conformance_specs_joins[];
extern const conformance_spec conformance_specs_cogroup[];
extern const conformance_spec conformance_specs_processor[];
extern const conformance_spec conformance_specs_suppress[];
extern const conformance_spec conformance_specs_emit[];
extern const conformance_spec conformance_specs_sinks[];
extern const conformance_spec conformance_specs_sources[];
extern const conformance_spec conformance_specs_filters[];
extern const conformance_spec conformance_specs_transform[];
extern const conformance_spec conformance_specs_versioned[];
extern const conformance_spec conformance_specs_global[];
extern const conformance_spec conformance_specs_lru[];
extern const conformance_spec conformance_specs_windows[];

/* The one called name, or NULL. */
const conformance_spec *conformance_spec_named(weir_bytes name);

/* Prints all names, a line each. */
void conformance_specs_list(void);

#endif
