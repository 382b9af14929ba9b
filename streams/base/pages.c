/* SPDX-License-Identifier: Apache-2.0
 *
 * pages.c - anonymous mappings. Only what is full is made a huge page, at once and by itself
 * (MADV_COLLAPSE, Linux 6.1), which works where huge pages are switched off for all others too: a
 * mapping that is told to use them takes two megabytes for each page that is touched.
 */
#include "streams/base/pages.h"

#include "streams/base/status.h"

#include <link.h>
#include <stdint.h>
#include <sys/mman.h>

enum { HUGE_BYTES = 2 << 20, PAGE_BYTES = 4 << 10 };

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Of a kernel that is newer than the C library's headers. */
#endif

void *weir_pages_new(size_t bytes)
{
    WEIR_ASSERT(bytes > 0);

    void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    WEIR_ASSERT(pages != MAP_FAILED); /* Out of memory. */
    return pages;
}

void weir_pages_free(void *pages, size_t bytes)
{
    if (pages != NULL) {
        (void)munmap(pages, bytes);
    }
}

/* The part of the bytes that is whole pages of a size. */
static size_t whole_pages(void *from, size_t bytes, size_t page, void **out_first)
{
    uintptr_t first = ((uintptr_t)from + page - 1) / page * page;
    uintptr_t end = ((uintptr_t)from + bytes) / page * page;
    *out_first = (char *)from + (first - (uintptr_t)from);
    return end > first ? end - first : 0;
}

void weir_pages_merge(void *from, size_t bytes)
{
    void *first = NULL;
    size_t whole = whole_pages(from, bytes, HUGE_BYTES, &first);
    if (whole > 0) {
        (void)madvise(first, whole, MADV_COLLAPSE);
    }
}

void weir_pages_give_back(void *from, size_t bytes)
{
    void *first = NULL;
    size_t whole = whole_pages(from, bytes, PAGE_BYTES, &first);
    if (whole > 0) {
        (void)madvise(first, whole, MADV_DONTNEED);
    }
}

/* What was never writable is as it is in the file; the loader changes only what can be written. */
static int give_back_file(struct dl_phdr_info *object, size_t bytes, void *user)
{
    (void)bytes;
    (void)user;
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        if (part->p_type == PT_LOAD && (part->p_flags & PF_W) == 0) {
            void *from = (void *)(uintptr_t)(object->dlpi_addr + part->p_vaddr);
            weir_pages_give_back(from, part->p_memsz);
        }
    }
    return 0;
}

void weir_pages_give_back_files(void)
{
    (void)dl_iterate_phdr(give_back_file, NULL);
}
