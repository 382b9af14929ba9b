/* SPDX-License-Identifier: Apache-2.0
 *
 * expiry.c - one pass over a store each half retention, in slices; but not more often than each
 * minute of stream time, which is the shortest segment that Kafka Streams drops: with windows of a
 * minute a pass each half would be a tenth of the whole work.
 */
#include "statestore/expiry.h"

enum { PASS_INTERVAL_MS_MIN = 60000 };

weir_expiry weir_expiry_of(int64_t retention_ms)
{
    WEIR_ASSERT(retention_ms > 0);
    return (weir_expiry){.retention_ms = retention_ms, .stream_time_ms = -1, .pass_began_ms = -1};
}

void weir_expiry_cleanup(weir_expiry *expiry)
{
    weir_buf_cleanup(&expiry->resumed);
}

void weir_expiry_observe(weir_expiry *expiry, int64_t stream_time_ms)
{
    if (expiry->stream_time_ms < stream_time_ms) {
        expiry->stream_time_ms = stream_time_ms;
    }
}

int64_t weir_expiry_live_from(const weir_expiry *expiry)
{
    int64_t from = expiry->stream_time_ms - expiry->retention_ms + 1;
    return from > 0 ? from : 0;
}

bool weir_expiry_begin_pass(weir_expiry *expiry)
{
    if (expiry->in_pass) {
        return true;
    }
    int64_t interval_ms = expiry->retention_ms / 2;
    interval_ms = interval_ms < PASS_INTERVAL_MS_MIN ? PASS_INTERVAL_MS_MIN : interval_ms;
    bool due =
        expiry->pass_began_ms < 0 || expiry->stream_time_ms - expiry->pass_began_ms >= interval_ms;
    if (expiry->stream_time_ms < 0 || weir_expiry_live_from(expiry) == 0 || !due) {
        return false;
    }
    expiry->in_pass = true;
    expiry->pass_began_ms = expiry->stream_time_ms;
    weir_buf_clear(&expiry->resumed);
    return true;
}

weir_status weir_expiry_run(weir_expiry *expiry, weir_kv *kv, int64_t (*time_of)(weir_bytes key),
                            size_t slice_max, size_t *out_removed, weir_error *err)
{
    size_t removed = 0;
    WEIR_AUTO_PTR(weir_kv_iterator) it = NULL;
    if (slice_max > 0 && weir_expiry_begin_pass(expiry)) {
        WEIR_TRY(
            weir_kv_range(kv, weir_buf_bytes(&expiry->resumed), WEIR_BYTES_NULL, false, &it, err));
    }
    for (size_t i = 0; it != NULL && i < slice_max; i++) {
        weir_bytes key;
        weir_bytes value;
        weir_status status = weir_kv_iterator_next(it, &key, &value, err);
        if (status == WEIR_NOT_FOUND) {
            expiry->in_pass = false;
            break;
        }
        WEIR_TRY(status);
        weir_buf_set(&expiry->resumed, key);
        int64_t time_ms = time_of(key);
        if (time_ms >= 0 && time_ms < weir_expiry_live_from(expiry)) {
            WEIR_TRY(weir_kv_remove(kv, weir_buf_bytes(&expiry->resumed), err));
            removed++;
        }
    }
    *out_removed = removed;
    return WEIR_OK;
}
