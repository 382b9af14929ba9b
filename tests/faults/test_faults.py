#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_faults.py - two processes count records by key on real Kafka while faults happen.

Of every run must hold, at its end and without a hand in between:

  exactly once    the committed output has for each key 1, 2, … n, each once and in order, n the
                  number of its inputs; the changelog and the stores end with n
  at least once   output, changelog and stores end with n or more

Faults come from the seed; which of them meets which moment of the processes does not, so a seed
that fails is repeated a few times. Each is logged with its time; the logs of the processes stay in
the work directory of a run that fails.

  kill      kill -9 of a process, started again after a moment
  stop      SIGSTOP until its session and its transaction are over, and SIGCONT
  close     a clean close, started again after a moment
  disk      writes to its files fail: no space, read-only or I/O error
  restart   a broker ends in order and comes back
  broker    a broker is killed and comes back (with three of them: leaders move)
  freeze    a broker halts for a while, as a long garbage collection makes it
  cut       every connection to a broker is reset
  stall     connections to a broker stay open, and nothing comes through
  doubt     a commit reaches its broker, and the connection is cut before the answer comes; those
            that are tried again as well
"""

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time

import fault_run

APPLICATION = "faulty"
PARTITIONS = 4
SESSION_MS = 6000
ERRNOS = {"no space": 28, "read-only": 30, "I/O error": 5}
IDLE_S = 240  # From the last fault until all is processed, at most.
DOUBT_MAX_S = 20  # The longest wait for a commit whose answer is lost.
CLOSE_MAX_S = 120  # A process closes that has all its brokers, or is lost.


def at_once(call, *arguments):
    """What ends a fault with one call."""
    def end(_):
        call(*arguments)
        return True
    return end


class Torment:
    """Begins faults from the seed and ends them when their time is over."""

    def __init__(self, run, counters, kinds):
        self.run = run
        self.counters = counters
        self.random = random.Random(run.seed)
        self.kinds = kinds
        self.ends = []  # (time, target, text, what ends it)
        self.count = {}

    def busy(self):
        return {target for _, target, _, _ in self.ends}

    def targets(self, kind):
        if kind in ("kill", "stop", "close", "disk"):
            targets = [c for c in self.counters if c.is_alive()]
        else:
            targets = list(range(1, self.run.cluster.nodes + 1))
            if any(isinstance(target, int) for target in self.busy()):
                targets = []  # One broker at a time: two of three would be no fault but the end.
        return [target for target in targets if target not in self.busy()]

    def begin(self):
        """Begins one fault, if there is one to begin."""
        kind = self.random.choice(self.kinds)
        targets = self.targets(kind)
        choice = self.random.random()
        seconds = self.random.random()
        if not targets:
            return
        target = targets[int(choice * len(targets))]
        name = target.name if isinstance(target, fault_run.Counter) else f"broker {target}"
        self.count[kind] = self.count.get(kind, 0) + 1
        number = sum(self.count.values())
        end, last_s = getattr(self, kind)(target, seconds)
        self.run.log(f"fault {number:2d}: {kind} of {name} for {last_s:.1f} s")
        self.ends.append((time.monotonic() + last_s, target, f"end of {kind} of {name}", end))

    def end_due(self):
        """Ends what is due. Nobody is waited for: who closes may need a broker that halts."""
        for entry in list(self.ends):
            due, _, text, end = entry
            if due <= time.monotonic() and end(time.monotonic() - due):
                self.ends.remove(entry)
                self.run.log(text)

    def end_all(self):
        while self.ends:
            self.end_due()
            time.sleep(0.05)

    # Each answers what ends the fault, and after how many seconds; part is from 0 to 1. What ends
    # it is told for how long it has been due, and answers whether it is over.

    def kill(self, counter, part):
        counter.kill()
        return at_once(counter.start), 2 * part

    def stop(self, counter, part):
        counter.signal(signal.SIGSTOP)
        return at_once(counter.signal, signal.SIGCONT), SESSION_MS / 1000 + 2 + 8 * part

    def close(self, counter, part):
        counter.tell("close")
        return lambda late_s: self.start_after_close(counter, late_s), 1 + 3 * part

    def start_after_close(self, counter, late_s):
        if counter.is_alive() and late_s < CLOSE_MAX_S:
            return False
        counter.close()
        counter.start()
        return True

    def disk(self, counter, part):
        name = list(ERRNOS)[int(part * 997) % len(ERRNOS)]
        counter.tell(f"disk {ERRNOS[name]}")
        self.run.log(f"          {counter.name}: {name}")
        return at_once(counter.tell, "disk 0"), 2 + 8 * part

    def restart(self, node, part):
        self.run.cluster.tell("stop", node)
        return at_once(self.run.cluster.tell, "start", node), 3 * part

    def broker(self, node, part):
        self.run.cluster.tell("kill", node)
        return at_once(self.run.cluster.tell, "start", node), 4 * part

    def freeze(self, node, part):
        self.run.cluster.tell("pause", node)
        return at_once(self.run.cluster.tell, "resume", node), 1 + 7 * part

    def cut(self, node, _):
        self.run.cluster.proxies.cut(node - 1)
        return lambda _: True, 0.0

    def stall(self, node, part):
        self.run.cluster.proxies.stall(node - 1, True)
        return at_once(self.run.cluster.proxies.stall, node - 1, False), 1 + 9 * part

    def doubt(self, _, part):
        proxies = self.run.cluster.proxies
        before = proxies.lost_commits()
        proxies.lose_commits(True)
        return lambda late_s: self.end_doubt(before, late_s), 4 * part

    def end_doubt(self, before, late_s):
        proxies = self.run.cluster.proxies
        lost = proxies.lost_commits() - before
        if lost == 0 and late_s < DOUBT_MAX_S:
            return False
        proxies.lose_commits(False)
        self.run.log(f"          {lost} answers to commits were lost")
        return True


def watch_alive(torment):
    """A process may end only because we ended it."""
    closing = torment.busy()
    for counter in torment.counters:
        counter.follow()
        if not counter.is_alive() and counter not in closing:
            raise fault_run.Failed(f"{counter.name} ended by itself with "
                                   f"{counter.process.returncode}, see {counter.log_path}")


def torture(run, counters, options):
    """Faults until there were enough of them and the input is sent."""
    torment = Torment(run, counters, options.kinds.split(","))
    gap_s = options.seconds / options.faults
    due = time.monotonic() + gap_s / 2
    with fault_run.Feeder(run, options.records, options.keys, options.seconds) as feeder:
        while sum(torment.count.values()) < options.faults or not feeder.is_done():
            torment.end_due()
            if due <= time.monotonic() and sum(torment.count.values()) < options.faults:
                torment.begin()
                due = time.monotonic() + gap_s * (0.5 + torment.random.random())
            watch_alive(torment)
            time.sleep(0.05)
    torment.end_all()
    if "doubt" in torment.count and run.cluster.proxies.lost_commits() == 0:
        raise fault_run.Failed("no answer to a commit was lost")
    run.log(f"the last fault is over: {torment.count}")


def wait_until_read(run, counters):
    """Until every record is committed."""
    until = time.monotonic() + IDLE_S
    lag = None
    while time.monotonic() < until:
        for counter in counters:
            counter.follow()
            if not counter.is_alive():
                raise fault_run.Failed(f"{counter.name} ended by itself, see {counter.log_path}")
        lag = run.lag()
        if lag == 0:
            run.log("all is read")
            return
        time.sleep(1)
    raise fault_run.Failed(f"{IDLE_S} s after the last fault {lag} records are left: " +
                           ", ".join(f"{c.name} is {c.state}" for c in counters))


def rows_of(counter):
    """All rows, of a process that runs alone."""
    until = time.monotonic() + IDLE_S
    while time.monotonic() < until:
        rows = counter.rows()
        if rows is not None:
            return rows
        time.sleep(0.5)
    raise fault_run.Failed(f"the store of {counter.name}, which is {counter.state}, has not "
                           f"answered in {IDLE_S} s: {counter.refusal}, see {counter.log_path}")


def close_and_collect(run, counters):
    """Closes all, each in turn after it had the state to itself; their rows."""
    first, second = counters
    tables = []
    for alone, other in ((first, second), (second, first)):
        if other.is_alive():
            other.close()
        if not alone.is_alive():
            alone.start()
        tables.append(rows_of(alone))
        run.log(f"{alone.name} has all: {alone.resident_mb():.0f} MB resident")
    second.close()
    return tables


def compare_rows(expected, rows, guarantee):
    wrong = [key for key, count in expected.items() if rows.get(key, 0) < count or
             (guarantee == "exact" and rows[key] != count)]
    if wrong:
        raise fault_run.Failed(f"{len(wrong)} rows of the stores are wrong, {wrong[0]} is "
                               f"{rows.get(wrong[0])} and not {expected[wrong[0]]}")


def judge(run, counters, options):
    tables = close_and_collect(run, counters)
    expected_path = os.path.join(run.work, "expected")
    guarantee = "exact" if options.guarantee == "exactly_once_v2" else "least"
    code, output = run.records("check", guarantee, APPLICATION, options.keys, expected_path)
    run.log(output.strip().replace("\n", "\n          "))
    if code != 0:
        raise fault_run.Failed("the output is wrong")
    expected = fault_run.read_counts(expected_path)
    if sum(expected.values()) < options.records:  # A killed broker forgets producers of 1970.
        raise fault_run.Failed(f"the input has {sum(expected.values())} records")
    for rows in tables:
        compare_rows(expected, rows, guarantee)


def settings_of(options):
    settings = {
        "application.id": APPLICATION,
        "processing.guarantee": options.guarantee,
        "commit.interval.ms": "100",
        "session.timeout.ms": str(SESSION_MS),
        "num.stream.threads": str(options.threads),
        "weir.apply.interval.ms": "500",
        "weir.flush.interval.ms": "1000",
    }
    settings.update(setting.split("=", 1) for setting in options.set)
    return settings


def run_once(options, work):
    run = fault_run.Run(options.build, work, options.seed, settings_of(options))
    run.log(f"seed {options.seed}: {options.records} records, {options.faults} faults, "
            f"{options.brokers} brokers, {options.guarantee}, work in {work}")
    run.cluster = fault_run.Cluster(options.build, options.brokers)
    counters = [fault_run.Counter(run, name) for name in ("a", "b")]
    try:
        run.log("the brokers run")
        if run.records("topics", PARTITIONS, options.brokers)[0] != 0:
            raise fault_run.Failed("the topics cannot be made")
        for counter in counters:
            counter.start()
        torture(run, counters, options)
        wait_until_read(run, counters)
        judge(run, counters, options)
        run.log("right")
    except fault_run.Failed as failure:
        if options.keep:
            input(f"{failure}: brokers at {run.cluster.bootstrap}, work in {work}")
        raise
    finally:
        for counter in counters:
            if counter.is_alive():
                counter.kill()
        run.cluster.close()


def parse():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 31))
    parser.add_argument("--records", type=int, default=1000000)
    parser.add_argument("--keys", type=int, default=5000)
    parser.add_argument("--seconds", type=float, default=240, help="in which the input is sent")
    parser.add_argument("--faults", type=int, default=40)
    parser.add_argument("--brokers", type=int, choices=(1, 2, 3), default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--guarantee", choices=("exactly_once_v2", "at_least_once"),
                        default="exactly_once_v2")
    parser.add_argument("--kinds",
                        default="kill,stop,close,disk,restart,broker,freeze,cut,stall")
    parser.add_argument("--keep", action="store_true",
                        help="after a failure let the brokers run until Enter")
    parser.add_argument("--set", action="append", default=[], metavar="SETTING=VALUE")
    return parser.parse_args()


def main():
    options = parse()
    work = tempfile.mkdtemp(prefix="faults-")
    try:
        run_once(options, work)
    except fault_run.Failed as failure:
        print(f"FAILED with seed {options.seed}: {failure}\nlogs: {work}", flush=True)
        return 1
    shutil.rmtree(work)
    return 0


if __name__ == "__main__":
    sys.exit(main())
