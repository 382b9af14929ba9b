#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bench.py - runs the benchmarks of a build and prints one table: what, asked, got.

usage: bench.py --build DIRECTORY [--json FILE] [--quick] [--site DIRECTORY]
                [--large DIRECTORY]... [--libs DIRECTORY] [--operators NAME,...] [--csv FILE]
                [NAME...]

NAME is broker, store, state, growth, runtime, operators, extract or pipeline; without one all of
them run. --site is the site of the demo; the large pages are those of 50 to 250 KB below each
--large. Without them the pages in tests/golden stand for both. With --libs, where Kafka's jars lie,
operators are measured beside Kafka Streams' TopologyTestDriver: all, or those of --operators; --csv
is the table of their figures, of which the rows of those measured are written anew. The complete
table is `./dev bench operators --csv docs/bench/operators.csv`, which takes some ten minutes.
--quick takes little of everything: it shows that the benchmarks run, its figures say nothing.

"asked" is what the project wants of one core; "got" is of CPU time where the unit says "a core",
so that a busy machine changes it little.
"""

import argparse
import csv
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PACKAGES = ["librdkafka1", "librocksdb7.8", "libgumbo1", "libavro23", "libroaring0", "libcurl4",
            "libmicrohttpd12", "libzstd1", "libjemalloc2", "libjansson4", "gcc", "libc6"]
DELAY_MS = 20
LARGE_BYTES = range(50 << 10, 250 << 10)
# What Kafka Streams' driver is fed, half of it before the measurement. Some are slow there: these
# fill their windows (of 100 partners: 10,000 records a side) and end within 40 s.
PEER_RECORDS = 200000
PEER_RECORDS_OF = {"sliding": 60000, "stream_stream_10": 60000, "stream_stream_100": 44000}
PEER_SECONDS_MAX = 180 # On a busy machine: the figure is left out then.
OPERATOR_COLUMNS = ["operator", "asked_ns", "weir_ns", "weir_ns_least", "weir_allocations", "out",
                    "kafka_streams_ns", "ratio"]


class Bench:
    """The programs to run, how much of each, and what came out."""

    def __init__(self, options, scratch):
        self.options = options
        self.scratch = scratch
        self.large = scratch / "large"
        self.rows = []
        self.raw = {}

    def note(self, benchmark, what, got, unit, asked=None):
        """A row of the table; asked is (">=" or "<=", figure)."""
        asked = None if self.options.quick else asked
        self.rows.append({"benchmark": benchmark, "what": what, "got": got, "unit": unit,
                          "asked": None if asked is None else f"{asked[0]} {asked[1]:,}",
                          "met": None if asked is None else
                          got >= asked[1] if asked[0] == ">=" else got <= asked[1]})

    def program(self, name, *arguments):
        """Runs bench_<name> in the scratch directory; what it wrote as JSON."""
        out = self.scratch / f"{name}.json"
        command = [self.options.build / "tests" / f"bench_{name}", *arguments, "--json", out]
        command = [os.fspath(word) for word in command]
        print(f"\n== {name}", flush=True)
        subprocess.run(command, cwd=self.scratch, check=True)
        return json.loads(out.read_text())

    def crawl(self, name, root, start, *arguments):
        """Runs bench_pipeline over the site in root, which a process of its own serves."""
        command = [sys.executable, os.fspath(HERE / "site_server.py"), os.fspath(root)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True) as server:
            try:
                seed = server.stdout.readline().strip() + start
                print(f"\n{name}", end="")
                data = f"pipeline-{len(self.raw.get('pipeline', {}))}"
                got = self.program("pipeline", "--seed", seed, "--data", data, *arguments)
            finally:
                server.stdin.close()
        self.raw.setdefault("pipeline", {})[name] = got
        return got


def run_broker(bench):
    """Appends and reads of the embedded broker."""
    records = "20000" if bench.options.quick else "2000000"
    results = bench.program("broker", "--records", records)
    bench.raw["broker"] = results
    for result in results:
        wanted = {"append": 300000, "read": 1000000}.get(result["name"].split(",")[0])
        asked = None if wanted is None else (">=", wanted)
        bench.note("broker", result["name"], result["records_per_cpu_second"],
                   "records/s a core", asked)


def run_store(bench):
    """State stores by themselves."""
    amount = ["--keys", "2000", "--restore", "20000"] if bench.options.quick else []
    bench.raw["store"] = bench.program("store", *amount)
    for result in bench.raw["store"]:
        bench.note("store", result["name"], 1e9 / result["cpu_ns_per_operation"],
                   "operations/s a core")


def run_state(bench):
    """Updates of state that grows past its budget."""
    sizes = ["2000", "4000"] if bench.options.quick else ["200000", "2000000", "20000000"]
    updates = "4000" if bench.options.quick else "2000000"
    bench.raw["state"] = []
    for size in sizes:
        for result in bench.program("state", "--keys", size, "--updates", updates):
            bench.raw["state"].append(result)
            bench.note("state", f"{result['name']}, {int(size):,} keys",
                       1e6 / result["cpu_us_per_record"], "records/s a core")
        bench.note("state", f"peak memory, {int(size):,} keys", result["peak_mib"], "MiB",
                   ("<=", 1124))


def run_growth(bench):
    """A whole job whose state is a hundred times as large."""
    sizes = [2000, 4000] if bench.options.quick else [200000, 20000000]
    records = "4000" if bench.options.quick else "2000000"
    got = []
    bench.raw["growth"] = []
    for size in sizes:
        results = bench.program("growth", "--keys", str(size), "--warm", str(size),
                                "--records", records)
        bench.raw["growth"] += results
        got.append(results[-1])
        bench.note("growth", f"updates of {size:,} keys", 1e6 / got[-1]["us_per_record"],
                   "records/s")
        bench.note("growth", f"updates of {size:,} keys", 1e6 / got[-1]["cpu_us_per_record"],
                   "records/s a core")
        bench.note("growth", f"peak memory, {size:,} keys", got[-1]["peak_mib"], "MiB",
                   ("<=", 1124))
    for figure_of, unit in (("us_per_record", "by the clock"), ("own_us_per_record", "worker CPU"),
                            ("cpu_us_per_record", "all CPU")):
        bench.note("growth", f"throughput kept, {sizes[1]:,} keys, {unit}",
                   got[0][figure_of] / got[1][figure_of], "ratio", (">=", 0.5))


def run_runtime(bench):
    """Records through tasks and stores, restore, restart."""
    amount = ["--records", "4000", "--keys", "400"] if bench.options.quick else []
    bench.raw["runtime"] = bench.program("runtime", *amount)
    for result in bench.raw["runtime"]:
        name = result["name"]
        if name.startswith("restart"):
            asked = ("<=", 1.0) if "close" in name else None
            bench.note("runtime", name, result["seconds"], "s", asked)
            continue
        asked = (">=", 1000000 if name.startswith("restore") else 250000)
        bench.note("runtime", name, result["records"] / result["cpu_seconds"],
                   "records/s a core", asked)


def peer_command(bench):
    """What runs Kafka Streams' TopologyTestDriver; None without jars."""
    if bench.options.libs is None:
        return None
    classes = bench.scratch / "peer-classes"
    jars = str(bench.options.libs / "*")
    subprocess.run(["javac", "-cp", jars, "-d", os.fspath(classes),
                    os.fspath(HERE / "peer" / "Operators.java")], check=True)
    return ["java", "-Xmx1g", "-XX:+UseSerialGC", f"-Djava.io.tmpdir={bench.scratch}",
            "-Dorg.apache.logging.log4j.level=OFF", "-cp", f"{jars}:{classes}", "Operators"]


