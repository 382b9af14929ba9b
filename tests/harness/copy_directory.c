/* SPDX-License-Identifier: Apache-2.0
 *
 * copy_directory.c - a plain copy, file by file.
 */
#include "tests/harness/copy_directory.h"

#include "tests/harness/check.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

void check_copy_directory(const char *from, const char *to)
{
    DIR *directory = opendir(from);
    CHECK(directory != NULL);
    for (struct dirent *e = readdir(directory); e != NULL; e = readdir(directory)) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
            strcmp(e->d_name, "LOCK") == 0 || strcmp(e->d_name, ".lock") == 0) {
            continue;
        }
        WEIR_AUTO_FREE char *source = weir_format("%s/%s", from, e->d_name);
        WEIR_AUTO_FREE char *target = weir_format("%s/%s", to, e->d_name);
        FILE *in = fopen(source, "rb");
        if (in == NULL) {
            continue; /* RocksDB has just deleted a file that it no longer needs. */
        }
        FILE *out = fopen(target, "wb");
        CHECK(out != NULL);
        char block[4096];
        for (size_t n = fread(block, 1, sizeof block, in); n > 0;
             n = fread(block, 1, sizeof block, in)) {
            CHECK_I64(fwrite(block, 1, n, out), ==, n);
        }
        (void)fclose(in);
        CHECK(fclose(out) == 0);
    }
    closedir(directory);
}
