/* SPDX-License-Identifier: Apache-2.0
 *
 * frontier_rules.c - the rules of the frontier that need no store: what an outcome asks for, how
 * long to wait, and the order of the queue.
 */
#include "topologies/frontier_internal.h"
#include "topologies/url_canon.h"

#include "streams/base/serde.h"

enum { DAY_MS = 24 * 60 * 60 * 1000, BACKOFF_DOUBLINGS_MAX = 16, HTTP_TOO_MANY_REQUESTS = 429 };

weir_frontier_verdict weir_frontier_verdict_of(weir_bytes outcome, int32_t http_status)
{
    static const char *const passing[] = {"timeout",       "too_slow",           "connect_error",
                                          "dns_error",     "robots_unreachable", "protocol_error",
                                          "host_throttled"};
    if (weir_bytes_equal(outcome, WEIR_BYTES("fetched")) ||
        weir_bytes_equal(outcome, WEIR_BYTES("not_modified")) ||
        weir_bytes_equal(outcome, WEIR_BYTES("redirected"))) {
        return WEIR_VERDICT_DONE;
    }
    if (http_status == HTTP_TOO_MANY_REQUESTS || http_status / 100 == 5) {
        return WEIR_VERDICT_RETRY;
    }
    for (size_t i = 0; i < WEIR_COUNT_OF(passing); i++) {
        if (weir_bytes_equal(outcome, weir_bytes_of_text(passing[i]))) {
            return WEIR_VERDICT_RETRY;
        }
    }
    return WEIR_VERDICT_FAILED;
}

int64_t weir_frontier_backoff_ms(int64_t retry_backoff_ms, int32_t attempt, int64_t retry_after_ms)
{
    WEIR_ASSERT(retry_backoff_ms >= 0);

    if (retry_after_ms > 0) {
        return retry_after_ms < DAY_MS ? retry_after_ms : DAY_MS;
    }
    int32_t doublings = attempt > 1 ? attempt - 1 : 0;
    if (doublings > BACKOFF_DOUBLINGS_MAX) {
        doublings = BACKOFF_DOUBLINGS_MAX;
    }
    int64_t backoff_ms = retry_backoff_ms << doublings;
    return backoff_ms < DAY_MS ? backoff_ms : DAY_MS;
}

void weir_frontier_queue_key(weir_buf *out_key, weir_bytes host_id, const weir_frontier_url *url,
                             weir_bytes url_hash)
{
    weir_buf_set(out_key, host_id);
    weir_buf_append_byte(out_key, 0);
    weir_buf_append_i64_be(out_key, url->due_at_ms);
    weir_buf_append_byte(out_key, (uint8_t)url->priority);
    weir_buf_append_byte(out_key, (uint8_t)url->depth);
    weir_buf_append(out_key, url_hash.data, url_hash.size);
}

bool weir_frontier_queue_entry_of(weir_bytes key, weir_bytes host_id,
                                  weir_frontier_queue_entry *out_entry)
{
    weir_reader reader = weir_reader_of(key);
    (void)weir_read_bytes(&reader, host_id.size + 1); /* host_id and the zero byte. */
    out_entry->due_at_ms = weir_read_i64_be(&reader);
    (void)weir_read_bytes(&reader, 2); /* Priority and depth. */
    out_entry->url_hash = weir_read_bytes(&reader, WEIR_URL_HASH_BYTES);
    return !reader.failed && reader.left.size == 0;
}
