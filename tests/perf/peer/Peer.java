// SPDX-License-Identifier: Apache-2.0

import java.time.Duration;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.processor.StateRestoreListener;

/**
 * The Kafka Streams side of the benchmark: one of {@link Works} until so many records are processed,
 * or until its standard input ends. tests/perf/bench_kafka.c is the same in weir, and prints the
 * same lines:
 *
 * <pre>
 *   {"event": "running", "at_ms": …}   every task is assigned and restored
 *   {"event": "first", "at_ms": …}     the first record is processed
 *   {"event": "result", …}             what it took, after a clean close
 * </pre>
 */
public final class Peer {
    private final Map<String, String> options;
    private final Progress progress = new Progress();
    private final Restore restore = new Restore();
    private final CountDownLatch running = new CountDownLatch(1);
    private final AtomicBoolean failed = new AtomicBoolean();

    private Peer(Map<String, String> options) {
        this.options = options;
    }

    public static void main(String[] arguments) throws Exception {
        Map<String, String> options = new TreeMap<>();
        for (int i = 0; i + 1 < arguments.length; i += 2) {
            options.put(arguments[i].replaceFirst("^--", ""), arguments[i + 1]);
        }
        new Peer(options).run();
    }

    private Properties settings() {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, options.get("app"));
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, options.get("broker"));
        settings.put(StreamsConfig.STATE_DIR_CONFIG, options.get("state"));
        settings.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.ByteArray().getClass());
        settings.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.ByteArray().getClass());
        settings.put("auto.offset.reset", "earliest");
        settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        for (Map.Entry<String, String> option : options.entrySet()) {
            if (option.getKey().startsWith("set.")) {
                settings.put(option.getKey().substring(4), option.getValue());
            }
        }
        return settings;
    }

    private void watch(KafkaStreams streams) {
        streams.setGlobalStateRestoreListener(restore);
        streams.setStateListener((now, before) -> {
            if (now == KafkaStreams.State.RUNNING) {
                running.countDown();
            } else if (now == KafkaStreams.State.ERROR) {
                failed.set(true);
                running.countDown();
            }
        });
    }

    private void run() throws Exception {
        Usage.event("started");
        KafkaStreams streams = new KafkaStreams(
            Works.named(options.get("work"), options, progress), settings());
        watch(streams);
        streams.start();
        running.await();
        Usage atRunning = Usage.now();
        Usage.event("running");
        long records = Long.parseLong(options.getOrDefault("records", "0"));
        if (options.containsKey("until-eof")) {
            waitForEndOfInput();
        } else {
            progress.await(records, failed);
        }
        Usage atProcessed = Usage.now();
        streams.close(Duration.ofSeconds(60));
        report(atRunning, atProcessed, Usage.now());
        System.exit(failed.get() ? 1 : 0);
    }

    private static void waitForEndOfInput() throws Exception {
        while (System.in.read() >= 0) {
            // Only its end says something.
        }
    }

    private void report(Usage atRunning, Usage atProcessed, Usage atEnd) {
        System.out.printf(
            "{\"event\": \"result\", \"side\": \"kafka-streams\", \"records\": %d, "
                + "\"start_s\": %.3f, \"process_s\": %.3f, \"close_s\": %.3f, \"cpu_s\": %.3f, "
                + "\"cpu_total_s\": %.3f, \"peak_rss_mb\": %.1f, \"restored\": %d, "
                + "\"restore_s\": %.3f, \"restore_cpu_s\": %.3f}%n",
            progress.count(), atRunning.sinceStartSeconds(),
            atProcessed.secondsAfter(atRunning), atEnd.secondsAfter(atProcessed),
            atEnd.cpuSecondsAfter(atRunning), atEnd.cpuSeconds(), Usage.peakMegabytes(),
            restore.records, restore.seconds(), restore.cpuSeconds());
    }

    /** What was restored, and the time from the first changelog's begin to the last one's end. */
    private static final class Restore implements StateRestoreListener {
        private long records;
        private Usage began;
        private Usage ended;

        @Override
        public synchronized void onRestoreStart(TopicPartition changelog, String store, long from,
                                                long to) {
            began = began == null ? Usage.now() : began;
        }

        @Override
        public synchronized void onBatchRestored(TopicPartition changelog, String store, long end,
                                                 long count) {
            records += count;
        }

        @Override
        public synchronized void onRestoreEnd(TopicPartition changelog, String store, long total) {
            ended = Usage.now();
        }

        double seconds() {
            return ended == null ? 0 : ended.secondsAfter(began);
        }

        double cpuSeconds() {
            return ended == null ? 0 : ended.cpuSecondsAfter(began);
        }
    }
}
