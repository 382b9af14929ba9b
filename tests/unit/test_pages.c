/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory that is taken page by page (streams/base/pages.c).
 */
#include "streams/base/pages.h"
#include "tests/harness/check.h"

#include <stdint.h>
#include <string.h>

enum { BYTES = 9 << 20, FILL = 0xa5 };

TEST(pages_are_zero_and_keep_what_is_written_when_they_are_merged)
{
    uint8_t *pages = weir_pages_new(BYTES);
    for (size_t i = 0; i < BYTES; i++) {
        CHECK(pages[i] == 0);
    }
    memset(pages, FILL, BYTES);
    weir_pages_merge(pages, BYTES);
    weir_pages_merge(pages + 1, 1); /* No whole page. */
    for (size_t i = 0; i < BYTES; i++) {
        CHECK(pages[i] == FILL);
    }
    weir_pages_free(pages, BYTES);
}

TEST(pages_that_are_given_back_are_zero_and_the_bytes_beside_them_stay)
{
    enum { FROM = 12345, COUNT = 5 << 20 };
    uint8_t *pages = weir_pages_new(BYTES);
    memset(pages, FILL, BYTES);
    weir_pages_merge(pages, BYTES);
    weir_pages_give_back(pages + FROM, COUNT);
    size_t zeros = 0;
    for (size_t i = 0; i < BYTES; i++) {
        bool is_beside = i < FROM || i >= FROM + COUNT;
        zeros += pages[i] == 0 ? 1 : 0;
        CHECK(pages[i] == FILL || (pages[i] == 0 && !is_beside));
    }
    CHECK(zeros > COUNT - (size_t)(64 << 10));
    weir_pages_free(pages, BYTES);
    weir_pages_free(NULL, 0);
}

static const char constant[] = "a page of the program's file";

TEST(code_and_constants_are_there_after_their_pages_were_given_back)
{
    char copy[sizeof constant];
    memcpy(copy, constant, sizeof copy);
    weir_pages_give_back_files();
    weir_pages_give_back_files();
    CHECK(memcmp(copy, constant, sizeof copy) == 0);
}
