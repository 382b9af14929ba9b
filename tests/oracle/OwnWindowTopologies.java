// SPDX-License-Identifier: Apache-2.0

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Suppressed;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.kstream.Windows;
import org.apache.kafka.streams.kstream.internals.TimeWindow;
import org.apache.kafka.streams.state.WindowStore;

/** Aggregates in windows that a subclass of Windows says. */
final class OwnWindowTopologies {
    private OwnWindowTopologies() {}

    static void addTo(Map<String, Consumer<Plan>> all) {
        all.put("own_windows_offset", OwnWindowTopologies::offset);
        all.put("own_windows_gap", OwnWindowTopologies::gap);
        all.put("own_windows_uneven", OwnWindowTopologies::uneven);
        all.put("own_windows_held", OwnWindowTopologies::held);
        all.put("own_windows_cogroup", OwnWindowTopologies::cogroup);
    }

    /** Windows of one's own: one begins every so often from an offset on, of two lengths by turns. */
    private static final class Own extends Windows<TimeWindow> {
        private final long every;
        private final long offset;
        private final long even;
        private final long odd;
        private final long grace;

        Own(long every, long offset, long even, long odd, long grace) {
            this.every = every;
            this.offset = offset;
            this.even = even;
            this.odd = odd;
            this.grace = grace;
        }

        @Override
        public Map<Long, TimeWindow> windowsFor(long timestamp) {
            Map<Long, TimeWindow> windows = new LinkedHashMap<>();
            long first = Math.floorDiv(timestamp - offset - size(), every);
            long last = Math.floorDiv(timestamp - offset, every);
            for (long n = first; n <= last; n++) {
                long start = offset + n * every;
                long end = start + (n % 2 == 0 ? even : odd);
                if (start >= 0 && start <= timestamp && timestamp < end) {
                    windows.put(start, new TimeWindow(start, end));
                }
            }
            return windows;
        }

        @Override
        public long size() {
            return Math.max(even, odd);
        }

        @Override
        public long gracePeriodMs() {
            return grace;
        }
    }

    private static Own own(Plan plan, long every, long offset, long even, long odd) {
        plan.ms("every", every);
        plan.ms("offset", offset);
        plan.ms("even", even);
        plan.ms("odd", odd);
        plan.ms("size", Math.max(even, odd));
        return new Own(every, offset, even, odd, plan.seconds("grace", 0, 5).toMillis());
    }

    private static KTable<Windowed<String>, Long> counts(Plan plan, Own windows) {
        return WindowTopologies.windowed(plan).grouped("a").windowedBy(windows)
                .count(WindowTopologies.counts());
    }

    private static void offset(Plan plan) {
        long size = 1000L * (3 + plan.random.nextInt(4));
        Own windows = own(plan, size, 1 + plan.random.nextInt((int) size - 1), size, size);
        WindowTopologies.sendCounts(counts(plan, windows));
    }

    private static void gap(Plan plan) {
        Own windows = own(plan, 5000, 700, 2500, 2500);
        Plan.send(WindowTopologies.windowed(plan).grouped("a").windowedBy(windows)
                .reduce((all, value) -> all + value,
                        Materialized.<String, String, WindowStore<Bytes, byte[]>>as("st")
                                .withKeySerde(Plan.TEXT).withValueSerde(Plan.TEXT))
                .toStream((key, value) -> Dump.print(key)), "out");
    }

    /** Their keys tell a start only, of which a cache makes an end by the size: none is told. */
    private static void uneven(Plan plan) {
        Own windows = own(plan, 3000, 0, 6000, 1500);
        Plan.send(counts(plan, windows)
                .toStream((key, count) -> key.key() + "@" + key.window().start())
                .mapValues(Plan::print), "out");
    }

    private static void held(Plan plan) {
        Own windows = own(plan, 4000, 300, 3000, 3000);
        Plan.send(counts(plan, windows)
                .suppress(Suppressed.untilWindowCloses(Suppressed.BufferConfig.unbounded()))
                .toStream((key, count) -> Dump.print(key)).mapValues(Plan::print), "out");
    }

    private static void cogroup(Plan plan) {
        CogroupTopologies.send(CogroupTopologies.cogrouped(plan.keeps(Plan.Kind.WINDOW, "st"))
                .windowedBy(own(plan, 3000, 1100, 4000, 4000))
                .aggregate(() -> "", CogroupTopologies.windows()));
    }
}
