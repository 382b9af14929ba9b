/* SPDX-License-Identifier: Apache-2.0
 *
 * driver_fixture.h - a test driver with metrics, a broker of its own and a database on disk.
 *
 * Ownership  The fixture frees all that it has, the broker and the topology that it was given too.
 * Threads    One.
 */
#ifndef WEIR_TESTS_HARNESS_DRIVER_FIXTURE_H
#define WEIR_TESTS_HARNESS_DRIVER_FIXTURE_H

#include "statestore/rocksdb_store.h"
#include "streams/test_driver.h"

typedef struct driver_fixture {
    weir_broker *broker;     /* Set before the start, */
    weir_topology *topology; /* as this is. */
    weir_metrics *metrics;
    char *directory;
    weir_database *database;
    weir_test_driver *driver;
    weir_error err;
} driver_fixture;

void driver_fixture_start(driver_fixture *f, const weir_setting *settings, size_t count);
void driver_fixture_cleanup(driver_fixture *f);

/* A record of topic "in", with key "k" and this value. */
void driver_fixture_pipe(driver_fixture *f, const char *value);

#endif
