// SPDX-License-Identifier: Apache-2.0

import java.util.Map;
import java.util.function.Consumer;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.SessionWindows;
import org.apache.kafka.streams.kstream.Suppressed;
import org.apache.kafka.streams.kstream.Suppressed.BufferConfig;
import org.apache.kafka.streams.kstream.TimeWindows;

/** Counts that are told when they are final, or late. */
final class SuppressTopologies {
    private SuppressTopologies() {}

    static void addTo(Map<String, Consumer<Plan>> all) {
        all.put("suppress_until_close", SuppressTopologies::untilClose);
        all.put("suppress_time_limit", SuppressTopologies::timeLimit);
        all.put("suppress_session", SuppressTopologies::session);
        all.put("suppress_joined", SuppressTopologies::joined);
    }

    private static void untilClose(Plan plan) {
        TimeWindows windows = TimeWindows.ofSizeAndGrace(plan.ms("size", 4000),
                plan.seconds("grace", 0, 3));
        WindowTopologies.sendCounts(WindowTopologies.windowed(plan).grouped("a")
                .windowedBy(windows).count(WindowTopologies.counts())
                .suppress(Suppressed.untilWindowCloses(BufferConfig.unbounded())));
    }

    private static void timeLimit(Plan plan) {
        plan.reads("a").writes("out").keeps(Plan.Kind.KEY_VALUE, "st");
        Suppressed<String> late = Suppressed.untilTimeLimit(plan.seconds("wait", 1, 4),
                BufferConfig.maxRecords(plan.ms("max_records", 2 + plan.random.nextInt(3))
                        .toMillis()).emitEarlyWhenFull());
        Plan.sendCounts(plan.grouped("a").count(Plan.counts("st")).suppress(late), "out");
    }

    /** With names, and a removal of each session that another one swallows. */
    private static void session(Plan plan) {
        plan.reads("a").writes("out").keeps(Plan.Kind.SESSION, "st");
        SessionWindows windows = SessionWindows.ofInactivityGapAndGrace(
                plan.seconds("gap", 1, 4), plan.seconds("grace", 0, 5));
        WindowTopologies.sendCounts(plan.grouped("a").windowedBy(windows)
                .count(WindowTopologies.sessions())
                .suppress(Suppressed.untilWindowCloses(BufferConfig.unbounded()).withName("final")));
    }

    /** The other side of the join sees what was told last. */
    private static void joined(Plan plan) {
        plan.reads("a", "b").writes("out").keeps(Plan.Kind.KEY_VALUE, "ta", "tb").tombstones();
        KTable<String, String> a = plan.table("a", "ta");
        KTable<String, String> b = plan.table("b", "tb");
        Suppressed<String> late = Suppressed.untilTimeLimit(plan.seconds("wait", 1, 4),
                BufferConfig.maxBytes(plan.ms("max_bytes", 120).toMillis()).emitEarlyWhenFull());
        Plan.send(a.suppress(late).join(b, Plan.BOTH), "out");
    }
}
