/* SPDX-License-Identifier: Apache-2.0
 *
 * copy_directory.h - what a crash leaves: the files of a directory as they are at this moment, for
 * a second opener.
 */
#ifndef WEIR_TESTS_HARNESS_COPY_DIRECTORY_H
#define WEIR_TESTS_HARNESS_COPY_DIRECTORY_H

/* Copies the files of from (no folders, no locks) to the existing directory to. */
void check_copy_directory(const char *from, const char *to);

#endif
