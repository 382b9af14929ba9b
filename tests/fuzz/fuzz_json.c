/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes are JSON or an error, and any bytes written as a JSON string read back as JSON.
 */
#include "streams/base/json.h"
#include "streams/base/json_read.h"

enum { INPUT_BYTES_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_json_value) outside = NULL;
    weir_status status =
        weir_json_parse(weir_bytes_of(data, size), INPUT_BYTES_MAX, &outside, &err);
    WEIR_ASSERT(status == WEIR_OK || status == WEIR_BAD_RECORD);
    WEIR_ASSERT(status == WEIR_OK || err.message[0] != '\0');

    WEIR_AUTO(weir_buf) buf = {0};
    weir_json json = weir_json_of(&buf);
    weir_json_bytes(&json, weir_bytes_of(data, size));
    WEIR_AUTO_PTR(weir_json_value) own = NULL;
    status = weir_json_parse(weir_buf_bytes(&buf), 8 * (size_t)INPUT_BYTES_MAX, &own, &err);
    WEIR_ASSERT(status == WEIR_OK);
    return 0;
}
