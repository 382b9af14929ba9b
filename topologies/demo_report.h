/* SPDX-License-Identifier: Apache-2.0
 *
 * demo_report.h - what came of a crawl, for people: counted from the rows of the three tables, not
 * from counters, so it is as true as the tables are.
 *
 * Ownership  A report owns what it holds.
 * Errors     WEIR_AGAIN while the tables are being restored.
 * Threads    One; the pipeline runs, idle or not.
 */
#ifndef WEIR_TOPOLOGIES_DEMO_REPORT_H
#define WEIR_TOPOLOGIES_DEMO_REPORT_H

#include "topologies/pipeline.h"

#include <stdio.h>

enum { WEIR_REPORT_LABELS_MAX = 64, WEIR_REPORT_COPIES_MAX = 3 };

/* How many rows have a property, and one of them. */
typedef struct weir_report_count {
    char *label;
    char *example; /* A URL. */
    int64_t count;
} weir_report_count;

typedef struct weir_report_counts {
    weir_report_count
        items[WEIR_REPORT_LABELS_MAX]; /* The last is "others" where there are more. */
    size_t count;
} weir_report_counts;

typedef struct weir_demo_report {
    weir_report_counts outcomes;
    weir_report_counts reasons; /* Why pages are not in the dataset. */
    int64_t url_rows;
    int64_t cluster_rows;
    int64_t membership_rows;
    int64_t member_rows;
    int64_t fetched_since;   /* URLs whose last fetch was at or after since_ms. */
    int64_t cluster_count;   /* Clusters of more than one URL. */
    int64_t duplicate_count; /* URLs that another one of their cluster stands for. */
    char *cluster_id;        /* The example: the cluster of most contents, then of most URLs. */
    int64_t cluster_documents;
    int64_t cluster_urls;
    char *kept_url;
    char *copies[WEIR_REPORT_COPIES_MAX];
} weir_demo_report;

/* Reads the tables. since_ms: when this run began. */
weir_status weir_demo_report_read(weir_pipeline *pipeline, int64_t since_ms,
                                  weir_demo_report *out_report, weir_error *err);
void weir_demo_report_cleanup(weir_demo_report *report);

/* Prints it. */
void weir_demo_report_print(const weir_demo_report *report, FILE *to);

#endif
