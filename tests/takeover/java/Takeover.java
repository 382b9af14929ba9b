// SPDX-License-Identifier: Apache-2.0

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler;

/**
 * Runs the Java side of the takeover test: one command a line of standard input, its answer on
 * standard output up to a line "done" or "failed MESSAGE". All applications live in this one JVM.
 */
public final class Takeover {
    private static final long PATIENCE_S = 60;

    private final String broker;
    private final Map<String, KafkaStreams> running = new HashMap<>();
    private final Map<String, String> ends = new TreeMap<>();
    private final Cluster cluster;
    private final PrintStream out;

    private Takeover(String broker, PrintStream out) {
        this.broker = broker;
        this.out = out;
        this.cluster = new Cluster(broker, out);
    }

    public static void main(String[] arguments) throws Exception {
        PrintStream out = System.out;
        System.setOut(System.err); // Libraries log to standard output.
        Takeover takeover = new Takeover(arguments[0], out);
        BufferedReader commands = new BufferedReader(new InputStreamReader(System.in));
        out.println("done");
        for (String line = commands.readLine(); line != null; line = commands.readLine()) {
            try {
                takeover.run(line.split(" "));
                out.println("done");
            } catch (Exception e) {
                e.printStackTrace();
                out.println("failed " + e);
            }
            out.flush();
        }
        Runtime.getRuntime().halt(0);
    }

    private void run(String[] words) throws Exception {
        switch (words[0]) {
            case "describe":
                out.print(Topologies.build(words[1], settings(words[1], words)).describe());
                break;
            case "start":
                start(words);
                break;
            case "stop":
                running.get(words[1]).close(Duration.ZERO);
                break;
            case "stopped":
                waitForStop(words[1]);
                break;
            case "state":
                out.println(running.get(words[1]).state());
                break;
            case "end":
                out.println(ends.getOrDefault(words[1], "none"));
                break;
            default:
                cluster.run(words);
        }
    }

    /** start ID GUARANTEE CACHE_BYTES|default OPTIMIZATION DIRECTORY */
    private Properties settings(String id, String[] words) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, id);
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, broker);
        settings.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        settings.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        settings.put(StreamsConfig.TOPOLOGY_OPTIMIZATION_CONFIG, words[4]);
        if (words.length > 5) {
            settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, words[2]);
            settings.put(StreamsConfig.STATE_DIR_CONFIG, words[5]);
            settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
            settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 100);
            // What decides which of two inputs is next waits for both of them.
            settings.put(StreamsConfig.MAX_TASK_IDLE_MS_CONFIG, 500);
        }
        if (!words[3].equals("default")) {
            settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, words[3]);
        }
        return settings;
    }

    private void start(String[] words) throws Exception {
        String id = words[1];
        Properties settings = settings(id, words);
        KafkaStreams streams = new KafkaStreams(Topologies.build(id, settings), settings);
        ends.remove(id);
        streams.setUncaughtExceptionHandler(
                failure -> {
                    ends.put(id, failure.toString());
                    return StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse
                            .SHUTDOWN_CLIENT;
                });
        running.put(id, streams);
        streams.start();
    }

    private void waitForStop(String id) {
        if (!running.remove(id).close(Duration.ofSeconds(PATIENCE_S))) {
            throw new IllegalStateException(id + " does not stop");
        }
    }
}
