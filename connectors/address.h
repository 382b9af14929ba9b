/* SPDX-License-Identifier: Apache-2.0
 *
 * address.h - which network addresses belong to the public internet.
 *
 * A page may name any host, and a name may resolve to any address: a crawler that connects to all
 * of them can be sent into the network that it runs in.
 *
 * Threads    Any.
 */
#ifndef WEIR_CONNECTORS_ADDRESS_H
#define WEIR_CONNECTORS_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

enum { WEIR_IPV4_BYTES = 4, WEIR_IPV6_BYTES = 16 };

/* False for loopback, private, link-local, shared (CGNAT), documentation, benchmark, multicast and
 * reserved ranges. */
bool weir_address_ipv4_is_public(const uint8_t address[WEIR_IPV4_BYTES]);

/* As above, with unique local and site-local ranges; an address that stands for an IPv4 address
 * (mapped, NAT64, 6to4) is judged as that one. */
bool weir_address_ipv6_is_public(const uint8_t address[WEIR_IPV6_BYTES]);

/* Whether host, in the form that stands in a URL ("10.0.0.1", "[::1]", "localhost"), is without
 * any resolution known not to be public. */
bool weir_address_host_is_private(const char *host);

#endif
