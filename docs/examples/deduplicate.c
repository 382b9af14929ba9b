/* SPDX-License-Identifier: Apache-2.0
 *
 * deduplicate.c - events without those whose id came in the last ten minutes already. Ids are rows
 * with an end of their own: memory and changelog hold ten minutes of them, not all.
 *
 *   events         id -> anything
 *   unique-events  the first of each id
 */
#include "docs/examples/examples.h"

weir_builder *deduplicate(void)
{
    weir_builder *builder = weir_builder_new();
    weir_kstream *events = weir_builder_stream(builder, "events", NULL);
    const weir_deduplication by_id = {.interval_ms = 10 * 60 * 1000, .store_name = "seen"};
    weir_kstream_to(weir_kstream_deduplicate(events, &by_id, NULL), "unique-events", NULL);
    return builder;
}