def measure_peer(bench, command, name):
    """ns a record of an operator there; None where it took too long. A process each: what a
    compiler learns of one does not slow the next."""
    records = 2000 if bench.options.quick else PEER_RECORDS_OF.get(name, PEER_RECORDS)
    try:
        done = subprocess.run([*command, str(records), name], stdout=subprocess.PIPE, text=True,
                              check=True, timeout=PEER_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        print(f"{name}: more than {PEER_SECONDS_MAX} s, left out", flush=True)
        return None
    print(done.stdout, end="", flush=True)
    return float(done.stdout.split()[1])


def write_operators(path, results, peer):
    """Their rows in the table at path, in its order; new ones at its end. Until an operator has
    been measured beside Kafka Streams, the row keeps what stands there."""
    rows = {}
    if path.exists():
        with path.open(newline="", encoding="utf-8") as file:
            rows = {row["operator"]: row for row in csv.DictReader(file)}
    for result in results:
        name = result["name"]
        row = rows.get(name, {}) | {
            "operator": name, "weir_ns": f"{result['ns']:.1f}",
            "asked_ns": f"{result['ns_max']:.0f}" if result["ns_max"] > 0 else "",
            "weir_ns_least": f"{result['ns_least']:.1f}",
            "weir_allocations": f"{result['allocations']:.4f}",
            "out": f"{result['out']:.2f}"}
        theirs = peer.get(name) or float(row.get("kafka_streams_ns") or 0)
        if theirs > 0:
            row |= {"kafka_streams_ns": f"{theirs:.1f}", "ratio": f"{theirs / result['ns']:.1f}"}
        rows[name] = row
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, OPERATOR_COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(rows.values())


def run_peer(bench, results):
    """Measures all operators in Kafka Streams, too; the table is written after each of them, so
    that a run which is broken off is not lost."""
    peer = bench.raw["operators_peer"] = {}
    command = peer_command(bench)
    for result in results:
        if bench.options.csv is not None:
            write_operators(bench.options.csv, results, peer)
        if command is not None:
            took = measure_peer(bench, command, result["name"])
            peer |= {} if took is None else {result["name"]: took}
    if bench.options.csv is not None:
        write_operators(bench.options.csv, results, peer)
    return peer


def run_operators(bench):
    """What a record costs in each operator."""
    amount = ["--records", "20000", "--rounds", "1"] if bench.options.quick else []
    if bench.options.operators is not None:
        amount += ["--only", bench.options.operators]
    bench.raw["operators"] = bench.program("operators", *amount)
    peer = run_peer(bench, bench.raw["operators"])
    took = {}
    for result in bench.raw["operators"]:
        name = result["name"]
        took[name] = result["ns"]
        asked = ("<=", result["ns_max"]) if result["ns_max"] > 0 else None
        bench.note("operators", name, result["ns"], "CPU ns a record", asked)
        bench.note("operators", f"{name}: allocations", result["allocations"], "a record",
                   ("<=", 0.001) if result["allocates_none"] else None)
        if name in peer:
            bench.note("operators", f"{name}: Kafka Streams / weir", peer[name] / result["ns"],
                       "ratio")
    if {"hopping_4", "tumbling"} <= took.keys():
        bench.note("operators", "hopping of 4 / tumbling", took["hopping_4"] / took["tumbling"],
                   "ratio", ("<=", 4))
    if {"stream_stream_1", "stream_stream_10", "stream_stream_100"} <= took.keys():
        few = took["stream_stream_10"] - took["stream_stream_1"]
        many = took["stream_stream_100"] - took["stream_stream_10"]
        bench.note("operators", "a match of 90 more / of 9 more", many / 90 / (few / 9), "ratio",
                   ("<=", 1.25))


def run_extract(bench):
    """Phases of the work on a page, on the large pages."""
    amount = ["--bytes-min", "1"] if bench.options.quick else []
    got = bench.raw["extract"] = bench.program("extract", bench.large, *amount)
    phases = got["cpu_ms_per_page"]
    other = sum(phases.values()) - phases["parse"]
    bench.note("extract", f"parse, pages of {got['bytes_per_page'] / 1e3:.0f} KB",
               got["parse_megabytes_per_cpu_second"], "MB/s a core")
    bench.note("extract", "all other phases / parse", other / phases["parse"], "ratio",
               ("<=", 1.0))


def note_crawl(bench, name, got, asked):
    """The rows of a crawl."""
    pages = got["pages"]
    bench.note("pipeline", f"{name}: {pages} pages", pages / got["cpu_seconds"],
               "pages/s a core", asked)
    bench.note("pipeline", f"{name}: by the clock", pages / got["seconds"], "pages/s")
    for stage, spent_ms in got["cpu_ms_per_page"].items():
        bench.note("pipeline", f"{name}: {stage}", spent_ms, "CPU ms a page")
    bench.note("pipeline", f"{name}: peak memory", got["peak_rss_megabytes"], "MB", ("<=", 250))


def run_pipeline(bench):
    """Whole crawls: the demo's site, politely and not, and large pages."""
    site = bench.options.site
    start = "/index.html" if (site / "index.html").exists() else "/all-pages.html"
    note_crawl(bench, "demo site", bench.crawl("demo site", site, start), None)
    if bench.options.quick:
        return
    name = f"demo site, {DELAY_MS} ms delay"
    note_crawl(bench, name, bench.crawl(name, site, start, "--delay", str(DELAY_MS)), None)
    got = bench.crawl("large pages", bench.large, "/all-pages.html", "--depth", "1")
    note_crawl(bench, "large pages", got, (">=", 80))
    if "extract" in bench.raw:
        parse_ms = bench.raw["extract"]["cpu_ms_per_page"]["parse"]
        all_ms = got["cpu_seconds"] * 1e3 / got["pages"]
        bench.note("pipeline", "large pages: all but the parse / parse", all_ms / parse_ms - 1,
                   "ratio", ("<=", 1.0))


RUNS = {"broker": run_broker, "store": run_store, "state": run_state, "growth": run_growth,
        "runtime": run_runtime, "operators": run_operators, "extract": run_extract,
        "pipeline": run_pipeline}


def cpu_model():
    """As the kernel names it."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def version_of(package):
    """Of a Debian package; None where it isn't installed."""
    try:
        found = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], text=True,
                               capture_output=True, check=False)
    except FileNotFoundError:
        return None
    return found.stdout if found.returncode == 0 and found.stdout else None


