/* SPDX-License-Identifier: Apache-2.0
 *
 * url_host.c - from what stands between "//" and the port to the name that is resolved.
 *
 *   input -> percent-decode -> domain to ASCII -> forbidden code points -> IPv4, if the last
 *   label is a number; "[…]" is IPv6
 *
 * The result is the identity of a host in the crawl, so two spellings of one host must meet here.
 * A domain that is ASCII already is only lower-cased, as the standard says since 2023: an invalid
 * "xn--" label in it is no failure. The others go through url_idna.c.
 */
#include "topologies/url_host.h"

#include "streams/base/hash.h"
#include "topologies/url_idna.h"

#include <string.h>

enum { IPV4_PARTS_MAX = 4, IPV6_PIECES = 8 };

static weir_status refuse(weir_bytes host, const char *sentence, weir_error *err)
{
    int shown = host.size > 100 ? 100 : (int)host.size;
    return weir_error_set(err, WEIR_BAD_RECORD, "invalid_host: %s: '%.*s'", sentence, shown,
                          (const char *)host.data);
}

static bool is_decimal(weir_bytes text)
{
    const uint8_t *data = text.data;
    for (size_t i = 0; i < text.size; i++) {
        if (data[i] < '0' || data[i] > '9') {
            return false;
        }
    }
    return text.size > 0;
}

/* Reads a number in decimal, octal (0…) or hexadecimal (0x…); false where it is none. Values past
 * 2^32 stay past it. */
static bool ipv4_number_parse(weir_bytes text, uint64_t *out_value)
{
    const uint8_t *data = text.data;
    size_t i = 0;
    uint64_t base = 10;
    if (text.size == 0) {
        return false;
    }
    if (text.size >= 2 && data[0] == '0' && (data[1] | 0x20) == 'x') {
        base = 16;
        i = 2;
    } else if (text.size >= 2 && data[0] == '0') {
        base = 8;
        i = 1;
    }
    uint64_t value = 0;
    for (; i < text.size; i++) {
        int digit = weir_hex_digit(data[i]);
        if (digit < 0 || (uint64_t)digit >= base) {
            return false;
        }
        value = value * base + (uint64_t)digit;
        value = value > (uint64_t)UINT32_MAX + 1 ? (uint64_t)UINT32_MAX + 1 : value;
    }
    *out_value = value;
    return true;
}

/* The label after the last dot; a single dot at the end does not count. */
static weir_bytes last_label(weir_bytes domain)
{
    const uint8_t *data = domain.data;
    size_t end = domain.size;
    if (end > 1 && data[end - 1] == '.') {
        end--;
    }
    size_t start = end;
    while (start > 0 && data[start - 1] != '.') {
        start--;
    }
    return (weir_bytes){data + start, end - start};
}

static bool ends_in_a_number(weir_bytes domain)
{
    weir_bytes label = last_label(domain);
    uint64_t value = 0;
    return is_decimal(label) || ipv4_number_parse(label, &value);
}

/* Splits text at dots and reads each part; false where there are more than four or one is not a
 * number. */
static bool ipv4_parts_parse(weir_bytes text, uint64_t parts[IPV4_PARTS_MAX], size_t *out_count)
{
    const uint8_t *data = text.data;
    size_t count = 0;
    size_t start = 0;
    for (size_t i = 0; i <= text.size; i++) {
        if (i < text.size && data[i] != '.') {
            continue;
        }
        weir_bytes part = {data + start, i - start};
        if (count == IPV4_PARTS_MAX || !ipv4_number_parse(part, &parts[count])) {
            return false;
        }
        count++;
        start = i + 1;
    }
    *out_count = count;
    return true;
}

static weir_status ipv4_parse(weir_bytes domain, weir_buf *out_host, weir_error *err)
{
    const uint8_t *data = domain.data;
    weir_bytes text = domain;
    if (text.size > 1 && data[text.size - 1] == '.') {
        text.size--;
    }
    uint64_t parts[IPV4_PARTS_MAX] = {0};
    size_t count = 0;
    if (!ipv4_parts_parse(text, parts, &count)) {
        return refuse(domain, "it ends in a number and is no IPv4 address", err);
    }
    uint64_t address = parts[count - 1];
    bool fits = address < (uint64_t)1 << (8 * (IPV4_PARTS_MAX + 1 - count));
    for (size_t i = 0; i + 1 < count; i++) {
        fits = fits && parts[i] <= 255;
        address += parts[i] << (8 * (3 - i));
    }
    if (!fits) {
        return refuse(domain, "a part of the IPv4 address is too large", err);
    }
    weir_buf_clear(out_host);
    weir_buf_append_format(out_host, "%u.%u.%u.%u", (unsigned)(address >> 24 & 255),
                           (unsigned)(address >> 16 & 255), (unsigned)(address >> 8 & 255),
                           (unsigned)(address & 255));
    return WEIR_OK;
}

