#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_crash.py - kill -9 at random moments of a crawl changes nothing.

A site is crawled undisturbed, then again by a process that is killed and started anew, with the
same command, until it may finish. Of the second crawl must hold:

  tables    the index topics replay to the same rows, but for MASKED
  events    each URL has one task, one fetch, one page, one score: none lost, none twice
  requests  a page whose fetch was committed before a kill is not asked for after it

Moments are counted in requests that the site has seen, plus some milliseconds, so they spread over
the crawl on any machine; some kills hit the process while it starts.
"""

import argparse
import collections
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time

import made_site

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import verdict  # pylint: disable=wrong-import-position

# What may differ between two crawls of the same site: when things happened.
MASKED = re.compile(r".*_at_ms")

TABLES = ["index.url_latest.v1", "index.content_cluster.v1", "index.dataset_membership.v1"]
ONCE = ["crawl.fetch.tasks.v1", "crawl.raw_fetch.v1", "extract.page.v1", "quality.page_scored.v1"]
DEAD = ["dlq.fetch.v1", "dlq.extract.v1", "dlq.quality.v1", "dlq.dedup.v1"]
PATIENCE_S = 300
MOMENT_S = 0.05  # A kill comes so much after its request, at most.
START_S = 0.5  # A kill at the start comes so much after it, at most.


class Site:
    """The web site, and what was asked of it."""

    def __init__(self, weir, directory, log):
        self.log = log
        open(log, "w", encoding="utf-8").close()
        self.process = subprocess.Popen([weir, "serve-site", directory, "--log", log],
                                        stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()
        self.host = self.url.split("/")[2]

    def requests(self):
        with open(self.log, encoding="utf-8") as file:
            return [line.split(" ", 2)[2].rstrip("\n") for line in file]

    def request_count(self):
        with open(self.log, "rb") as file:
            return file.read().count(b"\n")

    def close(self):
        self.process.terminate()
        self.process.wait()


class Crawl:
    """A data directory and the process that works in it."""

    def __init__(self, weir, work, name, site, arguments):
        self.weir = weir
        self.site = site
        self.data = os.path.join(work, name)
        self.output = open(os.path.join(work, name + ".log"), "ab")
        seeds = os.path.join(work, "seeds")
        with open(seeds, "w", encoding="utf-8") as file:
            file.write(site.url + "\n")
        self.command = [weir, "run", "all", "--data", self.data, "--seeds", seeds, "--until-idle",
                        "--crawl-delay", "0", "--allow-private", site.host, "--quiet", *arguments]
        self.environment = dict(os.environ)
        self.process = None

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=self.output, stderr=self.output,
                                        env=self.environment)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def is_over(self):
        return self.process.poll() is not None

    def finish(self):
        """Waits for the end, which has to be a good one."""
        try:
            code = self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            return [f"not at its end after {PATIENCE_S} s: {' '.join(self.command)}"]
        return [] if code == 0 else [f"exit code {code}: {' '.join(self.command)}"]

    def records(self, topics, data=None):
        out = subprocess.run([self.weir, "topics", "read", *topics, "--data", data or self.data],
                             stdout=subprocess.PIPE, check=True, env=self.environment).stdout
        return [json.loads(line) for line in out.splitlines()]

    def committed_paths(self, work):
        """Paths whose fetch is committed, from a copy: reading repairs what a kill left."""
        copy = os.path.join(work, "copy")
        shutil.rmtree(copy, ignore_errors=True)
        for part in ("broker", "schemas"):
            if os.path.isdir(os.path.join(self.data, part)):
                shutil.copytree(os.path.join(self.data, part), os.path.join(copy, part))
        topics = subprocess.run([self.weir, "topics", "list", "--data", copy], text=True,
                                stdout=subprocess.PIPE, check=True).stdout
        if "crawl.raw_fetch.v1 " not in topics:
            return set()
        fetched = self.records(["crawl.raw_fetch.v1"], copy)
        return {"/" + record["value"]["url"].split("/", 3)[3] for record in fetched}


def masked(row):
    return {name: value for name, value in row.items() if not MASKED.fullmatch(name)}


def replay(crawl, topic):
    rows = {}
    for record in crawl.records([topic]):
        if record["value"] is None:
            rows.pop(record["key"], None)
        else:
            rows[record["key"]] = masked(record["value"])
    return rows


def difference(topic, expected, found):
    """Sentences on how two tables differ, the first few of them in full."""
    said = []
    for key in sorted(expected.keys() | found.keys()):
        if key not in found:
            said.append(f"{topic}: {key} is missing: {expected[key].get('url')}")
        elif key not in expected:
            said.append(f"{topic}: {key} is too much: {found[key].get('url')}")
        elif expected[key] != found[key]:
            fields = [f"{name} is {found[key].get(name)!r}, not {value!r}"
                      for name, value in expected[key].items() if found[key].get(name) != value]
            said.append(f"{topic}: {key} {expected[key].get('url')}: " + "; ".join(fields))
    return said


def check_tables(expected, found):
    wrong = []
    for topic in TABLES:
        wrong += difference(topic, replay(expected, topic), replay(found, topic))
    return wrong


def check_events(expected, found):
    wrong = []
    for topic in ONCE:
        urls = collections.Counter(r["value"]["url"] for r in found.records([topic]))
        wanted = {r["value"]["url"] for r in expected.records([topic])}
        wrong += [f"{topic}: {url} {n} times" for url, n in sorted(urls.items()) if n != 1]
        wrong += [f"{topic}: {url} is lost" for url in sorted(wanted - urls.keys())]
        wrong += [f"{topic}: {url} is too much" for url in sorted(urls.keys() - wanted)]
    for record in found.records(DEAD):
        wrong.append(f"{record['topic']}: {record['key']}: {record['headers']}")
    return wrong


def check_requests(site, first, kills):
    """kills: how many requests the site had seen at each, and which paths were committed then."""
    wrong = []
    requests = site.requests()
    for number, (count, committed) in enumerate(kills):
        again = committed & set(requests[max(count, first):])
        wrong += [f"kill {number}: {path} was committed, yet asked for" for path in sorted(again)]
    return wrong


def plan_kills(source, kills, first, total):
    """Moments, in requests since the beginning of the log; None: while the process starts."""
    moments = sorted(source.sample(range(1, max(total, kills + 1)), kills))
    plan = []
    for number, moment in enumerate(moments):
        plan.append(first + moment)
        if number % 4 == 2:
            plan.append(None)
    return plan


def wait_for_moment(source, crawl, moment):
    """Waits for the time of a kill; False where the process ends before."""
    if moment is None:
        time.sleep(source.uniform(0, START_S))
        return not crawl.is_over()
    while crawl.site.request_count() < moment:
        if crawl.is_over():
            return False
        time.sleep(0.002)
    time.sleep(source.uniform(0, MOMENT_S))
    return not crawl.is_over()


def disturb(source, crawl, plan, work):
    """Crawls with kills; what check_requests wants to know of them."""
    kills = []
    crawl.start()
    for moment in plan:
        if not wait_for_moment(source, crawl, moment):
            break
        crawl.kill()
        kills.append((crawl.site.request_count(), crawl.committed_paths(work)))
        crawl.start()
    return kills


def run(options, work):
    source = random.Random(options.seed)
    directory = options.site
    if directory is None:
        directory = os.path.join(work, "site")
        made_site.make(directory, options.seed, options.pages)
    site = Site(options.weir, directory, os.path.join(work, "requests"))
    try:
        calm = Crawl(options.weir, work, "calm", site, options.arguments)
        calm.start()
        wrong = calm.finish()
        total = site.request_count()
        crawl = Crawl(options.weir, work, "killed", site, options.arguments)
        kills = disturb(source, crawl, plan_kills(source, options.kills, total, total), work)
        wrong += crawl.finish()
        asked = site.request_count() - total
        if not wrong:
            wrong += check_tables(calm, crawl) + check_events(calm, crawl)
            wrong += check_requests(site, total, kills)
        if len(kills) < options.kills:
            wrong.append(f"only {len(kills)} kills of {options.kills} came before the end")
        print(f"{total} requests undisturbed, {asked} with {len(kills)} kills")
        return wrong
    finally:
        site.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("weir")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--pages", type=int, default=120)
    parser.add_argument("--site", help="a directory of HTML files, instead of a made site")
    parser.epilog = "What follows -- is told to weir run."
    own = sys.argv[1:sys.argv.index("--")] if "--" in sys.argv else sys.argv[1:]
    options = parser.parse_args(own)
    options.arguments = sys.argv[len(own) + 2:]
    return verdict.tell(run, options, "crash", lambda: "nothing lost, nothing twice")


if __name__ == "__main__":
    sys.exit(main())
