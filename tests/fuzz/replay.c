/* SPDX-License-Identifier: Apache-2.0
 *
 * replay.c - runs the files of a corpus through a fuzz target in an ordinary build, so that what a
 * fuzzer once found stays a test.
 */
#include "streams/base/file.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

enum { INPUT_BYTES_MAX = 64 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *directory, const char *name)
{
    WEIR_AUTO_FREE char *path = weir_format("%s/%s", directory, name);
    WEIR_AUTO(weir_buf) input = {0};
    weir_error err = {0};
    if (weir_file_read(path, INPUT_BYTES_MAX, &input, &err) != WEIR_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    return LLVMFuzzerTestOneInput(weir_buf_bytes(&input).data, input.size);
}

int main(int argc, char **argv)
{
    DIR *directory = argc == 2 ? opendir(argv[1]) : NULL;
    if (directory == NULL) {
        fprintf(stderr, "usage: %s CORPUS-DIRECTORY\n", argv[0]);
        return 2;
    }
    int count = 0;
    int failed = LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        if (entry->d_name[0] != '.') {
            failed |= replay(argv[1], entry->d_name);
            count++;
        }
    }
    closedir(directory);
    printf("%d inputs replayed\n", count);
    return failed != 0 || count == 0;
}
