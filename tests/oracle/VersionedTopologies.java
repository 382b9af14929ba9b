// SPDX-License-Identifier: Apache-2.0

import java.time.Duration;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.state.Stores;

/** What becomes of rows that come after later ones, below tables that keep versions (KIP-914). */
final class VersionedTopologies {
    private VersionedTopologies() {}

    static void addTo(Map<String, Consumer<Plan>> all) {
        all.put("versioned_group", VersionedTopologies::group);
        all.put("versioned_join", VersionedTopologies::join);
        all.put("versioned_fk", VersionedTopologies::foreignKey);
    }

    private static KTable<String, String> table(Plan plan, String topic, String store) {
        Duration history = plan.ms("history", Dump.VERSIONS_MS);
        return plan.builder.table(topic, Consumed.with(Plan.TEXT, Plan.TEXT),
                Materialized.<String, String>as(
                        Stores.persistentVersionedKeyValueStore(store, history))
                        .withKeySerde(Plan.TEXT).withValueSerde(Plan.TEXT));
    }

    private static KTable<String, String> changed(KTable<String, String> table) {
        return table.filter((key, value) -> !value.equals("v3")).mapValues(value -> value + "!");
    }

    private static void group(Plan plan) {
        plan.reads("a").writes("out", "rows").keeps(Plan.Kind.KEY_VALUE, "cs").tombstones()
                .neverCached();
        KTable<String, String> rows = changed(table(plan, "a", "ta"));
        Plan.send(rows, "rows");
        Plan.sendCounts(rows.groupBy((key, value) -> KeyValue.pair(value, key),
                Grouped.with(Plan.TEXT, Plan.TEXT)).count(Plan.counts("cs")), "out");
    }

    private static void join(Plan plan) {
        plan.reads("a", "b").writes("out").keeps(Plan.Kind.KEY_VALUE, "st").tombstones()
                .neverCached();
        Plan.send(changed(table(plan, "a", "ta"))
                .leftJoin(table(plan, "b", "tb"), Plan.BOTH, Plan.texts("st")), "out");
    }

    private static void foreignKey(Plan plan) {
        plan.reads("a", "b").writes("out").tombstones().neverCached();
        Plan.send(table(plan, "a", "ta")
                .join(changed(table(plan, "b", "tb")), Plan::keyOf, Plan.BOTH), "out");
    }
}
