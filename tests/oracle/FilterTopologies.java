// SPDX-License-Identifier: Apache-2.0

import java.time.Duration;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.JoinWindows;
import org.apache.kafka.streams.kstream.KGroupedStream;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.SessionWindows;
import org.apache.kafka.streams.kstream.SlidingWindows;
import org.apache.kafka.streams.kstream.StreamJoined;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.state.WindowStore;

/** Filters in front of windows: each operator sees a stream time of its own. */
final class FilterTopologies {
    private FilterTopologies() {}

    static void addTo(Map<String, Consumer<Plan>> all) {
        all.put("filtered_windows", FilterTopologies::windows);
        all.put("filtered_sessions", FilterTopologies::sessions);
        all.put("filtered_join", FilterTopologies::join);
    }

    private static KStream<String, String> upTo(KStream<String, String> stream, char digit) {
        return stream.filter((key, value) -> value.charAt(1) <= digit);
    }

    private static KGroupedStream<String, String> grouped(KStream<String, String> stream) {
        return stream.groupByKey(Grouped.with(Plan.TEXT, Plan.TEXT));
    }

    private static void windows(Plan plan) {
        KStream<String, String> a = plan.reads("a").writes("out", "slid")
                .keeps(Plan.Kind.WINDOW, "st").stream("a");
        Duration size = plan.seconds("size", 2, 6);
        Duration grace = plan.seconds("grace", 0, 4);
        WindowTopologies.sendCounts(grouped(upTo(a, '5'))
                .windowedBy(TimeWindows.ofSizeAndGrace(size, grace))
                .count(WindowTopologies.counts()));
        Plan.send(grouped(upTo(a, '1')).windowedBy(SlidingWindows.ofTimeDifferenceAndGrace(
                size, grace))
                .count(Materialized.<String, Long, WindowStore<Bytes, byte[]>>as("sl")
                        .withKeySerde(Plan.TEXT).withValueSerde(Plan.NUMBER))
                .toStream((key, count) -> Dump.print(key)).mapValues(Plan::print), "slid");
    }

    private static void sessions(Plan plan) {
        KStream<String, String> a = plan.reads("a").writes("out")
                .keeps(Plan.Kind.SESSION, "st").stream("a");
        WindowTopologies.sendCounts(grouped(upTo(a, '3')).windowedBy(
                SessionWindows.ofInactivityGapAndGrace(
                        plan.seconds("gap", 1, 4), plan.seconds("grace", 0, 5)))
                .count(WindowTopologies.sessions()));
    }

    private static void join(Plan plan) {
        plan.reads("a", "b").writes("out");
        JoinWindows windows = JoinWindows.ofTimeDifferenceAndGrace(
                plan.seconds("difference", 1, 4), plan.seconds("grace", 0, 4));
        Plan.send(upTo(plan.stream("a"), '2').outerJoin(upTo(plan.stream("b"), '6'), Plan.BOTH,
                windows, StreamJoined.with(Plan.TEXT, Plan.TEXT, Plan.TEXT)), "out");
    }
}
