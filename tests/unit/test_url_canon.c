/* SPDX-License-Identifier: Apache-2.0
 *
 * URLs are parsed as the WHATWG standard says, and one page has one canonical URL.
 *
 * The standard's own cases are read from WEIR_URL_TESTDATA, or from shared/data/url beside the
 * repository; where they are absent, the table below still covers each rule.
 */
#include "tests/harness/check.h"
#include "topologies/url_canon.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* wanted == NULL: the input is refused. */
typedef struct url_case {
    const char *input;
    const char *base;
    const char *wanted;
} url_case;

/* The href of input against base, or "" where it is refused, in a string of the caller's. */
static char *href_of(weir_bytes input, const char *base_text)
{
    WEIR_AUTO(weir_url) base = {0};
    WEIR_AUTO(weir_url) url = {0};
    WEIR_AUTO(weir_buf) href = {0};
    bool has_base = base_text != NULL;
    if (has_base && weir_url_parse(weir_bytes_of_text(base_text), NULL, &base, NULL) != WEIR_OK) {
        has_base = false;
    }
    if (weir_url_parse(input, has_base ? &base : NULL, &url, NULL) != WEIR_OK) {
        return weir_strdup("");
    }
    weir_url_append(&url, &href);
    return weir_bytes_to_text(weir_buf_bytes(&href));
}

static const url_case parse_cases[] = {
    {"HTTP://EXAMPLE.com:80/a/./b/../c", NULL, "http://example.com/a/c"},
    {"https:example.com", NULL, "https://example.com/"},
    {"https:\\\\x\\y", NULL, "https://x/y"},
    {" http://a b/ ", NULL, NULL},
    {"\thttp://a\n/b\r ", NULL, "http://a/b"},
    {"../x?y#z", "http://h/a/b/c?q#f", "http://h/a/x?y#z"},
    {"//other:8080", "https://h/a", "https://other:8080/"},
    {"?n", "http://u:p@h/a?q#f", "http://u:p@h/a?n"},
    {"#n", "http://h/a?q", "http://h/a?q#n"},
    {"", "http://h/a?q#f", "http://h/a?q"},
    {"http:b", "http://h/a/c", "http://h/a/b"},
    {"http:b", "https://h/a/c", "http://b/"},
    {"/%2E%2e/a%2f", "http://h/", "http://h/a%2f"},
    {"http://h/a b\"<>`{}^'|?a b\"<>'`#a b`", NULL,
     "http://h/a%20b%22%3C%3E%60%7B%7D%5E'|?a%20b%22%3C%3E%27`#a%20b%60"},
    {"http://a@b:c@h/", NULL, "http://a%40b:c@h/"},
    {"http://a:b@", NULL, NULL},
    {"http://fa\xc3\x9f.de/\xc3\x9f", NULL, "http://xn--fa-hia.de/%C3%9F"},
    {"http://h/\xff", NULL, "http://h/%EF%BF%BD"},
    {"http://0x7f.1", NULL, "http://127.0.0.1/"},
    {"http://256", NULL, "http://0.0.1.0/"},
    {"http://1.2.3.256", NULL, NULL},
    {"http://[1:0:0:2::]", NULL, "http://[1:0:0:2::]/"},
    {"http://[::ffff:1.2.3.4]", NULL, "http://[::ffff:102:304]/"},
    {"http://[1::2::3]", NULL, NULL},
    {"http://h:65536", NULL, NULL},
    {"http://h:/", NULL, "http://h/"},
    {"http://xn--pokxncvks/", NULL, "http://xn--pokxncvks/"},
    {"http://\xc2\xad/", NULL, NULL},
    {"http://i\xe2\x9d\xa4.ws/", NULL, "http://xn--i-7iq.ws/"},
    {"http://\xf0\x9f\x92\xa9.la/", NULL, "http://xn--ls8h.la/"},
    {"http://i-\xe2\x9d\xa4\xef\xb8\x8f-\xc3\x9cnix\xe3\x80\x82-h/", NULL,
     "http://xn--i--nix-5ya8679e.-h/"},
    {"mailto:a@b", "http://h/", NULL},
    {"a", NULL, NULL},
};

