/* SPDX-License-Identifier: Apache-2.0
 *
 * Base 64 there and back (streams/base/base64.c).
 */
#include "streams/base/base64.h"
#include "tests/harness/check.h"

TEST(vectors_of_rfc_4648_are_encoded_and_decoded)
{
    static const char *const vectors[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xff\xfe\xfd", "//79"},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(vectors); i++) {
        WEIR_AUTO(weir_buf) text = {0};
        WEIR_AUTO(weir_buf) bytes = {0};
        weir_base64_append(&text, weir_bytes_of_text(vectors[i][0]));
        CHECK_STR(weir_buf_text(&text), vectors[i][1]);
        CHECK(weir_base64_decode(weir_bytes_of_text(vectors[i][1]), &bytes));
        CHECK_STR(weir_buf_text(&bytes), vectors[i][0]);
    }
}

TEST(padding_may_be_missing_and_other_letters_are_refused)
{
    WEIR_AUTO(weir_buf) bytes = {0};
    CHECK(weir_base64_decode(WEIR_BYTES("Zm9vYg"), &bytes));
    CHECK_STR(weir_buf_text(&bytes), "foob");
    CHECK(!weir_base64_decode(WEIR_BYTES("Zm9-"), &bytes));
    CHECK(!weir_base64_decode(WEIR_BYTES("Z=9v"), &bytes));
}
