/* SPDX-License-Identifier: Apache-2.0
 *
 * demo_report.c - walks the tables page by page, so that its memory does not grow with the crawl.
 */
#include "topologies/demo_report.h"

#include "avro/records.h"
#include "streams/query.h"
#include "topologies/tables.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_ROWS = 1000, ROW_ARENA_BYTES_MAX = 1 << 20 };

/* A walk over one table. */
typedef struct walk {
    weir_demo_report *report;
    const weir_codec *codec;
    weir_arena *arena;
    int64_t since_ms;
    weir_buf last_key;
} walk;

static void replace(char **text, weir_bytes by)
{
    free(*text);
    *text = weir_bytes_to_text(by);
}

static void count_one(weir_report_counts *counts, const char *label, weir_bytes example)
{
    size_t at = 0;
    while (at < counts->count && strcmp(counts->items[at].label, label) != 0) {
        at++;
    }
    if (at == counts->count && at == WEIR_REPORT_LABELS_MAX) {
        at = WEIR_REPORT_LABELS_MAX - 1;
        free(counts->items[at].label);
        counts->items[at].label = weir_strdup("others");
    } else if (at == counts->count) {
        counts->items[counts->count++] = (weir_report_count){
            .label = weir_strdup(label), .example = weir_bytes_to_text(example)};
    }
    counts->items[at].count++;
}

/* Calls visit for each row of table. */
static weir_status walk_table(weir_pipeline *pipeline, const char *table, weir_query_visit visit,
                              walk *w, weir_error *err)
{
    weir_application *tables = weir_pipeline_application(pipeline, WEIR_STAGE_TABLES);
    weir_query_scan scan = {.store = table, .limit = PAGE_ROWS};
    bool more = tables != NULL;
    while (more) {
        weir_status status = weir_query_rows(tables, &scan, visit, w, &more, err);
        if (status != WEIR_OK) {
            return weir_error_wrap(err, status, "table %s", table);
        }
        scan.after = weir_buf_bytes(&w->last_key);
    }
    return WEIR_OK;
}

static void count_outcome(walk *w, const weir_url_latest *row)
{
    WEIR_AUTO(weir_buf) label = {0};
    weir_bytes outcome = row->fetch_outcome.size > 0 ? row->fetch_outcome : WEIR_BYTES("waiting");
    weir_buf_append(&label, outcome.data, outcome.size);
    if (weir_bytes_equal(outcome, WEIR_BYTES("http_error"))) {
        weir_buf_append_format(&label, " %" PRId32, row->http_status);
    } else if (row->extract_outcome.size > 0) {
        weir_buf_append_text(&label, ", ");
        weir_buf_append(&label, row->extract_outcome.data, row->extract_outcome.size);
    }
    count_one(&w->report->outcomes, weir_buf_text(&label), row->url);
}

static weir_status visit_url(void *user, weir_bytes key, weir_bytes value, weir_error *err)
{
    walk *w = user;
    weir_url_latest row;
    weir_arena_reset(w->arena);
    WEIR_TRY(weir_url_latest_decode(w->codec, value, w->arena, &row, err));
    weir_buf_set(&w->last_key, key);
    w->report->url_rows++;
    w->report->fetched_since += row.fetched_at_ms >= w->since_ms ? 1 : 0;
    count_outcome(w, &row);
    return WEIR_OK;
}

static weir_status visit_cluster(void *user, weir_bytes key, weir_bytes value, weir_error *err)
{
    walk *w = user;
    weir_demo_report *report = w->report;
    weir_content_cluster row;
    weir_arena_reset(w->arena);
    WEIR_TRY(weir_content_cluster_decode(w->codec, value, w->arena, &row, err));
    weir_buf_set(&w->last_key, key);
    report->cluster_rows++;
    if (!weir_bytes_equal(row.content_hash, row.cluster_id) || row.url_count < 2) {
        return WEIR_OK; /* What is known of a cluster is in the row of its root. */
    }
    report->cluster_count++;
    report->duplicate_count += row.url_count - 1;
    if (row.document_count < report->cluster_documents ||
        (row.document_count == report->cluster_documents &&
         row.url_count <= report->cluster_urls)) {
        return WEIR_OK;
    }
    report->cluster_documents = row.document_count;
    report->cluster_urls = row.url_count;
    replace(&report->cluster_id, row.cluster_id);
    replace(&report->kept_url, row.kept_url);
    return WEIR_OK;
}

static void count_reason(walk *w, const weir_dataset_membership *row)
{
    /* A duplicate names its cluster, which would make as many reasons as clusters. */
    const char *end = memchr(row->reason.data, ':', row->reason.size);
    bool is_duplicate = weir_bytes_starts_with(row->reason, WEIR_BYTES("duplicate:"));
    size_t size = is_duplicate && end != NULL ? (size_t)(end - (const char *)row->reason.data)
                                              : row->reason.size;
    WEIR_AUTO_FREE char *label = weir_bytes_to_text(weir_bytes_of(row->reason.data, size));
    count_one(&w->report->reasons, label, row->url);
}

