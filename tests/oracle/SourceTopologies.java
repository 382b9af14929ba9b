// SPDX-License-Identifier: Apache-2.0

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.JoinWindows;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.StreamJoined;

/** Where records come from: sources of several topics, by a list or by a pattern. */
final class SourceTopologies {
    private SourceTopologies() {}

    static void addTo(Map<String, Consumer<Plan>> all) {
        all.put("listed_topics", SourceTopologies::listed);
        all.put("listed_join", SourceTopologies::listedJoin);
        all.put("listed_many", SourceTopologies::listedMany);
        all.put("pattern_topics", SourceTopologies::pattern);
    }

    private static KStream<String, String> stream(Plan plan, String... topics) {
        return plan.builder.stream(List.of(topics), Consumed.with(Plan.TEXT, Plan.TEXT));
    }

    /** The second stream is of the same source: the order of a list says nothing. */
    private static void listed(Plan plan) {
        plan.reads("pears", "apples", "b").writes("out", "even").keeps(Plan.Kind.KEY_VALUE, "st")
                .headers();
        Plan.sendCounts(stream(plan, "pears", "apples")
                .groupByKey(Grouped.with(Plan.TEXT, Plan.TEXT)).count(Plan.counts("st")), "out");
        KStream<String, String> again = stream(plan, "apples", "pears")
                .filterNot((key, value) -> value.equals("v3"));
        Plan.send(again.merge(plan.stream("b")), "even");
    }

    private static void listedJoin(Plan plan) {
        plan.reads("a", "b", "c", "d").writes("out");
        Duration within = plan.seconds("within", 1, 5);
        Plan.send(stream(plan, "a", "b").join(stream(plan, "c", "d"), Plan.BOTH,
                JoinWindows.ofTimeDifferenceAndGrace(within, plan.seconds("grace", 0, 5)),
                StreamJoined.with(Plan.TEXT, Plan.TEXT, Plan.TEXT)), "out");
    }

    /** So many that Java's set of them has more room than it needs. */
    private static void listedMany(Plan plan) {
        String[] topics = "ask bid cup dot elm fog gum hat ink jar kin lid".split(" ");
        plan.reads(topics[0], topics[11]).writes("out").keeps(Plan.Kind.KEY_VALUE, "st");
        Plan.sendCounts(stream(plan, topics)
                .groupBy((key, value) -> value, Grouped.with(Plan.TEXT, Plan.TEXT))
                .count(Plan.counts("st")), "out");
    }

    private static void pattern(Plan plan) {
        plan.reads("in-one", "in-two", "b").writes("out").keeps(Plan.Kind.KEY_VALUE, "st");
        KStream<String, String> stream = plan.builder.stream(Pattern.compile("in-[a-z]+"),
                Consumed.with(Plan.TEXT, Plan.TEXT).withName("like"));
        Plan.sendCounts(stream.merge(plan.stream("b"))
                .groupByKey(Grouped.with(Plan.TEXT, Plan.TEXT)).count(Plan.counts("st")), "out");
    }
}
