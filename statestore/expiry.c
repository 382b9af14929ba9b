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
    weir_kv_scan_cleanup(&expiry->scan);
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
    weir_kv_scan_restart(&expiry->scan);
    return true;
}

/* One slice of a pass. */
typedef struct removal {
    const weir_expiry *expiry;
    weir_kv *kv;
    int64_t (*time_of)(weir_bytes key);
    size_t count;
} removal;

static weir_status remove_expired(void *user, weir_bytes key, weir_error *err)
{
    removal *self = user;
    int64_t time_ms = self->time_of(key);
    if (time_ms < 0 || time_ms >= weir_expiry_live_from(self->expiry)) {
        return WEIR_OK;
    }
    WEIR_TRY(weir_kv_remove(self->kv, key, err));
    self->count++;
    return WEIR_OK;
}

weir_status weir_expiry_run(weir_expiry *expiry, weir_kv *kv, int64_t (*time_of)(weir_bytes key),
                            size_t slice_max, size_t *out_removed, weir_error *err)
{
    removal expired = {.expiry = expiry, .kv = kv, .time_of = time_of};
    if (slice_max > 0 && weir_expiry_begin_pass(expiry)) {
        expiry->scan.visit = remove_expired;
        expiry->scan.user = &expired;
        weir_status status = weir_kv_scan_slice(kv, &expiry->scan, slice_max, err);
        expiry->scan.user = NULL;
        WEIR_TRY(status);
        expiry->in_pass = !expiry->scan.is_done;
    }
    *out_removed = expired.count;
    return WEIR_OK;
}
