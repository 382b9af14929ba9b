// SPDX-License-Identifier: Apache-2.0

import java.util.Map;
import java.util.function.Consumer;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.ValueTransformerWithKey;
import org.apache.kafka.streams.processor.ProcessorContext;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/** Tables whose values a transformer makes. */
final class TransformTopologies {
    private TransformTopologies() {}

    static void addTo(Map<String, Consumer<Plan>> all) {
        all.put("transform_kept", TransformTopologies::kept);
        all.put("transform_computed", TransformTopologies::computed);
    }

    private static void kept(Plan plan) {
        plan.reads("a").writes("out").keeps(Plan.Kind.KEY_VALUE, "seen", "tv").tombstones();
        plan.builder.addStateStore(Stores.keyValueStoreBuilder(
                Stores.persistentKeyValueStore("seen"), Plan.TEXT, Plan.TEXT));
        Plan.send(plan.table("a").transformValues(Counting::new, Plan.texts("tv"), "seen"), "out");
    }

    private static void computed(Plan plan) {
        plan.reads("a", "b").writes("out", "counts").keeps(Plan.Kind.KEY_VALUE, "cs").tombstones()
                .neverCached();
        KTable<String, String> table = plan.table("a").transformValues(Asking::new);
        Plan.send(plan.table("b").leftJoin(table, Plan.BOTH), "out");
        Plan.sendCounts(table.groupBy((key, value) -> KeyValue.pair(value, key),
                Grouped.with(Plan.TEXT, Plan.TEXT)).count(Plan.counts("cs")), "counts");
    }

    /** The same for the same row; some rows are not there after it, and some are that were not. */
    private static final class Asking implements ValueTransformerWithKey<String, String, String> {
        @Override
        public void init(ProcessorContext context) {}

        @Override
        public String transform(String key, String value) {
            if (value == null) {
                return key.equals("k1") ? "none" : null;
            }
            return value.equals("v3") ? null : value + "?";
        }

        @Override
        public void close() {}
    }

    /** How often a key has changed, written behind its value. */
    private static final class Counting implements ValueTransformerWithKey<String, String, String> {
        private KeyValueStore<String, String> seen;

        @Override
        public void init(ProcessorContext context) {
            seen = context.getStateStore("seen");
        }

        @Override
        public String transform(String key, String value) {
            String before = seen.get(key);
            String now = before == null ? "." : before + ".";
            seen.put(key, now);
            return value == null && now.length() % 2 == 0 ? null : value + now;
        }

        @Override
        public void close() {}
    }
}
