// SPDX-License-Identifier: Apache-2.0

import java.time.Duration;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.GlobalKTable;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.JoinWindows;
import org.apache.kafka.streams.kstream.Joined;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.KeyValueMapper;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.StreamJoined;
import org.apache.kafka.streams.kstream.TableJoined;
import org.apache.kafka.streams.state.Stores;

/** Joins, and what the optimiser makes of programs. */
final class JoinTopologies {
    private static final Joined<String, String, String> TEXTS =
            Joined.with(Plan.TEXT, Plan.TEXT, Plan.TEXT);
    private static final StreamJoined<String, String, String> STREAMS =
            StreamJoined.with(Plan.TEXT, Plan.TEXT, Plan.TEXT);

    private JoinTopologies() {}

    enum How { INNER, LEFT, OUTER }

    static void addTo(Map<String, Consumer<Plan>> all) {
        for (How how : How.values()) {
            String name = how.name().toLowerCase();
            all.put("table_table_" + name, plan -> tableTable(plan, how));
            all.put("stream_stream_" + name, plan -> streamStream(plan, how));
            if (how != How.OUTER) {
                all.put("fk_" + name, plan -> foreignKey(plan, how));
                all.put("fk_named_" + name, plan -> foreignKeyNamed(plan, how));
                all.put("stream_table_" + name, plan -> streamTable(plan, how));
                all.put("global_" + name, plan -> global(plan, how));
            }
        }
        all.put("stream_versioned_table", JoinTopologies::versioned);
        all.put("rekeyed_two_tables", JoinTopologies::rekeyedTwoTables);
        all.put("self_join", plan -> selfJoin(plan));
        all.put("self_join_optimised", plan -> selfJoin(plan.optimised()));
        all.put("two_counts", plan -> twoCounts(plan));
        all.put("two_counts_optimised", plan -> twoCounts(plan.optimised()));
        all.put("merged_counts_optimised", JoinTopologies::mergedCounts);
        all.put("table_optimised", JoinTopologies::tableOptimised);
    }

    private static void tableTable(Plan plan, How how) {
        plan.reads("a", "b").writes("out").keeps(Plan.Kind.KEY_VALUE, "ta", "tb", "st").tombstones();
        KTable<String, String> a = plan.table("a", "ta");
        KTable<String, String> b = plan.table("b", "tb");
        Plan.send(switch (how) {
            case INNER -> a.join(b, Plan.BOTH, Plan.texts("st"));
            case LEFT -> a.leftJoin(b, Plan.BOTH, Plan.texts("st"));
            case OUTER -> a.outerJoin(b, Plan.BOTH, Plan.texts("st"));
        }, "out");
    }

    private static void streamStream(Plan plan, How how) {
        plan.reads("a", "b").writes("out").nulls();
        Duration before = plan.seconds("before", 1, 4);
        JoinWindows windows = JoinWindows
                .ofTimeDifferenceAndGrace(before, plan.seconds("grace", 0, 4))
                .after(plan.seconds("after", 0, 3));
        KStream<String, String> a = plan.stream("a");
        KStream<String, String> b = plan.stream("b");
        Plan.send(switch (how) {
            case INNER -> a.join(b, Plan.BOTH, windows, STREAMS);
            case LEFT -> a.leftJoin(b, Plan.BOTH, windows, STREAMS);
            case OUTER -> a.outerJoin(b, Plan.BOTH, windows, STREAMS);
        }, "out");
    }

    private static void streamTable(Plan plan, How how) {
        plan.reads("a", "b").writes("out").keeps(Plan.Kind.KEY_VALUE, "tb").tombstones();
        KTable<String, String> table = plan.table("b", "tb");
        KStream<String, String> stream = plan.stream("a");
        Plan.send(how == How.INNER ? stream.join(table, Plan.BOTH, TEXTS)
                : stream.leftJoin(table, Plan.BOTH, TEXTS), "out");
    }

    private static void global(Plan plan, How how) {
        plan.reads("a", "b").writes("out").tombstones();
        GlobalKTable<String, String> table =
                plan.builder.globalTable("b", Consumed.with(Plan.TEXT, Plan.TEXT));
        KeyValueMapper<String, String, String> key = (k, value) -> Plan.keyOf(value);
        KStream<String, String> stream = plan.stream("a");
        Plan.send(how == How.INNER ? stream.join(table, key, Plan.BOTH)
                : stream.leftJoin(table, key, Plan.BOTH), "out");
    }

