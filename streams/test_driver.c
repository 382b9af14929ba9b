/* SPDX-License-Identifier: Apache-2.0
 *
 * test_driver.c - an application without threads, stepped until it has nothing to do.
 *
 * Commits follow each pass (commit.interval.ms 0), so the clock stands still while a record is
 * processed, and a test sees only what its own weir_test_driver_advance makes due.
 */
#include "streams/test_driver_internal.h"

#include "streams/base/hash.h"
#include "streams/consumer.h"
#include "streams/topology_internal.h"

#include <stdlib.h>
#include <string.h>

enum {
    QUIET_STEPS = 8, /* So many without work: there is nothing to do. */
    STEPS_MAX = 1000 * 1000,
    OWN_SETTINGS = 3,
};

/* The reading of one topic. */
typedef struct reading {
    weir_consumer *consumer;
    weir_batch *batch;
    size_t at;
    size_t read_count;
} reading;

weir_status weir_test_driver_run(weir_test_driver *driver, weir_error *err)
{
    size_t quiet = 0;
    for (size_t i = 0; i < STEPS_MAX && quiet < QUIET_STEPS; i++) {
        bool busy = false;
        WEIR_TRY(weir_application_step(driver->application, driver->now_ms, &busy, err));
        quiet = busy ? 0 : quiet + 1;
    }
    return quiet == QUIET_STEPS
               ? WEIR_OK
               : weir_error_set(err, WEIR_INVALID, "the topology feeds itself without end");
}

static weir_status make_topic(weir_test_driver *driver, const char *name, weir_error *err)
{
    weir_topic_config topic = {0};
    weir_status status = weir_broker_describe_topic(driver->options.broker, name, &topic, err);
    if (status != WEIR_NOT_FOUND) {
        return status;
    }
    topic = (weir_topic_config){.name = name, .partition_count = driver->options.partition_count};
    return weir_broker_create_topic(driver->options.broker, &topic, err);
}

static weir_status make_topics(weir_test_driver *driver, weir_error *err)
{
    const weir_topology *topology = driver->options.topology;
    for (size_t i = 0; i < topology->node_count; i++) {
        const weir_node *node = &topology->nodes[i];
        if (node->repartition >= 0) {
            continue;
        }
        if (node->topic != NULL) {
            WEIR_TRY(make_topic(driver, node->topic, err));
        }
        for (char **topic = node->topics; *topic != NULL; topic++) {
            WEIR_TRY(make_topic(driver, *topic, err));
        }
    }
    for (const char *const *more = driver->options.more_topics; more != NULL && *more != NULL;
         more++) {
        WEIR_TRY(make_topic(driver, *more, err));
    }
    return driver->config.dead_letter_topic == NULL
               ? WEIR_OK
               : make_topic(driver, driver->config.dead_letter_topic, err);
}

static weir_status make_config(weir_test_driver *driver, weir_error *err)
{
    size_t count = driver->options.setting_count;
    weir_setting *settings = weir_alloc_array(count + OWN_SETTINGS, sizeof(*settings));
    settings[0] = (weir_setting){"application.id", "test"};
    settings[1] = (weir_setting){"commit.interval.ms", "0"};
    settings[2] = (weir_setting){"weir.emit.interval.ms", "0"};
    if (count > 0) {
        memcpy(settings + OWN_SETTINGS, driver->options.settings, count * sizeof(*settings));
    }
    weir_status status = weir_config_init(&driver->config, settings, count + OWN_SETTINGS, err);
    free(settings);
    return status;
}

static weir_status start(weir_test_driver *driver, weir_error *err)
{
    WEIR_TRY(make_config(driver, err));
    WEIR_TRY(make_topics(driver, err));
    WEIR_TRY(weir_producer_new(driver->options.broker, &(weir_producer_options){0},
                               &driver->producer, err));
    const weir_application_options options = {
        .topology = driver->options.topology,
        .config = &driver->config,
        .broker = driver->options.broker,
        .database = driver->options.database,
        .metrics = driver->options.metrics,
        .never_waits = true,
    };
    WEIR_TRY(weir_application_new(&options, &driver->application, err));
    return weir_test_driver_run(driver, err);
}

weir_status weir_test_driver_new(const weir_test_driver_options *options,
                                 weir_test_driver **out_driver, weir_error *err)
{
    WEIR_ASSERT(options->topology != NULL && options->broker != NULL);
    WEIR_AUTO_PTR(weir_test_driver) driver = weir_alloc(sizeof(*driver));
    driver->options = *options;
    if (driver->options.partition_count == 0) {
        driver->options.partition_count = 1;
    }
    driver->now_ms = options->now_ms;
    driver->readings = weir_map_new();
    WEIR_TRY(start(driver, err));
    *out_driver = weir_take(&driver);
    return WEIR_OK;
}

static void free_reading(reading *read)
{
    weir_batch_free(read->batch);
    weir_consumer_free(read->consumer);
    free(read);
}

