// SPDX-License-Identifier: Apache-2.0

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Map;
import java.util.Properties;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.TestOutputTopic;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.test.TestRecord;

/**
 * Writes what Kafka Streams does with topologies and seeded input, one JSON object a line; the
 * format is in README.md. Usage: Oracle DIRECTORY FIRST_SEED LAST_SEED LEAST_STEPS MOST_STEPS NAME...
 * The seed says how many steps a run has. Runs with an even seed have no record cache. Where three
 * divides the seed, times are so coarse that they meet the bounds of windows, graces and schedules;
 * where five does, they are a millisecond beside them as well, begin at 0, and some records have no
 * key or no value.
 */
public final class Oracle {
    static final ObjectMapper JSON = new ObjectMapper();
    static final String APPLICATION = "oracle";
    static final String NO_CACHE = "statestore.cache.max.bytes";
    static final Duration LONGEST_WALL_STEP = Duration.ofSeconds(5);
    static final long COARSE_MS = 500;

    private final Plan plan;
    private final Random random;
    private final TopologyTestDriver driver;
    private final PrintStream out;
    private final long grainMs;
    private final boolean isBesideBounds;
    private long nowMs;

    private Oracle(Plan plan, long seed, TopologyTestDriver driver, PrintStream out) {
        this.plan = plan;
        this.isBesideBounds = seed % 5 == 0;
        this.grainMs = seed % 3 == 0 || isBesideBounds ? COARSE_MS : 1;
        this.nowMs = isBesideBounds ? 0 : 10_000; // Windows that would begin before 0, too.
        this.random = plan.random;
        this.driver = driver;
        this.out = out;
    }

    public static void main(String[] arguments) throws Exception {
        Map<String, Consumer<Plan>> topologies = Topologies.all();
        int least = Integer.parseInt(arguments[3]);
        int most = Integer.parseInt(arguments[4]);
        for (String name : Arrays.asList(arguments).subList(5, arguments.length)) {
            for (long seed = Long.parseLong(arguments[1]);
                    seed <= Long.parseLong(arguments[2]); seed++) {
                int steps = least + (int) (seed % (most - least + 1));
                Path file = Path.of(arguments[0], name + "-" + seed + ".jsonl");
                try (PrintStream out = new PrintStream(file.toFile(), StandardCharsets.UTF_8)) {
                    write(name, topologies.get(name), seed, steps, out);
                }
            }
        }
    }

    private static void write(String name, Consumer<Plan> topology, long seed, int steps,
            PrintStream out) throws Exception {
        Plan plan = new Plan(new Random(31 * seed + name.hashCode()));
        Wrapping.clear();
        topology.accept(plan);
        if (seed % 2 == 0 && !plan.isAlwaysCached) {
            plan.settings.put(NO_CACHE, "0");
        }
        Topology built = plan.build();
        out.println(headOf(name, plan, built));
        try (TopologyTestDriver driver =
                new TopologyTestDriver(built, settingsOf(plan), Instant.EPOCH)) {
            new Oracle(plan, seed, driver, out).run(steps);
        }
    }

    private static ObjectNode headOf(String name, Plan plan, Topology topology) {
        ObjectNode head = JSON.createObjectNode().put("spec", name);
        head.set("params", plan.params);
        ObjectNode settings = head.putObject("settings");
        plan.settings.forEach((key, value) -> settings.put((String) key, (String) value));
        head.put("describe", topology.describe().toString());
        Wrapping.printTo(head);
        return head;
    }

    private static Properties settingsOf(Plan plan) throws Exception {
        Properties settings = new Properties();
        settings.putAll(plan.settings);
        settings.put("application.id", APPLICATION);
        settings.put("bootstrap.servers", "nowhere:1");
        settings.put("default.key.serde", Serdes.StringSerde.class);
        settings.put("default.value.serde", Serdes.StringSerde.class);
        settings.put("state.dir", Files.createTempDirectory(APPLICATION).toString());
        return settings;
    }

    private void run(int steps) {
        Map<String, TestOutputTopic<String, String>> outputs = new TreeMap<>();
        for (String topic : plan.outputs) {
            outputs.put(topic, driver.createOutputTopic(
                    topic, Plan.TEXT.deserializer(), Plan.TEXT.deserializer()));
        }
        for (int i = 0; i < steps; i++) {
            if (plan.movesWallClock && random.nextInt(4) == 0) {
                moveWallClock();
            } else {
                feed();
            }
            printOutputs(outputs);
            printInternal();
        }
        Dump dump = new Dump(driver, nowMs, out);
        plan.stores.stream().filter(this::hasAllRows).forEach(dump::print);
    }

