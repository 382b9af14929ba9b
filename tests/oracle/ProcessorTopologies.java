// SPDX-License-Identifier: Apache-2.0

import java.time.Duration;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/** A processor of one's own. */
final class ProcessorTopologies {
    private ProcessorTopologies() {}

    static void addTo(Map<String, Consumer<Plan>> all) {
        all.put("punctuate", ProcessorTopologies::punctuate);
    }

    private static void punctuate(Plan plan) {
        plan.reads("a").writes("out").keeps(Plan.Kind.KEY_VALUE, "st");
        plan.movesWallClock = true;
        plan.needsKeys = true;
        Duration stream = plan.ms("stream_every", 2000);
        Duration wall = plan.ms("wall_every", 3000);
        plan.topology = new Topology(plan.config)
                .addSource("src", Plan.TEXT.deserializer(), Plan.TEXT.deserializer(), "a")
                .addProcessor("proc", () -> new Telling(stream, wall), "src")
                .addStateStore(Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore("st"),
                        Plan.TEXT, Plan.TEXT), "proc")
                .addSink("snk", "out", Plan.TEXT.serializer(), Plan.TEXT.serializer(), "proc");
    }

    /** Keeps a text a key, and tells of some from time to time. */
    private static final class Telling implements Processor<String, String, String, String> {
        private final Duration stream;
        private final Duration wall;
        private ProcessorContext<String, String> context;
        private KeyValueStore<String, String> store;

        Telling(Duration stream, Duration wall) {
            this.stream = stream;
            this.wall = wall;
        }

        @Override
        public void init(ProcessorContext<String, String> context) {
            this.context = context;
            store = context.getStateStore("st");
            context.schedule(stream, PunctuationType.STREAM_TIME,
                    now -> tell("s:", store.all(), now));
            context.schedule(wall, PunctuationType.WALL_CLOCK_TIME,
                    now -> tell("w:", store.range("k1", "k2"), now));
        }

        private void tell(String prefix, KeyValueIterator<String, String> rows, long now) {
            try (rows) {
                rows.forEachRemaining(row ->
                        context.forward(new Record<>(row.key, prefix + row.value, now)));
            }
        }

        @Override
        public void process(Record<String, String> record) {
            String old = store.get(record.key());
            store.put(record.key(), old == null ? record.value()
                    : old.length() > 8 ? null : old + record.value());
        }
    }
}