def build_type(build):
    """CMAKE_BUILD_TYPE of a build directory."""
    for line in (build / "CMakeCache.txt").read_text().splitlines():
        if line.startswith("CMAKE_BUILD_TYPE:"):
            return line.split("=", 1)[1]
    return "unknown"


def describe_machine(options):
    """What the figures depend on."""
    versions = {package: version_of(package) for package in PACKAGES}
    return {"cpu": cpu_model(), "cpus": os.cpu_count(), "kernel": platform.release(),
            "load_before": os.getloadavg()[0], "build_type": build_type(options.build),
            "versions": {name: text for name, text in versions.items() if text is not None}}


def figure(value):
    """Three digits are enough."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}" if value < 1 else f"{value:.1f}"


def print_results(machine, rows):
    """The machine and the one table."""
    print(f"\n{machine['cpu']}, {machine['cpus']} CPUs, Linux {machine['kernel']}, "
          f"load {machine['load_before']:.1f} before, build type {machine['build_type']}")
    print(", ".join(f"{name} {text}" for name, text in machine["versions"].items()))
    print(f"\n{'benchmark':<10}{'what':<52}{'asked':>13}{'got':>12}  unit")
    for row in rows:
        mark = "" if row["met"] in (None, True) else "  (not met)"
        print(f"{row['benchmark']:<10}{row['what']:<52}{row['asked'] or '':>13}"
              f"{figure(row['got']):>12}  {row['unit']}{mark}")


def parse_arguments():
    """The command line, with what was left out."""
    parser = argparse.ArgumentParser(description="Measures weir; see the head of this file.")
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--site", type=Path, default=HERE.parent / "golden")
    parser.add_argument("--large", type=Path, action="append", default=[])
    parser.add_argument("--libs", type=Path)
    parser.add_argument("--operators", metavar="NAME,...")
    parser.add_argument("--csv", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in RUNS]
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]}: {', '.join(RUNS)}")
    options.build = options.build.resolve()
    options.site = options.site.resolve()
    options.large = [root.resolve() for root in options.large]
    return options


def link_large_pages(bench):
    """Makes bench.large, a tree of links to the pages of the size that is asked for."""
    sizes = LARGE_BYTES if bench.options.large else range(1, LARGE_BYTES.stop)
    for number, root in enumerate(bench.options.large or [HERE.parent / "golden"]):
        for page in sorted(root.rglob("*.html")):
            if page.is_file() and page.stat().st_size in sizes:
                link = bench.large / str(number) / page.relative_to(root)
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(page)


def main():
    options = parse_arguments()
    machine = describe_machine(options)
    with tempfile.TemporaryDirectory(prefix="weir-bench-", dir=options.build) as scratch:
        bench = Bench(options, Path(scratch))
        link_large_pages(bench)
        for name, run in RUNS.items():
            if not options.names or name in options.names:
                run(bench)
    print_results(machine, bench.rows)
    if options.json is not None:
        options.json.write_text(json.dumps(
            {"machine": machine, "results": bench.rows, "raw": bench.raw}, indent=1,
            allow_nan=False) + "\n")


if __name__ == "__main__":
    main()
