#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kafka.py - weir beside Kafka Streams: the same works, broker and topics, in one run.

usage: kafka.py --build DIRECTORY --libs DIRECTORY [--broker HOST:PORT] [--quick]
                [--rounds N] [--records N] [--out DIRECTORY] [NAME...]

--libs has the jars of Kafka and Kafka Streams. NAME is one of pass, count, cached, eos, window,
join, restore, latency, restart and workers; without one all of them run. The sides take turns,
each run begins with an empty output topic and a new application id, then the output is compared,
record by record or key by key, with what the input says it must be. Without --broker a broker of
one node is started and ended. --quick takes little of everything, and asks for nothing: it shows
that both sides run and agree.

What is compared is CPU time of the processing process a million records, from the moment that it is
running until all is closed: a busy machine changes it little. --out gets kafka.csv (a line a
figure and run) and kafka.svg.
"""

import argparse
import csv
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import bench
import kafka_chart

HERE = Path(__file__).resolve().parent
PARTITIONS = 4
KS, WEIR, BARE = "kafka-streams", "weir", "librdkafka"
ALO = {"processing.guarantee": "at_least_once"}
EOS = {"processing.guarantee": "exactly_once_v2"}
NO_CACHE = {"statestore.cache.max.bytes": "0"}
QUICK_JVM = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]  # To be there sooner, not faster.
START_MAX_S = 180
WAIT_MAX_S = 900


class Work:
    """A topology with its settings, and the ratio of CPU time that is asked."""

    def __init__(self, title, topology, settings, asked, digests):
        self.title = title
        self.topology = topology
        self.settings = settings
        self.asked = asked
        self.digests = digests  # Of the input and of the output: bench_load.c.


WORKS = {
    "pass": Work("pass (map)", "pass", ALO, 4.5, ("records", "records")),
    "count": Work("count, every update forwarded and logged", "count", ALO | NO_CACHE, 5,
                  ("count", "last")),
    "cached": Work("count, cached, default settings", "count", ALO, 15, ("count", "last")),
    "eos": Work("count, exactly-once, 100 ms commits", "count", EOS, 7, ("count", "last")),
    "window": Work("1-minute window count", "window", ALO, 7, ("window", "last")),
    "join": Work("stream-table join", "join", ALO, 4, ("join", "records")),
}


class Run:
    """A peer at work: its process, and the lines that it prints."""

    def __init__(self, command, log):
        self.began_s = time.time()
        self.log = log
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=log, text=True)

    def wait_for(self, event):
        """The next line that tells of event."""
        for line in self.process.stdout:
            if line.startswith("{"):
                told = json.loads(line)
                if told["event"] == event:
                    return told
        self.process.wait()
        self.log.seek(0)
        sys.stderr.write(self.log.read()[-4000:])
        raise SystemExit(f"kafka.py: {self.process.args[0]} ended without '{event}'")

    def finish(self):
        """Its result, at its own end."""
        result = self.wait_for("result")
        self.process.wait()
        return result

    def close(self):
        """Asks for a clean end."""
        self.process.stdin.close()
        return self.finish()

    def kill(self):
        """What a crash is."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