    private void printOutputs(Map<String, TestOutputTopic<String, String>> outputs) {
        for (String topic : plan.outputs) {
            if (!driver.producedTopicNames().contains(topic)) {
                continue;
            }
            for (TestRecord<String, String> x : outputs.get(topic).readRecordsToList()) {
                ObjectNode line = row("out", topic, x.key(), x.value(), x.timestamp());
                x.headers().forEach(h -> line.withObject("/headers")
                        .put(h.key(), new String(h.value(), StandardCharsets.UTF_8)));
                out.println(line);
            }
        }
    }

    /** Expired windows are read from the cache; without one it depends on when they are deleted. */
    private boolean hasAllRows(Plan.Store store) {
        boolean expires = store.kind() == Plan.Kind.WINDOW || store.kind() == Plan.Kind.SESSION;
        return !expires || !plan.settings.containsKey(NO_CACHE);
    }

    private void moveWallClock() {
        long ms = 1 + random.nextInt((int) LONGEST_WALL_STEP.toMillis());
        ms += (grainMs - ms % grainMs) % grainMs;
        out.println(JSON.createObjectNode().put("wall", ms));
        driver.advanceWallClockTime(Duration.ofMillis(ms));
    }

    /** Mostly the clock goes on a little; some records are early, late, or long after the last. */
    private long nextTime() {
        nowMs += random.nextInt(1_000);
        switch (random.nextInt(16)) {
            case 0: return Math.max(0, nowMs - random.nextInt(15_000));
            case 1: case 2: case 3: return Math.max(0, nowMs - random.nextInt(3_000));
            case 4: return nowMs += random.nextInt(20_000);
            default: return nowMs;
        }
    }

    private void feed() {
        long time = nextTime() / grainMs * grainMs;
        if (isBesideBounds) {
            time = Math.max(0, time + random.nextInt(3) - 1);
        }
        String topic = plan.inputs.get(random.nextInt(plan.inputs.size()));
        boolean hasKey = !isBesideBounds || plan.needsKeys || random.nextInt(16) != 0;
        String key = hasKey ? "k" + random.nextInt(4) : null;
        boolean mayBeNull = plan.hasTombstones || isBesideBounds && plan.takesNulls;
        boolean isTombstone = mayBeNull && random.nextInt(7) == 0;
        String value = isTombstone ? null : "v" + random.nextInt(10);
        ObjectNode line = row("in", topic, key, value, time);
        Headers headers = new RecordHeaders();
        for (int i = 0; plan.hasHeaders && i < random.nextInt(3); i++) {
            String text = "h" + random.nextInt(10);
            headers.add("n" + i, text.getBytes(StandardCharsets.UTF_8));
            line.withObject("/headers").put("n" + i, text);
        }
        out.println(line);
        driver.createInputTopic(topic, Plan.TEXT.serializer(), Plan.TEXT.serializer())
                .pipeInput(new TestRecord<>(key, value, headers, time));
    }

    /** What went to topics of the application's own, by name of the topic. */
    private void printInternal() {
        for (String topic : new TreeSet<>(driver.producedTopicNames())) {
            if (!topic.startsWith(APPLICATION + "-")) {
                continue;
            }
            for (TestRecord<byte[], byte[]> x : driver.createOutputTopic(topic,
                    new ByteArrayDeserializer(), new ByteArrayDeserializer()).readRecordsToList()) {
                Long time = x.timestamp();
                ObjectNode line =
                        row("internal", topic, hex(x.key()), hex(x.value()), time == null ? -1 : time);
                x.headers().forEach(h -> line.withObject("/headers").put(h.key(), hex(h.value())));
                out.println(line);
            }
        }
    }

    private static String hex(byte[] bytes) {
        return bytes == null ? null : HexFormat.of().formatHex(bytes);
    }

    /** A line about a record; one without a time has a negative one. */
    static ObjectNode row(String kind, String name, String key, String value, long time) {
        ObjectNode line = JSON.createObjectNode().put(kind, name).put("key", key);
        line.put("value", value);
        return time < 0 ? line : line.put("ts", time);
    }
}
