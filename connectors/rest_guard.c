/* SPDX-License-Identifier: Apache-2.0
 *
 * rest_guard.c - who may call: the two headers that tell a caller of ours from a page in a browser
 * that was made to call us.
 *
 *   Host          a page may point its own name at 127.0.0.1 and then reads our answers as its own;
 *                 the browser still sends that name. An address and localhost cannot be
 *                 re-pointed.
 *
 *   Content-Type  a form of any page may post to us, but not application/json.
 */
#include "connectors/rest_internal.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

enum { HOST_BYTES_MAX = 255 };

bool weir_rest_is_loopback(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

static bool is_address(const char *host)
{
    struct in6_addr parsed;
    return inet_pton(AF_INET, host, &parsed) == 1 || inet_pton(AF_INET6, host, &parsed) == 1;
}

/* Copies the host of a Host header, without port and brackets; false where it is none. */
static bool host_of(const char *header, char out_host[HOST_BYTES_MAX + 1])
{
    bool bracket = header[0] == '[';
    const char *start = bracket ? header + 1 : header;
    size_t size = strcspn(start, bracket ? "]" : ":");
    if (size == 0 || size > HOST_BYTES_MAX || (bracket && start[size] != ']')) {
        return false;
    }
    memcpy(out_host, start, size);
    out_host[size] = '\0';
    const char *rest = start + size + (bracket ? 1 : 0);
    return rest[0] == '\0' || rest[0] == ':';
}

static bool is_listed(const char *host, const char *names)
{
    size_t size = strlen(host);
    while (names != NULL && names[0] != '\0') {
        size_t name_size = strcspn(names, ",");
        if (name_size == size && strncasecmp(names, host, size) == 0) {
            return true;
        }
        names += name_size + (names[name_size] == ',' ? 1 : 0);
    }
    return false;
}

static bool is_own_host(const weir_rest_guard *guard, const char *header)
{
    char host[HOST_BYTES_MAX + 1];
    return host_of(header, host) && (is_address(host) || strcasecmp(host, "localhost") == 0 ||
                                     is_listed(host, guard->host_names));
}

static bool is_json(const char *content_type)
{
    static const char json[] = "application/json";
    size_t size = strlen(json);
    return content_type != NULL && strncasecmp(content_type, json, size) == 0 &&
           (content_type[size] == '\0' || strchr("; \t", content_type[size]) != NULL);
}

bool weir_rest_guard_refuses(const weir_rest_guard *guard, const weir_rest_call *call,
                             weir_rest_response *response)
{
    WEIR_ASSERT(guard != NULL && call != NULL && response != NULL);
    if (guard->checks_host && call->host != NULL && !is_own_host(guard, call->host)) {
        (void)weir_rest_fail(response, 421, "wrong_host",
                             "The Host header names somebody else: call this server by its "
                             "address, or add the name to its host names.");
        return true;
    }
    bool reads = strcmp(call->method, "GET") == 0 || strcmp(call->method, "HEAD") == 0;
    if (guard->json_only && !reads && !is_json(call->content_type)) {
        (void)weir_rest_fail(response, 415, "unsupported_media_type",
                             "Send JSON, with the header Content-Type: application/json.");
        return true;
    }
    return false;
}