class Bench:
    """Programs, topics, and what came out."""

    def __init__(self, options, scratch):
        self.options = options
        self.scratch = scratch
        self.tests = options.build / "tests"
        self.broker = options.broker
        self.broker_pid = None  # Of one that was started here.
        self.classes = options.build / "peer-classes"
        self.figures = []  # For the CSV: work, side, round, figure, value.
        self.rows = []  # For the table.
        self.expected = {}
        self.serial = 0

    # Programs.

    def load(self, command, *arguments):
        """Runs bench_load; what it prints, as JSON."""
        words = [self.tests / "bench_load", command, "--broker", self.broker, *arguments]
        done = subprocess.run([str(word) for word in words], check=True, text=True,
                              stdout=subprocess.PIPE)
        return json.loads(done.stdout) if done.stdout else None

    def compile_peer(self):
        """The Java peer, into the build directory."""
        sources = sorted(str(path) for path in (HERE / "peer").glob("*.java"))
        self.classes.mkdir(exist_ok=True)
        subprocess.run(["javac", "-Xlint:all", "-cp", f"{self.options.libs}/*", "-d",
                        str(self.classes), *sources], check=True)

    def command_of(self, side, app, work, settings, extra):
        """How a peer is started."""
        words = ["--broker", self.broker, "--app", app, "--work", work, "--input",
                 self.topic("in"), "--table", self.topic("table"), "--output", self.topic("out"),
                 "--state", self.scratch / app]
        for name, value in {**settings, **extra}.items():
            words += [f"--{name}" if name in extra else f"--set.{name}", value]
        if side == KS:
            flags = QUICK_JVM if self.options.quick else []
            words = ["java", *flags, "-cp", f"{self.classes}:{self.options.libs}/*", "Peer",
                     *words]
        else:
            (self.scratch / app).mkdir(exist_ok=True)
            words = [self.tests / "bench_kafka", *words]
        return [str(word) for word in words]

    def start(self, side, app, work, settings, **extra):
        """Starts a peer."""
        extra = {name.replace("_", "-"): value for name, value in extra.items()}
        log = tempfile.TemporaryFile("w+", dir=self.scratch)
        return Run(self.command_of(side, app, work, settings, extra), log)

    def broker_cpu_s(self):
        """CPU time of the broker so far, which shares the CPUs with the peers; 0: not ours."""
        if self.broker_pid is None:
            return 0
        after_name = Path(f"/proc/{self.broker_pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")

    # Topics.

    def topic(self, name):
        """The full name of a topic of this run."""
        return f"{self.options.prefix}-{name}"

    def new_app(self, name):
        """An application id that was never used."""
        self.serial += 1
        return f"{self.options.prefix}-{name}-{self.serial}"

    def fill(self):
        """The input and the table."""
        self.load("create", "--partitions", PARTITIONS, self.topic("in"), self.topic("table"),
                  self.topic("out"))
        keys = self.options.records // 10
        self.load("fill", "--topic", self.topic("table"), "--records", keys, "--keys", keys,
                  "--span-ms", "1000", "--ago-ms", "600000")
        self.load("fill", "--topic", self.topic("in"), "--records", self.options.records,
                  "--keys", keys, "--ago-ms", "240000", "--span-ms", "240000")

    def empty_output(self):
        """A new output topic."""
        self.load("delete", self.topic("out"))
        time.sleep(0.5)
        self.load("create", "--partitions", PARTITIONS, self.topic("out"))

    def forget(self, app):
        """What an application has left behind in the broker."""
        self.load("forget", "--app", app)
        subprocess.run(["rm", "-rf", str(self.scratch / app)], check=True)

    def check_output(self, work):
        """The output says what the input says it must, or the benchmark ends."""
        if work.digests[0] not in self.expected:
            self.expected[work.digests[0]] = self.load(
                "digest", "--as", work.digests[0], "--topic", self.topic("in"), "--table",
                self.topic("table"))["digest"]
        got = self.load("digest", "--as", work.digests[1], "--topic", self.topic("out"))
        if got["digest"] != self.expected[work.digests[0]]:
            raise SystemExit(f"kafka.py: {work.title}: the output is wrong: {got}")
        return got["records"]

    # Figures.

    def note(self, work, side, turn, **figures):
        """Keeps figures of a run."""
        for figure, value in figures.items():
            self.figures.append({"work": work, "side": side, "round": turn, "figure": figure,
                                 "value": round(value, 4)})

    def median(self, work, side, figure):
        """Of all rounds; None where there is none."""
        values = [row["value"] for row in self.figures
                  if (row["work"], row["side"], row["figure"]) == (work, side, figure)]
        return statistics.median(values) if values else None

    def row(self, what, work, figure, unit, asked, invert=False):
        """A line of the table: both sides, their ratio, what is asked of it. invert: more is
        better, so the ratio is weir's to Kafka Streams'."""
        theirs = self.median(work, KS, figure)
        ours = self.median(work, WEIR, figure)
        if theirs is None or ours is None:
            return
        low, high = (theirs, ours) if invert else (ours, theirs)
        self.rows.append({"what": what, "unit": unit, "kafka_streams": theirs, "weir": ours,
                          "ratio": high / low if low > 0 else float("inf"), "asked": asked})


def run_bare(b, turn):
    """The floor of pass: before weir and after it, since the broker goes on being compiled."""
    b.empty_output()
    words = [b.tests / "bench_bare", "--broker", b.broker, "--input", b.topic("in"), "--output",
             b.topic("out"), "--records", b.options.records]
    done = subprocess.run([str(word) for word in words], check=True, text=True,
                          stdout=subprocess.PIPE)
    note_result(b, "pass", BARE, turn, json.loads(done.stdout))
    b.check_output(WORKS["pass"])


