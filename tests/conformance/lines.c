/* SPDX-License-Identifier: Apache-2.0
 *
 * lines.c - records as text, compared.
 */
#include "tests/conformance/lines.h"

#include <stdlib.h>
#include <string.h>

void conformance_lines_add(conformance_lines *lines, weir_bytes key, bool is_tombstone,
                           const char *text)
{
    lines->items = weir_grow(lines->items, lines->count, &lines->capacity, sizeof(*lines->items));
    lines->items[lines->count++] = (conformance_line){
        .key = key.data == NULL ? weir_strdup("") : weir_bytes_to_text(key),
        .text = weir_strdup(text),
        .is_tombstone = is_tombstone,
    };
}

void conformance_lines_cleanup(conformance_lines *lines)
{
    for (size_t i = 0; i < lines->count; i++) {
        free(lines->items[i].key);
        free(lines->items[i].text);
    }
    free(lines->items);
    *lines = (conformance_lines){.items = NULL};
}

static void take_times_out(char *text)
{
    static const char mark[] = " ts=";
    for (char *at = strstr(text, mark); at != NULL; at = strstr(at, mark)) {
        const size_t length = strlen(mark) + strspn(at + strlen(mark), "-0123456789");
        memmove(at, at + length, strlen(at + length) + 1);
    }
}

void conformance_lines_forget_times(conformance_lines *lines)
{
    for (size_t i = 0; i < lines->count; i++) {
        take_times_out(lines->items[i].text);
    }
}

void conformance_text_forget_times(weir_buf *text)
{
    (void)weir_buf_text(text);
    take_times_out((char *)text->data);
    text->size = strlen((char *)text->data);
}

static void tell(weir_buf *out_difference, const char *expected, const char *actual)
{
    weir_buf_clear(out_difference);
    weir_buf_append_format(out_difference, "  expected %s\n  got      %s\n",
                           expected == NULL ? "nothing" : expected,
                           actual == NULL ? "nothing" : actual);
}

bool conformance_lines_same(const conformance_lines *expected, const conformance_lines *actual,
                            weir_buf *out_difference)
{
    for (size_t i = 0; i < expected->count || i < actual->count; i++) {
        const char *wanted = i < expected->count ? expected->items[i].text : NULL;
        const char *got = i < actual->count ? actual->items[i].text : NULL;
        if (wanted == NULL || got == NULL || strcmp(wanted, got) != 0) {
            tell(out_difference, wanted, got);
            return false;
        }
    }
    return true;
}

/* The last record of a key, unless it is a tombstone; else NULL. */
static const char *last_of(const conformance_lines *lines, const char *key)
{
    for (size_t i = lines->count; i > 0; i--) {
        const conformance_line *line = &lines->items[i - 1];
        if (strcmp(line->key, key) == 0) {
            return line->is_tombstone ? NULL : line->text;
        }
    }
    return NULL;
}

static bool keys_end_same(const conformance_lines *keys, const conformance_lines *expected,
                          const conformance_lines *actual, weir_buf *out_difference)
{
    for (size_t i = 0; i < keys->count; i++) {
        const char *wanted = last_of(expected, keys->items[i].key);
        const char *got = last_of(actual, keys->items[i].key);
        bool both_none = wanted == NULL && got == NULL;
        if (!both_none && (wanted == NULL || got == NULL || strcmp(wanted, got) != 0)) {
            tell(out_difference, wanted, got);
            return false;
        }
    }
    return true;
}

bool conformance_lines_end_same(const conformance_lines *expected, const conformance_lines *actual,
                                weir_buf *out_difference)
{
    return keys_end_same(expected, expected, actual, out_difference) &&
           keys_end_same(actual, expected, actual, out_difference);
}
