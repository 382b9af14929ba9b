/* SPDX-License-Identifier: Apache-2.0
 *
 * rest_cursor.h - where the next page of an answer begins, as text that a URL takes as it is.
 *
 * A cursor is the key of the last row of a page, as base64url (weir_base64url_append), so it stays
 * good whatever happens to the store between two pages.
 *
 * Threads    Any.
 */
#ifndef WEIR_CONNECTORS_REST_CURSOR_H
#define WEIR_CONNECTORS_REST_CURSOR_H

#include "connectors/rest.h"

/* The key of ?cursor=, decoded into key, which *out_key borrows; null without a cursor.
 * WEIR_BAD_RECORD, with a sentence, for what is none. */
weir_status weir_rest_cursor_read(const weir_rest_request *request, weir_buf *key,
                                  weir_bytes *out_key, weir_error *err);

#endif