static void note_copy(weir_demo_report *report, const weir_dataset_membership *row)
{
    if (report->cluster_id == NULL || row->kept ||
        !weir_bytes_equal(row->cluster_id, weir_bytes_of_text(report->cluster_id))) {
        return;
    }
    for (size_t i = 0; i < WEIR_REPORT_COPIES_MAX; i++) {
        if (report->copies[i] == NULL) {
            report->copies[i] = weir_bytes_to_text(row->url);
            return;
        }
    }
}

static weir_status visit_membership(void *user, weir_bytes key, weir_bytes value, weir_error *err)
{
    walk *w = user;
    weir_dataset_membership row;
    weir_arena_reset(w->arena);
    WEIR_TRY(weir_dataset_membership_decode(w->codec, value, w->arena, &row, err));
    weir_buf_set(&w->last_key, key);
    w->report->membership_rows++;
    if (row.member) {
        w->report->member_rows++;
        return WEIR_OK;
    }
    if (row.reason.data != NULL) {
        count_reason(w, &row);
    }
    note_copy(w->report, &row);
    return WEIR_OK;
}

static int by_count(const void *a, const void *b)
{
    const weir_report_count *left = a;
    const weir_report_count *right = b;
    if (left->count != right->count) {
        return left->count > right->count ? -1 : 1;
    }
    return strcmp(left->label, right->label);
}

static weir_status read_tables(weir_pipeline *pipeline, walk *w, weir_error *err)
{
    WEIR_TRY(walk_table(pipeline, WEIR_TABLE_URL_LATEST, visit_url, w, err));
    WEIR_TRY(walk_table(pipeline, WEIR_TABLE_CONTENT_CLUSTER, visit_cluster, w, err));
    return walk_table(pipeline, WEIR_TABLE_DATASET_MEMBERSHIP, visit_membership, w, err);
}

weir_status weir_demo_report_read(weir_pipeline *pipeline, int64_t since_ms,
                                  weir_demo_report *out_report, weir_error *err)
{
    WEIR_AUTO_PTR(weir_arena) arena = weir_arena_new(ROW_ARENA_BYTES_MAX);
    *out_report = (weir_demo_report){0};
    walk w = {.report = out_report,
              .codec = weir_pipeline_codec(pipeline),
              .arena = arena,
              .since_ms = since_ms};
    weir_status status = read_tables(pipeline, &w, err);
    weir_buf_cleanup(&w.last_key);
    if (status != WEIR_OK) {
        weir_demo_report_cleanup(out_report);
        return status;
    }
    qsort(out_report->outcomes.items, out_report->outcomes.count, sizeof(weir_report_count),
          by_count);
    qsort(out_report->reasons.items, out_report->reasons.count, sizeof(weir_report_count),
          by_count);
    return WEIR_OK;
}

static void free_counts(weir_report_counts *counts)
{
    for (size_t i = 0; i < counts->count; i++) {
        free(counts->items[i].label);
        free(counts->items[i].example);
    }
}

void weir_demo_report_cleanup(weir_demo_report *report)
{
    if (report == NULL) {
        return;
    }
    free_counts(&report->outcomes);
    free_counts(&report->reasons);
    free(report->cluster_id);
    free(report->kept_url);
    for (size_t i = 0; i < WEIR_REPORT_COPIES_MAX; i++) {
        free(report->copies[i]);
    }
    *report = (weir_demo_report){0};
}

static void print_counts(const weir_report_counts *counts, FILE *to)
{
    for (size_t i = 0; i < counts->count; i++) {
        fprintf(to, "  %7" PRId64 "  %-28s  e.g. %s\n", counts->items[i].count,
                counts->items[i].label, counts->items[i].example);
    }
}

static void print_duplicates(const weir_demo_report *report, FILE *to)
{
    fprintf(to, "\nDuplicates: %" PRId64 " pages that another stands for, clusters: %" PRId64 "\n",
            report->duplicate_count, report->cluster_count);
    if (report->kept_url == NULL) {
        return;
    }
    fprintf(to, "  the largest cluster: URLs: %" PRId64 ", different texts: %" PRId64 "\n",
            report->cluster_urls, report->cluster_documents);
    fprintf(to, "    kept     %s\n", report->kept_url);
    for (size_t i = 0; i < WEIR_REPORT_COPIES_MAX && report->copies[i] != NULL; i++) {
        fprintf(to, "    copy of  %s\n", report->copies[i]);
    }
}

void weir_demo_report_print(const weir_demo_report *report, FILE *to)
{
    fprintf(to, "\nPages by outcome (fetch, then extract)\n");
    print_counts(&report->outcomes, to);
    fprintf(to, "\nRows of the tables\n");
    fprintf(to, "  %7" PRId64 "  url_latest\n", report->url_rows);
    fprintf(to, "  %7" PRId64 "  content_cluster\n", report->cluster_rows);
    fprintf(to, "  %7" PRId64 "  dataset_membership, %" PRId64 " of them in dataset \"%s\"\n",
            report->membership_rows, report->member_rows, WEIR_DATASET_DEFAULT);
    print_duplicates(report, to);
    fprintf(to, "\nNot in the dataset, and why\n");
    if (report->reasons.count == 0) {
        fprintf(to, "  nothing was left out\n");
    }
    print_counts(&report->reasons, to);
}
