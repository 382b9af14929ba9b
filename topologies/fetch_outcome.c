/* SPDX-License-Identifier: Apache-2.0
 *
 * fetch_outcome.c - what becomes of a task, as a RawFetch.
 */
#include "streams/base/clock.h"
#include "topologies/fetch_internal.h"
#include "topologies/frontier.h"
#include "topologies/url_canon.h"

#include <string.h>
#include <time.h>

enum { SECOND_MS = 1000, RETRY_AFTER_DIGITS_MAX = 9, HTTP_DATE_BYTES_MAX = 64 };

weir_raw_fetch weir_fetch_outcome_without_request(const fetch_job *job, const char *outcome,
                                                  weir_bytes reason)
{
    const weir_fetch_task *task = &job->task;
    return (weir_raw_fetch){
        .url = task->url,
        .url_hash = task->url_hash,
        .host_id = task->host_id,
        .depth = task->depth,
        .priority = task->priority,
        .attempt = task->attempt,
        .redirect_count = task->redirect_count,
        .outcome = weir_bytes_of_text(outcome),
        .reason = reason,
        .crawl_delay_ms = job->host->delay_ms,
        .job_id = task->job_id,
    };
}

static weir_status copy_headers(const weir_http_result *result, weir_arena *arena,
                                weir_pairs *out_pairs, weir_error *err)
{
    weir_pair *items = weir_arena_alloc(arena, result->header_count * sizeof *items);
    if (items == NULL) {
        return weir_error_set(err, WEIR_BAD_RECORD, "%zu headers do not fit the arena",
                              result->header_count);
    }
    size_t count = 0;
    for (size_t i = 0; i < result->header_count; i++) {
        bool is_known = false;
        for (size_t j = 0; j < count && !is_known; j++) {
            is_known = weir_bytes_equal(items[j].name, result->headers[i].name);
        }
        if (!is_known) { /* The first of a name; Set-Cookie is all that is commonly repeated. */
            items[count++] = (weir_pair){result->headers[i].name, result->headers[i].value};
        }
    }
    *out_pairs = (weir_pairs){items, count};
    return WEIR_OK;
}

/* Seconds since 1970 of an HTTP date in one of its three forms (RFC 9110, 5.6.7); -1 for any
 * other. */
static int64_t http_date_s(weir_bytes value)
{
    static const char *const forms[] = {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT",
                                        "%a %b %e %H:%M:%S %Y"};
    char text[HTTP_DATE_BYTES_MAX] = "";
    if (value.size == 0 || value.size >= sizeof text) {
        return -1;
    }
    memcpy(text, value.data, value.size);
    for (size_t i = 0; i < WEIR_COUNT_OF(forms); i++) {
        struct tm parts = {0};
        const char *end = strptime(text, forms[i], &parts);
        if (end != NULL && *end == '\0') {
            return (int64_t)timegm(&parts);
        }
    }
    return -1;
}

/* The seconds that value spells in digits, as many as are looked at; -1 for anything else. */
static int64_t digits_s(weir_bytes value)
{
    int64_t seconds = 0;
    const char *digits = value.data;
    for (size_t i = 0; i < value.size; i++) {
        if (digits[i] < '0' || digits[i] > '9') {
            return -1;
        }
        if (i < RETRY_AFTER_DIGITS_MAX) {
            seconds = seconds * 10 + (digits[i] - '0');
        }
    }
    return seconds;
}

int64_t weir_fetch_retry_after_ms(const weir_http_result *result, int64_t now_ms)
{
    weir_bytes value = weir_http_result_header(result, "retry-after");
    if (value.size == 0) {
        return 0;
    }
    int64_t seconds = digits_s(value);
    if (seconds >= 0) {
        return seconds * SECOND_MS;
    }
    int64_t at_s = http_date_s(value);
    int64_t date_s = http_date_s(weir_http_result_header(result, "date"));
    int64_t from_s = date_s >= 0 ? date_s : now_ms / SECOND_MS;
    return at_s > from_s ? (at_s - from_s) * SECOND_MS : 0;
}

/* The canonical target of a redirect, in the arena; what is no URL to crawl stays as it came. */
static weir_status redirect_target(const fetch_job *job, weir_bytes location, weir_arena *arena,
                                   weir_bytes *out_url, weir_error *err)
{
    WEIR_AUTO(weir_url) base = {0};
    WEIR_AUTO(weir_buf) target = {0};
    weir_error refused = {0};
    WEIR_TRY(weir_url_parse(job->task.url, NULL, &base, err));
    bool is_url = weir_url_canon(location, &base, &target, &refused) == WEIR_OK;
    *out_url = weir_arena_copy(arena, is_url ? weir_buf_bytes(&target) : location);
    return out_url->data == NULL
               ? weir_error_set(err, WEIR_BAD_RECORD, "a redirect of %zu bytes", location.size)
               : WEIR_OK;
}

weir_status weir_fetch_outcome_of_result(const fetch_job *job, const weir_http_result *result,
                                         int64_t now_ms, weir_arena *arena, weir_raw_fetch *out,
                                         weir_error *err)
{
    *out = weir_fetch_outcome_without_request(job, weir_http_outcome_name(result->outcome),
                                              weir_bytes_of_text(result->reason));
    out->http_status = result->status;
    out->duration_ms = (int64_t)(result->duration_ns / WEIR_NS_PER_MS);
    out->content_type = weir_http_result_header(result, "content-type");
    out->etag = weir_http_result_header(result, "etag");
    out->last_modified = weir_http_result_header(result, "last-modified");
    out->retry_after_ms = weir_fetch_retry_after_ms(result, now_ms);
    out->ip = weir_bytes_of_text(result->ip);
    WEIR_TRY(copy_headers(result, arena, &out->headers, err));
    if (result->outcome != WEIR_HTTP_REDIRECTED) {
        return WEIR_OK;
    }
    if (job->task.redirect_count >= WEIR_FRONTIER_REDIRECTS_MAX) {
        out->outcome = WEIR_BYTES("too_many_redirects");
        out->reason = WEIR_BYTES("The fifth redirect leads to another.");
    }
    return redirect_target(job, weir_http_result_header(result, "location"), arena,
                           &out->redirect_url, err);
}
