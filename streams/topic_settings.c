/* SPDX-License-Identifier: Apache-2.0
 *
 * topic_settings.c - the table.
 */
#include "streams/topic_settings.h"

#include "streams/base/alloc.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *name;
    size_t member;
    bool is_short; /* The member is an int16_t, else an int64_t. */
} settings[] = {
    {"retention.ms", offsetof(weir_topic_config, retention_ms), false},
    {"retention.bytes", offsetof(weir_topic_config, retention_bytes), false},
    {"segment.bytes", offsetof(weir_topic_config, segment_bytes), false},
    {"segment.ms", offsetof(weir_topic_config, segment_ms), false},
    {"min.compaction.lag.ms", offsetof(weir_topic_config, min_compaction_lag_ms), false},
    {"delete.retention.ms", offsetof(weir_topic_config, delete_retention_ms), false},
    {"min.insync.replicas", offsetof(weir_topic_config, min_insync_replicas), true},
};

_Static_assert(WEIR_COUNT_OF(settings) == WEIR_TOPIC_SETTINGS, "the header counts them");

size_t weir_topic_setting_find(const char *name)
{
    size_t setting = 0;
    while (setting < WEIR_TOPIC_SETTINGS && strcmp(settings[setting].name, name) != 0) {
        setting++;
    }
    return setting;
}

const char *weir_topic_setting_name(size_t setting)
{
    WEIR_ASSERT(setting < WEIR_TOPIC_SETTINGS);
    return settings[setting].name;
}

int64_t weir_topic_setting_get(const weir_topic_config *config, size_t setting)
{
    WEIR_ASSERT(setting < WEIR_TOPIC_SETTINGS);
    const void *member = (const char *)config + settings[setting].member;
    return settings[setting].is_short ? *(const int16_t *)member : *(const int64_t *)member;
}

void weir_topic_setting_set(weir_topic_config *config, size_t setting, int64_t value)
{
    WEIR_ASSERT(setting < WEIR_TOPIC_SETTINGS);
    void *member = (char *)config + settings[setting].member;
    if (settings[setting].is_short) {
        *(int16_t *)member = (int16_t)(value < INT16_MAX ? value : INT16_MAX);
    } else {
        *(int64_t *)member = value;
    }
}

bool weir_topic_has_settings(const weir_topic_config *config)
{
    for (size_t i = 0; i < WEIR_TOPIC_SETTINGS; i++) {
        if (weir_topic_setting_get(config, i) != 0) {
            return true;
        }
    }
    return false;
}

void weir_topic_settings_copy(weir_topic_config *config, const weir_topic_config *from)
{
    for (size_t i = 0; i < WEIR_TOPIC_SETTINGS; i++) {
        int64_t value = weir_topic_setting_get(from, i);
        if (value != 0) {
            weir_topic_setting_set(config, i, value);
        }
    }
}
