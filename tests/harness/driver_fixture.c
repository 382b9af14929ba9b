/* SPDX-License-Identifier: Apache-2.0
 *
 * driver_fixture.c - life of the driver under test.
 */
#include "tests/harness/driver_fixture.h"

#include "tests/harness/check.h"

#include <stdlib.h>

void driver_fixture_start(driver_fixture *f, const weir_setting *settings, size_t count)
{
    f->metrics = weir_metrics_new();
    f->directory = check_directory();
    const weir_database_options database = {.directory = f->directory};
    CHECK_OK(weir_database_open(&database, &f->database, &f->err), &f->err);
    const weir_test_driver_options options = {
        .topology = f->topology,
        .broker = f->broker,
        .database = f->database,
        .metrics = f->metrics,
        .settings = settings,
        .setting_count = count,
        .now_ms = 1000,
    };
    CHECK_OK(weir_test_driver_new(&options, &f->driver, &f->err), &f->err);
}

void driver_fixture_cleanup(driver_fixture *f)
{
    weir_test_driver_free(f->driver);
    weir_database_free(f->database);
    weir_metrics_free(f->metrics);
    weir_topology_free(f->topology);
    weir_broker_free(f->broker);
    free(f->directory);
}

void driver_fixture_pipe(driver_fixture *f, const char *value)
{
    const weir_record record = {
        .topic = "in",
        .timestamp_ms = 5,
        .key = WEIR_BYTES("k"),
        .value = weir_bytes_of_text(value),
    };
    CHECK_OK(weir_test_driver_pipe(f->driver, &record, &f->err), &f->err);
}
