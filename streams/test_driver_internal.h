/* SPDX-License-Identifier: Apache-2.0
 *
 * test_driver_internal.h - a test driver laid open for its files: test_driver.c (topics and the
 * clock) and test_driver_stores.c.
 *
 * Threads    One.
 */
#ifndef WEIR_STREAMS_TEST_DRIVER_INTERNAL_H
#define WEIR_STREAMS_TEST_DRIVER_INTERNAL_H

#include "streams/base/map.h"
#include "streams/producer.h"
#include "streams/test_driver.h"

struct weir_test_driver {
    weir_test_driver_options options;
    weir_config config;
    weir_application *application;
    weir_producer *producer;
    weir_map *readings; /* By name of topic. */
    int64_t now_ms;
};

/* Steps the application until it has nothing to do. */
weir_status weir_test_driver_run(weir_test_driver *driver, weir_error *err);

#endif
