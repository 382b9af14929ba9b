/* SPDX-License-Identifier: Apache-2.0
 *
 * address.c - the special-purpose registries of IANA (RFC 6890 and its updates) as tables.
 *
 * IPv6 works the other way round: only 2000::/3 is handed out, so all else is refused.
 */
#include "connectors/address.h"

#include "streams/base/alloc.h"
#include "streams/base/status.h"

#include <arpa/inet.h>

#include <string.h>

typedef struct range {
    uint8_t address[WEIR_IPV6_BYTES];
    unsigned prefix_bits;
} range;

static const range special_ipv4[] = {
    {{0}, 8},             /* This network. */
    {{10}, 8},            /* Private. */
    {{100, 64}, 10},      /* Shared by carriers (CGNAT). */
    {{127}, 8},           /* Loopback. */
    {{169, 254}, 16},     /* Link-local, with the metadata services of clouds. */
    {{172, 16}, 12},      /* Private. */
    {{192, 0, 0}, 24},    /* Protocol assignments. */
    {{192, 0, 2}, 24},    /* Documentation. */
    {{192, 88, 99}, 24},  /* 6to4 relays. */
    {{192, 168}, 16},     /* Private. */
    {{198, 18}, 15},      /* Benchmarks. */
    {{198, 51, 100}, 24}, /* Documentation. */
    {{203, 0, 113}, 24},  /* Documentation. */
    {{224}, 4},           /* Multicast. */
    {{240}, 4},           /* Reserved, and broadcast. */
};

static const range global_ipv6 = {{0x20}, 3};
static const range special_ipv6[] = {
    {{0x20, 0x01}, 23},             /* Protocol assignments, Teredo among them. */
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* Documentation. */
    {{0x3f, 0xff}, 20},             /* Documentation. */
};

static const range mapped_ipv4 = {{[10] = 0xff, [11] = 0xff}, 96};
static const range nat64 = {{0x00, 0x64, 0xff, 0x9b}, 96};
static const range six_to_four = {{0x20, 0x02}, 16};

static bool is_in(const uint8_t *address, const range *r)
{
    unsigned whole = r->prefix_bits / 8;
    unsigned rest = r->prefix_bits % 8;
    if (memcmp(address, r->address, whole) != 0) {
        return false;
    }
    unsigned mask = 0xffU << (8 - rest) & 0xffU;
    return rest == 0 || ((address[whole] ^ r->address[whole]) & mask) == 0;
}

static bool is_in_any(const uint8_t *address, const range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (is_in(address, &ranges[i])) {
            return true;
        }
    }
    return false;
}

bool weir_address_ipv4_is_public(const uint8_t address[WEIR_IPV4_BYTES])
{
    WEIR_ASSERT(address != NULL);
    return !is_in_any(address, special_ipv4, WEIR_COUNT_OF(special_ipv4));
}

bool weir_address_ipv6_is_public(const uint8_t address[WEIR_IPV6_BYTES])
{
    WEIR_ASSERT(address != NULL);
    if (is_in(address, &mapped_ipv4) || is_in(address, &nat64)) {
        return weir_address_ipv4_is_public(address + 12);
    }
    if (is_in(address, &six_to_four)) {
        return weir_address_ipv4_is_public(address + 2);
    }
    return is_in(address, &global_ipv6) &&
           !is_in_any(address, special_ipv6, WEIR_COUNT_OF(special_ipv6));
}

/* host without the brackets of an IPv6 address, in room; false where it does not fit. */
static bool unbracket(const char *host, char *room, size_t room_bytes)
{
    size_t length = strlen(host);
    bool bracketed = length >= 2 && host[0] == '[' && host[length - 1] == ']';
    size_t kept = bracketed ? length - 2 : length;
    if (kept >= room_bytes) {
        return false;
    }
    memcpy(room, host + (bracketed ? 1 : 0), kept);
    room[kept] = '\0';
    return true;
}

static bool is_localhost(const char *host)
{
    static const char name[] = "localhost";
    size_t length = strlen(host);
    length -= length > 0 && host[length - 1] == '.' ? 1 : 0;
    size_t name_length = sizeof name - 1;
    return length >= name_length &&
           strncasecmp(host + length - name_length, name, name_length) == 0 &&
           (length == name_length || host[length - name_length - 1] == '.');
}

bool weir_address_host_is_private(const char *host)
{
    WEIR_ASSERT(host != NULL);
    char bare[INET6_ADDRSTRLEN];
    uint8_t address[WEIR_IPV6_BYTES];
    if (is_localhost(host)) {
        return true;
    }
    if (!unbracket(host, bare, sizeof bare)) {
        return false;
    }
    if (inet_pton(AF_INET, bare, address) == 1) {
        return !weir_address_ipv4_is_public(address);
    }
    return inet_pton(AF_INET6, bare, address) == 1 && !weir_address_ipv6_is_public(address);
}
