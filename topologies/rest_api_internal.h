/* SPDX-License-Identifier: Apache-2.0
 *
 * rest_api_internal.h - the parts of the REST API: what its handlers share, and each part's routes.
 *
 *   rest_api.c      new, start, free; the table of all routes
 *   rest_tables.c   rows of the three tables
 *   rest_owner.c    rows that another process has
 *   rest_stores.c   stores of every application, and their rows
 *   rest_terms.c    on what terms rows are read, and how that went
 *   rest_page.c     a page of rows, and the cursor of the next one
 *   rest_jobs.c     crawl jobs: post, read, list
 *   rest_health.c   health, readiness, metrics, topology
 *
 * Threads    Handlers run on several threads at once; nothing here changes after the start.
 */
#ifndef WEIR_TOPOLOGIES_REST_API_INTERNAL_H
#define WEIR_TOPOLOGIES_REST_API_INTERNAL_H

#include "streams/base/json.h"
#include "streams/query.h"
#include "topologies/rest_api.h"

struct weir_rest_api {
    weir_pipeline *pipeline;
    weir_rest *rest;
    struct weir_rest_snapshots *snapshots;
    uint64_t job_secret; /* Seals the ids of crawl jobs. */
};

/* docs/openapi.json, made part of the library by CMake. */
extern const unsigned char weir_openapi_json[];
extern const size_t weir_openapi_json_bytes;

/* Every route, in order; user pointers are to be filled in. */
const weir_rest_route *weir_rest_api_routes(size_t *out_count);

/* The application of stage; where it does not run here NULL, and response says so (503). */
weir_application *weir_rest_application(const weir_rest_api *api, weir_stage stage,
                                        weir_rest_response *response);

/* Answers with a sentence that is made like printf's. Always WEIR_OK. */
weir_status weir_rest_refuse(weir_rest_response *response, int status, const char *code,
                             const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Sends the caller to the process that runs the task of key, once, with its terms; where nobody
 * runs it and they allow a standby, to one. WEIR_AGAIN: nobody else is known to have it now. */
weir_status weir_rest_send_to_owner(weir_application *application, const char *table,
                                    weir_bytes key, const weir_rest_request *request,
                                    weir_rest_response *response);

/* On what terms rows are read (rest_terms.c). */
typedef struct weir_rest_terms {
    weir_query_terms query;
    weir_position at_least;
    weir_query_answer answer;
    bool is_given; /* The request has some, and so wants to know how it was answered. */
} weir_rest_terms;

/* The arguments that are terms; ends with a NULL. */
extern const char *const weir_rest_terms_names[];

void weir_rest_terms_cleanup(weir_rest_terms *terms);
/* Fills all-zero terms, which are not moved. WEIR_BAD_RECORD: an argument is malformed. */
weir_status weir_rest_terms_read(const weir_rest_request *request, weir_rest_terms *out_terms,
                                 weir_error *err);
/* Appends the member "answer", if the request gave terms. */
void weir_rest_terms_write(const weir_rest_terms *terms, weir_json *json);

/* The application that {application} of the path is the id or the stage of; NULL: response says
 * which there are. */
weir_application *weir_rest_application_named(const weir_rest_api *api,
                                              const weir_rest_request *request,
                                              weir_rest_response *response);

/* Pages of rows. */

enum { WEIR_REST_LIMIT_MAX = 1000, WEIR_REST_LIMIT_DEFAULT = 100 };

typedef struct weir_rest_page {
    const weir_rest_api *api;
    weir_application *application;
    const char *store;
    int32_t partition_count; /* Of a table, to say where a row lies; 0: not said. */
} weir_rest_page;

/* Appends "rows":[…],"next_cursor":… to the object that json is in, as the arguments prefix, from,
 * to, limit and cursor of request ask. WEIR_BAD_RECORD for one that is malformed. */
weir_status weir_rest_page_write(const weir_rest_page *page, const weir_rest_request *request,
                                 weir_json *json, weir_error *err);

/* Whether ?format= asks for other, and not for json, which it is by default. WEIR_BAD_RECORD: for
 * something else. */
weir_status weir_rest_format(const weir_rest_request *request, const char *other, bool *out_other,
                             weir_error *err);

/* The same rows, a line of JSON each; the header Weir-Next-Cursor has the cursor, if there is one.
 */
weir_status weir_rest_page_lines(const weir_rest_page *page, const weir_rest_request *request,
                                 weir_rest_response *response, weir_error *err);

/* Appends the member key (or key_hex, where it is not UTF-8); the member name (or name_hex, where
 * value is not Avro). */
void weir_rest_key_write(weir_bytes key, weir_json *json);
void weir_rest_value_write(const weir_rest_api *api, const char *name, weir_bytes value,
                           weir_json *json);

/* Appends key, partition and value of a row. */
void weir_rest_row_write(const weir_rest_page *page, weir_bytes key, weir_bytes value,
                         weir_json *json);

/* Handlers of GET; user is the weir_rest_api. */
weir_status weir_rest_get_healthz(void *user, const weir_rest_request *request,
                                  weir_rest_response *response, weir_error *err);
weir_status weir_rest_get_readyz(void *user, const weir_rest_request *request,
                                 weir_rest_response *response, weir_error *err);
weir_status weir_rest_get_metrics(void *user, const weir_rest_request *request,
                                  weir_rest_response *response, weir_error *err);
weir_status weir_rest_get_topology(void *user, const weir_rest_request *request,
                                   weir_rest_response *response, weir_error *err);
weir_status weir_rest_get_openapi(void *user, const weir_rest_request *request,
                                  weir_rest_response *response, weir_error *err);
weir_status weir_rest_get_tables(void *user, const weir_rest_request *request,
                                 weir_rest_response *response, weir_error *err);
weir_status weir_rest_get_table(void *user, const weir_rest_request *request,
                                weir_rest_response *response, weir_error *err);
weir_status weir_rest_get_row(void *user, const weir_rest_request *request,
                              weir_rest_response *response, weir_error *err);
weir_status weir_rest_get_stores(void *user, const weir_rest_request *request,
                                 weir_rest_response *response, weir_error *err);
weir_status weir_rest_get_store(void *user, const weir_rest_request *request,
                                weir_rest_response *response, weir_error *err);
weir_status weir_rest_get_changes(void *user, const weir_rest_request *request,
                                  weir_rest_response *response, weir_error *err);
weir_status weir_rest_get_job(void *user, const weir_rest_request *request,
                              weir_rest_response *response, weir_error *err);
weir_status weir_rest_get_job_list(void *user, const weir_rest_request *request,
                                   weir_rest_response *response, weir_error *err);

/* Handlers of POST. */
weir_status weir_rest_post_job(void *user, const weir_rest_request *request,
                               weir_rest_response *response, weir_error *err);
weir_status weir_rest_post_pause(void *user, const weir_rest_request *request,
                                 weir_rest_response *response, weir_error *err);
weir_status weir_rest_post_resume(void *user, const weir_rest_request *request,
                                  weir_rest_response *response, weir_error *err);

#endif