void weir_test_driver_free(weir_test_driver *driver)
{
    if (driver == NULL) {
        return;
    }
    weir_application_free(driver->application);
    weir_producer_free(driver->producer);
    size_t position = 0;
    void *read = NULL;
    while (weir_map_next(driver->readings, &position, NULL, &read)) {
        free_reading(read);
    }
    weir_map_free(driver->readings);
    weir_config_cleanup(&driver->config);
    free(driver);
}

weir_status weir_test_driver_pipe(weir_test_driver *driver, const weir_record *record,
                                  weir_error *err)
{
    WEIR_ASSERT(record->topic != NULL);
    int32_t topic = 0;
    int32_t partition_count = 0;
    WEIR_TRY(weir_producer_topic(driver->producer, record->topic, &topic, &partition_count, err));
    weir_record copy = *record;
    copy.partition = record->key.data == NULL ? record->partition % partition_count
                                              : weir_partition_of(record->key, partition_count);
    WEIR_TRY(weir_producer_send(driver->producer, topic, &copy, err));
    WEIR_TRY(weir_producer_flush(driver->producer, 0, err));
    return weir_test_driver_run(driver, err);
}

weir_status weir_test_driver_pipe_all(weir_test_driver *driver, const weir_record *records,
                                      size_t count, weir_error *err)
{
    for (size_t i = 0; i < count; i++) {
        WEIR_TRY(weir_test_driver_pipe(driver, &records[i], err));
    }
    return WEIR_OK;
}

weir_status weir_test_input_pipe(weir_test_input *input, weir_test_driver *driver, weir_bytes key,
                                 weir_bytes value, weir_error *err)
{
    const weir_record record = {
        .topic = input->topic,
        .timestamp_ms = input->timestamp_ms,
        .key = key,
        .value = value,
    };
    input->timestamp_ms += input->advance_ms;
    return weir_test_driver_pipe(driver, &record, err);
}

weir_status weir_test_driver_advance(weir_test_driver *driver, int64_t ms, weir_error *err)
{
    WEIR_ASSERT(ms >= 0);
    driver->now_ms += ms;
    return weir_test_driver_run(driver, err);
}

static weir_status assign_all(weir_test_driver *driver, reading *read, const char *topic,
                              weir_error *err)
{
    weir_topic_config config = {0};
    WEIR_TRY(weir_broker_describe_topic(driver->options.broker, topic, &config, err));
    WEIR_TRY(weir_consumer_new(driver->options.broker, &(weir_consumer_options){0}, &read->consumer,
                               err));
    for (int32_t p = 0; p < config.partition_count; p++) {
        weir_topic_partition partition = {config.name, p};
        WEIR_TRY(
            weir_consumer_assign(read->consumer, partition, 0, WEIR_RESET_EARLIEST, NULL, err));
    }
    return WEIR_OK;
}

static weir_status find_reading(weir_test_driver *driver, const char *topic, reading **out_reading,
                                weir_error *err)
{
    reading *read = weir_map_get(driver->readings, weir_bytes_of_text(topic));
    if (read == NULL) {
        read = weir_alloc(sizeof(*read));
        weir_status status = assign_all(driver, read, topic, err);
        if (status != WEIR_OK) {
            free_reading(read);
            return status;
        }
        (void)weir_map_put(driver->readings, weir_bytes_of_text(topic), read);
    }
    *out_reading = read;
    return WEIR_OK;
}

weir_status weir_test_driver_read(weir_test_driver *driver, const char *topic,
                                  const weir_record **out_record, weir_error *err)
{
    reading *read = NULL;
    WEIR_TRY(find_reading(driver, topic, &read, err));
    if (read->batch != NULL && read->at == read->batch->count) {
        weir_batch_free(weir_take(&read->batch));
    }
    if (read->batch == NULL) {
        read->at = 0;
        weir_status status = weir_consumer_poll(read->consumer, 0, &read->batch, err);
        if (status != WEIR_OK) {
            return status == WEIR_AGAIN ? WEIR_NOT_FOUND : status;
        }
    }
    *out_record = &read->batch->records[read->at++];
    read->read_count++;
    return WEIR_OK;
}

weir_status weir_test_driver_left(weir_test_driver *driver, const char *topic, size_t *out_count,
                                  weir_error *err)
{
    reading *read = NULL;
    WEIR_TRY(find_reading(driver, topic, &read, err));
    reading *again = weir_alloc(sizeof(*again)); /* From the beginning. */
    size_t count = 0;
    weir_status status = assign_all(driver, again, topic, err);
    while (status == WEIR_OK) {
        status = weir_consumer_poll(again->consumer, 0, &again->batch, err);
        if (status == WEIR_OK) {
            count += again->batch->count;
            weir_batch_free(weir_take(&again->batch));
        }
    }
    free_reading(again);
    if (status != WEIR_AGAIN) {
        return status;
    }
    *out_count = count - read->read_count;
    return WEIR_OK;
}

weir_application *weir_test_driver_application(weir_test_driver *driver)
{
    return driver->application;
}
