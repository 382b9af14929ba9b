/* SPDX-License-Identifier: Apache-2.0
 *
 * language.cc - CLD2 behind a C function; the only file that knows it.
 *
 * CLD2 reads 17 MB/s, and 16 KiB say as much about a language as a megabyte does. A longer text is
 * sampled at its start, its middle and its end, so that an English preface of a book does not
 * decide.
 */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic" /* bytes.h has the compound literals of C. */
#include "topologies/language.h"
#pragma GCC diagnostic pop

#include <cstdio> /* compact_lang_det.h needs FILE. */
#include <cstring>

#include <cld2/public/compact_lang_det.h>
#include <cld2/public/encodings.h>

namespace
{

enum { SAMPLES = 3, LANGUAGES = 3, SAMPLE_BYTES = WEIR_LANGUAGE_TEXT_BYTES_MAX / SAMPLES };

/* Codes of CLD2 that BCP 47 has replaced. */
const struct {
    const char *from;
    const char *to;
} renamed[] = {{"iw", "he"},   {"jw", "jv"},      {"mo", "ro"},    {"no", "nb"}, {"un", "und"},
               {"xxx", "und"}, {"zh", "zh-Hans"}, {"sr-ME", "sr"}, {"tl", "fil"}};

const char *bcp47_of(const char *code)
{
    for (const auto &pair : renamed) {
        if (std::strcmp(pair.from, code) == 0) {
            return pair.to;
        }
    }
    return code;
}

bool is_inside_character(char byte)
{
    return (static_cast<unsigned char>(byte) & 0xc0) == 0x80;
}

/* Copies SAMPLE_BYTES or fewer from text at offset, whole characters, and answers how many. */
size_t copy_sample(weir_bytes text, size_t offset, char *out)
{
    const char *data = static_cast<const char *>(text.data);
    size_t end = offset + SAMPLE_BYTES;
    while (offset < end && is_inside_character(data[offset])) {
        offset++;
    }
    while (end > offset && end < text.size && is_inside_character(data[end])) {
        end--;
    }
    std::memcpy(out, data + offset, end - offset);
    return end - offset;
}

} // namespace

weir_language weir_language_of_text(weir_bytes text)
{
    weir_language language = {"und", 0};
    char samples[SAMPLES * SAMPLE_BYTES];
    const char *data = static_cast<const char *>(text.data);
    size_t size = text.size;
    if (size > sizeof samples) {
        size = 0;
        const size_t offsets[SAMPLES] = {0, (text.size - SAMPLE_BYTES) / 2,
                                         text.size - SAMPLE_BYTES};
        for (size_t offset : offsets) {
            size += copy_sample(text, offset, samples + size);
        }
        data = samples;
    }
    if (size == 0) {
        return language;
    }
    CLD2::CLDHints hints = {nullptr, nullptr, CLD2::UNKNOWN_ENCODING, CLD2::UNKNOWN_LANGUAGE};
    CLD2::Language found[LANGUAGES];
    int percent[LANGUAGES];
    double score[LANGUAGES];
    int text_bytes = 0;
    int valid_bytes = 0;
    bool is_reliable = false;
    CLD2::Language best = CLD2::ExtDetectLanguageSummaryCheckUTF8(
        data, static_cast<int>(size), true, &hints, 0, found, percent, score, nullptr, &text_bytes,
        &is_reliable, &valid_bytes);
    std::snprintf(language.code, sizeof language.code, "%s", bcp47_of(CLD2::LanguageCode(best)));
    if (std::strcmp(language.code, "und") != 0) {
        double part = static_cast<double>(found[0] == best ? percent[0] : percent[1]) / 100;
        language.confidence = is_reliable ? part : part / 2;
    }
    return language;
}
