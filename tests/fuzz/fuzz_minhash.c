/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes have a normal form, words and a signature; the normal form is a fixed point, and a
 * signature is that of the words alone.
 */
#include "topologies/language.h"
#include "topologies/minhash.h"
#include "topologies/text_normal.h"
#include "topologies/text_words.h"

#include "streams/base/status.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    WEIR_AUTO(weir_buf) normal = {0};
    WEIR_AUTO(weir_buf) twice = {0};
    weir_text_normalise(weir_bytes_of(data, size), &normal);
    weir_text_normalise(weir_buf_bytes(&normal), &twice);
    WEIR_ASSERT(weir_bytes_equal(weir_buf_bytes(&normal), weir_buf_bytes(&twice)));

    WEIR_AUTO(weir_buf) words = {0};
    size_t position = 0;
    weir_word word;
    while (weir_word_next(weir_buf_bytes(&normal), &position, &word)) {
        if (!word.is_punctuation) {
            weir_buf_append(&words, word.bytes.data, word.bytes.size);
            weir_buf_append_byte(&words, '\n');
        }
    }
    weir_minhash of_text = weir_minhash_of_text(weir_buf_bytes(&normal));
    weir_minhash of_words = weir_minhash_of_text(weir_buf_bytes(&words));
    WEIR_ASSERT(memcmp(of_text.hashes, of_words.hashes, sizeof of_text.hashes) == 0);
    uint64_t bands[WEIR_MINHASH_BANDS];
    WEIR_ASSERT((weir_minhash_bands(&of_text, bands) == 0) == (words.size == 0));

    weir_language language = weir_language_of_text(weir_bytes_of(data, size));
    WEIR_ASSERT(language.confidence >= 0 && language.confidence <= 1);
    return 0;
}
