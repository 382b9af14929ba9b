/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_bare.c - the floor: librdkafka with nothing around it reads every record of a topic and
 * writes it to the same partition of another, timestamp included.
 *
 *   bench_bare --broker B --input T --output T --records N [--produce 0]
 *              [--consumer.NAME VALUE] [--producer.NAME VALUE]...
 *
 * Prints one line as bench_kafka does. No offsets are committed and nothing is counted: a stream
 * processor has to do more than this, and cannot do it with less.
 */
#include "streams/base/clock.h"
#include "tests/perf/bare_client.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>

enum { BATCH_MESSAGES = 4096, FLUSH_MS = 60000, NS_PER_SECOND = 1000000000 };

static void pass(rd_kafka_t *producer, rd_kafka_topic_t *output, const rd_kafka_message_t *message)
{
    rd_kafka_timestamp_type_t type;
    rd_kafka_vu_t values[] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = output},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = message->partition},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {message->key, message->key_len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {message->payload, message->len}},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = rd_kafka_message_timestamp(message, &type)},
    };
    rd_kafka_error_t *failure = rd_kafka_produceva(producer, values, WEIR_COUNT_OF(values));
    while (failure != NULL) {
        if (rd_kafka_error_code(failure) != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            bare_fail("produce: %s", rd_kafka_error_string(failure));
        }
        rd_kafka_error_destroy(failure);
        rd_kafka_poll(producer, 10);
        failure = rd_kafka_produceva(producer, values, WEIR_COUNT_OF(values));
    }
}

static double seconds_between(uint64_t from_ns, uint64_t to_ns)
{
    return (double)(to_ns - from_ns) / (double)NS_PER_SECOND;
}

int main(int argc, char **argv)
{
    static const char *const producing[] = {
        "linger.ms",
        "50",
        "queue.buffering.max.messages",
        "1000000",
        "enable.idempotence",
        "true",
        "batch.num.messages",
        "100000",
        NULL,
    };
    static const char *const reading[] = {"enable.partition.eof", "false", NULL};
    bare_arguments arguments = {argc - 1, argv + 1};
    int64_t records = bare_number(&arguments, "records", 0);
    bool produce = bare_number(&arguments, "produce", 1) != 0;
    rd_kafka_t *reader = bare_reader_new(&arguments, bare_argument(&arguments, "input", NULL),
                                         RD_KAFKA_OFFSET_BEGINNING, reading);
    rd_kafka_t *producer = bare_client_new(RD_KAFKA_PRODUCER, &arguments, producing);
    rd_kafka_topic_t *output =
        rd_kafka_topic_new(producer, bare_argument(&arguments, "output", NULL), NULL);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(reader);
    rd_kafka_message_t *messages[BATCH_MESSAGES];
    uint64_t began_ns = 0;
    uint64_t began_cpu_ns = 0;
    for (int64_t seen = 0; seen < records;) {
        ssize_t count = rd_kafka_consume_batch_queue(queue, 100, messages, BATCH_MESSAGES);
        if (count > 0 && seen == 0) {
            began_ns = weir_clock_monotonic_ns();
            began_cpu_ns = weir_clock_process_cpu_ns();
        }
        for (ssize_t i = 0; i < count; i++) {
            seen += messages[i]->err == RD_KAFKA_RESP_ERR_NO_ERROR ? 1 : 0;
            if (messages[i]->err == RD_KAFKA_RESP_ERR_NO_ERROR && produce) {
                pass(producer, output, messages[i]);
            }
            rd_kafka_message_destroy(messages[i]);
        }
        rd_kafka_poll(producer, 0);
    }
    if (rd_kafka_flush(producer, FLUSH_MS) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        bare_fail("not all was written in %d ms", FLUSH_MS);
    }
    uint64_t cpu_ns = weir_clock_process_cpu_ns();
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    printf("{\"event\": \"result\", \"side\": \"librdkafka\", \"records\": %" PRId64
           ", \"process_s\": %.3f, \"close_s\": 0, \"cpu_s\": %.3f, \"cpu_total_s\": %.3f, "
           "\"peak_rss_mb\": %.1f}\n",
           records, seconds_between(began_ns, weir_clock_monotonic_ns()),
           seconds_between(began_cpu_ns, cpu_ns), seconds_between(0, cpu_ns),
           (double)usage.ru_maxrss / 1024);
    rd_kafka_topic_destroy(output);
    rd_kafka_queue_destroy(queue);
    rd_kafka_consumer_close(reader);
    rd_kafka_destroy(producer);
    rd_kafka_destroy(reader);
    return 0;
}
