/* SPDX-License-Identifier: Apache-2.0
 *
 * The metadata of a commit, as anybody could have written it, against streams/offset_window.c: what
 * decodes encodes to something that decodes to the same window.
 */
#include "streams/offset_window.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    weir_offset_window window = {0};
    weir_error err = {0};
    int64_t time_ms = 0;
    weir_kept_times times = {0};
    weir_status read =
        weir_offset_window_decode(&window, 1000, weir_bytes_of(data, size), &time_ms, &times, &err);
    if (read != WEIR_OK) {
        weir_kept_times_cleanup(&times);
        return 0;
    }
    WEIR_AUTO(weir_buf) text = {0};
    weir_offset_window_encode(&window, time_ms, NULL, &text);
    weir_offset_window again = {0};
    int64_t time_again_ms = 0;
    weir_status status =
        weir_offset_window_decode(&again, 1000, weir_buf_bytes(&text), &time_again_ms, NULL, &err);
    WEIR_ASSERT(status == WEIR_OK);
    WEIR_ASSERT(again.top == window.top && time_again_ms == time_ms);
    for (int64_t offset = 1000; offset < window.top; offset++) {
        WEIR_ASSERT(weir_offset_window_is_done(&window, offset) ==
                    weir_offset_window_is_done(&again, offset));
    }
    weir_offset_window_cleanup(&window);
    weir_offset_window_cleanup(&again);
    weir_kept_times_cleanup(&times);
    return 0;
}