TEST(rules_of_the_standard_hold_in_small)
{
    for (size_t i = 0; i < WEIR_COUNT_OF(parse_cases); i++) {
        const url_case *c = &parse_cases[i];
        WEIR_AUTO_FREE char *got = href_of(weir_bytes_of_text(c->input), c->base);
        if (strcmp(got, c->wanted != NULL ? c->wanted : "") != 0) {
            check_fail(__FILE__, __LINE__, "%s against %s: got '%s'", c->input,
                       c->base != NULL ? c->base : "nothing", got);
        }
    }
}

static json_t *standard_cases(void)
{
    return json_load_file(WEIR_SOURCE_DIR "/tests/golden/url/urltestdata.json", JSON_ALLOW_NUL,
                          NULL);
}

static bool concerns_http(json_t *c)
{
    const char *protocol = json_string_value(json_object_get(c, "protocol"));
    return json_is_true(json_object_get(c, "failure")) ||
           (protocol != NULL &&
            (strcmp(protocol, "http:") == 0 || strcmp(protocol, "https:") == 0));
}

/* Prints the case and returns 1 where the result is another than the standard's. */
static int standard_case_fails(json_t *c)
{
    json_t *input = json_object_get(c, "input");
    const char *href = json_string_value(json_object_get(c, "href"));
    const char *base = json_string_value(json_object_get(c, "base"));
    weir_bytes text = {json_string_value(input), json_string_length(input)};
    WEIR_AUTO_FREE char *got = href_of(text, base);
    if (strcmp(got, href != NULL ? href : "") == 0) {
        return 0;
    }
    printf("  %s against %s: got '%s', wanted '%s'\n", json_string_value(input),
           base != NULL ? base : "nothing", got, href != NULL ? href : "");
    return 1;
}

TEST(cases_of_the_standard_pass_as_far_as_they_concern_http)
{
    json_t *cases = standard_cases();
    CHECK(cases != NULL);
    size_t index;
    json_t *c;
    int count = 0;
    int failed = 0;
    json_array_foreach(cases, index, c)
    {
        if (json_is_object(c) && concerns_http(c)) {
            count++;
            failed += standard_case_fails(c);
        }
    }
    json_decref(cases);
    printf("  %d cases of the standard, %d failed\n", count, failed);
    CHECK_I64(count, >, 400);
    CHECK_I64(failed, ==, 0);
}

static const url_case canon_cases[] = {
    {"http://u:p@Example.com:80/a#b", NULL, "http://example.com/a"},
    {"https://h:444/?", NULL, "https://h:444/?"},
    {"http://h/a;jsessionid=1F/b;x=1?c", NULL, "http://h/a/b;x=1?c"},
    {"http://h/a/..;jsessionid=1/b", NULL, "http://h/b"},
    {"http://h/?PHPSESSID=abc", NULL, "http://h/"},
    {"http://h/?a=1&PHPSESSID=abc&b=2", NULL, "http://h/?a=1&b=2"},
    {"http://h/?ASPSESSIONIDABCDEFGH=ABC&b&&c", NULL, "http://h/?b&&c"},
    {"http://h/?sid=7", NULL, "http://h/?sid=7"},
    {"http://h/?sid=0123456789abcdef0123456789abcdef", NULL, "http://h/"},
    {"http://h/?&a&", NULL, "http://h/?&a&"},
    {"http://h/?b=2&a=1&%7e", NULL, "http://h/?b=2&a=1&%7e"},
};

TEST(canonical_url_drops_what_does_not_name_a_page_and_nothing_else)
{
    WEIR_AUTO(weir_buf) got = {0};
    for (size_t i = 0; i < WEIR_COUNT_OF(canon_cases); i++) {
        weir_error err = {0};
        CHECK_OK(weir_url_canon(weir_bytes_of_text(canon_cases[i].input), NULL, &got, &err), &err);
        CHECK_STR(weir_buf_text(&got), canon_cases[i].wanted);
        CHECK_OK(weir_url_canon(weir_buf_bytes(&got), NULL, &got, &err), &err);
        CHECK_STR(weir_buf_text(&got), canon_cases[i].wanted);
    }
}

