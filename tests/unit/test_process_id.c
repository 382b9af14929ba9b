/* SPDX-License-Identifier: Apache-2.0
 *
 * The id of a process is that of its data directory (topologies/process_id.c).
 */
#include "topologies/process_id.h"

#include "streams/base/file.h"
#include "tests/harness/check.h"

#include <stdlib.h>
#include <string.h>

static char *id_of(const char *directory)
{
    weir_error err = {0};
    char *id = NULL;
    CHECK_OK(weir_process_id_read(directory, &id, &err), &err);
    return id;
}

TEST(process_has_the_same_id_again_in_its_directory_and_another_elsewhere)
{
    WEIR_AUTO_FREE char *here = check_directory();
    WEIR_AUTO_FREE char *elsewhere = check_directory();
    WEIR_AUTO_FREE char *first = id_of(here);
    WEIR_AUTO_FREE char *again = id_of(here);
    WEIR_AUTO_FREE char *other = id_of(elsewhere);
    CHECK_I64(strlen(first), ==, 16);
    CHECK_STR(again, first);
    CHECK(strcmp(other, first) != 0);
}

TEST(file_that_holds_no_id_is_refused)
{
    weir_error err = {0};
    WEIR_AUTO_FREE char *directory = check_directory();
    WEIR_AUTO_FREE char *path = weir_format("%s/process-id", directory);
    static const char *const contents[] = {"", "0123", "0123456789ABCDEF", "0123456789abcdef0"};
    for (size_t i = 0; i < WEIR_COUNT_OF(contents); i++) {
        CHECK_OK(weir_file_replace(path, weir_bytes_of_text(contents[i]), false, &err), &err);
        char *id = NULL;
        CHECK_STATUS(weir_process_id_read(directory, &id, &err), WEIR_INVALID);
        CHECK(strstr(err.message, "delete it") != NULL);
    }
}
