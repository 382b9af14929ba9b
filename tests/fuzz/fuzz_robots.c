/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as robots.txt, as a path and as compiled rules: what is compiled passes its check, and
 * reading what is not comes back. The first line is the path, the rest the file.
 */
#include "connectors/robots.h"

#include <string.h>

static void walk(weir_bytes rules, weir_bytes path)
{
    size_t index = 0;
    weir_bytes rule;
    WEIR_ASSERT(weir_robots_crawl_delay_ms(rules) <= INT64_MAX);
    (void)weir_robots_allows(rules, path, &rule); /* Either answer is right. */
    while (index < 20 && weir_robots_next_sitemap(rules, &index, &rule)) {
        WEIR_ASSERT(rule.size <= rules.size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    WEIR_AUTO(weir_buf) rules = {0};
    const uint8_t *feed = size > 0 ? memchr(data, '\n', size) : NULL;
    size_t path_bytes = feed != NULL ? (size_t)(feed - data) : 0;
    weir_bytes path = {data, path_bytes};
    weir_robots_compile(weir_bytes_of(data + path_bytes, size - path_bytes), "weir/1.0", &rules);
    WEIR_ASSERT(weir_robots_check(weir_buf_bytes(&rules), NULL) == WEIR_OK);
    walk(weir_buf_bytes(&rules), path);
    walk(weir_bytes_of(data, size), path);
    return 0;
}
