// SPDX-License-Identifier: Apache-2.0

import java.util.Map;
import java.util.function.Consumer;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Joined;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/** Stores of at most so many entries. */
final class LruTopologies {
    private LruTopologies() {}

    static void addTo(Map<String, Consumer<Plan>> all) {
        all.put("lru", LruTopologies::store);
        all.put("lru_count", LruTopologies::count);
        all.put("lru_table", LruTopologies::table);
    }

    private static int entriesMax(Plan plan) {
        int max = 1 + plan.random.nextInt(4);
        plan.params.put("entries_max", max);
        return max;
    }

    private static void store(Plan plan) {
        plan.reads("a").writes("out").keeps(Plan.Kind.KEY_VALUE, "st").tombstones();
        plan.needsKeys = true;
        plan.topology = new Topology(plan.config)
                .addSource("src", Plan.TEXT.deserializer(), Plan.TEXT.deserializer(), "a")
                .addProcessor("proc", Using::new, "src")
                .addStateStore(Stores.keyValueStoreBuilder(
                        Stores.lruMap("st", entriesMax(plan)), Plan.TEXT, Plan.TEXT), "proc")
                .addSink("snk", "out", Plan.TEXT.serializer(), Plan.TEXT.serializer(), "proc");
    }

    /** Its cache would show what the store below has let go of. */
    private static void count(Plan plan) {
        plan.reads("a").writes("out").keeps(Plan.Kind.KEY_VALUE, "st").neverCached();
        Plan.sendCounts(plan.grouped("a").count(
                Materialized.<String, Long>as(Stores.lruMap("st", entriesMax(plan)))
                        .withKeySerde(Plan.TEXT).withValueSerde(Plan.NUMBER)), "out");
    }

    private static void table(Plan plan) {
        plan.reads("a", "b").writes("out", "changes").keeps(Plan.Kind.KEY_VALUE, "st", "big")
                .tombstones().neverCached();
        KTable<String, String> table = plan.builder.table("b", Consumed.with(Plan.TEXT, Plan.TEXT),
                Materialized.<String, String>as(Stores.lruMap("st", entriesMax(plan)))
                        .withKeySerde(Plan.TEXT).withValueSerde(Plan.TEXT));
        Plan.send(plan.stream("a").leftJoin(table, Plan.BOTH,
                Joined.with(Plan.TEXT, Plan.TEXT, Plan.TEXT)), "out");
        Plan.send(table.filter((key, value) -> value.compareTo("v4") > 0,
                Materialized.<String, String>as(Stores.lruMap("big", 1))
                        .withKeySerde(Plan.TEXT).withValueSerde(Plan.TEXT)), "changes");
    }

    /** The digit of a value says what is done with one of eight keys. */
    private static final class Using implements Processor<String, String, String, String> {
        private ProcessorContext<String, String> context;
        private KeyValueStore<String, String> store;

        @Override
        public void init(ProcessorContext<String, String> context) {
            this.context = context;
            store = context.getStateStore("st");
        }

        @Override
        public void process(Record<String, String> record) {
            String key = record.key();
            if (record.value() == null) {
                tell(record, "deleted:" + store.delete(key));
                return;
            }
            switch (record.value().charAt(1)) {
                case '0': case '1': tell(record, "got:" + store.get(key)); break;
                case '2': tell(record, "absent:" + store.putIfAbsent(key, "new")); break;
                case '3': tell(record, store.approximateNumEntries() + ":" + rows()); break;
                case '4': store.put(key, null); break;
                case '5': case '6': store.put(key + "+", record.value()); break;
                default: store.put(key, record.value());
            }
        }

        private String rows() {
            StringBuilder text = new StringBuilder();
            try (KeyValueIterator<String, String> rows = store.all()) {
                rows.forEachRemaining(row -> text.append(row.key).append('=').append(row.value)
                        .append(' '));
            }
            return text.toString();
        }

        private void tell(Record<String, String> record, String text) {
            context.forward(record.withValue(text));
        }
    }
}
