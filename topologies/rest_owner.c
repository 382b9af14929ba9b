/* SPDX-License-Identifier: Apache-2.0
 *
 * rest_owner.c - a row that another process has: the caller is sent there.
 *
 * A redirect (307) and no forwarding: it costs this process nothing while the other one answers,
 * and cannot go round in circles, for who was sent once ("hop=1") is not sent on.
 */
#include "topologies/rest_api_internal.h"

#include "streams/metadata.h"

static bool is_unreserved(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_' || byte == '~';
}

static void append_encoded(weir_buf *to, weir_bytes text)
{
    const uint8_t *bytes = text.data;
    for (size_t i = 0; i < text.size; i++) {
        if (is_unreserved(bytes[i])) {
            weir_buf_append_byte(to, bytes[i]);
        } else {
            weir_buf_append_format(to, "%%%02X", bytes[i]);
        }
    }
}

static weir_status redirect(const char *host, const weir_rest_request *request, const char *table,
                            weir_rest_response *response)
{
    weir_buf *location = &response->header_value;
    weir_buf_append_format(location, "http://%s/v1/tables/%s/", host, table);
    append_encoded(location, weir_rest_parameter(request, "key"));
    weir_buf_append_text(location, "?hop=1");
    for (size_t i = 0; weir_rest_terms_names[i] != NULL; i++) {
        weir_bytes value = weir_rest_query(request, weir_rest_terms_names[i]);
        if (value.data != NULL) {
            weir_buf_append_format(location, "&%s=", weir_rest_terms_names[i]);
            append_encoded(location, value);
        }
    }
    response->header_name = "Location";
    (void)weir_rest_refuse(response, 503, "row_elsewhere", "This row is at %s: ask there.", host);
    response->status = 307; /* No failure, but with a body like one, for who does not follow. */
    return WEIR_OK;
}

/* NULL: nobody else is known who may answer. */
static const char *host_of(const weir_key_metadata *metadata, const weir_rest_request *request)
{
    const weir_process_place *active = &metadata->active;
    if (active->process_id != NULL) {
        return active->is_here ? NULL : active->host;
    }
    WEIR_AUTO(weir_rest_terms) terms = {0};
    bool allows =
        weir_rest_terms_read(request, &terms, NULL) == WEIR_OK && terms.query.allows_standby;
    for (size_t i = 0; allows && i < metadata->standby_count; i++) {
        if (!metadata->standbys[i].is_here && metadata->standbys[i].host != NULL) {
            return metadata->standbys[i].host;
        }
    }
    return NULL;
}

weir_status weir_rest_send_to_owner(weir_application *application, const char *table,
                                    weir_bytes key, const weir_rest_request *request,
                                    weir_rest_response *response)
{
    weir_key_metadata metadata = {0};
    weir_error err = {0};
    weir_status status = weir_application_metadata_for_key(application, table, key, WEIR_BYTES_NULL,
                                                           &metadata, &err);
    const char *host = status == WEIR_OK ? host_of(&metadata, request) : NULL;
    bool was_sent = weir_rest_query(request, "hop").data != NULL;
    status = host == NULL || was_sent ? WEIR_AGAIN : redirect(host, request, table, response);
    weir_key_metadata_cleanup(&metadata);
    return status;
}
