// SPDX-License-Identifier: Apache-2.0

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.kstream.Branched;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KGroupedTable;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Named;

/** The topologies by name; tests/conformance/specs*.c are their twins. Streams and aggregates. */
final class Topologies {
    private Topologies() {}

    static Map<String, Consumer<Plan>> all() {
        Map<String, Consumer<Plan>> all = new LinkedHashMap<>();
        all.put("stateless_chain", Topologies::statelessChain);
        all.put("merge_map", Topologies::mergeMap);
        all.put("count", Topologies::count);
        all.put("reduce_concat", Topologies::reduceConcat);
        all.put("aggregate_null_result", Topologies::aggregateNullResult);
        all.put("group_by_new_key", Topologies::groupByNewKey);
        all.put("table_filter_map", Topologies::tableFilterMap);
        all.put("table_group_count", Topologies::tableGroupCount);
        all.put("table_group_aggregate", Topologies::tableGroupAggregate);
        WindowTopologies.addTo(all);
        OwnWindowTopologies.addTo(all);
        EmitTopologies.addTo(all);
        JoinTopologies.addTo(all);
        CogroupTopologies.addTo(all);
        ProcessorTopologies.addTo(all);
        SuppressTopologies.addTo(all);
        SinkTopologies.addTo(all);
        SourceTopologies.addTo(all);
        FilterTopologies.addTo(all);
        TransformTopologies.addTo(all);
        VersionedTopologies.addTo(all);
        GlobalTopologies.addTo(all);
        LruTopologies.addTo(all);
        return all;
    }

    private static void statelessChain(Plan plan) {
        plan.reads("a").writes("out", "even", "odd");
        plan.needsKeys = true;
        KStream<String, String> stream = plan.stream("a")
                .filter((key, value) -> value != null && !value.equals("v3"))
                .mapValues(value -> value + "!")
                .flatMapValues(value ->
                        value.startsWith("v1") ? List.of(value, value + value) : List.of(value))
                .selectKey((key, value) -> key + value.length());
        Plan.send(stream, "out");
        Map<String, KStream<String, String>> branches = stream.split(Named.as("b-"))
                .branch((key, value) -> value.charAt(1) % 2 == 0, Branched.as("even"))
                .defaultBranch(Branched.as("odd"));
        Plan.send(branches.get("b-even"), "even");
        Plan.send(branches.get("b-odd"), "odd");
    }

    private static void mergeMap(Plan plan) {
        plan.reads("a", "b").writes("out");
        KStream<String, String> swapped =
                plan.stream("a").map((key, value) -> KeyValue.pair(value, key));
        Plan.send(swapped.merge(plan.stream("b").filterNot((key, value) -> "v0".equals(value))),
                "out");
    }

    private static void count(Plan plan) {
        plan.reads("a").writes("out").keeps(Plan.Kind.KEY_VALUE, "st").tombstones();
        Plan.sendCounts(plan.grouped("a").count(Plan.counts("st")), "out");
    }

    private static void reduceConcat(Plan plan) {
        plan.reads("a").writes("out").keeps(Plan.Kind.KEY_VALUE, "st").tombstones();
        Plan.send(plan.grouped("a").reduce((all, value) ->
                all.length() > 12 ? value : all + value, Plan.texts("st")), "out");
    }

    private static void aggregateNullResult(Plan plan) {
        plan.reads("a").writes("out").keeps(Plan.Kind.KEY_VALUE, "st");
        Plan.send(plan.grouped("a").aggregate(() -> "", (key, value, all) ->
                "v7".equals(value) ? null : (all == null ? "" : all) + value.substring(1),
                Plan.texts("st")), "out");
    }

    private static void groupByNewKey(Plan plan) {
        plan.reads("a").writes("out").keeps(Plan.Kind.KEY_VALUE, "st");
        Plan.sendCounts(plan.stream("a")
                .groupBy((key, value) -> value, Grouped.with(Plan.TEXT, Plan.TEXT))
                .count(Plan.counts("st")), "out");
    }

    private static void tableFilterMap(Plan plan) {
        plan.reads("a").writes("out").keeps(Plan.Kind.KEY_VALUE, "st", "flt").tombstones();
        Plan.send(plan.table("a", "st")
                .filter((key, value) -> !value.equals("v2") && !value.equals("v5"),
                        Plan.texts("flt"))
                .mapValues(value -> value + "?"), "out");
    }

    private static KGroupedTable<String, String> groupedByValue(Plan plan) {
        plan.reads("a").writes("out").keeps(Plan.Kind.KEY_VALUE, "st").tombstones();
        return plan.table("a").groupBy((key, value) -> KeyValue.pair(value, key),
                Grouped.with(Plan.TEXT, Plan.TEXT));
    }

    private static void tableGroupCount(Plan plan) {
        Plan.sendCounts(groupedByValue(plan).count(Plan.counts("st")), "out");
    }

    private static void tableGroupAggregate(Plan plan) {
        Plan.send(groupedByValue(plan).aggregate(() -> "", (key, value, all) -> all + "+" + value,
                (key, value, all) -> all + "-" + value, Plan.texts("st")), "out");
    }
}
