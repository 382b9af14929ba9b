// SPDX-License-Identifier: Apache-2.0

import java.time.Duration;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.kstream.CogroupedKStream;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KGroupedStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Named;
import org.apache.kafka.streams.kstream.SessionWindows;
import org.apache.kafka.streams.kstream.SlidingWindows;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.state.SessionStore;
import org.apache.kafka.streams.state.WindowStore;

/** Tables that two streams make together. */
final class CogroupTopologies {
    private CogroupTopologies() {}

    static void addTo(Map<String, Consumer<Plan>> all) {
        all.put("cogroup", CogroupTopologies::byKey);
        all.put("cogroup_hopping", CogroupTopologies::hopping);
        all.put("cogroup_sliding", CogroupTopologies::sliding);
        all.put("cogroup_session", CogroupTopologies::session);
        all.put("cogroup_repartition", CogroupTopologies::repartition);
    }

    static Materialized<String, String, WindowStore<Bytes, byte[]>> windows() {
        return Materialized.<String, String, WindowStore<Bytes, byte[]>>as("st")
                .withKeySerde(Plan.TEXT).withValueSerde(Plan.TEXT);
    }

    private static CogroupedKStream<String, String> cogrouped(KGroupedStream<String, String> a,
            KGroupedStream<String, String> b) {
        return a.<String>cogroup((key, value, all) -> all + "a" + value.substring(1))
                .cogroup(b, (key, value, all) -> all + "b" + value.substring(1));
    }

    static CogroupedKStream<String, String> cogrouped(Plan plan) {
        plan.reads("a", "b").writes("out");
        KGroupedStream<String, String> a = plan.grouped("a");
        return cogrouped(a, plan.grouped("b"));
    }

    static void send(KTable<Windowed<String>, String> table) {
        Plan.send(table.toStream((key, value) -> Dump.print(key)), "out");
    }

    private static void byKey(Plan plan) {
        Plan.send(cogrouped(plan.keeps(Plan.Kind.KEY_VALUE, "st"))
                .aggregate(() -> "", Plan.texts("st")), "out");
    }

    private static void hopping(Plan plan) {
        Duration advance = plan.seconds("advance", 1, 3);
        Duration size = plan.ms("size", advance.toMillis() * (2 + plan.random.nextInt(3)));
        TimeWindows windows = TimeWindows.ofSizeAndGrace(size, plan.seconds("grace", 0, 5))
                .advanceBy(advance);
        send(cogrouped(plan.keeps(Plan.Kind.WINDOW, "st")).windowedBy(windows)
                .aggregate(() -> "", windows()));
    }

    private static void sliding(Plan plan) {
        SlidingWindows windows = SlidingWindows.ofTimeDifferenceAndGrace(
                plan.seconds("difference", 1, 5), plan.seconds("grace", 0, 5));
        send(cogrouped(plan.keeps(Plan.Kind.WINDOW, "st")).windowedBy(windows)
                .aggregate(() -> "", windows()));
    }

    private static void session(Plan plan) {
        SessionWindows windows = SessionWindows.ofInactivityGapAndGrace(
                plan.seconds("gap", 1, 4), plan.seconds("grace", 0, 5));
        send(cogrouped(plan.keeps(Plan.Kind.SESSION, "st")).windowedBy(windows)
                .aggregate(() -> "", (key, one, two) -> one + two,
                        Materialized.<String, String, SessionStore<Bytes, byte[]>>as("st")
                                .withKeySerde(Plan.TEXT).withValueSerde(Plan.TEXT)));
    }

    /** One stream goes through a topic, which two tables of one group use. */
    private static void repartition(Plan plan) {
        plan.reads("a", "b").writes("out", "out2").keeps(Plan.Kind.KEY_VALUE, "st");
        KGroupedStream<String, String> a = plan.stream("a")
                .groupBy((key, value) -> value, Grouped.with(Plan.TEXT, Plan.TEXT));
        CogroupedKStream<String, String> both = cogrouped(a, plan.grouped("b"));
        Plan.send(both.aggregate(() -> "", Materialized.with(Plan.TEXT, Plan.TEXT)), "out");
        Plan.send(both.aggregate(() -> "", Named.as("named"), Plan.texts("st")), "out2");
    }
}
