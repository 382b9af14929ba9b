#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_takeover.py - an application changes hands twice, between Kafka Streams and weir, while
records flow; what comes out is what one application would have put out.

Each variant is an application of its own: who begins (and ends), the guarantee, whether Kafka
Streams' record cache is on, whether the table's source topic is its changelog. All of them run at
once, on one broker and in one JVM. Of each must hold, after Java-weir-Java and weir-Java-weir:

  outputs     each key has taken exactly the expected values, in order (a cache may leave some out)
  changelogs  replay to the expected last values and times, in Kafka Streams' formats
  offsets     all input is committed, with the partition times that Kafka Streams would have written
  topics      both made the same internal topics; weir's own are few and named
"""

import argparse
import base64
import os
import random
import struct
import sys
import threading
import time
from typing import NamedTuple

import model
import peers

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "harness"))
import verdict  # pylint: disable=wrong-import-position

RECORDS = 3000  # Of a part; there are three.
FEED_S = 3
BROKER = "group.initial.rebalance.delay.ms=0\n"


class Variant(NamedTuple):
    """How one application changes hands."""

    id: str
    first: str
    guarantee: str
    cache: str
    optimization: str


VARIANTS = [
    Variant("java-eos-cached", "java", "exactly_once_v2", "default", "none"),
    Variant("java-alo", "java", "at_least_once", "0", "all"),
    Variant("weir-eos", "weir", "exactly_once_v2", "0", "all"),
    Variant("weir-alo-cached", "weir", "at_least_once", "default", "none"),
]


class Run:
    """The applications, who holds each, and what was fed."""

    def __init__(self, options, work):
        self.options = options
        self.work = work
        self.kafka = peers.Kafka(options.kafka_cluster, BROKER)
        self.java = None
        self.holders = {}
        self.intruders = {}
        start_ms = int(time.time() * 1000) - 30 * 60 * 1000
        self.feed = model.Feed(options.seed, start_ms)
        self.expected = model.Expected()
        self.ends = {}
        self.began_s = time.monotonic()

    def open(self):
        self.java = peers.Java(os.path.join(HERE, "java"), self.options.libs, self.work,
                               self.kafka.bootstrap)
        topics = [model.topic(name) for name in model.INPUTS]
        topics += [f"{v.id}.{name}" for v in VARIANTS for name in model.OUTPUTS]
        self.java.ask("create", model.PARTITIONS, *topics)

    def close(self):
        for application in [*self.holders.values(), *self.intruders.values()]:
            application.kill()
        if self.java:
            self.java.close()
        self.kafka.close()

    def send(self, records, seconds):
        """Feeds records, spread over so many seconds; returns at once."""
        path = os.path.join(self.work, f"feed-{time.monotonic_ns()}")
        with open(path, "w", encoding="utf-8") as file:
            for record in records:
                cells = ["-" if cell is None else str(cell) for cell in record]
                file.write("\t".join(cells) + "\n")
        self.expected.take(records)
        for topic, partition, *_ in records:
            self.ends[topic, partition] = self.ends.get((topic, partition), 0) + 1
        self.java.ask("feed", path, int(seconds * 1000))

    def say(self, text):
        print(f"{time.monotonic() - self.began_s:5.1f} s  {text}", flush=True)

    def wait_for_feed(self, share):
        peers.wait_until("the feed", lambda: float(self.java.ask("fed")[0]) >= share)

    def take(self, variant, kind):
        """The application is now held by kind."""
        directory = os.path.join(self.work, f"{kind}-{variant.id}")
        self.holders[variant] = self.start(variant, kind, directory)

    def start(self, variant, kind, directory):
        if kind == "java" or self.options.java_only:
            return peers.JavaApplication(self.java, variant, directory)
        return peers.WeirApplication(self.options.takeover_app, self.kafka.bootstrap, variant,
                                     directory)

    def committed(self, variant):
        """How many records of the inputs are committed."""
        offsets = self.java.offsets(variant.id)
        return sum(offset for (topic, _), (offset, *_) in offsets.items() if topic in self.inputs())

    @staticmethod
    def inputs():
        return [model.topic(name) for name in model.INPUTS]

    def switch(self, kind_of):
        """Stops all holders where they are and starts their successors."""
        began = sum(self.ends.values()) - RECORDS
        self.stop()
        for variant in VARIANTS:
            stood = self.committed(variant)
            self.say(f"{variant.id}: {kind_of[variant]} goes on at {stood}, of {began} to "
                     f"{sum(self.ends.values())} records of this part")
            if not began <= stood < sum(self.ends.values()):
                raise peers.Failure(f"{variant.id}: it does not stop half-way")
            if kind_of[variant] == "java":
                self.append_window(variant)
            self.take(variant, kind_of[variant])

    def append_window(self, variant):
        """Makes the offsets' metadata those of a weir application with asynchronous operators,
        which are longer: behind what Kafka Streams reads (version, partition time, no further
        entries) stands a bitmap, here one without bits."""
        for (topic, partition), (offset, _, metadata) in self.java.offsets(variant.id).items():
            if topic == model.topic("clicks"):
                version_and_time = base64.b64decode(metadata)[:9]
                longer = version_and_time + struct.pack(">ibi16x", 0, 0x57, 16)
                self.java.ask("commit", variant.id, topic, partition, offset,
                              base64.b64encode(longer).decode())

    def stop(self):
        """Stops all holders at once, where they are."""
        for holder in self.holders.values():
            holder.request_stop()
        for variant in VARIANTS:
            self.holders[variant].wait_for_stop()
            del self.holders[variant]

    def wait_until_running(self):
        for variant in VARIANTS:
            peers.wait_until(f"{variant.id} runs", self.holders[variant].is_running)

    def wait_until_committed(self):
        for variant in VARIANTS:
            total = sum(self.ends.values())
            peers.wait_until(f"{variant.id} has read all",
                             lambda v=variant, n=total: self.committed(v) >= n)


def other(kind):
    return "weir" if kind == "java" else "java"


def run_parts(run):
    """Three parts; the holders change in the middle of the second and of the third."""
    holders = {variant: variant.first for variant in VARIANTS}
    for variant in VARIANTS:
        run.take(variant, holders[variant])
    for part in range(3):
        run.wait_until_running()
        run.say("all run")
        run.send(run.feed.customers(), 0)
        run.wait_for_feed(1)
        time.sleep(1)  # Both inputs of a join are there: which is first goes by their times.
        run.send(run.feed.part(RECORDS), FEED_S)
        if part > 0:
            run.wait_for_feed(0.5)
            holders = {variant: other(kind) for variant, kind in holders.items()}
            run.switch(holders)
        run.wait_for_feed(1)
        run.wait_until_committed()


def intrude(run):
    """Somebody starts the other side while the one still runs: it is refused, and all goes on."""
    for variant in VARIANTS:
        directory = os.path.join(run.work, f"intruder-{variant.id}")
        run.intruders[variant] = run.start(variant, other(variant.first), directory)
    for variant, intruder in run.intruders.items():
        why = peers.wait_until(f"{variant.id} refuses {other(variant.first)}", intruder.end)
        reasons = ["of another kind", "stop the other one", "InconsistentGroupProtocol"]
        if not any(reason in why for reason in reasons):
            raise peers.Failure(f"{variant.id}: {other(variant.first)} ends, but: {why}")
    run.say("while one side runs the other is refused")
    run.send(run.feed.part(RECORDS // 10), 0)
    run.wait_for_feed(1)
    run.wait_until_committed()


def is_subsequence(found, expected):
    rest = iter(expected)
    return all(any(value == wanted for wanted in rest) for value in found)


def check_output(run, variant, output):
    found = {}
    for _, _, timestamp, key, value in run.java.dump(f"{variant.id}.{output}"):
        found.setdefault(model.read_key(output, key), []).append(
            (model.read_value(output, value), timestamp))
    wrong = []
    for key, expected in run.expected.values[output].items():
        got = found.pop(key, [])
        wanted = expected
        if output == "counts":  # Which speaker was heard first is not known.
            got, wanted = [v for v, _ in got], [v for v, _ in wanted]
        cached = variant.cache != "0" and output != "joined"
        if not (is_subsequence(got, wanted) and got[-1:] == wanted[-1:] if cached
                else got == wanted):
            wrong.append(f"{variant.id}.{output}: {key}: {got}, not {wanted}")
    return wrong + [f"{variant.id}.{output}: {key} is too much" for key in found]


def check_changelog(run, variant, store):
    if store == "customers":
        wanted = dict(run.expected.table)
    else:
        wanted = {key: values[-1] for key, values in run.expected.values[store].items()}
    found = {}
    for _, _, timestamp, key, value in run.java.dump(f"{variant.id}-{store}-changelog"):
        key = model.read_key(store, key, changelog=True)
        found[key] = (model.read_value(store, value), timestamp)
    found = {key: row for key, row in found.items() if row[0] is not None}
    return [f"{variant.id}-{store}-changelog: {key}: {found.get(key)}, not {wanted.get(key)}"
            for key in sorted(wanted.keys() | found.keys(), key=str)
            if found.get(key) != wanted.get(key)]


def check_offsets(run, variant):
    wrong = []
    committed = run.java.offsets(variant.id)
    for place, end in run.ends.items():
        offset, time_ms, metadata = committed.get(place, (None, None, None))
        if offset != end:
            wrong.append(f"{variant.id}: {place}: {offset} is committed, the end is {end}")
        if place[0] == model.topic("clicks"):
            wanted = run.expected.partition_times[place[1]]
            if time_ms != wanted:
                wrong.append(f"{variant.id}: {place}: partition time {time_ms}, not {wanted}: "
                             f"{metadata!r}")
    return wrong


def check_topics(run, variant):
    found = {name for name in run.java.ask("topics") if name.startswith(variant.id + "-")}
    wanted = {f"{variant.id}-{name}" for name in
              ["counts-changelog", "windows-changelog", "sums-changelog", "by-word-repartition"]}
    if variant.optimization == "none":
        wanted.add(f"{variant.id}-customers-changelog")
    ours = {f"{variant.id}-weir-tasks", f"{variant.id}-weir-members"}
    wrong = [f"topic {name} is too much" for name in sorted(found - wanted - ours)]
    return wrong + [f"topic {name} is missing" for name in sorted(wanted - found)]


def check(run):
    wrong = []
    for variant in VARIANTS:
        for output in model.OUTPUTS:
            wrong += check_output(run, variant, output)
        stores = ["counts", "windows", "sums"]
        for store in stores + (["customers"] if variant.optimization == "none" else []):
            wrong += check_changelog(run, variant, store)
        wrong += check_offsets(run, variant) + check_topics(run, variant)
    return wrong


def check_descriptions(run):
    """Both sides describe the same topology: names, stores, topics, numbers."""
    wrong = []
    for variant in VARIANTS:
        java = run.java.ask("describe", variant.id, "-", variant.cache, variant.optimization)
        weir = os.popen(f"{run.options.takeover_app} describe {variant.id} "
                        f"{variant.optimization}").read().rstrip("\n").split("\n")
        if [line for line in java if line] != [line for line in weir if line]:
            wrong.append(f"{variant.id}: Java describes\n" + "\n".join(java) + "\nweir\n" +
                         "\n".join(weir))
    return wrong


def test(options, work):
    run = Run(options, work)
    try:
        run.open()
        wrong = check_descriptions(run)
        run_parts(run)
        if not options.java_only:
            intrude(run)
        run.stop()
        run.say("all have stopped")
        return wrong + check(run)
    finally:
        run.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("takeover_app")
    parser.add_argument("kafka_cluster")
    parser.add_argument("libs", help="the directory of Kafka's jars")
    parser.add_argument("--java-only", action="store_true",
                        help="no weir: is the model what Kafka Streams does?")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    options = parser.parse_args()
    started = time.monotonic()
    return verdict.tell(test, options, "takeover",
                        lambda: f"{len(VARIANTS)} applications changed hands twice, exactly; "
                        f"{time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
