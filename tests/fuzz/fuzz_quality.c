/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes have measures that are finite, a score from 0 to 1, and reasons exactly where they are
 * rejected; a text without personal data is left as it is.
 */
#include "topologies/pii.h"
#include "topologies/quality_rules.h"
#include "topologies/text_measures.h"

#include "streams/base/status.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const weir_quality_input input = {{data, size}, size % 2 == 0 ? "en" : "und", 0.7};
    weir_quality quality = weir_quality_of(&input, weir_rule_set_of(WEIR_BYTES("fineweb")));
    WEIR_ASSERT(quality.score >= 0 && quality.score <= 1);
    WEIR_ASSERT(quality.accepted == (quality.reason_count == 0));

    weir_text_measures m = weir_text_measures_of(input.text);
    WEIR_ASSERT(isfinite(m.mean_word_length) && isfinite(m.dup_chars));
    for (int n = WEIR_NGRAM_DUP_MIN; n <= WEIR_NGRAM_DUP_MAX; n++) {
        WEIR_ASSERT(m.ngram_chars[n] >= 0 && m.ngram_chars[n] <= 1);
    }

    WEIR_AUTO(weir_buf) replaced = {0};
    weir_pii_counts counts = weir_pii_replace(input.text, &replaced);
    weir_pii_counts again = weir_pii_replace(input.text, NULL);
    WEIR_ASSERT(counts.emails == again.emails && counts.addresses == again.addresses);
    bool is_clean = counts.emails + counts.addresses == 0;
    WEIR_ASSERT(!is_clean || replaced.size == size);
    return 0;
}
