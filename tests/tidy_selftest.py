# SPDX-License-Identifier: Apache-2.0
"""tidy_selftest.py - a clean tree has no violation; each planted one is found."""
import tidy

HEADER = """/* SPDX-License-Identifier: Apache-2.0
 *
 * thing.h - a thing.
 *
 * Threads    Any.
 */
#ifndef WEIR_STREAMS_THING_H
#define WEIR_STREAMS_THING_H

#include <stddef.h>

/* Does it: "time(" and goto in a comment are words. */
int weir_thing_do(size_t count);

#endif
"""

SOURCE = """/* SPDX-License-Identifier: Apache-2.0
 *
 * thing.c - how.
 *
 *   a picture ----> with arrows
 */
#include "streams/thing.h"

#include <stdlib.h>

static const int table[] = {1, 2, 3};

static int add(int a, int b)
{
    return a + b;
}

int weir_thing_do(size_t count)
{
    int sum = 0;
    for (size_t i = 0; i < count; i++) {
        if (table[i % 3] > 1) {
            sum = add(sum, (int[]){1, 2}[0]);
        }
    }
    return sum + (int)sizeof "malloc(1); goto";
}
"""

CLEAN = {
    "README.md": "weir\n", "CMakeLists.txt": f"# {tidy.SPDX}\n",
    "streams/README.md": "s\n", "streams/thing.h": HEADER, "streams/thing.c": SOURCE,
    "tests/README.md": "t\n",
    "tests/unit/test_thing.c": f"/* {tidy.SPDX}\n *\n * T.\n */\nTEST(it_does)\n{{\n}}\n",
}
CLEAN_HEAD = ("streams/thing: do it", ["streams/thing.c"])


def with_body(body, before=""):
    """SOURCE with a function f of that body."""
    return {"streams/thing.c": SOURCE + f"{before}\nstatic void f(void)\n{{\n{body}\n}}\n"}


def with_line(line):
    return {"streams/thing.c": SOURCE.replace("static const int", line + "\nstatic const int")}


NESTED = "if (1) {\nwhile (1) {\nfor (;;) {\ndo {\n} while (0);\n}\n}\n}"

