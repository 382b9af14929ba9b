/* SPDX-License-Identifier: Apache-2.0
 *
 * dsl_fixture.h - a topology of the DSL at work, on a simulated broker; keys and values are texts.
 *
 * Ownership  The fixture owns the builder that it is given.
 * Threads    One.
 */
#ifndef WEIR_TESTS_HARNESS_DSL_FIXTURE_H
#define WEIR_TESTS_HARNESS_DSL_FIXTURE_H

#include "streams/dsl/builder.h"
#include "streams/test_driver.h"

/* All-zero is good; the rest of the settings are the driver's. */
typedef struct dsl_fixture_options {
    const char *cache_bytes_max;
    const char *emit_interval_ms;    /* NULL: 0. */
    const char *stream_idle_ms;      /* NULL: 0, never. */
    weir_database *database;         /* Of the test; NULL: stores are in memory. */
    weir_metrics *metrics;           /* The same. */
    const weir_topic_config *topics; /* Made before the start; others have one partition. */
    size_t topic_count;
} dsl_fixture_options;

typedef struct dsl_fixture {
    weir_builder *builder;
    const weir_topology *topology;
    weir_broker *broker;
    weir_test_driver *driver;
    dsl_fixture_options options;
} dsl_fixture;

/* Builds and starts; with a cache of "0" bytes each update is seen. Bad records are skipped. */
void dsl_fixture_start(dsl_fixture *self, weir_builder *owned_builder, const char *cache_bytes_max);
void dsl_fixture_start_with(dsl_fixture *self, weir_builder *owned_builder,
                            const dsl_fixture_options *options);
void dsl_fixture_end(dsl_fixture *self);

/* Crashes and starts again: stores are restored from their changelogs. What was read of topics is
 * read again. */
void dsl_fixture_restart(dsl_fixture *self);

/* One record in; NULL is a null. */
void dsl_send(dsl_fixture *self, const char *topic, const char *key, const char *value,
              int64_t timestamp_ms);

/* The next record of a topic, and that there is none. */
void dsl_check_next(dsl_fixture *self, const char *topic, const char *key, const char *value,
                    int64_t timestamp_ms);
void dsl_check_end(dsl_fixture *self, const char *topic);
/* Reads count records of a topic and forgets them. */
void dsl_skip(dsl_fixture *self, const char *topic, size_t count);

/* Building fails, with a message that has text in it; frees the builder. */
void dsl_check_mistake(weir_builder *owned_builder, const char *text);

/* The description of what the builder makes. */
void dsl_check_described(weir_builder *owned_builder, const char *text);

#endif
