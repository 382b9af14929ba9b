/* SPDX-License-Identifier: Apache-2.0
 *
 * Which encoding a page is in, and its bytes as UTF-8 (topologies/charset.h).
 */
#include "tests/harness/check.h"
#include "topologies/charset.h"

#include <string.h>

static const weir_bytes none = {NULL, 0};

static void check_found(weir_bytes body, weir_bytes content_type, const char *name,
                        weir_charset_source source)
{
    weir_charset found = weir_charset_find(body, content_type);
    CHECK_STR(found.name, name);
    CHECK_I64(found.source, ==, source);
}

static void check_decoded(const char *name, weir_bytes body, const char *wanted)
{
    WEIR_AUTO(weir_buf) out = {0};
    CHECK(weir_charset_decode(name, body, 1000, &out));
    CHECK_STR(weir_buf_text(&out), wanted);
}

TEST(labels_are_trimmed_and_of_any_case)
{
    CHECK_STR(weir_charset_name_of_label(WEIR_BYTES(" LATIN1\n")), "windows-1252");
    CHECK_STR(weir_charset_name_of_label(WEIR_BYTES("utf8")), "UTF-8");
    CHECK_STR(weir_charset_name_of_label(WEIR_BYTES("ks_c_5601-1987")), "EUC-KR");
    CHECK(weir_charset_name_of_label(WEIR_BYTES("")) == NULL);
    CHECK(weir_charset_name_of_label(WEIR_BYTES("latin1 utf8")) == NULL);
    CHECK(weir_charset_name_of_label(WEIR_BYTES("utf")) == NULL);
}

TEST(byte_order_mark_wins_over_the_header_and_the_header_over_meta)
{
    weir_bytes header = WEIR_BYTES("text/html; charset=\"koi8-r\"");
    check_found(WEIR_BYTES("\xef\xbb\xbf<meta charset=latin1>"), header, "UTF-8",
                WEIR_CHARSET_FROM_BOM);
    check_found(WEIR_BYTES("\xff\xfe<\0"), header, "UTF-16LE", WEIR_CHARSET_FROM_BOM);
    check_found(WEIR_BYTES("<meta charset=sjis>"), header, "KOI8-R", WEIR_CHARSET_FROM_HTTP);
    check_found(WEIR_BYTES("<meta charset=sjis>"), WEIR_BYTES("text/html; charset=nonsense"),
                "Shift_JIS", WEIR_CHARSET_FROM_META);
}

TEST(meta_prescan_reads_what_browsers_read)
{
    static const struct {
        const char *html;
        const char *name;
    } cases[] = {
        {"<META/CHARSET = 'euc-jp'>", "EUC-JP"},
        {"<meta http-equiv=Content-Type content='text/html; charset=gb2312'>", "GBK"},
        {"<meta content='text/html;charset=big5' http-equiv=content-type>", "Big5"},
        {"<!-- <meta charset=big5> --><meta charset=koi8-u>", "KOI8-U"},
        {"<a title='<meta charset=big5>'><meta charset=koi8-u>", "KOI8-U"},
        {"<meta charset=utf-16>", "UTF-8"},
        {"<?xml version='1.0'?><meta charset=windows-1251>", "windows-1251"},
        {"</p><metax charset=big5><meta charset=iso-8859-2", "ISO-8859-2"},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(cases); i++) {
        check_found(weir_bytes_of_text(cases[i].html), none, cases[i].name, WEIR_CHARSET_FROM_META);
    }
    /* content counts only beside the pragma, and nothing counts after 1,024 bytes. */
    check_found(WEIR_BYTES("<meta content='text/html; charset=big5'>"), none, "windows-1252",
                WEIR_CHARSET_BY_DEFAULT);
    WEIR_AUTO(weir_buf) late = {0};
    for (int i = 0; i < WEIR_CHARSET_PRESCAN_BYTES; i++) {
        weir_buf_append_byte(&late, ' ');
    }
    weir_buf_append_text(&late, "<meta charset=big5>");
    check_found(weir_buf_bytes(&late), none, "windows-1252", WEIR_CHARSET_BY_DEFAULT);
}

