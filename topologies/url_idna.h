/* SPDX-License-Identifier: Apache-2.0
 *
 * url_idna.h - the ASCII form of an internationalised domain name (UTS 46, non-transitional).
 *
 * Threads    Any.
 */
#ifndef WEIR_TOPOLOGIES_URL_IDNA_H
#define WEIR_TOPOLOGIES_URL_IDNA_H

#include "streams/base/bytes.h"

/* Replaces domain, which holds bytes that are not ASCII (ill-formed UTF-8 counts as U+FFFD), by its
 * ASCII form. False where it has none; domain is then undefined. */
bool weir_idna_to_ascii(weir_buf *domain);

#endif
