#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_kafka_crawl.py - the pipeline on Kafka makes the same tables as on the embedded broker.

A site is crawled on the embedded broker; then on Kafka by one process; by two; by two of which one
is killed (kill -9) in the middle and comes back; and by one that loses its disk with it and goes on
from snapshots in the object store. Each time the index topics must replay to the same rows (but for
what test_crash.py masks), and each URL have one task, one fetch, one page, one score.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import made_site
import test_crash

TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path[:0] = [os.path.join(TESTS, "takeover"), os.path.join(TESTS, "harness")]
import peers  # pylint: disable=wrong-import-position
import verdict  # pylint: disable=wrong-import-position

BROKER = "group.initial.rebalance.delay.ms=0\n"
SESSION_MS = 6000  # The least that a broker allows: who was killed is not waited for longer.
PATIENCE_S = 240
SNAPSHOTS = ["weir.snapshot.put.interval.ms=500", "weir.snapshot.lag.min=1",
             "weir.apply.interval.ms=200"]


class KafkaCrawl:
    """A cluster and the processes that crawl on it."""

    def __init__(self, options, work, name, site):
        self.work = os.path.join(work, name)
        self.weir = options.weir
        self.site = site
        os.mkdir(self.work)
        self.kafka = peers.Kafka(options.kafka_cluster, BROKER)
        self.environment = dict(os.environ, KAFKA_BOOTSTRAP_SERVERS=self.kafka.bootstrap)
        self.processes = []
        self.flags = ["--objects", os.path.join(self.work, "objects")]
        for setting in [f"session.timeout.ms={SESSION_MS}", *(SNAPSHOTS if name == "lost" else [])]:
            self.flags += ["--set", setting]
        self.reader = self.process("reader")
        subprocess.run([self.weir, "topics", "create", "--profile", "local"], check=True,
                       env=self.environment, stdout=subprocess.DEVNULL)

    def process(self, name):
        """One more process, not started; the first has the seeds."""
        crawl = test_crash.Crawl(self.weir, self.work, name, self.site, self.flags)
        crawl.environment = self.environment
        crawl.command.remove("--until-idle")  # One that waits for others is idle, too.
        if self.processes:
            at = crawl.command.index("--seeds")
            del crawl.command[at:at + 2]
        return crawl

    def start(self, count):
        for number in range(count):
            crawl = self.process(f"process-{number}")
            crawl.start()
            self.processes.append(crawl)

    def check_processes(self):
        for crawl in self.processes:
            if crawl.is_over():
                raise peers.Failure(f"a process ended: {crawl.output.name}")

    def has_asked(self, count):
        """Whether the site has seen so many requests, of whomever."""
        self.check_processes()
        return self.site.request_count() >= count

    def is_done(self, calm):
        """All is fetched, and all that was fetched is in the tables."""
        self.check_processes()
        return not test_crash.check_tables(calm, self.reader)

    def wait(self, calm):
        """Waits until the tables are those of the calm crawl; what differs if they never are."""
        end = time.monotonic() + PATIENCE_S
        while not self.is_done(calm):
            if time.monotonic() > end:
                return test_crash.check_tables(calm, self.reader)
            time.sleep(0.5)
        return []

    def stop(self):
        wrong = []
        for crawl in self.processes:
            crawl.process.send_signal(signal.SIGTERM)
        for crawl in self.processes:
            wrong += crawl.finish()
        return wrong

    def close(self):
        for crawl in self.processes:
            if not crawl.is_over():
                crawl.kill()
        self.kafka.close()


def kill_one(crawl, source, first, total):
    """Kills the second process in the middle of the crawl, and starts it again a while later."""
    moment = first + source.randrange(total // 5, total // 2)
    peers.wait_until("the moment of the kill", lambda: crawl.has_asked(moment))
    victim = crawl.processes[1]
    victim.kill()
    print(f"killed at {crawl.site.request_count() - first} of {total} requests", flush=True)
    time.sleep(source.uniform(0, 2 * SESSION_MS / 1000))  # Before and after the group knows it.
    victim.start()


def has_logged(crawl, sentence):
    with open(crawl.output.name, encoding="utf-8") as file:
        return sentence in file.read()


def lose_disk(crawl, first, total):
    """Kills the process in the middle of the crawl; the next one finds an empty disk."""
    victim = crawl.processes[0]
    peers.wait_until("snapshots in the middle of the crawl",
                     lambda: crawl.has_asked(first + total // 2)
                     and has_logged(victim, "put away"))
    victim.kill()
    print(f"lost at {crawl.site.request_count() - first} of {total} requests", flush=True)
    shutil.rmtree(victim.data)
    victim.start()
    peers.wait_until("a loaded snapshot", lambda: has_logged(victim, "has loaded a snapshot"))


def crawl_on_kafka(options, work, site, calm, total, name):
    """One crawl by the processes that name says; what is wrong with it."""
    source = random.Random(f"{options.seed} {name}")
    first = site.request_count()
    crawl = KafkaCrawl(options, work, name, site)
    try:
        began_s = time.monotonic()
        crawl.start(1 if name in ("one", "lost") else 2)
        if name == "killed":
            kill_one(crawl, source, first, total)
        if name == "lost":
            lose_disk(crawl, first, total)
        wrong = crawl.wait(calm)
        took_s = time.monotonic() - began_s
        wrong += crawl.stop()
        wrong += test_crash.check_tables(calm, crawl.reader)
        wrong += test_crash.check_events(calm, crawl.reader)
        print(f"{name}: {site.request_count() - first} requests, {took_s:.1f} s", flush=True)
        return [f"{name}: {sentence}" for sentence in wrong]
    finally:
        crawl.close()


def run(options, work):
    directory = os.path.join(work, "site")
    made_site.make(directory, options.seed, options.pages)
    site = test_crash.Site(options.weir, directory, os.path.join(work, "requests"))
    try:
        calm = test_crash.Crawl(options.weir, work, "calm", site, [])
        calm.start()
        wrong = calm.finish()
        total = site.request_count()
        for name in options.only or ["one", "killed", "lost"]:
            if not wrong:
                wrong += crawl_on_kafka(options, work, site, calm, total, name)
        return wrong
    finally:
        site.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("weir")
    parser.add_argument("kafka_cluster")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--pages", type=int, default=120)
    parser.add_argument("--only", action="append", help="one, two, killed, lost; else all but two")
    options = parser.parse_args()
    return verdict.tell(run, options, "kafka-crawl", lambda: "the same tables")


if __name__ == "__main__":
    sys.exit(main())
