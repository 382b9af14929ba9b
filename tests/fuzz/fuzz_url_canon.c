/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a URL, absolute and relative: a canonical URL is printable ASCII, within its limit,
 * and its own canonical form; an href parses to itself.
 */
#include "topologies/url_canon.h"

static void check_own_href(const weir_url *url)
{
    WEIR_AUTO(weir_buf) href = {0};
    WEIR_AUTO(weir_buf) again = {0};
    WEIR_AUTO(weir_url) parsed = {0};
    weir_url_append(url, &href);
    if (href.size > WEIR_URL_INPUT_BYTES_MAX) {
        return; /* Encoding may triple what was allowed. */
    }
    WEIR_ASSERT(weir_url_parse(weir_buf_bytes(&href), NULL, &parsed, NULL) == WEIR_OK);
    weir_url_append(&parsed, &again);
    WEIR_ASSERT(weir_bytes_equal(weir_buf_bytes(&href), weir_buf_bytes(&again)));
}

static void check_canonical(const weir_url *url)
{
    WEIR_AUTO(weir_buf) text = {0};
    WEIR_AUTO(weir_buf) again = {0};
    weir_url_append_resource(url, &text);
    WEIR_ASSERT(text.size <= WEIR_URL_BYTES_MAX);
    for (size_t i = 0; i < text.size; i++) {
        WEIR_ASSERT(text.data[i] > ' ' && text.data[i] < 0x7f);
    }
    WEIR_ASSERT(weir_url_canon(weir_buf_bytes(&text), NULL, &again, NULL) == WEIR_OK);
    WEIR_ASSERT(weir_bytes_equal(weir_buf_bytes(&text), weir_buf_bytes(&again)));
    weir_bytes host = weir_buf_bytes(&url->host);
    WEIR_ASSERT(weir_url_registrable_domain(host).size <= host.size);
    (void)weir_url_check_path(url, NULL); /* Either answer is right; it must come back. */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    WEIR_AUTO(weir_url) base = {0};
    WEIR_AUTO(weir_url) url = {0};
    weir_bytes input = {data, size};
    WEIR_ASSERT(weir_url_parse(WEIR_BYTES("http://u@h:81/a/b?c#d"), NULL, &base, NULL) == WEIR_OK);
    const weir_url *bases[] = {NULL, &base};
    for (size_t i = 0; i < WEIR_COUNT_OF(bases); i++) {
        if (weir_url_parse(input, bases[i], &url, NULL) == WEIR_OK) {
            check_own_href(&url);
        }
        if (weir_url_canonicalise(input, bases[i], &url, NULL) == WEIR_OK) {
            check_canonical(&url);
        }
    }
    return 0;
}
