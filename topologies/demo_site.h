/* SPDX-License-Identifier: Apache-2.0
 *
 * demo_site.h - the web site that `weir demo` crawls: a directory of this machine, served on
 * loopback by a process of its own.
 *
 * URLs name the port, so a crawl goes on only where its site has the same one: the data directory
 * notes site and port in the file demo.properties.
 *
 * Ownership  A weir_demo_site owns its strings and its process.
 * Errors     WEIR_INVALID says what to do.
 * Threads    One; the process is started before other threads are.
 */
#ifndef WEIR_TOPOLOGIES_DEMO_SITE_H
#define WEIR_TOPOLOGIES_DEMO_SITE_H

#include "streams/base/bytes.h"
#include "streams/base/status.h"

#include <sys/types.h>

typedef struct weir_demo_site {
    char *directory;
    char *host; /* "127.0.0.1:<port>" */
    pid_t process;
} weir_demo_site;

/* Finds the HTML documentation of Python that Debian and Ubuntu ship, the newest if there are
 * several; *out_directory is the caller's. WEIR_INVALID names the package. */
weir_status weir_demo_site_find(char **out_directory, weir_error *err);

/* Serves directory, under the port that data_directory notes; where it notes none, under a free
 * one, which it then does. WEIR_INVALID where data_directory holds the crawl of another site. */
weir_status weir_demo_site_start(const char *directory, const char *data_directory,
                                 weir_demo_site *out_site, weir_error *err);

/* Ends the process. */
void weir_demo_site_cleanup(weir_demo_site *site);

/* Empties a data directory that a demo has made and nobody uses; OK where there is none.
 * WEIR_INVALID where it is anything else. */
weir_status weir_demo_forget(const char *data_directory, weir_error *err);

#endif
