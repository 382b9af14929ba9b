/* SPDX-License-Identifier: Apache-2.0
 *
 * check.h - the test framework: TEST(a_sentence) { CHECK…; }, one binary per file, main included.
 *
 * A failed check prints file, line and both values and ends the process with 1: nothing runs on
 * from a broken state, and ctest runs the other binaries. Usage: test_x [NAME…] runs the named
 * tests only; test_x --list names them.
 */
#ifndef WEIR_TESTS_HARNESS_CHECK_H
#define WEIR_TESTS_HARNESS_CHECK_H

#include "streams/base/bytes.h"
#include "streams/base/status.h"

#include <inttypes.h>

typedef struct check_test {
    const char *name;
    void (*run)(void);
    struct check_test *next;
} check_test;

void check_register(check_test *test);
_Noreturn void check_fail(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void check_bytes(const char *file, int line, const char *expression, weir_bytes got,
                 weir_bytes wanted);
void check_text(const char *file, int line, const char *expression, const char *got,
                const char *wanted);

/* A fresh directory below the build's temporary directory, removed when the test binary ends well.
 * The caller frees the path. */
char *check_directory(void);

/* The seed of this run: WEIR_TEST_SEED if it is set, else fallback. It is printed. */
uint64_t check_seed(uint64_t fallback);

/* The number in an environment variable, or fallback where it is not set. */
uint64_t check_number(const char *variable, uint64_t fallback);

#define TEST(sentence)                                                                             \
    static void test_##sentence(void);                                                             \
    __attribute__((constructor)) static void register_##sentence(void)                             \
    {                                                                                              \
        static check_test test = {#sentence, test_##sentence, NULL};                               \
        check_register(&test);                                                                     \
    }                                                                                              \
    static void test_##sentence(void)

#define CHECK(condition) ((condition) ? (void)0 : check_fail(__FILE__, __LINE__, "%s", #condition))

/* A place that a test must not reach. */
#define CHECK_NEVER(reason) check_fail(__FILE__, __LINE__, "%s", (reason))

#define CHECK_I64(got, compare, wanted)                                                            \
    do {                                                                                           \
        int64_t check_got_ = (int64_t)(got);                                                       \
        int64_t check_wanted_ = (int64_t)(wanted);                                                 \
        if (!(check_got_ compare check_wanted_)) {                                                 \
            check_fail(__FILE__, __LINE__, "%s %s %s: got %" PRId64 ", wanted %s %" PRId64, #got,  \
                       #compare, #wanted, check_got_, #compare, check_wanted_);                    \
        }                                                                                          \
    } while (0)

#define CHECK_STR(got, wanted) check_text(__FILE__, __LINE__, #got, (got), (wanted))
#define CHECK_BYTES(got, wanted) check_bytes(__FILE__, __LINE__, #got, (got), (wanted))

/* A call that answers WEIR_OK; err is the weir_error that was passed to it. */
#define CHECK_OK(call, err)                                                                        \
    do {                                                                                           \
        weir_status check_status_ = (call);                                                        \
        if (check_status_ != WEIR_OK) {                                                            \
            check_fail(__FILE__, __LINE__, "%s: %s %s", #call, weir_status_name(check_status_),    \
                       (err)->message);                                                            \
        }                                                                                          \
    } while (0)

#define CHECK_STATUS(call, wanted)                                                                 \
    do {                                                                                           \
        weir_status check_status_ = (call);                                                        \
        if (check_status_ != (wanted)) {                                                           \
            check_fail(__FILE__, __LINE__, "%s: got %s, wanted %s", #call,                         \
                       weir_status_name(check_status_), weir_status_name(wanted));                 \
        }                                                                                          \
    } while (0)

#endif
