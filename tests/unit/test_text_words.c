/* SPDX-License-Identifier: Apache-2.0
 *
 * Words, the normal form of a text, and its hash (topologies/text_words.h, text_normal.h).
 */
#include "tests/harness/check.h"
#include "topologies/text_normal.h"
#include "topologies/text_words.h"

/* The tokens of text with a bar between them, punctuation in brackets. */
static const char *tokens(const char *text, weir_buf *out)
{
    weir_bytes bytes = weir_bytes_of_text(text);
    size_t position = 0;
    weir_word word;
    weir_buf_clear(out);
    while (weir_word_next(bytes, &position, &word)) {
        weir_buf_append_text(out, out->size > 0 ? "|" : "");
        weir_buf_append_text(out, word.is_punctuation ? "[" : "");
        weir_buf_append(out, word.bytes.data, word.bytes.size);
        weir_buf_append_text(out, word.is_punctuation ? "]" : "");
    }
    return weir_buf_text(out);
}

static const char *normal(const char *text, weir_buf *out)
{
    WEIR_AUTO(weir_buf) once = {0};
    weir_text_normalise(weir_bytes_of_text(text), &once);
    weir_text_normalise(weir_buf_bytes(&once), out);
    CHECK_BYTES(weir_buf_bytes(out), weir_buf_bytes(&once)); /* Idempotent. */
    return weir_buf_text(out);
}

TEST(words_keep_inner_punctuation_and_punctuation_is_apart)
{
    WEIR_AUTO(weir_buf) out = {0};
    CHECK_STR(tokens("Don't stop: 3.14, well-known.", &out),
              "Don't|stop|[:]|3.14|[,]|well-known|[.]");
    CHECK_STR(tokens("os.path  f_x(a)", &out), "os.path|f_x|[(]|a|[)]");
    CHECK_STR(tokens("caf\xc3\xa9\xc2\xa0na\xc3\xafve", &out), "caf\xc3\xa9|na\xc3\xafve");
    CHECK_STR(tokens("", &out), "");
}

TEST(ideographs_are_words_of_their_own)
{
    WEIR_AUTO(weir_buf) out = {0};
    CHECK_STR(tokens("\xe6\xb0\xb4\xe8\xbb\x8a\xe3\x80\x82", &out),
              "\xe6\xb0\xb4|\xe8\xbb\x8a|[\xe3\x80\x82]");
    CHECK_I64(weir_word_count(WEIR_BYTES("\xe6\xb0\xb4\xe8\xbb\x8a, two words")), ==, 4);
    CHECK_I64(weir_code_point_count(WEIR_BYTES("\xe6\xb0\xb4"
                                               "a")),
              ==, 2);
}

TEST(lower_case_covers_european_scripts)
{
    static const uint32_t pairs[][2] = {
        {'A', 'a'},     {0xc4, 0xe4},   {0x14a, 0x14b},  {0x139, 0x13a}, {0x178, 0xff},
        {0x391, 0x3b1}, {0x416, 0x436}, {0x401, 0x451},  {0x531, 0x561}, {0xd7, 0xd7},
        {0xdf, 0xdf},   {'1', '1'},     {0x6c34, 0x6c34}};
    for (size_t i = 0; i < WEIR_COUNT_OF(pairs); i++) {
        CHECK_I64(weir_char_lower(pairs[i][0]), ==, pairs[i][1]);
        CHECK_I64(weir_char_lower(pairs[i][1]), ==, pairs[i][1]);
    }
}

TEST(normal_form_changes_only_what_cannot_be_seen)
{
    WEIR_AUTO(weir_buf) out = {0};
    CHECK_STR(normal("\r\n\n  a  b \t\r\n\n\n\nc\xc2\xad"
                     "d\xe2\x80\x8b \n",
                     &out),
              "  a  b\n\ncd");
    CHECK_STR(normal("x\xc2\xa0y\xe3\x80\x80z\x01\x7f", &out), "x y z");
    CHECK_STR(normal("\xff"
                     "A\xc3",
                     &out),
              "\xef\xbf\xbd"
              "A\xef\xbf\xbd");
    CHECK_STR(normal("a\n\tb", &out), "a\n\tb");
    CHECK_STR(normal(" \n ", &out), "");
}

TEST(content_hash_is_the_sha256_of_the_normal_form)
{
    char hash[WEIR_CONTENT_HASH_BYTES];
    weir_content_hash(WEIR_BYTES("abc"), hash);
    CHECK_STR(hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
