# SPDX-License-Identifier: Apache-2.0
"""peers.py - the processes of the takeover test: a Kafka, a JVM that runs Kafka Streams
applications and Kafka's own clients, and weir applications."""

import json
import os
import queue
import subprocess
import threading
import time

PATIENCE_S = 90


class Failure(Exception):
    """Something does not do what it should."""


def wait_until(what, condition, patience_s=PATIENCE_S):
    """Waits for a condition; its last answer."""
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        answer = condition()
        if answer:
            return answer
        time.sleep(0.05)
    raise Failure(f"after {patience_s} s not yet: {what}")


class Kafka:
    """One broker, by the program of tests/kafka; or one that runs already."""

    def __init__(self, program, properties):
        self.process = None
        self.bootstrap = os.environ.get("WEIR_TEST_KAFKA")
        if not self.bootstrap:
            self.process = subprocess.Popen([program, "--properties", properties],
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            text=True)
            line = self.process.stdout.readline()
            if not line:
                raise Failure("the broker does not start")
            self.bootstrap = json.loads(line)["bootstrap"]

    def close(self):
        if self.process:
            self.process.stdin.close()
            self.process.wait()


class Java:
    """The JVM of java/Takeover.java."""

    def __init__(self, sources, libs, work, bootstrap):
        classes = os.path.join(work, "classes")
        files = [os.path.join(sources, name) for name in sorted(os.listdir(sources))]
        subprocess.run(["javac", "-nowarn", "-cp", f"{libs}/*", "-d", classes, *files], check=True)
        self.log = open(os.path.join(work, "java.log"), "wb")
        self.process = subprocess.Popen(
            ["java", "-Xms64m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
             "-Dorg.apache.logging.log4j.level=WARN", "-cp", f"{libs}/*:{classes}", "Takeover",
             bootstrap],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.answer("start")

    def answer(self, command):
        lines = []
        for line in self.process.stdout:
            line = line.rstrip("\n")
            if line == "done":
                return lines
            if line.startswith("failed "):
                raise Failure(f"java: {command}: {line}")
            lines.append(line)
        raise Failure(f"java: {command}: the JVM has ended")

    def ask(self, *words):
        """The lines that a command answers."""
        command = " ".join(str(word) for word in words)
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.answer(command)

    def dump(self, topic):
        """The committed records of a topic: (partition, offset, timestamp, key, value)."""
        records = []
        for line in self.ask("dump", topic):
            partition, offset, timestamp, key, value = line.split(" ")
            value = None if value == "-" else bytes.fromhex(value[2:])
            records.append((int(partition), int(offset), int(timestamp), bytes.fromhex(key[2:]),
                            value))
        return records

    def offsets(self, group):
        """{(topic, partition): (offset, partition time, metadata)} of what is committed."""
        committed = {}
        for line in self.ask("offsets", group):
            topic, partition, offset, time_ms, *metadata = line.split(" ")
            committed[topic, int(partition)] = (int(offset), int(time_ms), "".join(metadata))
        return committed

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.log.close()


class JavaApplication:
    """One Kafka Streams application in the JVM."""

    def __init__(self, java, variant, directory):
        self.java = java
        self.id = variant.id
        java.ask("start", variant.id, variant.guarantee, variant.cache, variant.optimization,
                 directory)

    def is_running(self):
        return self.java.ask("state", self.id) == ["RUNNING"]

    def end(self):
        """The reason for which it has ended; None: it has not."""
        said = self.java.ask("end", self.id)[0]
        return None if said == "none" else said

    def request_stop(self):
        self.java.ask("stop", self.id)

    def wait_for_stop(self):
        self.java.ask("stopped", self.id)
        # Kafka Streams leaves its members to the session timeout, 45 s; this is faster.
        self.java.ask("leave", self.id)
        wait_until(f"{self.id} has no members", lambda: self.java.ask("members", self.id) == ["0"])

    def kill(self):
        """It ends with the JVM."""


class WeirApplication:
    """One weir application, a process."""

    def __init__(self, program, bootstrap, variant, directory):
        os.makedirs(directory, exist_ok=True)
        self.log = open(directory + ".log", "ab")
        self.process = subprocess.Popen(
            [program, "run", variant.id, variant.optimization, bootstrap, variant.guarantee,
             directory],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.lines = queue.Queue()
        self.state = None
        self.reason = None
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            word, text = line.rstrip("\n").split(" ", 1)
            if word == "state":
                self.state = text
            else:
                self.reason = text

    def is_running(self):
        if self.process.poll() is not None:
            raise Failure(f"weir has ended: {self.reason}")
        return self.state == "RUNNING"

    def end(self):
        if self.process.poll() is None:
            return None
        self.process.wait()
        self.reader.join()  # What it said last may not have been read yet.
        return self.reason or f"exit code {self.process.returncode}"

    def request_stop(self):
        self.process.stdin.close()

    def wait_for_stop(self):
        try:
            code = self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired as slow:
            self.kill()
            raise Failure("weir does not stop") from slow
        if code != 0:
            raise Failure(f"weir has ended with {code}: {self.reason}")

    def kill(self):
        self.process.kill()
        self.process.wait()
