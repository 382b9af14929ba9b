/* SPDX-License-Identifier: Apache-2.0
 *
 * embedded_disk.h - what the embedded broker does to files, in one place: so that a test can crash
 * it at the n-th operation and see what the next start finds.
 *
 * Errors     WEIR_IO with path and cause; WEIR_CORRUPT where a file ends too early.
 * Threads    Any. A fault is planned before others use the disk, and runs on one thread.
 */
#ifndef WEIR_CONNECTORS_EMBEDDED_DISK_H
#define WEIR_CONNECTORS_EMBEDDED_DISK_H

#include "streams/base/bytes.h"
#include "streams/base/status.h"

typedef struct weir_disk {
    bool never_syncs; /* weir_disk_sync does nothing. */
    bool sync_each_commit;
    bool crashed;             /* Every later change fails, as if the process were dead. */
    int64_t changes_to_crash; /* 0: no fault. 1: the next change is the one that is cut. */
    uint32_t crash_per_mille; /* How much of the cut write reaches the file. */
} weir_disk;

/* Opens path for reading and writing, and makes it where create says so. WEIR_NOT_FOUND without. */
weir_status weir_disk_open(weir_disk *disk, const char *path, bool create, int *out_fd,
                           weir_error *err);

/* Writes all of content at position. */
weir_status weir_disk_write(weir_disk *disk, int fd, const char *path, int64_t position,
                            weir_bytes content, weir_error *err);

/* Reads exactly size bytes at position. */
weir_status weir_disk_read(int fd, const char *path, int64_t position, void *to, size_t size,
                           weir_error *err);

/* Size, fsync and truncation of an open file; path is for messages. */
weir_status weir_disk_size(int fd, const char *path, int64_t *out_bytes, weir_error *err);
weir_status weir_disk_sync(weir_disk *disk, int fd, const char *path, weir_error *err);
weir_status weir_disk_truncate(weir_disk *disk, int fd, const char *path, int64_t bytes,
                               weir_error *err);

/* Renames atomically; with sync_each_commit the directory of to is on disk then. */
weir_status weir_disk_rename(weir_disk *disk, const char *from, const char *to, weir_error *err);

/* Removes a file (OK where there is none) or a directory with all below it. */
weir_status weir_disk_remove(weir_disk *disk, const char *path, weir_error *err);

/* Puts the names in a directory on disk where sync_each_commit asks for it. */
weir_status weir_disk_sync_directory(weir_disk *disk, const char *path, weir_error *err);

/* Calls visit for each entry of a directory but those that begin with a dot. */
weir_status weir_disk_list(const char *path,
                           weir_status (*visit)(void *user, const char *name, weir_error *err),
                           void *user, weir_error *err);

#endif
