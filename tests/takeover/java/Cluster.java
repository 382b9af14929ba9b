// SPDX-License-Identifier: Apache-2.0

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.RemoveMembersFromConsumerGroupOptions;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.processor.internals.TopicPartitionMetadata;
import org.apache.kafka.tools.StreamsResetter;

/** What the test asks of the cluster, by Kafka's own clients. */
final class Cluster {
    private static final Duration POLL = Duration.ofMillis(200);
    private static final String NULL = "-";

    private final String broker;
    private final PrintStream out;
    private final Admin admin;
    private final KafkaProducer<byte[], byte[]> producer;
    private volatile int fed;
    private volatile int toFeed;

    Cluster(String broker, PrintStream out) {
        this.broker = broker;
        this.out = out;
        this.admin = Admin.create(clientSettings());
        Properties settings = clientSettings();
        settings.put("acks", "all");
        this.producer =
                new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
    }

    private Properties clientSettings() {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", broker);
        return settings;
    }

    void run(String[] words) throws Exception {
        switch (words[0]) {
            case "create":
                create(Integer.parseInt(words[1]), List.of(words).subList(2, words.length));
                break;
            case "feed":
                feed(Files.readAllLines(Path.of(words[1])), Integer.parseInt(words[2]));
                break;
            case "fed":
                out.println(fed / (double) toFeed);
                break;
            case "dump":
                dump(words[1]);
                break;
            case "topics":
                topics();
                break;
            case "offsets":
                offsets(words[1]);
                break;
            case "commit":
                commit(words);
                break;
            case "members":
                out.println(
                        admin.describeConsumerGroups(List.of(words[1]))
                                .describedGroups()
                                .get(words[1])
                                .get()
                                .members()
                                .size());
                break;
            case "leave":
                admin.removeMembersFromConsumerGroup(
                                words[1], new RemoveMembersFromConsumerGroupOptions())
                        .all()
                        .get();
                break;
            case "reset":
                reset(words);
                break;
            default:
                throw new IllegalArgumentException("unknown command " + words[0]);
        }
    }

    /** create PARTITIONS TOPIC… */
    private void create(int partitions, List<String> names) throws Exception {
        List<NewTopic> topics = new ArrayList<>();
        for (String name : names) {
            topics.add(new NewTopic(name, Optional.of(partitions), Optional.of((short) 1)));
        }
        admin.createTopics(topics).all().get();
    }

    /** Begins to send lines, spread over so many milliseconds; "fed" tells the share that is sent. */
    private void feed(List<String> lines, int milliseconds) {
        fed = 0;
        toFeed = lines.size();
        new Thread(() -> sendAll(lines, milliseconds)).start();
    }

    private void sendAll(List<String> lines, int milliseconds) {
        long start = System.nanoTime();
        for (int i = 0; i < lines.size(); i++) {
            long due = start + milliseconds * 1_000_000L * i / lines.size();
            while (System.nanoTime() < due) {
                LockSupport.parkNanos(due - System.nanoTime());
            }
            send(lines.get(i).split("\t"));
            if (i + 1 == lines.size()) {
                producer.flush();
            }
            fed = i + 1;
        }
    }

    /** Topic, partition, timestamp, key and value (null: -). */
    private void send(String[] cells) {
        byte[] value = cells[4].equals(NULL) ? null : cells[4].getBytes(StandardCharsets.UTF_8);
        producer.send(
                new ProducerRecord<>(
                        cells[0],
                        Integer.valueOf(cells[1]),
                        Long.valueOf(cells[2]),
                        cells[3].getBytes(StandardCharsets.UTF_8),
                        value));
    }

    /** All committed records: partition, offset, timestamp, key and value in hex. */
    private void dump(String topic) {
        Properties settings = clientSettings();
        settings.put("isolation.level", "read_committed");
        settings.put("fetch.max.wait.ms", 10); // The end of a topic is soon seen.
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(
                        settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            List<TopicPartition> partitions = new ArrayList<>();
            for (PartitionInfo info : consumer.partitionsFor(topic)) {
                partitions.add(new TopicPartition(topic, info.partition()));
            }
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            while (!partitions.stream().allMatch(p -> consumer.position(p) >= ends.get(p))) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
                    print(record);
                }
            }
        }
    }

    private void print(ConsumerRecord<byte[], byte[]> record) {
        out.println(
                record.partition()
                        + " "
                        + record.offset()
                        + " "
                        + record.timestamp()
                        + " "
                        + hex(record.key())
                        + " "
                        + hex(record.value()));
    }

    private static String hex(byte[] bytes) {
        return bytes == null ? NULL : "0x" + HexFormat.of().formatHex(bytes);
    }

    /** Each topic's name, partitions and clean-up policy. */
    private void topics() throws Exception {
        for (String name : admin.listTopics().names().get()) {
            out.println(name);
        }
    }

    /** What a group has committed: topic, partition, offset, partition time as Java reads it. */
    private void offsets(String group) throws Exception {
        Map<TopicPartition, OffsetAndMetadata> committed =
                admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
        Map<String, String> lines = new TreeMap<>();
        committed.forEach(
                (partition, offset) ->
                        lines.put(
                                partition.topic() + " " + partition.partition(),
                                offset.offset()
                                        + " "
                                        + TopicPartitionMetadata.decode(offset.metadata())
                                                .partitionTime()
                                        + " "
                                        + offset.metadata()));
        lines.forEach((partition, offset) -> out.println(partition + " " + offset));
    }

    /** commit GROUP TOPIC PARTITION OFFSET METADATA */
    private void commit(String[] words) throws Exception {
        TopicPartition partition = new TopicPartition(words[2], Integer.parseInt(words[3]));
        OffsetAndMetadata offset = new OffsetAndMetadata(Long.parseLong(words[4]), words[5]);
        admin.alterConsumerGroupOffsets(words[1], Map.of(partition, offset)).all().get();
    }

    /** reset ID ARGUMENT…: Kafka's reset tool. */
    private void reset(String[] words) {
        List<String> arguments = new ArrayList<>();
        arguments.addAll(List.of("--bootstrap-server", broker, "--application-id", words[1]));
        arguments.addAll(List.of(words).subList(2, words.length));
        PrintStream before = System.out;
        System.setOut(out);
        int code = new StreamsResetter().execute(arguments.toArray(new String[0]));
        System.setOut(before);
        out.println("exit code " + code);
    }
}
