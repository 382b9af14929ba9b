/* SPDX-License-Identifier: Apache-2.0
 *
 * page_views_by_region.c - views of pages, counted by region and minute.
 *
 *   page-views       user -> page
 *   users            user -> region; a table
 *   views-by-region  "region 60000", where the minute begins in ms -> how many views, 8 bytes
 */
#include "docs/examples/examples.h"

enum { MINUTE_MS = 60 * 1000 };

static weir_status region_alone(weir_call *call, weir_bytes user, weir_bytes page,
                                weir_bytes region, weir_bytes *out_value)
{
    (void)call;
    (void)user;
    (void)page;
    *out_value = region.data == NULL ? WEIR_BYTES("unknown") : region;
    return WEIR_OK;
}

static weir_status region_as_key(weir_call *call, const weir_record *view, weir_bytes *out_key)
{
    (void)call;
    *out_key = view->value;
    return WEIR_OK;
}

static weir_status readable_key(weir_call *call, const weir_record *count, weir_bytes *out_key)
{
    weir_windowed minute = {0};
    if (!weir_windowed_of(count->key, MINUTE_MS, &minute)) {
        return weir_error_set(call->err, WEIR_BAD_RECORD, "the key of no window");
    }
    *out_key = weir_call_text(call, "%.*s %lld", (int)minute.key.size,
                              (const char *)minute.key.data, (long long)minute.start_ms);
    return WEIR_OK;
}

weir_builder *page_views_by_region(void)
{
    weir_builder *builder = weir_builder_new();
    weir_kstream *views = weir_builder_stream(builder, "page-views", NULL);
    weir_ktable *users = weir_builder_table(builder, "users", NULL, WEIR_STORED_AS("users"));
    weir_kstream *regions = weir_kstream_left_join_table(views, users, region_alone, NULL);
    weir_kgrouped_stream *by_region = weir_kstream_group_by(regions, region_as_key, NULL);
    const weir_time_windows minutes = {.size_ms = MINUTE_MS, .grace_ms = MINUTE_MS};
    weir_time_windowed_kstream *by_minute = weir_kgrouped_stream_windowed_by(by_region, &minutes);
    weir_ktable *counts = weir_time_windowed_count(by_minute, WEIR_STORED_AS("views"), NULL);
    weir_kstream *changes = weir_ktable_to_stream(counts, NULL);
    weir_kstream_to(weir_kstream_select_key(changes, readable_key, NULL), "views-by-region", NULL);
    return builder;
}
