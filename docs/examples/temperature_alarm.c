/* SPDX-License-Identifier: Apache-2.0
 *
 * temperature_alarm.c - sensors that measured more than 80 degrees on the average of a minute,
 * looked at every ten seconds.
 *
 *   temperatures  sensor -> degrees, 8 bytes (a double)
 *   alarms        sensor -> "average over count readings"
 *   too-late      readings of minutes that have been judged
 */
#include "docs/examples/examples.h"

#include <string.h>

enum { MINUTE_MS = 60 * 1000, STEP_MS = 10 * 1000 };

static const double hot = 80;

/* What a window remembers: how many readings, and their sum. */
typedef struct readings {
    int64_t count;
    double sum;
} readings;

static weir_status no_readings(weir_call *call, weir_bytes *out_readings)
{
    static const readings none;
    (void)call;
    *out_readings = weir_bytes_of(&none, sizeof(none));
    return WEIR_OK;
}

static weir_status add_reading(weir_call *call, weir_bytes sensor, weir_bytes degrees,
                               weir_bytes before, weir_bytes *out_readings)
{
    (void)sensor;
    double value = 0;
    readings now;
    if (!weir_bytes_f64(degrees, &value) || before.size != sizeof(now)) {
        return weir_error_set(call->err, WEIR_BAD_RECORD, "a temperature that is not 8 bytes");
    }
    memcpy(&now, before.data, sizeof(now));
    now.count++;
    now.sum += value;
    *out_readings = weir_call_concat(call, weir_bytes_of(&now, sizeof(now)), WEIR_BYTES_NULL);
    return WEIR_OK;
}

static bool is_hot(void *user, const weir_record *minute)
{
    (void)user;
    readings seen;
    memcpy(&seen, minute->value.data, sizeof(seen));
    return seen.sum / (double)seen.count > hot;
}

static weir_status to_alarm(weir_call *call, const weir_record *minute, weir_bytes *inout_key,
                            weir_bytes *inout_value)
{
    readings seen;
    weir_windowed window = {0};
    memcpy(&seen, inout_value->data, sizeof(seen));
    if (!weir_windowed_of(minute->key, MINUTE_MS, &window)) {
        return weir_error_set(call->err, WEIR_BAD_RECORD, "the key of no window");
    }
    *inout_key = window.key;
    *inout_value = weir_call_text(call, "%.1f over %lld readings", seen.sum / (double)seen.count,
                                  (long long)seen.count);
    return WEIR_OK;
}

weir_builder *temperature_alarm(void)
{
    weir_builder *builder = weir_builder_new();
    weir_kstream *temperatures = weir_builder_stream(builder, "temperatures", NULL);
    weir_kgrouped_stream *by_sensor = weir_kstream_group_by_key(temperatures, NULL);
    const weir_time_windows minutes = {.size_ms = MINUTE_MS, .advance_ms = STEP_MS};
    weir_time_windowed_kstream *by_minute = weir_kgrouped_stream_windowed_by(by_sensor, &minutes);
    weir_ktable *averages = weir_time_windowed_aggregate(by_minute, no_readings, add_reading,
                                                         WEIR_STORED_AS("readings"), NULL);
    weir_kstream_to(weir_ktable_late_records(averages, NULL), "too-late", NULL);
    weir_ktable *judged = weir_ktable_suppress_until_window_closes(averages, NULL);
    weir_kstream *hot_minutes =
        weir_kstream_filter(weir_ktable_to_stream(judged, NULL), is_hot, NULL);
    weir_kstream_to(weir_kstream_map(hot_minutes, to_alarm, NULL), "alarms", NULL);
    return builder;
}