# (rule, part of the message, files that are added or replaced)
PLANTED = [
    ("banned_calls", "malloc() is banned", with_body("    malloc(1);")),
    ("banned_calls", "time() is banned", with_body("    time(NULL);")),
    ("banned_calls", "sleep() is banned", {"tests/unit/test_thing.c":
                                           f"/* {tidy.SPDX}\n */\nTEST(x)\n{{\nsleep(1);\n}}\n"}),
    ("banned_calls", "getenv() is banned", with_body('    getenv("X");')),
    ("banned_calls", "printf() is banned", with_body('    printf("x");')),
    ("banned_calls", "strtok() is banned", with_body('    strtok(a, b);')),
    ("banned_words", "goto", with_body("    goto end;")),
    ("banned_words", "volatile", with_line("static volatile int x;")),
    ("threads_meet_only_where_allowed", "atomic_int", with_line("static atomic_int x;")),
    ("threads_meet_only_where_allowed", "pthread_mutex_t", with_line("static pthread_mutex_t m;")),
    ("function_limits", "f has 73 lines", with_body("\n".join(["    f();"] * 70))),
    ("function_limits", "has 6 parameters", with_line(
        "void weir_f(int a, int b, int c, int d, int e, void (*g)(int, int), weir_error *err)\n"
        "{\n}\n")),
    ("function_limits", "nests 4 deep", with_body(NESTED)),
    ("size_limits", "801 lines, at most 800", {
        "streams/thing.c": SOURCE + "\n" * (801 - SOURCE.count("\n"))}),
    ("size_limits", "151 lines, at most 150", {
        "streams/thing.h": HEADER + "\n" * (151 - HEADER.count("\n"))}),
    ("size_limits", "101 columns", with_line("/* " + "x" * 95 + " */")),
    ("names", "the name says nothing", {
        "streams/string_util.c": SOURCE.replace("thing.c", "string_util.c")}),
    ("names", "thing_t: _t belongs", with_line("typedef struct thing thing_t;")),
    ("names", "without should", {"tests/unit/test_thing.c":
                                 f"/* {tidy.SPDX}\n */\nTEST(it_should_do)\n{{\n}}\n"}),
    ("names", "weir_f is static", with_line("static void weir_f(void)\n{\n}")),
    ("names", "g needs static", with_line("void g(void)\n{\n}")),
    ("public_prototypes_are_documented", "weir_thing_undo", {
        "streams/thing.h": HEADER.replace("#endif\n", "int weir_thing_undo(void);\n\n#endif\n")}),
    ("includes", "by path from the root", with_line('#include "../x.h"')),
    ("includes", "no such file", with_line('#include "thing.h"')),
    ("includes", "internal to avro/", {
        "avro/x_internal.h": HEADER.replace("thing.h", "x_internal.h"), "avro/README.md": "a\n",
        **with_line('#include "avro/x_internal.h"')}),
    ("includes", "only avro/codec", with_line("#include <avro.h>")),
    ("includes", "and alone", {
        f"connectors/{name}.c": SOURCE.replace("thing.c -", f"{name}.c -").replace("stdlib", "zstd")
        for name in ("a", "b")} | {"connectors/README.md": "c\n"}),
    ("includes", "unknown", with_line("#include <glib.h>")),
    ("first_lines", "the first line", {"streams/thing.c": "/*\n * thing.c - x.\n */\n"}),
    ("first_lines", "stands on top", {"dev": "#!/bin/sh\n"}),
    ("first_lines", "begins with", {"streams/thing.c": SOURCE.replace("thing.c - how", "How")}),
    ("first_lines", "no Threads line", {"streams/thing.h": HEADER.replace("Threads", "Thread")}),
    ("comments", "a banner", with_line("/* ------------- */")),
    ("comments", "a banner", with_line("/* --- part ----------------- */")),
    ("comments", "unfinished work", with_line("/* TO" "DO: later */")),
    ("topic_names", "crawl.raw_fetch.v1", with_line('const char *t = "crawl.raw_fetch.v1";')),
    ("machine_paths", "one machine", with_line('static const char *p = "/home/x";')),
    ("machine_paths", "one machine", with_line('static const char *p = "/tmp/x";')),
    ("readmes", "at most 60 lines", {"streams/README.md": "x\n" * 61}),
    ("readmes", "each folder has", {"streams/base/x.c": SOURCE.replace("thing.c", "x.c")}),
    ("top_level", "does not belong", {"scripts/x": ""}),
    ("text_files", "no line feed", {"streams/thing.c": SOURCE.rstrip("\n")}),
    ("text_files", "carriage returns", with_line("\r")),
]

HEADS = [
    ("at most 60", ("streams/thing: " + "x" * 46, ["streams/thing.c"])),
    ("is not", ("wip", ["streams/thing.c"])),
    ("is not", ("streams/thing: do it.", ["streams/thing.c"])),
    ("does not touch", ("avro/codec: do it", ["streams/thing.c"])),
]


def found_in(texts, head):
    return [(rule, f"{path}:{line}: {message}")
            for rule, path, line, message in tidy.violations_of(tidy.Tree(texts, head))]


def run():
    wrong = [f"the clean tree: {found}" for found in found_in(CLEAN, CLEAN_HEAD)]
    for rule, part, changed in PLANTED:
        found = found_in({**CLEAN, **changed}, CLEAN_HEAD)
        if not any(name == rule and part in text for name, text in found):
            wrong.append(f"{rule} does not find {part!r}: {found}")
        wrong += [f"{rule} for {part!r} finds too much: {text}" for name, text in found
                  if name != rule or part not in text]
    for part, head in HEADS:
        if not any(part in text for _rule, text in found_in(CLEAN, head)):
            wrong.append(f"commit_subject does not find {part!r} in {head[0]!r}")
    untested = {rule.__name__ for rule in tidy.RULES} - {rule for rule, _, _ in PLANTED}
    wrong += [f"nothing is planted for {name}" for name in untested - {"commit_subject"}]
    print("\n".join(wrong))
    print(f"{len(PLANTED) + len(HEADS)} violations planted, {len(wrong)} surprises")
    return 1 if wrong else 0
