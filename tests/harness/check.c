/* SPDX-License-Identifier: Apache-2.0
 *
 * check.c - registers tests, runs them, and says what failed.
 */
#include "tests/harness/check.h"

#include "streams/base/file.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIRECTORIES_MAX = 4096 };

static check_test *tests;
static const char *running;
static char *directories[DIRECTORIES_MAX];
static size_t directory_count;

void check_register(check_test *test)
{
    check_test **end = &tests;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = test;
}

_Noreturn void check_fail(const char *file, int line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "FAILED %s\n  %s:%d: ", running, file, line);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
    exit(1);
}

static void print_bytes(weir_buf *to, weir_bytes bytes)
{
    if (bytes.data == NULL) {
        weir_buf_append_text(to, "null");
        return;
    }
    const uint8_t *data = bytes.data;
    for (size_t i = 0; i < bytes.size; i++) {
        if (data[i] >= ' ' && data[i] < 0x7f) {
            weir_buf_append_byte(to, data[i]);
        } else {
            weir_buf_append_format(to, "\\x%02x", data[i]);
        }
    }
}

void check_bytes(const char *file, int line, const char *expression, weir_bytes got,
                 weir_bytes wanted)
{
    if (weir_bytes_equal(got, wanted)) {
        return;
    }
    WEIR_AUTO(weir_buf) got_text = {0};
    WEIR_AUTO(weir_buf) wanted_text = {0};
    print_bytes(&got_text, got);
    print_bytes(&wanted_text, wanted);
    check_fail(file, line, "%s:\n    got    %s\n    wanted %s", expression,
               weir_buf_text(&got_text), weir_buf_text(&wanted_text));
}

void check_text(const char *file, int line, const char *expression, const char *got,
                const char *wanted)
{
    if (got == wanted || (got != NULL && wanted != NULL && strcmp(got, wanted) == 0)) {
        return;
    }
    check_fail(file, line, "%s:\n    got    %s\n    wanted %s", expression,
               got == NULL ? "NULL" : got, wanted == NULL ? "NULL" : wanted);
}

char *check_directory(void)
{
    const char *parent = getenv("TMPDIR");
    char *path = weir_format("%s/weir-test-XXXXXX", parent == NULL ? "/tmp" : parent);
    if (mkdtemp(path) == NULL || directory_count == DIRECTORIES_MAX) {
        check_fail(__FILE__, __LINE__, "cannot make %s", path);
    }
    directories[directory_count++] = weir_strdup(path);
    return path;
}

uint64_t check_number(const char *variable, uint64_t fallback)
{
    const char *text = getenv(variable);
    return text == NULL ? fallback : strtoull(text, NULL, 10);
}

uint64_t check_seed(uint64_t fallback)
{
    uint64_t seed = check_number("WEIR_TEST_SEED", fallback);
    printf("  seed %" PRIu64 " (WEIR_TEST_SEED=%" PRIu64 " replays it)\n", seed, seed);
    return seed;
}

static bool is_chosen(const check_test *test, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], test->name) == 0) {
            return true;
        }
    }
    return argc == 1;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (const check_test *test = tests; test != NULL; test = test->next) {
            puts(test->name);
        }
        return 0;
    }
    int count = 0;
    for (const check_test *test = tests; test != NULL; test = test->next) {
        if (is_chosen(test, argc, argv)) {
            running = test->name;
            printf("%s\n", test->name);
            fflush(stdout);
            test->run();
            count++;
        }
    }
    for (size_t i = 0; i < directory_count; i++) {
        weir_error err = {0};
        if (weir_directory_remove(directories[i], &err) != WEIR_OK) {
            fprintf(stderr, "%s\n", err.message);
        }
        free(directories[i]);
    }
    printf("%d tests passed\n", count);
    return count > 0 ? 0 : 1;
}
