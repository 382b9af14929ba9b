# SPDX-License-Identifier: Apache-2.0
"""verdict.py - how a randomised test of processes ends: what it says, and what it leaves behind."""

import pathlib
import shutil
import tempfile
import traceback

SAID_LAST = 3000  # Bytes of a log that are shown where a test fails.


def show_logs(work):
    """What each process said last: where the directory is lost, nothing else tells the cause."""
    for log in sorted(pathlib.Path(work).rglob("*.log")):
        if not log.is_file() or log.stem.isdigit():  # RocksDB numbers its own.
            continue
        said = log.read_bytes()[-SAID_LAST:].decode(errors="replace").strip()
        if said:
            print(f"--- {log.relative_to(work)} ends with\n{said}")


def tell(test, options, name, when_right):
    """Runs test(options, directory), which answers sentences that say what is wrong. The directory
    stays where something is, and the ends of its logs are shown; else when_right() is said. The
    exit code."""
    print(f"seed {options.seed}", flush=True)
    work = tempfile.mkdtemp(prefix=f"weir-{name}-")
    try:
        wrong = test(options, work)
    except Exception:  # pylint: disable=broad-exception-caught
        wrong = [traceback.format_exc()]
    for sentence in wrong[:20]:
        print(sentence[:2000])
    if wrong:
        show_logs(work)
        print(f"{len(wrong)} differences with --seed {options.seed}; everything is in {work}")
        return 1
    shutil.rmtree(work)
    print(when_right())
    return 0
