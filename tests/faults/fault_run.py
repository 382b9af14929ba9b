# SPDX-License-Identifier: Apache-2.0
"""fault_run.py - the parts of a fault run: the cluster behind its proxies, the processes that
count, the feeder, and the judgement."""

import json
import os
import queue
import signal
import subprocess
import threading
import time

import kafka_proxy

REPLY_S = 60  # The longest wait for an answer of a program.


class Failed(Exception):
    """What must hold does not."""


class Log:
    """Lines with the seconds since the start of the run."""

    def __init__(self):
        self.began = time.monotonic()

    def __call__(self, text):
        print(f"{time.monotonic() - self.began:8.2f}  {text}", flush=True)


class Lines:
    """What a program prints, line by line, with a limit to the wait."""

    def __init__(self, stream):
        self.lines = queue.Queue()
        threading.Thread(target=self.read, args=(stream,), daemon=True).start()

    def read(self, stream):
        for line in stream:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def next(self, limit_s):
        """None at the end, or when nothing came in time."""
        try:
            return self.lines.get(timeout=limit_s)
        except queue.Empty:
            return None


class Cluster:
    """Brokers of tests/kafka/cluster_main.c, each behind a proxy."""

    def __init__(self, build, nodes, properties=""):
        self.nodes = nodes
        self.proxies = kafka_proxy.Proxies(nodes)
        command = [os.path.join(build, "tests", "kafka_cluster"), "--nodes", str(nodes),
                   "--advertised", ",".join(map(str, self.proxies.ports))]
        if nodes == 1:  # After a kill it is itself again when its former session is over.
            properties = "broker.session.timeout.ms=2000\n" + properties
        if properties:
            command += ["--properties", properties]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        self.output = Lines(self.process.stdout)
        line = self.output.next(120)
        if line is None:
            raise Failed("the brokers do not start")
        started = json.loads(line)
        self.proxies.lead_to([node["port"] for node in started["nodes"]])
        self.bootstrap = ",".join(f"127.0.0.1:{port}" for port in self.proxies.ports)

    def tell(self, command, node):
        """kill, stop, start, pause or resume; node from 1."""
        self.process.stdin.write(f"{command} {node}\n")
        self.process.stdin.flush()
        line = self.output.next(REPLY_S * 2)
        answer = json.loads(line) if line else {"ok": False, "error": "no answer"}
        if not answer["ok"]:
            raise Failed(f"{command} of broker {node}: {answer['error']}")

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(REPLY_S)
        except subprocess.TimeoutExpired:
            self.process.kill()


class Counter:
    """One process of fault_count, through all its lives."""

    def __init__(self, run, name):
        self.run = run
        self.name = name
        self.state_dir = os.path.join(run.work, f"state-{name}")
        self.log_path = os.path.join(run.work, f"{name}.log")
        self.process = None
        self.output = None
        self.state = "?"
        self.refusal = None  # Why it had no rows when it was asked last.

    def start(self):
        settings = [f"{key}={value}" for key, value in self.run.settings.items()]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [self.run.program("fault_count"), self.run.cluster.bootstrap, self.state_dir,
                 self.name, *settings],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
        self.output = Lines(self.process.stdout)
        self.state = "starting"

    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    def tell(self, line):
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except OSError:
            pass  # It has ended; whoever waits for its answer sees that.

    def ask(self, line, limit_s=REPLY_S):
        """The rest of the answer to a question, whose first word is that of the answer."""
        self.tell(line)
        until = time.monotonic() + limit_s
        while (left := until - time.monotonic()) > 0:
            answer = self.output.next(left)
            if answer is None:
                break
            if self.take(answer):
                return answer.split(" ", 1)[1]
        return None

    def take(self, line):
        """Notes changes of state; True for any other line."""
        if line.startswith("state "):
            self.state = line.split()[1]
            return False
        if line.startswith("stopped"):
            raise Failed(f"{self.name} {line}")
        return True

    def follow(self):
        """Takes what it has printed."""
        while (line := self.output.next(0.001)) is not None:
            self.take(line)

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def close(self, limit_s=120):
        """A clean close."""
        self.tell("close")
        try:
            code = self.process.wait(limit_s)
        except subprocess.TimeoutExpired as late:
            self.kill()
            raise Failed(f"{self.name} has not closed after {limit_s} s") from late
        self.follow()
        if code != 0:
            raise Failed(f"{self.name} ended with {code}, see {self.log_path}")

    def resident_mb(self):
        answer = self.ask("resident")
        return None if answer is None else int(answer) / 1e6

    def rows(self):
        """All rows, or None while some are not here."""
        path = os.path.join(self.run.work, f"rows-{self.name}")
        answer = self.ask("dump " + path)
        if answer is None or answer.startswith("no"):
            self.refusal = answer
            return None
        return read_counts(path)


class Feeder:
    """Sends the input at an even pace, from a thread of its own; leaving it ends its process, which
    would go on for minutes where the brokers are gone."""

    def __init__(self, run, records, keys, seconds):
        self.records = records
        self.sent = 0
        self.failure = None
        self.process = subprocess.Popen(
            [run.program("fault_records"), run.cluster.bootstrap, "feed", str(keys), "60",
             str(run.seed)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.thread = threading.Thread(target=self.feed, args=(seconds,), daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()

    def feed(self, seconds):
        chunk = max(1, min(self.records, 5000))
        began = time.monotonic()
        try:
            while self.sent < self.records:
                due = began + seconds * self.sent / self.records
                time.sleep(max(0.0, due - time.monotonic()))
                self.send(min(chunk, self.records - self.sent))
        except (OSError, ValueError, IndexError) as error:
            self.failure = f"the feeder: {error!r}"
        self.process.stdin.close()
        self.process.wait()

    def send(self, count):
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        self.sent = int(self.process.stdout.readline().split()[1])

    def is_done(self):
        if self.failure:
            raise Failed(self.failure)
        return not self.thread.is_alive()


def read_counts(path):
    with open(path, encoding="ascii") as file:
        return {key: int(count) for key, count in (line.split() for line in file)}


class Run:
    """What belongs to one run: where, with what, and the seed that decides all."""

    def __init__(self, build, work, seed, settings):
        self.build = build
        self.work = work
        self.seed = seed
        self.settings = settings
        self.cluster = None
        self.log = Log()

    def program(self, name):
        return os.path.join(self.build, "tests", name)

    def records(self, *arguments):
        """Runs fault_records; its exit code and output."""
        done = subprocess.run([self.program("fault_records"), self.cluster.bootstrap,
                               *map(str, arguments)], stdout=subprocess.PIPE, text=True,
                              timeout=300, check=False)
        return done.returncode, done.stdout

    def lag(self):
        code, output = self.records("lag", self.settings["application.id"])
        return int(output.split()[1]) if code == 0 else None
