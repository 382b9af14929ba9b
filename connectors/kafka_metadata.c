/* SPDX-License-Identifier: Apache-2.0
 *
 * kafka_metadata.c - topics as a broker of the cluster knows them, whichever is asked.
 *
 * Brokers hear of a new topic one after the other: on a slow machine seconds lie between the first
 * and the last. A topic that one has told of within SEEN_MS and that another one does not know is
 * asked for again, or an application would fail over a topic that it has just made.
 */
#include "connectors/kafka_internal.h"

#include "streams/base/clock.h"

#include <poll.h>
#include <stdlib.h>

enum { SEEN_MS = 15000, AGAIN_MS = 50 };

typedef struct known_topic {
    char *name;
    uint64_t seen_ns; /* When the cluster said that it exists; 0: it did not, or it is gone. */
} known_topic;

/* With the lock held. */
static known_topic *find(weir_kafka *kafka, const char *name)
{
    known_topic *found = weir_map_get(kafka->topics, weir_bytes_of_text(name));
    if (found == NULL) {
        found = weir_alloc(sizeof *found);
        found->name = weir_strdup(name);
        (void)weir_map_put(kafka->topics, weir_bytes_of_text(name), found);
    }
    return found;
}

const char *weir_kafka_topic_name(weir_kafka *kafka, const char *name)
{
    pthread_mutex_lock(&kafka->lock);
    const char *own = find(kafka, name)->name;
    pthread_mutex_unlock(&kafka->lock);
    return own;
}

void weir_kafka_saw_topic(weir_kafka *kafka, const char *name, bool exists)
{
    pthread_mutex_lock(&kafka->lock);
    find(kafka, name)->seen_ns = exists ? weir_clock_monotonic_ns() : 0;
    pthread_mutex_unlock(&kafka->lock);
}

bool weir_kafka_may_be_late(weir_kafka *kafka, const char *name)
{
    pthread_mutex_lock(&kafka->lock);
    uint64_t seen_ns = find(kafka, name)->seen_ns;
    pthread_mutex_unlock(&kafka->lock);
    return seen_ns != 0 && weir_clock_monotonic_ns() - seen_ns < SEEN_MS * (uint64_t)WEIR_NS_PER_MS;
}

void weir_kafka_topics_free(weir_kafka *kafka)
{
    size_t position = 0;
    void *value = NULL;
    while (weir_map_next(kafka->topics, &position, NULL, &value)) {
        known_topic *topic = value;
        free(topic->name);
        free(topic);
    }
    weir_map_free(kafka->topics);
}

static rd_kafka_resp_err_t count_partitions(rd_kafka_t *handle, const char *name,
                                            int32_t *out_count)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(handle, name, NULL);
    rd_kafka_resp_err_t code =
        rd_kafka_metadata(handle, 0, topic, &metadata, WEIR_KAFKA_CALL_TIMEOUT_MS);
    rd_kafka_topic_destroy(topic);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        WEIR_ASSERT(metadata->topic_cnt == 1);
        code = metadata->topics[0].err;
        *out_count = metadata->topics[0].partition_cnt;
        rd_kafka_metadata_destroy(metadata);
    }
    return code;
}

weir_status weir_kafka_look_up(weir_kafka *kafka, rd_kafka_t *handle, const char *name,
                               int32_t *out_count, weir_error *err)
{
    int32_t count = 0;
    rd_kafka_resp_err_t code = count_partitions(handle, name, &count);
    while (weir_kafka_status(code) == WEIR_NOT_FOUND && weir_kafka_may_be_late(kafka, name)) {
        (void)poll(NULL, 0, AGAIN_MS);
        code = count_partitions(handle, name, &count);
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return weir_kafka_fail(err, code, "topic %s", name);
    }
    *out_count = count;
    return WEIR_OK;
}

weir_status weir_kafka_partition_count(weir_kafka *kafka, const char *topic, int32_t *out_count,
                                       weir_error *err)
{
    return weir_kafka_look_up(kafka, kafka->admin, topic, out_count, err);
}
