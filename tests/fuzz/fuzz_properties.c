/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes are a properties file or an error; what was accepted is within its limits.
 */
#include "streams/base/properties.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    WEIR_AUTO_PTR(weir_properties) properties = weir_properties_new();
    weir_error err = {0};
    weir_status status = weir_properties_parse(properties, weir_bytes_of(data, size), "f", &err);
    WEIR_ASSERT(status == WEIR_OK || status == WEIR_INVALID);
    WEIR_ASSERT(status == WEIR_OK || err.message[0] != '\0');

    size_t position = 0;
    const char *key;
    const char *value;
    while (weir_properties_next(properties, &position, &key, &value)) {
        WEIR_ASSERT(key[0] != '\0' && strlen(key) <= WEIR_PROPERTIES_KEY_BYTES_MAX);
        WEIR_ASSERT(strlen(value) <= WEIR_PROPERTIES_VALUE_BYTES_MAX);
        WEIR_ASSERT(weir_properties_get(properties, key) == value);
    }
    return 0;
}
