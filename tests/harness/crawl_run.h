/* SPDX-License-Identifier: Apache-2.0
 *
 * crawl_run.h - the whole pipeline with its threads against a scripted web server: real sockets on
 * loopback, the real clock.
 *
 * Ownership  crawl_run_cleanup frees everything.
 * Errors     A call that fails, or a crawl that does not end within a minute, ends the test.
 * Threads    One.
 */
#ifndef WEIR_TESTS_HARNESS_CRAWL_RUN_H
#define WEIR_TESTS_HARNESS_CRAWL_RUN_H

#include "tests/harness/topic_records.h"
#include "tests/harness/web_server.h"
#include "topologies/pipeline.h"

typedef struct crawl_run {
    web_server *server;
    char *directory;
    weir_pipeline_options options;
    weir_pipeline *pipeline;
} crawl_run;

/* Starts a server, which by_proxy makes the proxy through which every host name leads to it. */
void crawl_run_start(crawl_run *run, const weir_crawl_settings *crawl, bool by_proxy);
void crawl_run_cleanup(crawl_run *run);

/* Crawls from the seeds (ending with a NULL) until the pipeline is idle. */
void crawl_run_until_idle(crawl_run *run, const char *const *seeds);

/* The last outcome of a URL, for the caller to free; "" where there is none. */
char *crawl_run_outcome(crawl_run *run, const char *url);

/* Number of records of a topic. */
size_t crawl_run_count(crawl_run *run, weir_topic_id topic);

/* Ends the test where the server was asked too fast, or twice at a time by one host. */
void crawl_run_check_polite(crawl_run *run, uint64_t delay_ms);

#endif
