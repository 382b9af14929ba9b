/* SPDX-License-Identifier: Apache-2.0
 *
 * The description of a topology, as anybody could have written it, against
 * streams/topology_compare.c: it is refused, or compared with itself it loses nothing.
 */
#include "streams/topology_description.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    WEIR_AUTO(weir_buf) text = {0};
    weir_upgrade upgrade = WEIR_UPGRADE_ROLLS;
    weir_error err = {0};
    weir_bytes json = weir_bytes_of(data, size);
    weir_status status = weir_topology_compare(json, json, &text, &upgrade, &err);
    WEIR_ASSERT(status == WEIR_OK || status == WEIR_BAD_RECORD);
    return 0;
}