def note_result(b, name, side, turn, result):
    """The figures of a run over all records."""
    records = b.options.records
    seconds = result["process_s"] + result["close_s"]
    b.note(name, side, turn, cpu_s_per_million=result["cpu_s"] * 1e6 / records,
           cpu_total_s=result["cpu_total_s"], records_per_s=records / seconds,
           peak_rss_mb=result["peak_rss_mb"])
    if "start_s" in result:
        b.note(name, side, turn, start_s=result["start_s"])
    print(f"  {side:<14} {result['cpu_s'] * 1e6 / records:7.2f} CPU s/M "
          f"{records / seconds:9,.0f}/s {result['peak_rss_mb']:7.0f} MB", flush=True)


def run_work(b, name, turn):
    """One work on both sides."""
    work = WORKS[name]
    sides = [KS, WEIR] if turn % 2 == 0 else [WEIR, KS]
    print(f"{work.title}, round {turn + 1}", flush=True)
    for side in sides:
        with_floor = name == "pass" and side == WEIR
        if with_floor:
            run_bare(b, turn)
        app = b.new_app(name)
        b.empty_output()
        records = b.options.records
        if side == WEIR and work.topology == "join":
            records += b.options.records // 10
        result = b.start(side, app, work.topology, work.settings, records=records).finish()
        note_result(b, name, side, turn, result)
        b.note(name, side, turn, outputs=b.check_output(work))
        b.forget(app)
        if with_floor:
            run_bare(b, turn)


def run_restore(b, turn):
    """The changelog of all updates into an empty state directory."""
    print(f"restore, round {turn + 1}", flush=True)
    for side in (KS, WEIR):
        app = b.new_app("restore")
        b.empty_output()
        settings = ALO | NO_CACHE
        b.start(side, app, "count", settings, records=b.options.records).finish()
        subprocess.run(["rm", "-rf", str(b.scratch / app)], check=True)
        result = b.start(side, app, "count", settings, records=0).finish()
        if result["restored"] < b.options.records:
            raise SystemExit(f"kafka.py: {side} restored {result['restored']} records")
        b.note("restore", side, turn, records_per_s=result["restored"] / result["restore_s"],
               cpu_s_per_million=result["restore_cpu_s"] * 1e6 / result["restored"],
               start_s=result["start_s"], peak_rss_mb=result["peak_rss_mb"])
        print(f"  {side:<14} {result['restored'] / result['restore_s']:10,.0f}/s "
              f"{result['restore_cpu_s'] * 1e6 / result['restored']:6.2f} CPU s/M", flush=True)
        b.forget(app)


def time_restart(b, side, app, settings):
    """Seconds from the start of a process to the first record that it processes."""
    b.load("fill", "--topic", b.topic("in"), "--records", 1000, "--keys", 100)
    again = b.start(side, app, "count", settings, until_eof=1)
    first = again.wait_for("first")
    return again, first["at_ms"] / 1e3 - again.began_s


def run_restart(b, turn):
    """Until a stateful process processes again: after a kill -9, and after a clean close."""
    print(f"restart, round {turn + 1}", flush=True)
    for side, static in ((KS, False), (KS, True), (WEIR, True)):
        app = b.new_app("restart")
        b.empty_output()
        settings = ALO | NO_CACHE | {"commit.interval.ms": "1000"}
        settings |= {"group.instance.id": f"{app}-0"} if static else {}
        run = b.start(side, app, "count", settings, until_eof=1)
        run.wait_for("first")
        time.sleep(5)
        run.kill()
        run, killed_s = time_restart(b, side, app, settings)
        time.sleep(3)
        run.close()
        run, closed_s = time_restart(b, side, app, settings)
        run.close()
        name = "restart" if not static or side == WEIR else "restart-static"
        b.note(name, side, turn, killed_s=killed_s, closed_s=closed_s)
        print(f"  {side:<14} {'static member' if static else 'default':<14} "
              f"{killed_s:6.2f} s after kill -9, {closed_s:6.2f} s after a close", flush=True)
        b.forget(app)
    b.expected.clear()  # The input has grown.


