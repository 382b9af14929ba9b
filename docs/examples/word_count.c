/* SPDX-License-Identifier: Apache-2.0
 *
 * word_count.c - how often each word was said.
 *
 *   lines        text
 *   word-counts  word -> how often, 8 bytes
 */
#include "docs/examples/examples.h"

#include <string.h>

static weir_status split_words(weir_call *call, const weir_record *line, weir_emitter *words)
{
    (void)call;
    weir_bytes rest = line->value;
    while (rest.size > 0) {
        const char *text = rest.data;
        const char *space = memchr(text, ' ', rest.size);
        size_t length = space == NULL ? rest.size : (size_t)(space - text);
        if (length > 0) {
            WEIR_TRY(weir_emit(words, line->key, weir_bytes_of(text, length)));
        }
        size_t used = space == NULL ? length : length + 1;
        rest = weir_bytes_of(text + used, rest.size - used);
    }
    return WEIR_OK;
}

static weir_status word_itself(weir_call *call, const weir_record *word, weir_bytes *out_key)
{
    (void)call;
    *out_key = word->value;
    return WEIR_OK;
}

weir_builder *word_count(void)
{
    weir_builder *builder = weir_builder_new();
    weir_kstream *lines = weir_builder_stream(builder, "lines", NULL);
    weir_kstream *words = weir_kstream_flat_map_values(lines, split_words, NULL);
    weir_kgrouped_stream *by_word = weir_kstream_group_by(words, word_itself, NULL);
    weir_ktable *counts = weir_kgrouped_stream_count(by_word, WEIR_STORED_AS("counts"), NULL);
    weir_kstream_to(weir_ktable_to_stream(counts, NULL), "word-counts", NULL);
    return builder;
}
