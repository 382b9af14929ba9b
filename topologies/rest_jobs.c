/* SPDX-License-Identifier: Apache-2.0
 *
 * rest_jobs.c - crawl jobs: asked for here, counted by the frontier.
 *
 *   POST ─▶ job_id, seeds ─▶ events of the frontier ─▶ its store frontier-jobs ─▶ GET
 *
 * The frontier counts where the hosts are: a job has a row in each partition that has URLs of it,
 * and its numbers are their sums. A job_id is the time and then chance, so jobs are listed in
 * the order in which they were asked for.
 *
 * A job that was just posted is not counted yet. So that it is "queued" and not unknown, an id ends
 * with a seal (a hash under a secret of this process): nothing has to be kept for it. After a
 * restart such a job is unknown until the frontier has read its first seed.
 */
#include "topologies/rest_api_internal.h"
#include "topologies/url_canon.h"

#include "avro/records.h"
#include "streams/base/base64.h"
#include "streams/base/clock.h"
#include "streams/base/hash.h"
#include "streams/base/json_read.h"
#include "streams/base/random.h"
#include "streams/query.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    JOB_ID_BYTES = 28, /* Hexadecimal digits: 12 of milliseconds, 8 of chance, 8 of the seal. */
    SEAL_BYTES = 8,
    SEEDS_MAX = 1000,
    DOMAIN_BYTES_MAX = 260, /* A name and a port. */
    ROW_ARENA_BYTES_MAX = 64 << 10,
    TIME_BYTES = 32,
    JOBS_DEFAULT = 20, /* Of a page. */
    JOBS_MAX = 100,
};

/* What is known of a job. */
typedef struct job {
    char id[JOB_ID_BYTES + 1];
    weir_buf seed_url;
    int64_t created_at_ms;
    int64_t discovered;
    int64_t finished;
    bool is_unread; /* The frontier has not seen it yet. */
    bool is_over;
} job;

static void job_cleanup(job *of)
{
    weir_buf_cleanup(&of->seed_url);
}

/* The digits at the end of an id whose first digits are given: they tell that we made it. */
static uint32_t seal_of(const weir_rest_api *api, const char *id)
{
    return (uint32_t)weir_hash64(weir_bytes_of(id, JOB_ID_BYTES - SEAL_BYTES), api->job_secret);
}

static void make_id(const weir_rest_api *api, int64_t now_ms, char out_id[JOB_ID_BYTES + 1])
{
    (void)snprintf(out_id, JOB_ID_BYTES + 1, "%012" PRIx64 "%08" PRIx32,
                   (uint64_t)now_ms & UINT64_C(0xffffffffffff), (uint32_t)weir_random_seed());
    (void)snprintf(out_id + JOB_ID_BYTES - SEAL_BYTES, SEAL_BYTES + 1, "%08" PRIx32,
                   seal_of(api, out_id));
}

static bool is_job_id(const char *text)
{
    return strlen(text) == JOB_ID_BYTES && strspn(text, "0123456789abcdef") == JOB_ID_BYTES;
}

/* Whether this process has answered a POST with the job id. */
static bool is_ours(const weir_rest_api *api, const char *id)
{
    return strtoul(id + JOB_ID_BYTES - SEAL_BYTES, NULL, 16) == seal_of(api, id);
}

/* When a job was asked for: its id says it. */
static int64_t time_of_id(const char *id)
{
    char digits[13] = {0};
    memcpy(digits, id, sizeof digits - 1);
    return (int64_t)strtoull(digits, NULL, 16);
}

/* Posting. */

/* The URLs that a body asks for. */
typedef struct wanted {
    weir_buf texts[SEEDS_MAX];
    size_t count;
} wanted;

static void wanted_free(wanted *urls)
{
    for (size_t i = 0; urls != NULL && i < urls->count; i++) {
        weir_buf_cleanup(&urls->texts[i]);
    }
    free(urls);
}
WEIR_DEFINE_AUTO_PTR(wanted);

