/* SPDX-License-Identifier: Apache-2.0
 *
 * file.h - files and directories: whole-file reads, atomic replacement, locks.
 *
 * Errors     WEIR_NOT_FOUND where there is no such file; WEIR_IO with path and errno otherwise.
 * Threads    Any.
 */
#ifndef WEIR_STREAMS_BASE_FILE_H
#define WEIR_STREAMS_BASE_FILE_H

#include "streams/base/bytes.h"
#include "streams/base/status.h"

/* Replaces *out_content, which is undefined after an error. A file of more than bytes_max is
 * WEIR_INVALID. */
weir_status weir_file_read(const char *path, size_t bytes_max, weir_buf *out_content,
                           weir_error *err);

/* Writes path atomically: a temporary file beside it, then a rename. With sync, content and
 * directory are on disk when the call returns. */
weir_status weir_file_replace(const char *path, weir_bytes content, bool sync, weir_error *err);

/* Makes path and its parents; OK where it exists. */
weir_status weir_directory_make(const char *path, weir_error *err);

/* Puts the names in directory path on disk. */
weir_status weir_directory_sync(const char *path, weir_error *err);

/* Removes path and all below it; OK where there is nothing. */
weir_status weir_directory_remove(const char *path, weir_error *err);

/* Locks path/.lock for this process. WEIR_INVALID, with the sentence that says what to do, where
 * another process holds it. *out_fd is closed to unlock. */
weir_status weir_directory_lock(const char *path, int *out_fd, weir_error *err);

#endif
