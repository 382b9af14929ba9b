# SPDX-License-Identifier: Apache-2.0
"""verdict.py - how a randomised test of processes ends: what it says, and what it leaves behind."""

import shutil
import tempfile


def tell(test, options, name, when_right):
    """Runs test(options, directory), which answers sentences that say what is wrong. The directory
    stays where something is; else when_right() is said. The exit code."""
    print(f"seed {options.seed}", flush=True)
    work = tempfile.mkdtemp(prefix=f"weir-{name}-")
    wrong = test(options, work)
    for sentence in wrong[:20]:
        print(sentence[:2000])
    if wrong:
        print(f"{len(wrong)} differences with --seed {options.seed}; everything is in {work}")
        return 1
    shutil.rmtree(work)
    print(when_right())
    return 0