/* Takes one URL, made canonical. */
static weir_status want_url(wanted *urls, weir_bytes url, weir_error *err)
{
    if (urls->count == SEEDS_MAX) {
        return weir_error_set(err, WEIR_BAD_RECORD, "a job has at most %d URLs", SEEDS_MAX);
    }
    weir_buf *text = &urls->texts[urls->count++];
    return weir_url_canon(url, NULL, text, err);
}

/* Whether text is a host, and perhaps a port, that pages can have: a word without a dot is more
 * likely to be a mistake. *out_front_page is its front page by https. */
static bool is_domain(weir_bytes text, weir_buf *out_front_page)
{
    static const char parts_of_urls[] = "/?#@\\";
    for (size_t i = 0; i + 1 < sizeof parts_of_urls; i++) {
        if (text.size == 0 || memchr(text.data, parts_of_urls[i], text.size) != NULL) {
            return false;
        }
    }
    WEIR_AUTO(weir_url) url = {0};
    weir_buf_append_text(out_front_page, "https://");
    weir_buf_append(out_front_page, text.data, text.size);
    weir_buf_append_byte(out_front_page, '/');
    if (text.size > DOMAIN_BYTES_MAX ||
        weir_url_canonicalise(weir_buf_bytes(out_front_page), NULL, &url, NULL) != WEIR_OK) {
        return false;
    }
    weir_bytes host = weir_buf_bytes(&url.host);
    return weir_bytes_equal(host, WEIR_BYTES("localhost")) ||
           memchr(host.data, '.', host.size) != NULL || memchr(host.data, ':', host.size) != NULL;
}

/* A bare domain is its front page by https; a URL is taken as it is. */
static weir_status want_domain(wanted *urls, weir_bytes domain, weir_error *err)
{
    if (weir_bytes_starts_with(domain, WEIR_BYTES("http://")) ||
        weir_bytes_starts_with(domain, WEIR_BYTES("https://"))) {
        return want_url(urls, domain, err);
    }
    WEIR_AUTO(weir_buf) front_page = {0};
    if (!is_domain(domain, &front_page)) {
        return weir_error_set(err, WEIR_BAD_RECORD,
                              "\"%.*s\" is no domain, such as example.org or example.org:8080",
                              domain.size > 80 ? 80 : (int)domain.size, (const char *)domain.data);
    }
    return want_url(urls, weir_buf_bytes(&front_page), err);
}

static weir_status want_urls(wanted *urls, const weir_json_value *list, weir_error *err)
{
    if (!weir_json_is_array(list) || weir_json_count(list) == 0) {
        return weir_error_set(err, WEIR_BAD_RECORD, "urls is a list of at least one URL");
    }
    for (size_t i = 0; i < weir_json_count(list); i++) {
        weir_bytes url = weir_json_value_text(weir_json_at(list, i));
        if (url.data == NULL) {
            return weir_error_set(err, WEIR_BAD_RECORD, "urls[%zu] is no text", i);
        }
        weir_status status = want_url(urls, url, err);
        if (status != WEIR_OK) {
            return weir_error_wrap(err, status, "urls[%zu]", i);
        }
    }
    return WEIR_OK;
}

/* Takes the only member of the body, by its name. */
static weir_status want_member(wanted *urls, const char *name, const weir_json_value *value,
                               weir_error *err)
{
    if (strcmp(name, "urls") == 0) {
        return want_urls(urls, value, err);
    }
    weir_bytes text = weir_json_value_text(value);
    bool is_domain = strcmp(name, "domain") == 0;
    if (!is_domain && strcmp(name, "url") != 0) {
        return weir_error_set(err, WEIR_BAD_RECORD,
                              "\"%.40s\" is not known: send domain, url or urls", name);
    }
    if (text.data == NULL) {
        return weir_error_set(err, WEIR_BAD_RECORD, "%s is no text", name);
    }
    return is_domain ? want_domain(urls, text, err) : want_url(urls, text, err);
}

