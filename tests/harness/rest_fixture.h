/* SPDX-License-Identifier: Apache-2.0
 *
 * rest_fixture.h - the REST API over a pipeline, without a socket: calls go to the dispatcher.
 *
 * Ownership  The fixture frees all that it has.
 * Threads    One.
 */
#ifndef WEIR_TESTS_HARNESS_REST_FIXTURE_H
#define WEIR_TESTS_HARNESS_REST_FIXTURE_H

#include "tests/harness/pipeline_fixture.h"
#include "topologies/rest_api.h"

typedef struct rest_fixture {
    pipeline_fixture base;
    weir_rest_api *api;
    weir_rest_response response; /* To the last call. */
} rest_fixture;

/* stages as pipeline_fixture_open has them. */
void rest_fixture_open(rest_fixture *f, unsigned stages);
void rest_fixture_cleanup(rest_fixture *f);

/* The status of the answer; of GET target. */
int rest_fixture_call(rest_fixture *f, const weir_rest_call *call);
int rest_fixture_get(rest_fixture *f, const char *target);

#endif
