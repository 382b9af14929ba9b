// SPDX-License-Identifier: Apache-2.0

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.ValueAndTimestamp;
import org.apache.kafka.streams.state.VersionedKeyValueStore;
import org.apache.kafka.streams.state.VersionedRecord;

/** Prints what the stores hold at the end. */
final class Dump {
    static final long VERSIONS_MS = 20_000;
    static final long BETWEEN_VERSIONS_MS = 2_500;

    private final TopologyTestDriver driver;
    private final long nowMs;
    private final PrintStream out;

    Dump(TopologyTestDriver driver, long nowMs, PrintStream out) {
        this.driver = driver;
        this.nowMs = nowMs;
        this.out = out;
    }

    void print(Plan.Store store) {
        switch (store.kind()) {
            case KEY_VALUE -> keyValue(store.name());
            case WINDOW -> window(store.name());
            case SESSION -> session(store.name());
            case VERSIONED -> versioned(store.name());
        }
    }

    static String print(Windowed<String> key) {
        return key.key() + "@" + key.window().start() + "/" + key.window().end();
    }

    private static ObjectNode row(String store, String key, Object value) {
        if (value instanceof ValueAndTimestamp<?> timed) {
            return Oracle.row("store", store, key, "" + timed.value(), timed.timestamp());
        }
        return Oracle.row("store", store, key, "" + value, -1);
    }

    /** In the order of the keys. */
    private void printSorted(List<ObjectNode> lines) {
        lines.sort(Comparator.comparing(line -> line.get("key").asText()));
        lines.forEach(out::println);
    }

    /** Stores that the DSL makes are timestamped, those of a processor may be plain. */
    private void keyValue(String name) {
        List<ObjectNode> lines = new ArrayList<>();
        KeyValueStore<String, ?> store = driver.<String, Object>getTimestampedKeyValueStore(name);
        store = store != null ? store : driver.<String, Object>getKeyValueStore(name);
        try (KeyValueIterator<String, ?> rows = store.all()) {
            rows.forEachRemaining(x -> lines.add(row(name, x.key, x.value)));
        }
        printSorted(lines);
    }

    private void window(String name) {
        List<ObjectNode> lines = new ArrayList<>();
        try (KeyValueIterator<Windowed<String>, ValueAndTimestamp<Object>> rows =
                driver.<String, Object>getTimestampedWindowStore(name).all()) {
            while (rows.hasNext()) {
                KeyValue<Windowed<String>, ValueAndTimestamp<Object>> x = rows.next();
                lines.add(row(name, print(x.key), x.value));
            }
        }
        printSorted(lines);
    }

    private void session(String name) {
        List<ObjectNode> lines = new ArrayList<>();
        for (int k = 0; k < 4; k++) {
            try (KeyValueIterator<Windowed<String>, Object> rows =
                    driver.<String, Object>getSessionStore(name).fetch("k" + k)) {
                rows.forEachRemaining(x -> lines.add(row(name, print(x.key), x.value)));
            }
        }
        printSorted(lines);
    }

    /** Each key as of now, and as of moments before it. */
    private void versioned(String name) {
        VersionedKeyValueStore<String, String> store = driver.getVersionedKeyValueStore(name);
        for (int k = 0; k < 4; k++) {
            for (long at = nowMs; at > nowMs - VERSIONS_MS; at -= BETWEEN_VERSIONS_MS) {
                VersionedRecord<String> x = store.get("k" + k, at);
                ObjectNode line = x == null ? Oracle.row("store", name, "k" + k, null, -1)
                        : Oracle.row("store", name, "k" + k, x.value(), x.timestamp());
                out.println(line.put("as_of", at));
            }
        }
    }
}
