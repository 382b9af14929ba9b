/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_pace.c - latency from outside: sends records at an even pace to the input of an application
 * that gives one record in the same partition for each, and times each from send to receipt.
 *
 *   bench_pace --broker B --input T --output T [--rate N] [--seconds N] [--warm-up N] [--keys N]
 *
 * What comes out of a partition comes in the order in which it went in, so the n-th output belongs
 * to the n-th input. Output is read from its end on, read_committed; both sides of a comparison are
 * timed by this same program, its own two ways through the broker included.
 */
#include "streams/base/clock.h"
#include "streams/base/hash.h"
#include "tests/perf/bare_client.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PARTITIONS_MAX = 64, NS_PER_MS = 1000000, DRAIN_MS = 15000, VALUE_BYTES = 100 };
enum { KEY_BYTES = 16 };

/* When the records of a partition were sent, a ring that never wraps: first come, first out. */
typedef struct lane {
    uint64_t *sent_ns;
    size_t head;
    size_t tail;
    size_t capacity;
} lane;

typedef struct pace {
    rd_kafka_t *producer;
    rd_kafka_topic_t *input;
    rd_kafka_queue_t *output;
    int32_t partitions;
    int64_t keys;
    lane lanes[PARTITIONS_MAX];
    uint64_t counted_from_ns; /* What was sent earlier warms up. */
    uint64_t *taken_ns;
    size_t taken_count;
    size_t taken_capacity;
    size_t waiting;
} pace;

static void send_one(pace *p, int64_t number)
{
    char key[KEY_BYTES + 1];
    (void)snprintf(key, sizeof(key), "%016" PRIx64,
                   (uint64_t)(number * 7919 % p->keys) * UINT64_C(0x9e3779b97f4a7c15));
    char value[VALUE_BYTES] = "paced";
    int32_t partition = weir_partition_of(weir_bytes_of(key, KEY_BYTES), p->partitions);
    lane *l = &p->lanes[partition];
    l->sent_ns = weir_grow(l->sent_ns, l->tail, &l->capacity, sizeof(*l->sent_ns));
    l->sent_ns[l->tail++] = weir_clock_monotonic_ns();
    if (rd_kafka_produce(p->input, partition, RD_KAFKA_MSG_F_COPY, value, sizeof(value), key,
                         KEY_BYTES, NULL) != 0) {
        bare_fail("produce: %s", rd_kafka_err2str(rd_kafka_last_error()));
    }
    p->waiting++;
    rd_kafka_poll(p->producer, 0);
}

static void take(pace *p, rd_kafka_message_t *message)
{
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        return;
    }
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        bare_fail("consume: %s", rd_kafka_message_errstr(message));
    }
    lane *l = &p->lanes[message->partition];
    if (l->head == l->tail) {
        bare_fail("partition %" PRId32 " has more outputs than inputs", message->partition);
    }
    uint64_t sent_ns = l->sent_ns[l->head++];
    p->waiting--;
    if (sent_ns >= p->counted_from_ns) {
        p->taken_ns =
            weir_grow(p->taken_ns, p->taken_count, &p->taken_capacity, sizeof(*p->taken_ns));
        p->taken_ns[p->taken_count++] = weir_clock_monotonic_ns() - sent_ns;
    }
}

/* Takes outputs until the clock reaches until_ns, or a millisecond longer: what is left is rounded
 * up, since a wait of no milliseconds, again and again, takes a CPU from those who are timed. */
static void take_until(pace *p, uint64_t until_ns)
{
    uint64_t now_ns = weir_clock_monotonic_ns();
    do {
        uint64_t left_ns = until_ns > now_ns ? until_ns - now_ns : 0;
        int left_ms = (int)((left_ns + NS_PER_MS - 1) / NS_PER_MS);
        rd_kafka_message_t *message = rd_kafka_consume_queue(p->output, left_ms);
        if (message != NULL) {
            take(p, message);
            rd_kafka_message_destroy(message);
        }
        now_ns = weir_clock_monotonic_ns();
    } while (now_ns < until_ns);
}

static int compare(const void *left, const void *right)
{
    const uint64_t a = *(const uint64_t *)left;
    const uint64_t b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

static double percentile_ms(const pace *p, double part)
{
    size_t index = (size_t)((double)(p->taken_count - 1) * part);
    return (double)p->taken_ns[index] / NS_PER_MS;
}

/* The outputs' reader stands at the end before the first record is sent. */
static void open_clients(pace *p, const bare_arguments *arguments)
{
    /* With more under way each record is a request of its own, and a broker that takes a
     * millisecond for each never makes up for a pause. */
    static const char *const producing[] = {
        "linger.ms", "0", "acks", "all", "max.in.flight.requests.per.connection", "5", NULL};
    static const char *const reading[] = {"enable.partition.eof", "true", "fetch.wait.max.ms",
                                          "500", NULL};
    const char *output = bare_argument(arguments, "output", NULL);
    p->producer = bare_client_new(RD_KAFKA_PRODUCER, arguments, producing);
    p->input = rd_kafka_topic_new(p->producer, bare_argument(arguments, "input", NULL), NULL);
    p->partitions = bare_partition_count(p->producer, bare_argument(arguments, "input", NULL));
    rd_kafka_t *reader = bare_reader_new(arguments, output, RD_KAFKA_OFFSET_END, reading);
    p->output = rd_kafka_queue_get_consumer(reader);
    for (int32_t ends = 0; ends < p->partitions;) {
        rd_kafka_message_t *message = rd_kafka_consume_queue(p->output, DRAIN_MS);
        if (message == NULL || message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            bare_fail("%s: something is written while nothing is read", output);
        }
        rd_kafka_message_destroy(message);
        ends++;
    }
}

int main(int argc, char **argv)
{
    bare_arguments arguments = {argc - 1, argv + 1};
    pace p = {.keys = bare_number(&arguments, "keys", 1000)};
    int64_t rate = bare_number(&arguments, "rate", 1000);
    int64_t warm_up_s = bare_number(&arguments, "warm-up", 10);
    int64_t records = rate * (warm_up_s + bare_number(&arguments, "seconds", 30));
    open_clients(&p, &arguments);
    if (p.partitions > PARTITIONS_MAX) {
        bare_fail("%" PRId32 " partitions, at most %d", p.partitions, PARTITIONS_MAX);
    }
    uint64_t began_ns = weir_clock_monotonic_ns();
    p.counted_from_ns = began_ns + (uint64_t)warm_up_s * 1000 * NS_PER_MS;
    for (int64_t i = 0; i < records; i++) {
        take_until(&p, began_ns + (uint64_t)(i * 1000 * NS_PER_MS / rate));
        send_one(&p, i);
    }
    uint64_t drained_ns = weir_clock_monotonic_ns() + (uint64_t)DRAIN_MS * NS_PER_MS;
    while (p.waiting > 0 && weir_clock_monotonic_ns() < drained_ns) {
        take_until(&p, weir_clock_monotonic_ns() + NS_PER_MS);
    }
    if (p.waiting > 0 || p.taken_count == 0) {
        bare_fail("%zu of %" PRId64 " records have not come out", p.waiting, records);
    }
    qsort(p.taken_ns, p.taken_count, sizeof(*p.taken_ns), compare);
    printf("{\"event\": \"latency\", \"records\": %zu, \"p50_ms\": %.2f, \"p99_ms\": %.2f, "
           "\"p999_ms\": %.2f, \"max_ms\": %.2f}\n",
           p.taken_count, percentile_ms(&p, 0.5), percentile_ms(&p, 0.99), percentile_ms(&p, 0.999),
           percentile_ms(&p, 1));
    return 0;
}
