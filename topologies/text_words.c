/* SPDX-License-Identifier: Apache-2.0
 *
 * text_words.c - classes of characters and the walk over words.
 *
 * The classes are a table of ranges and not the whole of Unicode's properties: whatever is not
 * listed is a letter, which is right for nearly every assigned character beyond the listed blocks
 * of punctuation and symbols. ASCII, which is most of what there is, is answered by an array.
 */
#include "topologies/text_words.h"

#include "streams/base/status.h"
#include "topologies/utf8.h"

enum { ASCII_LIMIT = 0x80, ASCII_CASE_BIT = 0x20 };

typedef struct range {
    uint32_t first;
    uint32_t last;
    weir_char_kind kind;
} range;

/* In ascending order; binary search. */
static const range ranges[] = {
    {0x80, 0xa0, WEIR_CHAR_SPACE},
    {0xa1, 0xa9, WEIR_CHAR_PUNCTUATION},
    {0xab, 0xac, WEIR_CHAR_PUNCTUATION},
    {0xad, 0xad, WEIR_CHAR_SPACE},
    {0xae, 0xb1, WEIR_CHAR_PUNCTUATION},
    {0xb2, 0xb3, WEIR_CHAR_DIGIT},
    {0xb4, 0xb4, WEIR_CHAR_PUNCTUATION},
    {0xb6, 0xb8, WEIR_CHAR_PUNCTUATION},
    {0xb9, 0xb9, WEIR_CHAR_DIGIT},
    {0xbb, 0xbf, WEIR_CHAR_PUNCTUATION},
    {0xd7, 0xd7, WEIR_CHAR_PUNCTUATION},
    {0xf7, 0xf7, WEIR_CHAR_PUNCTUATION},
    {0x2c2, 0x2df, WEIR_CHAR_PUNCTUATION},
    {0x37e, 0x37e, WEIR_CHAR_PUNCTUATION},
    {0x387, 0x387, WEIR_CHAR_PUNCTUATION},
    {0x55a, 0x55f, WEIR_CHAR_PUNCTUATION},
    {0x589, 0x58f, WEIR_CHAR_PUNCTUATION},
    {0x5be, 0x5be, WEIR_CHAR_PUNCTUATION},
    {0x5f3, 0x5f4, WEIR_CHAR_PUNCTUATION},
    {0x600, 0x60f, WEIR_CHAR_PUNCTUATION},
    {0x61b, 0x61f, WEIR_CHAR_PUNCTUATION},
    {0x660, 0x669, WEIR_CHAR_DIGIT},
    {0x66a, 0x66d, WEIR_CHAR_PUNCTUATION},
    {0x6d4, 0x6d4, WEIR_CHAR_PUNCTUATION},
    {0x6f0, 0x6f9, WEIR_CHAR_DIGIT},
    {0x700, 0x70d, WEIR_CHAR_PUNCTUATION},
    {0x964, 0x965, WEIR_CHAR_PUNCTUATION},
    {0x966, 0x96f, WEIR_CHAR_DIGIT},
    {0xe01, 0xe3a, WEIR_CHAR_IDEOGRAPH},
    {0xe3f, 0xe3f, WEIR_CHAR_PUNCTUATION},
    {0xe40, 0xe4e, WEIR_CHAR_IDEOGRAPH},
    {0xe4f, 0xe4f, WEIR_CHAR_PUNCTUATION},
    {0xe50, 0xe59, WEIR_CHAR_DIGIT},
    {0xe5a, 0xe5b, WEIR_CHAR_PUNCTUATION},
    {0xe80, 0xeff, WEIR_CHAR_IDEOGRAPH},
    {0x1000, 0x103f, WEIR_CHAR_IDEOGRAPH},
    {0x104a, 0x104f, WEIR_CHAR_PUNCTUATION},
    {0x10fb, 0x10fb, WEIR_CHAR_PUNCTUATION},
    {0x1680, 0x1680, WEIR_CHAR_SPACE},
    {0x1780, 0x17d3, WEIR_CHAR_IDEOGRAPH},
    {0x17d4, 0x17db, WEIR_CHAR_PUNCTUATION},
    {0x2000, 0x200f, WEIR_CHAR_SPACE},
    {0x2010, 0x2027, WEIR_CHAR_PUNCTUATION},
    {0x2028, 0x202f, WEIR_CHAR_SPACE},
    {0x2030, 0x205e, WEIR_CHAR_PUNCTUATION},
    {0x205f, 0x206f, WEIR_CHAR_SPACE},
    {0x2070, 0x2070, WEIR_CHAR_DIGIT},
    {0x2074, 0x2079, WEIR_CHAR_DIGIT},
    {0x207a, 0x207e, WEIR_CHAR_PUNCTUATION},
    {0x2080, 0x2089, WEIR_CHAR_DIGIT},
    {0x208a, 0x208e, WEIR_CHAR_PUNCTUATION},
    {0x20a0, 0x20cf, WEIR_CHAR_PUNCTUATION},
    {0x2150, 0x2189, WEIR_CHAR_DIGIT},
    {0x218a, 0x2bff, WEIR_CHAR_PUNCTUATION},
    {0x2e00, 0x2e7f, WEIR_CHAR_PUNCTUATION},
    {0x2e80, 0x2fff, WEIR_CHAR_IDEOGRAPH},
    {0x3000, 0x3000, WEIR_CHAR_SPACE},
    {0x3001, 0x3004, WEIR_CHAR_PUNCTUATION},
    {0x3005, 0x3007, WEIR_CHAR_IDEOGRAPH},
    {0x3008, 0x3020, WEIR_CHAR_PUNCTUATION},
    {0x3030, 0x303f, WEIR_CHAR_PUNCTUATION},
    {0x3040, 0x30fa, WEIR_CHAR_IDEOGRAPH},
    {0x30fb, 0x30fb, WEIR_CHAR_PUNCTUATION},
    {0x30fc, 0x312f, WEIR_CHAR_IDEOGRAPH},
    {0x31a0, 0x9fff, WEIR_CHAR_IDEOGRAPH},
    {0xa4fe, 0xa4ff, WEIR_CHAR_PUNCTUATION},
    {0xe000, 0xf8ff, WEIR_CHAR_PUNCTUATION},
    {0xf900, 0xfaff, WEIR_CHAR_IDEOGRAPH},
    {0xfe00, 0xfe0f, WEIR_CHAR_SPACE},
    {0xfe10, 0xfe6f, WEIR_CHAR_PUNCTUATION},
    {0xfeff, 0xfeff, WEIR_CHAR_SPACE},
    {0xff01, 0xff0f, WEIR_CHAR_PUNCTUATION},
    {0xff10, 0xff19, WEIR_CHAR_DIGIT},
    {0xff1a, 0xff20, WEIR_CHAR_PUNCTUATION},
    {0xff3b, 0xff40, WEIR_CHAR_PUNCTUATION},
    {0xff5b, 0xff65, WEIR_CHAR_PUNCTUATION},
    {0xff66, 0xff9f, WEIR_CHAR_IDEOGRAPH},
    {0xffe0, 0xffff, WEIR_CHAR_PUNCTUATION},
    {0x1f000, 0x1faff, WEIR_CHAR_PUNCTUATION},
    {0x20000, 0x3ffff, WEIR_CHAR_IDEOGRAPH},
    {0xe0000, 0x10ffff, WEIR_CHAR_SPACE},
};

