/* SPDX-License-Identifier: Apache-2.0
 *
 * properties.h - settings by name, from .properties files as Kafka's tools read them and from
 * key=value on the command line. What a setting means is the business of who asks for it.
 *
 *   # comment            key=value   key: value   key value
 *   ! comment            a value may go on \
 *                            in the next line, with \t \n \r \f \\ \uXXXX and \ before any other
 *
 * A later setting of a key replaces an earlier one. Unlike in Java, a key without a separator is an
 * error, for it is nearly always a slip.
 *
 * Errors     WEIR_INVALID with "<source>:<line>: …".
 * Limits     WEIR_PROPERTIES_*_MAX below.
 * Threads    One at a time; any number once nothing sets any more.
 */
#ifndef WEIR_STREAMS_BASE_PROPERTIES_H
#define WEIR_STREAMS_BASE_PROPERTIES_H

#include "streams/base/bytes.h"
#include "streams/base/status.h"

enum {
    WEIR_PROPERTIES_FILE_BYTES_MAX = 1 << 20,
    WEIR_PROPERTIES_KEY_BYTES_MAX = 256,
    WEIR_PROPERTIES_VALUE_BYTES_MAX = 64 << 10,
    WEIR_PROPERTIES_COUNT_MAX = 4096,
};

typedef struct weir_properties weir_properties;

weir_properties *weir_properties_new(void);
void weir_properties_free(weir_properties *properties); /* NULL is fine. */
WEIR_DEFINE_AUTO_PTR(weir_properties);

/* Adds what text says; source names it in errors and origins. After an error the settings of the
 * lines before it are in place: stop there. */
weir_status weir_properties_parse(weir_properties *properties, weir_bytes text, const char *source,
                                  weir_error *err);

/* The same for a file. A file that is not there is WEIR_NOT_FOUND, with a message. */
weir_status weir_properties_load(weir_properties *properties, const char *path, weir_error *err);

/* Sets what assignment, "key=value", says; origin ("--set") is for messages. No escapes: the shell
 * has seen to them. */
weir_status weir_properties_assign(weir_properties *properties, const char *assignment,
                                   const char *origin, weir_error *err);

/* Sets key; origin says where it comes from. */
weir_status weir_properties_set(weir_properties *properties, const char *key, const char *value,
                                const char *origin, weir_error *err);

/* The value of key, valid until key is set again; NULL where it is not set. */
const char *weir_properties_get(const weir_properties *properties, const char *key);

/* Where the value of key comes from ("weir.properties:12", "--set"), for the error message of who
 * cannot use it; NULL where it is not set. */
const char *weir_properties_origin(const weir_properties *properties, const char *key);

size_t weir_properties_count(const weir_properties *properties);

/* Walks the settings in the order in which their keys came first: *position starts at 0, false at
 * the end. Keys and values are borrowed until something is set. */
bool weir_properties_next(const weir_properties *properties, size_t *position, const char **out_key,
                          const char **out_value);

#endif
