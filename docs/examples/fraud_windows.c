/* SPDX-License-Identifier: Apache-2.0
 *
 * fraud_windows.c - cards that are charged more than 1000.00 without a minute's pause. A stretch is
 * judged once, when it is over.
 *
 *   payments  card -> cents, 8 bytes
 *   alerts    card -> cents of the whole stretch, 8 bytes
 */
#include "docs/examples/examples.h"

enum { PAUSE_MS = 60 * 1000, LATE_MS = 10 * 1000, CENTS_MAX = 1000 * 100 };

static weir_status sum(weir_call *call, weir_bytes total, weir_bytes cents, weir_bytes *out_total)
{
    int64_t a = 0;
    int64_t b = 0;
    if (!weir_bytes_i64(total, &a) || !weir_bytes_i64(cents, &b)) {
        return weir_error_set(call->err, WEIR_BAD_RECORD, "an amount that is not 8 bytes");
    }
    *out_total = weir_call_i64(call, a + b);
    return WEIR_OK;
}

static bool is_too_much(void *user, const weir_record *stretch)
{
    (void)user;
    int64_t cents = 0;
    return weir_bytes_i64(stretch->value, &cents) && cents > CENTS_MAX;
}

static weir_status card_alone(weir_call *call, const weir_record *stretch, weir_bytes *out_key)
{
    weir_session session = {0};
    if (!weir_session_of(stretch->key, &session)) {
        return weir_error_set(call->err, WEIR_BAD_RECORD, "the key of no session");
    }
    *out_key = session.key;
    return WEIR_OK;
}

weir_builder *fraud_windows(void)
{
    weir_builder *builder = weir_builder_new();
    weir_kstream *payments = weir_builder_stream(builder, "payments", NULL);
    weir_kgrouped_stream *by_card = weir_kstream_group_by_key(payments, NULL);
    const weir_session_windows stretches = {.inactivity_gap_ms = PAUSE_MS, .grace_ms = LATE_MS};
    weir_session_windowed_kstream *by_stretch =
        weir_kgrouped_stream_windowed_by_session(by_card, &stretches);
    weir_ktable *totals =
        weir_session_windowed_reduce(by_stretch, sum, WEIR_STORED_AS("stretches"), NULL);
    weir_ktable *ended = weir_ktable_suppress_until_window_closes(totals, NULL);
    weir_kstream *alerts =
        weir_kstream_filter(weir_ktable_to_stream(ended, NULL), is_too_much, NULL);
    weir_kstream_to(weir_kstream_select_key(alerts, card_alone, NULL), "alerts", NULL);
    return builder;
}
