/* SPDX-License-Identifier: Apache-2.0
 *
 * ad_clicks.c - clicks within ten seconds of the advertisement that led to them.
 *
 *   ads-shown    user -> advertisement
 *   clicks       user -> page
 *   ads-clicked  user -> "advertisement led to page"
 */
#include "docs/examples/examples.h"

static weir_status led_to(weir_call *call, weir_bytes user, weir_bytes ad, weir_bytes page,
                          weir_bytes *out_value)
{
    (void)user;
    *out_value = weir_call_text(call, "%.*s led to %.*s", (int)ad.size, (const char *)ad.data,
                                (int)page.size, (const char *)page.data);
    return WEIR_OK;
}

weir_builder *ad_clicks(void)
{
    weir_builder *builder = weir_builder_new();
    weir_kstream *shown = weir_builder_stream(builder, "ads-shown", NULL);
    weir_kstream *clicks = weir_builder_stream(builder, "clicks", NULL);
    const weir_join_windows soon = {.after_ms = 10000, .grace_ms = 60000};
    weir_kstream *clicked = weir_kstream_join(shown, clicks, led_to, &soon, NULL);
    weir_kstream_to(clicked, "ads-clicked", NULL);
    return builder;
}
