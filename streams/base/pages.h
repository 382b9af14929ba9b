/* SPDX-License-Identifier: Apache-2.0
 *
 * pages.h - a large piece of memory that is taken page by page as it is written, for tables that
 * are looked into at random: where they are full, they lie in huge pages if the kernel has some.
 * And the pages of the program's files, which only its start has needed.
 *
 * Threads    Any; calls for the same pages exclude each other.
 */
#ifndef WEIR_STREAMS_BASE_PAGES_H
#define WEIR_STREAMS_BASE_PAGES_H

#include <stddef.h>

/* Zeroed memory of bytes, more than none; aborts where there are no addresses left. */
void *weir_pages_new(size_t bytes);
void weir_pages_free(void *pages, size_t bytes);

/* All of these bytes are in use: what they take does not grow, but a look at them costs less. Where
 * the kernel has no huge pages, nothing changes. */
void weir_pages_merge(void *from, size_t bytes);

/* What is in whole pages of these bytes is zero again, and takes no memory. */
void weir_pages_give_back(void *from, size_t bytes);

/* Code and constants of the program and its libraries take no memory until they are used again,
 * from the page cache as a rule: a start touches twice what the work needs. Costs a few hundred
 * page faults, now and then. Breakpoints that a debugger has set in the code are lost. */
void weir_pages_give_back_files(void);

#endif
