/* SPDX-License-Identifier: Apache-2.0
 *
 * file.c - small wrappers around POSIX files, with messages that name the path.
 */
#include "streams/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DIRECTORY_MODE = 0777, FILE_MODE = 0666, OPEN_DIRECTORIES_MAX = 16, READ_MORE_BYTES = 4096 };

static weir_status fail(weir_error *err, const char *verb, const char *path)
{
    return weir_error_set(err, WEIR_IO, "cannot %s %s: %s", verb, path, strerror(errno));
}

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd); /* What had to reach the disk was synced before. */
    }
}

#define AUTO_FD __attribute__((cleanup(close_fd))) int

static weir_status refuse_size(weir_error *err, const char *path, size_t bytes_max)
{
    return weir_error_set(err, WEIR_INVALID, "%s has more than the %zu bytes that are read", path,
                          bytes_max);
}

/* Reads to the end, whatever size the file said it has: it may grow, and files of /proc say 0. */
static weir_status read_all(int fd, const char *path, size_t bytes_max, size_t bytes_expected,
                            weir_buf *out_content, weir_error *err)
{
    weir_buf_clear(out_content);
    for (;;) {
        size_t left = bytes_expected + 1 > out_content->size
                          ? bytes_expected + 1 - out_content->size
                          : READ_MORE_BYTES;
        ssize_t got = read(fd, weir_buf_reserve(out_content, left), left);
        if (got < 0 && errno != EINTR) {
            return fail(err, "read", path);
        }
        if (got == 0) {
            return WEIR_OK;
        }
        out_content->size += got < 0 ? 0 : (size_t)got;
        if (out_content->size > bytes_max) {
            return refuse_size(err, path, bytes_max);
        }
    }
}

weir_status weir_file_read(const char *path, size_t bytes_max, weir_buf *out_content,
                           weir_error *err)
{
    WEIR_ASSERT(path != NULL && out_content != NULL);
    AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? WEIR_NOT_FOUND : fail(err, "open", path);
    }
    struct stat info;
    if (fstat(fd, &info) != 0) {
        return fail(err, "stat", path);
    }
    if (info.st_size > 0 && (uint64_t)info.st_size > bytes_max) {
        return refuse_size(err, path, bytes_max);
    }
    return read_all(fd, path, bytes_max, (size_t)info.st_size, out_content, err);
}

static weir_status write_all(int fd, weir_bytes content, const char *path, weir_error *err)
{
    for (size_t done = 0; done < content.size;) {
        ssize_t wrote = write(fd, (const char *)content.data + done, content.size - done);
        if (wrote < 0 && errno != EINTR) {
            return fail(err, "write", path);
        }
        done += wrote < 0 ? 0 : (size_t)wrote;
    }
    return WEIR_OK;
}

static weir_status write_temporary(const char *path, weir_bytes content, bool sync, weir_error *err)
{
    AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);
    if (fd < 0) {
        return fail(err, "create", path);
    }
    WEIR_TRY(write_all(fd, content, path, err));
    if (sync && fsync(fd) != 0) {
        return fail(err, "sync", path);
    }
    return WEIR_OK;
}

weir_status weir_file_replace(const char *path, weir_bytes content, bool sync, weir_error *err)
{
    WEIR_ASSERT(path != NULL);
    WEIR_ASSERT(content.size == 0 || content.data != NULL);
    WEIR_AUTO_FREE char *temporary = weir_format("%s.%d.%p.tmp", path, getpid(), (void *)&content);
    weir_status status = write_temporary(temporary, content, sync, err);
    if (status == WEIR_OK && rename(temporary, path) != 0) {
        status = fail(err, "rename to", path);
    }
    if (status != WEIR_OK) {
        (void)unlink(temporary); /* It may not exist; the first failure is the one to tell. */
        return status;
    }
    if (!sync) {
        return WEIR_OK;
    }
    WEIR_AUTO_FREE char *directory = weir_strdup(path);
    char *slash = strrchr(directory, '/');
    if (slash == NULL) {
        return weir_directory_sync(".", err);
    }
    *slash = '\0';
    return weir_directory_sync(directory[0] == '\0' ? "/" : directory, err);
}

weir_status weir_directory_make(const char *path, weir_error *err)
{
    WEIR_ASSERT(path != NULL);
    WEIR_AUTO_FREE char *partial = weir_strdup(path);
    for (char *at = partial; *at != '\0'; at++) {
        if (*at == '/' && at > partial) {
            *at = '\0';
            if (mkdir(partial, DIRECTORY_MODE) != 0 && errno != EEXIST) {
                return fail(err, "make directory", partial);
            }
            *at = '/';
        }
    }
    if (mkdir(path, DIRECTORY_MODE) != 0 && errno != EEXIST) {
        return fail(err, "make directory", path);
    }
    return WEIR_OK;
}

weir_status weir_directory_sync(const char *path, weir_error *err)
{
    AUTO_FD fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return fail(err, "open", path);
    }
    return fsync(fd) == 0 ? WEIR_OK : fail(err, "sync", path);
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info;
    (void)type;
    (void)where;
    return remove(path);
}

weir_status weir_directory_remove(const char *path, weir_error *err)
{
    if (nftw(path, remove_one, OPEN_DIRECTORIES_MAX, FTW_DEPTH | FTW_PHYS) != 0 &&
        errno != ENOENT) {
        return fail(err, "remove", path);
    }
    return WEIR_OK;
}

weir_status weir_directory_lock(const char *path, int *out_fd, weir_error *err)
{
    WEIR_ASSERT(path != NULL && out_fd != NULL);
    WEIR_TRY(weir_directory_make(path, err));
    WEIR_AUTO_FREE char *name = weir_format("%s/.lock", path);
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
    if (fd < 0) {
        return fail(err, "open", name);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        weir_status status =
            errno == EWOULDBLOCK
                ? weir_error_set(err, WEIR_INVALID,
                                 "another process uses %s: stop it, or choose another directory",
                                 path)
                : fail(err, "lock", name);
        (void)close(fd); /* Nothing was written. */
        return status;
    }
    *out_fd = fd;
    return WEIR_OK;
}
