// SPDX-License-Identifier: Apache-2.0

import java.time.Duration;
import java.util.Map;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.WindowedSerdes;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.WindowStore;

/** The topologies that are measured. Keys and values are bytes; counts are Longs, as Java users have
 * them. */
final class Works {
    private static final Duration WINDOW = Duration.ofMinutes(1);
    private static final Serde<byte[]> BYTES = Serdes.ByteArray();
    private static final Serde<Long> COUNT = Serdes.Long();

    private Works() {
    }

    static Topology named(String work, Map<String, String> options, Progress progress) {
        StreamsBuilder builder = new StreamsBuilder();
        KStream<byte[], byte[]> input =
            builder.stream(options.get("input"), Consumed.with(BYTES, BYTES))
                .processValues(progress::processor);
        String output = options.get("output");
        switch (work) {
            case "pass" -> input.to(output, Produced.with(BYTES, BYTES));
            case "count" -> count(input, output);
            case "window" -> window(input, output);
            case "join" -> join(builder, options.get("table"), input, output);
            default -> throw new IllegalArgumentException("there is no work " + work);
        }
        return builder.build();
    }

    private static void count(KStream<byte[], byte[]> input, String output) {
        input.groupByKey()
            .count(Materialized.<byte[], Long, KeyValueStore<Bytes, byte[]>>as("counts")
                .withKeySerde(BYTES).withValueSerde(COUNT))
            .toStream()
            .to(output, Produced.with(BYTES, COUNT));
    }

    private static void window(KStream<byte[], byte[]> input, String output) {
        input.groupByKey()
            .windowedBy(TimeWindows.ofSizeWithNoGrace(WINDOW))
            .count(Materialized.<byte[], Long, WindowStore<Bytes, byte[]>>as("windows")
                .withKeySerde(BYTES).withValueSerde(COUNT))
            .toStream()
            .to(output, Produced.with(
                WindowedSerdes.timeWindowedSerdeFrom(byte[].class, WINDOW.toMillis()), COUNT));
    }

    private static void join(StreamsBuilder builder, String tableTopic,
                             KStream<byte[], byte[]> input, String output) {
        var table = builder.table(tableTopic, Consumed.with(BYTES, BYTES),
            Materialized.<byte[], byte[], KeyValueStore<Bytes, byte[]>>as("table")
                .withKeySerde(BYTES).withValueSerde(BYTES));
        input.join(table, (value, row) -> value).to(output, Produced.with(BYTES, BYTES));
    }
}
