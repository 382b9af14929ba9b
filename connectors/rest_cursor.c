/* SPDX-License-Identifier: Apache-2.0
 *
 * rest_cursor.c - cursors are base64url.
 */
#include "connectors/rest_cursor.h"

#include "streams/base/base64.h"

weir_status weir_rest_cursor_read(const weir_rest_request *request, weir_buf *key,
                                  weir_bytes *out_key, weir_error *err)
{
    weir_bytes cursor = weir_rest_query(request, "cursor");
    if (cursor.data == NULL) {
        *out_key = WEIR_BYTES_NULL;
        return WEIR_OK;
    }
    weir_buf_clear(key);
    if (!weir_base64url_decode(cursor, key)) {
        return weir_error_set(err, WEIR_BAD_RECORD,
                              "cursor is none of ours: pass next_cursor of the page before, or "
                              "none for the first page");
    }
    *out_key = weir_buf_bytes(key);
    return WEIR_OK;
}
