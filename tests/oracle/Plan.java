// SPDX-License-Identifier: Apache-2.0

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Random;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.TopologyConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KGroupedStream;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.ValueJoiner;
import org.apache.kafka.streams.state.KeyValueStore;

/** What one topology reads, writes and keeps, and which input suits it. */
final class Plan {
    static final Serde<String> TEXT = Serdes.String();
    static final Serde<Long> NUMBER = Serdes.Long();
    static final ValueJoiner<String, String, String> BOTH = (left, right) -> left + "|" + right;

    /** How the rows of a store are printed. */
    enum Kind { KEY_VALUE, WINDOW, SESSION, VERSIONED }

    record Store(String name, Kind kind) {}

    final Random random;
    final ObjectNode params = new ObjectMapper().createObjectNode();
    final Properties settings = new Properties();
    boolean isAlwaysCached;
    final TopologyConfig config = new TopologyConfig(new StreamsConfig(Map.of(
            StreamsConfig.APPLICATION_ID_CONFIG, Oracle.APPLICATION,
            StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "nowhere:1",
            StreamsConfig.PROCESSOR_WRAPPER_CLASS_CONFIG, Wrapping.class)));
    final StreamsBuilder builder = new StreamsBuilder(config);
    final List<String> inputs = new ArrayList<>();
    final List<String> outputs = new ArrayList<>();
    final List<Store> stores = new ArrayList<>();
    Topology topology; // Of one that does without the DSL; else null.
    boolean hasTombstones;
    boolean needsKeys; // It keeps rows by the key as it comes.
    boolean takesNulls; // Streams with null values do not break its functions.
    boolean hasHeaders; // Its records have up to two.
    boolean movesWallClock;

    Plan(Random random) {
        this.random = random;
    }

    Plan reads(String... topics) {
        inputs.addAll(List.of(topics));
        return this;
    }

    Plan writes(String... topics) {
        outputs.addAll(List.of(topics));
        return this;
    }

    Plan keeps(Kind kind, String... names) {
        for (String name : names) {
            stores.add(new Store(name, kind));
        }
        return this;
    }

    Plan tombstones() {
        hasTombstones = true;
        return this;
    }

    Plan nulls() {
        takesNulls = true;
        return this;
    }

    Plan headers() {
        hasHeaders = true;
        return this;
    }

    /** Without a cache Kafka Streams loses closed windows where time leaps ahead. */
    Plan alwaysCached() {
        isAlwaysCached = true;
        return this;
    }

    /** What a row was between two of its flushes is not told: here each of them counts. */
    Plan neverCached() {
        settings.put(Oracle.NO_CACHE, "0");
        return this;
    }

    Plan optimised() {
        settings.put("topology.optimization", "all");
        return this;
    }

    /** A parameter of the topology in milliseconds: its name goes into the first line. */
    Duration ms(String name, long value) {
        params.put(name, value);
        return Duration.ofMillis(value);
    }

    /** The same, a whole number of seconds from least to most. */
    Duration seconds(String name, int least, int most) {
        return ms(name, 1000L * (least + random.nextInt(most - least + 1)));
    }

    Topology build() {
        return topology != null ? topology : builder.build(settings);
    }

    KStream<String, String> stream(String topic) {
        return builder.stream(topic, Consumed.with(TEXT, TEXT));
    }

    KGroupedStream<String, String> grouped(String topic) {
        return stream(topic).groupByKey(Grouped.with(TEXT, TEXT));
    }

    KTable<String, String> table(String topic) {
        return builder.table(topic, Consumed.with(TEXT, TEXT));
    }

    KTable<String, String> table(String topic, String store) {
        return builder.table(topic, Consumed.with(TEXT, TEXT), texts(store));
    }

    static Materialized<String, String, KeyValueStore<Bytes, byte[]>> texts(String store) {
        return Materialized.<String, String, KeyValueStore<Bytes, byte[]>>as(store)
                .withKeySerde(TEXT).withValueSerde(TEXT);
    }

    static Materialized<String, Long, KeyValueStore<Bytes, byte[]>> counts(String store) {
        return Materialized.<String, Long, KeyValueStore<Bytes, byte[]>>as(store)
                .withKeySerde(TEXT).withValueSerde(NUMBER);
    }

    static String print(Long number) {
        return number == null ? null : number.toString();
    }

    static void send(KStream<String, String> stream, String topic) {
        stream.to(topic, Produced.with(TEXT, TEXT));
    }

    static void send(KTable<String, String> table, String topic) {
        send(table.toStream(), topic);
    }

    static void sendCounts(KTable<String, Long> table, String topic) {
        send(table.toStream().mapValues(Plan::print), topic);
    }

    /** One of the keys k0 to k4, of which the last is never one of an input. */
    static String keyOf(String value) {
        return value == null ? null : "k" + (value.charAt(1) - '0') % 5;
    }
}
