/* SPDX-License-Identifier: Apache-2.0
 *
 * url_idna.c - libidn2, and the names that the URL standard takes and libidn2 does not.
 *
 * UTS 46 as the URL standard uses it allows symbols and emoji, and hyphens anywhere; libidn2 also
 * applies IDNA 2008, which forbids them. A name that it refuses is cut into labels, and a label
 * into runs:
 *
 *   i-❤-Ünix  ->  "i" "-" "❤" "-" "Ünix"  ->  libidn2 maps the runs of letters, symbols and
 *   hyphens stay as they are  ->  i-❤-ünix  ->  Punycode (RFC 3492)  ->  xn--…
 */
#include "topologies/url_idna.h"

#include "streams/base/status.h"
#include "topologies/utf8.h"

#include <idn2.h>

#include <string.h>

enum {
    LABEL_CODE_POINTS_MAX = 256,
    VARIATION_SELECTOR_16 = 0xfe0f, /* UTS 46 maps it to nothing. */
    IDNA_FLAGS = IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT | IDN2_NO_ALABEL_ROUNDTRIP,
};

/* The code points of one label. */
typedef struct label {
    uint32_t code_points[LABEL_CODE_POINTS_MAX];
    size_t count;
} label;

static bool label_add(label *l, uint32_t code_point)
{
    if (l->count == LABEL_CODE_POINTS_MAX) {
        return false;
    }
    WEIR_ASSERT(code_point <= 0x10ffff);
    l->code_points[l->count++] = code_point;
    return true;
}

/* Symbols that UTS 46 takes as they are. */
static bool is_symbol(uint32_t c)
{
    static const uint32_t ranges[][2] = {
        {0x2190, 0x222b}, {0x2231, 0x2328},   {0x232b, 0x2426},   {0x2500, 0x2a0b},
        {0x2b00, 0x2bff}, {0x1f000, 0x1f0ff}, {0x1f1e6, 0x1f1ff}, {0x1f300, 0x1faff},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(ranges); i++) {
        if (c >= ranges[i][0] && c <= ranges[i][1]) {
            return true;
        }
    }
    return false;
}

static bool stays_as_it_is(uint32_t c)
{
    return c == '-' || c == VARIATION_SELECTOR_16 || is_symbol(c);
}

static bool is_dot(uint32_t c)
{
    return c == '.' || c == 0x3002 || c == 0xff0e || c == 0xff61;
}

/* What libidn2 makes of a name; NULL where it refuses. The caller frees it with idn2_free. */
static char *lookup(const char *name)
{
    uint8_t *ascii = NULL;
    return idn2_lookup_u8((const uint8_t *)name, &ascii, IDNA_FLAGS) == IDN2_OK ? (char *)ascii
                                                                                : NULL;
}

/* Adds the code points of run, mapped by libidn2, to the label. */
static bool add_mapped_run(weir_bytes run, label *l)
{
    WEIR_AUTO_FREE char *text = weir_bytes_to_text(run);
    char *ascii = lookup(text);
    char *mapped = NULL;
    bool ok = ascii != NULL && idn2_to_unicode_8z8z(ascii, &mapped, IDNA_FLAGS) == IDN2_OK;
    weir_bytes rest = weir_bytes_of_text(ok ? mapped : "");
    while (ok && rest.size > 0) {
        uint32_t c = 0;
        size_t length = weir_utf8_decode(rest, &c);
        ok = length > 0 && label_add(l, c);
        rest = weir_bytes_of((const uint8_t *)rest.data + length, rest.size - length);
    }
    idn2_free(mapped);
    idn2_free(ascii);
    return ok;
}

/* Appends delta as a variable-length integer of RFC 3492, 3.3. */
static void punycode_append_delta(uint32_t delta, uint32_t bias, weir_buf *out)
{
    for (uint32_t k = 36;; k += 36) {
        uint32_t threshold = k <= bias + 1 ? 1 : k >= bias + 26 ? 26 : k - bias;
        uint32_t digit = delta;
        if (delta >= threshold) {
            digit = threshold + (delta - threshold) % (36 - threshold);
        }
        weir_buf_append_byte(out, (uint8_t)(digit < 26 ? 'a' + digit : '0' + digit - 26));
        if (delta < threshold) {
            return;
        }
        delta = (delta - threshold) / (36 - threshold);
    }
}