TEST(refusals_start_with_a_reason_code)
{
    const char *wanted[][2] = {
        {"ftp://h/", "unsupported_scheme:"}, {"a", "missing_base:"},
        {"http://a b/", "invalid_host:"},    {"http://h:x/", "invalid_port:"},
        {"http:///", "missing_host:"},
    };
    WEIR_AUTO(weir_buf) got = {0};
    for (size_t i = 0; i < WEIR_COUNT_OF(wanted); i++) {
        weir_error err = {0};
        CHECK_STATUS(weir_url_canon(weir_bytes_of_text(wanted[i][0]), NULL, &got, &err),
                     WEIR_BAD_RECORD);
        err.message[strlen(wanted[i][1])] = '\0';
        CHECK_STR(err.message, wanted[i][1]);
    }
}

TEST(canonical_url_has_at_most_2048_bytes)
{
    WEIR_AUTO(weir_buf) input = {0};
    WEIR_AUTO(weir_buf) got = {0};
    weir_error err = {0};
    weir_buf_append_text(&input, "http://h/");
    while (input.size < WEIR_URL_BYTES_MAX) {
        weir_buf_append_byte(&input, 'a');
    }
    CHECK_OK(weir_url_canon(weir_buf_bytes(&input), NULL, &got, &err), &err);
    CHECK_I64(got.size, ==, WEIR_URL_BYTES_MAX);
    weir_buf_append_byte(&input, 'a');
    CHECK_STATUS(weir_url_canon(weir_buf_bytes(&input), NULL, &got, &err), WEIR_BAD_RECORD);
    CHECK_STR(err.message, "too_long: 2049 bytes, at most 2048 are crawled");
}

static weir_status path_status(const char *text)
{
    WEIR_AUTO(weir_url) url = {0};
    weir_error err = {0};
    CHECK_OK(weir_url_canonicalise(weir_bytes_of_text(text), NULL, &url, &err), &err);
    return weir_url_check_path(&url, NULL);
}

TEST(paths_that_repeat_or_go_on_are_pathological)
{
    CHECK_STATUS(path_status("http://h/a/b/a/b"), WEIR_OK);
    CHECK_STATUS(path_status("http://h/a/b/a/b/a"), WEIR_BAD_RECORD);
    CHECK_STATUS(path_status("http://h/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20"),
                 WEIR_OK);
    CHECK_STATUS(path_status("http://h/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20/21"),
                 WEIR_BAD_RECORD);
}

TEST(url_hash_is_the_first_half_of_sha_256_in_hex)
{
    char hash[WEIR_URL_HASH_BYTES + 1];
    weir_url_hash(WEIR_BYTES("http://example.com/"), hash);
    CHECK_STR(hash, "2a1b402420ef46577471cdc7409b0fa2");
}

TEST(host_id_names_the_port_where_it_is_not_the_schemes_own)
{
    WEIR_AUTO(weir_url) url = {0};
    WEIR_AUTO(weir_buf) host_id = {0};
    weir_error err = {0};
    CHECK_OK(weir_url_canonicalise(WEIR_BYTES("https://B\xc3\xbc"
                                              "cher.de:443/"),
                                   NULL, &url, &err),
             &err);
    weir_url_host_id(&url, &host_id);
    CHECK_STR(weir_buf_text(&host_id), "xn--bcher-kva.de");
    CHECK_OK(weir_url_canonicalise(WEIR_BYTES("http://h:443/"), NULL, &url, &err), &err);
    weir_url_host_id(&url, &host_id);
    CHECK_STR(weir_buf_text(&host_id), "h:443");
}

TEST(registrable_domain_follows_the_public_suffix_list)
{
    CHECK_BYTES(weir_url_registrable_domain(WEIR_BYTES("a.b.example.co.uk")),
                WEIR_BYTES("example.co.uk"));
    CHECK_BYTES(weir_url_registrable_domain(WEIR_BYTES("co.uk")), WEIR_BYTES("co.uk"));
    CHECK_BYTES(weir_url_registrable_domain(WEIR_BYTES("10.1.2.3")), WEIR_BYTES("10.1.2.3"));
    CHECK_BYTES(weir_url_registrable_domain(WEIR_BYTES("[::1]")), WEIR_BYTES("[::1]"));
}
