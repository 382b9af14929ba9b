/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a schema: what parses has a canonical form that parses to the same form again, and
 * can read what it wrote itself.
 */
#include "avro/schema_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    WEIR_AUTO_PTR(weir_schema) schema = NULL;
    WEIR_AUTO_PTR(weir_schema) again = NULL;
    weir_status status = weir_schema_parse(weir_bytes_of(data, size), &schema, NULL);
    if (status != WEIR_OK) {
        WEIR_ASSERT(status == WEIR_INVALID);
        return 0;
    }
    weir_bytes canonical = weir_buf_bytes(&schema->canonical);
    status = weir_schema_parse(canonical, &again, NULL);
    WEIR_ASSERT(status == WEIR_OK);
    WEIR_ASSERT(weir_bytes_equal(canonical, weir_buf_bytes(&again->canonical)));
    status = weir_schema_can_read(schema, again, NULL);
    WEIR_ASSERT(status == WEIR_OK);
    return 0;
}