static weir_status read_body(weir_bytes body, wanted *urls, weir_error *err)
{
    WEIR_AUTO_PTR(weir_json_value) root = NULL;
    WEIR_TRY(weir_json_parse(body, WEIR_REST_BODY_BYTES_MAX, &root, err));
    void *position = NULL;
    const char *name = NULL;
    const weir_json_value *value = NULL;
    if (!weir_json_is_object(root) || !weir_json_next(root, &position, &name, &value)) {
        return weir_error_set(err, WEIR_BAD_RECORD,
                              "send an object such as {\"domain\":\"example.org\"}");
    }
    WEIR_TRY(want_member(urls, name, value, err));
    if (weir_json_next(root, &position, &name, &value)) {
        return weir_error_set(err, WEIR_BAD_RECORD, "send one of domain, url and urls, not more");
    }
    return WEIR_OK;
}

static weir_status send_seeds(const weir_rest_api *api, const wanted *urls, const char *job_id,
                              int64_t now_ms, weir_error *err)
{
    WEIR_AUTO_FREE weir_seed *seeds = weir_alloc_array(urls->count, sizeof *seeds);
    for (size_t i = 0; i < urls->count; i++) {
        seeds[i] =
            (weir_seed){.url = weir_buf_bytes(&urls->texts[i]), .job_id = job_id, .now_ms = now_ms};
    }
    return weir_pipeline_seed(api->pipeline, seeds, urls->count, err);
}

weir_status weir_rest_post_job(void *user, const weir_rest_request *request,
                               weir_rest_response *response, weir_error *err)
{
    const weir_rest_api *api = user;
    WEIR_AUTO_PTR(wanted) urls = weir_alloc(sizeof *urls);
    weir_error refused = {0};
    if (read_body(weir_rest_body(request), urls, &refused) != WEIR_OK) {
        return weir_rest_fail(response, 400, "bad_crawl_job", refused.message);
    }
    char id[JOB_ID_BYTES + 1];
    int64_t now_ms = weir_clock_now_ms();
    make_id(api, now_ms, id);
    WEIR_TRY(send_seeds(api, urls, id, now_ms, err));
    response->status = 201;
    response->header_name = "Location";
    weir_buf_append_format(&response->header_value, "/v1/crawl-jobs/%s", id);
    weir_json json = weir_json_of(&response->body);
    weir_json_begin_object(&json);
    weir_json_member_text(&json, "job_id", id);
    weir_json_member_text(&json, "status", "queued");
    weir_json_end_object(&json);
    return WEIR_OK;
}

/* Reading. */

/* Jobs while their rows are summed up. */
typedef struct job_list {
    const weir_codec *codec;
    weir_arena *arena;
    job *jobs;
    size_t count;
    size_t capacity;
    bool more; /* Rows follow, perhaps of the last job too. */
} job_list;

static void job_list_cleanup(job_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        job_cleanup(&list->jobs[i]);
    }
    free(list->jobs);
    weir_arena_free(list->arena);
}

/* Adds one partition's row of a job; rows of a job follow each other. */
static weir_status add_row(void *user, weir_bytes key, weir_bytes value, weir_error *err)
{
    job_list *list = user;
    if (key.size != JOB_ID_BYTES) {
        return WEIR_OK; /* Of seeds that came by another way, with an id of their own. */
    }
    weir_crawl_job row;
    weir_arena_reset(list->arena);
    WEIR_TRY(weir_crawl_job_decode(list->codec, value, list->arena, &row, err));
    job *last = list->count > 0 ? &list->jobs[list->count - 1] : NULL;
    if (last == NULL || memcmp(last->id, key.data, JOB_ID_BYTES) != 0) {
        list->jobs = weir_grow(list->jobs, list->count, &list->capacity, sizeof *list->jobs);
        last = &list->jobs[list->count++];
        *last = (job){0};
        memcpy(last->id, key.data, JOB_ID_BYTES);
        last->created_at_ms = time_of_id(last->id);
        weir_buf_set(&last->seed_url, row.seed_url);
    }
    last->discovered += row.discovered_count;
    last->finished += row.finished_count;
    return WEIR_OK;
}

