/* SPDX-License-Identifier: Apache-2.0
 *
 * dsl_functions.c - see dsl_functions.h.
 */
#include "tests/harness/dsl_functions.h"

#include "streams/base/serde.h"

#include <inttypes.h>

weir_status dsl_value_as_key(weir_call *call, const weir_record *record, weir_bytes *out_key)
{
    (void)call;
    *out_key = record->value;
    return WEIR_OK;
}

weir_status dsl_first_letter(weir_call *call, const weir_record *record, weir_bytes *out_key)
{
    (void)call;
    *out_key = weir_bytes_of(record->key.data, 1);
    return WEIR_OK;
}

weir_status dsl_exclaim(weir_call *call, const weir_record *record, weir_bytes *out_value)
{
    *out_value = weir_call_concat(call, record->value, WEIR_BYTES("!"));
    return WEIR_OK;
}

weir_status dsl_count_as_text(weir_call *call, const weir_record *record, weir_bytes *out_value)
{
    int64_t count = 0;
    *out_value = weir_bytes_i64(record->value, &count) ? weir_call_text(call, "%" PRId64, count)
                                                       : WEIR_BYTES_NULL;
    return WEIR_OK;
}

weir_status dsl_left_value(weir_call *call, weir_bytes key, weir_bytes left, weir_bytes right,
                           weir_bytes *out_value)
{
    (void)call;
    (void)key;
    (void)right;
    *out_value = left;
    return WEIR_OK;
}

weir_status dsl_pair(weir_call *call, weir_bytes key, weir_bytes left, weir_bytes right,
                     weir_bytes *out_value)
{
    (void)key;
    *out_value = weir_call_concat(call, left, right);
    return WEIR_OK;
}

static weir_bytes or_null_text(weir_bytes value)
{
    return value.data == NULL ? WEIR_BYTES("null") : value;
}

weir_status dsl_pair_with_bar(weir_call *call, weir_bytes key, weir_bytes left, weir_bytes right,
                              weir_bytes *out_value)
{
    left = weir_call_concat(call, or_null_text(left), WEIR_BYTES("|"));
    return dsl_pair(call, key, left, or_null_text(right), out_value);
}

weir_status dsl_empty_text(weir_call *call, weir_bytes *out_aggregate)
{
    (void)call;
    *out_aggregate = WEIR_BYTES("");
    return WEIR_OK;
}

weir_status dsl_last_value(weir_call *call, weir_bytes aggregate, weir_bytes value,
                           weir_bytes *out_aggregate)
{
    (void)call;
    (void)aggregate;
    *out_aggregate = value;
    return WEIR_OK;
}

weir_status dsl_concat(weir_call *call, weir_bytes aggregate, weir_bytes value,
                       weir_bytes *out_aggregate)
{
    *out_aggregate = weir_call_concat(call, aggregate, value);
    return WEIR_OK;
}
