// SPDX-License-Identifier: Apache-2.0

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Joined;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.Repartitioned;
import org.apache.kafka.streams.processor.RecordContext;
import org.apache.kafka.streams.processor.StreamPartitioner;
import org.apache.kafka.streams.processor.TopicNameExtractor;

/** Where records go: topics that a function names, partitions that one chooses; and their headers. */
final class SinkTopologies {
    private SinkTopologies() {}

    static void addTo(Map<String, Consumer<Plan>> all) {
        all.put("dynamic_sink", SinkTopologies::dynamic);
        all.put("dynamic_sink_of_counts", SinkTopologies::dynamicOfCounts);
        all.put("own_partitioner", SinkTopologies::ownPartitioner);
        all.put("headers", SinkTopologies::headers);
    }

    /** By the last letter of the value, which is a digit. */
    private static final class ByLastDigit implements TopicNameExtractor<String, String> {
        @Override
        public String extract(String key, String value, RecordContext context) {
            int digit = value.charAt(value.length() - 1) - '0';
            return digit % 3 == 0 ? "out" : digit % 3 == 1 ? "even" : "odd";
        }

        @Override
        public String toString() {
            return "a function";
        }
    }

    /** The last letter of the key says it. */
    private static final class ByKey implements StreamPartitioner<String, String> {
        @Override
        public Optional<Set<Integer>> partitions(String topic, String key, String value, int count) {
            return Optional.of(Set.of(key.charAt(key.length() - 1) % count));
        }
    }

    private static void dynamic(Plan plan) {
        plan.reads("a", "b").writes("out", "even", "odd").headers();
        plan.stream("a").merge(plan.stream("b"))
                .to(new ByLastDigit(), Produced.with(Plan.TEXT, Plan.TEXT).withName("anywhere"));
    }

    private static void dynamicOfCounts(Plan plan) {
        plan.reads("a").writes("out", "even", "odd").keeps(Plan.Kind.KEY_VALUE, "st");
        plan.grouped("a").count(Plan.counts("st")).toStream().mapValues(Plan::print)
                .to(new ByLastDigit(), Produced.with(Plan.TEXT, Plan.TEXT)
                        .withStreamPartitioner(new ByKey()));
    }

    private static void ownPartitioner(Plan plan) {
        plan.reads("a").writes("out").keeps(Plan.Kind.KEY_VALUE, "st").headers();
        KStream<String, String> stream = plan.stream("a").selectKey((key, value) -> value)
                .repartition(Repartitioned.with(Plan.TEXT, Plan.TEXT).withName("by-value")
                        .withStreamPartitioner(new ByKey()));
        stream.groupByKey(Grouped.with(Plan.TEXT, Plan.TEXT)).count(Plan.counts("st")).toStream()
                .mapValues(Plan::print).to("out",
                        Produced.with(Plan.TEXT, Plan.TEXT).withStreamPartitioner(new ByKey()));
    }

    /** They stay with their record whatever becomes of it. */
    private static void headers(Plan plan) {
        plan.reads("a", "b").writes("out").keeps(Plan.Kind.KEY_VALUE, "tb").headers();
        KStream<String, String> stream = plan.stream("a")
                .filterNot((key, value) -> value.equals("v3"))
                .mapValues(value -> value + "!")
                .flatMapValues(value ->
                        value.startsWith("v1") ? List.of(value, value + value) : List.of(value))
                .selectKey((key, value) -> Plan.keyOf(value));
        Plan.send(stream.leftJoin(plan.table("b", "tb"), Plan.BOTH,
                Joined.with(Plan.TEXT, Plan.TEXT, Plan.TEXT)), "out");
    }
}
