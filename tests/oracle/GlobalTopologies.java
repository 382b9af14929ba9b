// SPDX-License-Identifier: Apache-2.0

import java.util.Map;
import java.util.function.Consumer;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/** Stores that a topic fills through a processor of one's own. */
final class GlobalTopologies {
    private GlobalTopologies() {}

    static void addTo(Map<String, Consumer<Plan>> all) {
        all.put("global_processor", GlobalTopologies::global);
        all.put("read_only_store", GlobalTopologies::readOnly);
    }

    private static StoreBuilder<KeyValueStore<String, String>> store() {
        return Stores.keyValueStoreBuilder(
                Stores.inMemoryKeyValueStore("st"), Plan.TEXT, Plan.TEXT);
    }

    private static void global(Plan plan) {
        plan.reads("a", "b").writes("out").tombstones();
        plan.needsKeys = true;
        plan.builder.addGlobalStore(
                store(), "b", Consumed.with(Plan.TEXT, Plan.TEXT), () -> new Filling(true));
        Plan.send(plan.stream("a").process(Looking::new), "out");
    }

    private static void readOnly(Plan plan) {
        plan.reads("a", "b").writes("out").keeps(Plan.Kind.KEY_VALUE, "st").tombstones();
        plan.needsKeys = true;
        plan.topology = new Topology(plan.config)
                .addReadOnlyStateStore(store(), "rows", Plan.TEXT.deserializer(),
                        Plan.TEXT.deserializer(), "b", "keep", () -> new Filling(false))
                .addSource("src", Plan.TEXT.deserializer(), Plan.TEXT.deserializer(), "a")
                .addProcessor("look", Looking::new, "src")
                .connectProcessorAndStateStores("look", "st")
                .addSink("snk", "out", Plan.TEXT.serializer(), Plan.TEXT.serializer(), "look");
    }

    /** Rows are what comes last, or grow by what comes. */
    private static final class Filling implements Processor<String, String, Void, Void> {
        private final boolean grows;
        private KeyValueStore<String, String> store;

        Filling(boolean grows) {
            this.grows = grows;
        }

        @Override
        public void init(ProcessorContext<Void, Void> context) {
            store = context.getStateStore("st");
        }

        @Override
        public void process(Record<String, String> record) {
            String old = grows ? store.get(record.key()) : null;
            store.put(record.key(), record.value() == null || old == null ? record.value()
                    : old + record.value());
        }
    }

    private static final class Looking implements Processor<String, String, String, String> {
        private ProcessorContext<String, String> context;
        private KeyValueStore<String, String> store;

        @Override
        public void init(ProcessorContext<String, String> context) {
            this.context = context;
            store = context.getStateStore("st");
        }

        @Override
        public void process(Record<String, String> record) {
            String row = store.get(record.key());
            context.forward(record.withValue(row == null ? "-" : row));
        }
    }
}
