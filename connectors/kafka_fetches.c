/* SPDX-License-Identifier: Apache-2.0
 *
 * kafka_fetches.c - counts fetch requests and answers by broker, as interceptors of a handle.
 *
 * An answer is told of before it is unpacked, which takes its time: so much a byte is allowed.
 */
#include "connectors/kafka_fetches.h"

#include "streams/base/clock.h"

#include <stdlib.h>

enum {
    FETCH = 1, /* Its number in the protocol. */
    BROKERS_MAX = 64,
    UNPACK_NS_PER_BYTE = 20,
    UNPACK_NS_MIN = 2 * WEIR_NS_PER_MS,
};

typedef struct broker_fetches {
    int32_t broker;
    bool under_way;
    uint64_t unpacked_ns; /* When the last answer is surely in the queues. */
} broker_fetches;

struct weir_kafka_fetches {
    pthread_mutex_t lock;
    broker_fetches brokers[BROKERS_MAX];
    size_t broker_count;
};

weir_kafka_fetches *weir_kafka_fetches_new(void)
{
    weir_kafka_fetches *fetches = weir_alloc(sizeof *fetches);
    int failed = pthread_mutex_init(&fetches->lock, NULL);
    WEIR_ASSERT(failed == 0);
    return fetches;
}

void weir_kafka_fetches_free(weir_kafka_fetches *fetches)
{
    if (fetches != NULL) {
        (void)pthread_mutex_destroy(&fetches->lock);
        free(fetches);
    }
}

/* NULL: there are too many, and this one is not watched. */
static broker_fetches *find(weir_kafka_fetches *fetches, int32_t broker)
{
    for (size_t i = 0; i < fetches->broker_count; i++) {
        if (fetches->brokers[i].broker == broker) {
            return &fetches->brokers[i];
        }
    }
    if (fetches->broker_count == BROKERS_MAX) {
        return NULL;
    }
    broker_fetches *added = &fetches->brokers[fetches->broker_count++];
    *added = (broker_fetches){.broker = broker};
    return added;
}

static rd_kafka_resp_err_t request_sent(rd_kafka_t *handle, int fd, const char *name, int32_t id,
                                        int16_t key, int16_t version, int32_t number, size_t size,
                                        void *opaque)
{
    (void)handle;
    (void)fd;
    (void)name;
    (void)version;
    (void)number;
    (void)size;
    weir_kafka_fetches *fetches = opaque;
    if (key == FETCH) {
        pthread_mutex_lock(&fetches->lock);
        broker_fetches *of_broker = find(fetches, id);
        if (of_broker != NULL) {
            of_broker->under_way = true;
        }
        pthread_mutex_unlock(&fetches->lock);
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t response_received(rd_kafka_t *handle, int fd, const char *name,
                                             int32_t id, int16_t key, int16_t version,
                                             int32_t number, size_t size, int64_t rtt,
                                             rd_kafka_resp_err_t code, void *opaque)
{
    (void)handle;
    (void)fd;
    (void)name;
    (void)version;
    (void)number;
    (void)rtt;
    (void)code;
    weir_kafka_fetches *fetches = opaque;
    if (key == FETCH) {
        pthread_mutex_lock(&fetches->lock);
        broker_fetches *of_broker = find(fetches, id);
        if (of_broker != NULL) {
            of_broker->under_way = false;
            of_broker->unpacked_ns =
                weir_clock_monotonic_ns() + UNPACK_NS_MIN + size * UNPACK_NS_PER_BYTE;
        }
        pthread_mutex_unlock(&fetches->lock);
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t handle_made(rd_kafka_t *handle, const rd_kafka_conf_t *conf,
                                       void *opaque, char *words, size_t words_size)
{
    (void)conf;
    (void)words;
    (void)words_size;
    (void)rd_kafka_interceptor_add_on_request_sent(handle, "weir", request_sent, opaque);
    (void)rd_kafka_interceptor_add_on_response_received(handle, "weir", response_received, opaque);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

void weir_kafka_fetches_watch(weir_kafka_fetches *fetches, rd_kafka_conf_t *conf)
{
    (void)rd_kafka_conf_interceptor_add_on_new(conf, "weir", handle_made, fetches);
}

bool weir_kafka_fetches_sleep(weir_kafka_fetches *fetches, int32_t broker, uint64_t now_ns,
                              uint64_t *out_again_ns)
{
    pthread_mutex_lock(&fetches->lock);
    broker_fetches *of_broker = find(fetches, broker);
    bool idle = of_broker != NULL && !of_broker->under_way && of_broker->unpacked_ns != 0;
    bool sleeps = idle && of_broker->unpacked_ns <= now_ns;
    if (sleeps) {
        of_broker->unpacked_ns = now_ns + UNPACK_NS_MIN; /* Until it has sent its fetch. */
    } else if (idle && of_broker->unpacked_ns < *out_again_ns) {
        *out_again_ns = of_broker->unpacked_ns;
    }
    pthread_mutex_unlock(&fetches->lock);
    return sleeps;
}
