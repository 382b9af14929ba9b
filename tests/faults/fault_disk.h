/* SPDX-License-Identifier: Apache-2.0
 *
 * fault_disk.h - a disk that fails on request: every write to a file of this process, whatever
 * library makes it, answers a chosen error for a while. Sockets and pipes go on.
 *
 * It needs no mount and so no root. The symbols write, pwrite, fallocate, ftruncate and open of the
 * program stand before those of libc for all shared libraries, hence for RocksDB.
 *
 * Threads    Any.
 */
#ifndef WEIR_TESTS_FAULTS_FAULT_DISK_H
#define WEIR_TESTS_FAULTS_FAULT_DISK_H

/* From now on writes fail with this errno (ENOSPC, EROFS, EIO); 0: they work. */
void fault_disk_set(int error);

/* After so many further writes the next count ones fail with error, then they work again. */
void fault_disk_fail(int error, unsigned after, unsigned count);

#endif
