#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bench_tasks.py - what many tasks cost: one process runs all of them, a second one takes half and
gives it back.

  bench_tasks.py BUILD [--tasks 768] [--set NAME=VALUE]... [--json FILE]

Printed: seconds from the start of the process until all tasks run, its resident memory and threads,
and for both rebalances how long they took and how long each task that moved was down. BUILD has
place_count, fault_records and kafka_cluster.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import test_placement
from test_placement import fault_run

KEYS = 20000
PREFILL = 20000
QUIET_S = 3


class Cluster:
    """One broker, and nothing between it and us."""

    def __init__(self, build):
        command = [os.path.join(build, "tests", "kafka_cluster"), "--nodes", "1", "--properties",
                   "group.initial.rebalance.delay.ms=0\nlog.retention.ms=-1"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        nodes = json.loads(self.process.stdout.readline())["nodes"]
        self.bootstrap = f"127.0.0.1:{nodes[0]['port']}"

    def close(self):
        self.process.stdin.close()
        self.process.wait(fault_run.REPLY_S)


def status_of(process, name):
    """A number of /proc/PID/status."""
    with open(f"/proc/{process.process.pid}/status", encoding="ascii") as file:
        for line in file:
            if line.startswith(name + ":"):
                return int(line.split()[1])
    raise fault_run.Failed(f"no {name} in the status of {process.name}")


def cpu_s(process):
    with open(f"/proc/{process.process.pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def describe(ms):
    ms = sorted(ms) or [0]
    return {"tasks": len(ms), "median_ms": statistics.median(ms), "longest_ms": ms[-1]}


class Bench:
    def __init__(self, run, scene, tasks):
        self.run = run
        self.scene = scene
        self.tasks = tasks
        self.figures = {"tasks": tasks}

    def note(self, name, figure):
        self.figures[name] = figure
        self.run.log(f"{name}: {figure}")

    def wait(self, what, condition):
        """How long it took, in seconds."""
        began = time.monotonic()
        self.scene.wait(what, condition)
        return round(time.monotonic() - began, 2)

    def is_quiet(self, process):
        """Its stores do not grow any more."""
        rows = process.ask_number("rows")
        time.sleep(QUIET_S)
        return rows > 0 and process.ask_number("rows") == rows

    def move(self, what, act):
        """A rebalance: from act until all tasks run where they belong."""
        before, since_ms = self.scene.owners(), test_placement.now_ms()
        cpu = {process: cpu_s(process) for process in self.scene.alive()}
        act()
        self.wait(what, self.scene.is_balanced)
        took_ms = max(at for process in self.scene.all for at, _, state in process.events
                      if state == "running") - since_ms
        time.sleep(QUIET_S)
        self.scene.wait(what, self.scene.is_balanced)
        after, downs = self.scene.owners(), self.scene.stops(since_ms)
        moved = [max(downs.get(task, [0])) for task in after if after[task] != before[task]]
        stayed = [max(downs.get(task, [0])) for task in after if after[task] == before[task]]
        spent = sum(cpu_s(process) - cpu.get(process, 0) for process in self.scene.alive())
        self.note(what, {"took_ms": took_ms, "moved": describe(moved),
                         "stayed": describe(stayed), "cpu_s": round(spent, 2)})

    def perform(self):
        if self.run.records("topics", self.tasks, 1)[0] != 0:
            raise fault_run.Failed("no topics")
        prefill = fault_run.Feeder(self.run, PREFILL, KEYS, 1)
        self.wait("the prefill", prefill.is_done)
        first = self.scene.start("a")
        self.note("first start, s", self.wait("it runs", self.scene.is_balanced))
        self.wait("the prefill is read", lambda: self.is_quiet(first))
        resident_mb = status_of(first, "VmRSS") / 1024
        self.note("resident, MB a task", round(resident_mb / self.tasks, 3))
        self.note("threads", status_of(first, "Threads"))
        busy = cpu_s(first)
        time.sleep(QUIET_S)
        self.note("idle, CPU-s a s", round((cpu_s(first) - busy) / QUIET_S, 3))
        second = []
        self.move("1 to 2", lambda: second.append(self.scene.start("b")))
        second[0].died_ms = 0  # It may end now.
        self.move("2 to 1", second[0].close)
        first.died_ms = 0
        first.close()
        self.scene.all.remove(first)
        self.scene.start("a")
        self.note("restart, s", self.wait("it runs again", self.scene.is_balanced))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", help="the build directory")
    parser.add_argument("--tasks", type=int, default=768)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--json", help="a file for what was measured")
    arguments = parser.parse_args()
    test_placement.PARTITIONS = arguments.tasks
    work = tempfile.mkdtemp(prefix="weir-tasks-")
    settings = {"application.id": test_placement.APPLICATION, "session.timeout.ms": "6000",
                "num.stream.threads": "2", "replication.factor": "1"}
    settings.update(setting.split("=", 1) for setting in arguments.set)
    run = fault_run.Run(arguments.build, work, 1, settings)
    scene = test_placement.Scene(run)
    run.cluster = Cluster(arguments.build)
    bench = Bench(run, scene, arguments.tasks)
    try:
        bench.perform()
    except fault_run.Failed as failure:
        run.log(f"FAILED: {failure}; see {work}")
        return 1
    finally:
        for process in scene.alive():
            process.died_ms = 0
            process.kill()
        run.cluster.close()
    if arguments.json:
        with open(arguments.json, "w", encoding="ascii") as file:
            json.dump(bench.figures, file, indent=2)
    shutil.rmtree(work, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
