// SPDX-License-Identifier: Apache-2.0

import java.time.Duration;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.kafka.streams.kstream.EmitStrategy;
import org.apache.kafka.streams.kstream.SessionWindows;
import org.apache.kafka.streams.kstream.SlidingWindows;
import org.apache.kafka.streams.kstream.TimeWindows;

/** Windows that are passed on when they have closed. */
final class EmitTopologies {
    private EmitTopologies() {}

    static void addTo(Map<String, Consumer<Plan>> all) {
        all.put("tumbling_emit_final", EmitTopologies::tumbling);
        all.put("hopping_emit_final", EmitTopologies::hopping);
        all.put("sliding_emit_final", EmitTopologies::sliding);
        all.put("session_emit_final", EmitTopologies::session);
    }

    private static void count(Plan plan, TimeWindows windows) {
        WindowTopologies.sendCounts(WindowTopologies.windowed(plan).alwaysCached().nulls()
                .grouped("a").windowedBy(windows).emitStrategy(EmitStrategy.onWindowClose())
                .count(WindowTopologies.counts()));
    }

    private static void tumbling(Plan plan) {
        count(plan, TimeWindows.ofSizeAndGrace(
                plan.seconds("size", 3, 6), plan.seconds("grace", 0, 3)));
    }

    private static void hopping(Plan plan) {
        Duration advance = plan.seconds("advance", 1, 3);
        Duration size = plan.ms("size", advance.toMillis() * (2 + plan.random.nextInt(3)));
        count(plan, TimeWindows.ofSizeAndGrace(size, plan.seconds("grace", 0, 3))
                .advanceBy(advance));
    }

    /** Kept for long: what is past its retention when it closes is not passed on. */
    private static void sliding(Plan plan) {
        SlidingWindows windows = SlidingWindows.ofTimeDifferenceAndGrace(
                plan.seconds("difference", 1, 3), plan.seconds("grace", 0, 3));
        WindowTopologies.sendCounts(WindowTopologies.windowed(plan).alwaysCached().nulls()
                .grouped("a").windowedBy(windows).emitStrategy(EmitStrategy.onWindowClose())
                .count(WindowTopologies.counts().withRetention(plan.ms("retention", 3_600_000))));
    }

    private static void session(Plan plan) {
        plan.reads("a").writes("out").keeps(Plan.Kind.SESSION, "st").nulls();
        SessionWindows windows = SessionWindows.ofInactivityGapAndGrace(
                plan.seconds("gap", 1, 3), plan.seconds("grace", 0, 2));
        WindowTopologies.sendCounts(plan.grouped("a").windowedBy(windows)
                .emitStrategy(EmitStrategy.onWindowClose()).count(WindowTopologies.sessions()));
    }
}
