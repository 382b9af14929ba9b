/* SPDX-License-Identifier: Apache-2.0
 *
 * status.c - messages of errors and of failed assertions.
 */
#include "streams/base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#undef weir_error_set
weir_status weir_error_set(weir_error *err, weir_status status, const char *format, ...)
{
    if (err == NULL) {
        return status;
    }
    err->status = status;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(err->message, sizeof err->message, format, args); /* Cut is fine. */
    va_end(args);
    return status;
}

/* What has no room is cut. */
static void append(weir_error *err, const char *text)
{
    size_t size = strlen(err->message);
    size_t room = sizeof err->message - size - 1;
    size_t added = strnlen(text, room);
    memcpy(err->message + size, text, added);
    err->message[size + added] = '\0';
}

weir_status weir_error_wrap(weir_error *err, weir_status status, const char *format, ...)
{
    if (err == NULL) {
        return status;
    }
    char inner[WEIR_ERROR_MESSAGE_BYTES_MAX];
    memcpy(inner, err->message, sizeof inner);
    err->status = status;
    va_list args;
    va_start(args, format);
    int length = vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    if (length >= 0) {
        append(err, ": ");
        append(err, inner);
    }
    return status;
}

const char *weir_status_name(weir_status status)
{
    switch (status) {
    case WEIR_OK:
        return "OK";
    case WEIR_NOT_FOUND:
        return "NOT_FOUND";
    case WEIR_AGAIN:
        return "AGAIN";
    case WEIR_INVALID:
        return "INVALID";
    case WEIR_BAD_RECORD:
        return "BAD_RECORD";
    case WEIR_IO:
        return "IO";
    case WEIR_CORRUPT:
        return "CORRUPT";
    case WEIR_FENCED:
        return "FENCED";
    case WEIR_FATAL:
        return "FATAL";
    }
    return "?";
}

_Noreturn void weir_assertion_failed(const char *condition, const char *file, int line,
                                     const char *function)
{
    fprintf(stderr, "weir: assertion failed: %s (%s:%d, %s)\n", condition, file, line, function);
    abort();
}