static weir_char_kind kind_of_ascii(uint32_t c)
{
    uint32_t lower = c | ASCII_CASE_BIT;
    if (lower >= 'a' && lower <= 'z') {
        return WEIR_CHAR_LETTER;
    }
    if (c >= '0' && c <= '9') {
        return WEIR_CHAR_DIGIT;
    }
    return c <= ' ' || c == ASCII_LIMIT - 1 ? WEIR_CHAR_SPACE : WEIR_CHAR_PUNCTUATION;
}

weir_char_kind weir_char_kind_of(uint32_t code_point)
{
    if (code_point < ASCII_LIMIT) {
        return kind_of_ascii(code_point);
    }
    size_t low = 0;
    size_t high = WEIR_COUNT_OF(ranges);
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (code_point > ranges[middle].last) {
            low = middle + 1;
        } else if (code_point < ranges[middle].first) {
            high = middle;
        } else {
            return ranges[middle].kind;
        }
    }
    return WEIR_CHAR_LETTER;
}

static bool is_between(uint32_t c, uint32_t first, uint32_t last)
{
    return c >= first && c <= last;
}

/* Letters of two cases side by side: the upper one is even. */
static bool is_even_pair(uint32_t c)
{
    return is_between(c, 0x100, 0x12f) || is_between(c, 0x132, 0x137) ||
           is_between(c, 0x14a, 0x177) || is_between(c, 0x1de, 0x1ef) ||
           is_between(c, 0x1f8, 0x21f) || is_between(c, 0x222, 0x233) ||
           is_between(c, 0x370, 0x373) || is_between(c, 0x3d8, 0x3ef) ||
           is_between(c, 0x460, 0x481) || is_between(c, 0x48a, 0x4bf) ||
           is_between(c, 0x4d0, 0x52f) || is_between(c, 0x1e00, 0x1e95) ||
           is_between(c, 0x1ea0, 0x1eff);
}

