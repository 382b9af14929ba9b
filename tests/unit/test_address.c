/* SPDX-License-Identifier: Apache-2.0
 *
 * Only addresses of the public internet are crawled, however they are written.
 */
#include "connectors/address.h"
#include "tests/harness/check.h"

TEST(special_ranges_are_private_to_their_last_address)
{
    const char *hosts[] = {
        "0.0.0.0",
        "10.255.255.255",
        "100.64.0.0",
        "100.127.255.255",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "198.19.255.255",
        "203.0.113.9",
        "224.0.0.1",
        "255.255.255.255",
        "[::]",
        "[::1]",
        "[fe80::1]",
        "[fc00::1]",
        "[fdff::1]",
        "[ff02::1]",
        "[fec0::1]",
        "[2001:db8::1]",
        "[2001::1]",
        "[::ffff:10.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "localhost",
        "LOCALHOST.",
        "a.localhost",
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(hosts); i++) {
        if (!weir_address_host_is_private(hosts[i])) {
            check_fail(__FILE__, __LINE__, "%s counts as public", hosts[i]);
        }
    }
}

TEST(neighbours_of_special_ranges_are_public)
{
    const char *hosts[] = {
        "9.255.255.255",      "11.0.0.0",         "100.63.255.255", "100.128.0.0",
        "172.15.255.255",     "172.32.0.0",       "192.167.0.1",    "198.17.255.255",
        "223.255.255.255",    "8.8.8.8",          "[2606:4700::1]", "[2400::1]",
        "[::ffff:8.8.8.8]",   "[2002:808:808::]", "example.com",    "notlocalhost",
        "[64:ff9b::808:808]",
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(hosts); i++) {
        if (weir_address_host_is_private(hosts[i])) {
            check_fail(__FILE__, __LINE__, "%s counts as private", hosts[i]);
        }
    }
}
