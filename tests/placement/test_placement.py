#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_placement.py - an application on real Kafka grows from two processes to four and shrinks to
two again while records flow, then loses one by kill -9.

What must hold, by the order of events and not by time:

  - no task is run by two processes at a time (but by one that is dead);
  - a task that does not move is never stopped;
  - a task that moves is run by its former process until the new one is warm: nobody restores what
    somebody else has (fewer records restored than there are in the changelogs);
  - with a standby, a killed process's tasks go on without a restore from the beginning;
  - the output is exact.

How long each task was down is printed, and with --json written to a file.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "faults"))
import fault_run  # noqa: E402  (it lies beside us, in another folder)

APPLICATION = "placed"
PARTITIONS = 8
KEYS = 100000
PREFILL = 400000
RATE = 2000  # Records a second while it grows and shrinks.
WAIT_S = int(os.environ.get("WEIR_WAIT_S", "180"))


class Process(fault_run.Counter):
    """One process of place_count, and what its tasks did."""

    def __init__(self, run, name):
        super().__init__(run, name)
        self.events = []  # (ms, task, state)
        self.states = {}
        self.answers = fault_run.queue.Queue()
        self.died_ms = None

    def start(self):
        settings = [f"{key}={value}" for key, value in self.run.settings.items()]
        with open(self.log_path, "ab") as log:
            self.process = fault_run.subprocess.Popen(
                [self.run.program("place_count"), self.run.cluster.bootstrap, self.state_dir,
                 self.name, *settings],
                stdin=fault_run.subprocess.PIPE, stdout=fault_run.subprocess.PIPE, stderr=log,
                text=True)
        threading.Thread(target=self.read, args=(self.process.stdout,), daemon=True).start()

    def read(self, stream):
        for line in stream:
            words = line.split()
            if len(words) == 4 and words[1] == "task":
                self.events.append((int(words[0]), words[2], words[3]))
                self.states[words[2]] = words[3]
            elif len(words) == 3 and words[1] == "state":
                self.state = words[2]
            else:
                self.answers.put(line.strip())

    def ask_number(self, question):
        self.tell(question)
        return int(self.answers.get(timeout=fault_run.REPLY_S).split()[1])

    def running(self):
        return {task for task, state in self.states.items() if state == "running"}

    def follow(self):
        """Its thread reads what it prints."""

    def kill(self):
        self.died_ms = time.monotonic_ns() // 1000000
        super().kill()

    def spans(self):
        """(from, to, task) of all that it ran; to is None while it runs."""
        since = {}
        spans = []
        for at, task, state in self.events:
            if state == "running" and task not in since:
                since[task] = at
            elif state != "running" and task in since:
                spans.append((since.pop(task), at, task))
        spans += [(at, self.died_ms, task) for task, at in since.items()]
        return spans


class Scene:
    """The processes, and what was seen of them."""

    def __init__(self, run):
        self.run = run
        self.all = []
        self.figures = {}

    def start(self, name):
        process = Process(self.run, name)
        self.all.append(process)
        process.start()
        return process

    def alive(self):
        return [process for process in self.all if process.is_alive()]

    def is_balanced(self):
        """Each task runs once, and all have their share."""
        shares = [process.running() for process in self.alive()]
        tasks = [task for share in shares for task in share]
        least = PARTITIONS // len(shares)
        return (len(tasks) == PARTITIONS and len(set(tasks)) == PARTITIONS and
                all(len(share) >= least for share in shares) and
                all(process.state == "RUNNING" for process in self.alive()))

    def wait(self, what, condition):
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until:
            if condition():
                return
            for process in self.all:
                if not process.is_alive() and process.died_ms is None:
                    raise fault_run.Failed(f"{process.name} has ended: see {process.log_path}")
            time.sleep(0.05)
        states = {process.name: process.states for process in self.alive()}
        raise fault_run.Failed(f"{what}: not after {WAIT_S} s: {states}")

    def settle(self, what):
        """Waits until it is balanced, and stays so for a moment."""
        self.wait(what, self.is_balanced)
        time.sleep(2)
        self.wait(what, self.is_balanced)
        self.run.log(f"{what}: " + ", ".join(
            f"{process.name} runs {len(process.running())}" for process in self.alive()))

    def owners(self):
        return {task: process.name for process in self.alive() for task in process.running()}

    def stops(self, since_ms):
        """By task, how long it was down at a time, from a moment on."""
        spans = {}
        for process in self.all:
            for begin, end, task in process.spans():
                spans.setdefault(task, []).append((begin, end, process.name))
        downs = {}
        for task, of_task in spans.items():
            of_task.sort()
            for (_, end, one), (begin, _, other) in zip(of_task, of_task[1:]):
                if end is None or (end > begin and one != other):
                    raise fault_run.Failed(f"{one} and {other} ran task {task} at a time")
                if begin >= since_ms:
                    downs.setdefault(task, []).append(begin - end)
        return downs

    def judge(self, what, before, since_ms):
        """Tasks that stayed never stopped; how long the others were down."""
        after = self.owners()
        downs = self.stops(since_ms)
        moved = [task for task in after if after[task] != before[task]]
        for task in after:
            if task not in moved and downs.get(task):
                raise fault_run.Failed(f"{what}: task {task} did not move and was down for "
                                       f"{downs[task]} ms")
        longest = sorted(max(downs.get(task, [0])) for task in moved)
        self.run.log(f"{what}: {len(moved)} tasks moved, the longest stop of each in ms: {longest}")
        self.figures[what] = longest


