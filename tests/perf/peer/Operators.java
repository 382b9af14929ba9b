// SPDX-License-Identifier: Apache-2.0

import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Random;
import java.util.function.Consumer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TestInputTopic;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.JoinWindows;
import org.apache.kafka.streams.kstream.KGroupedStream;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.SessionWindows;
import org.apache.kafka.streams.kstream.SlidingWindows;
import org.apache.kafka.streams.kstream.StreamJoined;
import org.apache.kafka.streams.kstream.Suppressed;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.SessionStore;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.WindowStore;

/**
 * The operators of tests/perf/operator_works.c in Kafka Streams' TopologyTestDriver, on the same
 * input: a line each, its name and CPU nanoseconds of the thread a record. Usage: Operators RECORDS
 * [NAME]. Half of the records come first, for the compiler; changelogs are off, because the driver
 * keeps what it produces. It commits after each record, so RocksDB writes a file for each: works on
 * disk get one of 200 records.
 */
public final class Operators {
    private static final Serde<byte[]> BYTES = Serdes.ByteArray();
    private static final Duration WINDOW = Duration.ofSeconds(1);
    private static final int MANY_KEYS = 10_000;
    private static final int FEW_KEYS = 100;
    private static final long START_MS = 1_000_000;
    private static final int DISK_PART = 200;

    private final int records;
    private final Map<String, Work> works = new LinkedHashMap<>();
    private long ends;

    private record Work(Consumer<StreamsBuilder> make, int keys, boolean readsTwo, long cache,
            boolean isOnDisk) {
        Work(Consumer<StreamsBuilder> make, int keys, boolean readsTwo) {
            this(make, keys, readsTwo, 0, false);
        }
    }

    private Operators(int records) {
        this.records = records;
    }

    public static void main(String[] arguments) throws Exception {
        Operators all = new Operators(Integer.parseInt(arguments[0]));
        all.addStateless();
        all.addAggregates();
        all.addJoins();
        for (Map.Entry<String, Work> work : all.works.entrySet()) {
            if (arguments.length < 2 || arguments[1].equals(work.getKey())) {
                System.out.printf("%s %.1f%n", work.getKey(), all.measure(work.getValue()));
            }
        }
    }

    private static KStream<byte[], byte[]> stream(StreamsBuilder builder, String topic) {
        return builder.stream(topic, Consumed.with(BYTES, BYTES));
    }

    private static KGroupedStream<byte[], byte[]> grouped(StreamsBuilder builder) {
        return stream(builder, "a").groupByKey();
    }

    private <K, V> void end(KStream<K, V> stream) {
        stream.foreach((key, value) -> ends++);
    }

    private <K, V> void end(KTable<K, V> table) {
        end(table.toStream());
    }

    private void stateless(String name, Consumer<KStream<byte[], byte[]>> make) {
        works.put(name, new Work(b -> make.accept(stream(b, "a")), MANY_KEYS, false));
    }

    private void addStateless() {
        stateless("nothing", this::end);
        stateless("filter", a -> end(a.filter((key, value) -> value.length > 0)));
        stateless("map_values", a -> end(a.mapValues(value -> value)));
        stateless("map", a -> end(a.map((key, value) -> KeyValue.pair(value, key))));
        stateless("select_key", a -> end(a.selectKey((key, value) -> value)));
        stateless("flat_map_values", a -> end(a.flatMapValues(value -> List.of(value, value))));
        stateless("peek", a -> end(a.peek((key, value) -> { })));
        stateless("branch", a -> a.split().branch((key, value) -> value.length == 0)
                .defaultBranch(org.apache.kafka.streams.kstream.Branched.withConsumer(this::end)));
        works.put("merge", new Work(b -> end(stream(b, "a").merge(stream(b, "b"))), MANY_KEYS,
                true));
    }

    private static <V> Materialized<byte[], V, KeyValueStore<Bytes, byte[]>> memory(String name) {
        return Materialized.<byte[], V>as(Stores.inMemoryKeyValueStore(name)).withLoggingDisabled()
                .withCachingDisabled();
    }

    private static Materialized<byte[], Long, WindowStore<Bytes, byte[]>> windows(Duration kept,
            Duration size) {
        return Materialized.<byte[], Long>as(
                Stores.inMemoryWindowStore("st", kept, size, false))
                .withLoggingDisabled().withCachingDisabled();
    }

    private static Materialized<byte[], Long, KeyValueStore<Bytes, byte[]>> disk() {
        return Materialized.<byte[], Long, KeyValueStore<Bytes, byte[]>>as("st")
                .withLoggingDisabled();
    }

    private void keep(String name, int keys, Consumer<StreamsBuilder> make) {
        works.put(name, new Work(make, keys, false));
    }

