/* SPDX-License-Identifier: Apache-2.0
 *
 * open_broker.h - the broker of a run: Kafka where one is named, else the one in the data
 * directory.
 *
 * Threads    Any.
 */
#ifndef WEIR_TOPOLOGIES_OPEN_BROKER_H
#define WEIR_TOPOLOGIES_OPEN_BROKER_H

#include "connectors/kafka_settings.h"
#include "streams/broker.h"

/* Opens the cluster of kafka, once it answers, or the broker below data_directory where kafka is
 * NULL or names no servers. */
weir_status weir_open_broker(const char *data_directory, const weir_kafka_settings *kafka,
                             weir_broker **out_broker, weir_error *err);

/* True where kafka names servers. */
bool weir_names_kafka(const weir_kafka_settings *kafka);

#endif
