/* SPDX-License-Identifier: Apache-2.0
 *
 * topic_pattern.c - names of topics by the C library's own regular expressions: they are asked for
 * at a start, some thousands of times, and no other library has to be there for it.
 */
#include "streams/topic_pattern.h"

#include "streams/base/alloc.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

struct weir_topic_pattern {
    char *text;
    regex_t compiled;
};

weir_status weir_topic_pattern_new(const char *text, weir_topic_pattern **out_pattern,
                                   weir_error *err)
{
    size_t length = strlen(text);
    if (length == 0 || length > WEIR_TOPIC_PATTERN_BYTES_MAX) {
        return weir_error_set(err, WEIR_INVALID, "a pattern of topics has 1 to %d bytes",
                              WEIR_TOPIC_PATTERN_BYTES_MAX);
    }
    weir_topic_pattern *pattern = weir_alloc(sizeof(*pattern));
    int failure = regcomp(&pattern->compiled, text, REG_EXTENDED);
    if (failure != 0) {
        char reason[100] = "";
        (void)regerror(failure, &pattern->compiled, reason, sizeof(reason));
        free(pattern);
        return weir_error_set(err, WEIR_INVALID,
                              "'%.60s' is no POSIX extended regular expression: %s", text, reason);
    }
    pattern->text = weir_strdup(text);
    *out_pattern = pattern;
    return WEIR_OK;
}

void weir_topic_pattern_free(weir_topic_pattern *pattern)
{
    if (pattern == NULL) {
        return;
    }
    regfree(&pattern->compiled);
    free(pattern->text);
    free(pattern);
}

/* POSIX takes the longest of the leftmost matches, so that a whole one is found if there is one. */
bool weir_topic_pattern_matches(const weir_topic_pattern *pattern, const char *topic)
{
    regmatch_t match = {0};
    return regexec(&pattern->compiled, topic, 1, &match, 0) == 0 && match.rm_so == 0 &&
           (size_t)match.rm_eo == strlen(topic);
}

const char *weir_topic_pattern_text(const weir_topic_pattern *pattern)
{
    return pattern->text;
}
