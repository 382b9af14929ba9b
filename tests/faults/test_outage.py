#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_outage.py - the broker is gone for a while: no crash, bounded memory, and work goes on.

One broker, two processes that count. In the middle of the input the broker is killed; the proxies
refuse connections meanwhile. The processes stay, say that no broker answers, hardly work, and hold
no more than RESIDENT_MORE_MB more than before. When it is back they go on by themselves, exactly.
The outage lasts 20 s, or --seconds, or WEIR_OUTAGE_SECONDS: by 20 s all that grows or ends with
time has begun to (sessions, transactions, back-off), and two minutes are for runs by hand.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time

import fault_run
import test_faults

RESIDENT_MORE_MB = 60
IDLE_CPU = 0.5  # Of a core, by a process without a broker.
READY_S = 30


def cpu_seconds(counter):
    """What the process has used until now."""
    with open(f"/proc/{counter.process.pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wait_for_broker(run, counter, is_ok):
    until = time.monotonic() + READY_S
    while time.monotonic() < until:
        answer = counter.ask("broker")
        if answer is not None and (answer == "ok") == is_ok:
            run.log(f"{counter.name} says: {answer}")
            return
        time.sleep(0.2)
    raise fault_run.Failed(f"{counter.name} says of its broker: {answer}")


def check_outage(run, counters, seconds):
    """No more memory than allowed, and no spinning, while the broker is away."""
    before = {counter.name: (counter.resident_mb(), cpu_seconds(counter)) for counter in counters}
    began = time.monotonic()
    while time.monotonic() < began + seconds:
        time.sleep(min(5, seconds))
        for counter in counters:
            counter.follow()
            if not counter.is_alive():
                raise fault_run.Failed(f"{counter.name} has ended, see {counter.log_path}")
            grown = counter.resident_mb() - before[counter.name][0]
            if grown > RESIDENT_MORE_MB:
                raise fault_run.Failed(f"{counter.name} has grown by {grown:.0f} MB")
    for counter in counters:
        used = (cpu_seconds(counter) - before[counter.name][1]) / (time.monotonic() - began)
        run.log(f"{counter.name}: {counter.state}, {before[counter.name][0]:.0f} then "
                f"{counter.resident_mb():.0f} MB resident, {used:.2f} of a core")
        if used > IDLE_CPU:
            raise fault_run.Failed(f"{counter.name} spins: {used:.2f} of a core")
        wait_for_broker(run, counter, False)


def run_outage(run, counters, options):
    with fault_run.Feeder(run, options.records, options.keys, 10) as feeder:
        time.sleep(6)
        run.cluster.tell("kill", 1)
        run.cluster.proxies.refuse(0, True)
        run.log(f"the broker is gone for {options.seconds} s")
        check_outage(run, counters, options.seconds)
        run.cluster.proxies.refuse(0, False)
        run.cluster.tell("start", 1)
        run.log("the broker is back")
        for counter in counters:
            wait_for_broker(run, counter, True)
        while not feeder.is_done():
            time.sleep(0.1)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build")
    parser.add_argument("--seconds", type=float,
                        default=float(os.environ.get("WEIR_OUTAGE_SECONDS", "20")))
    parser.add_argument("--records", type=int, default=200000)
    parser.add_argument("--keys", type=int, default=5000)
    parser.add_argument("--guarantee", default="exactly_once_v2")
    options = parser.parse_args()
    options.threads = 2
    options.set = []
    work = tempfile.mkdtemp(prefix="outage-")
    run = fault_run.Run(options.build, work, 1, test_faults.settings_of(options))
    run.cluster = fault_run.Cluster(options.build, 1)
    counters = [fault_run.Counter(run, name) for name in ("a", "b")]
    try:
        run.records("topics", test_faults.PARTITIONS, 1)
        for counter in counters:
            counter.start()
        run_outage(run, counters, options)
        test_faults.wait_until_read(run, counters)
        test_faults.judge(run, counters, options)
        run.log("right")
    except fault_run.Failed as failure:
        print(f"FAILED: {failure}\nlogs: {work}", flush=True)
        return 1
    finally:
        for counter in counters:
            if counter.is_alive():
                counter.kill()
        run.cluster.close()
    shutil.rmtree(work)
    return 0


if __name__ == "__main__":
    sys.exit(main())