def run_latency(b, turn):
    """An even 1,000 records/s through a store, timed from outside."""
    print(f"latency, round {turn + 1}", flush=True)
    seconds, warm_up = ("3", "3") if b.options.quick else ("30", "10")
    b.load("create", "--partitions", PARTITIONS, b.topic("paced"))
    for name, guarantee in (("latency-alo", ALO), ("latency-eos", EOS)):
        for side in (KS, WEIR):
            app = b.new_app(name)
            b.empty_output()
            run = b.start(side, app, "count", guarantee | NO_CACHE, until_eof=1,
                          input=b.topic("paced"))
            run.wait_for("running")
            words = [b.tests / "bench_pace", "--broker", b.broker, "--input", b.topic("paced"),
                     "--output", b.topic("out"), "--seconds", seconds, "--warm-up", warm_up]
            done = subprocess.run([str(word) for word in words], check=True, text=True,
                                  stdout=subprocess.PIPE)
            told = json.loads(done.stdout)
            run.close()
            b.note(name, side, turn, p50_ms=told["p50_ms"], p99_ms=told["p99_ms"],
                   p999_ms=told["p999_ms"])
            print(f"  {name} {side:<14} p50 {told['p50_ms']:.1f} p99 {told['p99_ms']:.1f} p99.9 "
                  f"{told['p999_ms']:.1f} ms", flush=True)
            b.forget(app)
            b.load("delete", b.topic("paced"))
            time.sleep(0.5)
            b.load("create", "--partitions", PARTITIONS, b.topic("paced"))
    b.load("delete", b.topic("paced"))


def run_workers(b, turn):
    """Four workers beside one, with a processor that is most of the work. Weir alone."""
    print(f"workers, round {turn + 1}", flush=True)
    records = b.options.records // 10
    b.load("create", "--partitions", PARTITIONS, b.topic("heavy"))
    b.load("fill", "--topic", b.topic("heavy"), "--records", records, "--keys", records)
    for workers in (1, 4):
        app = b.new_app("workers")
        b.empty_output()
        settings = ALO | {"num.stream.threads": workers}
        broker_cpu_s = b.broker_cpu_s()
        result = b.start(WEIR, app, "heavy", settings, input=b.topic("heavy"),
                         records=records).finish()
        broker_cpu_s = b.broker_cpu_s() - broker_cpu_s
        b.note("workers", WEIR, turn, **{f"records_per_s_{workers}":
                                         records / result["process_s"],
                                         f"cpu_s_{workers}": result["cpu_s"],
                                         f"broker_cpu_s_{workers}": broker_cpu_s})
        print(f"  {workers} workers {records / result['process_s']:10,.0f}/s, CPU s: weir "
              f"{result['cpu_s']:.1f}, broker {broker_cpu_s:.1f}", flush=True)
        b.forget(app)
    b.load("delete", b.topic("heavy"))


OTHERS = {"restore": run_restore, "latency": run_latency, "restart": run_restart,
          "workers": run_workers}


def make_rows(b):
    """The table, from the medians."""
    for name, work in WORKS.items():
        b.row(work.title, name, "cpu_s_per_million", "CPU s/M", (">=", work.asked))
    ours, bare = (b.median("pass", side, "cpu_s_per_million") for side in (WEIR, BARE))
    if ours is not None:
        b.rows.append({"what": "pass: weir / bare librdkafka", "unit": "CPU s/M",
                       "kafka_streams": bare, "weir": ours, "ratio": ours / bare,
                       "asked": ("<=", 1.25)})
    for name, work in WORKS.items():
        b.row(f"{work.title}: records", name, "records_per_s", "records/s", None, invert=True)
    b.row("restore from changelog", "restore", "records_per_s", "records/s", (">=", 5),
          invert=True)
    b.row("restore from changelog: CPU", "restore", "cpu_s_per_million", "CPU s/M", None)
    for name, work in WORKS.items():
        b.row(f"{work.title}: memory", name, "peak_rss_mb", "MB", (">=", 8))
    b.row("restart after kill -9", "restart", "killed_s", "s", ("weir<=", 2))
    b.row("restart after a close", "restart", "closed_s", "s", ("weir<=", 2))
    one, four = (b.median("workers", WEIR, f"records_per_s_{n}") for n in (1, 4))
    if one is not None:
        b.rows.append({"what": "weir, four workers beside one (first column)",
                       "unit": "records/s", "kafka_streams": one, "weir": four,
                       "ratio": four / one, "asked": (">=", 1.8)})
    for name, title in (("latency-alo", "at least once"), ("latency-eos", "exactly once")):
        for figure in ("p50_ms", "p99_ms", "p999_ms"):
            b.row(f"latency, {title}, {figure[:-3]}", name, figure, "ms",
                  (">=", 2) if figure == "p99_ms" else None)


def is_met(row):
    """Whether a line reaches what is asked."""
    if row["asked"] is None:
        return True
    kind, asked = row["asked"]
    got = row["weir"] if kind == "weir<=" else row["ratio"]
    return got >= asked if kind == ">=" else got <= asked


