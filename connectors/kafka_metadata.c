/* SPDX-License-Identifier: Apache-2.0
 *
 * kafka_metadata.c - topics as a broker of the cluster knows them, whichever is asked.
 *
 * Brokers hear of a new topic one after the other: on a slow machine seconds lie between the first
 * and the last. A topic that one has told of within SEEN_MS and that another one does not know is
 * asked for again, or an application would fail over a topic that it has just made.
 */
#include "connectors/kafka_metadata.h"

#include "streams/base/clock.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { SEEN_MS = 15000, AGAIN_MS = 20, LATE_MS_MAX = 30000 };

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

static bool is_within(uint64_t since_ns, uint64_t limit_ms)
{
    return weir_clock_monotonic_ns() - since_ns < limit_ms * WEIR_NS_PER_MS;
}

bool weir_kafka_wait_for_late(weir_kafka *kafka, const char *name, uint64_t asked_since_ns)
{
    pthread_mutex_lock(&kafka->lock);
    uint64_t seen_ns = find(kafka, name)->seen_ns;
    pthread_mutex_unlock(&kafka->lock);
    if (seen_ns == 0 || !is_within(seen_ns, SEEN_MS) || !is_within(asked_since_ns, LATE_MS_MAX)) {
        return false;
    }
    (void)poll(NULL, 0, AGAIN_MS);
    return true;
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

static void take_topic(weir_kafka_sight *sight, const rd_kafka_metadata_topic_t *topic)
{
    sight->code = topic->err;
    sight->partition_count = topic->partition_cnt;
    sight->has_leaders = true;
    for (int i = 0; i < topic->partition_cnt; i++) {
        sight->replication_factor = (int16_t)topic->partitions[i].replica_cnt;
        sight->has_leaders &= topic->partitions[i].leader >= 0;
    }
}

/* Asks about the topics that handle knows, which are these while they are open, or one of them. */
rd_kafka_resp_err_t weir_kafka_look(rd_kafka_t *handle, weir_kafka_sight *sights, size_t count,
                                    int timeout_ms)
{
    WEIR_AUTO_FREE rd_kafka_topic_t **open = weir_alloc_array(count, sizeof(rd_kafka_topic_t *));
    for (size_t i = 0; i < count; i++) {
        open[i] = rd_kafka_topic_new(handle, sights[i].topic, NULL);
        sights[i] = (weir_kafka_sight){.topic = sights[i].topic,
                                       .code = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART};
    }
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code =
        rd_kafka_metadata(handle, 0, count == 1 ? open[0] : NULL, &metadata, timeout_ms);
    for (size_t i = 0; i < count; i++) {
        rd_kafka_topic_destroy(open[i]);
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return code;
    }
    for (size_t i = 0; i < count; i++) {
        for (int j = 0; j < metadata->topic_cnt; j++) {
            if (strcmp(metadata->topics[j].topic, sights[i].topic) == 0) {
                take_topic(&sights[i], &metadata->topics[j]);
            }
        }
    }
    rd_kafka_metadata_destroy(metadata);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

weir_status weir_kafka_look_up(weir_kafka *kafka, rd_kafka_t *handle, const char *name,
                               int32_t *out_count, weir_error *err)
{
    weir_kafka_sight sight = {.topic = name};
    uint64_t since_ns = weir_clock_monotonic_ns();
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    do {
        code = weir_kafka_look(handle, &sight, 1, WEIR_KAFKA_CALL_TIMEOUT_MS);
        code = code == RD_KAFKA_RESP_ERR_NO_ERROR ? sight.code : code;
    } while (weir_kafka_status(code) == WEIR_NOT_FOUND &&
             weir_kafka_wait_for_late(kafka, name, since_ns));
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return weir_kafka_fail(err, code, "topic %s", name);
    }
    *out_count = sight.partition_count;
    return WEIR_OK;
}

weir_status weir_kafka_partition_count(weir_kafka *kafka, const char *topic, int32_t *out_count,
                                       weir_error *err)
{
    return weir_kafka_look_up(kafka, kafka->admin, topic, out_count, err);
}

static bool is_as_wanted(const weir_kafka_sight *sight, bool exist)
{
    return exist ? sight->code == RD_KAFKA_RESP_ERR_NO_ERROR && sight->has_leaders
                 : sight->code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
}

weir_status weir_kafka_wait_for_topics(weir_kafka *kafka, weir_kafka_sight *sights, size_t count,
                                       bool exist, weir_error *err)
{
    uint64_t since_ns = weir_clock_monotonic_ns();
    for (;;) {
        rd_kafka_resp_err_t failed =
            weir_kafka_look(kafka->admin, sights, count, WEIR_KAFKA_CALL_TIMEOUT_MS);
        size_t done = 0;
        while (failed == RD_KAFKA_RESP_ERR_NO_ERROR && done < count &&
               is_as_wanted(&sights[done], exist)) {
            weir_kafka_saw_topic(kafka, sights[done].topic, exist);
            done++;
        }
        if (done == count) {
            return WEIR_OK;
        }
        if (!is_within(since_ns, LATE_MS_MAX)) {
            return weir_error_set(
                err, WEIR_IO, "topic %s: %s, but the brokers do not say so after %d s",
                sights[done].topic, exist ? "created" : "deleted", LATE_MS_MAX / 1000);
        }
        (void)poll(NULL, 0, AGAIN_MS);
    }
}