/* A cursor over the text inside the brackets of an IPv6 address. */
typedef struct ipv6_scan {
    const uint8_t *data;
    size_t size;
    size_t at;
    uint16_t pieces[IPV6_PIECES];
    size_t count;
    size_t compressed_at; /* Index of the piece at which "::" stands; IPV6_PIECES + 1 if none. */
} ipv6_scan;

static bool scan_is_at(const ipv6_scan *scan, char c)
{
    return scan->at < scan->size && scan->data[scan->at] == (uint8_t)c;
}

/* One decimal part of an embedded IPv4 address: 0-255 without leading zeros. */
static bool ipv6_scan_decimal(ipv6_scan *scan, uint16_t *out_value)
{
    unsigned value = 0;
    size_t start = scan->at;
    while (scan->at < scan->size && weir_hex_digit(scan->data[scan->at]) >= 0 &&
           weir_hex_digit(scan->data[scan->at]) < 10) {
        if (scan->at > start && value == 0) {
            return false;
        }
        value = value * 10 + (unsigned)weir_hex_digit(scan->data[scan->at]);
        if (value > 255) {
            return false;
        }
        scan->at++;
    }
    *out_value = (uint16_t)value;
    return scan->at > start;
}

static bool ipv6_scan_ipv4(ipv6_scan *scan)
{
    uint16_t parts[IPV4_PARTS_MAX] = {0};
    if (scan->count > IPV6_PIECES - 2) {
        return false;
    }
    for (size_t i = 0; i < IPV4_PARTS_MAX; i++) {
        if (i > 0 && !scan_is_at(scan, '.')) {
            return false;
        }
        scan->at += i > 0 ? 1 : 0;
        if (!ipv6_scan_decimal(scan, &parts[i])) {
            return false;
        }
    }
    scan->pieces[scan->count++] = (uint16_t)(parts[0] << 8 | parts[1]);
    scan->pieces[scan->count++] = (uint16_t)(parts[2] << 8 | parts[3]);
    return scan->at == scan->size;
}

/* One piece of up to four hexadecimal digits and the colon after it, or the IPv4 address that ends
 * the text. */
static bool ipv6_scan_piece(ipv6_scan *scan)
{
    size_t start = scan->at;
    unsigned value = 0;
    while (scan->at < scan->size && scan->at < start + 4 &&
           weir_hex_digit(scan->data[scan->at]) >= 0) {
        value = value << 4 | (unsigned)weir_hex_digit(scan->data[scan->at]);
        scan->at++;
    }
    if (scan_is_at(scan, '.')) {
        bool has_digits = scan->at > start;
        scan->at = start;
        return has_digits && ipv6_scan_ipv4(scan);
    }
    WEIR_ASSERT(scan->count < IPV6_PIECES);
    scan->pieces[scan->count++] = (uint16_t)value;
    if (scan->at == scan->size) {
        return true;
    }
    bool colon = scan_is_at(scan, ':');
    scan->at++;
    return colon && scan->at < scan->size;
}

static bool ipv6_scan_all(ipv6_scan *scan)
{
    if (scan_is_at(scan, ':')) {
        if (scan->size < 2 || scan->data[1] != ':') {
            return false;
        }
        scan->at = 2;
        scan->compressed_at = 0;
    }
    bool compressed = scan->compressed_at == 0;
    while (scan->at < scan->size) {
        if (scan_is_at(scan, ':')) {
            if (compressed) {
                return false;
            }
            compressed = true;
            scan->at++;
            scan->compressed_at = scan->count;
            continue;
        }
        if (scan->count == IPV6_PIECES || !ipv6_scan_piece(scan)) {
            return false;
        }
    }
    return compressed ? scan->count < IPV6_PIECES : scan->count == IPV6_PIECES;
}

/* Finds the first longest run of at least two zero pieces; length 0 where there is none. */
static size_t longest_zero_run(const uint16_t pieces[IPV6_PIECES], size_t *out_length)
{
    size_t best_at = 0;
    size_t best_length = 1;
    size_t length = 0;
    for (size_t i = 0; i < IPV6_PIECES; i++) {
        length = pieces[i] == 0 ? length + 1 : 0;
        if (length > best_length) {
            best_length = length;
            best_at = i + 1 - length;
        }
    }
    *out_length = best_length > 1 ? best_length : 0;
    return best_at;
}

