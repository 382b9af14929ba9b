/* SPDX-License-Identifier: Apache-2.0
 *
 * status.h - what a call tells its caller to do, and the message that says what happened.
 *
 * Threads    Any; a weir_error belongs to the thread on whose stack it lies.
 */
#ifndef WEIR_STREAMS_BASE_STATUS_H
#define WEIR_STREAMS_BASE_STATUS_H

#ifdef __clang__ /* gcc has no such attribute on types before C23. */
#define WEIR_CHECKED_TYPE __attribute__((warn_unused_result))
#else
#define WEIR_CHECKED_TYPE
#endif

/* The reaction that is asked for. A new cause is a new message, never a new status. */
typedef enum WEIR_CHECKED_TYPE weir_status {
    WEIR_OK = 0,
    WEIR_NOT_FOUND,  /* An answer, not a failure: there is no such thing. No message. */
    WEIR_AGAIN,      /* Nothing is lost; call again later. No message. */
    WEIR_INVALID,    /* The configuration or the calling code is wrong: fix it. */
    WEIR_BAD_RECORD, /* This input cannot be processed: skip it or send it to the dead letters. */
    WEIR_IO,         /* Abandon the task and resume it from its last commit. */
    WEIR_CORRUPT,    /* Wipe the store and restore it from its changelog. */
    WEIR_FENCED,     /* Somebody else owns this now: drop the task, commit nothing. */
    WEIR_FATAL,      /* Stop the process. */
} weir_status;

enum { WEIR_ERROR_MESSAGE_BYTES_MAX = 256 };

/* Lives on the stack; all-zero is valid. Functions take it last and accept NULL. */
typedef struct weir_error {
    weir_status status;
    char message[WEIR_ERROR_MESSAGE_BYTES_MAX]; /* NUL-terminated; cut where it does not fit. */
} weir_error;

/* Fills *err (unless NULL) and returns status, so that a failure is one return statement. */
weir_status weir_error_set(weir_error *err, weir_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#ifdef __clang_analyzer__ /* It cannot look into status.c: what goes in comes out. */
#define weir_error_set(err, status, ...) ((void)weir_error_set(err, status, __VA_ARGS__), (status))
#endif

/* Puts "<text>: " before the message of *err, which a callee has filled, and returns status. */
weir_status weir_error_wrap(weir_error *err, weir_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "OK", "NOT_FOUND", … for messages and tests. */
const char *weir_status_name(weir_status status);

/* Returns from the calling function with the status of call unless it is WEIR_OK. The only macro
 * that hides control flow. */
#define WEIR_TRY(call)                                                                             \
    do {                                                                                           \
        weir_status weir_try_status_ = (call);                                                     \
        if (weir_try_status_ != WEIR_OK) {                                                         \
            return weir_try_status_;                                                               \
        }                                                                                          \
    } while (0)

/* A programmer's mistake, checked in release builds too; never for bytes from outside. */
#define WEIR_ASSERT(condition)                                                                     \
    ((condition) ? (void)0 : weir_assertion_failed(#condition, __FILE__, __LINE__, __func__))

/* For WEIR_ASSERT: says on stderr what failed where, and aborts. */
_Noreturn void weir_assertion_failed(const char *condition, const char *file, int line,
                                     const char *function);

#endif
