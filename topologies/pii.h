/* SPDX-License-Identifier: Apache-2.0
 *
 * pii.h - e-mail addresses and public IPv4 addresses in a text, found and replaced.
 *
 * An e-mail address is a local part of 1 to 64 characters of RFC 5322's atoms and dots, and a
 * domain of two labels or more whose last has letters only. An IPv4 address is four numbers of 0 to
 * 255 without leading zeros that stand alone and that IANA has not set apart for private or special
 * use. Phone numbers, accounts and names are not looked for.
 *
 * Threads    Any.
 */
#ifndef WEIR_TOPOLOGIES_PII_H
#define WEIR_TOPOLOGIES_PII_H

#include "streams/base/bytes.h"

typedef struct weir_pii_counts {
    size_t emails;
    size_t addresses;
} weir_pii_counts;

/* What stands in for what was found: reserved for examples by RFC 2606 and RFC 5737. */
#define WEIR_PII_EMAIL "email@example.com"
#define WEIR_PII_ADDRESS "192.0.2.1"

/* Replaces *out_text, unless it is NULL, by text with all that was found replaced. Linear. */
weir_pii_counts weir_pii_replace(weir_bytes text, weir_buf *out_text);

#endif
