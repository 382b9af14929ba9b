/* SPDX-License-Identifier: Apache-2.0
 *
 * demo_site.c - starts `weir serve-site` with a socket that already listens, so that the port is
 * known before the crawl begins and requests wait for the server rather than fail.
 *
 * The server is in a process group of its own: the Ctrl-C that ends the crawl does not reach it
 * before the requests in flight have ended.
 */
#include "topologies/demo_site.h"

#include "connectors/site_server.h"
#include "streams/base/file.h"
#include "streams/base/properties.h"

#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILD_LISTENER = 3 };

extern char **environ;

static bool has_index(const char *directory)
{
    WEIR_AUTO_FREE char *index = weir_format("%s/index.html", directory);
    struct stat about;
    return stat(index, &about) == 0 && S_ISREG(about.st_mode);
}

weir_status weir_demo_site_find(char **out_directory, weir_error *err)
{
    /* python3.11-doc on Debian 12, python3.12-doc on Ubuntu 24.04, …; python3-doc depends on it. */
    glob_t found;
    *out_directory = NULL;
    if (glob("/usr/share/doc/python3.[0-9]*/html", 0, NULL, &found) == 0) {
        for (size_t i = found.gl_pathc; i > 0 && *out_directory == NULL; i--) {
            if (has_index(found.gl_pathv[i - 1])) {
                *out_directory = weir_strdup(found.gl_pathv[i - 1]);
            }
        }
        globfree(&found);
    }
    return *out_directory != NULL
               ? WEIR_OK
               : weir_error_set(err, WEIR_INVALID,
                                "there is no HTML documentation in /usr/share/doc/python3.*/html: "
                                "install the package python3-doc, or name a directory with --site");
}

static char *note_path(const char *data_directory)
{
    return weir_format("%s/demo.properties", data_directory);
}

/* Reads the port that data_directory notes for directory; 0: it notes nothing. */
static weir_status read_note(const char *directory, const char *data_directory, uint16_t *out_port,
                             weir_error *err)
{
    WEIR_AUTO_FREE char *path = note_path(data_directory);
    WEIR_AUTO_PTR(weir_properties) note = weir_properties_new();
    *out_port = 0;
    weir_status status = weir_properties_load(note, path, err);
    if (status == WEIR_NOT_FOUND) {
        return WEIR_OK;
    }
    WEIR_TRY(status);
    const char *site = weir_properties_get(note, "site");
    const char *port = weir_properties_get(note, "port");
    if (site == NULL || port == NULL || strcmp(site, directory) != 0) {
        return weir_error_set(err, WEIR_INVALID,
                              "%s holds the crawl of %s: --fresh begins anew, --data names another "
                              "directory",
                              data_directory, site == NULL ? "something else" : site);
    }
    *out_port = (uint16_t)strtoul(port, NULL, 10);
    return WEIR_OK;
}

static weir_status write_note(const char *directory, const char *data_directory, uint16_t port,
                              weir_error *err)
{
    WEIR_AUTO_FREE char *path = note_path(data_directory);
    WEIR_AUTO(weir_buf) note = {0};
    weir_buf_append_format(&note, "site=%s\nport=%u\n", directory, (unsigned)port);
    WEIR_TRY(weir_directory_make(data_directory, err));
    return weir_file_replace(path, weir_buf_bytes(&note), false, err);
}

/* Starts the server; it has the listener, whose own copy the caller closes. */
static weir_status spawn(const char *directory, int listener, pid_t *out_process, weir_error *err)
{
    char *program = "/proc/self/exe";
    char listener_text[] = {'0' + CHILD_LISTENER, '\0'};
    char *argv[] = {"weir", "serve-site", (char *)directory, "--listener", listener_text, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, listener, CHILD_LISTENER);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    int code = posix_spawn(out_process, program, &files, &attributes, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    return code == 0 ? WEIR_OK
                     : weir_error_set(err, WEIR_IO, "the site server: %s", strerror(code));
}

weir_status weir_demo_site_start(const char *directory, const char *data_directory,
                                 weir_demo_site *out_site, weir_error *err)
{
    uint16_t port = 0;
    int listener = -1;
    if (!has_index(directory)) {
        return weir_error_set(err, WEIR_INVALID, "%s has no index.html to begin with", directory);
    }
    WEIR_TRY(read_note(directory, data_directory, &port, err));
    weir_status status = weir_site_listen(port, &listener, &port, err);
    if (status != WEIR_OK) {
        return weir_error_wrap(err, status, "%s goes on with this port only (--fresh: another one)",
                               data_directory);
    }
    status = spawn(directory, listener, &out_site->process, err);
    (void)close(listener);
    WEIR_TRY(status);
    out_site->directory = weir_strdup(directory);
    out_site->host = weir_format("127.0.0.1:%u", (unsigned)port);
    return write_note(directory, data_directory, port, err);
}

void weir_demo_site_cleanup(weir_demo_site *site)
{
    if (site->process > 0) {
        (void)kill(site->process, SIGTERM);
        (void)waitpid(site->process, NULL, 0);
    }
    free(site->directory);
    free(site->host);
    *site = (weir_demo_site){0};
}

weir_status weir_demo_forget(const char *data_directory, weir_error *err)
{
    struct stat about;
    WEIR_AUTO_FREE char *note = note_path(data_directory);
    WEIR_AUTO_FREE char *broker = weir_format("%s/broker", data_directory);
    if (stat(data_directory, &about) != 0) {
        return WEIR_OK;
    }
    if (stat(note, &about) != 0) {
        return weir_error_set(err, WEIR_INVALID,
                              "%s was not made by a demo: it is not removed for --fresh",
                              data_directory);
    }
    int lock = -1;
    if (stat(broker, &about) == 0) {
        WEIR_TRY(weir_directory_lock(broker, &lock, err));
    }
    weir_status status = weir_directory_remove(data_directory, err);
    if (lock >= 0) {
        (void)close(lock);
    }
    return status;
}
