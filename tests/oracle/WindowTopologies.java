// SPDX-License-Identifier: Apache-2.0

import java.time.Duration;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.SessionWindows;
import org.apache.kafka.streams.kstream.SlidingWindows;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.state.SessionStore;
import org.apache.kafka.streams.state.WindowStore;

/** Aggregates in windows. */
final class WindowTopologies {
    private WindowTopologies() {}

    static void addTo(Map<String, Consumer<Plan>> all) {
        all.put("tumbling_count", WindowTopologies::tumblingCount);
        all.put("hopping_count", WindowTopologies::hoppingCount);
        all.put("sliding_count", WindowTopologies::slidingCount);
        all.put("session_count", WindowTopologies::sessionCount);
        all.put("window_reduce_hop", WindowTopologies::windowReduceHop);
    }

    static Materialized<String, Long, WindowStore<Bytes, byte[]>> counts() {
        return Materialized.<String, Long, WindowStore<Bytes, byte[]>>as("st")
                .withKeySerde(Plan.TEXT).withValueSerde(Plan.NUMBER);
    }

    static Materialized<String, Long, SessionStore<Bytes, byte[]>> sessions() {
        return Materialized.<String, Long, SessionStore<Bytes, byte[]>>as("st")
                .withKeySerde(Plan.TEXT).withValueSerde(Plan.NUMBER);
    }

    static void sendCounts(KTable<Windowed<String>, Long> table) {
        Plan.send(table.toStream((key, count) -> Dump.print(key)).mapValues(Plan::print), "out");
    }

    static Plan windowed(Plan plan) {
        return plan.reads("a").writes("out").keeps(Plan.Kind.WINDOW, "st");
    }

    private static void tumblingCount(Plan plan) {
        TimeWindows windows = TimeWindows.ofSizeAndGrace(
                plan.seconds("size", 5, 9), plan.seconds("grace", 0, 5));
        sendCounts(windowed(plan).nulls().grouped("a").windowedBy(windows).count(counts()));
    }

    private static void hoppingCount(Plan plan) {
        Duration advance = plan.seconds("advance", 1, 3);
        Duration size = plan.ms("size", advance.toMillis() * (2 + plan.random.nextInt(3)));
        TimeWindows windows = TimeWindows.ofSizeAndGrace(size, plan.seconds("grace", 0, 5))
                .advanceBy(advance);
        sendCounts(windowed(plan).nulls().grouped("a").windowedBy(windows).count(counts()));
    }

    private static void slidingCount(Plan plan) {
        SlidingWindows windows = SlidingWindows.ofTimeDifferenceAndGrace(
                plan.seconds("difference", 1, 5), plan.seconds("grace", 0, 5));
        sendCounts(windowed(plan).nulls().grouped("a").windowedBy(windows).count(counts()));
    }

    private static void sessionCount(Plan plan) {
        plan.reads("a").writes("out").keeps(Plan.Kind.SESSION, "st").nulls();
        SessionWindows windows = SessionWindows.ofInactivityGapAndGrace(
                plan.seconds("gap", 1, 4), plan.seconds("grace", 0, 5));
        sendCounts(plan.grouped("a").windowedBy(windows).count(sessions()));
    }

    private static void windowReduceHop(Plan plan) {
        TimeWindows windows = TimeWindows.ofSizeAndGrace(plan.ms("size", 6000),
                plan.ms("grace", 3000)).advanceBy(plan.ms("advance", 2000));
        Plan.send(windowed(plan).grouped("a").windowedBy(windows)
                .reduce((all, value) -> all + value,
                        Materialized.<String, String, WindowStore<Bytes, byte[]>>as("st")
                                .withKeySerde(Plan.TEXT).withValueSerde(Plan.TEXT))
                .toStream((key, value) -> Dump.print(key)), "out");
    }
}