static void ipv6_append(const uint16_t pieces[IPV6_PIECES], weir_buf *out)
{
    size_t run_length = 0;
    size_t run_at = longest_zero_run(pieces, &run_length);
    weir_buf_append_byte(out, '[');
    for (size_t i = 0; i < IPV6_PIECES; i++) {
        if (run_length > 0 && i == run_at) {
            weir_buf_append_text(out, i == 0 ? "::" : ":");
            i += run_length - 1;
            continue;
        }
        weir_buf_append_format(out, "%x%s", pieces[i], i + 1 < IPV6_PIECES ? ":" : "");
    }
    weir_buf_append_byte(out, ']');
}

static weir_status ipv6_parse(weir_bytes input, weir_buf *out_host, weir_error *err)
{
    const uint8_t *data = input.data;
    if (input.size < 2 || data[input.size - 1] != ']') {
        return refuse(input, "the bracket of an IPv6 address is not closed", err);
    }
    ipv6_scan scan = {.data = data + 1, .size = input.size - 2, .compressed_at = IPV6_PIECES + 1};
    if (!ipv6_scan_all(&scan)) {
        return refuse(input, "what stands in brackets is no IPv6 address", err);
    }
    if (scan.compressed_at <= IPV6_PIECES) {
        WEIR_ASSERT(scan.compressed_at <= scan.count);
        size_t moved = scan.count - scan.compressed_at;
        uint16_t tail[IPV6_PIECES] = {0};
        memcpy(tail, scan.pieces + scan.compressed_at, moved * sizeof *tail);
        memset(scan.pieces + scan.compressed_at, 0, moved * sizeof *tail);
        memcpy(scan.pieces + IPV6_PIECES - moved, tail, moved * sizeof *tail);
    }
    weir_buf_clear(out_host);
    ipv6_append(scan.pieces, out_host);
    return WEIR_OK;
}

static bool is_forbidden_in_domain(uint8_t c)
{
    return c <= ' ' || c == 0x7f || strchr("#/:<>?@[\\]^|%", c) != NULL;
}

static void append_percent_decoded(weir_bytes input, weir_buf *out)
{
    const uint8_t *data = input.data;
    for (size_t i = 0; i < input.size; i++) {
        if (data[i] == '%' && i + 2 < input.size && weir_hex_digit(data[i + 1]) >= 0 &&
            weir_hex_digit(data[i + 2]) >= 0) {
            weir_buf_append_byte(
                out, (uint8_t)(weir_hex_digit(data[i + 1]) << 4 | weir_hex_digit(data[i + 2])));
            i += 2;
        } else {
            weir_buf_append_byte(out, data[i]);
        }
    }
}

/* Lower-cases buf in place; false where a byte is not ASCII. */
static bool lower_if_ascii(weir_buf *buf)
{
    uint8_t seen = 0;
    for (size_t i = 0; i < buf->size; i++) {
        seen |= buf->data[i];
    }
    for (size_t i = 0; seen < 0x80 && i < buf->size; i++) {
        if (buf->data[i] >= 'A' && buf->data[i] <= 'Z') {
            buf->data[i] |= 0x20;
        }
    }
    return seen < 0x80;
}

static weir_status domain_check(weir_bytes input, weir_bytes domain, weir_error *err)
{
    const uint8_t *data = domain.data;
    if (domain.size == 0) {
        return refuse(input, "nothing is left of it", err);
    }
    for (size_t i = 0; i < domain.size; i++) {
        if (is_forbidden_in_domain(data[i])) {
            return refuse(input, "a character is not allowed in a host", err);
        }
    }
    return WEIR_OK;
}

weir_status weir_url_host_parse(weir_bytes input, weir_buf *out_host, weir_error *err)
{
    WEIR_ASSERT(input.data != NULL);
    WEIR_ASSERT(out_host != NULL);
    const uint8_t *data = input.data;
    if (input.size > WEIR_URL_HOST_BYTES_MAX) {
        return refuse(input, "longer than 1024 bytes", err);
    }
    if (input.size > 0 && data[0] == '[') {
        return ipv6_parse(input, out_host, err);
    }
    weir_buf_clear(out_host);
    append_percent_decoded(input, out_host);
    if (!lower_if_ascii(out_host) && !weir_idna_to_ascii(out_host)) {
        return refuse(input, "the name is not valid for IDNA", err);
    }
    WEIR_TRY(domain_check(input, weir_buf_bytes(out_host), err));
    if (!ends_in_a_number(weir_buf_bytes(out_host))) {
        return WEIR_OK;
    }
    WEIR_AUTO(weir_buf) numeric = {0};
    weir_buf_set(&numeric, weir_buf_bytes(out_host));
    return ipv4_parse(weir_buf_bytes(&numeric), out_host, err);
}
