/* SPDX-License-Identifier: Apache-2.0
 *
 * fault_disk.c - stands between this process and libc's writes.
 *
 * Only regular files fail: librdkafka and mailboxes wake their threads with write on pipes and
 * eventfds. With ENOSPC a file may still be opened, as on a full disk; with EROFS not for writing.
 *
 * All of it goes to the kernel: ThreadSanitizer does not see a file being opened here, so what it
 * sees of a descriptor afterwards would seem to race with the use of the one before.
 */
#include "tests/faults/fault_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_int disk_error;
static atomic_int writes_before; /* So many more work. */
static atomic_int writes_left;   /* So many fail then. */

void fault_disk_set(int error)
{
    atomic_store(&writes_before, 0);
    atomic_store(&writes_left, INT_MAX);
    atomic_store(&disk_error, error);
}

void fault_disk_fail(int error, unsigned after, unsigned count)
{
    atomic_store(&writes_before, (int)after);
    atomic_store(&writes_left, (int)count);
    atomic_store(&disk_error, error);
}

/* Whether this write is one of those that fail. */
static bool is_chosen(void)
{
    return atomic_fetch_sub(&writes_before, 1) <= 0 && atomic_fetch_sub(&writes_left, 1) > 0;
}

static bool fails(int fd)
{
    int error = atomic_load(&disk_error);
    struct stat status;
    if (error == 0 || syscall(SYS_fstat, fd, &status) != 0 || !S_ISREG(status.st_mode) ||
        !is_chosen()) {
        return false;
    }
    errno = error;
    return true;
}

ssize_t write(int fd, const void *bytes, size_t size)
{
    return fails(fd) ? -1 : syscall(SYS_write, fd, bytes, size);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    return fails(fd) ? -1 : syscall(SYS_pwrite64, fd, bytes, size, offset);
}

int ftruncate(int fd, off_t size)
{
    return fails(fd) ? -1 : (int)syscall(SYS_ftruncate, fd, size);
}

int fallocate(int fd, int mode, off_t offset, off_t size)
{
    return fails(fd) ? -1 : (int)syscall(SYS_fallocate, fd, mode, offset, size);
}

int open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it is, in the line above. */
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    if (atomic_load(&disk_error) == EROFS && (flags & O_ACCMODE) != O_RDONLY && is_chosen()) {
        errno = EROFS;
        return -1;
    }
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}