/* The bias after delta was written (RFC 3492, 6.1). */
static uint32_t punycode_adapt(uint32_t delta, uint32_t written, bool first)
{
    uint32_t k = 0;
    delta /= first ? 700 : 2;
    delta += delta / written;
    for (; delta > 35 * 26 / 2; k += 36) {
        delta /= 35;
    }
    return k + 36 * delta / (delta + 38);
}

static uint32_t smallest_from(const label *l, uint32_t from)
{
    uint32_t smallest = UINT32_MAX;
    for (size_t i = 0; i < l->count; i++) {
        uint32_t c = l->code_points[i];
        smallest = c >= from && c < smallest ? c : smallest;
    }
    return smallest;
}

/* Appends "xn--" and the Punycode of a label. With 256 code points below 2^21 nothing overflows. */
static void punycode_append(const label *l, weir_buf *out)
{
    weir_buf_append_text(out, "xn--");
    uint32_t basic = 0;
    for (size_t i = 0; i < l->count; i++) {
        if (l->code_points[i] < 0x80) {
            weir_buf_append_byte(out, (uint8_t)l->code_points[i]);
            basic++;
        }
    }
    if (basic > 0) {
        weir_buf_append_byte(out, '-');
    }
    uint32_t written = basic;
    uint32_t bias = 72;
    uint32_t delta = 0;
    for (uint32_t n = 0x80; written < l->count; n++) {
        uint32_t next = smallest_from(l, n);
        WEIR_ASSERT(next != UINT32_MAX);
        delta += (next - n) * (written + 1);
        n = next;
        for (size_t i = 0; i < l->count; i++) {
            delta += l->code_points[i] < n;
            if (l->code_points[i] == n) {
                punycode_append_delta(delta, bias, out);
                bias = punycode_adapt(delta, written + 1, written == basic);
                delta = 0;
                written++;
            }
        }
        delta++;
    }
}

static void label_append(const label *l, weir_buf *out)
{
    bool ascii = true;
    for (size_t i = 0; i < l->count; i++) {
        ascii = ascii && l->code_points[i] < 0x80;
    }
    if (!ascii) {
        punycode_append(l, out);
        return;
    }
    for (size_t i = 0; i < l->count; i++) {
        weir_buf_append_byte(out, (uint8_t)l->code_points[i]);
    }
}

/* Ends the run of letters that goes from start to end in name. */
static bool end_run(weir_bytes name, size_t start, size_t end, label *l)
{
    const uint8_t *data = name.data;
    return start == end || add_mapped_run(weir_bytes_of(data + start, end - start), l);
}

/* The way described at the top of this file. */
static bool encode_by_runs(weir_bytes name, weir_buf *out)
{
    label l = {.count = 0};
    size_t run_start = 0;
    for (size_t at = 0; at < name.size;) {
        uint32_t c = 0;
        size_t length =
            weir_utf8_decode(weir_bytes_of((const uint8_t *)name.data + at, name.size - at), &c);
        WEIR_ASSERT(length > 0);
        if (!is_dot(c) && !stays_as_it_is(c)) {
            at += length;
            continue;
        }
        bool added = c == VARIATION_SELECTOR_16 || is_dot(c);
        if (!end_run(name, run_start, at, &l) || (!added && !label_add(&l, c))) {
            return false;
        }
        if (is_dot(c)) {
            label_append(&l, out);
            weir_buf_append_byte(out, '.');
            l.count = 0;
        }
        at += length;
        run_start = at;
    }
    if (!end_run(name, run_start, name.size, &l)) {
        return false;
    }
    label_append(&l, out);
    return true;
}

bool weir_idna_to_ascii(weir_buf *domain)
{
    WEIR_ASSERT(domain != NULL);
    WEIR_AUTO(weir_buf) name = {0};
    weir_utf8_append_well_formed(weir_buf_bytes(domain), &name);
    if (memchr(name.data, 0, name.size) != NULL) {
        return false; /* libidn2 would take it for the end. */
    }
    weir_buf_clear(domain);
    char *ascii = lookup(weir_buf_text(&name));
    if (ascii == NULL) {
        return encode_by_runs(weir_buf_bytes(&name), domain);
    }
    weir_buf_append_text(domain, ascii);
    idn2_free(ascii);
    return true;
}
