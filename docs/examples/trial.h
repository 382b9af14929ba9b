/* SPDX-License-Identifier: Apache-2.0
 *
 * trial.h - an example at work in a test: weir's test driver on a broker in a temporary directory,
 * with keys that are texts. A call that fails ends the test.
 *
 * Ownership  A trial owns the builder that it is given; trial_cleanup ends it.
 * Threads    One.
 */
#ifndef WEIR_DOCS_EXAMPLES_TRIAL_H
#define WEIR_DOCS_EXAMPLES_TRIAL_H

#include "docs/examples/examples.h"
#include "tests/harness/check.h"

typedef struct trial {
    weir_builder *builder;
    weir_broker *broker;
    weir_test_driver *driver;
} trial;

/* Each update is seen: there is no record cache. */
trial trial_of(weir_builder *owned_builder);
void trial_cleanup(trial *self);

/* A record in, with all that it leads to. */
void trial_send(trial *self, const char *topic, const char *key, weir_bytes value,
                int64_t timestamp_ms);
void trial_send_text(trial *self, const char *topic, const char *key, const char *text,
                     int64_t timestamp_ms);
void trial_send_i64(trial *self, const char *topic, const char *key, int64_t number,
                    int64_t timestamp_ms);
void trial_send_f64(trial *self, const char *topic, const char *key, double number,
                    int64_t timestamp_ms);

/* The next record of a topic is this; there is none. */
void trial_expect(trial *self, const char *topic, const char *key, weir_bytes value);
void trial_expect_text(trial *self, const char *topic, const char *key, const char *text);
void trial_expect_i64(trial *self, const char *topic, const char *key, int64_t number);
void trial_expect_nothing(trial *self, const char *topic);

#endif