    private void addAggregates() {
        keep("count_memory", MANY_KEYS, b -> end(grouped(b).count(memory("st"))));
        keep("reduce_memory", MANY_KEYS, b ->
                end(grouped(b).reduce((all, value) -> value, memory("st"))));
        works.put("count_cached", new Work(b -> end(grouped(b).count(disk())), MANY_KEYS, false,
                10 << 20, true));
        works.put("count_uncached", new Work(
                b -> end(grouped(b).count(disk().withCachingDisabled())), MANY_KEYS, false, 0,
                true));
        keep("table", MANY_KEYS, b ->
                end(b.table("a", Consumed.with(BYTES, BYTES), memory("st"))));
        keep("tumbling", FEW_KEYS, b -> end(grouped(b).windowedBy(
                TimeWindows.ofSizeWithNoGrace(WINDOW)).count(windows(WINDOW, WINDOW))));
        keep("hopping_4", FEW_KEYS, b -> end(grouped(b).windowedBy(
                TimeWindows.ofSizeWithNoGrace(WINDOW).advanceBy(WINDOW.dividedBy(4)))
                .count(windows(WINDOW, WINDOW))));
        keep("sliding", FEW_KEYS, b -> end(grouped(b).windowedBy(
                SlidingWindows.ofTimeDifferenceWithNoGrace(WINDOW))
                .count(windows(WINDOW.multipliedBy(2), WINDOW))));
        keep("session", FEW_KEYS, b -> end(grouped(b).windowedBy(
                SessionWindows.ofInactivityGapWithNoGrace(WINDOW.dividedBy(10)))
                .count(Materialized.<byte[], Long>as(Stores.inMemorySessionStore("st", WINDOW))
                        .withLoggingDisabled().withCachingDisabled())));
        keep("suppress", FEW_KEYS, b -> end(grouped(b).windowedBy(
                TimeWindows.ofSizeWithNoGrace(WINDOW)).count(windows(WINDOW, WINDOW))
                .suppress(Suppressed.untilWindowCloses(
                        Suppressed.BufferConfig.unbounded().withLoggingDisabled()))));
    }

    private static byte[] left(byte[] left, byte[] right) {
        return left != null ? left : right;
    }

    private void join(String name, int keys, Consumer<StreamsBuilder> make) {
        works.put(name, new Work(make, keys, true));
    }

    private void addJoins() {
        join("stream_table", MANY_KEYS, b -> end(stream(b, "a").join(
                b.<byte[], byte[]>table("b", Consumed.with(BYTES, BYTES), memory("st")),
                Operators::left)));
        join("table_table", MANY_KEYS, b -> end(
                b.<byte[], byte[]>table("a", Consumed.with(BYTES, BYTES), memory("st")).join(
                        b.<byte[], byte[]>table("b", Consumed.with(BYTES, BYTES), memory("other")),
                        Operators::left)));
        for (int matches : new int[] {1, 10, 100}) {
            JoinWindows windows = JoinWindows.ofTimeDifferenceWithNoGrace(Duration.ZERO)
                    .before(Duration.ofMillis((long) matches * FEW_KEYS));
            Duration kept = Duration.ofMillis(windows.size());
            join("stream_stream_" + matches, FEW_KEYS, b -> end(stream(b, "a").join(stream(b, "b"),
                    Operators::left, windows, StreamJoined.with(BYTES, BYTES, BYTES)
                            .withThisStoreSupplier(
                                    Stores.inMemoryWindowStore("this", kept, kept, true))
                            .withOtherStoreSupplier(
                                    Stores.inMemoryWindowStore("other", kept, kept, true))
                            .withLoggingDisabled())));
        }
    }

    private static Properties settingsOf(Work work) throws Exception {
        Properties settings = new Properties();
        Path directory = Files.createTempDirectory("operators");
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "bench");
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "nowhere:1");
        settings.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, BYTES.getClass());
        settings.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, BYTES.getClass());
        settings.put(StreamsConfig.STATE_DIR_CONFIG, directory.toString());
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, work.cache());
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 100L);
        return settings;
    }

    private double measure(Work work) throws Exception {
        int count = work.isOnDisk() ? records / DISK_PART : records;
        StreamsBuilder builder = new StreamsBuilder();
        work.make().accept(builder);
        byte[][] keys = new byte[work.keys()][];
        for (int i = 0; i < keys.length; i++) {
            keys[i] = String.format("key-%07d", i).getBytes();
        }
        try (TopologyTestDriver driver =
                new TopologyTestDriver(builder.build(), settingsOf(work))) {
            List<TestInputTopic<byte[], byte[]>> topics = new ArrayList<>();
            for (String topic : work.readsTwo() ? List.of("a", "b") : List.of("a")) {
                topics.add(driver.createInputTopic(topic, BYTES.serializer(), BYTES.serializer()));
            }
            Random random = new Random(1);
            feed(topics, keys, random, 0, count / 2);
            long began = cpuNs();
            feed(topics, keys, random, count / 2, count);
            return (double) (cpuNs() - began) / (count - count / 2);
        }
    }

    private static void feed(List<TestInputTopic<byte[], byte[]>> topics, byte[][] keys,
            Random random, int from, int to) {
        byte[] value = "a value!".getBytes();
        for (int i = from; i < to; i++) {
            topics.get(i % topics.size()).pipeInput(keys[random.nextInt(keys.length)], value,
                    START_MS + i / topics.size());
        }
    }

    private static long cpuNs() {
        return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    }
}