def now_ms():
    return time.monotonic_ns() // 1000000


def scale(scene):
    """2 -> 4 -> 2."""
    before, since_ms = scene.owners(), now_ms()
    joined = [scene.start("c"), scene.start("d")]
    scene.settle("grown to four")
    scene.judge("2 to 4", before, since_ms)
    for process in joined:
        restored = process.ask_number("restored")
        scene.run.log(f"{process.name} restored {restored} records while it ran tasks")
        if restored > PREFILL // PARTITIONS // 2:
            raise fault_run.Failed(f"{process.name} ran tasks that it had to restore: {restored}")
    before, since_ms = scene.owners(), now_ms()
    for process in joined:
        process.died_ms = 0  # It may end now.
        process.close()
    scene.settle("shrunk to two")
    scene.judge("4 to 2", before, since_ms)


def fail_over(scene):
    """kill -9 of one of three, with standbys."""
    scene.start("e")
    scene.settle("three again")
    time.sleep(3)
    victim = scene.alive()[0]
    before, since_ms = scene.owners(), now_ms()
    restored = {process.name: process.ask_number("restored") for process in scene.alive()[1:]}
    victim.kill()
    scene.settle("one killed")
    scene.judge("kill -9", before, since_ms)
    for process in scene.alive():
        more = process.ask_number("restored") - restored[process.name]
        scene.run.log(f"{process.name} restored {more} records for it")
        if more > PREFILL // PARTITIONS // 2:
            raise fault_run.Failed(f"{process.name} restored {more} records from the beginning")


def perform(run, scene):
    run.cluster = fault_run.Cluster(run.build, 1, run.properties)
    run.log("the broker runs")
    if run.records("topics", PARTITIONS, 1)[0] != 0:
        raise fault_run.Failed("no topics")
    prefill = fault_run.Feeder(run, PREFILL, KEYS, 1)
    scene.start("a")
    scene.start("b")
    scene.wait("the prefill", prefill.is_done)
    scene.settle("two at work")
    scene.wait("the prefill is read", lambda: run.lag() == 0)
    feeder = fault_run.Feeder(run, RATE * 600, KEYS, 600)
    scale(scene)
    fail_over(scene)
    feeder.records = feeder.sent
    scene.wait("the end of the feeder", feeder.is_done)
    scene.wait("all is read", lambda: run.lag() == 0)
    counts = os.path.join(run.work, "counts")
    code, output = run.records("check", "exact", APPLICATION, KEYS, counts)
    if code != 0:
        raise fault_run.Failed("the output is not exact: " + output[-500:])
    run.log("the output is exact")
    for process in scene.alive():
        process.died_ms = 0
        process.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", help="the build directory")
    parser.add_argument("--json", help="a file for what was measured")
    arguments = parser.parse_args()
    work = tempfile.mkdtemp(prefix="weir-placement-")
    run = fault_run.Run(arguments.build, work, 1, {
        "application.id": APPLICATION,
        "processing.guarantee": "exactly_once_v2",
        "session.timeout.ms": "6000",
        "num.standby.replicas": "1",
        "acceptable.recovery.lag": "5000",
        "num.stream.threads": "2",
        "replication.factor": "1",
    })
    # The feeder writes as in 1970: nothing of it may be deleted for its age.
    run.properties = "group.initial.rebalance.delay.ms=0\nlog.retention.ms=-1"
    scene = Scene(run)
    try:
        perform(run, scene)
    except fault_run.Failed as failure:
        run.log(f"FAILED: {failure}; see {work}")
        return 1
    finally:
        for process in scene.alive():
            process.died_ms = 0
            process.kill()
        if run.cluster is not None:
            run.cluster.close()
    if arguments.json:
        with open(arguments.json, "w", encoding="ascii") as file:
            json.dump(scene.figures, file)
    shutil.rmtree(work, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
