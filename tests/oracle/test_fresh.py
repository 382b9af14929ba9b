#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_fresh.py - what Kafka Streams does with fresh seeds, replayed through the DSL.

    test_fresh.py CONFORMANCE LIBS [--first SEED] [--seeds N] [--steps LEAST MOST] [--vectors]
                  [NAME...]

CONFORMANCE is the runner, which knows the names of the topologies; LIBS holds Kafka's jars. One
Java process makes all runs; a seed says what goes in, and how many steps there are. Each
run that differs comes with the command that repeats it. --vectors writes seeds 1 to 3, and 5,
to tests/conformance/vectors instead.
"""

import argparse
import os
import random
import re
import shlex
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
VECTORS = os.path.join(HERE, "..", "conformance", "vectors")
VECTOR_STEPS = (40, 40)
STEPS = (10, 70) # Kafka Streams' driver takes a millisecond for each: it flushes all stores.
JAVA = ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m",
        "-Dorg.apache.logging.log4j.level=OFF"]


def options_of(arguments):
    parser = argparse.ArgumentParser()
    parser.add_argument("conformance")
    parser.add_argument("libs")
    parser.add_argument("--first", type=int, default=random.randrange(3, 1 << 30))
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--steps", type=int, nargs=2, default=STEPS)
    parser.add_argument("--vectors", action="store_true")
    parser.add_argument("names", nargs="*")
    return parser.parse_intermixed_args(arguments)


def compile_oracle(libs, classes):
    sources = [os.path.join(HERE, name) for name in os.listdir(HERE) if name.endswith(".java")]
    subprocess.run(["javac", "-cp", os.path.join(libs, "*"), "-d", classes, *sources], check=True)


def run_oracle(options, work, directory, seeds, steps):
    path = os.pathsep.join([os.path.join(options.libs, "*"), os.path.join(work, "classes")])
    subprocess.run([*JAVA, f"-Djava.io.tmpdir={work}", "-cp", path, "Oracle", directory,
                    *map(str, seeds), *map(str, steps), *options.names],
                   check=True, stderr=subprocess.DEVNULL)


def repetition(options, path):
    """The command that repeats the run of a file."""
    name, seed = re.fullmatch(r"(.+)-(\d+)\.jsonl", os.path.basename(path)).groups()
    return shlex.join(["python3", os.path.abspath(__file__), os.path.abspath(options.conformance),
                       os.path.abspath(options.libs), "--first", seed, "--seeds", "1",
                       "--steps", *map(str, options.steps), name])


def compare(options, directory):
    files = sorted(os.path.join(directory, name) for name in os.listdir(directory))
    done = subprocess.run([options.conformance, *files], stdout=subprocess.PIPE, text=True,
                          check=False)
    print("\n".join(line for line in done.stdout.splitlines() if not line.startswith("ok ")))
    for path in re.findall(r"^FAIL (\S+)", done.stdout, re.MULTILINE):
        print(f"{os.path.basename(path)} again: {repetition(options, path)}")
    print(f"{len(options.names)} topologies, seeds {options.first} to "
          f"{options.first + options.seeds - 1}, {len(files)} runs: "
          + ("all the same" if done.returncode == 0 else "NOT THE SAME"))
    return done.returncode


def main():
    options = options_of(sys.argv[1:])
    if not options.names:
        options.names = subprocess.run([options.conformance, "--list"], check=True, text=True,
                                       stdout=subprocess.PIPE).stdout.split()
    memory = "/dev/shm" # Stores of so many runs would keep a disk busy with nothing.
    with tempfile.TemporaryDirectory(dir=memory if os.path.isdir(memory) else None) as work:
        compile_oracle(options.libs, os.path.join(work, "classes"))
        if options.vectors:
            for seeds in ((1, 3), (5, 5)):
                run_oracle(options, work, VECTORS, seeds, VECTOR_STEPS)
            return 0
        runs = os.path.join(work, "runs")
        os.mkdir(runs)
        last = options.first + options.seeds - 1
        run_oracle(options, work, runs, (options.first, last), options.steps)
        return compare(options, runs)


if __name__ == "__main__":
    sys.exit(main())