TEST(bytes_decide_where_nothing_is_declared)
{
    check_found(WEIR_BYTES("na\xc3\xafve"), none, "UTF-8", WEIR_CHARSET_FROM_BYTES);
    check_found(WEIR_BYTES("plain"), none, "windows-1252", WEIR_CHARSET_BY_DEFAULT);
    check_found(none, none, "windows-1252", WEIR_CHARSET_BY_DEFAULT);
    /* "В чащах юга жил бы цитрус? Да, но фальшивый экземпляр" in windows-1251. */
    check_found(WEIR_BYTES("\xc2 \xf7\xe0\xf9\xe0\xf5 \xfe\xe3\xe0 \xe6\xe8\xeb \xe1\xfb "
                           "\xf6\xe8\xf2\xf0\xf3\xf1? \xc4\xe0, \xed\xee \xf4\xe0\xeb\xfc\xf8"
                           "\xe8\xe2\xfb\xe9 \xfd\xea\xe7\xe5\xec\xef\xeb\xff\xf0"),
                none, "windows-1251", WEIR_CHARSET_FROM_BYTES);
}

TEST(latin1_that_is_well_formed_utf8_is_utf8)
{
    check_found(WEIR_BYTES("caf\xc3\xa9"), WEIR_BYTES("text/html; charset=iso-8859-1"), "UTF-8",
                WEIR_CHARSET_FROM_BYTES);
    check_found(WEIR_BYTES("caf\xe9"), WEIR_BYTES("text/html; charset=iso-8859-1"), "windows-1252",
                WEIR_CHARSET_FROM_HTTP);
}

TEST(decoding_gives_well_formed_utf8)
{
    check_decoded("UTF-8",
                  WEIR_BYTES("\xef\xbb\xbf"
                             "a\xff"
                             "b\xc3"),
                  "a\xef\xbf\xbd"
                  "b\xef\xbf\xbd");
    check_decoded("windows-1252", WEIR_BYTES("\x80 caf\xe9 \x93x\x94"),
                  "\xe2\x82\xac caf\xc3\xa9 \xe2\x80\x9cx\xe2\x80\x9d");
    check_decoded("Shift_JIS", WEIR_BYTES("\x83\x65\x83\x58\x83\x67!"),
                  "\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88!");
    check_decoded("Shift_JIS", WEIR_BYTES("a\x83"), "a\xef\xbf\xbd");
    check_decoded("EUC-KR",
                  WEIR_BYTES("a\xff\xff"
                             "b"),
                  "a\xef\xbf\xbd\xef\xbf\xbd"
                  "b");
    check_decoded("UTF-16LE", WEIR_BYTES("\xff\xfeh\0i\0"), "hi");
    check_decoded("UTF-16BE", WEIR_BYTES("\0h\xd8\0\0i"), "h\xef\xbf\xbdi");
    check_decoded("replacement", WEIR_BYTES("anything"), "\xef\xbf\xbd");
    check_decoded("UTF-8", none, "");
}

TEST(every_encoding_of_the_standard_decodes_ascii_letters)
{
    static const char *const labels[] = {
        "ibm866",       "latin2",         "latin3",       "latin4",       "cyrillic",
        "arabic",       "greek",          "hebrew",       "logical",      "latin6",
        "iso-8859-13",  "iso-8859-14",    "iso-8859-15",  "iso-8859-16",  "koi8-r",
        "koi8-u",       "macintosh",      "windows-874",  "windows-1250", "windows-1251",
        "windows-1253", "windows-1254",   "windows-1255", "windows-1256", "windows-1257",
        "windows-1258", "x-mac-cyrillic", "gbk",          "gb18030",      "big5",
        "euc-jp",       "iso-2022-jp",    "shift_jis",    "euc-kr",
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(labels); i++) {
        const char *name = weir_charset_name_of_label(weir_bytes_of_text(labels[i]));
        CHECK(name != NULL);
        check_decoded(name, WEIR_BYTES("weir"), "weir");
    }
}

TEST(decoding_stops_at_the_limit_between_two_characters)
{
    WEIR_AUTO(weir_buf) out = {0};
    CHECK(!weir_charset_decode("windows-1252", WEIR_BYTES("\xe9\xe9\xe9"), 5, &out));
    CHECK_STR(weir_buf_text(&out), "\xc3\xa9\xc3\xa9");
    CHECK(!weir_charset_decode("KOI8-R", WEIR_BYTES("\xc1\xc1\xc1"), 5, &out));
    CHECK_I64(out.size, ==, 4);
    CHECK(!weir_charset_decode("UTF-8", WEIR_BYTES("abcdef"), 5, &out));
    CHECK_STR(weir_buf_text(&out), "abcde");
}
