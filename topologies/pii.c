/* SPDX-License-Identifier: Apache-2.0
 *
 * pii.c - one pass that stops at "@" and at the first digit of a number.
 *
 * Looking back from an "@" is bounded by the 64 characters of a local part and by what is already
 * copied, so no text makes it slow.
 */
#include "topologies/pii.h"

#include "connectors/address.h"
#include "streams/base/status.h"

#include <string.h>

enum { LOCAL_BYTES_MAX = 64, DOMAIN_BYTES_MAX = 253 };

typedef struct text {
    const uint8_t *start;
    const uint8_t *end;
} text;

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(uint8_t c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static bool is_local(uint8_t c)
{
    return is_letter(c) || is_digit(c) || (c != '\0' && strchr(".!#$%&'*+/=?^_`{|}~-", c) != NULL);
}

/* The end of the domain that starts at at; at itself where there is none. */
static const uint8_t *domain_end(const uint8_t *at, const uint8_t *end)
{
    const uint8_t *start = at;
    const uint8_t *label = at;
    const uint8_t *good = at; /* After the last label that can be a top-level domain. */
    end = end - at > DOMAIN_BYTES_MAX ? at + DOMAIN_BYTES_MAX : end;
    bool only_letters = true;
    for (;; at++) {
        bool is_inside = at < end && (is_letter(*at) || is_digit(*at) || *at == '-');
        if (is_inside) {
            only_letters = only_letters && is_letter(*at);
            continue;
        }
        if (at == label) {
            return good;
        }
        if (label > start && only_letters && at - label >= 2) {
            good = at;
        }
        if (at == end || *at != '.') {
            return good;
        }
        label = at + 1;
        only_letters = true;
    }
}

/* Where the local part that ends at at begins; at itself where there is none. */
static const uint8_t *local_start(const uint8_t *from, const uint8_t *at)
{
    const uint8_t *start = at;
    while (start > from && at - start < LOCAL_BYTES_MAX && is_local(start[-1])) {
        start--;
    }
    while (start < at && *start == '.') {
        start++;
    }
    return at > start && at[-1] == '.' ? at : start;
}

/* The end of the public IPv4 address that starts at at; at itself where there is none. */
static const uint8_t *address_end(const uint8_t *at, const uint8_t *end)
{
    const uint8_t *start = at;
    uint8_t octets[WEIR_IPV4_BYTES];
    for (size_t i = 0; i < WEIR_IPV4_BYTES; i++) {
        if (i > 0 && (at == end || *at++ != '.')) {
            return start;
        }
        const uint8_t *number = at;
        unsigned octet = 0;
        while (at < end && is_digit(*at) && at - number < 3) {
            octet = octet * 10 + (unsigned)(*at++ - '0');
        }
        bool has_leading_zero = at - number > 1 && *number == '0';
        if (at == number || octet > UINT8_MAX || has_leading_zero) {
            return start;
        }
        octets[i] = (uint8_t)octet;
    }
    bool goes_on = at < end && (is_digit(*at) || is_letter(*at) || *at == '_' ||
                                (*at == '.' && end - at > 1 && is_digit(at[1])));
    return goes_on || !weir_address_ipv4_is_public(octets) ? start : at;
}

static bool starts_number(const text *t, const uint8_t *at)
{
    return is_digit(*at) && (at == t->start || (!is_digit(at[-1]) && !is_letter(at[-1]) &&
                                                at[-1] != '.' && at[-1] != '_'));
}

static void append(weir_buf *out, const uint8_t *from, const uint8_t *to)
{
    if (out != NULL && to > from) {
        weir_buf_append(out, from, (size_t)(to - from));
    }
}

weir_pii_counts weir_pii_replace(weir_bytes bytes, weir_buf *out_text)
{
    weir_pii_counts counts = {0};
    if (out_text != NULL) {
        weir_buf_clear(out_text);
    }
    const text t = {bytes.data,
                    bytes.size == 0 ? bytes.data : (const uint8_t *)bytes.data + bytes.size};
    const uint8_t *copied = t.start; /* All before it is in out_text. */
    const uint8_t *at = t.start;
    while (at < t.end) {
        const uint8_t *first = at;
        const uint8_t *last = at;
        bool is_email = *at == '@';
        if (is_email) {
            first = local_start(copied, at);
            last = first < at ? domain_end(at + 1, t.end) : at;
            last = last > at + 1 ? last : first;
        } else if (starts_number(&t, at)) {
            last = address_end(at, t.end);
        }
        if (last == first || last <= at) {
            at++;
            continue;
        }
        append(out_text, copied, first);
        if (out_text != NULL) {
            weir_buf_append_text(out_text, is_email ? WEIR_PII_EMAIL : WEIR_PII_ADDRESS);
        }
        counts.emails += is_email;
        counts.addresses += !is_email;
        copied = last;
        at = last;
    }
    append(out_text, copied, t.end);
    WEIR_ASSERT(copied <= t.end);
    return counts;
}
