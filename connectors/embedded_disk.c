/* SPDX-License-Identifier: Apache-2.0
 *
 * embedded_disk.c - POSIX calls with messages, and the planned crash of tests.
 *
 * A crash cuts the write that it hits after some of its bytes; whatever comes later fails, so that
 * the files stay as a process that was killed at that moment would have left them.
 */
#include "connectors/embedded_disk.h"

#include "streams/base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MODE = 0666, PER_MILLE = 1000 };

static weir_status fail(weir_error *err, const char *verb, const char *path)
{
    return weir_error_set(err, WEIR_IO, "cannot %s %s: %s", verb, path, strerror(errno));
}

static weir_status refuse(weir_error *err, const char *path)
{
    return weir_error_set(err, WEIR_IO, "%s: planned crash", path);
}

/* True when the planned crash comes before or in this change. */
static bool crashes(weir_disk *disk)
{
    if (disk->changes_to_crash > 0 && !disk->crashed && --disk->changes_to_crash == 0) {
        disk->crashed = true;
    }
    return disk->crashed;
}

weir_status weir_disk_open(weir_disk *disk, const char *path, bool create, int *out_fd,
                           weir_error *err)
{
    WEIR_ASSERT(out_fd != NULL);
    if (create && crashes(disk)) {
        return refuse(err, path);
    }
    int fd = open(path, O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0), FILE_MODE);
    if (fd < 0) {
        return errno == ENOENT && !create ? WEIR_NOT_FOUND : fail(err, "open", path);
    }
    *out_fd = fd;
    return WEIR_OK;
}

static weir_status write_all(int fd, const char *path, int64_t position, weir_bytes content,
                             weir_error *err)
{
    const char *data = content.data;
    for (size_t done = 0; done < content.size;) {
        ssize_t wrote = pwrite(fd, data + done, content.size - done, position + (off_t)done);
        if (wrote < 0 && errno != EINTR) {
            return fail(err, "write", path);
        }
        done += wrote < 0 ? 0 : (size_t)wrote;
    }
    return WEIR_OK;
}

weir_status weir_disk_write(weir_disk *disk, int fd, const char *path, int64_t position,
                            weir_bytes content, weir_error *err)
{
    WEIR_ASSERT(fd >= 0);
    WEIR_ASSERT(position >= 0);
    bool was_alive = !disk->crashed;
    if (crashes(disk)) {
        if (was_alive) {
            content.size = content.size * disk->crash_per_mille / PER_MILLE;
            WEIR_TRY(write_all(fd, path, position, content, err));
        }
        return refuse(err, path);
    }
    return write_all(fd, path, position, content, err);
}

weir_status weir_disk_read(int fd, const char *path, int64_t position, void *to, size_t size,
                           weir_error *err)
{
    WEIR_ASSERT(fd >= 0);
    for (size_t done = 0; done < size;) {
        ssize_t got = pread(fd, (char *)to + done, size - done, position + (off_t)done);
        if (got < 0 && errno != EINTR) {
            return fail(err, "read", path);
        }
        if (got == 0) {
            return weir_error_set(err, WEIR_CORRUPT, "%s ends at byte %lld, wanted %zu more", path,
                                  (long long)position + (long long)done, size - done);
        }
        done += got < 0 ? 0 : (size_t)got;
    }
    return WEIR_OK;
}

weir_status weir_disk_size(int fd, const char *path, int64_t *out_bytes, weir_error *err)
{
    struct stat info;
    if (fstat(fd, &info) != 0) {
        return fail(err, "stat", path);
    }
    *out_bytes = info.st_size;
    return WEIR_OK;
}

weir_status weir_disk_sync(weir_disk *disk, int fd, const char *path, weir_error *err)
{
    if (disk->never_syncs) {
        return WEIR_OK;
    }
    if (crashes(disk)) {
        return refuse(err, path);
    }
    return fdatasync(fd) == 0 ? WEIR_OK : fail(err, "sync", path);
}

weir_status weir_disk_truncate(weir_disk *disk, int fd, const char *path, int64_t bytes,
                               weir_error *err)
{
    WEIR_ASSERT(bytes >= 0);
    if (crashes(disk)) {
        return refuse(err, path);
    }
    return ftruncate(fd, bytes) == 0 ? WEIR_OK : fail(err, "truncate", path);
}

weir_status weir_disk_sync_directory(weir_disk *disk, const char *path, weir_error *err)
{
    if (!disk->sync_each_commit) {
        return WEIR_OK;
    }
    return crashes(disk) ? refuse(err, path) : weir_directory_sync(path, err);
}

weir_status weir_disk_rename(weir_disk *disk, const char *from, const char *to, weir_error *err)
{
    if (crashes(disk)) {
        return refuse(err, from);
    }
    if (rename(from, to) != 0) {
        return fail(err, "rename to", to);
    }
    WEIR_AUTO_FREE char *directory = weir_strdup(to);
    char *slash = strrchr(directory, '/');
    WEIR_ASSERT(slash != NULL);
    *slash = '\0';
    return weir_disk_sync_directory(disk, directory, err);
}

weir_status weir_disk_remove(weir_disk *disk, const char *path, weir_error *err)
{
    if (crashes(disk)) {
        return refuse(err, path);
    }
    if (unlink(path) == 0 || errno == ENOENT) {
        return WEIR_OK;
    }
    return errno == EISDIR || errno == EPERM ? weir_directory_remove(path, err)
                                             : fail(err, "remove", path);
}

static weir_status
visit_entries(DIR *directory, weir_status (*visit)(void *user, const char *name, weir_error *err),
              void *user, weir_error *err)
{
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        if (entry->d_name[0] != '.') {
            WEIR_TRY(visit(user, entry->d_name, err));
        }
    }
    return WEIR_OK;
}

weir_status weir_disk_list(const char *path,
                           weir_status (*visit)(void *user, const char *name, weir_error *err),
                           void *user, weir_error *err)
{
    DIR *directory = opendir(path);
    if (directory == NULL) {
        return fail(err, "list", path);
    }
    weir_status status = visit_entries(directory, visit, user, err);
    (void)closedir(directory); /* It was only read. */
    return status;
}
