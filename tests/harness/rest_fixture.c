/* SPDX-License-Identifier: Apache-2.0
 *
 * rest_fixture.c - life and calls of the API under test.
 */
#include "tests/harness/rest_fixture.h"

#include "tests/harness/check.h"

void rest_fixture_open(rest_fixture *f, unsigned stages)
{
    pipeline_fixture_open(&f->base, stages);
    CHECK_OK(weir_rest_api_new(f->base.pipeline, &(weir_rest_options){0}, &f->api, &f->base.err),
             &f->base.err);
}

void rest_fixture_cleanup(rest_fixture *f)
{
    weir_rest_response_cleanup(&f->response);
    weir_rest_api_free(f->api);
    pipeline_fixture_cleanup(&f->base);
}

int rest_fixture_call(rest_fixture *f, const weir_rest_call *call)
{
    weir_rest_response_cleanup(&f->response);
    weir_rest_api_dispatch(f->api, call, &f->response);
    return f->response.status != 0 ? f->response.status : 200;
}

int rest_fixture_get(rest_fixture *f, const char *target)
{
    return rest_fixture_call(
        f, &(weir_rest_call){.method = "GET", .target = weir_bytes_of_text(target)});
}
