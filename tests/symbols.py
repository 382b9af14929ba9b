# SPDX-License-Identifier: Apache-2.0
"""symbols.py - the global names of our static libraries: each has its prefix and one definition.

A linker takes the first of two definitions from different archives without a word; which one that
is depends on the order of the link line.

  symbols.py NM LIBRARY...
"""

import re
import subprocess
import sys

DEFINED = re.compile(r"^(?P<place>.+?):\S*\s+(?P<kind>[A-Z])\s+(?P<name>\S+)$")
NO_DEFINITION = "UWV"  # Undefined, or weak, which a linker folds by intention.
CPLUSPLUS = "_Z"


def definitions(nm, libraries):
    """(name, where it is defined) of each global symbol."""
    lines = subprocess.run([nm, "-A", "--extern-only", *libraries], capture_output=True, text=True,
                           check=True).stdout.splitlines()
    for line in lines:
        found = DEFINED.match(line)
        if found and found["kind"] not in NO_DEFINITION:
            yield found["name"], found["place"]


def faults(nm, libraries):
    """Sentences about names that are wrong."""
    places = {}
    for name, place in definitions(nm, libraries):
        places.setdefault(name, []).append(place)
    if not places:
        yield "there is no global symbol at all: are the libraries built?"
    for name, where in sorted(places.items()):
        if len(where) > 1:
            yield f"{name} is defined {len(where)} times: {', '.join(where)}"
        if not name.startswith(("weir_", CPLUSPLUS, "__gcov", "__asan", "__odr_asan")):
            yield f"{name} is global and has no weir_ ({where[0]}): make it static"


def main():
    """Prints what is wrong; the exit status says whether something is."""
    found = list(faults(sys.argv[1], sys.argv[2:]))
    print("\n".join(found) or "every global name has its prefix and one definition")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
