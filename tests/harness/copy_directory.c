/* SPDX-License-Identifier: Apache-2.0
 *
 * copy_directory.c - a plain copy, file by file; again from the start where the set of files
 * changed meanwhile, for then the copy is of no one moment: RocksDB compacts on its own threads.
 */
#include "tests/harness/copy_directory.h"

#include "streams/base/hash.h"
#include "tests/harness/check.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ATTEMPTS = 1000 };

static bool is_left_out(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, "LOCK") == 0 ||
           strcmp(name, ".lock") == 0;
}

/* False: the file is gone. */
static bool copy_file(const char *from, const char *to, const char *name)
{
    WEIR_AUTO_FREE char *source = weir_format("%s/%s", from, name);
    WEIR_AUTO_FREE char *target = weir_format("%s/%s", to, name);
    FILE *in = fopen(source, "rb");
    if (in == NULL) {
        return false;
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
    return true;
}

/* Walks a directory and copies its files if asked to. *out_names tells one set of names from
 * another. False: a file was gone. */
static bool walk(const char *from, const char *to, bool copy, uint64_t *out_names)
{
    DIR *directory = opendir(from);
    CHECK(directory != NULL);
    bool whole = true;
    *out_names = 0;
    for (struct dirent *e = readdir(directory); e != NULL; e = readdir(directory)) {
        if (is_left_out(e->d_name)) {
            continue;
        }
        *out_names += weir_hash64(weir_bytes_of_text(e->d_name), 0);
        whole = (!copy || copy_file(from, to, e->d_name)) && whole;
    }
    closedir(directory);
    return whole;
}

static void empty(const char *path)
{
    DIR *directory = opendir(path);
    CHECK(directory != NULL);
    for (struct dirent *e = readdir(directory); e != NULL; e = readdir(directory)) {
        if (!is_left_out(e->d_name)) {
            WEIR_AUTO_FREE char *file = weir_format("%s/%s", path, e->d_name);
            CHECK(unlink(file) == 0);
        }
    }
    closedir(directory);
}

void check_copy_directory(const char *from, const char *to)
{
    for (int i = 0; i < ATTEMPTS; i++) {
        uint64_t before = 0;
        uint64_t copied = 0;
        uint64_t after = 0;
        (void)walk(from, to, false, &before);
        bool whole = walk(from, to, true, &copied);
        (void)walk(from, to, false, &after);
        if (whole && before == copied && copied == after) {
            return;
        }
        empty(to);
    }
    CHECK_NEVER("the directory never comes to rest");
}