def print_table(b, machine):
    """The machine, and the lines."""
    print(f"\n{machine['cpu']}, {machine['cpus']} CPUs, Linux {machine['kernel']}, "
          f"load {machine['load_before']:.1f} before, build type {machine['build_type']}")
    print(", ".join(f"{name} {text}" for name, text in machine["versions"].items()))
    print(f"{b.options.records:,} records of 100 bytes, {b.options.records // 10:,} keys, "
          f"{PARTITIONS} partitions, one thread a side, median of {b.options.rounds} rounds\n")
    print(f"{'what':<56}{'Kafka Streams':>14}{'weir':>11}{'ratio':>8}{'asked':>9}  unit")
    for row in b.rows:
        asked = "" if row["asked"] is None or b.options.quick else " ".join(map(str, row["asked"]))
        mark = "" if b.options.quick or is_met(row) else "  (not met)"
        theirs, ours = (bench.figure(row[side]) for side in ("kafka_streams", "weir"))
        print(f"{row['what']:<56}{theirs:>14}{ours:>11}{row['ratio']:>8.2f}{asked:>9}  "
              f"{row['unit']}{mark}")


def java_version():
    """Of the JVM that runs the peer."""
    done = subprocess.run(["java", "-version"], stderr=subprocess.PIPE, text=True, check=True)
    return done.stderr.splitlines()[0].split('"')[1]


def write_files(b, machine):
    """kafka.csv and kafka.svg."""
    b.options.out.mkdir(parents=True, exist_ok=True)
    with open(b.options.out / "kafka.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["work", "side", "round", "figure", "value"],
                                lineterminator="\n")
        writer.writeheader()
        writer.writerows(b.figures)
    lines = [{"title": work.title, "theirs": b.median(name, KS, "cpu_s_per_million"),
              "ours": b.median(name, WEIR, "cpu_s_per_million")} for name, work in WORKS.items()]
    lines = [line for line in lines if line["theirs"] is not None and line["ours"] is not None]
    versions = machine["versions"]
    note = (f"Kafka Streams {versions['kafka-streams']} on JDK {versions['jdk']}; weir with "
            f"librdkafka {versions.get('librdkafka1', '?')}; {machine['cpu']}, "
            f"{machine['cpus']} CPUs")
    (b.options.out / "kafka.svg").write_text(kafka_chart.draw(lines, note), encoding="utf-8")


def parse_arguments():
    """The command line, with what was left out."""
    parser = argparse.ArgumentParser(description="weir beside Kafka Streams.")
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--libs", type=Path, required=True)
    parser.add_argument("--broker")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--records", type=int)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    for name in options.names:
        if name not in WORKS and name not in OTHERS:
            parser.error(f"there is no work {name}: {', '.join([*WORKS, *OTHERS])}")
    options.build = options.build.resolve()
    options.records = options.records or (20000 if options.quick else 2000000)
    options.out = (options.out or options.build / "bench-kafka").resolve()
    options.prefix = f"weir-bench-{os.getpid()}"
    return options


def run_all(b):
    """Every work that is asked for."""
    b.compile_peer()
    b.fill()
    wanted = b.options.names or [*WORKS, *OTHERS]
    try:
        for turn in range(b.options.rounds):
            for name in WORKS:
                if name in wanted:
                    run_work(b, name, turn)
        for name, run in OTHERS.items():
            for turn in range(b.options.rounds if name in wanted else 0):
                run(b, turn)
    finally:
        b.load("delete", b.topic("in"), b.topic("table"), b.topic("out"))


def main():
    options = parse_arguments()
    machine = bench.describe_machine(options)
    jar = next(options.libs.glob("kafka-streams-4*.jar"))
    machine["versions"] |= {"kafka-streams": jar.stem.removeprefix("kafka-streams-"),
                            "jdk": java_version()}
    with tempfile.TemporaryDirectory(prefix="weir-bench-", dir=options.build) as scratch:
        b = Bench(options, Path(scratch))
        if options.broker:
            run_all(b)
        else:
            environment = os.environ | {"WEIR_KAFKA_LIBS": str(options.libs)}
            if not options.quick:
                environment["WEIR_KAFKA_JVM"] = str(HERE / "broker.jvm")
            with subprocess.Popen([str(b.tests / "kafka_cluster")], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True, env=environment) as cluster:
                told = json.loads(cluster.stdout.readline())
                b.broker, b.broker_pid = told["bootstrap"], told["nodes"][0]["pid"]
                try:
                    run_all(b)
                finally:
                    cluster.stdin.close()
    make_rows(b)
    print_table(b, machine)
    write_files(b, machine)


if __name__ == "__main__":
    main()