    /** The value of a left row names its right one. */
    private static void foreignKey(Plan plan, How how) {
        plan.reads("a", "b").writes("out").keeps(Plan.Kind.KEY_VALUE, "st").tombstones();
        KTable<String, String> a = plan.table("a");
        KTable<String, String> b = plan.table("b");
        Plan.send(how == How.INNER ? a.join(b, Plan::keyOf, Plan.BOTH, Plan.texts("st"))
                : a.leftJoin(b, Plan::keyOf, Plan.BOTH, Plan.texts("st")), "out");
    }

    /** Some left rows have no foreign key; both sides are computed, and so is the result. */
    private static void foreignKeyNamed(Plan plan, How how) {
        plan.reads("a", "b").writes("out").tombstones();
        KTable<String, String> a = plan.table("a").filter((key, value) -> !value.equals("v1"));
        KTable<String, String> b = plan.table("b").mapValues(value -> value + "!");
        Function<String, String> key = value ->
                value.charAt(1) > '6' ? null : Plan.keyOf(value);
        TableJoined<String, String> named = TableJoined.as("buys");
        Plan.send(how == How.INNER ? a.join(b, key, Plan.BOTH, named)
                : a.leftJoin(b, key, Plan.BOTH, named), "out");
    }

    private static void versioned(Plan plan) {
        plan.reads("a", "b").writes("out").keeps(Plan.Kind.VERSIONED, "tb").tombstones();
        Duration history = plan.ms("history", Dump.VERSIONS_MS);
        KTable<String, String> table = plan.builder.table("b", Consumed.with(Plan.TEXT, Plan.TEXT),
                Materialized.<String, String>as(
                        Stores.persistentVersionedKeyValueStore("tb", history))
                        .withKeySerde(Plan.TEXT).withValueSerde(Plan.TEXT));
        Plan.send(plan.stream("a").join(table, Plan.BOTH,
                TEXTS.withGracePeriod(plan.seconds("grace", 1, 5))), "out");
    }

    /** A stream with new keys that goes through one topic for both of its joins. */
    private static void rekeyedTwoTables(Plan plan) {
        plan.reads("a", "b", "c").writes("out", "left")
                .keeps(Plan.Kind.KEY_VALUE, "tb", "tc").tombstones();
        KTable<String, String> b = plan.table("b", "tb");
        KTable<String, String> c = plan.table("c", "tc");
        KStream<String, String> stream = plan.stream("a").selectKey((k, value) -> Plan.keyOf(value));
        Plan.send(stream.join(b, Plan.BOTH, TEXTS), "out");
        Plan.send(stream.leftJoin(c, Plan.BOTH, TEXTS), "left");
    }

    private static void selfJoin(Plan plan) {
        plan.reads("a").writes("out").nulls();
        JoinWindows windows = JoinWindows
                .ofTimeDifferenceAndGrace(plan.seconds("before", 1, 4), plan.seconds("grace", 0, 4))
                .after(plan.seconds("after", 0, 3));
        KStream<String, String> stream = plan.stream("a");
        Plan.send(stream.join(stream, Plan.BOTH, windows, STREAMS), "out");
    }

    /** Two aggregates of a stream with new keys: optimised, one topic is enough for both. */
    private static void twoCounts(Plan plan) {
        plan.reads("a").writes("out", "late").keeps(Plan.Kind.KEY_VALUE, "st", "st2");
        KStream<String, String> stream = plan.stream("a").selectKey((k, value) -> value);
        Plan.sendCounts(stream.groupByKey(Grouped.with(Plan.TEXT, Plan.TEXT))
                .count(Plan.counts("st")), "out");
        Plan.sendCounts(stream.filter((key, value) -> !"v3".equals(value))
                .groupByKey(Grouped.with(Plan.TEXT, Plan.TEXT)).count(Plan.counts("st2")), "late");
    }

    /** The same for two streams with new keys that become one. */
    private static void mergedCounts(Plan plan) {
        plan.optimised().reads("a", "b").writes("out", "late")
                .keeps(Plan.Kind.KEY_VALUE, "st", "st2");
        KStream<String, String> stream = plan.stream("a").selectKey((k, value) -> value)
                .merge(plan.stream("b").selectKey((k, value) -> value));
        Plan.sendCounts(stream.groupByKey(Grouped.with(Plan.TEXT, Plan.TEXT))
                .count(Plan.counts("st")), "out");
        Plan.sendCounts(stream.filter((key, value) -> !"v3".equals(value))
                .groupByKey(Grouped.with(Plan.TEXT, Plan.TEXT)).count(Plan.counts("st2")), "late");
    }

    /** The source topic of a table is its changelog. */
    private static void tableOptimised(Plan plan) {
        plan.optimised().reads("a", "b").writes("out").keeps(Plan.Kind.KEY_VALUE, "tb")
                .tombstones();
        Plan.send(plan.stream("a").leftJoin(plan.table("b", "tb"), Plan.BOTH, TEXTS), "out");
    }
}
