/* SPDX-License-Identifier: Apache-2.0
 *
 * live_counts.c - how often each page was viewed, for whoever wants to see the numbers change:
 *
 *   curl -N http://127.0.0.1:8080/counts              each change of the store once committed
 *   curl -N http://127.0.0.1:8080/counts?key=/start   those of one page
 *
 *   views   page -> anything
 */
#include "docs/examples/examples.h"

#include "connectors/rest_changes.h"
#include "streams/base/serde.h"

#include <string.h>

weir_builder *live_counts(void)
{
    weir_builder *builder = weir_builder_new();
    weir_kstream *views = weir_builder_stream(builder, "views", NULL);
    (void)weir_kgrouped_stream_count(weir_kstream_group_by_key(views, NULL),
                                     WEIR_STORED_AS("counts"), NULL);
    return builder;
}

/* Keys are texts, counts are 8 bytes. */
static void write_part(void *user, const char *name, weir_bytes bytes, weir_json *json)
{
    (void)user;
    if (strcmp(name, "key") == 0) {
        weir_json_member_bytes(json, name, bytes);
    } else {
        weir_json_member_i64(json, name, (int64_t)weir_get_u64_be(bytes.data));
    }
}

static weir_status tell_changes(void *application, const weir_rest_request *request,
                                weir_rest_response *response, weir_error *err)
{
    const weir_rest_changes changes = {
        .application = application, .store = "counts", .write = write_part};
    return weir_rest_answer_changes(&changes, request, response, err);
}

weir_status live_counts_serve(weir_application *application, uint16_t port, weir_rest **out_rest,
                              weir_error *err)
{
    const weir_rest_route route = {"GET", "/counts", tell_changes, application};
    WEIR_AUTO_PTR(weir_rest) rest = NULL;
    WEIR_TRY(weir_rest_new(&(weir_rest_options){.port = port}, &rest, err));
    weir_rest_add(rest, &route, 1);
    WEIR_TRY(weir_rest_start(rest, err));
    *out_rest = weir_take(&rest);
    return WEIR_OK;
}
