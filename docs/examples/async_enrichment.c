/* SPDX-License-Identifier: Apache-2.0
 *
 * async_enrichment.c - users with what a service tells of them. Thousands of questions are on their
 * way at a time on one thread; an input is committed when its answer has been written, whatever
 * order they come in.
 *
 *   users           user -> anything
 *   users-enriched  user -> what http://127.0.0.1:8080/users/<user> says
 */
#include "docs/examples/examples.h"

#include <stdlib.h>

typedef struct enricher {
    weir_processor base;
    weir_http *http;
} enricher;

static weir_status answered(weir_processor *processor, const weir_record *user, void *result,
                            weir_error *err)
{
    const weir_http_result *answer = result;
    if (answer->outcome != WEIR_HTTP_FETCHED) {
        return weir_error_set(err, WEIR_BAD_RECORD, "no answer: %s", answer->reason);
    }
    weir_record enriched = *user;
    enriched.value = answer->body;
    return weir_context_forward(processor->context, &enriched, err);
}

static void end_request(void *user, const weir_http_result *result)
{
    weir_async_end(user, answered, (void *)result);
}

static weir_status ask(weir_processor *processor, const weir_record *user, weir_error *err)
{
    enricher *self = (enricher *)(void *)processor;
    WEIR_AUTO_FREE char *url = weir_format("http://127.0.0.1:8080/users/%.*s", (int)user->key.size,
                                           (const char *)user->key.data);
    const weir_http_request request = {
        .url = url, .done = end_request, .user = weir_context_defer(processor->context)};
    return weir_http_start(self->http, &request, NULL, err);
}

static weir_status start(weir_processor *processor, weir_error *err)
{
    (void)err;
    ((enricher *)(void *)processor)->http = weir_context_resource(processor->context, "http");
    return WEIR_OK;
}

static void end(weir_processor *processor)
{
    free(processor);
}

static weir_processor *new_enricher(void *user)
{
    static const weir_processor_ops ops = {start, ask, end};
    (void)user;
    enricher *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    return &self->base;
}

weir_builder *async_enrichment(weir_http_open open)
{
    weir_builder *builder = weir_builder_new();
    const weir_resource_options http = weir_http_resource(open, NULL);
    weir_builder_add_resource(builder, "http", &http);
    weir_kstream *users = weir_builder_stream(builder, "users", NULL);
    const weir_processor_options enriching = {.supplier = new_enricher};
    weir_kstream_to(weir_kstream_process_values(users, &enriching, NULL, NULL), "users-enriched",
                    NULL);
    return builder;
}