/* The same with the upper one odd. */
static bool is_odd_pair(uint32_t c)
{
    return is_between(c, 0x139, 0x148) || is_between(c, 0x179, 0x17e) ||
           is_between(c, 0x1cd, 0x1dc) || is_between(c, 0x4c1, 0x4ce);
}

uint32_t weir_char_lower(uint32_t c)
{
    if (c < ASCII_LIMIT) {
        return is_between(c, 'A', 'Z') ? c | ASCII_CASE_BIT : c;
    }
    if (is_between(c, 0xc0, 0xde) && c != 0xd7) {
        return c + 0x20;
    }
    if (is_even_pair(c)) {
        return c | 1;
    }
    if (is_odd_pair(c)) {
        return c + (c & 1);
    }
    if ((is_between(c, 0x391, 0x3ab) && c != 0x3a2) || is_between(c, 0x410, 0x42f)) {
        return c + 0x20;
    }
    if (is_between(c, 0x400, 0x40f)) {
        return c + 0x50;
    }
    if (is_between(c, 0x531, 0x556)) {
        return c + 0x30;
    }
    return c == 0x178 ? 0xff : c;
}

/* Decodes at position; an ill-formed byte is a character of one byte. */
static size_t decode(weir_bytes text, size_t position, uint32_t *out_code_point)
{
    const uint8_t *at = (const uint8_t *)text.data + position;
    if (*at < ASCII_LIMIT) {
        *out_code_point = *at;
        return 1;
    }
    size_t size = weir_utf8_decode(weir_bytes_of(at, text.size - position), out_code_point);
    return size == 0 ? 1 : size;
}

static bool joins(uint32_t c)
{
    return c == '\'' || c == '.' || c == ',' || c == '-' || c == '_' || c == 0x2019;
}

static bool is_in_word(weir_char_kind kind)
{
    return kind == WEIR_CHAR_LETTER || kind == WEIR_CHAR_DIGIT;
}

/* True where a letter or digit stands at position. */
static bool word_goes_on(weir_bytes text, size_t position)
{
    uint32_t c = 0;
    return position < text.size && decode(text, position, &c) > 0 &&
           is_in_word(weir_char_kind_of(c));
}

/* Extends *word, which has one character of kind letter or digit, to its end. */
static void read_word(weir_bytes text, size_t *position, weir_word *word)
{
    while (*position < text.size) {
        uint32_t c = 0;
        size_t size = decode(text, *position, &c);
        weir_char_kind kind = weir_char_kind_of(c);
        if (!is_in_word(kind) && !(joins(c) && word_goes_on(text, *position + size))) {
            return;
        }
        word->has_letter = word->has_letter || kind == WEIR_CHAR_LETTER;
        word->code_points++;
        *position += size;
    }
}

bool weir_word_next(weir_bytes text, size_t *position, weir_word *out_word)
{
    WEIR_ASSERT(position != NULL);
    WEIR_ASSERT(out_word != NULL);
    WEIR_ASSERT(text.size == 0 || text.data != NULL);

    uint32_t c = 0;
    weir_char_kind kind = WEIR_CHAR_SPACE;
    size_t start = *position;
    while (start < text.size) {
        size_t size = decode(text, start, &c);
        kind = weir_char_kind_of(c);
        *position = start + size;
        if (kind != WEIR_CHAR_SPACE) {
            break;
        }
        start = *position;
    }
    if (start >= text.size) {
        return false;
    }
    *out_word = (weir_word){
        .code_points = 1,
        .is_punctuation = kind == WEIR_CHAR_PUNCTUATION,
        .has_letter = kind == WEIR_CHAR_LETTER || kind == WEIR_CHAR_IDEOGRAPH,
    };
    if (is_in_word(kind)) {
        read_word(text, position, out_word);
    }
    WEIR_ASSERT(*position > start && *position <= text.size);
    out_word->bytes = weir_bytes_of((const uint8_t *)text.data + start, *position - start);
    return true;
}

size_t weir_word_count(weir_bytes text)
{
    size_t count = 0;
    size_t position = 0;
    weir_word word;
    while (weir_word_next(text, &position, &word)) {
        count += word.is_punctuation ? 0 : 1;
    }
    return count;
}

size_t weir_code_point_count(weir_bytes text)
{
    const uint8_t *data = text.data;
    size_t count = 0;
    for (size_t i = 0; i < text.size; i++) {
        count += (data[i] & 0xc0) != 0x80;
    }
    return count;
}
