/* SPDX-License-Identifier: Apache-2.0
 *
 * topic_settings.h - the members of a weir_topic_config that are settings of a topic, by the names
 * that Kafka has for them. One table for all who read or write them by name: configuration,
 * internal topics, clusters. The clean-up policy is no number, and not among them.
 *
 * Threads    Any.
 */
#ifndef WEIR_STREAMS_TOPIC_SETTINGS_H
#define WEIR_STREAMS_TOPIC_SETTINGS_H

#include "streams/broker_topics.h"

#include <stdbool.h>

/* Settings are numbered from 0 to this. */
enum { WEIR_TOPIC_SETTINGS = 7 };

/* The number of the setting with that name; WEIR_TOPIC_SETTINGS: there is none. */
size_t weir_topic_setting_find(const char *name);

/* Its name: "retention.ms". */
const char *weir_topic_setting_name(size_t setting);

/* Its value in config; 0: the broker's default. */
int64_t weir_topic_setting_get(const weir_topic_config *config, size_t setting);

/* Whether any is set. */
bool weir_topic_has_settings(const weir_topic_config *config);

/* Those that are set in from are set in config too. */
void weir_topic_settings_copy(weir_topic_config *config, const weir_topic_config *from);

/* Sets it; what is beyond the member's type becomes its largest value. */
void weir_topic_setting_set(weir_topic_config *config, size_t setting, int64_t value);

#endif