static weir_status read_jobs(const weir_rest_api *api, weir_application *frontier,
                             const weir_query_scan *scan, job_list *list, weir_error *err)
{
    list->codec = weir_pipeline_codec(api->pipeline);
    list->arena = weir_arena_new(ROW_ARENA_BYTES_MAX);
    return weir_query_rows(frontier, scan, add_row, list, &list->more, err);
}

/* Whether every record of a stage is read and what follows from it is committed. */
static bool has_caught_up(const weir_rest_api *api, weir_stage stage)
{
    weir_application *application = weir_pipeline_application(api->pipeline, stage);
    return application == NULL || weir_application_is_idle(application);
}

/* As many finished as discovered is the end only if no page's links are still under way: they are
 * not where extract, then the frontier, have read all, and the numbers are the same after that. */
static void mark_ends(const job_list *before, job_list *list)
{
    for (size_t i = 0; i < list->count && i < before->count; i++) {
        const job *then = &before->jobs[i];
        job *now = &list->jobs[i];
        now->is_over = strcmp(then->id, now->id) == 0 && then->discovered == then->finished &&
                       then->discovered == now->discovered && now->discovered == now->finished;
    }
}

/* Reads the jobs of scan, each with whether it is over. */
static weir_status read_jobs_and_ends(const weir_rest_api *api, const weir_query_scan *scan,
                                      weir_application *frontier, job_list *list, weir_error *err)
{
    WEIR_AUTO(job_list) before = {0};
    WEIR_TRY(read_jobs(api, frontier, scan, &before, err));
    bool caught_up =
        has_caught_up(api, WEIR_STAGE_EXTRACT) && has_caught_up(api, WEIR_STAGE_FRONTIER);
    WEIR_TRY(read_jobs(api, frontier, scan, list, err));
    if (caught_up) {
        mark_ends(&before, list);
    }
    return WEIR_OK;
}

static void print_time(int64_t at_ms, char out_text[TIME_BYTES])
{
    time_t seconds = (time_t)(at_ms / 1000);
    struct tm parts = {0};
    (void)gmtime_r(&seconds, &parts);
    size_t size = strftime(out_text, TIME_BYTES, "%Y-%m-%dT%H:%M:%S", &parts);
    (void)snprintf(out_text + size, TIME_BYTES - size, ".%03dZ", (int)(at_ms % 1000));
}

static void write_job(weir_json *json, const job *of)
{
    char created_at[TIME_BYTES];
    print_time(of->created_at_ms, created_at);
    weir_json_begin_object(json);
    weir_json_member_text(json, "job_id", of->id);
    weir_json_member_text(json, "status",
                          of->is_over     ? "finished"
                          : of->is_unread ? "queued"
                                          : "running");
    weir_json_member_bytes(json, "seed_url",
                           of->seed_url.size > 0 ? weir_buf_bytes(&of->seed_url) : WEIR_BYTES_NULL);
    weir_json_member_i64(json, "discovered", of->discovered);
    weir_json_member_i64(json, "finished", of->finished);
    weir_json_member_text(json, "created_at", created_at);
    weir_json_end_object(json);
}

