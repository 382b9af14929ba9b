/* SPDX-License-Identifier: Apache-2.0
 *
 * open_broker.c - the one place that knows which brokers there are.
 */
#include "topologies/open_broker.h"

#include "connectors/broker_embedded.h"
#include "connectors/broker_kafka.h"

enum { CONNECT_TIMEOUT_MS = 30000 };

bool weir_names_kafka(const weir_kafka_settings *kafka)
{
    return kafka != NULL && kafka->bootstrap_servers != NULL;
}

static weir_status open_kafka(const weir_kafka_settings *kafka, weir_broker **out_broker,
                              weir_error *err)
{
    WEIR_AUTO_PTR(weir_broker) broker = NULL;
    WEIR_TRY(weir_broker_kafka_open(&(weir_kafka_options){.settings = kafka}, &broker, err));
    WEIR_TRY(weir_broker_kafka_connect(broker, CONNECT_TIMEOUT_MS, err));
    *out_broker = weir_take(&broker);
    return WEIR_OK;
}

weir_status weir_open_broker(const char *data_directory, const weir_kafka_settings *kafka,
                             weir_broker **out_broker, weir_error *err)
{
    if (weir_names_kafka(kafka)) {
        return open_kafka(kafka, out_broker, err);
    }
    WEIR_AUTO_FREE char *directory = weir_format("%s/broker", data_directory);
    return weir_broker_embedded_open(&(weir_broker_embedded_options){.directory = directory},
                                     out_broker, err);
}
