/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes, under any encoding, decode to well-formed UTF-8 within the limit. The first byte
 * chooses where the Content-Type ends.
 */
#include "topologies/charset.h"

#include "streams/base/status.h"
#include "topologies/charset_labels.h"
#include "topologies/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    size_t header_bytes = data[0] < size - 2 ? data[0] : size - 2;
    weir_bytes header = {data + 2, header_bytes};
    weir_bytes body = {data + 2 + header_bytes, size - 2 - header_bytes};
    size_t bytes_max = 1 + size;
    WEIR_AUTO(weir_buf) text = {0};
    weir_charset found = weir_charset_find(body, header);
    (void)weir_charset_decode(found.name, body, bytes_max, &text);
    WEIR_ASSERT(text.size <= bytes_max);
    WEIR_ASSERT(weir_utf8_is_well_formed(weir_buf_bytes(&text)));

    const char *any = weir_charset_entries[data[1] % weir_charset_entry_count].name;
    (void)weir_charset_decode(any, body, bytes_max, &text);
    WEIR_ASSERT(text.size <= bytes_max);
    WEIR_ASSERT(weir_utf8_is_well_formed(weir_buf_bytes(&text)));
    return 0;
}