weir_status weir_rest_get_job(void *user, const weir_rest_request *request,
                              weir_rest_response *response, weir_error *err)
{
    const weir_rest_api *api = user;
    weir_application *frontier = weir_rest_application(api, WEIR_STAGE_FRONTIER, response);
    if (frontier == NULL) {
        return WEIR_OK;
    }
    WEIR_AUTO_FREE char *id = weir_bytes_to_text(weir_rest_parameter(request, "job_id"));
    WEIR_AUTO(job_list) list = {0};
    const weir_query_scan scan = {.store = WEIR_FRONTIER_JOBS,
                                  .prefix = weir_bytes_of_text(id),
                                  .limit = WEIR_QUERY_ROWS_MAX};
    if (is_job_id(id)) {
        WEIR_TRY(read_jobs_and_ends(api, &scan, frontier, &list, err));
    }
    weir_json json = weir_json_of(&response->body);
    if (list.count > 0) {
        write_job(&json, &list.jobs[0]);
    } else if (is_job_id(id) && is_ours(api, id)) {
        job queued = {.created_at_ms = time_of_id(id), .is_unread = true};
        memcpy(queued.id, id, sizeof queued.id);
        write_job(&json, &queued);
    } else {
        return weir_rest_refuse(
            response, 404, "unknown_crawl_job",
            "There is no crawl job with this id: GET /v1/crawl-jobs lists them, "
            "and a POST there makes one.");
    }
    return WEIR_OK;
}

/* The scan that has all rows of one job more than asked for: one in each partition at most. */
static weir_status job_scan_of(const weir_rest_api *api, const weir_rest_request *request,
                               weir_buf *after, weir_query_scan *out_scan, int64_t *limit,
                               weir_error *err)
{
    WEIR_TRY(weir_rest_query_i64(request, "limit", 1, JOBS_MAX, limit, err));
    weir_bytes cursor = weir_rest_query(request, "cursor");
    if (cursor.data != NULL && !weir_base64url_decode(cursor, after)) {
        return weir_error_set(err, WEIR_BAD_RECORD, "cursor is none of ours");
    }
    int32_t partition_count = weir_pipeline_profile(api->pipeline)->event_partitions;
    size_t rows = (size_t)(*limit + 1) * (size_t)partition_count;
    *out_scan = (weir_query_scan){
        .store = WEIR_FRONTIER_JOBS,
        .after = cursor.data != NULL ? weir_buf_bytes(after) : WEIR_BYTES_NULL,
        .limit = rows < WEIR_QUERY_ROWS_MAX ? rows : WEIR_QUERY_ROWS_MAX,
    };
    return WEIR_OK;
}

static void write_jobs(weir_json *json, const job_list *list, size_t limit)
{
    size_t whole = list->more && list->count > 1 ? list->count - 1 : list->count;
    size_t shown = whole < limit ? whole : limit;
    weir_json_begin_object(json);
    weir_json_key(json, "crawl_jobs");
    weir_json_begin_array(json);
    for (size_t i = 0; i < shown; i++) {
        write_job(json, &list->jobs[i]);
    }
    weir_json_end_array(json);
    weir_json_key(json, "next_cursor");
    if (shown > 0 && (list->more || list->count > shown)) {
        WEIR_AUTO(weir_buf) cursor = {0};
        weir_base64url_append(&cursor, weir_bytes_of(list->jobs[shown - 1].id, JOB_ID_BYTES));
        weir_json_bytes(json, weir_buf_bytes(&cursor));
    } else {
        weir_json_null(json);
    }
    weir_json_end_object(json);
}

weir_status weir_rest_get_job_list(void *user, const weir_rest_request *request,
                                   weir_rest_response *response, weir_error *err)
{
    const weir_rest_api *api = user;
    weir_application *frontier = weir_rest_application(api, WEIR_STAGE_FRONTIER, response);
    if (frontier == NULL) {
        return WEIR_OK;
    }
    WEIR_AUTO(weir_buf) after = {0};
    WEIR_AUTO(job_list) list = {0};
    weir_query_scan scan;
    int64_t limit = JOBS_DEFAULT;
    WEIR_TRY(job_scan_of(api, request, &after, &scan, &limit, err));
    WEIR_TRY(read_jobs_and_ends(api, &scan, frontier, &list, err));
    weir_json json = weir_json_of(&response->body);
    write_jobs(&json, &list, (size_t)limit);
    return WEIR_OK;
}
