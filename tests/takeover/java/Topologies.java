// SPDX-License-Identifier: Apache-2.0

import java.time.Duration;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.WindowedSerdes;
import org.apache.kafka.streams.processor.TimestampExtractor;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.WindowStore;

/**
 * The application that changes hands: what somebody has written against the DSL of Kafka Streams.
 * tests/takeover/takeover_app.c is its twin. Inputs are shared by all applications, outputs begin
 * with the application's id.
 */
final class Topologies {
    static final String INPUTS = "takeover.";
    static final long WINDOW_MS = 10_000;

    private Topologies() {}

    /** A record that says "?" has no time of its own: it happened when its partition's last did. */
    public static final class ClickTime implements TimestampExtractor {
        @Override
        public long extract(ConsumerRecord<Object, Object> record, long partitionTime) {
            return "?".equals(record.value()) ? partitionTime : record.timestamp();
        }
    }

    static Topology build(String id, Properties settings) {
        StreamsBuilder builder = new StreamsBuilder();
        count(builder, id);
        window(builder, id);
        reduce(builder, id);
        join(builder, id);
        return builder.build(settings);
    }

    /** How often each word was said, by anybody: words are values, so they are repartitioned. */
    private static void count(StreamsBuilder builder, String id) {
        builder.<String, String>stream(INPUTS + "words")
                .groupBy((speaker, word) -> word, Grouped.as("by-word"))
                .count(Materialized.<String, Long, KeyValueStore<Bytes, byte[]>>as("counts"))
                .toStream()
                .to(id + ".counts", Produced.with(Serdes.String(), Serdes.Long()));
    }

    private static void window(StreamsBuilder builder, String id) {
        builder.<String, String>stream(
                        INPUTS + "clicks",
                        Consumed.<String, String>as("clicks")
                                .withTimestampExtractor(new ClickTime()))
                .groupByKey()
                .windowedBy(
                        TimeWindows.ofSizeAndGrace(
                                Duration.ofMillis(WINDOW_MS), Duration.ofHours(1)))
                .count(Materialized.<String, Long, WindowStore<Bytes, byte[]>>as("windows"))
                .toStream()
                .to(
                        id + ".windows",
                        Produced.with(
                                WindowedSerdes.timeWindowedSerdeFrom(String.class, WINDOW_MS),
                                Serdes.Long()));
    }

    /** A sum that depends on the order, so that a record lost, doubled or swapped is seen. */
    private static void reduce(StreamsBuilder builder, String id) {
        builder.<String, String>stream(INPUTS + "amounts")
                .groupByKey()
                .reduce(
                        (sum, amount) ->
                                Long.toString(
                                        (Long.parseLong(sum) * 31 + Long.parseLong(amount))
                                                % 1_000_003),
                        Materialized.<String, String, KeyValueStore<Bytes, byte[]>>as("sums"))
                .toStream()
                .to(id + ".sums");
    }

    private static void join(StreamsBuilder builder, String id) {
        KTable<String, String> customers =
                builder.table(
                        INPUTS + "customers",
                        Materialized.<String, String, KeyValueStore<Bytes, byte[]>>as("customers"));
        KStream<String, String> orders = builder.stream(INPUTS + "orders");
        orders.join(customers, (order, customer) -> order + "|" + customer).to(id + ".joined");
    }
}
