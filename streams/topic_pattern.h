/* SPDX-License-Identifier: Apache-2.0
 *
 * topic_pattern.h - a regular expression for names of topics: POSIX extended, over the whole name.
 * "in-[a-z]+" and "a|b.*" are as in Java; for Java's \d write [0-9].
 *
 * Ownership  The text is copied.
 * Errors     WEIR_INVALID says what is wrong with the expression.
 * Threads    Matching: any, at the same time.
 */
#ifndef WEIR_STREAMS_TOPIC_PATTERN_H
#define WEIR_STREAMS_TOPIC_PATTERN_H

#include "streams/base/status.h"

#include <stdbool.h>

enum { WEIR_TOPIC_PATTERN_BYTES_MAX = 1000 };

typedef struct weir_topic_pattern weir_topic_pattern;

weir_status weir_topic_pattern_new(const char *text, weir_topic_pattern **out_pattern,
                                   weir_error *err);
void weir_topic_pattern_free(weir_topic_pattern *pattern); /* NULL is fine. */

/* Whether the whole name is one of those that it stands for. */
bool weir_topic_pattern_matches(const weir_topic_pattern *pattern, const char *topic);

/* As it was given; the pattern's. */
const char *weir_topic_pattern_text(const weir_topic_pattern *pattern);

#endif
